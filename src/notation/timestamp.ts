import { createHash } from 'node:crypto';
import { compareInstants, type Instant, instantOf } from '../lib/instant.ts';
import { hashNameOf } from '../x509/algorithm.ts';
import { validateTimestampingChain } from '../x509/chain.ts';
import { X509Error } from '../x509/errors.ts';
import { nameText } from '../x509/name.ts';
import type { TstInfo } from '../x509/tst-info.ts';
import type { Certificate } from '../x509/types.ts';
import { anchorsOf } from './anchors.ts';
import { signatureCheck } from './certificates.ts';
import { NotationError } from './errors.ts';
import { quote } from './quote.ts';
import { checkRevocation, type RevocationInput } from './revocation.ts';
import { rfc1123 } from './time.ts';
import { signerPath } from './timestamp-signer.ts';
import { readToken, type TimestampToken } from './timestamp-token.ts';
import type { EnvelopeContent, Timestamp, VerifyInput } from './types.ts';

/** What a countersignature came to. */
export interface TimestampResult {
  readonly error?: NotationError;
  readonly validUntil?: Date;
  /** Which certificates of the authority cannot be revoked. */
  readonly note?: string;
  /** Where nothing is wrong. */
  readonly timestamp?: Timestamp;
}

/**
 * Verifies the timestamp countersignature of an envelope (trust-store-trust-policy, "Authentic Timestamp", the steps in their order): it is
 * there, reads, is of this signature, by a trusted authority whose chain was valid at the time, lies inside the validity of the signer's
 * certificates, and the authority is not revoked. That last check is part of it whatever the statement says of revocation.
 *
 * @param revocation - How the authority's status is asked for.
 */
export async function checkTimestamp(
  input: VerifyInput,
  envelope: EnvelopeContent,
  revocation: Pick<RevocationInput, 'port' | 'noted'>,
): Promise<TimestampResult> {
  try {
    return await check(input, envelope, revocation);
  } catch (error) {
    if (error instanceof NotationError) return { error };
    throw error;
  }
}

async function check(
  input: VerifyInput,
  envelope: EnvelopeContent,
  revocation: Pick<RevocationInput, 'port' | 'noted'>,
): Promise<TimestampResult> {
  const { now, facts, signal } = input;
  const bytes = envelope.timestampSignature;
  if (bytes === undefined || bytes.length === 0) {
    throw new NotationError('TIMESTAMP_MISSING', 'no timestamp countersignature was found in the signature envelope');
  }
  const reading = await readToken(bytes, facts, signal);
  if ('error' in reading) throw reading.error;
  const { token } = reading;
  checkImprint(token.info, envelope.signature);
  const path = await trustedPath(token, rootsOf(input), input);
  const timestamp = timestampOf(token.info, path);
  checkInside(timestamp, envelope.certificateChain);
  const { error, validUntil, note } = await checkRevocation({ chain: path, purpose: 'timestamping', now, ...revocation, signal });
  if (error !== undefined) throw error;
  return { timestamp, ...(validUntil && { validUntil }), ...(note !== undefined && { note }) };
}

function invalid(message: string): NotationError {
  return new NotationError('TIMESTAMP_INVALID', message);
}

function checkImprint({ version, imprint }: TstInfo, signature: Uint8Array): void {
  const why = 'failed to get timestamp from timestamp countersignature with error: invalid TSTInfo';
  if (version !== 1) throw invalid(`${why}: timestamp token info version must be 1, but got ${version}`);
  const hash = hashNameOf(imprint.algorithm);
  if (hash === undefined) throw invalid(`${why}: unrecognized hash algorithm: ${imprint.algorithm.oid}`);
  // Whole digests, so that one cut short is another.
  if (!createHash(hash).update(signature).digest().equals(imprint.digest)) throw invalid(`${why}: mismatched message`);
}

/** The roots of all `tsa` stores of the statement, each once, in their order. */
function rootsOf({ policy, trustStore }: VerifyInput): readonly Certificate[] {
  try {
    const roots = new Map(anchorsOf(policy, trustStore, 'tsa').flatMap((anchors) => [...anchors]));
    if (roots.size > 0) return [...roots.values()];
  } catch (error) {
    if (!(error instanceof NotationError)) throw error;
    throw new NotationError(error.code, `failed to load tsa trust store with error: ${error.message}`, { cause: error });
  }
  throw new NotationError('TRUST_STORE_INVALID', 'no trusted TSA certificate found in trust store');
}

type Trusted = { readonly path: readonly Certificate[] } | { readonly error: NotationError };

/** The signer and its path depend on nothing but the token and the roots, in whose order paths are looked for; so they are found out once. */
async function trustedPath(
  token: TimestampToken,
  roots: readonly Certificate[],
  { facts, signal }: VerifyInput,
): Promise<readonly Certificate[]> {
  const trust = createHash('sha256');
  for (const { fingerprint } of roots) trust.update(fingerprint);
  const found = await facts.remember('notation.timestamp', `${token.digest} ${trust.digest('base64')}`, signal, async (own) => {
    const isSigned = signatureCheck(facts, own);
    return { value: await findPath(token, roots, isSigned), bytes: 2048 };
  });
  if ('error' in found) throw found.error;
  return found.path;
}

async function findPath(
  token: TimestampToken,
  roots: readonly Certificate[],
  isSigned: ReturnType<typeof signatureCheck>,
): Promise<Trusted> {
  try {
    const path = await signerPath(token, roots, isSigned);
    await validateTimestampingChain(path, isSigned);
    return { path };
  } catch (error) {
    if (error instanceof NotationError) return { error };
    if (error instanceof X509Error)
      return { error: invalid(`failed to validate the timestamping certificate chain with error: ${error.message}`) };
    throw error;
  }
}

/** ETSI EN 319 421's baseline policy, by which one second is meant where no accuracy is given. */
const BASELINE_POLICY = '0.4.0.2023.1.1';
const ZERO: Instant = { seconds: 0, nanoseconds: 0 };

function timestampOf({ genTime, accuracy = ZERO, policy }: TstInfo, [authority]: readonly Certificate[]): Timestamp {
  const isGiven = accuracy.seconds > 0 || accuracy.nanoseconds > 0;
  const meant = !isGiven && policy === BASELINE_POLICY ? { seconds: 1, nanoseconds: 0 } : accuracy;
  return { time: genTime, accuracy: meant, authority: authority?.subject ?? [] };
}

/** The earliest and the latest that the time may have been lie inside the validity of every certificate, its ends included. */
function checkInside({ time, accuracy }: Timestamp, chain: readonly Certificate[]): void {
  const earliest = sum(time, accuracy, -1);
  const latest = sum(time, accuracy, 1);
  for (const { subject, notBefore, notAfter } of chain) {
    const early = compareInstants(earliest, instantOf(notBefore)) < 0;
    if (!early && compareInstants(latest, instantOf(notAfter)) <= 0) continue;
    const name = quote(nameText(subject));
    const when = early ? `it will be valid from "${rfc1123(notBefore)}"` : `it was expired at "${rfc1123(notAfter)}"`;
    throw invalid(`timestamp can be ${early ? 'before' : 'after'} certificate ${name} validity period, ${when}`);
  }
}

function sum(a: Instant, b: Instant, sign: 1 | -1): Instant {
  const nanoseconds = a.nanoseconds + sign * b.nanoseconds;
  const carry = Math.floor(nanoseconds / 1e9);
  return { seconds: a.seconds + sign * b.seconds + carry, nanoseconds: nanoseconds - carry * 1e9 };
}
