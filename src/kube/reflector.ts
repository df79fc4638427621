import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectKind } from '../config/schema/kinds.ts';
import { errorText } from '../lib/errors.ts';
import type { KubeClient } from './client.ts';
import { codeOfStatus, KubeError } from './errors.ts';
import { type Entry, type KubeObject, keyOf, member, pathOf, readEntry, readKubeObject } from './objects.ts';

/** Times in milliseconds, but `timeoutSeconds`. */
export interface ReflectorTimes {
  /** A watch without an event or a bookmark for so long is dead. Default 90,000; bookmarks come about every minute. */
  readonly silenceMs: number;
  /** Everything is listed again after so long, whatever the watch said. Default an hour. */
  readonly relistMs: number;
  /** How often a kind that the API server does not know is asked for. Default 3,000. */
  readonly absentMs: number;
  /** The first and the longest pause after a failure; doubled in between, and spread. Default 200 and 30,000. */
  readonly minPauseMs: number;
  readonly maxPauseMs: number;
  /** The least and the most that the API server is asked to keep a watch. Default 300 and 600. */
  readonly timeoutSeconds: readonly [number, number];
}

export const TIMES: ReflectorTimes = {
  silenceMs: 90_000,
  relistMs: 3_600_000,
  absentMs: 3000,
  minPauseMs: 200,
  maxPauseMs: 30_000,
  timeoutSeconds: [300, 600],
};

export interface ReflectorOptions {
  readonly kind: ObjectKind;
  readonly client: KubeClient;
  readonly ownNamespace: string;
  readonly times: ReflectorTimes;
  /** Milliseconds that only go forward. */
  readonly monotonic: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** What is declared has changed, or the first list is complete. */
  readonly onChange: () => void;
  /** Called for each failure and, with undefined, when things go well again. */
  readonly onFailure: (error: KubeError | undefined) => void;
}

/** What is known of one kind. */
export interface ReflectorState {
  /** Whether a list was complete at least once. */
  readonly synced: boolean;
  /** Whether the API server does not know the kind: then there is nothing of it. */
  readonly absent: boolean;
  /** When the API server last said anything of it, by `monotonic`; undefined: never. */
  readonly heardAt: number | undefined;
  readonly failure: KubeError | undefined;
}

const PAGE_SIZES = [500, 50, 5] as const;
const MAX_PAGE_BYTES = 32 * 1024 * 1024;
/** Objects of one kind; beyond, the list counts as failed and what is known stays in force. */
const MAX_OBJECTS = 20_000;

/**
 * Keeps what the API server has of one kind: lists in pages, watches from there with bookmarks, and begins again after whatever
 * happens, for ever. What is known stays until something newer is known for certain: a failed or partial list changes nothing.
 */
export class Reflector {
  readonly #options: ReflectorOptions;
  #entries = new Map<string, Entry>();
  #state: ReflectorState = { synced: false, absent: false, heardAt: undefined, failure: undefined };
  /** Where the next watch begins; undefined: with a list. */
  #version: string | undefined;
  #listedAt = Number.NEGATIVE_INFINITY;
  #pauses = 0;

  constructor(options: ReflectorOptions) {
    this.#options = options;
  }

  get kind(): ObjectKind {
    return this.#options.kind;
  }

  state(): ReflectorState {
    return this.#state;
  }

  entries(): ReadonlyMap<string, Entry> {
    return this.#entries;
  }

