import { CodedError } from './errors.ts';
import type { FactCache } from './facts.ts';

/** The network over which revocation is asked, and what it has answered so far. */
export interface RevocationPort {
  /** The body of the answer to an OCSP request (DER), at most 20,480 bytes; GET or POST (RFC 6960 A.1). @throws {RevocationFetchError} */
  fetchOcsp(url: string, request: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  /** The body of the list at `url`, less than 32 MiB. @throws {RevocationFetchError} */
  fetchCrl(url: string, signal: AbortSignal): Promise<Uint8Array>;
  /** Answers of this network that were found good, until their nextUpdate. */
  readonly answers: FactCache;
}

/** No answer, or none that may be asked for; the message says why. */
export class RevocationFetchError extends CodedError {
  readonly code = 'REVOCATION_UNREACHABLE';
}

/** The reference's limits, in milliseconds and bytes; a list of exactly 32 MiB is one too long. */
export const REVOCATION_LIMITS = {
  ocsp: { ms: 2000, maxBytes: 20_480 },
  crl: { ms: 5000, maxBytes: 32 * 1024 * 1024 - 1 },
} as const;
