import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryOptions {
  /** Milliseconds to wait before trying again after this failure; undefined: the failure stands. */
  readonly waitMs: (error: unknown) => number | undefined;
  /** Attempts after the first. Default 1. */
  readonly retries?: number;
  readonly signal: AbortSignal;
}

/** What `attempt` comes to, tried again while failures are worth it. Rejects with the reason of `signal` as soon as that aborts. */
export async function retry<T>(attempt: () => Promise<T>, { waitMs, retries = 1, signal }: RetryOptions): Promise<T> {
  for (let left = retries; ; left--) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      const wait = left > 0 ? waitMs(error) : undefined;
      if (wait === undefined) throw error;
      await pause(wait, signal);
    }
  }
}

/**
 * The milliseconds that a `Retry-After` asks for (RFC 9110, 10.2.3): seconds or a date; undefined if it is neither.
 *
 * @param now - Milliseconds of Unix time, to compare a date with.
 */
export function retryAfterMs(header: string, now: number): number | undefined {
  if (/^[0-9]{1,9}$/.test(header)) return Number(header) * 1000;
  const date = / GMT$/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    // Not the timer's own AbortError: the caller's reason says whose deadline it was.
    signal.throwIfAborted();
  }
}
