/** Something found out that is true for every namespace and revision, and for how long. */
export interface Fact<T> {
  readonly value: T;
  /** Bytes that keeping `value` costs; the cache is bounded by their sum. */
  readonly bytes: number;
  /** Absent: true for ever (content by digest, a signature over it). */
  readonly validUntil?: Date;
  /** From then on, whoever asks is given the value and has it loaded again behind its back; a failure of that is tried again after 30 s. */
  readonly refreshFrom?: Date;
  /** When it was said; what was said earlier does not take its place. */
  readonly asOf?: Date;
}

/** What becomes of a load that failed; without it the next caller loads anew. */
export interface Patience {
  /** Milliseconds in which whoever asks is given the failure at once, and nothing is loaded. */
  readonly restMs: number;
  /** Milliseconds after the failure in which it is still given at once, and loaded again behind the caller's back. Default: none beyond `restMs`. */
  readonly staleMs?: number;
}

/** Facts shared by all evaluations: bounded by bytes, one load at a time for a key. */
export interface FactCache {
  /**
   * The fact under (`kind`, `key`), loaded if it is not known. Concurrent callers share one load, which is detached from
   * all of them: each caller stops waiting when its own `signal` aborts, and the load goes on (30 s at most) and is kept.
   * A load that rejects is not kept, beyond the `patience` of who asks; every waiting caller gets its reason.
   */
  remember<T>(
    kind: string,
    key: string,
    signal: AbortSignal,
    load: (signal: AbortSignal) => Promise<Fact<T>>,
    patience?: Patience,
  ): Promise<T>;
}
