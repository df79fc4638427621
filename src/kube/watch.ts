import type { Loaded } from '../config/files.ts';
import { OBJECT_KINDS } from '../config/schema/kinds.ts';
import type { Logger } from '../lib/log.ts';
import type { KubeClient } from './client.ts';
import type { Entry } from './objects.ts';
import { Reflector, type ReflectorState, type ReflectorTimes, TIMES } from './reflector.ts';

export interface ClusterWatchOptions {
  readonly client: KubeClient;
  /** Namespace of bare CertificateStore names. */
  readonly ownNamespace: string;
  readonly log: Logger;
  /** What is declared has changed; never called before every kind was listed once. */
  readonly onChange: () => void;
  readonly times?: Partial<ReflectorTimes>;
  /** Default: the machine's. */
  readonly monotonic?: () => number;
  readonly random?: () => number;
}

export interface KindHealth extends ReflectorState {
  readonly kind: string;
  readonly objects: number;
  /** Lists and watches that failed so far. */
  readonly failures: number;
}

/** Everything that the cluster declares, kept up to date. */
export interface ClusterWatch {
  /** Whether every kind was listed once. */
  isSynced(): boolean;
  /** What is declared now. */
  loaded(): Loaded;
  /** The objects of a kind as the API server last had them. */
  entries(kind: string): ReadonlyMap<string, Entry>;
  health(): readonly KindHealth[];
  close(): Promise<void>;
}

/** Lists and watches every kind at once. */
export function watchCluster(options: ClusterWatchOptions): ClusterWatch {
  const stop = new AbortController();
  const failures = new Map<string, number>();
  const isSynced = (): boolean => reflectors.every((reflector) => reflector.state().synced);
  const reflectors: readonly Reflector[] = OBJECT_KINDS.map(
    (kind) =>
      new Reflector({
        kind,
        client: options.client,
        ownNamespace: options.ownNamespace,
        times: { ...TIMES, ...options.times },
        monotonic: options.monotonic ?? (() => performance.now()),
        random: options.random ?? Math.random,
        onChange: () => {
          if (isSynced()) options.onChange();
        },
        onFailure: (error) => {
          if (error === undefined) {
            options.log.info({ kind: kind.kind }, 'the cluster answers again');
            return;
          }
          failures.set(kind.kind, (failures.get(kind.kind) ?? 0) + 1);
          const fields = { kind: kind.kind, code: error.code, reason: error.message };
          options.log.warn(fields, 'the cluster cannot be read; what is known stays in force');
        },
      }),
  );
  const byKind = new Map(reflectors.map((reflector) => [reflector.kind.kind, reflector]));
  const running = Promise.all(reflectors.map((reflector) => reflector.run(stop.signal)));
  return {
    isSynced,
    loaded: () => loadedFrom(reflectors),
    entries: (kind) => byKind.get(kind)?.entries() ?? new Map(),
    health: () =>
      reflectors.map((reflector) => ({
        ...reflector.state(),
        kind: reflector.kind.kind,
        objects: reflector.entries().size,
        failures: failures.get(reflector.kind.kind) ?? 0,
      })),
    close: async () => {
      stop.abort();
      await running;
    },
  };
}

/** By kind and name: what the engine sees does not depend on the order in which events came. */
function loadedFrom(reflectors: readonly Reflector[]): Loaded {
  const entries = reflectors.flatMap((reflector) =>
    [...reflector.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry),
  );
  return {
    resources: { declared: entries.flatMap(({ declared }) => declared ?? []), brokenFiles: new Set() },
    diagnostics: entries.flatMap(({ diagnostics }) => diagnostics),
  };
}
