import { fieldsOf, hashOf } from '../certificate-fields.ts';
import * as der from '../der-writer.ts';
import { extensionOf, type Issued, type SignatureAlgorithm, signatureAlgorithm } from '../pki.ts';

const HASHES = { sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1', md5: '1.2.840.113549.2.5' } as const;
const OCSP_BASIC = '1.3.6.1.5.5.7.48.1.1';

/** DER of an Extension. */
export type WrittenExtension = Uint8Array;
export type Status = 'good' | 'unknown' | { readonly revokedAt: Date; readonly reason?: number };

export interface OcspOptions {
  readonly certificate: Uint8Array;
  readonly issuer: Issued;
  readonly status: Status;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  /** Who signs; default: the issuer. */
  readonly responder?: Issued;
  readonly certificates?: readonly Uint8Array[];
  readonly hash?: keyof typeof HASHES;
  /** The whole INTEGER. */
  readonly serial?: Uint8Array;
  readonly otherIssuerHashes?: boolean;
  readonly algorithm?: SignatureAlgorithm;
  readonly singleExtensions?: readonly WrittenExtension[];
  readonly responseExtensions?: readonly WrittenExtension[];
  readonly byName?: boolean;
  /** Single responses before this one. */
  readonly before?: readonly Uint8Array[];
  readonly responseStatus?: number;
  readonly bend?: (response: Uint8Array) => Uint8Array;
  readonly bendData?: (data: Uint8Array) => Uint8Array;
}

/** An OCSP response (RFC 6960 section 4.2.1). */
export function ocspResponse(options: OcspOptions): Uint8Array {
  const responder = options.responder ?? options.issuer;
  const { subject, key } = fieldsOf(responder.cert);
  const data = der.sequence(
    options.byName ? der.context(1, subject) : der.context(2, der.octetString(hashOf('sha1', key))),
    generalizedTime(options.thisUpdate),
    der.sequence(...(options.before ?? []), singleResponse(options)),
    ...optional(1, options.responseExtensions),
  );
  const signed = options.bendData?.(data) ?? data;
  const basic = der.sequence(...signedParts(signed, responder, options.algorithm), ...optional(0, options.certificates));
  const whole = der.sequence(
    der.tlv(0x0a, Uint8Array.of(options.responseStatus ?? 0)),
    der.context(0, der.sequence(der.oid(OCSP_BASIC), der.octetString(basic))),
  );
  return options.bend?.(whole) ?? whole;
}

/** A SingleResponse for one certificate. */
export function singleResponse(options: OcspOptions): Uint8Array {
  const issuer = fieldsOf(options.issuer.cert);
  const hash = options.hash ?? 'sha1';
  const salt = options.otherIssuerHashes ? Uint8Array.of(1) : new Uint8Array();
  const certId = der.sequence(
    der.sequence(der.oid(HASHES[hash]), der.NULL),
    der.octetString(hashOf(hash, der.concat([issuer.subject, salt]))),
    der.octetString(hashOf(hash, der.concat([issuer.key, salt]))),
    options.serial ?? fieldsOf(options.certificate).serial,
  );
  return der.sequence(
    certId,
    certStatus(options.status),
    generalizedTime(options.thisUpdate),
    options.nextUpdate === undefined ? [] : der.context(0, generalizedTime(options.nextUpdate)),
    ...optional(1, options.singleExtensions),
  );
}

export interface CrlEntry {
  /** The whole INTEGER. */
  readonly serial: Uint8Array;
  readonly date: Date;
  readonly reason?: number;
  readonly extensions?: readonly WrittenExtension[];
}

export interface CrlOptions {
  readonly issuer: Issued;
  readonly entries: readonly CrlEntry[];
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  readonly number?: number;
  /** DER of the Name instead of the issuer's. */
  readonly issuerName?: Uint8Array;
  readonly signer?: Issued;
  readonly algorithm?: SignatureAlgorithm;
  readonly extensions?: readonly WrittenExtension[];
  /** As written: 1 is v2; undefined as a value leaves it out. */
  readonly version?: number | undefined;
  readonly bend?: (list: Uint8Array) => Uint8Array;
  readonly bendTbs?: (tbs: Uint8Array) => Uint8Array;
}

/** A certificate revocation list (RFC 5280 section 5.1). */
export function crl(options: CrlOptions): Uint8Array {
  const signer = options.signer ?? options.issuer;
  const { identifier } = signatureAlgorithm(options.algorithm ?? 'auto', signer.key);
  const extensions = [
    ...(options.number === undefined ? [] : [extensionOf('2.5.29.20', der.integer(options.number))]),
    ...(options.extensions ?? []),
  ];
  const tbs = der.sequence(
    'version' in options && options.version === undefined ? [] : der.integer(options.version ?? 1),
    identifier,
    options.issuerName ?? fieldsOf(options.issuer.cert).subject,
    der.time(options.thisUpdate),
    options.nextUpdate === undefined ? [] : der.time(options.nextUpdate),
    options.entries.length === 0 ? [] : der.sequence(...options.entries.map(entry)),
    ...optional(0, extensions),
  );
  const whole = der.sequence(...signedParts(options.bendTbs?.(tbs) ?? tbs, signer, options.algorithm));
  return options.bend?.(whole) ?? whole;
}

export function generalizedTime(date: Date): Uint8Array {
  return der.tlv(0x18, Buffer.from(`${date.toISOString().replaceAll(/[-:T]|\.\d+Z/g, '')}Z`));
}

export function invalidityDate(date: Date, critical = false): WrittenExtension {
  return extensionOf('2.5.29.24', generalizedTime(date), critical);
}

function entry({ serial, date, reason, extensions = [] }: CrlEntry): Uint8Array {
  const all = [...(reason === undefined ? [] : [extensionOf('2.5.29.21', der.tlv(0x0a, Uint8Array.of(reason)))]), ...extensions];
  return der.sequence(serial, der.time(date), all.length === 0 ? [] : der.sequence(...all));
}

function certStatus(status: Status): Uint8Array {
  if (status === 'good') return der.tlv(0x80);
  if (status === 'unknown') return der.tlv(0x82);
  const reason = status.reason === undefined ? [] : der.context(0, der.tlv(0x0a, Uint8Array.of(status.reason)));
  return der.context(1, generalizedTime(status.revokedAt), reason);
}

function signedParts(data: Uint8Array, signer: Issued, wanted: SignatureAlgorithm | undefined): Uint8Array[] {
  const algorithm = signatureAlgorithm(wanted ?? 'auto', signer.key);
  return [data, algorithm.identifier, der.bitString(algorithm.sign(data, signer.privateKey))];
}

function optional(number: number, elements: readonly Uint8Array[] | undefined): readonly Uint8Array[] {
  return elements === undefined || elements.length === 0 ? [] : [der.context(number, der.sequence(...elements))];
}
