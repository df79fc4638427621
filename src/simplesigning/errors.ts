import { CodedError } from '../lib/errors.ts';

/** Which outcome a failed check means. Whether a key service can be reached is for its `Key` to say, by rejecting. */
export type FailureOutcome = 'refused' | 'misconfigured';

const OUTCOMES = {
  ATTESTATION_INVALID: 'refused',
  SIGNATURE_INVALID: 'refused',
  SIGNATURE_EXPIRED: 'refused',
  ALGORITHM_UNSUPPORTED: 'refused',
  ALGORITHM_MISMATCH: 'refused',
  KEY_ID_MISMATCH: 'refused',
  KEY_EXPIRED: 'refused',
  KEY_REVOKED: 'refused',
  PAYLOAD_INVALID: 'refused',
  PAYLOAD_TYPE_MISMATCH: 'refused',
  PAYLOAD_DIGEST_MISMATCH: 'refused',
  PAYLOAD_REPOSITORY_MISMATCH: 'refused',
  PAYLOAD_TAG_MISMATCH: 'refused',
  KEY_INVALID: 'misconfigured',
} as const satisfies Record<string, FailureOutcome>;

export type SimpleSigningErrorCode = keyof typeof OUTCOMES;

/** A check that failed, as a value. */
export interface Failure {
  readonly ok: false;
  readonly outcome: FailureOutcome;
  readonly reason: { readonly code: SimpleSigningErrorCode; readonly message: string };
}

/** What a check found, or why it failed. */
export type Result<Found extends object> = ({ readonly ok: true } & Found) | Failure;

/** Longest message: names out of keys and messages of libraries may stand in it. */
const MAX_MESSAGE = 500;

export function failure(code: SimpleSigningErrorCode, message: string): Failure {
  return { ok: false, outcome: OUTCOMES[code], reason: { code, message: cut(message, MAX_MESSAGE) } };
}

/** What is wrong with declared key material; thrown only where a key is loaded. */
export class SimpleSigningError extends CodedError {
  readonly code = 'KEY_INVALID';
  readonly outcome = OUTCOMES.KEY_INVALID;
  constructor(message: string, options?: ErrorOptions) {
    super(cut(message, MAX_MESSAGE), options);
  }
}

/** Text that somebody else wrote, in quotes: printable ASCII, at most 80 characters of it. */
export function quote(text: string): string {
  const printable = text
    .slice(0, 100)
    .replace(/[^\x20-\x7e]/g, '?')
    .replaceAll('"', "'");
  return `"${cut(printable, 80)}"`;
}

function cut(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength - 3)}...` : text;
}
