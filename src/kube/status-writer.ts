import { canonicalJson } from '../config/canonical.ts';
import type { ObjectState } from '../config/engines.ts';
import type { KeyState } from '../config/key-sources.ts';
import { identity } from '../config/resources.ts';
import { OBJECT_KINDS, type ObjectKind } from '../config/schema/kinds.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { errorText } from '../lib/errors.ts';
import { createLimit } from '../lib/limit.ts';
import type { Logger } from '../lib/log.ts';
import type { KubeClient } from './client.ts';
import { KubeError } from './errors.ts';
import { CLUSTER, type Entry, member, pathOf } from './objects.ts';
import { type Status, statusOf } from './status.ts';
import type { ClusterWatch } from './watch.ts';

export interface StatusWriterOptions {
  readonly client: KubeClient;
  readonly watch: Pick<ClusterWatch, 'entries'>;
  /** What is known of the key provider under this source. */
  readonly keys: (source: string) => KeyState | undefined;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly times?: Partial<StatusTimes>;
}

/** In milliseconds. */
export interface StatusTimes {
  /** How often all objects are looked at, whatever is told. Default 60,000. */
  readonly sweepMs: number;
  /** Times of fetches alone are written no more often than this. Default 300,000. */
  readonly timesOnlyMs: number;
  /** What others made of a status that we wrote is put right no more often than this. Default 600,000. */
  readonly contestedMs: number;
  /** After a conflict or a failure. Default 1,000. */
  readonly retryMs: number;
}

export interface StatusWriter {
  /** A change was applied; what became of each object. */
  update(states: readonly ObjectState[]): void;
  /** A fetch of this key source ended. */
  fetched(source: string): void;
  close(): Promise<void>;
}

/** What this replica wrote last, or found written as it would have. */
interface Said {
  readonly text: string;
  readonly at: number;
}

interface Target {
  readonly kind: ObjectKind;
  readonly entry: Entry;
}

const TIMES: StatusTimes = { sweepMs: 60_000, timesOnlyMs: 300_000, contestedMs: 600_000, retryMs: 1000 };
const AT_ONCE = 4;
const DENIED_MS = 60_000;

/**
 * Writes what became of each object into its status. Every replica does: a status follows from the object and its key material, so all come to the same text,
 * whoever is first writes it, and the others find it there. No lease is needed, and no replica's death leaves a status that lies.
 * Where replicas do see different things (a vault that one cannot reach), each writes when its own view changes, and does not fight over the rest.
 */
