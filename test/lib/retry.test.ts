import { describe, expect, it } from '@jest/globals';
import { retry, retryAfterMs } from '../../src/lib/retry.ts';

const never = new AbortController().signal;

/** Fails so many times, then succeeds. */
function failing(times: number) {
  let attempts = 0;
  const attempt = async () => {
    attempts++;
    if (attempts <= times) throw new Error(`failure ${attempts}`);
    return attempts;
  };
  return { attempt, attempts: () => attempts };
}

describe('retry', () => {
  it.each([0, 1])('succeeds after %d failures', async (times) => {
    expect(await retry(failing(times).attempt, { waitMs: () => 0, signal: never })).toBe(times + 1);
  });

  it('gives the last failure', async () => {
    await expect(retry(failing(9).attempt, { waitMs: () => 0, signal: never })).rejects.toThrow('failure 2');
  });

  it('gives a failure that is not worth it at once', async () => {
    const work = failing(9);
    await expect(retry(work.attempt, { waitMs: () => undefined, retries: 5, signal: never })).rejects.toThrow('failure 1');
    expect(work.attempts()).toBe(1);
  });

  it('stops waiting when its caller leaves', async () => {
    const caller = new AbortController();
    const work = failing(9);
    const waitMs = () => {
      setImmediate(() => caller.abort(new Error('left')));
      return 60_000;
    };
    const waiting = retry(work.attempt, { waitMs, signal: caller.signal });
    await expect(waiting).rejects.toThrow('left');
    expect(work.attempts()).toBe(1);
  });

  it('begins nothing for a caller that has left', async () => {
    const work = failing(0);
    await expect(retry(work.attempt, { waitMs: () => 0, signal: AbortSignal.abort(new Error('left')) })).rejects.toThrow('left');
    expect(work.attempts()).toBe(0);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    ['0', 0],
    ['2', 2000],
    ['Thu, 01 Jan 2026 00:00:03 GMT', 3000],
    ['Thu, 01 Jan 2015 00:00:00 GMT', 0],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['99999999999', undefined],
    ['soon GMT', undefined],
  ])('%s is %s ms', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});
