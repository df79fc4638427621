import { LRUCache } from 'lru-cache';
import { type Clock, systemClock } from './clock.ts';
import type { Fact, FactCache, Patience } from './facts.ts';
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
  load(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<Kept<V>>, patience?: Patience): Promise<V>;
}

/** Facts kept by real bytes, the least recently used go first. */
export function createFactCache(options: CacheOptions): FactCache & Bounded {
  const cache = createBoundedCache<unknown>(options);
  return {
    bytes: cache.bytes,
    remember: <T>(
      kind: string,
      key: string,
      signal: AbortSignal,
      load: (signal: AbortSignal) => Promise<Fact<T>>,
      patience?: Patience,
    ): Promise<T> => {
      const work = async (own: AbortSignal): Promise<Kept<unknown>> => ({ ...(await load(own)), ttlMs: Infinity });
      // A kind of facts has one type, and the key names the kind.
      return cache.load(joinKey([kind, key]), signal, work, patience) as Promise<T>;
    },
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
  readonly known: { readonly value: V } | { readonly error: unknown };
  /** Milliseconds of the monotonic clock: a wall clock that jumps back prolongs nothing. */
  readonly expiresAt: number;
  /** Milliseconds of Unix time. */
  readonly validUntil: number;
  /** Milliseconds of the monotonic clock. */
  readonly since: number;
  /** Milliseconds of Unix time. */
  readonly asOf: number;
  /** Milliseconds of Unix time; moves on with each refresh that is begun. */
  refreshFrom: number;
}

const LOAD_LIMIT_MS = 30_000;
const REFRESH_AGAIN_MS = 30_000;
/** Bytes that an entry costs beside its value and its key. */
const ENTRY_BYTES = 512;
/** How long a failure is known, however patient who asks is, and bytes that it costs with what caused it. */
const FAILURE_LIFE_MS = 10 * 60_000;
const FAILURE_BYTES = 2048;

/** What is kept, until its end or until its room is needed. */
interface Shelf<V> extends Bounded {
  get(key: string): Entry<V> | undefined;
  keep(key: string, kept: Kept<V>): void;
  keepFailure(key: string, error: unknown, restMs: number): void;
}

function createShelf<V>(maxBytes: number, clock: Clock): Shelf<V> {
  const maxSize = Math.max(1, Math.floor(maxBytes));
  // No `ttl`: lru-cache's lifetimes are zero for ever, and never compared with the wall clock.
  const entries = new LRUCache<string, Entry<V>>({ max: Math.ceil(maxSize / ENTRY_BYTES), maxSize });

  const get = (key: string): Entry<V> | undefined => {
    const entry = entries.get(key);
    if (entry === undefined || (clock.monotonic() < entry.expiresAt && clock.now() < entry.validUntil)) return entry;
    entries.delete(key);
    return undefined;
  };
  const set = (key: string, entry: Omit<Entry<V>, 'since' | 'expiresAt'>, lifetime: number, bytes: number): void => {
    const size = Math.ceil(bytes) + 2 * key.length + ENTRY_BYTES;
    // Negated, so that a lifetime or a size that is not a number keeps nothing.
    if (!(lifetime > 0) || !(size >= ENTRY_BYTES && size <= maxSize)) return;
    const since = clock.monotonic();
    entries.set(key, { ...entry, since, expiresAt: since + lifetime }, { size });
  };
  return {
    bytes: () => entries.calculatedSize,
    get,
    keep(key, { value, bytes, ttlMs, validUntil, refreshFrom, asOf }) {
      const until = validUntil?.getTime() ?? Infinity;
      const said = asOf?.getTime() ?? -Infinity;
      // An answer that somebody has recorded is good until its end, but not against a later one.
      if (said < (get(key)?.asOf ?? -Infinity)) return;
      const entry = { known: { value }, validUntil: until, refreshFrom: refreshFrom?.getTime() ?? Infinity, asOf: said };
      set(key, entry, Math.min(ttlMs, until - clock.now()), bytes);
    },
    keepFailure(key, error, restMs) {
      const known = get(key)?.known;
      // What is known stays until its end if a refresh comes to nothing.
      if (known !== undefined && 'value' in known) return;
      const entry = { known: { error }, validUntil: Infinity, refreshFrom: clock.now() + restMs, asOf: -Infinity };
      set(key, entry, FAILURE_LIFE_MS, FAILURE_BYTES);
    },
  };
}

function createBoundedCache<V>({ maxBytes, clock = systemClock, loadLimitMs = LOAD_LIMIT_MS, onLookup }: CacheOptions): VerdictCache<V> {
  const shelf = createShelf<V>(maxBytes, clock);
  const flights = createSingleFlight<V>(loadLimitMs);

  const run = (key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<Kept<V>>, patience?: Patience): Promise<V> =>
    flights.run(key, signal, async (own) => {
      try {
        const kept = await work(own);
        // Too late is too late: those who waited were told so.
        if (!own.aborted) shelf.keep(key, kept);
        return kept.value;
      } catch (error) {
        if (patience !== undefined) shelf.keepFailure(key, error, patience.restMs);
        throw error;
      }
    });
  const refresh = (entry: Entry<V>, begin: () => Promise<V>): void => {
    if (clock.now() < entry.refreshFrom) return;
    entry.refreshFrom = clock.now() + REFRESH_AGAIN_MS;
    begin().catch(() => undefined);
  };
  /** A failure counts for nothing to a caller who has no patience with it any more. */
  const counts = ({ known, since }: Entry<V>, { restMs, staleMs = restMs }: Patience): boolean =>
    'value' in known || clock.monotonic() - since < Math.max(restMs, staleMs);

  return {
    bytes: shelf.bytes,
    get: (key) => {
      const known = shelf.get(key)?.known;
      return known !== undefined && 'value' in known ? known.value : undefined;
    },
    async load(key, signal, work, patience) {
      signal.throwIfAborted();
      const entry = shelf.get(key);
      if (entry === undefined || !counts(entry, patience ?? { restMs: 0 })) {
        onLookup?.(flights.has(key) ? 'shared' : 'miss');
        return run(key, signal, work, patience);
      }
      onLookup?.('hit');
      refresh(entry, () => run(key, new AbortController().signal, work, patience));
      if ('error' in entry.known) throw entry.known.error;
      return entry.known.value;
    },
  };
}