export function createStatusWriter(options: StatusWriterOptions): StatusWriter {
  const { log, clock = systemClock } = options;
  const times = { ...TIMES, ...options.times };
  const limit = createLimit(AT_ONCE);
  const stop = new AbortController();
  const said = new Map<string, Said>();
  const pending = new Map<string, Promise<void>>();
  let states: ReadonlyMap<string, ObjectState> = new Map();
  let deniedUntil = Number.NEGATIVE_INFINITY;

  const desired = ({ entry }: Target): Status | undefined => {
    const { object, declared, diagnostics } = entry;
    if (declared === undefined) return undefined;
    const state = states.get(identity(declared));
    // Not applied yet: the next change tells.
    if (state === undefined || (state.declared !== declared && state.declared.origin.file === CLUSTER)) return undefined;
    const own = state.declared === declared ? state : undefined;
    const keys = own?.keySource === undefined ? undefined : options.keys(own.keySource);
    return statusOf({ object, state: own, diagnostics, keys, now: new Date(clock.now()) });
  };
  const isDue = ({ entry }: Target, status: Status): boolean => {
    const { uid } = entry.object.metadata;
    const text = significant(status);
    const before = said.get(uid);
    if (text === significant(entry.object.status)) {
      if (before?.text !== text) said.set(uid, { text, at: clock.monotonic() });
      return isOlder(entry.object.status, status, times.timesOnlyMs);
    }
    return before === undefined || before.text !== text || clock.monotonic() - before.at > times.contestedMs;
  };
  const write = async (target: Target, status: Status): Promise<void> => {
    const { metadata } = target.entry.object;
    // On top of what was seen, and on nothing newer.
    const body = [
      { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
      { op: 'add', path: '/status', value: status },
    ];
    const path = pathOf(target.kind, metadata, 'status');
    await options.client.request({ method: 'PATCH', path, body, contentType: 'application/json-patch+json' }, stop.signal);
    said.set(metadata.uid, { text: significant(status), at: clock.monotonic() });
  };
  const settle = async (kind: ObjectKind, key: string): Promise<void> => {
    // Read now, not when it was asked for: the latest of both is what counts.
    const entry = options.watch.entries(kind.kind).get(key);
    if (entry === undefined || clock.monotonic() < deniedUntil) return;
    const target = { kind, entry };
    const status = desired(target);
    if (status === undefined || !isDue(target, status)) return;
    try {
      await write(target, status);
    } catch (error) {
      if (stop.signal.aborted) return;
      failed(error, kind, key);
    }
  };
  const failed = (error: unknown, kind: ObjectKind, key: string): void => {
    const code = error instanceof KubeError ? error.code : undefined;
    if (code === 'CLUSTER_NOT_FOUND') return;
    if (code === 'CLUSTER_DENIED') {
      deniedUntil = clock.monotonic() + DENIED_MS;
      log.warn({ code, reason: errorText(error) }, 'status cannot be written; it is not tried for a minute');
    } else if (code === 'CLUSTER_CONFLICT' || code === 'CLUSTER_UNREACHABLE') {
      setTimeout(() => enqueue(kind, key), times.retryMs * (0.5 + Math.random())).unref();
    } else log.error({ kind: kind.kind, object: key, code, reason: errorText(error) }, 'status cannot be written');
  };
  const enqueue = (kind: ObjectKind, key: string): void => {
    const id = `${kind.kind} ${key}`;
    if (stop.signal.aborted || pending.has(id)) return;
    const work = limit
      .run(() => {
        pending.delete(id);
        return settle(kind, key);
      }, stop.signal)
      .catch((error: unknown) => {
        pending.delete(id);
        if (!stop.signal.aborted) log.error({ error }, 'status failed by an error of ours');
      });
    pending.set(id, work);
  };
  const sweep = (wanted: (state: ObjectState | undefined) => boolean): void => {
    for (const kind of OBJECT_KINDS) {
      for (const [key, { declared }] of options.watch.entries(kind.kind)) {
        if (declared !== undefined && wanted(states.get(identity(declared)))) enqueue(kind, key);
      }
    }
  };
  const timer = setInterval(() => {
    forget(said, options.watch);
    sweep(() => true);
  }, times.sweepMs);
  timer.unref();
  return {
    update: (applied) => {
      states = new Map(applied.map((state) => [identity(state.declared), state]));
      sweep(() => true);
    },
    fetched: (source) => sweep((state) => state?.keySource === source),
    close: async () => {
      clearInterval(timer);
      stop.abort();
      await Promise.all(pending.values());
    },
  };
}

/** What two replicas must agree on: all but times. */
function significant(status: unknown): string {
  return canonicalJson(withoutTimes(status));
}

const TIME_FIELDS = ['lastfetchedtime', 'LastRefreshed', 'lastTransitionTime'];

function withoutTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTimes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !TIME_FIELDS.includes(name))
      .map(([name, item]) => [name, withoutTimes(item)]),
  );
}

/** Whether the time of the last fetch that is written is that much behind. */
function isOlder(seen: unknown, status: Status, byMs: number): boolean {
  if (!('lastfetchedtime' in status) || status.lastfetchedtime === undefined) return false;
  const written = member(seen, 'lastfetchedtime');
  const writtenAt = typeof written === 'string' ? Date.parse(written) : Number.NaN;
  return !(Date.parse(status.lastfetchedtime) - writtenAt < byMs);
}

/** Objects that are gone need not be remembered. */
function forget(said: Map<string, Said>, watch: StatusWriterOptions['watch']): void {
  const present = new Set(OBJECT_KINDS.flatMap(({ kind }) => [...watch.entries(kind).values()].map(({ object }) => object.metadata.uid)));
  for (const uid of said.keys()) if (!present.has(uid)) said.delete(uid);
}
