import { Agent } from 'node:https';
import type { Corpus } from './corpus.ts';
import { post } from './load.ts';
import type { Measured } from './processes.ts';
import { type Bench, startServe } from './provider.ts';
import { type CountingRegistry, serveCorpus } from './registry.ts';

const VERIFY = '/ratify/gatekeeper/v1/verify';
const KEYS_A_REQUEST = 10;

/** A provider that is running, and the registry that it asks. */
export interface Session {
  readonly serve: Measured;
  readonly registry: CountingRegistry;
  /** Of each image, by digest. */
  readonly keys: readonly string[];
  /** Asks, and throws unless every key was accepted. */
  ask(keys: readonly string[]): Promise<void>;
  /** The same, ten keys a request, one request after another. */
  askAll(keys: readonly string[]): Promise<void>;
  /** CPU microseconds of the provider for each image, all asked for once, the first `warmUp` of them left out. */
  cpuOfEach(warmUp: number): Promise<number>;
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly corpus: Corpus;
  /** Path of the declared objects. */
  readonly config: string;
  /** Path of the settings. Default: none. */
  readonly settings?: string;
}

export async function openSession(bench: Bench, { corpus, config, settings }: SessionOptions): Promise<Session> {
  const registry = await serveCorpus(corpus);
  const serve = await startServe(bench, config, settings === undefined ? [] : ['--settings', settings]);
  const keys = corpus.images.map((digest) => `${registry.host}/bench/app@${digest}`);
  const agent = new Agent({ keepAlive: true, ca: bench.tls.ca, cert: bench.tls.cert, key: bench.tls.key });

  const ask = async (some: readonly string[]): Promise<void> => {
    const body = JSON.stringify({ apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'ProviderRequest', request: { keys: some } });
    const answer = await post(`https://${serve.address}${VERIFY}`, body, agent);
    const accepted = answer.split('"isSuccess":true,"traceID"').length - 1;
    if (accepted !== some.length) throw new Error(`expected ${some.length} accepted keys, got ${accepted}: ${answer.slice(0, 800)}`);
  };
  const askAll = async (some: readonly string[]): Promise<void> => {
    for (let at = 0; at < some.length; at += KEYS_A_REQUEST) await ask(some.slice(at, at + KEYS_A_REQUEST));
  };
  return {
    serve,
    registry,
    keys,
    ask,
    askAll,
    cpuOfEach: async (warmUp) => {
      await askAll(keys.slice(0, warmUp));
      const before = serve.cpuMicroseconds();
      await askAll(keys.slice(warmUp));
      return (serve.cpuMicroseconds() - before) / (keys.length - warmUp);
    },
    close: async () => {
      agent.destroy();
      await serve.stop();
      registry.close();
    },
  };
}
