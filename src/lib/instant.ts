/** An instant with the nanoseconds that a fraction of a second may carry. */
export interface Instant {
  /** Since 1970. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Negative, zero or positive as `a` is before, at or after `b`. */
export function compareInstants(a: Instant, b: Instant): number {
  return a.seconds - b.seconds || a.nanoseconds - b.nanoseconds;
}

export function instantOf(date: Date): Instant {
  const ms = date.getTime();
  return { seconds: Math.floor(ms / 1000), nanoseconds: (((ms % 1000) + 1000) % 1000) * 1e6 };
}
