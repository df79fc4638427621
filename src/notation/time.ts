import type { Instant } from '../lib/instant.ts';

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,64}))?(?:Z|([+-])(\d{2}):(\d{2}))$/;
/** 0001-01-01T00:00:00Z, the time that means "none" to the reference implementation. */
const ZERO_SECONDS = -62_135_596_800;

/**
 * Reads an RFC 3339 date-time with upper-case `T` and `Z`; undefined for anything else. Digits of the fraction beyond nanoseconds are
 * cut. Stricter than the reference, which also takes a one-digit hour, a comma and offsets to 24:60.
 */
export function parseInstant(text: string): Instant | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const [fraction = '', sign, offsetHours = '0', offsetMinutes = '0'] = match.slice(7);
  if (hour > 23 || minute > 59 || second > 59 || Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60 * (sign === '-' ? -1 : 1);
  const seconds = date.getTime() / 1000 + hour * 3600 + minute * 60 + second - offset;
  return { seconds, nanoseconds: Number(fraction.slice(0, 9).padEnd(9, '0')) };
}

/** Seconds since 1970 with a fraction, as CBOR tag 1 holds them; undefined for what is no time. */
export function instantOfSeconds(seconds: number): Instant | undefined {
  if (!Number.isFinite(seconds) || Math.abs(seconds) > Number.MAX_SAFE_INTEGER) return undefined;
  const whole = Math.floor(seconds);
  return { seconds: whole, nanoseconds: Math.floor((seconds - whole) * 1e9) };
}

export function isZero({ seconds, nanoseconds }: Instant): boolean {
  return seconds === ZERO_SECONDS && nanoseconds === 0;
}

/** The instant rounded down to milliseconds; one that no `Date` holds is the last that one does. */
export function dateOf({ seconds, nanoseconds }: Instant): Date {
  return new Date(Math.max(-8.64e15, Math.min(8.64e15, seconds * 1000 + Math.floor(nanoseconds / 1e6))));
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** RFC 1123 with a numeric zone, as the reference writes times in its messages. */
export function rfc1123(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  return `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${clock} +0000`;
}
