/** Milliseconds in each unit of a Go duration. */
const UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const PART = /([0-9]{1,12}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(ns|us|µs|μs|ms|s|m|h)/y;
const MAX_CHARACTERS = 64;

/** The milliseconds of a duration as Go writes it (`1h30m`, `0.5s`), undefined for what is none; signs are not taken. */
export function durationMs(text: string): number | undefined {
  if (text === '0') return 0;
  if (text === '' || text.length > MAX_CHARACTERS) return undefined;
  let total = 0;
  for (let at = 0; at < text.length; ) {
    const part = new RegExp(PART, PART.flags);
    part.lastIndex = at;
    const [whole = '', number = '', unit = ''] = part.exec(text) ?? [];
    if (whole === '') return undefined;
    total += Number(number) * (UNITS[unit] ?? 0);
    at += whole.length;
  }
  return total;
}
