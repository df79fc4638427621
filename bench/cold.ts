import { createFactCache } from '../src/lib/cache.ts';
import type { FactCache } from '../src/lib/facts.ts';
import { makeCorpus, type Shape } from './corpus.ts';
import { openEngine } from './engine.ts';
import { type Bench, trustConfig } from './provider.ts';
import { atMost, context, type Figure } from './report.ts';
import { openSession, type Session } from './session.ts';

const NAMESPACES = 50;
const CALLERS = 1_000;
const MIB = 1024 * 1024;

function session(bench: Bench, shape: Shape, namespaces: readonly string[] = []): Promise<Session> {
  const corpus = makeCorpus(shape);
  return openSession(bench, { corpus, config: bench.write('cold.yaml', trustConfig({ rootPem: corpus.root.pem, namespaces })) });
}

/** Registry requests of cold verifications: exact counts. */
export async function coldCounts(bench: Bench): Promise<Figure[]> {
  const one = async (id: string, what: string, shape: Omit<Shape, 'images'>): Promise<Figure> => {
    const { ask, keys, registry, close } = await session(bench, { ...shape, images: 1 });
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
  const config = bench.write('checks.yaml', trustConfig({ rootPem: corpus.root.pem, namespaces }));
  const { judge, keys, close } = await openEngine({ corpus, config, facts: counting });
  await Promise.all(namespaces.map((namespace) => judge(keys[0] ?? '', { namespace })));
  close();
  return checks;
}

/** One image asked for from many namespaces with a Verifier each, and by many callers at once. */
export async function shared(bench: Bench): Promise<Figure[]> {
  const namespaces = Array.from({ length: NAMESPACES }, (_, index) => `team-${index}`);
  const tenants = await session(bench, { images: 1, signatures: 1, others: 0 }, namespaces);
  await tenants.ask(namespaces.map((namespace) => `[${namespace}]${tenants.keys[0]}`));
  await tenants.close();
  const burst = await session(bench, { images: 1, signatures: 1, others: 0 });
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
  const { cpuOfEach, close } = await session(bench, { images: images + warmUp, signatures: 1, others: 0 });
  const each = await cpuOfEach(warmUp);
  await close();
  return [
    atMost('C10', 'cold, chain seen: CPU over that of one RSA-PSS-2048 check', each / signatureCheckMicroseconds, 16, 'x'),
    context('C10', 'cold, chain seen: CPU', each, 'us'),
    context('C10', 'one RSA-PSS-2048 check: CPU', signatureCheckMicroseconds, 'us'),
  ];
}

/** Time from the start of the process to ready, and memory at rest and after many distinct images. */
export async function startAndMemory(bench: Bench, images: number): Promise<Figure[]> {
  const { askAll, keys, serve, close } = await session(bench, { images, signatures: 1, others: 0 });
  const atStart = serve.residentBytes();
  await askAll(keys);
  const afterwards = serve.residentBytes();
  await close();
  return [
    atMost('S1', 'start to ready', serve.readyMs / 1000, 1, 's'),
    atMost('G1', 'resident memory after the start', atStart / MIB, 150, 'MiB'),
    atMost('G1', `resident memory after ${images} distinct images`, afterwards / MIB, 260, 'MiB'),
  ];
}
