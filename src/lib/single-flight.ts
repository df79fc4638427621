import { untilAborted } from './until-aborted.ts';

/** At most one load under way for a key, shared by all who ask for it meanwhile. */
export interface SingleFlight<T> {
  /** Whether a load for `key` is under way. */
  has(key: string): boolean;
  /**
   * The result of the load under way for `key`, begun if there is none. The load belongs to nobody: a caller whose `signal`
   * aborts leaves with its reason, and the load goes on. Its own signal aborts after the limit, which also ends it for those
   * who still wait.
   */
  run(key: string, signal: AbortSignal, load: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** @param limitMs - The longest that a load may take, in milliseconds. */
export function createSingleFlight<T>(limitMs: number): SingleFlight<T> {
  const flights = new Map<string, Promise<T>>();

  const begin = (key: string, load: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const flight = withLimit(load, limitMs).finally(() => flights.delete(key));
    flights.set(key, flight);
    return flight;
  };
  return {
    has: (key) => flights.has(key),
    run: (key, signal, load) => untilAborted(flights.get(key) ?? begin(key, load), signal),
  };
}

async function withLimit<T>(load: (signal: AbortSignal) => Promise<T>, limitMs: number): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException(`did not end within ${limitMs} ms`, 'TimeoutError')), limitMs);
  timer.unref();
  try {
    return await untilAborted(load(controller.signal), controller.signal);
  } finally {
    clearTimeout(timer);
  }
}
