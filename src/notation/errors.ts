import { CodedError } from '../lib/errors.ts';

/** Which outcome a failed check means; `accepted` is none of them. */
export type FailureOutcome = 'refused' | 'unavailable' | 'misconfigured';

const OUTCOMES = {
  ENVELOPE_INVALID: 'refused',
  SIGNATURE_INVALID: 'refused',
  CERTIFICATE_CHAIN_INVALID: 'refused',
  PAYLOAD_INVALID: 'refused',
  PAYLOAD_MISMATCH: 'refused',
  CRITICAL_ATTRIBUTE_UNKNOWN: 'refused',
  PLUGIN_REQUIRED: 'refused',
  SIGNER_UNTRUSTED: 'refused',
  IDENTITY_UNTRUSTED: 'refused',
  SIGNATURE_EXPIRED: 'refused',
  CERTIFICATE_EXPIRED: 'refused',
  CERTIFICATE_NOT_YET_VALID: 'refused',
  TIMESTAMP_MISSING: 'refused',
  TIMESTAMP_INVALID: 'refused',
  CERTIFICATE_REVOKED: 'refused',
  METADATA_MISMATCH: 'refused',
  NO_APPLICABLE_POLICY: 'refused',
  REVOCATION_UNKNOWN: 'unavailable',
  TRUST_STORE_INVALID: 'misconfigured',
  TRUST_POLICY_INVALID: 'misconfigured',
} as const satisfies Record<string, FailureOutcome>;

export type NotationErrorCode = keyof typeof OUTCOMES;

/** Longest message: it may quote names out of certificates, and reports are kept. */
const MAX_MESSAGE = 1024;

/** A check of Notation that failed: a value in a `ValidationResult`, thrown only inside this folder and by trust stores. */
export class NotationError extends CodedError {
  readonly code: NotationErrorCode;
  readonly outcome: FailureOutcome;
  constructor(code: NotationErrorCode, message: string, options?: ErrorOptions) {
    super(message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 3)}...` : message, options);
    this.code = code;
    this.outcome = OUTCOMES[code];
  }
}

/** The error itself, if it is one that input can cause; a defect of ours goes on up. */
export function expectedFailure(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  throw error;
}
