import { hostname } from 'node:os';
import type { ObjectState } from '../config/engines.ts';
import type { Loaded } from '../config/files.ts';
import type { KeyState } from '../config/key-sources.ts';
import type { ClusterReader } from '../engine/types.ts';
import type { Logger } from '../lib/log.ts';
import { createKubeClient } from './client.ts';
import type { Surroundings } from './connection.ts';
import { createEventWriter, type EventWriter } from './events.ts';
import type { ReflectorTimes } from './reflector.ts';
import { createClusterReader } from './secrets.ts';
import { keepServingCertificate, type ServingCertificate, type ServingCertificateOptions } from './serving-certificate.ts';
import { createStatusWriter, type StatusTimes, type StatusWriter } from './status-writer.ts';
import { type ClusterWatch, type KindHealth, watchCluster } from './watch.ts';

export interface ClusterOptions {
  /** Namespace of bare CertificateStore names. */
  readonly ownNamespace: string;
  /** How long the cluster may be silent before it is a reason not to be ready; undefined: for ever. */
  readonly unreadyAfterMs: number | undefined;
  readonly log: Logger;
  readonly surroundings?: Surroundings;
  readonly times?: Partial<ReflectorTimes & StatusTimes & { readonly eventsMs: number }>;
}

/** The custom resources of a cluster: read, followed, and told what became of them. */
export interface Cluster {
  /** Reads Secrets and service accounts. */
  readonly reader: ClusterReader;
  /** Begins to watch; `onChange` is called when what is declared has changed, first when every kind was listed. */
  start(onChange: () => void, keys: (source: string) => KeyState | undefined): void;
  /** Keeps a serving certificate in our own namespace, until `close`. @throws {KubeError} if there is none in time. */
  serving(options: Omit<ServingCertificateOptions, 'client' | 'namespace' | 'log'>): Promise<ServingCertificate>;
  isSynced(): boolean;
  loaded(): Loaded;
  update(states: readonly ObjectState[]): void;
  fetched(source: string): void;
  /** Writes an event about an admission, as far as the cluster takes it. */
  readonly tell: EventWriter['tell'];
  /** Why no request should be sent here; empty when there is nothing. */
  notReady(): readonly string[];
  health(): readonly ClusterHealth[];
  close(): Promise<void>;
}

export interface ClusterHealth {
  readonly kind: string;
  readonly objects: number;
  readonly failures: number;
  /** Seconds since the API server last said anything of the kind; undefined: never. */
  readonly silenceSeconds: number | undefined;
}

/**
 * Opens the cluster that this process runs in, or that its kubeconfig names; nothing is asked of it yet.
 *
 * @throws {KubeConfigError} if it cannot be told how the cluster is reached.
 */
export function openCluster(options: ClusterOptions): Cluster {
  const client = createKubeClient(options.surroundings);
  let watch: ClusterWatch | undefined;
  let writer: StatusWriter | undefined;
  let certificate: ServingCertificate | undefined;
  const { log, times } = options;
  const every = times?.eventsMs === undefined ? {} : { everyMs: times.eventsMs };
  const events = createEventWriter({ client, instance: hostname(), log, ...every });
  const health = () => watch?.health() ?? [];
  return {
    reader: createClusterReader(client),
    start: (onChange, keys) => {
      watch = watchCluster({ ...options, client, onChange });
      writer = createStatusWriter({ ...options, client, watch, keys });
    },
    serving: async (wanted) => {
      certificate = await keepServingCertificate({ ...wanted, client, namespace: options.ownNamespace, log: options.log });
      return certificate;
    },
    isSynced: () => watch?.isSynced() ?? false,
    loaded: () => watch?.loaded() ?? { resources: { declared: [], brokenFiles: new Set() }, diagnostics: [] },
    update: (states) => writer?.update(states),
    fetched: (source) => writer?.fetched(source),
    tell: events.tell,
    notReady: () => health().flatMap((kind) => whyNot(kind, options.unreadyAfterMs)),
    health: () =>
      health().map(({ kind, objects, failures, heardAt }) => ({ kind, objects, failures, silenceSeconds: secondsSince(heardAt) })),
    close: async () => {
      await events.close();
      await certificate?.close();
      await writer?.close();
      await watch?.close();
      await client.close();
    },
  };
}

function whyNot({ kind, synced, heardAt, failure }: KindHealth, unreadyAfterMs: number | undefined): readonly string[] {
  const why = failure === undefined ? '' : `: ${failure.message}`;
  if (!synced) return [`${kind} is not listed yet${why}`];
  const silence = secondsSince(heardAt) ?? 0;
  if (unreadyAfterMs === undefined || silence * 1000 <= unreadyAfterMs) return [];
  return [`${kind} was silent for ${Math.round(silence)} s: what is known may be outdated${why}`];
}

function secondsSince(heardAt: number | undefined): number | undefined {
  return heardAt === undefined ? undefined : (performance.now() - heardAt) / 1000;
}
