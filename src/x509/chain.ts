import { isSignedBy } from './certificate-signature.ts';
import { X509Error } from './errors.ts';
import { nameText } from './name.ts';
import type { Certificate, KeyUsageBit } from './types.ts';

/** More certificates are not looked at. */
const MAX_CERTIFICATES = 10;

/**
 * Checks a chain for code signing: leaf first, root last, complete (signature-specification, "Certificate Requirements"). No clock is
 * involved. Where the specification and the reference implementation differ, this follows the specification on anyExtendedKeyUsage and
 * SHA-1 in a self-signed leaf, and the reference on CA basicConstraints, which need not be critical.
 *
 * @throws {X509Error} `CHAIN_INVALID`, with the words of the reference implementation.
 */
export function validateCodeSigningChain(chain: readonly Certificate[]): Promise<void> {
  return validateChain(chain, CODE_SIGNING, isSignedBy);
}

/**
 * Checks a chain for timestamping: leaf first, root last, complete. No clock is involved, and `isSigned` may know which certificates are
 * signed by which.
 *
 * @throws {X509Error} `CHAIN_INVALID`, with the words of the reference implementation.
 */
export function validateTimestampingChain(chain: readonly Certificate[], isSigned: SignatureCheck = isSignedBy): Promise<void> {
  return validateChain(chain, TIMESTAMPING, isSigned);
}

/** Whether the key of `issuer` made the signature on `child`. */
export type SignatureCheck = (child: Certificate, issuer: Certificate) => Promise<boolean>;

/** What differs between the purposes of a chain. */
interface Purpose {
  readonly criticalKeyUsage: boolean;
  readonly checkExtendedKeyUsage: (leaf: Certificate) => void;
}

const CODE_SIGNING: Purpose = { criticalKeyUsage: true, checkExtendedKeyUsage: checkCodeSigningUsage };
const TIMESTAMPING: Purpose = { criticalKeyUsage: false, checkExtendedKeyUsage: checkTimestampingUsage };

async function validateChain(chain: readonly Certificate[], purpose: Purpose, isSigned: SignatureCheck): Promise<void> {
  if (chain.length > MAX_CERTIFICATES) throw invalid(`certificate chain has ${chain.length} certificates, more than ${MAX_CERTIFICATES}`);
  const [leaf, ...authorities] = chain;
  if (leaf === undefined) throw invalid('certificate chain must contain at least one certificate');
  if (authorities.length === 0) {
    await checkSelfSignedLeaf(leaf, isSigned);
    checkLeaf(leaf, purpose);
    return;
  }
  for (const [i, certificate] of chain.entries()) {
    await checkLink(certificate, chain[i + 1], i, isSigned);
    if (i === 0) checkLeaf(certificate, purpose);
    else checkAuthority(certificate, i - 1, purpose);
  }
}

/**
 * Whether a certificate may stand in a trust store: a CA, or one signed by its own key.
 *
 * Self-signed means by one of the algorithms of `isSignedBy`.
 */
export async function isSelfSignedOrCa(certificate: Certificate): Promise<boolean> {
  return certificate.basicConstraints?.ca === true || (await isSignedBy(certificate, certificate));
}

function invalid(message: string): X509Error {
  return new X509Error('CHAIN_INVALID', message);
}

function subjectOf(certificate: Certificate): string {
  return JSON.stringify(nameText(certificate.subject));
}

async function checkSelfSignedLeaf(leaf: Certificate, isSigned: SignatureCheck): Promise<void> {
  if (!(await isSigned(leaf, leaf))) {
    throw invalid(`invalid self-signed certificate. subject: ${subjectOf(leaf)}. Error: verification error or insecure algorithm`);
  }
  if (!sameBytes(leaf.rawSubject, leaf.rawIssuer)) {
    throw invalid(`invalid self-signed certificate. subject: ${subjectOf(leaf)}. Error: issuer and subject differ`);
  }
}

async function checkLink(certificate: Certificate, parent: Certificate | undefined, i: number, isSigned: SignatureCheck): Promise<void> {
  const selfIssued = await whyNotIssuedBy(certificate, certificate, isSigned);
  if (parent === undefined) {
    if (selfIssued === undefined) return;
    throw invalid(
      `root certificate with subject ${subjectOf(certificate)} is invalid or not self-signed. Certificate chain must end with a valid self-signed root certificate. Error: ${selfIssued}`,
    );
  }
  if (selfIssued === undefined) {
    const place = i === 0 ? 'leaf' : 'intermediate';
    throw invalid(
      `${place} certificate with subject ${subjectOf(certificate)} is self-signed. Certificate chain must not contain self-signed ${place} certificate`,
    );
  }
  const problem = await whyNotIssuedBy(certificate, parent, isSigned);
  if (problem !== undefined) {
    throw invalid(`certificate with subject ${subjectOf(certificate)} is not issued by ${subjectOf(parent)}. Error: ${problem}`);
  }
}

/** Undefined if `parent` may sign, did sign, and is named as the issuer byte for byte. */
async function whyNotIssuedBy(certificate: Certificate, parent: Certificate, isSigned: SignatureCheck): Promise<string | undefined> {
  // Names first, because they cost nothing: what is refused is the same in any order.
  if (!sameBytes(certificate.rawIssuer, parent.rawSubject)) return "parent's subject does not match the issuer";
  if (!maySign(parent)) return 'parent certificate cannot sign this kind of certificate';
  return (await isSigned(certificate, parent)) ? undefined : 'verification error or insecure algorithm';
}