  /** Runs until `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#round(signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#afterFailure(error instanceof KubeError ? error : unexpected(error), signal);
      }
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { monotonic, times } = this.#options;
    if (this.#version === undefined || monotonic() - this.#listedAt > times.relistMs) await this.#list(signal);
    const startedAt = monotonic();
    try {
      await this.#watch(this.#version ?? '', signal);
    } finally {
      // A stream that ends at once, time and again, is somebody's trouble; one that had its time is the API server's habit.
      if (monotonic() - startedAt > times.minPauseMs * 10) this.#pauses = 0;
    }
    await this.#pause(undefined, signal);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { objects, version } = await this.#allPages(signal);
    const { kind, ownNamespace } = this.#options;
    const next = new Map<string, Entry>();
    for (const object of objects) {
      if (object.metadata.deletionTimestamp !== undefined) continue;
      const key = keyOf(object);
      next.set(key, readEntry(object, kind, ownNamespace, this.#entries.get(key)));
    }
    this.#listedAt = this.#options.monotonic();
    this.#version = version;
    this.#replace(next, false);
  }

  async #allPages(signal: AbortSignal): Promise<{ objects: readonly KubeObject[]; version: string }> {
    for (const size of PAGE_SIZES) {
      try {
        return await this.#pages(size, signal);
      } catch (error) {
        // Few objects of a MiB each are more than one answer may hold.
        if (!(error instanceof KubeError && error.status === 413) || size === PAGE_SIZES.at(-1)) throw error;
      }
    }
    throw new KubeError('CLUSTER_REFUSED', `the list of ${this.kind.plural} is larger than can be read`);
  }

  async #pages(limit: number, signal: AbortSignal): Promise<{ objects: readonly KubeObject[]; version: string }> {
    const objects: KubeObject[] = [];
    let version: string | undefined;
    let next = '';
    do {
      const query = { limit: String(limit), ...(next === '' ? {} : { continue: next }) };
      const page = await this.#options.client.request({ method: 'GET', path: pathOf(this.kind), query, maxBytes: MAX_PAGE_BYTES }, signal);
      const items = member(page, 'items');
      const metadata = member(page, 'metadata');
      const found = member(metadata, 'resourceVersion');
      if (!Array.isArray(items) || typeof found !== 'string')
        throw new KubeError('CLUSTER_UNREACHABLE', `expected a list of ${this.kind.plural}`);
      for (const item of items) objects.push(readKubeObject(item));
      if (objects.length > MAX_OBJECTS) {
        throw new KubeError('CLUSTER_REFUSED', `expected at most ${MAX_OBJECTS} ${this.kind.plural}, found more`);
      }
      version ??= found;
      const more = member(metadata, 'continue');
      next = typeof more === 'string' ? more : '';
    } while (next !== '');
    return { objects, version };
  }

  async #watch(version: string, signal: AbortSignal): Promise<void> {
    const { client, times, random } = this.#options;
    const [least, most] = times.timeoutSeconds;
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), times.silenceMs);
    timer.unref();
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: version,
      timeoutSeconds: String(Math.round(least + random() * (most - least))),
    };
    try {
      await client.stream(
        { method: 'GET', path: pathOf(this.kind), query },
        (event) => {
          timer.refresh();
          this.#take(event);
        },
        AbortSignal.any([signal, silence.signal]),
      );
    } catch (error) {
      if (!silence.signal.aborted || signal.aborted) throw error;
      throw new KubeError('CLUSTER_UNREACHABLE', `the watch of ${this.kind.plural} was silent for ${times.silenceMs / 1000} s`, {
        cause: error,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #take(event: unknown): void {
    const type = member(event, 'type');
    const value = member(event, 'object');
    if (type === 'ERROR') throw errorEvent(value);
    if (type === 'BOOKMARK') {
      const version = member(member(value, 'metadata'), 'resourceVersion');
      if (typeof version !== 'string') throw new KubeError('CLUSTER_UNREACHABLE', 'expected a bookmark with a resourceVersion');
      this.#version = version;
      this.#heard();
      return;
    }
    if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') {
      // What it would have said is not known: only a list tells.
      this.#version = undefined;
      throw new KubeError('CLUSTER_UNREACHABLE', 'expected a watch event of a known type');
    }
    const object = readKubeObject(value);
    const key = keyOf(object);
    const before = this.#entries.get(key);
    const gone = type === 'DELETED' || object.metadata.deletionTimestamp !== undefined;
    const { kind, ownNamespace } = this.#options;
    const entry = gone ? undefined : readEntry(object, kind, ownNamespace, before);
    if (entry === undefined) this.#entries.delete(key);
    else this.#entries.set(key, entry);
    this.#version = object.metadata.resourceVersion;
    this.#heard();
    if (entry?.essence !== before?.essence) this.#options.onChange();
  }

  #replace(next: Map<string, Entry>, absent: boolean): void {
    const before = this.#entries;
    const first = !this.#state.synced;
    this.#entries = next;
    this.#state = { ...this.#state, synced: true, absent };
    this.#heard();
    const same = before.size === next.size && [...next].every(([key, { essence }]) => before.get(key)?.essence === essence);
    if (first || !same) this.#options.onChange();
  }

  #heard(): void {
    const failed = this.#state.failure !== undefined;
    this.#state = { ...this.#state, heardAt: this.#options.monotonic(), failure: undefined };
    if (failed) this.#options.onFailure(undefined);
  }

  async #afterFailure(error: KubeError, signal: AbortSignal): Promise<void> {
    if (error.code === 'CLUSTER_EXPIRED') {
      this.#version = undefined;
    } else if (error.code === 'CLUSTER_NOT_FOUND') {
      await this.#unknownKind(error, signal);
      return;
    } else {
      this.#state = { ...this.#state, failure: error };
      this.#options.onFailure(error);
    }
    await this.#pause(error.retryAfterMs, signal);
  }

  /** Not known twice in a row: an API server that starts may say so before it has read its own definitions. */
  async #unknownKind(error: KubeError, signal: AbortSignal): Promise<void> {
    const { times } = this.#options;
    this.#version = undefined;
    if (!this.#state.absent && this.#state.failure?.code !== 'CLUSTER_NOT_FOUND') {
      this.#state = { ...this.#state, failure: error };
      this.#options.onFailure(error);
      await pause(times.minPauseMs * 5, signal);
      return;
    }
    this.#pauses = 0;
    this.#replace(new Map(), true);
    await pause(times.absentMs * (0.5 + this.#options.random()), signal);
  }

  async #pause(askedMs: number | undefined, signal: AbortSignal): Promise<void> {
    const { minPauseMs, maxPauseMs } = this.#options.times;
    const longest = Math.min(minPauseMs * 2 ** Math.min(this.#pauses, 20), maxPauseMs);
    this.#pauses += 1;
    const spread = longest * (0.5 + this.#options.random() / 2);
    await pause(Math.max(spread, Math.min(askedMs ?? 0, maxPauseMs)), signal);
  }
}

/** An `ERROR` event carries a Status, with an HTTP status as its code. */
function errorEvent(status: unknown): KubeError {
  const code = member(status, 'code');
  const message = member(status, 'message');
  const text = typeof message === 'string' ? message.slice(0, 300) : 'no message';
  return new KubeError(codeOfStatus(typeof code === 'number' ? code : 500), `the watch ended with an error: ${text}`);
}

function unexpected(error: unknown): KubeError {
  return new KubeError('CLUSTER_UNREACHABLE', errorText(error), { cause: error });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Holds the process: until the first list there may be nothing else that does.
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
