import { createHash, createPublicKey } from 'node:crypto';
import * as der from './der-writer.ts';
import { extensionOf, type Issued, signatureAlgorithm } from './pki.ts';

/** Answers of OCSP responders and revocation lists, right or wrong, signed with SHA-256 by the keys of `pki.ts`. */

const HASH_OIDS = { sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1', md5: '1.2.840.113549.2.5' } as const;

export const INVALIDITY_DATE = '2.5.29.24';
export const REASON_CODE = '2.5.29.21';

export function generalizedTime(date: Date): Uint8Array {
  return der.tlv(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]|\.\d+Z/g, '')}Z`));
}

export interface OcspOptions {
  readonly certificate: Uint8Array;
  readonly issuer: Issued;
  readonly status?: 'good' | 'revoked' | 'unknown';
  /** Contents of the ENUMERATED for which it is revoked. Default: keyCompromise. */
  readonly reason?: Uint8Array;
  readonly thisUpdate?: Date;
  /** `undefined` given leaves it out. */
  readonly nextUpdate?: Date | undefined;
  /** Who signs; default the issuer. */
  readonly signer?: Issued;
  /** Certificates that come along. Default: none. */
  readonly certificates?: readonly Uint8Array[];
  /** Whose name or key the answer says that it is from. Default: the signer's key. */
  readonly responder?: { readonly by: 'name' | 'key'; readonly of: Issued };
  /** The issuer in the CertID. */
  readonly about?: Issued;
  readonly hash?: keyof typeof HASH_OIDS;
  readonly serial?: Uint8Array;
  readonly extensions?: readonly Uint8Array[];
  /** Of the response as a whole. */
  readonly responseExtensions?: readonly Uint8Array[];
  readonly weak?: boolean;
  /** More single responses, before this one. */
  readonly before?: readonly Uint8Array[];
}

export function single(options: OcspOptions): Uint8Array {
  const { certificate, issuer, status = 'good', hash = 'sha1', about = issuer, extensions = [] } = options;
  const id = der.sequence(
    der.sequence(der.oid(HASH_OIDS[hash]), der.NULL),
    der.octetString(digest(hash, nameOf(about.cert))),
    der.octetString(digest(hash, keyBits(about))),
    der.tlv(0x02, options.serial ?? serialOf(certificate)),
  );
  const revoked = der.tlv(0xa1, generalizedTime(AT), der.context(0, der.tlv(0x0a, options.reason ?? Uint8Array.of(1))));
  const said = status === 'good' ? der.tlv(0x80) : status === 'unknown' ? der.tlv(0x82) : revoked;
  const nextUpdate = 'nextUpdate' in options ? options.nextUpdate : new Date(AT.getTime() + DAY);
  return der.sequence(
    id,
    said,
    generalizedTime(options.thisUpdate ?? AT),
    nextUpdate === undefined ? [] : der.context(0, generalizedTime(nextUpdate)),
    extensions.length === 0 ? [] : der.context(1, der.sequence(...extensions)),
  );
}

export function ocspResponse(options: OcspOptions): Uint8Array {
  const {
    issuer,
    signer = issuer,
    certificates = [],
    responder = { by: 'key', of: signer },
    before = [],
    responseExtensions = [],
  } = options;
  const responderId =
    responder.by === 'name'
      ? der.context(1, nameOf(responder.of.cert))
      : der.context(2, der.octetString(digest('sha1', keyBits(responder.of))));
  const data = der.sequence(
    responderId,
    generalizedTime(AT),
    der.sequence(...before, single(options)),
    responseExtensions.length === 0 ? [] : der.context(1, der.sequence(...responseExtensions)),
  );
  const basic = der.sequence(
    data,
    ...signed(data, signer, options.weak),
    certificates.length === 0 ? [] : der.context(0, der.sequence(...certificates)),
  );
  return ocspBody(0, der.context(0, der.sequence(der.oid('1.3.6.1.5.5.7.48.1.1'), der.octetString(basic))));
}

/** An OCSPResponse of a status, without more. */
export function ocspBody(status: number, ...rest: readonly Uint8Array[]): Uint8Array {
  return der.sequence(der.tlv(0x0a, Uint8Array.of(status)), ...rest);
}

export interface ListOptions {
  readonly issuer: Issued;
  readonly signer?: Issued;
  readonly issuerName?: Issued;
  readonly entries?: readonly Uint8Array[];
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date | undefined;
  readonly number?: number | undefined;
  readonly baseNumber?: number;
  readonly freshest?: readonly string[];
  readonly extensions?: readonly Uint8Array[];
  readonly weak?: boolean;
}

export function entry(certificate: Uint8Array, { reason, date = AT, extensions = [] }: EntryOptions = {}): Uint8Array {
  const all = [...(reason === undefined ? [] : [extensionOf(REASON_CODE, der.tlv(0x0a, Uint8Array.of(reason)))]), ...extensions];
  return der.sequence(der.tlv(0x02, serialOf(certificate)), der.time(date), all.length === 0 ? [] : der.sequence(...all));
}

/**
 * Entries of a list, many of them as one: of the serial numbers of 16 octets that `serialOfMany` gives for 0 to `count` - 1. 35 octets each.
 */
export function manyEntries(count: number): Uint8Array {
  const one = Buffer.from(der.sequence(der.tlv(0x02, Buffer.from(serialOfMany(0), 'hex')), der.time(AT)));
  const all = Buffer.alloc(count * one.length, one);
  for (let n = 0; n < count; n++) all.writeUInt32BE(n, n * one.length + 4 + 12);
  return all;
}

/** The serial number of the `n`th of many entries: contents of the INTEGER, hex. */
export function serialOfMany(n: number): string {
  return `${'5c'.repeat(12)}${n.toString(16).padStart(8, '0')}`;
}

interface EntryOptions {
  readonly reason?: number;
  readonly date?: Date;
  readonly extensions?: readonly Uint8Array[];
}

export function revocationList(options: ListOptions): Uint8Array {
  const { issuer, signer = issuer, issuerName = issuer, entries = [], extensions = [] } = options;
  const number = 'number' in options ? options.number : 1;
  const nextUpdate = 'nextUpdate' in options ? options.nextUpdate : new Date(AT.getTime() + DAY);
  const all = [
    ...(number === undefined ? [] : [extensionOf('2.5.29.20', der.integer(number))]),
    ...(options.baseNumber === undefined ? [] : [extensionOf('2.5.29.27', der.integer(options.baseNumber), true)]),
    ...(options.freshest === undefined ? [] : [extensionOf('2.5.29.46', distributionPoints(...options.freshest))]),
    ...extensions,
  ];
  const data = der.sequence(
    der.integer(1),
    signatureAlgorithm(options.weak === true ? 'sha1' : 'sha256', signer.key).identifier,
    nameOf(issuerName.cert),
    der.time(options.thisUpdate ?? AT),
    nextUpdate === undefined ? [] : der.time(nextUpdate),
    entries.length === 0 ? [] : der.sequence(...entries),
    all.length === 0 ? [] : der.context(0, der.sequence(...all)),
  );
  return der.sequence(data, ...signed(data, signer, options.weak));
}

/** CRLDistributionPoints, one point a URL. */
export function distributionPoints(...urls: readonly string[]): Uint8Array {
  return der.sequence(...urls.map((url) => der.sequence(der.context(0, der.context(0, der.tlv(0x86, Buffer.from(url)))))));
}

/** AuthorityInfoAccess with OCSP responders. */
export function responders(...urls: readonly string[]): Uint8Array {
  return der.sequence(...urls.map((url) => der.sequence(der.oid('1.3.6.1.5.5.7.48.1'), der.tlv(0x86, Buffer.from(url)))));
}

/** When everything is from, unless told otherwise. */
export const AT = new Date('2025-06-01T00:00:00Z');
const DAY = 24 * 3600 * 1000;

function signed(data: Uint8Array, { key, privateKey }: Issued, weak = false): readonly Uint8Array[] {
  const algorithm = signatureAlgorithm(weak ? 'sha1' : 'sha256', key);
  return [algorithm.identifier, der.bitString(algorithm.sign(data, privateKey))];
}

function digest(hash: string, bytes: Uint8Array): Uint8Array {
  return createHash(hash).update(bytes).digest();
}

/** The key in a SubjectPublicKeyInfo, without what says of which kind it is. */
function keyBits({ privateKey }: Issued): Uint8Array {
  const info = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const at = headerOf(info, 0) + elementLength(info, headerOf(info, 0));
  return info.subarray(at + headerOf(info, at) + 1);
}

/** Fields of a TBSCertificate of version 3 that pki.ts wrote: version, serial, algorithm, issuer, validity, subject. */
function fieldOf(certificate: Uint8Array, field: number): Uint8Array {
  let at = headerOf(certificate, 0) + headerOf(certificate, headerOf(certificate, 0));
  for (let i = 0; i < field; i++) at += elementLength(certificate, at);
  return certificate.subarray(at, at + elementLength(certificate, at));
}

export function serialOf(certificate: Uint8Array): Uint8Array {
  return fieldOf(certificate, 1).subarray(2);
}

function nameOf(certificate: Uint8Array): Uint8Array {
  return fieldOf(certificate, 5);
}

function headerOf(bytes: Uint8Array, at: number): number {
  const first = bytes[at + 1] ?? 0;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function elementLength(bytes: Uint8Array, at: number): number {
  const header = headerOf(bytes, at);
  const first = bytes[at + 1] ?? 0;
  if (first < 0x80) return header + first;
  return header + Number(`0x${Buffer.from(bytes.subarray(at + 2, at + header)).toString('hex')}`);
}
