import { type Algorithm, algorithmOf } from './algorithm.ts';
import { berToDer } from './ber.ts';
import { childrenOf, close, contextTag, type Der, DerError, expectTag, onlyChild, open, readDer, TAG, take, takeOptional } from './der.ts';
import { integerOf, oidOf, smallIntegerOf } from './der-values.ts';
import { tlv } from './der-writer.ts';

/** An Attribute, RFC 5652 section 5.3. */
export interface Attribute {
  readonly type: string;
  readonly values: readonly Der[];
}

/** A SignerInfo that names its certificate by issuer and serial number, RFC 5652 section 5.3. */
export interface SignerInfo {
  readonly version: number;
  /** DER of the issuer's name. */
  readonly rawIssuer: Uint8Array;
  /** Contents of the INTEGER, lower-case hex. */
  readonly serialNumber: string;
  readonly digestAlgorithm: Algorithm;
  /** In the order in which they came; empty where there are none. */
  readonly signedAttributes: readonly Attribute[];
  /** What was signed: the signed attributes as a SET OF in DER, whatever their order here. */
  readonly signedBytes: Uint8Array;
  readonly signatureAlgorithm: Algorithm;
  readonly signature: Uint8Array;
}

/** A SignedData, read and not yet believed. */
export interface SignedData {
  readonly contentType: string;
  /** Contents of eContent; undefined where there is none. */
  readonly content: Uint8Array | undefined;
  /** DER of what stands where the certificates do, in order. */
  readonly certificates: readonly Uint8Array[];
  readonly signerInfos: readonly SignerInfo[];
}

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const VERSION = 3;

/**
 * Reads a ContentInfo with a SignedData of version 3 (RFC 5652 sections 3 and 5) of at most 64 KiB, in BER of definite lengths. Attribute
 * certificates and revocation lists must not be there, and every signer names its certificate by issuer and serial number.
 *
 * @throws {DerError}
 */
export function readSignedData(bytes: Uint8Array): SignedData {
  const info = open(readDer(berToDer(bytes)), TAG.sequence);
  const type = oidOf(take(info, TAG.oid));
  if (type !== SIGNED_DATA) throw new DerError(`expected signed data, got content of type ${type}`);
  const data = open(onlyChild(take(info, contextTag(0, 'constructed'))), TAG.sequence);
  close(info);

  const version = smallIntegerOf(take(data, TAG.integer));
  if (version !== VERSION) throw new DerError(`unsupported signed data version: got ${version}, want ${VERSION}`);
  for (const algorithm of childrenOf(take(data, TAG.set), TAG.set)) algorithmOf(algorithm);
  const content = readContent(take(data, TAG.sequence));
  const certificates = takeOptional(data, contextTag(0, 'constructed'));
  const lists = takeOptional(data, contextTag(1, 'constructed'));
  // Read by the reference in a form that no list has, so that a token with one is refused.
  if (lists !== undefined && lists.content.length > 0) throw new DerError('revocation lists are not supported');
  const signerInfos = childrenOf(take(data, TAG.set), TAG.set).map(readSignerInfo);
  close(data);
  return { ...content, certificates: certificates === undefined ? [] : readCertificates(certificates), signerInfos };
}

function readContent(element: Der): Pick<SignedData, 'contentType' | 'content'> {
  const cursor = open(element, TAG.sequence);
  const contentType = oidOf(take(cursor, TAG.oid));
  const explicit = takeOptional(cursor, contextTag(0, 'constructed'));
  close(cursor);
  if (explicit === undefined) return { contentType, content: undefined };
  const octets = onlyChild(explicit);
  expectTag(octets.tag, TAG.octetString);
  return { contentType, content: octets.content };
}

function readCertificates(element: Der): readonly Uint8Array[] {
  return childrenOf(element, contextTag(0, 'constructed')).map(({ tag, raw }) => {
    if (tag !== TAG.sequence) throw new DerError('only X.509 certificates are supported');
    return raw;
  });
}

function readSignerInfo(element: Der): SignerInfo {
  const cursor = open(element, TAG.sequence);
  const version = smallIntegerOf(take(cursor, TAG.integer));
  const signer = readIssuerAndSerial(take(cursor, TAG.sequence));
  const digestAlgorithm = algorithmOf(take(cursor, TAG.sequence));
  const signed = takeOptional(cursor, contextTag(0, 'constructed'));
  const signatureAlgorithm = algorithmOf(take(cursor, TAG.sequence));
  const signature = take(cursor, TAG.octetString).content;
  const unsigned = takeOptional(cursor, contextTag(1, 'constructed'));
  close(cursor);
  const attributes = signed === undefined ? [] : childrenOf(signed, signed.tag);
  if (unsigned !== undefined) childrenOf(unsigned, unsigned.tag).map(readAttribute);
  return {
    version,
    ...signer,
    digestAlgorithm,
    signedAttributes: attributes.map(readAttribute),
    // ITU-T X.690 section 11.6. One encoding is never the beginning of another, so no padding is needed.
    signedBytes: tlv(TAG.set, ...attributes.map(({ raw }) => raw).toSorted(Buffer.compare)),
    signatureAlgorithm,
    signature,
  };
}

function readIssuerAndSerial(element: Der): Pick<SignerInfo, 'rawIssuer' | 'serialNumber'> {
  const cursor = open(element, TAG.sequence);
  const issuer = take(cursor, TAG.sequence).raw;
  const serialNumber = integerOf(take(cursor, TAG.integer));
  close(cursor);
  return { rawIssuer: issuer, serialNumber: Buffer.from(serialNumber).toString('hex') };
}

function readAttribute(element: Der): Attribute {
  const cursor = open(element, TAG.sequence);
  const type = oidOf(take(cursor, TAG.oid));
  const values = childrenOf(take(cursor, TAG.set), TAG.set);
  close(cursor);
  return { type, values };
}
