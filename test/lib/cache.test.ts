import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createFactCache, createVerdictCache, joinKey, type Kept } from '../../src/lib/cache.ts';
import type { Fact } from '../../src/lib/facts.ts';
import { handClock, WALL } from './hand-clock.ts';

const never = new AbortController().signal;

/** A load that ends when the test says so, and how often it was begun. */
function heldLoad<T>() {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const signals: AbortSignal[] = [];
  const load = (signal: AbortSignal) => {
    signals.push(signal);
    return promise;
  };
  return { load, resolve, reject, signals };
}

/** Counts how often something had to be loaded. */
function counted<T>(make: () => T) {
  let count = 0;
  return {
    load: async () => {
      count += 1;
      return make();
    },
    count: () => count,
  };
}

describe('a fact cache', () => {
  it('loads a fact once', async () => {
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock() });
    const { load, count } = counted(() => ({ value: 'a', bytes: 1 }));
    expect(await cache.remember('k', 'x', never, load)).toBe('a');
    expect(await cache.remember('k', 'x', never, load)).toBe('a');
    expect(count()).toBe(1);
  });

  it.each([[undefined], [null], [0], [''], [false]])('keeps %p as it keeps any value', async (value) => {
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock() });
    const { load, count } = counted(() => ({ value, bytes: 0 }));
    await cache.remember('k', 'x', never, load);
    expect(await cache.remember<unknown>('k', 'x', never, load)).toBe(value);
    expect(count()).toBe(1);
  });

  it('tells kinds apart that have the same key', async () => {
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock() });
    await cache.remember('a', 'bc', never, async () => ({ value: 1, bytes: 1 }));
    expect(await cache.remember('ab', 'c', never, async () => ({ value: 2, bytes: 1 }))).toBe(2);
  });

  it('shares one load among a thousand concurrent callers', async () => {
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock() });
    const { load, resolve, signals } = heldLoad<Fact<string>>();
    const callers = Array.from({ length: 1000 }, () => cache.remember('k', 'x', new AbortController().signal, load));
    resolve({ value: 'a', bytes: 1 });
    expect(new Set(await Promise.all(callers))).toEqual(new Set(['a']));
    expect(signals).toHaveLength(1);
  });

  it('lets the caller that began a load leave without ending it for the others', async () => {
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock() });
    const { load, resolve, signals } = heldLoad<Fact<string>>();
    const first = new AbortController();
    const leaving = cache.remember('k', 'x', first.signal, load);
    const staying = cache.remember('k', 'x', never, load);
    first.abort(new Error('deadline of the first'));
    await expect(leaving).rejects.toThrow('deadline of the first');
    expect(signals[0]?.aborted).toBe(false);
    resolve({ value: 'a', bytes: 1 });
    expect(await staying).toBe('a');
  });

  it('keeps what arrives after every caller has left', async () => {
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock() });
    const { load, resolve, signals } = heldLoad<Fact<string>>();
    const caller = new AbortController();
    const leaving = cache.remember('k', 'x', caller.signal, load);
    caller.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    resolve({ value: 'late', bytes: 1 });
    expect(await cache.remember('k', 'x', never, load)).toBe('late');
    expect(signals).toHaveLength(1);
  });

  it('survives a load that fails after every caller has left, and loads again', async () => {
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock() });
    const { load, reject } = heldLoad<Fact<string>>();
    const caller = new AbortController();
    const leaving = cache.remember('k', 'x', caller.signal, load);
    caller.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    reject(new Error('nobody hears this'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await cache.remember('k', 'x', never, async () => ({ value: 'b', bytes: 1 }))).toBe('b');
  });

  it('begins nothing for a caller that has left already', async () => {
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock() });
    const { load, count } = counted(() => ({ value: 'a', bytes: 1 }));
    await expect(cache.remember('k', 'x', AbortSignal.abort(new Error('too late')), load)).rejects.toThrow('too late');
    expect(count()).toBe(0);
  });

  it('gives every waiting caller the reason of a failed load and keeps nothing', async () => {
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock() });
    const { load, reject } = heldLoad<Fact<string>>();
    const callers = [cache.remember('k', 'x', never, load), cache.remember('k', 'x', never, load)];
    reject(new Error('registry is down'));
    for (const result of await Promise.allSettled(callers)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { message: 'registry is down' } });
    }
    expect(await cache.remember('k', 'x', never, async () => ({ value: 'b', bytes: 1 }))).toBe('b');
  });

  it('takes a load that throws at once for one that fails', async () => {
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock() });
    const load = () => {
      throw new Error('at once');
    };
    await expect(cache.remember('k', 'x', never, load)).rejects.toThrow('at once');
  });

  it('ends a load that does not end, for all who wait, and begins anew for the next', async () => {
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock(), loadLimitMs: 1 });
    const { load, signals, resolve } = heldLoad<Fact<string>>();
    await expect(cache.remember('k', 'x', never, load)).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(signals[0]?.aborted).toBe(true);
    resolve({ value: 'much too late', bytes: 1 });
    await new Promise((next) => setImmediate(next));
    expect(await cache.remember('k', 'x', never, async () => ({ value: 'b', bytes: 1 }))).toBe('b');
  });

  it('does not keep a fact beyond its validUntil', async () => {
    const clock = handClock();
    const cache = createFactCache({ maxBytes: 1e6, clock });
    const { load, count } = counted(() => ({ value: 'a', bytes: 1, validUntil: new Date(clock.now() + 1_000) }));
    await cache.remember('k', 'x', never, load);
    clock.pass(999);
    await cache.remember('k', 'x', never, load);
    expect(count()).toBe(1);
    clock.pass(1);
    await cache.remember('k', 'x', never, load);
    expect(count()).toBe(2);
  });

  it.each([
    ['is past', new Date(WALL - 1)],
    ['is now', new Date(WALL)],
    ['is no date', new Date(Number.NaN)],
  ])('gives but does not keep a fact whose validUntil %s', async (_, validUntil) => {
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock() });
    const { load, count } = counted(() => ({ value: 'a', bytes: 1, validUntil }));
    expect(await cache.remember('k', 'x', never, load)).toBe('a');
    await cache.remember('k', 'x', never, load);
    expect(count()).toBe(2);
    expect(cache.bytes()).toBe(0);
  });

  it('keeps no fact longer because the wall clock jumps back (A-C-17)', async () => {
    const clock = handClock();
    const cache = createFactCache({ maxBytes: 1e6, clock });
    const { load, count } = counted(() => ({ value: 'a', bytes: 1, validUntil: new Date(WALL + 1_000) }));
    await cache.remember('k', 'x', never, load);
    clock.pass(1_000);
    clock.setWall(WALL - 3_600_000);
    await cache.remember('k', 'x', never, load);
    expect(count()).toBe(2);
  });

  it.each([
    ['more than the cache has', 10_001],
    ['no number', Number.NaN],
    ['endless', Infinity],
    ['less than nothing', -5_000],
  ])('gives but does not keep a fact whose bytes are %s, and keeps the others', async (_, bytes) => {
    const cache = createFactCache({ maxBytes: 10_000, clock: handClock() });
    const small = counted(() => ({ value: 'small', bytes: 1 }));
    await cache.remember('k', 'small', never, small.load);
    const odd = counted(() => ({ value: 'odd', bytes }));
    expect(await cache.remember('k', 'odd', never, odd.load)).toBe('odd');
    await cache.remember('k', 'odd', never, odd.load);
    await cache.remember('k', 'small', never, small.load);
    expect([odd.count(), small.count()]).toEqual([2, 1]);
  });

  it('never holds more bytes than it may, whatever comes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.string(), fc.nat(6_000)), { maxLength: 60 }), async (facts) => {
        const cache = createFactCache({ maxBytes: 10_000, clock: handClock() });
        for (const [key, bytes] of facts) {
          await cache.remember('k', key, never, async () => ({ value: key, bytes }));
          expect(cache.bytes()).toBeLessThanOrEqual(10_000);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('charges for keys: a million empty facts do not fit', async () => {
    const cache = createFactCache({ maxBytes: 10_000, clock: handClock() });
    for (let at = 0; at < 200; at++) await cache.remember('k', 'x'.repeat(1_000) + at, never, async () => ({ value: 0, bytes: 0 }));
    const { load, count } = counted(() => ({ value: 0, bytes: 0 }));
    for (let at = 0; at < 200; at++) await cache.remember('k', 'x'.repeat(1_000) + at, never, load);
    expect(count()).toBeGreaterThan(190);
  });

  it('forgets what was not asked for the longest', async () => {
    const cache = createFactCache({ maxBytes: 3_000, clock: handClock() });
    const load = async () => ({ value: 0, bytes: 400 });
    const again = counted(() => ({ value: 0, bytes: 400 }));
    for (const key of ['a', 'b', 'a', 'c', 'a', 'd']) await cache.remember('k', key, never, load);
    await cache.remember('k', 'a', never, again.load);
    expect(again.count()).toBe(0);
    await cache.remember('k', 'b', never, again.load);
    expect(again.count()).toBe(1);
  });

  it('shares loads even where it may keep nothing', async () => {
    const cache = createFactCache({ maxBytes: 0, clock: handClock() });
    const { load, count } = counted(() => ({ value: 'a', bytes: 1 }));
    await Promise.all([cache.remember('k', 'x', never, load), cache.remember('k', 'x', never, load)]);
    expect(count()).toBe(1);
    await cache.remember('k', 'x', never, load);
    expect(count()).toBe(2);
  });

  it('tells how each load went', async () => {
    const lookups: string[] = [];
    const cache = createFactCache({ maxBytes: 1e6, clock: handClock(), onLookup: (lookup) => lookups.push(lookup) });
    const load = async () => ({ value: 'a', bytes: 1 });
    await Promise.all([cache.remember('k', 'x', never, load), cache.remember('k', 'x', never, load)]);
    await cache.remember('k', 'x', never, load);
    expect(lookups).toEqual(['miss', 'shared', 'hit']);
  });
});

