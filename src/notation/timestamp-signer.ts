import { createHash } from 'node:crypto';
import { CodedError } from '../lib/errors.ts';
import { compareInstants, type Instant, instantOf } from '../lib/instant.ts';
import { hashNameOf } from '../x509/algorithm.ts';
import { isTimestampingOnly, type SignatureCheck } from '../x509/chain.ts';
import type { SignerInfo } from '../x509/cms.ts';
import { isSignerInfoBy } from '../x509/cms-signature.ts';
import { type Der, expectTag, TAG } from '../x509/der.ts';
import { oidOf, timeOf } from '../x509/der-values.ts';
import { timestampingPaths } from '../x509/path.ts';
import { readSigningCertificateV2 } from '../x509/signing-certificate.ts';
import type { Certificate } from '../x509/types.ts';
import { NotationError } from './errors.ts';
import { type TimestampToken, TST_INFO } from './timestamp-token.ts';

const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
const SIGNING_TIME = '1.2.840.113549.1.9.5';
const SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47';

/**
 * The path from the certificate of the first signer that is good to a root, valid at the token's own time (RFC 3161 section 2.3, RFC 5652
 * section 5.6, RFC 5816). Within a signer, what costs least is looked at first; which signer is the first good one does not depend on that.
 *
 * @throws {NotationError} `TIMESTAMP_INVALID` if no signer is good, with the reason of the last one.
 */
export async function signerPath(
  token: TimestampToken,
  roots: readonly Certificate[],
  isSigned: SignatureCheck,
): Promise<readonly Certificate[]> {
  let last: CodedError | undefined;
  for (const signer of token.signed.signerInfos) {
    try {
      return await pathOf(signer, token, roots, isSigned);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      last = error;
    }
  }
  throw problem(`failed to verify the timestamp countersignature with error: ${last?.message ?? 'signerInfo not found'}`);
}

function problem(message: string): CodedError {
  return new NotationError('TIMESTAMP_INVALID', message);
}

async function pathOf(
  signer: SignerInfo,
  token: TimestampToken,
  roots: readonly Certificate[],
  isSigned: SignatureCheck,
): Promise<readonly Certificate[]> {
  const certificate = signingCertificate(signer, token);
  if (signer.version !== 1) throw problem(`invalid signer info version: only version 1 is supported; got ${signer.version}`);
  checkSignedAttributes(signer, token.content);
  checkPurpose(certificate);
  const signingTime = signingTimeOf(signer);
  if (!(await isSignerInfoBy(certificate, signer)))
    throw problem('cms verification failure: verification error or unknown signature algorithm');
  const { certificates, info } = token;
  for await (const path of timestampingPaths({ leaf: certificate, roots, intermediates: certificates, at: info.genTime, isSigned })) {
    if (signingTime === undefined || path.every((one) => isValidAt(one, signingTime))) return path;
  }
  throw problem("signing time is outside certificate's validity period");
}

/** The certificate that the signed attribute names and whose hash it gives; of its own, the signer says nothing that is signed. */
function signingCertificate(signer: SignerInfo, { certificates }: TimestampToken): Certificate {
  const value = attributeOf(signer, SIGNING_CERTIFICATE_V2);
  if (value === undefined) throw problem('failed to get SigningCertificateV2 from signed attributes: attribute not found');
  const [first] = readSigningCertificateV2(value);
  if (first === undefined) throw problem('signingCertificateV2 does not contain any certificate');
  const { rawIssuer, serialNumber } = first.issuerSerial ?? signer;
  const certificate = certificates.find((one) => one.serialNumber === serialNumber && sameBytes(one.rawIssuer, rawIssuer));
  if (certificate === undefined) throw problem('signing certificate not found in the timestamp token');
  const hash = first.algorithm === undefined ? 'sha256' : hashNameOf(first.algorithm);
  if (hash === undefined) throw problem('unsupported certificate hash algorithm in SigningCertificateV2 attribute');
  if (sameBytes(createHash(hash).update(certificate.raw).digest(), first.hash)) return certificate;
  throw problem('signing certificate hash does not match CertHash in signed attribute');
}

/** The first value of the first attribute of a type; undefined where there is no such attribute. */
function attributeOf({ signedAttributes }: SignerInfo, wanted: string): Der | undefined {
  const found = signedAttributes.find(({ type }) => type === wanted);
  if (found === undefined) return undefined;
  const [value] = found.values;
  if (value === undefined) throw problem(`signed attribute ${wanted} has no value`);
  return value;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** RFC 5652 section 11: what was signed is this content, and of this type. */
function checkSignedAttributes(signer: SignerInfo, content: Uint8Array): void {
  const type = attributeOf(signer, CONTENT_TYPE);
  if (type === undefined) throw problem('invalid content type: attribute not found');
  if (oidOf(type) !== TST_INFO) throw problem(`mismatch content type: found ${oidOf(type)} in signer info, and ${TST_INFO} in signed data`);
  const digest = attributeOf(signer, MESSAGE_DIGEST);
  if (digest === undefined) throw problem('invalid message digest: attribute not found');
  expectTag(digest.tag, TAG.octetString);
  const hash = hashNameOf(signer.digestAlgorithm);
  if (hash === undefined) throw problem('unsupported digest algorithm');
  if (!sameBytes(createHash(hash).update(content).digest(), digest.content)) throw problem('mismatch message digest');
}

function checkPurpose(certificate: Certificate): void {
  if (isTimestampingOnly(certificate)) return;
  throw problem('signing certificate must have and only have ExtKeyUsageTimeStamping as extended key usage, marked as critical');
}

function signingTimeOf(signer: SignerInfo): Instant | undefined {
  const value = attributeOf(signer, SIGNING_TIME);
  return value && instantOf(timeOf(value));
}

function isValidAt({ notBefore, notAfter }: Certificate, at: Instant): boolean {
  return compareInstants(at, instantOf(notBefore)) >= 0 && compareInstants(at, instantOf(notAfter)) <= 0;
}
