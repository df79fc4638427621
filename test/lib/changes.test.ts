import { describe, expect, it } from '@jest/globals';
import { gatherChanges } from '../../src/lib/changes.ts';

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const fail = (error: unknown) => {
  throw error;
};

describe('gathered changes', () => {
  it('are told once for many notes', async () => {
    let calls = 0;
    const changes = gatherChanges(
      async () => {
        calls += 1;
      },
      fail,
      { settleMs: 10 },
    );
    for (let note = 0; note < 100; note += 1) changes.note();
    await wait(60);
    expect(calls).toBe(1);
    await changes.close();
  });

  it('are told in portions while they never hold still', async () => {
    let calls = 0;
    const changes = gatherChanges(
      async () => {
        calls += 1;
      },
      fail,
      { settleMs: 1000, longestMs: 20 },
    );
    const until = performance.now() + 200;
    while (performance.now() < until) {
      changes.note();
      await wait(2);
    }
    expect(calls).toBeGreaterThan(1);
    await changes.close();
  });

  it('are told one at a time, and what came meanwhile afterwards', async () => {
    const log: string[] = [];
    const held = Promise.withResolvers<void>();
    const changes = gatherChanges(
      async () => {
        log.push('begin');
        if (log.length === 1) await held.promise;
        log.push('end');
      },
      fail,
      { settleMs: 1 },
    );
    changes.note();
    await wait(20);
    changes.note();
    await wait(20);
    expect(log).toEqual(['begin']);
    held.resolve();
    await wait(40);
    expect(log).toEqual(['begin', 'end', 'begin', 'end']);
    await changes.close();
  });

  it('go on after one failed', async () => {
    const failures: unknown[] = [];
    let calls = 0;
    const changes = gatherChanges(
      async () => {
        calls += 1;
        if (calls === 1) throw new Error('first');
      },
      (error) => void failures.push(error),
      { settleMs: 1 },
    );
    changes.note();
    await wait(30);
    changes.note();
    await wait(30);
    expect([calls, failures.length]).toEqual([2, 1]);
    await changes.close();
  });

  it('are not told after close, which waits for the call under way', async () => {
    let ended = false;
    let calls = 0;
    const changes = gatherChanges(
      async () => {
        calls += 1;
        await wait(30);
        ended = true;
      },
      fail,
      { settleMs: 1 },
    );
    changes.note();
    await wait(15);
    await changes.close();
    expect(ended).toBe(true);
    changes.note();
    await wait(20);
    expect(calls).toBe(1);
  });
});
