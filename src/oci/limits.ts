/** What is taken from a registry at most. Milliseconds and bytes. */
export interface RegistryLimits {
  /** TCP and TLS. */
  readonly connectMs: number;
  /** Until the headers of an answer are complete. */
  readonly headersMs: number;
  /** Silence within a body. */
  readonly bodyMs: number;
  /** One operation with its redirects, token and retry. */
  readonly requestMs: number;
  /** Wait before a retry for which the registry named no time. */
  readonly retryMs: number;
  /** The longest `Retry-After` that is waited for. */
  readonly maxRetryAfterMs: number;
  readonly redirects: number;
  /** Pages and entries of one list of referrers. */
  readonly pages: number;
  readonly entries: number;
  readonly manifestBytes: number;
  /** Of a blob, which here is a signature envelope. */
  readonly blobBytes: number;
  readonly tokenBytes: number;
  /** Requests at a time. */
  readonly registryConcurrency: number;
  readonly totalConcurrency: number;
  /** How long a registry without the referrers API is believed to stay so. */
  readonly absentApiMs: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: RegistryLimits = {
  connectMs: 5_000,
  headersMs: 10_000,
  bodyMs: 10_000,
  requestMs: 30_000,
  retryMs: 100,
  maxRetryAfterMs: 1_000,
  redirects: 3,
  pages: 10,
  entries: 1_000,
  manifestBytes: 4 * MIB,
  blobBytes: 4 * MIB,
  tokenBytes: 64 * 1024,
  registryConcurrency: 8,
  totalConcurrency: 64,
  absentApiMs: 5 * 60_000,
};
