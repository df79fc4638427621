import { setTimeout as sleep } from 'node:timers/promises';

const WITHIN_MS = 90_000;
const EVERY_MS = 50;

/**
 * Asks until there is an answer.
 *
 * @param probe - Undefined, or an error, means not yet.
 * @throws {Error} naming `what` when the deadline (default 90 s) has passed; its cause is the last error of `probe`.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  { withinMs = WITHIN_MS, everyMs = EVERY_MS }: { readonly withinMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const { answer, cause } = await attempt(probe);
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) {
      const why = cause === undefined ? '' : `: ${cause instanceof Error ? cause.message : String(cause)}`;
      throw new Error(`not ${what} within ${withinMs / 1000} s${why}`, { cause });
    }
    await sleep(everyMs);
  }
}

async function attempt<T>(probe: () => Promise<T | undefined>): Promise<{ answer?: T | undefined; cause?: unknown }> {
  try {
    return { answer: await probe() };
  } catch (cause) {
    return { cause };
  }
}
