import { constants, sign } from 'node:crypto';
import * as cbor from './cbor-writer.ts';
import { concat } from './der-writer.ts';
import type { Issued, KeyKind } from './pki.ts';

export interface SubjectDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What both envelopes have; each field bends one thing and has a good default. */
export interface SignOptions {
  /** Whose key signs; its chain goes into the envelope. */
  readonly signer: Issued;
  /** Target of the payload. Default: some image manifest. */
  readonly subject?: SubjectDescriptor;
  /** The payload's octets instead of `{"targetArtifact": subject}`. */
  readonly payload?: Uint8Array | string;
  readonly contentType?: string;
  readonly scheme?: string;
  /** signingTime or authenticSigningTime, by scheme. Default 2025-01-01. */
  readonly time?: Date;
  readonly expiry?: Date;
  /** Certificates of the envelope instead of the signer's chain. */
  readonly chain?: readonly Uint8Array[];
  /** Key kind by which the signature is made, if not the signer's. */
  readonly signAs?: KeyKind;
  /** Salt length of PSS. Default: the hash's. */
  readonly saltLength?: number;
  /** Changes the signature before it is put in. */
  readonly bendSignature?: (signature: Uint8Array) => Uint8Array;
  /** A countersignature, or what makes one of the signature. */
  readonly timestampSignature?: Uint8Array | ((signature: Uint8Array) => Uint8Array);
}

export interface JwsOptions extends SignOptions {
  readonly alg?: unknown;
  readonly crit?: unknown;
  /** Members over the protected header; undefined takes one away. */
  readonly protectedHeader?: Readonly<Record<string, unknown>>;
  /** JSON text of the protected header as it is. */
  readonly rawProtected?: string;
  /** Members over the unprotected header. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** Members over the envelope; undefined takes one away. */
  readonly envelope?: Readonly<Record<string, unknown>>;
}

export interface CoseOptions extends SignOptions {
  readonly alg?: number;
  /** Changes the entries of the protected map: pairs of encoded key and value. */
  readonly bendProtected?: (entries: readonly cbor.Entry[]) => readonly cbor.Entry[];
  /** Content of the protected bstr as it is. */
  readonly rawProtected?: Uint8Array;
  readonly bendUnprotected?: (entries: readonly cbor.Entry[]) => readonly cbor.Entry[];
  /** Changes the four encoded items of the message after signing. */
  readonly bendMessage?: (items: readonly Uint8Array[]) => readonly Uint8Array[];
  /** Head of the message. Default `D2 84`. */
  readonly prefix?: Uint8Array;
}

export const SUBJECT: SubjectDescriptor = {
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: 'sha256:73c803930ea3ba1e54bc25c2bdc53edd0284c62ed651fe7b00369da519a3c333',
  size: 528,
};
export const PAYLOAD_TYPE = 'application/vnd.cncf.notary.payload.v1+json';
export const SIGNING_AUTHORITY = 'notary.x509.signingAuthority';
const HEADER = {
  scheme: 'io.cncf.notary.signingScheme',
  signingTime: 'io.cncf.notary.signingTime',
  authenticSigningTime: 'io.cncf.notary.authenticSigningTime',
  expiry: 'io.cncf.notary.expiry',
  timestamp: 'io.cncf.notary.timestampSignature',
} as const;

/** A JWS envelope of a Notation signature: flattened JSON, as octets. */
export function signJws(options: JwsOptions): Uint8Array {
  const suite = suiteOf(options.signAs ?? options.signer.key);
  const protectedText = base64Url(options.rawProtected ?? JSON.stringify(jwsProtected(options, suite)));
  const payload = base64Url(payloadOf(options));
  const signature = signatureOver(Buffer.from(`${protectedText}.${payload}`), options, suite);
  const chain = options.chain ?? options.signer.chain;
  const timestamp = timestampOf(options, signature);
  const envelope = {
    payload,
    protected: protectedText,
    header: {
      x5c: chain.map((certificate) => Buffer.from(certificate).toString('base64')),
      ...(timestamp === undefined ? {} : { [HEADER.timestamp]: Buffer.from(timestamp).toString('base64') }),
      'io.cncf.notary.signingAgent': 'test/1.0',
      ...options.header,
    },
    signature: base64Url(signature),
    ...options.envelope,
  };
  return new Uint8Array(Buffer.from(JSON.stringify(envelope)));
}

