import { ConfigProblem } from '../engine/errors.ts';
import type { KeyMaterial, KeyProvider } from '../engine/types.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { CodedError, errorText } from '../lib/errors.ts';
import { createLimit } from '../lib/limit.ts';
import { untilAborted } from '../lib/until-aborted.ts';
import { fingerprintOf } from './canonical.ts';

/** Where a build gets key material from. */
export interface KeyFetcher {
  /**
   * What `provider` gives. `id` is the same for as long as the provider is declared the same.
   *
   * @throws {ConfigProblem} where there is nothing: `KEY_PROVIDER_UNAVAILABLE` if that may pass.
   */
  material(id: string, provider: KeyProvider, refreshMs: number | undefined): Promise<KeyMaterial>;
  /** A build is complete, and asked for these alone. */
  retain?(ids: ReadonlySet<string>): void;
}

/** What is known of one provider; times are milliseconds of Unix time. */
export interface KeyState {
  /** What is in force. */
  readonly material: KeyMaterial | undefined;
  readonly fetchedAt: number | undefined;
  readonly triedAt: number | undefined;
  /** Why the last attempt failed. */
  readonly problem: CodedError | undefined;
}

export interface KeySourcesOptions {
  /** Material has changed: build again. */
  readonly onChange: () => void;
  /** An attempt ended, whatever came of it. */
  readonly onFetched?: (id: string, state: KeyState) => void;
  /** How long material is used that cannot be fetched again, in milliseconds. Default 24 h. */
  readonly maxStaleMs?: number;
  readonly clock?: Clock;
  readonly random?: () => number;
}