describe('a verdict cache', () => {
  const kept = (over: Partial<Kept<string>>): Kept<string> => ({ value: 'v', bytes: 1, ttlMs: 60_000, ...over });

  it.each([
    ['keeps a verdict until its TTL', kept({}), 59_999, true],
    ['keeps none at its TTL', kept({}), 60_000, false],
    ['keeps none with a TTL of 0', kept({ ttlMs: 0 }), 0, false],
    ['keeps none with a negative TTL', kept({ ttlMs: -1 }), 0, false],
    ['keeps none with a TTL that is no number', kept({ ttlMs: Number.NaN }), 0, false],
    ['keeps none beyond validUntil, however long the TTL (A-C-16)', kept({ validUntil: new Date(WALL + 500) }), 500, false],
    ['keeps one until validUntil', kept({ validUntil: new Date(WALL + 500) }), 499, true],
    ['keeps none beyond the TTL, however late validUntil', kept({ ttlMs: 10, validUntil: new Date(WALL + 5e9) }), 10, false],
    ['keeps none that is too big', kept({ bytes: 2e6 }), 0, false],
  ])('%s', async (_, verdict, passed, there) => {
    const clock = handClock();
    const cache = createVerdictCache<string>({ maxBytes: 1e6, clock });
    await cache.load('key', never, async () => verdict);
    clock.pass(passed);
    expect(cache.get('key')).toBe(there ? 'v' : undefined);
  });

  it.each([
    ['back by a day: the TTL ends when it would have', -86_400_000, 60_000, false],
    ['back by a day: no verdict is lost either', -86_400_000, 59_999, true],
    ['forward by a day: what has a validUntil is gone', 86_400_000, 0, false],
  ])('measures by the monotonic clock when the wall clock jumps %s (A-C-17)', async (_, jump, passed, there) => {
    const clock = handClock();
    const cache = createVerdictCache<string>({ maxBytes: 1e6, clock });
    await cache.load('key', never, async () => kept({ validUntil: new Date(WALL + 3_600_000) }));
    clock.pass(passed);
    clock.setWall(WALL + jump);
    expect(cache.get('key')).toBe(there ? 'v' : undefined);
  });

  it('is filled by work that ends after everybody has left', async () => {
    const cache = createVerdictCache<string>({ maxBytes: 1e6, clock: handClock() });
    const { load, resolve } = heldLoad<Kept<string>>();
    const caller = new AbortController();
    const leaving = cache.load('key', caller.signal, load);
    caller.abort(new Error('1.7 s are over'));
    await expect(leaving).rejects.toThrow('1.7 s are over');
    resolve(kept({ value: 'late' }));
    await new Promise((next) => setImmediate(next));
    expect(cache.get('key')).toBe('late');
  });

  it('lets no failure stick', async () => {
    const cache = createVerdictCache<string>({ maxBytes: 1e6, clock: handClock() });
    await expect(cache.load('key', never, async () => Promise.reject(new Error('hiccup')))).rejects.toThrow('hiccup');
    expect(cache.get('key')).toBeUndefined();
    expect(await cache.load('key', never, async () => kept({}))).toBe('v');
  });
});

describe('joinKey', () => {
  it.each([
    [
      ['ns', 'a/b'],
      ['nsa', '/b'],
    ],
    [
      ['a/b', 'c'],
      ['a', 'b/c'],
    ],
    [
      ['a', ''],
      ['', 'a'],
    ],
    [['a'], ['a', '']],
    [['1:a'], ['', 'a']],
    [['1:a1:b'], ['a', 'b']],
    [[], ['']],
  ])('tells %j from %j (A-C-12, A-T-28)', (one, other) => {
    expect(joinKey(one)).not.toBe(joinKey(other));
  });

  it('gives different strings for different lists (A-C-11)', () => {
    const part = fc.oneof(fc.string({ unit: fc.constantFrom('a', ':', '1', '0', '/') }), fc.string());
    fc.assert(
      fc.property(fc.array(part), fc.array(part), (one, other) => {
        expect(joinKey(one) === joinKey(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 500 },
    );
  });
});
