import { describe, expect, it } from '@jest/globals';
import { compareInstants, instantOf } from '../../src/lib/instant.ts';
import { dateOf, instantOfSeconds, parseInstant, rfc1123 } from '../../src/notation/time.ts';

describe('parseInstant', () => {
  it.each([
    ['2025-01-01T00:00:00Z', 1735689600, 0],
    ['2025-01-01T00:00:00+00:00', 1735689600, 0],
    ['2025-01-01T00:00:00-00:00', 1735689600, 0],
    ['2025-01-01T08:00:00+08:00', 1735689600, 0],
    ['2024-12-31T23:30:00-00:30', 1735689600, 0],
    ['2025-01-01T00:00:00.5Z', 1735689600, 500_000_000],
    ['2025-01-01T00:00:00.123456789Z', 1735689600, 123_456_789],
    ['2025-01-01T00:00:00.1234567899Z', 1735689600, 123_456_789],
    ['2024-02-29T00:00:00Z', 1709164800, 0],
    ['2000-02-29T00:00:00Z', 951782400, 0],
    ['1969-12-31T23:59:59Z', -1, 0],
    ['0001-01-01T00:00:00Z', -62_135_596_800, 0],
    ['0099-01-01T00:00:00Z', -59_042_995_200, 0],
    ['9999-12-31T23:59:59Z', 253_402_300_799, 0],
  ])('125 reads %s', (text, seconds, nanoseconds) => {
    expect(parseInstant(text)).toEqual({ seconds, nanoseconds });
  });

  it.each([
    [''],
    ['2025-01-01'],
    ['2025-01-01T00:00:00'],
    ['2025-01-01 00:00:00Z'],
    ['2025-01-01t00:00:00Z'],
    ['2025-01-01T00:00:00z'],
    ['2025-01-01T0:00:00Z'],
    ['2025-01-01T00:00:00,5Z'],
    ['2025-01-01T00:00:00.Z'],
    ['2025-01-01T00:00:60Z'],
    ['2025-01-01T00:60:00Z'],
    ['2025-01-01T24:00:00Z'],
    ['2025-1-01T00:00:00Z'],
    ['2025-13-01T00:00:00Z'],
    ['2025-00-01T00:00:00Z'],
    ['2025-01-00T00:00:00Z'],
    ['2025-02-29T00:00:00Z'],
    ['1900-02-29T00:00:00Z'],
    ['2025-04-31T00:00:00Z'],
    ['2025-01-01T00:00:00+24:00'],
    ['2025-01-01T00:00:00+00:60'],
    ['2025-01-01T00:00:00+0800'],
    ['2025-01-01T00:00:00+08'],
    [' 2025-01-01T00:00:00Z'],
    ['2025-01-01T00:00:00Z\n'],
    ['+002025-01-01T00:00:00Z'],
    ['20250101T000000Z'],
    ['Wed, 01 Jan 2025 00:00:00 GMT'],
    ['٢٠٢٥-01-01T00:00:00Z'],
  ])('124 D31 refuses %j', (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });
});

describe('an instant', () => {
  it('is ordered by its nanoseconds too', () => {
    const early = parseInstant('2025-01-01T00:00:00.000000001Z');
    const late = parseInstant('2025-01-01T00:00:00.000000002Z');
    expect(early && late && compareInstants(early, late)).toBeLessThan(0);
    expect(early && compareInstants(early, early)).toBe(0);
  });

  it.each([[0], [1735689600123], [-1], [-1500]])('comes back from a date as that date: %d ms', (ms) => {
    expect(dateOf(instantOf(new Date(ms))).getTime()).toBe(ms);
  });

  it.each([[Number.NaN], [Infinity], [-Infinity], [1e300]])('is not made of %d seconds', (seconds) => {
    expect(instantOfSeconds(seconds)).toBeUndefined();
  });

  it('is written as the reference writes it', () => {
    expect(rfc1123(new Date('2024-06-18T07:30:31.900Z'))).toBe('Tue, 18 Jun 2024 07:30:31 +0000');
  });
});
