import { compareInstants, type Instant, instantOf } from '../lib/instant.ts';
import { nameText } from '../x509/name.ts';
import type { Certificate } from '../x509/types.ts';
import { anchorsOf } from './anchors.ts';
import { NotationError } from './errors.ts';
import { checkIdentity } from './identity.ts';
import { quote } from './quote.ts';
import { checkRevocation, type RevocationInput } from './revocation.ts';
import { dateOf, rfc1123 } from './time.ts';
import { checkTimestamp } from './timestamp.ts';
import type { EnvelopeContent, Timestamp, TrustPolicy, TrustStoreType, ValidationAction, ValidationType, VerifyInput } from './types.ts';

/** What the steps after integrity look at. */
interface StepContext {
  readonly input: VerifyInput;
  readonly envelope: EnvelopeContent;
  readonly action: ValidationAction;
  /** Whether the step of authenticity found nothing wrong, enforced or not. */
  readonly signerTrusted: boolean;
}

/** What a step found: what is wrong, when that may change by the clock alone, and what is to be known though nothing is wrong. */
interface StepResult {
  readonly error?: NotationError | undefined;
  readonly validUntil?: Date | undefined;
  readonly note?: string | undefined;
  /** Of a countersignature that is good. */
  readonly timestamp?: Timestamp;
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
  const untrusted = (message: string): NotationError => new NotationError('SIGNER_UNTRUSTED', message);
  try {
    const stores = anchorsOf(policy, trustStore, type);
    if (stores.length === 0)
      return untrusted(`no trusted certificates are found to verify authenticity: the statement names no trust store of type ${type}`);
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
function checkAuthenticTimestamp(context: StepContext): StepResult | Promise<StepResult> {
  const { input, envelope } = context;
  const { certificateChain, signingScheme, signingTime } = envelope;
  if (signingScheme === 'notary.x509.signingAuthority') return { error: validityAtSigning(certificateChain, signingTime) };
  if (needsTimestamp(input, certificateChain)) return checkTimestamp(input, envelope, revocationOf(context));
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
    // Negated, so that a clock that gives no time finds no certificate valid.
    const early = !(now >= notBefore);
    if (!early && now <= notAfter) continue;
    const name = quote(nameText(subject));
    if (early) {
      return new NotationError(
        'CERTIFICATE_NOT_YET_VALID',
        `verification time is before certificate ${name} validity period, it will be valid from "${rfc1123(notBefore)}"`,
      );
    }
    return new NotationError(
      'CERTIFICATE_EXPIRED',
      `verification time is after certificate ${name} validity period, it was expired at "${rfc1123(notAfter)}"`,
    );
  }
  return undefined;
}

async function checkNotRevoked(context: StepContext): Promise<StepResult> {
  const { input, envelope } = context;
  const { certificateChain, signingScheme, signingTime } = envelope;
  return checkRevocation({
    chain: certificateChain,
    purpose: 'codeSigning',
    ...(signingScheme === 'notary.x509.signingAuthority' ? { authenticSigningTime: signingTime } : {}),
    now: input.now,
    ...revocationOf(context),
    signal: input.signal,
  });
}

/**
 * Where the outcome is only noted and the signer is not trusted, nothing is asked: a stranger's certificate would say whom. The answer cannot
 * change the verdict then.
 */
function revocationOf({ input, action, signerTrusted }: StepContext): Pick<RevocationInput, 'port' | 'noted'> {
  const noted = action === 'log';
  return { noted, port: noted && !signerTrusted ? undefined : input.revocation };
}
