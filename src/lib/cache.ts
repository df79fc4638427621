import { LRUCache } from 'lru-cache';
import { type Clock, systemClock } from './clock.ts';
import type { Fact, FactCache } from './facts.ts';
import { createSingleFlight } from './single-flight.ts';

/** How a load went: kept already, joined one under way, or began one. */
type Lookup = 'hit' | 'shared' | 'miss';

export interface CacheOptions {
  /** Bytes of values and keys together, with what keeping an entry costs. 0 keeps nothing and still shares loads. */
  readonly maxBytes: number;
  /** Default: the clocks of the machine. */
  readonly clock?: Clock;
  /** The longest that a load may take, in milliseconds. Default 30,000. */
  readonly loadLimitMs?: number;
  /** Told of every load, for counting. */
  readonly onLookup?: (lookup: Lookup) => void;
}

interface Bounded {
  /** Bytes charged for what is kept now. */
  bytes(): number;
}

/** A value and for how long it may be kept: `ttlMs` by the monotonic clock (0: not at all), and no later than `validUntil`. */
export interface Kept<V> extends Fact<V> {
  readonly ttlMs: number;
}

export interface VerdictCache<V> extends Bounded {
  /** The value under `key` if it is kept and still good. `joinKey` makes keys of which none can be taken for another. */
  get(key: string): V | undefined;
  /** What `work` comes to, kept under `key`. Sharing, leaving and late work are as in `FactCache.remember`. */
  load(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<Kept<V>>): Promise<V>;
}

/** Facts kept by real bytes, the least recently used go first. */
export function createFactCache(options: CacheOptions): FactCache & Bounded {
  const cache = createBoundedCache<unknown>(options);
  return {
    bytes: cache.bytes,
    remember: <T>(kind: string, key: string, signal: AbortSignal, load: (signal: AbortSignal) => Promise<Fact<T>>) =>
      // A kind of facts has one type, and the key names the kind.
      cache.load(joinKey([kind, key]), signal, async (own) => ({ ...(await load(own)), ttlMs: Infinity })) as Promise<T>,
  };
}

/** Verdicts kept by real bytes, each with its own lifetime. */
export function createVerdictCache<V>(options: CacheOptions): VerdictCache<V> {
  return createBoundedCache<V>(options);
}

/** One string for a list of strings; different lists give different strings, whatever they contain. */
export function joinKey(parts: readonly string[]): string {
  return parts.map((part) => `${part.length}:${part}`).join('');
}

interface Entry<V> {
  readonly value: V;
  /** Milliseconds of the monotonic clock: a wall clock that jumps back prolongs nothing. */
  readonly expiresAt: number;
  /** Milliseconds of Unix time. */
  readonly validUntil: number;
  /** Milliseconds of Unix time; moves on with each refresh that is begun. */
  refreshFrom: number;
}

const LOAD_LIMIT_MS = 30_000;
const REFRESH_AGAIN_MS = 30_000;
/** Bytes that an entry costs beside its value and its key. */
const ENTRY_BYTES = 512;

function createBoundedCache<V>({ maxBytes, clock = systemClock, loadLimitMs = LOAD_LIMIT_MS, onLookup }: CacheOptions): VerdictCache<V> {
  const maxSize = Math.max(1, Math.floor(maxBytes));
  // No `ttl`: lru-cache's lifetimes are zero for ever, and never compared with the wall clock.
  const entries = new LRUCache<string, Entry<V>>({ max: Math.ceil(maxSize / ENTRY_BYTES), maxSize });
  const flights = createSingleFlight<V>(loadLimitMs);

  const read = (key: string): Entry<V> | undefined => {
    const entry = entries.get(key);
    if (entry === undefined || (clock.monotonic() < entry.expiresAt && clock.now() < entry.validUntil)) return entry;
    entries.delete(key);
    return undefined;
  };
  const keep = (key: string, { value, bytes, ttlMs, validUntil, refreshFrom }: Kept<V>): void => {
    const until = validUntil?.getTime() ?? Infinity;
    const lifetime = Math.min(ttlMs, until - clock.now());
    const size = Math.ceil(bytes) + 2 * key.length + ENTRY_BYTES;
    // Negated, so that a lifetime or a size that is not a number keeps nothing.
    if (!(lifetime > 0) || !(size >= ENTRY_BYTES && size <= maxSize)) return;
    const expiresAt = clock.monotonic() + lifetime;
    entries.set(key, { value, expiresAt, validUntil: until, refreshFrom: refreshFrom?.getTime() ?? Infinity }, { size });
  };
  const run = (key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<Kept<V>>): Promise<V> =>
    flights.run(key, signal, async (own) => {
      const kept = await work(own);
      // Too late is too late: those who waited were told so.
      if (!own.aborted) keep(key, kept);
      return kept.value;
    });
  const refresh = (key: string, entry: Entry<V>, work: (signal: AbortSignal) => Promise<Kept<V>>): void => {
    if (clock.now() < entry.refreshFrom) return;
    entry.refreshFrom = clock.now() + REFRESH_AGAIN_MS;
    // What is known stays until its end if this comes to nothing.
    run(key, new AbortController().signal, work).catch(() => undefined);
  };

  return {
    bytes: () => entries.calculatedSize,
    get: (key) => read(key)?.value,
    async load(key, signal, work) {
      signal.throwIfAborted();
      const entry = read(key);
      if (entry !== undefined) {
        onLookup?.('hit');
        refresh(key, entry, work);
        return entry.value;
      }
      onLookup?.(flights.has(key) ? 'shared' : 'miss');
      return run(key, signal, work);
    },
  };
}
