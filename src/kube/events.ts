import { createHash } from 'node:crypto';
import { cut } from '../engine/reason.ts';
import type { AuditRecord, Reference } from '../engine/types.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { errorText } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { referenceText } from '../oci/reference.ts';
import type { KubeClient } from './client.ts';
import { KubeError } from './errors.ts';

export interface EventWriterOptions {
  readonly client: KubeClient;
  /** Tells replicas apart, such as the name of the Pod. */
  readonly instance: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** How often what was told is written, in milliseconds. Default 5,000. */
  readonly everyMs?: number;
}

/** What an answer was about. */
export interface EventAbout {
  readonly reference: Reference;
  readonly namespace: string | undefined;
}

export interface EventWriter {
  /** Never waits and never fails; what is no event of the cluster is passed over. */
  tell(record: AuditRecord, about: EventAbout): void;
  /** Writes what is left, as far as that goes within a second. */
  close(): Promise<void>;
}

/** Where kritis writes them, and its operators look. */
const NAMESPACE = 'kube-system';
const PATH = `/api/v1/namespaces/${NAMESPACE}/events`;
const TYPES: Readonly<Record<string, 'Warning' | 'Normal'>> = {
  DryRunKritisAdmission: 'Warning',
  FailedKritisAdmission: 'Warning',
  BreakGlass: 'Warning',
};
/** Events that are counted at one time; what comes beyond is not written, and the log says how many. */
const MAX_KEPT = 500;
const WRITES_EACH_TIME = 20;
/** An event that did not come again for so long is another one when it does. */
const FORGET_MS = 10 * 60_000;
const DENIED_MS = 60_000;
const CLOSE_MS = 1000;
const MAX_MESSAGE = 1000;

interface Kept {
  readonly name: string;
  readonly record: AuditRecord;
  readonly about: EventAbout;
  readonly firstAt: number;
  lastAt: number;
  count: number;
  /** The count that is written; 0: the event is not there yet. */
  written: number;
}

/**
 * Writes events about admissions: one object for the same thing, with a count. Best effort; a cluster that does not take them costs nothing but
 * a line of the log.
 */
export function createEventWriter({ client, instance, log, clock = systemClock, everyMs = 5000 }: EventWriterOptions): EventWriter {
  const kept = new Map<string, Kept>();
  const stop = new AbortController();
  let lost = 0;
  let deniedUntil = Number.NEGATIVE_INFINITY;
  let writing: Promise<void> = Promise.resolve();

  const write = async (one: Kept): Promise<void> => {
    const count = one.count;
    const lastTimestamp = new Date(one.lastAt).toISOString();
    if (one.written === 0) await client.request({ method: 'POST', path: PATH, body: eventOf(one, instance) }, stop.signal);
    else {
      const body = { count, lastTimestamp };
      await client.request(
        { method: 'PATCH', path: `${PATH}/${one.name}`, body, contentType: 'application/merge-patch+json' },
        stop.signal,
      );
    }
    one.written = count;
  };
  const flush = async (): Promise<void> => {
    if (clock.monotonic() < deniedUntil) return;
    for (const one of [...kept.values()].filter(({ count, written }) => count > written).slice(0, WRITES_EACH_TIME)) {
      try {
        await write(one);
      } catch (error) {
        if (stop.signal.aborted) return;
        const code = error instanceof KubeError ? error.code : undefined;
        // Gone, as all events are after an hour: it comes again as a new one.
        if (code === 'CLUSTER_NOT_FOUND' && one.written > 0) one.written = 0;
        else if (code === 'CLUSTER_REFUSED' || code === 'CLUSTER_CONFLICT') {
          one.written = one.count;
          log.warn({ code, reason: errorText(error) }, 'an event is not taken');
        } else {
          deniedUntil = clock.monotonic() + DENIED_MS;
          log.warn({ code, reason: errorText(error) }, 'events cannot be written; it is not tried for a minute');
          return;
        }
      }
    }
    if (lost > 0) log.warn({ lost }, 'more events than are written');
    lost = 0;
    for (const [key, { lastAt, count, written }] of kept) if (count === written && clock.now() - lastAt > FORGET_MS) kept.delete(key);
  };
  const schedule = (): Promise<void> => {
    writing = writing.then(flush);
    return writing;
  };
  const timer = setInterval(() => void schedule(), everyMs);
  timer.unref();
  return {
    tell: (record, about) => {
      if (!Object.hasOwn(TYPES, record.event) || stop.signal.aborted) return;
      const key = JSON.stringify([record.event, record.object, about.namespace ?? null, referenceText(about.reference), record.message]);
      const now = clock.now();
      const known = kept.get(key);
      if (known !== undefined) {
        known.count += 1;
        known.lastAt = now;
      } else if (kept.size >= MAX_KEPT) lost += 1;
      else kept.set(key, { name: nameOf(key, instance, now), record, about, firstAt: now, lastAt: now, count: 1, written: 0 });
    },
    close: async () => {
      clearInterval(timer);
      const limit = setTimeout(() => stop.abort(), CLOSE_MS);
      await schedule();
      clearTimeout(limit);
      stop.abort();
    },
  };
}

/** The same for the same thing told by the same replica at the same time, and for nothing else. */
function nameOf(key: string, instance: string, at: number): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([key, instance, at]))
    .digest('hex');
  return `countersign.${hash.slice(0, 24)}`;
}

function eventOf({ name, record, about, firstAt, lastAt, count }: Kept, instance: string): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: NAMESPACE },
    // The API server wants the object of an event in the event's own namespace, whatever kind it is.
    involvedObject: { apiVersion: 'v1', kind: 'Namespace', name: about.namespace ?? NAMESPACE, namespace: NAMESPACE },
    reason: record.event,
    message: cut(`${referenceText(about.reference)}: ${record.object}: ${record.message}`, MAX_MESSAGE),
    type: TYPES[record.event],
    source: { component: 'countersign', host: instance },
    reportingComponent: 'countersign.dev/provider',
    reportingInstance: instance,
    firstTimestamp: new Date(firstAt).toISOString(),
    lastTimestamp: new Date(lastAt).toISOString(),
    count,
  };
}