interface Entry {
  readonly id: string;
  readonly provider: KeyProvider;
  readonly refreshMs: number | undefined;
  state: KeyState;
  /** The attempt under way. */
  attempt: Promise<void> | undefined;
  /** Whether a build has seen the state, so that a change must be told. */
  seen: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

const FETCH_MS = 10_000;
const AT_ONCE = 8;
const LEAST_REFRESH_MS = 1000;
/** How long a build waits for a fetch that it began; what comes later is told by `onChange`. */
const WAIT_MS = { first: 5000, later: 300 };
const RETRY_MS = { first: 1000, most: 60_000 };
const DAY_MS = 86_400_000;
const UNKNOWN: KeyState = { material: undefined, fetchedAt: undefined, triedAt: undefined, problem: undefined };
const AT = 'spec';

/** Fetches each time it is asked, within 10 s: for a command that runs once. */
export function fetchOnce(signal: AbortSignal): KeyFetcher {
  return {
    material: async (_id, provider) => {
      try {
        return await fetchWithin(provider, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw problemOf(error);
      }
    },
  };
}

/**
 * Key material of all declared providers, fetched again behind the engine's back. What was fetched last stays in force while it
 * cannot be fetched again, for a day; what is gone for certain goes at once.
 */
export class KeySources implements KeyFetcher {
  readonly #options: KeySourcesOptions;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #limit = createLimit(AT_ONCE);
  readonly #stop = new AbortController();
  #built = false;

  constructor(options: KeySourcesOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async material(id: string, provider: KeyProvider, refreshMs: number | undefined): Promise<KeyMaterial> {
    const entry = this.#entries.get(id) ?? this.#begin(id, provider, refreshMs);
    if (entry.state.triedAt === undefined && entry.attempt !== undefined && !entry.seen) await this.#wait(entry.attempt);
    entry.seen = true;
    const { material, problem } = entry.state;
    if (material !== undefined) return material;
    throw problem ?? new ConfigProblem('KEY_PROVIDER_UNAVAILABLE', AT, 'not fetched yet');
  }

  state(id: string): KeyState | undefined {
    return this.#entries.get(id)?.state;
  }

  /** Forgets all providers but these: a build is complete. */
  retain(ids: ReadonlySet<string>): void {
    this.#built = true;
    for (const [id, entry] of this.#entries) {
      if (ids.has(id)) continue;
      clearTimeout(entry.timer);
      this.#entries.delete(id);
    }
  }

  close(): void {
    this.#stop.abort();
    this.retain(new Set());
  }

  #begin(id: string, provider: KeyProvider, refreshMs: number | undefined): Entry {
    const every = refreshMs === undefined ? undefined : Math.max(refreshMs, LEAST_REFRESH_MS);
    const entry: Entry = {
      id,
      provider,
      refreshMs: every,
      state: UNKNOWN,
      attempt: undefined,
      seen: false,
      failures: 0,
      timer: undefined,
    };
    this.#entries.set(id, entry);
    this.#fetch(entry);
    return entry;
  }

  #fetch(entry: Entry): void {
    entry.attempt = this.#limit
      .run(() => fetchWithin(entry.provider, this.#stop.signal), this.#stop.signal)
      .then(
        (material) => this.#succeeded(entry, material),
        (error: unknown) => this.#failed(entry, error),
      )
      .finally(() => {
        entry.attempt = undefined;
      });
  }

  #succeeded(entry: Entry, material: KeyMaterial): void {
    const now = this.#clock.now();
    entry.failures = 0;
    this.#settle(entry, { material, fetchedAt: now, triedAt: now, problem: undefined }, entry.refreshMs);
  }

  #failed(entry: Entry, error: unknown): void {
    if (this.#stop.signal.aborted) return;
    const problem = problemOf(error);
    const now = this.#clock.now();
    const { material, fetchedAt } = entry.state;
    const tooOld = fetchedAt !== undefined && now - fetchedAt > (this.#options.maxStaleMs ?? DAY_MS);
    const kept = problem.code === 'KEY_PROVIDER_MISSING' || tooOld ? undefined : material;
    const retryMs = Math.min(RETRY_MS.first * 2 ** Math.min(entry.failures, 10), RETRY_MS.most, entry.refreshMs ?? RETRY_MS.most);
    entry.failures += 1;
    this.#settle(entry, { material: kept, fetchedAt, triedAt: now, problem }, retryMs);
  }

  #settle(entry: Entry, state: KeyState, nextMs: number | undefined): void {
    if (this.#entries.get(entry.id) !== entry) return;
    const before = entry.state;
    entry.state = state;
    if (nextMs !== undefined) {
      // Spread, so that replicas and providers do not ask in step.
      const spread = nextMs * (0.9 + 0.2 * (this.#options.random ?? Math.random)());
      entry.timer = setTimeout(() => this.#fetch(entry), spread);
      entry.timer.unref();
    }
    this.#options.onFetched?.(entry.id, state);
    if (entry.seen && !isSame(before.material, state.material)) this.#options.onChange();
  }

  async #wait(attempt: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#built ? WAIT_MS.later : WAIT_MS.first);
    await Promise.race([attempt, promise]);
    clearTimeout(timer);
  }
}

/** What the revision of a view must change with, one text for each certificate and key. */
export function fingerprintsOf({ certificates, keys = [] }: KeyMaterial): readonly string[] {
  return [
    ...certificates.map(fingerprintOf),
    ...keys.map(({ name, version, spki }) => JSON.stringify([name, version, fingerprintOf(spki)])),
  ];
}

function isSame(a: KeyMaterial | undefined, b: KeyMaterial | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return JSON.stringify(fingerprintsOf(a)) === JSON.stringify(fingerprintsOf(b));
}

async function fetchWithin(provider: KeyProvider, signal: AbortSignal): Promise<KeyMaterial> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException(`no answer within ${FETCH_MS / 1000} s`, 'TimeoutError')), FETCH_MS);
  timer.unref();
  const both = AbortSignal.any([signal, late.signal]);
  try {
    return await untilAborted(provider.fetch(both), both);
  } finally {
    clearTimeout(timer);
  }
}

/** Whatever is no finding about the declaration may pass. */
function problemOf(error: unknown): ConfigProblem {
  if (error instanceof ConfigProblem) return error;
  const code = error instanceof CodedError ? `${error.code}: ` : '';
  return new ConfigProblem('KEY_PROVIDER_UNAVAILABLE', AT, `cannot be fetched: ${code}${errorText(error)}`, { cause: error });
}