/** Whether a certificate may issue others: a CA by its basic constraints, where it can have any, and by its key usage. */
export function maySign({ version, basicConstraints, keyUsage }: Certificate): boolean {
  if (version === 3 && basicConstraints?.ca !== true) return false;
  return keyUsage === undefined || keyUsage.bits.has('keyCertSign');
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function checkAuthority(certificate: Certificate, authoritiesBelow: number, purpose: Purpose): void {
  const constraints = certificate.basicConstraints;
  if (constraints?.ca !== true) {
    throw invalid(
      `certificate with subject ${subjectOf(certificate)}: ca field in basic constraints must be present, critical, and set to true`,
    );
  }
  if (constraints.pathLength !== undefined && constraints.pathLength < authoritiesBelow) {
    throw invalid(
      `certificate with subject ${subjectOf(certificate)}: expected path length of ${authoritiesBelow} but certificate has path length ${constraints.pathLength} instead`,
    );
  }
  if (!keyUsageOf(certificate, purpose).has('keyCertSign')) {
    throw invalid(`certificate with subject ${subjectOf(certificate)}: key usage must have the bit positions for key cert sign set`);
  }
}

function keyUsageOf(certificate: Certificate, { criticalKeyUsage }: Purpose): ReadonlySet<KeyUsageBit> {
  if (certificate.keyUsage === undefined)
    throw invalid(`certificate with subject ${subjectOf(certificate)}: key usage extension must be present`);
  if (criticalKeyUsage && !certificate.keyUsage.critical) {
    throw invalid(`certificate with subject ${subjectOf(certificate)}: key usage extension must be marked critical`);
  }
  return certificate.keyUsage.bits;
}

/** The bits that a signer must not have, under the names of the reference's message. */
const FORBIDDEN_BITS = [
  ['keyEncipherment', 'KeyEncipherment'],
  ['dataEncipherment', 'DataEncipherment'],
  ['keyAgreement', 'KeyAgreement'],
  ['keyCertSign', 'CertSign'],
  ['cRLSign', 'CRLSign'],
  ['encipherOnly', 'EncipherOnly'],
  ['decipherOnly', 'DecipherOnly'],
] as const;

/** id-kp-timeStamping, RFC 3161 section 2.3. */
export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const FORBIDDEN_PURPOSES: ReadonlyMap<string, string> = new Map([
  ['2.5.29.37.0', 'Any'],
  ['1.3.6.1.5.5.7.3.1', 'ServerAuth'],
  ['1.3.6.1.5.5.7.3.2', 'ClientAuth'],
  ['1.3.6.1.5.5.7.3.4', 'EmailProtection'],
  [TIME_STAMPING, 'Timestamping'],
  ['1.3.6.1.5.5.7.3.9', 'OCSPSigning'],
]);

function checkLeaf(leaf: Certificate, purpose: Purpose): void {
  if (leaf.basicConstraints?.ca === true) {
    throw invalid(
      `certificate with subject ${subjectOf(leaf)}: if the basic constraints extension is present, the ca field must be set to false`,
    );
  }
  const bits = keyUsageOf(leaf, purpose);
  if (!bits.has('digitalSignature')) {
    throw invalid(
      `The certificate with subject ${subjectOf(leaf)} is invalid. The key usage must have the bit positions for "Digital Signature" set`,
    );
  }
  const forbidden = FORBIDDEN_BITS.filter(([bit]) => bits.has(bit)).map(([, label]) => `"${label}"`);
  if (forbidden.length > 0) {
    throw invalid(
      `The certificate with subject ${subjectOf(leaf)} is invalid. The key usage must be "Digital Signature" only, but found ${forbidden.join(', ')}`,
    );
  }
  purpose.checkExtendedKeyUsage(leaf);
  checkLeafKey(leaf);
}

function checkCodeSigningUsage(leaf: Certificate): void {
  for (const oid of leaf.extendedKeyUsage?.oids ?? []) {
    const purpose = FORBIDDEN_PURPOSES.get(oid);
    if (purpose === undefined) continue;
    throw invalid(`certificate with subject ${subjectOf(leaf)}: extended key usage must not contain ${purpose} eku`);
  }
}

function checkTimestampingUsage(leaf: Certificate): void {
  if (isTimestampingOnly(leaf)) return;
  const only = leaf.extendedKeyUsage?.oids.join() === TIME_STAMPING;
  const must = only ? 'have extended key usage extension marked as critical' : 'have and only have Timestamping as extended key usage';
  throw invalid(`timestamp signing certificate with subject ${subjectOf(leaf)} must ${must}`);
}

/** Whether timestamping is the one purpose of a certificate, and critical (RFC 3161 section 2.3). */
export function isTimestampingOnly({ extendedKeyUsage }: Certificate): boolean {
  return extendedKeyUsage?.critical === true && extendedKeyUsage.oids.join() === TIME_STAMPING;
}

function checkLeafKey(leaf: Certificate): void {
  if (leaf.keyKind !== undefined) return;
  if (leaf.modulusLength !== undefined) {
    const bits = Math.ceil(leaf.modulusLength / 8) * 8;
    throw invalid(`certificate with subject ${subjectOf(leaf)}: rsa key size ${bits} bits is not supported`);
  }
  if (leaf.keyDescription.startsWith('EC P-')) {
    throw invalid(`certificate with subject ${subjectOf(leaf)}: ecdsa key size ${leaf.keyDescription.slice(5)} bits is not supported`);
  }
  throw invalid(`certificate with subject ${subjectOf(leaf)}: unsupported public key type ${leaf.keyDescription}`);
}
