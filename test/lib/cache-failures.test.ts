import { describe, expect, it } from '@jest/globals';
import { createFactCache } from '../../src/lib/cache.ts';
import type { Fact } from '../../src/lib/facts.ts';
import { handClock } from './hand-clock.ts';

const never = new AbortController().signal;

describe('a fact cache with a load that fails', () => {
  const patience = { restMs: 5_000, staleMs: 60_000 };
  /** A cache, and a load that fails until it is mended. */
  function failing() {
    const clock = handClock();
    const cache = createFactCache({ maxBytes: 1e6, clock });
    let count = 0;
    let mended = false;
    const load = async (): Promise<Fact<string>> => {
      count += 1;
      if (!mended) throw new Error(`failure ${count}`);
      return { value: 'good', bytes: 1, validUntil: new Date(clock.now() + 600_000), refreshFrom: new Date(clock.now() + 450_000) };
    };
    const mend = (good = true): void => {
      mended = good;
    };
    return { clock, cache, load, count: () => count, mend };
  }

  it('gives the failure for as long as it rests, and then loads anew', async () => {
    const { clock, cache, load, count, mend } = failing();
    const ask = () => cache.remember('k', 'x', never, load, { restMs: 5_000 });
    await expect(ask()).rejects.toThrow('failure 1');
    mend();
    clock.pass(4_999);
    await expect(ask()).rejects.toThrow('failure 1');
    expect(count()).toBe(1);
    clock.pass(1);
    expect(await ask()).toBe('good');
    expect(count()).toBe(2);
  });

  it('loads at once for a caller without patience, and for other keys', async () => {
    const { cache, load, mend } = failing();
    await expect(cache.remember('k', 'x', never, load, patience)).rejects.toThrow('failure 1');
    await expect(cache.remember('k', 'y', never, load, patience)).rejects.toThrow('failure 2');
    mend();
    expect(await cache.remember('k', 'x', never, load)).toBe('good');
    expect(await cache.remember('k', 'x', never, load, patience)).toBe('good');
  });

  it('gives the failure beyond its rest where it may, and loads behind the back of who asks', async () => {
    const { clock, cache, load, count, mend } = failing();
    const ask = () => cache.remember('k', 'x', never, load, patience);
    await expect(ask()).rejects.toThrow('failure 1');
    mend();
    clock.pass(5_000);
    await expect(ask()).rejects.toThrow('failure 1');
    await new Promise((next) => setImmediate(next));
    expect(await ask()).toBe('good');
    expect(count()).toBe(2);
  });

  it('holds a failure that lasts against nobody longer than he bears it', async () => {
    const { clock, cache, load, count } = failing();
    await expect(cache.remember('k', 'x', never, load, patience)).rejects.toThrow('failure 1');
    clock.pass(5_000);
    await expect(cache.remember('k', 'x', never, load, { restMs: 5_000 })).rejects.toThrow('failure 2');
    clock.pass(60_000);
    await expect(cache.remember('k', 'x', never, load, patience)).rejects.toThrow('failure 3');
    clock.pass(600_000);
    await expect(cache.remember('k', 'x', never, load, { restMs: 3_600_000 })).rejects.toThrow('failure 4');
    expect(count()).toBe(4);
  });

  it('keeps a value until its end when its refresh fails, and tries that again after 30 s', async () => {
    const { clock, cache, load, count, mend } = failing();
    mend();
    const ask = () => cache.remember('k', 'x', never, load, patience);
    expect(await ask()).toBe('good');
    mend(false);
    clock.pass(450_000);
    for (let i = 0; i < 3; i++) {
      expect(await ask()).toBe('good');
      await new Promise((next) => setImmediate(next));
    }
    expect(count()).toBe(2);
    clock.pass(30_000);
    expect(await ask()).toBe('good');
    await new Promise((next) => setImmediate(next));
    expect(count()).toBe(3);
    clock.pass(120_000);
    await expect(ask()).rejects.toThrow('failure 4');
  });

  it('gives the value of a refresh from then on', async () => {
    const { clock, cache, load, count, mend } = failing();
    mend();
    const ask = () => cache.remember('k', 'x', never, load, patience);
    await ask();
    clock.pass(450_000);
    await ask();
    clock.pass(449_999);
    expect(await ask()).toBe('good');
    expect(count()).toBe(2);
  });

  it('is bounded whatever fails', async () => {
    const { clock } = failing();
    const cache = createFactCache({ maxBytes: 10_000, clock });
    for (let at = 0; at < 100; at++) {
      await cache.remember('k', `key ${at}`, never, () => Promise.reject(new Error('down')), patience).catch(() => undefined);
      expect(cache.bytes()).toBeLessThanOrEqual(10_000);
    }
  });
});
