import { buildSnapshot } from '../src/config/build.ts';
import { loadFiles } from '../src/config/files.ts';
import { kinds } from '../src/config/kinds.ts';
import { validate } from '../src/engine/validate.ts';
import type { FactCache } from '../src/lib/facts.ts';
import type { RevocationPort } from '../src/lib/revocation.ts';
import { parseReference } from '../src/oci/reference.ts';
import type { Corpus } from './corpus.ts';
import { type CountingRegistry, serveCorpus } from './registry.ts';

/** The engine in this process, without the provider around it, so that ports and the clock can be ours. */
export interface BenchEngine {
  readonly registry: CountingRegistry;
  readonly keys: readonly string[];
  /** Judges an image, and throws unless it is accepted. */
  judge(key: string, options?: { readonly namespace?: string; readonly now?: Date }): Promise<void>;
  close(): void;
}

export interface BenchEngineOptions {
  readonly corpus: Corpus;
  /** Path of the declared objects. */
  readonly config: string;
  readonly facts: FactCache;
  readonly revocation?: RevocationPort;
}

export async function openEngine({ corpus, config, facts, revocation }: BenchEngineOptions): Promise<BenchEngine> {
  const registry = await serveCorpus(corpus);
  const { resources } = await loadFiles(config);
  const { signal } = new AbortController();
  const { snapshot } = await buildSnapshot(resources, kinds, {
    facts,
    registries: { plainHttp: false, ca: () => undefined, tokenServers: () => [] },
    ownNamespace: 'gatekeeper-system',
    freshnessMs: 10_000,
    signal,
  });
  return {
    registry,
    keys: corpus.images.map((digest) => `${registry.host}/bench/app@${digest}`),
    judge: async (text, { namespace, now = new Date() } = {}) => {
      const request = { reference: parseReference(text), text, attributes: new Map(), ...(namespace === undefined ? {} : { namespace }) };
      const ports = { facts, now, signal, ...(revocation === undefined ? {} : { revocation }) };
      const { outcome, reason } = await validate(snapshot.for(namespace), request, ports);
      if (outcome !== 'accepted') throw new Error(`expected an accept, got ${reason.message}`);
    },
    close: () => registry.close(),
  };
}
