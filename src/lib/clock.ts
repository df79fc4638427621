/** Two clocks: what time it is, and how much time has passed. */
export interface Clock {
  /** Milliseconds of Unix time: compared with dates. May jump. */
  now(): number;
  /** Milliseconds since an arbitrary instant: measures lifetimes. Never goes back. */
  monotonic(): number;
}

/** The clocks of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
