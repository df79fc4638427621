import type { FactCache } from '../lib/facts.ts';
import type { RevocationPort } from '../lib/revocation.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { nameText } from '../x509/name.ts';
import type { Certificate } from '../x509/types.ts';
import { NotationError } from './errors.ts';
import { checkIdentity } from './identity.ts';
import { quote } from './quote.ts';
import { checkRevocation, type RevocationStatus } from './revocation.ts';
import { compareInstants, dateOf, instantOf, rfc1123 } from './time.ts';
import type { EnvelopeContent, Instant, TrustPolicy, TrustStore, TrustStoreType, ValidationAction, ValidationType } from './types.ts';

export interface VerifyInput {
  readonly envelope: Uint8Array;
  readonly mediaType: string;
  /** The artifact as resolved; the signed payload must name exactly it. */
  readonly subject: Descriptor;
  readonly policy: TrustPolicy;
  readonly trustStore: TrustStore;
  readonly now: Date;
  readonly facts: FactCache;
  /** Absent: what can be revoked is of unknown status. */
  readonly revocation?: RevocationPort;
  readonly signal: AbortSignal;
  /** Pairs that must have been signed with it. Optional. */
  readonly userMetadata?: Readonly<Record<string, string>>;
}

/** What the steps after integrity look at. */
interface StepContext {
  readonly input: VerifyInput;
  readonly envelope: EnvelopeContent;
  readonly action: ValidationAction;
  /** Whether the step of authenticity found nothing wrong, enforced or not. */
  readonly signerTrusted: boolean;
}

/** What a step found: what is wrong, and when that may change by the clock alone. */
interface StepResult {
  readonly error?: NotationError | undefined;
  readonly validUntil?: Date | undefined;
}

interface Step {
  readonly type: ValidationType;
  readonly check: (context: StepContext) => StepResult | Promise<StepResult>;
}

/** The steps after integrity, in the order in which the reference takes them. */
export const STEPS: readonly Step[] = [
  { type: 'authenticity', check: checkAuthenticity },
  { type: 'expiry', check: checkExpiry },
  { type: 'authenticTimestamp', check: checkAuthenticTimestamp },
  { type: 'revocation', check: checkNotRevoked },
];

/** Some certificate of the chain is in a store of the scheme's type, and the leaf's subject is a trusted identity. */
function checkAuthenticity({ input, envelope }: StepContext): StepResult {
  return { error: anchorProblem(input, envelope) ?? identityProblem(input.policy, envelope) };
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

function checkExpiry({ input, envelope: { expiry } }: StepContext): StepResult {
  if (expiry === undefined) return {};
  if (compareInstants(instantOf(input.now), expiry) < 0) return { validUntil: dateOf(expiry) };
  return { error: new NotationError('SIGNATURE_EXPIRED', `digital signature has expired on "${rfc1123(dateOf(expiry))}"`) };
}

/** The certificates were valid when it was signed, at an authentic time; without one, they must be valid now. */
function checkAuthenticTimestamp({ input, envelope }: StepContext): StepResult {
  const { certificateChain, signingScheme, signingTime } = envelope;
  if (signingScheme === 'notary.x509.signingAuthority') return { error: validityAtSigning(certificateChain, signingTime) };
  if (needsTimestamp(input, certificateChain)) {
    if (envelope.timestampSignature === undefined || envelope.timestampSignature.length === 0) {
      return { error: new NotationError('TIMESTAMP_MISSING', 'no timestamp countersignature was found in the signature envelope') };
    }
    return {
      error: new NotationError(
        'TIMESTAMP_UNSUPPORTED',
        'the trust policy demands a timestamp countersignature, which this version cannot verify',
      ),
    };
  }
  const error = validityNow(certificateChain, input.now);
  return error === undefined ? { validUntil: earliest(certificateChain.map(({ notAfter }) => notAfter)) } : { error };
}

export function earliest(dates: readonly Date[]): Date {
  return new Date(Math.min(...dates.map((date) => date.getTime())));
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

/**
 * Where the outcome is only noted and the signer is not trusted, nothing is asked: a stranger's certificate would say whom. The answer cannot
 * change the verdict then.
 */
async function checkNotRevoked({ input, envelope, action, signerTrusted }: StepContext): Promise<RevocationStatus> {
  const { certificateChain, signingScheme, signingTime } = envelope;
  return checkRevocation({
    chain: certificateChain,
    purpose: 'codeSigning',
    ...(signingScheme === 'notary.x509.signingAuthority' ? { authenticSigningTime: signingTime } : {}),
    now: input.now,
    noted: action === 'log',
    port: action === 'log' && !signerTrusted ? undefined : input.revocation,
    signal: input.signal,
  });
}
