import { describe, expect, it } from '@jest/globals';
import { durationMs } from '../../src/lib/duration.ts';

describe('a duration', () => {
  it.each<[string, number]>([
    ['1h30m', 5_400_000],
    ['1m', 60_000],
    ['30s', 30_000],
    ['0.5s', 500],
    ['.5s', 500],
    ['1.s', 1000],
    ['100ms', 100],
    ['2us', 0.002],
    ['2µs', 0.002],
    ['5ns', 0.000005],
    ['1h1m1s1ms', 3_661_001],
    ['0', 0],
    ['0s', 0],
  ])('%s is what Go reads', (text, ms) => {
    expect(durationMs(text)).toBeCloseTo(ms, 9);
  });

  it.each(['', '1', 's', '.s', '1x', '-1s', '+1s', '1 s', ' 1s', '1h-1m', '1e3s', '1d', '1hm', '1'.repeat(65), `${'1s'.repeat(33)}`])(
    '%p is none',
    (text) => {
      expect(durationMs(text)).toBeUndefined();
    },
  );
});
