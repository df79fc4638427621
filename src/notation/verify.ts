import type { FactCache } from '../lib/facts.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { nameText } from '../x509/name.ts';
import type { Certificate } from '../x509/types.ts';
import { attributesProblem } from './attributes.ts';
import { readEnvelope } from './envelope.ts';
import { NotationError } from './errors.ts';
import { checkIdentity } from './identity.ts';
import { levelOf, VALIDATION_TYPES } from './levels.ts';
import { payloadProblem } from './payload.ts';
import { quote } from './quote.ts';
import { compareInstants, dateOf, instantOf, rfc1123 } from './time.ts';
import type {
  EnvelopeContent,
  Instant,
  TrustPolicy,
  TrustStore,
  TrustStoreType,
  ValidationResult,
  ValidationType,
  VerificationOutcome,
} from './types.ts';

export interface VerifyInput {
  readonly envelope: Uint8Array;
  readonly mediaType: string;
  /** The artifact as resolved; the signed payload must name exactly it. */
  readonly subject: Descriptor;
  readonly policy: TrustPolicy;
  readonly trustStore: TrustStore;
  readonly now: Date;
  readonly facts: FactCache;
  readonly signal: AbortSignal;
  /** Pairs that must have been signed with it. Optional. */
  readonly userMetadata?: Readonly<Record<string, string>>;
}

/** What the steps after integrity look at. */
interface StepContext {
  readonly input: VerifyInput;
  readonly envelope: EnvelopeContent;
}

interface Step {
  readonly type: ValidationType;
  readonly check: (context: StepContext) => NotationError | undefined;
}

/** The steps after integrity, in the order in which the reference takes them. */
const STEPS: readonly Step[] = [
  { type: 'authenticity', check: checkAuthenticity },
  { type: 'expiry', check: checkExpiry },
  { type: 'authenticTimestamp', check: checkAuthenticTimestamp },
  { type: 'revocation', check: checkRevocation },
];

/**
 * Verifies one signature by one statement of a trust policy (trust-store-trust-policy, "Signature Verification"). Every step is recorded
 * with its action and its error; an enforced failure ends it. Level `skip` reads nothing and is good.
 *
 * Rejects only if `signal` aborts, or for a defect of ours.
 */
export async function verifySignature(input: VerifyInput): Promise<VerificationOutcome> {
  const level = levelOf(input.policy);
  const base = { level, policy: input.policy.name };
  if (level.name === 'skip') return { ...base, validations: VALIDATION_TYPES.map((type) => ({ type, action: 'skip' })) };

  const reading = await readEnvelope(input.envelope, input.mediaType, input.facts, input.signal);
  if ('error' in reading) {
    return { ...base, validations: [{ type: 'integrity', action: 'enforce', error: reading.error }], error: reading.error };
  }
  const envelope = reading.content;
  const validations: ValidationResult[] = [{ type: 'integrity', action: 'enforce' }];
  const outcome = (error: NotationError | undefined): VerificationOutcome => ({ ...base, envelope, validations, ...(error && { error }) });

  const unknown = attributesProblem(envelope.extendedAttributes);
  if (unknown !== undefined) return outcome(unknown);
  for (const { type, check } of STEPS) {
    const action = level.actions[type];
    const error = action === 'skip' ? undefined : check({ input, envelope });
    validations.push({ type, action, ...(error && { error }) });
    if (action === 'enforce' && error !== undefined) return outcome(error);
  }
  const mismatch = payloadProblem(envelope.payload, input.subject, input.userMetadata ?? {});
  if (mismatch !== undefined) return outcome(mismatch);
  const validUntil = endOf(envelope, level.actions);
  return { ...outcome(undefined), ...(validUntil && { validUntil }) };
}

/** Some certificate of the chain is in a store of the scheme's type, and the leaf's subject is a trusted identity. */
function checkAuthenticity({ input, envelope }: StepContext): NotationError | undefined {
  return anchorProblem(input, envelope) ?? identityProblem(input.policy, envelope);
}

function anchorProblem(
  { policy, trustStore }: VerifyInput,
  { signingScheme, certificateChain }: EnvelopeContent,
): NotationError | undefined {
  const type: TrustStoreType = signingScheme === 'notary.x509' ? 'ca' : 'signingAuthority';
  const names = [...new Set(policy.trustStores.filter((store) => store.startsWith(`${type}:`)))].map((store) =>
    store.slice(type.length + 1),
  );
  const untrusted = (message: string): NotationError => new NotationError('SIGNER_UNTRUSTED', message);
  if (names.length === 0)
    return untrusted(`no trusted certificates are found to verify authenticity: the statement names no trust store of type ${type}`);
  try {
    // All of them are asked for: one store that is broken fails the step, whatever the others hold.
    const stores = names.map((name) => trustStore.getCertificates(type, name));
    // Byte for byte: the same subject and key in another certificate is another certificate.
    if (certificateChain.some(({ fingerprint }) => stores.some((anchors) => anchors.has(fingerprint)))) return undefined;
  } catch (error) {
    if (error instanceof NotationError) return error;
    throw error;
  }
  const root = certificateChain.at(-1);
  const chain = root === undefined ? 'empty' : nameText(root.subject);
  return untrusted(`the signature's certificate chain does not contain any trusted certificate; it ends with ${chain}`);
}

