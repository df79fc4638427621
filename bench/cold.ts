import { Agent } from 'node:https';
import { buildSnapshot } from '../src/config/build.ts';
import { loadFiles } from '../src/config/files.ts';
import { kinds } from '../src/config/kinds.ts';
import { validate } from '../src/engine/validate.ts';
import { createFactCache } from '../src/lib/cache.ts';
import type { FactCache } from '../src/lib/facts.ts';
import { parseReference } from '../src/oci/reference.ts';
import { makeCorpus, type Shape } from './corpus.ts';
import { post } from './load.ts';
import type { Measured } from './processes.ts';
import { type Bench, startServe, trustConfig } from './provider.ts';
import { type CountingRegistry, serveCorpus } from './registry.ts';
import { atMost, context, type Figure } from './report.ts';

const VERIFY = '/ratify/gatekeeper/v1/verify';
const KEYS_A_REQUEST = 10;
const NAMESPACES = 50;
const CALLERS = 1_000;
const MIB = 1024 * 1024;

interface Session {
  readonly serve: Measured;
  readonly registry: CountingRegistry;
  readonly keys: readonly string[];
  /** Asks, and throws unless every key was accepted. */
  ask(keys: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

async function session(bench: Bench, shape: Shape, policy: 'any' | 'all', namespaces: readonly string[] = []): Promise<Session> {
  const corpus = makeCorpus(shape);
  const registry = await serveCorpus(corpus);
  const serve = await startServe(bench, bench.write('cold.yaml', trustConfig(corpus.rootPem, policy, namespaces)));
  const agent = new Agent({ keepAlive: true, ca: bench.tls.ca, cert: bench.tls.cert, key: bench.tls.key });
  const ask = async (keys: readonly string[]): Promise<void> => {
    const body = JSON.stringify({ apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'ProviderRequest', request: { keys } });
    const answer = await post(`https://${serve.address}${VERIFY}`, body, agent);
    const accepted = answer.split('"isSuccess":true,"traceID"').length - 1;
    if (accepted !== keys.length) throw new Error(`expected ${keys.length} accepted keys, got ${accepted}: ${answer.slice(0, 800)}`);
  };
  const close = async (): Promise<void> => {
    agent.destroy();
    await serve.stop();
    registry.close();
  };
  return { serve, registry, keys: corpus.images.map((digest) => `${registry.host}/bench/app@${digest}`), ask, close };
}

/** Registry requests of cold verifications: exact counts. */
export async function coldCounts(bench: Bench): Promise<Figure[]> {
  const one = async (id: string, what: string, shape: Omit<Shape, 'images'>): Promise<Figure> => {
    const { ask, keys, registry, close } = await session(bench, { ...shape, images: 1 }, 'any');
    await ask(keys);
    await close();
    return atMost(id, `cold, ${what}: registry requests`, registry.takeCount(), 4, 'requests');
  };
  return [
    await one('C1', '1 signature, digest key', { signatures: 1, others: 0 }),
    await one('C5', '5 signatures, policy any', { signatures: 5, others: 0 }),
    await one('C7', '5 signatures behind 45 other artifacts, policy any', { signatures: 5, others: 45 }),
  ];
}

/** Envelopes whose signature was checked while one image was judged in many namespaces, each with a Verifier of its own. */
async function signatureChecks(bench: Bench, namespaces: readonly string[]): Promise<number> {
  const corpus = makeCorpus({ images: 1, signatures: 1, others: 0 });
  const registry = await serveCorpus(corpus);
  let checks = 0;
  const facts = createFactCache({ maxBytes: 64 * MIB });
  const counting: FactCache = {
    // Reading an envelope is checking its signature once; every other caller gets the fact.
    remember: (kind, key, signal, load) =>
      facts.remember(kind, key, signal, (own) => {
        if (kind === 'notation.envelope') checks += 1;
        return load(own);
      }),
  };
  const { resources } = await loadFiles(bench.write('checks.yaml', trustConfig(corpus.rootPem, 'any', namespaces)));
  const registries = { plainHttp: false, ca: () => undefined, tokenServers: () => [] };
  const { signal } = new AbortController();
  const { snapshot } = await buildSnapshot(resources, kinds, {
    facts: counting,
    registries,
    ownNamespace: 'gatekeeper-system',
    freshnessMs: 10_000,
    signal,
  });
  const text = `${registry.host}/bench/app@${corpus.images[0]}`;
  const verdicts = await Promise.all(
    namespaces.map((namespace) =>
      validate(
        snapshot.for(namespace),
        { reference: parseReference(text), text, namespace, attributes: new Map() },
        { facts: counting, now: new Date(), signal },
      ),
    ),
  );
  registry.close();
  const wrong = verdicts.find(({ outcome }) => outcome !== 'accepted');
  if (wrong !== undefined) throw new Error(`expected every namespace to accept, got ${wrong.reason.message}`);
  return checks;
}

/** One image asked for from many namespaces with a Verifier each, and by many callers at once. */
export async function shared(bench: Bench): Promise<Figure[]> {
  const namespaces = Array.from({ length: NAMESPACES }, (_, index) => `team-${index}`);
  const tenants = await session(bench, { images: 1, signatures: 1, others: 0 }, 'any', namespaces);
  await tenants.ask(namespaces.map((namespace) => `[${namespace}]${tenants.keys[0]}`));
  await tenants.close();
  const burst = await session(bench, { images: 1, signatures: 1, others: 0 }, 'any');
  await Promise.all(Array.from({ length: CALLERS }, () => burst.ask(burst.keys)));
  await burst.close();
  return [
    atMost('N1', `1 image, ${NAMESPACES} namespaces with a Verifier each: registry requests`, tenants.registry.takeCount(), 4, 'requests'),
    atMost(
      'N1',
      `1 image, ${NAMESPACES} namespaces with a Verifier each: signature checks`,
      await signatureChecks(bench, namespaces),
      1,
      'checks',
    ),
    atMost('B1', `1 cold image, ${CALLERS} requests at once: registry requests`, burst.registry.takeCount(), 4, 'requests'),
  ];
}

export interface ColdOptions {
  readonly images: number;
  readonly signatureCheckMicroseconds: number;
}

/** CPU of the whole provider for a cold verification, registry I/O included, of a chain that it has seen. */
export async function coldCpu(bench: Bench, { images, signatureCheckMicroseconds }: ColdOptions): Promise<Figure[]> {
  const warmUp = Math.ceil(images / 5);
  const { ask, keys, serve, close } = await session(bench, { images: images + warmUp, signatures: 1, others: 0 }, 'any');
  const askAll = async (some: readonly string[]): Promise<void> => {
    for (let at = 0; at < some.length; at += KEYS_A_REQUEST) await ask(some.slice(at, at + KEYS_A_REQUEST));
  };
  await askAll(keys.slice(0, warmUp));
  const before = serve.cpuMicroseconds();
  await askAll(keys.slice(warmUp));
  const each = (serve.cpuMicroseconds() - before) / images;
  await close();
  return [
    atMost('C10', 'cold, chain seen: CPU over that of one RSA-PSS-2048 check', each / signatureCheckMicroseconds, 16, 'x'),
    context('C10', 'cold, chain seen: CPU', each, 'us'),
    context('C10', 'one RSA-PSS-2048 check: CPU', signatureCheckMicroseconds, 'us'),
  ];
}

/** Time from the start of the process to ready, and memory at rest and after many distinct images. */
export async function startAndMemory(bench: Bench, images: number): Promise<Figure[]> {
  const { ask, keys, serve, close } = await session(bench, { images, signatures: 1, others: 0 }, 'any');
  const atStart = serve.residentBytes();
  for (let at = 0; at < keys.length; at += KEYS_A_REQUEST) await ask(keys.slice(at, at + KEYS_A_REQUEST));
  const afterwards = serve.residentBytes();
  await close();
  return [
    atMost('S1', 'start to ready', serve.readyMs / 1000, 1, 's'),
    atMost('G1', 'resident memory after the start', atStart / MIB, 150, 'MiB'),
    atMost('G1', `resident memory after ${images} distinct images`, afterwards / MIB, 260, 'MiB'),
  ];
}
