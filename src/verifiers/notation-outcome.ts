import { cut, reason, reasonWithSuffix } from '../engine/reason.ts';
import type { Outcome, Reason, TraceStep } from '../engine/types.ts';
import type { NotationError, NotationErrorCode } from '../notation/errors.ts';
import { dateOf } from '../notation/time.ts';
import type { Timestamp, ValidationResult, VerificationOutcome } from '../notation/types.ts';
import { nameText } from '../x509/name.ts';

/** What one verified signature came to, in the words of a report. */
export interface FoldedOutcome {
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly trace: TraceStep[];
  /**
   * `policy`, `level`, `warnings`, the signer's `subject` and `issuer` where the envelope was found good, and the `timestamp` where one was
   * demanded and is good.
   */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Characters of a name in a report, which may be kept. */
const MAX_NAME = 1024;

/** What to do about each failure; the message of the failure itself says what was wrong and what was expected. */
const FIX: Readonly<Record<NotationErrorCode, string>> = {
  ENVELOPE_INVALID: 'sign the image again',
  SIGNATURE_INVALID: 'sign the image again',
  CERTIFICATE_CHAIN_INVALID: 'sign with a certificate for code signing',
  PAYLOAD_INVALID: 'sign the image again',
  PAYLOAD_MISMATCH: 'sign this image',
  CRITICAL_ATTRIBUTE_UNKNOWN: 'sign without that attribute',
  PLUGIN_REQUIRED: 'sign without a verification plugin',
  SIGNER_UNTRUSTED: 'sign with a trusted certificate, or add its root to the trust store',
  IDENTITY_UNTRUSTED: 'sign with a trusted identity, or add this one to trustedIdentities',
  SIGNATURE_EXPIRED: 'sign the image again',
  CERTIFICATE_EXPIRED: 'sign again with a valid certificate',
  CERTIFICATE_NOT_YET_VALID: 'sign again with a valid certificate',
  TIMESTAMP_MISSING: 'sign with a timestamp',
  TIMESTAMP_INVALID: 'sign again with a timestamp',
  CERTIFICATE_REVOKED: 'sign again with a valid certificate',
  METADATA_MISMATCH: 'sign with that metadata',
  NO_APPLICABLE_POLICY: 'add the repository to registryScopes of a trust policy',
  REVOCATION_UNKNOWN: 'mend the way to the OCSP or CRL server, or override that step',
  TRUST_STORE_INVALID: 'mend the trust store',
  TRUST_POLICY_INVALID: 'mend the trust policy',
};

/** Folds what Notation found into an outcome with its reason. An enforced failure among the results decides. */
export function foldOutcome(found: VerificationOutcome): FoldedOutcome {
  const trace = found.validations.map(({ type, action, error, note }) => ({
    step: type,
    action,
    error: error?.message ?? null,
    ...(note === undefined ? {} : { note }),
  }));
  const detail = detailOf(found);
  // An outcome that forgot to fail is not good for all that.
  const failure = found.error ?? found.validations.find(({ action, error }) => action === 'enforce' && error !== undefined)?.error;
  if (failure !== undefined) return { ...failureOf(failure), trace, detail };
  if (found.level.name === 'skip') {
    return {
      outcome: 'accepted',
      reason: reason('SKIPPED', `trust policy ${found.policy} has level skip: the signature was not read`),
      trace,
      detail,
    };
  }
  return { outcome: 'accepted', reason: reason('VERIFIED', verifiedText(found)), trace, detail };
}

/** The outcome and the reason of a check that failed: what was wrong and expected, then the fix. */
export function failureOf(error: NotationError): { readonly outcome: Outcome; readonly reason: Reason } {
  return { outcome: error.outcome, reason: reasonWithSuffix(reason(error.code, error.message), `; ${FIX[error.code]}`) };
}

function verifiedText(found: VerificationOutcome): string {
  const leaf = found.envelope?.certificateChain[0];
  const signer = leaf === undefined ? 'the signature is good' : `signed by ${nameText(leaf.subject)}`;
  const logged = found.validations.filter(isLogged);
  if (logged.length === 0) return signer;
  const first = logged[0];
  return `${signer}; not enforced: ${first?.type}: ${first?.error?.message}${logged.length > 1 ? ` (and ${logged.length - 1} more)` : ''}`;
}

function detailOf(found: VerificationOutcome): Readonly<Record<string, unknown>> {
  const leaf = found.envelope?.certificateChain[0];
  const warnings = found.validations.filter(isLogged).map(({ type, error }) => `${type}: ${error?.message}`);
  const base = { policy: found.policy, level: found.level.name, ...(warnings.length === 0 ? {} : { warnings }) };
  if (leaf === undefined) return base;
  return {
    ...base,
    subject: cut(nameText(leaf.subject), MAX_NAME),
    issuer: cut(nameText(leaf.issuer), MAX_NAME),
    ...(found.timestamp && { timestamp: timestampDetail(found.timestamp) }),
  };
}

/** The authority's time and by how many seconds it may be off. */
function timestampDetail({ time, accuracy, authority }: Timestamp): Readonly<Record<string, unknown>> {
  return {
    time: dateOf(time).toISOString(),
    accuracySeconds: accuracy.seconds + accuracy.nanoseconds / 1e9,
    authority: cut(nameText(authority), MAX_NAME),
  };
}

function isLogged({ action, error }: ValidationResult): boolean {
  return action === 'log' && error !== undefined;
}