function identityProblem(policy: TrustPolicy, { certificateChain: [leaf] }: EnvelopeContent): NotationError | undefined {
  try {
    checkIdentity(leaf?.subject ?? [], policy.trustedIdentities, policy.name);
    return undefined;
  } catch (error) {
    if (error instanceof NotationError) return error;
    throw error;
  }
}

function checkExpiry({ input, envelope: { expiry } }: StepContext): NotationError | undefined {
  if (expiry === undefined || compareInstants(instantOf(input.now), expiry) < 0) return undefined;
  return new NotationError('SIGNATURE_EXPIRED', `digital signature has expired on "${rfc1123(dateOf(expiry))}"`);
}

/** The certificates were valid when it was signed, at an authentic time; without one, they must be valid now. */
function checkAuthenticTimestamp({ input, envelope }: StepContext): NotationError | undefined {
  const { certificateChain, signingScheme, signingTime } = envelope;
  if (signingScheme === 'notary.x509.signingAuthority') return validityAtSigning(certificateChain, signingTime);
  if (needsTimestamp(input, certificateChain)) {
    if (envelope.timestampSignature === undefined || envelope.timestampSignature.length === 0) {
      return new NotationError('TIMESTAMP_MISSING', 'no timestamp countersignature was found in the signature envelope');
    }
    return new NotationError(
      'TIMESTAMP_UNSUPPORTED',
      'the trust policy demands a timestamp countersignature, which this version cannot verify',
    );
  }
  return validityNow(certificateChain, input.now);
}

function needsTimestamp({ policy, now }: VerifyInput, chain: readonly Certificate[]): boolean {
  if (!policy.trustStores.some((store) => store.startsWith('tsa:'))) return false;
  return policy.signatureVerification.verifyTimestamp === 'always' || chain.some(({ notAfter }) => now > notAfter);
}

function validityAtSigning(chain: readonly Certificate[], at: Instant): NotationError | undefined {
  for (const { subject, notBefore, notAfter } of chain) {
    const early = compareInstants(at, instantOf(notBefore)) < 0;
    if (!early && compareInstants(at, instantOf(notAfter)) <= 0) continue;
    return new NotationError(
      early ? 'CERTIFICATE_NOT_YET_VALID' : 'CERTIFICATE_EXPIRED',
      `certificate ${quote(nameText(subject))} was not valid when the digital signature was produced at "${rfc1123(dateOf(at))}"`,
    );
  }
  return undefined;
}

function validityNow(chain: readonly Certificate[], now: Date): NotationError | undefined {
  for (const { subject, notBefore, notAfter } of chain) {
    const name = quote(nameText(subject));
    // Negated, so that a clock that gives no time finds no certificate valid.
    if (!(now >= notBefore)) {
      return new NotationError(
        'CERTIFICATE_NOT_YET_VALID',
        `verification time is before certificate ${name} validity period, it will be valid from "${rfc1123(notBefore)}"`,
      );
    }
    if (!(now <= notAfter)) {
      return new NotationError(
        'CERTIFICATE_EXPIRED',
        `verification time is after certificate ${name} validity period, it was expired at "${rfc1123(notAfter)}"`,
      );
    }
  }
  return undefined;
}

/** Certificates that name no responder and no list cannot be revoked; the others' status is not looked up by this version. */
function checkRevocation({ envelope: { certificateChain } }: StepContext): NotationError | undefined {
  const revocable = certificateChain.slice(0, -1).find(({ ocspUrls, crlUrls }) => ocspUrls.length > 0 || crlUrls.length > 0);
  if (revocable === undefined) return undefined;
  const url = revocable.ocspUrls[0] ?? revocable.crlUrls[0] ?? '';
  return new NotationError(
    'REVOCATION_UNKNOWN',
    `signing certificate with subject ${quote(nameText(revocable.subject))} revocation status is unknown: checking at ${quote(url)} is not available in this version; set override revocation to log or skip`,
  );
}

/** When a good outcome may turn bad by the clock: at the expiry and the certificates' ends, as far as they are enforced. */
function endOf(
  { expiry, certificateChain, signingScheme }: EnvelopeContent,
  actions: VerificationOutcome['level']['actions'],
): Date | undefined {
  const ends = [
    ...(expiry !== undefined && actions.expiry === 'enforce' ? [dateOf(expiry)] : []),
    ...(signingScheme === 'notary.x509' && actions.authenticTimestamp === 'enforce'
      ? certificateChain.map(({ notAfter }) => notAfter)
      : []),
  ];
  return ends.length === 0 ? undefined : new Date(Math.min(...ends.map((end) => end.getTime())));
}