/** A COSE_Sign1 envelope of a Notation signature. */
export function signCose(options: CoseOptions): Uint8Array {
  const suite = suiteOf(options.signAs ?? options.signer.key);
  const entries = coseProtected(options, suite);
  const protectedBytes = options.rawProtected ?? cbor.map(...(options.bendProtected?.(entries) ?? entries));
  const payload = octets(payloadOf(options));
  const signed = cbor.array(cbor.text('Signature1'), cbor.bytes(protectedBytes), cbor.bytes(new Uint8Array()), cbor.bytes(payload));
  const signature = signatureOver(signed, options, suite);
  const unprotected = coseUnprotected(options, timestampOf(options, signature));
  const items = [
    cbor.bytes(protectedBytes),
    cbor.map(...(options.bendUnprotected?.(unprotected) ?? unprotected)),
    cbor.bytes(payload),
    cbor.bytes(signature),
  ];
  return concat([options.prefix ?? Uint8Array.of(0xd2, 0x84), ...(options.bendMessage?.(items) ?? items)]);
}

export interface Suite {
  readonly jws: string;
  readonly cose: number;
  readonly hash: string;
}

export function suiteOf(key: KeyKind): Suite {
  const strength = /3072|384/.test(key) ? 1 : /4096|521/.test(key) ? 2 : 0;
  const hash = ['sha256', 'sha384', 'sha512'][strength] ?? 'sha256';
  const cose = (key.startsWith('EC') ? [-7, -35, -36] : [-37, -38, -39])[strength] ?? 0;
  return { jws: `${key.startsWith('EC') ? 'ES' : 'PS'}${hash.slice(3)}`, cose, hash };
}

function payloadOf(options: SignOptions): Uint8Array | string {
  return options.payload ?? JSON.stringify({ targetArtifact: options.subject ?? SUBJECT });
}

function timesOf(options: SignOptions): readonly (readonly [name: string, time: Date])[] {
  const name = options.scheme === SIGNING_AUTHORITY ? HEADER.authenticSigningTime : HEADER.signingTime;
  const expiry = options.expiry === undefined ? [] : [[HEADER.expiry, options.expiry] as const];
  return [[name, options.time ?? new Date('2025-01-01T00:00:00Z')], ...expiry];
}

function criticalNames(options: SignOptions): readonly string[] {
  const timeNames = timesOf(options).map(([name]) => name);
  return [HEADER.scheme, ...timeNames.filter((name) => name !== HEADER.signingTime)];
}

function jwsProtected(options: JwsOptions, suite: Suite): Readonly<Record<string, unknown>> {
  return {
    alg: 'alg' in options ? options.alg : suite.jws,
    cty: options.contentType ?? PAYLOAD_TYPE,
    crit: 'crit' in options ? options.crit : criticalNames(options),
    [HEADER.scheme]: options.scheme ?? 'notary.x509',
    ...Object.fromEntries(timesOf(options).map(([name, time]) => [name, time.toISOString().replace('.000Z', 'Z')])),
    ...options.protectedHeader,
  };
}

function timestampOf({ timestampSignature: timestamp }: SignOptions, signature: Uint8Array): Uint8Array | undefined {
  return typeof timestamp === 'function' ? timestamp(signature) : timestamp;
}

function coseProtected(options: CoseOptions, suite: Suite): readonly cbor.Entry[] {
  return [
    [cbor.int(1), cbor.int(options.alg ?? suite.cose)],
    [cbor.int(2), cbor.array(...criticalNames(options).map(cbor.text))],
    [cbor.int(3), cbor.text(options.contentType ?? PAYLOAD_TYPE)],
    [cbor.text(HEADER.scheme), cbor.text(options.scheme ?? 'notary.x509')],
    ...timesOf(options).map(([name, time]): cbor.Entry => [cbor.text(name), cbor.tag(1, cbor.int(Math.floor(time.getTime() / 1000)))]),
  ];
}

function coseUnprotected(options: CoseOptions, timestamp: Uint8Array | undefined): readonly cbor.Entry[] {
  return [
    [cbor.int(33), cbor.array(...(options.chain ?? options.signer.chain).map(cbor.bytes))],
    ...(timestamp === undefined ? [] : [[cbor.text(HEADER.timestamp), cbor.bytes(timestamp)] as const]),
    [cbor.text('io.cncf.notary.signingAgent'), cbor.text('test/1.0')],
  ];
}

export function signatureOver(data: Uint8Array, options: SignOptions, suite: Suite): Uint8Array {
  const { privateKey } = options.signer;
  const signature = new Uint8Array(
    privateKey.asymmetricKeyType === 'ec'
      ? sign(suite.hash, data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
      : privateKey.asymmetricKeyType === 'ed25519'
        ? sign(null, data, privateKey)
        : sign(suite.hash, data, {
            key: privateKey,
            padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: options.saltLength ?? constants.RSA_PSS_SALTLEN_DIGEST,
          }),
  );
  return options.bendSignature?.(signature) ?? signature;
}

function base64Url(data: Uint8Array | string): string {
  return Buffer.from(octets(data)).toString('base64url');
}

function octets(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data;
}
