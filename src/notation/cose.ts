import {
  CborError,
  CborFloat,
  type CborMap,
  CborTag,
  type CborValue,
  decodeCbor,
  encodeByteStringHeader,
  isCborArray,
  isCborMap,
} from '../lib/cbor.ts';
import { errorText } from '../lib/errors.ts';
import type { Instant } from '../lib/instant.ts';
import { algorithmOfKey, isSignedByLeaf } from './algorithms.ts';
import type { CertificateReader } from './certificates.ts';
import { NotationError } from './errors.ts';
import { HEADER, invalid, judgeHeaders, SYSTEM_HEADERS } from './headers.ts';
import { instantOfSeconds, parseInstant } from './time.ts';
import type { EnvelopeContent } from './types.ts';

type Label = number | bigint | string;

/** Labels of RFC 9052 section 3.1 and RFC 9360. */
const LABEL = { alg: 1, crit: 2, contentType: 3, kid: 4, iv: 5, partialIv: 6, typ: 16, x5chain: 33 } as const;
const COUNTERSIGNATURES = [7, 9, 11, 12];
const BARE_COUNTERSIGNATURES: ReadonlySet<number> = new Set([9, 12]);
const INTEGER_END = 2n ** 63n;
const SIGN1_TAG = 0xd2;
const ARRAY_OF_4 = 0x84;
const MAX_CERTIFICATES = 10;

/**
 * Reads and checks a COSE_Sign1_Tagged envelope, signed by the key of its first certificate (signature-envelope-cose).
 *
 * Stricter than the reference on each scheme's time, which it refuses under the other scheme as JWS does, and on countersignatures in
 * structures of their own, which nothing here could read.
 *
 * @throws {NotationError} `ENVELOPE_INVALID`, `SIGNATURE_INVALID` or `CERTIFICATE_CHAIN_INVALID`
 */
export async function readCose(bytes: Uint8Array, certificates: CertificateReader): Promise<EnvelopeContent> {
  const message = readMessage(bytes);
  const x5chain = message.unprotected.get(LABEL.x5chain);
  if (!isCborArray(x5chain) || x5chain.length === 0) throw invalid('certificate chain is not present');
  if (x5chain.length > MAX_CERTIFICATES)
    throw invalid(`expected at most ${MAX_CERTIFICATES} certificates in x5chain, found ${x5chain.length}`);
  const [first, ...others] = x5chain.map(certificateBytes);
  if (first === undefined) throw invalid('certificate chain is not present');
  const leaf = await certificates.parse(first, 0);

  const algorithm = algorithmOfKey(leaf);
  if (leaf.modulusLength !== undefined && leaf.modulusLength < 2048) throw signatureError('RSA key must be at least 2048 bits long');
  const claimed = message.headers.get(LABEL.alg);
  if (claimed === undefined) throw signatureError('algorithm not found');
  if (claimed !== algorithm.cose)
    throw signatureError(
      `algorithm mismatch: expected ${algorithm.cose}, found ${typeof claimed === 'number' ? claimed : 'no such number'}`,
    );
  const signed = signatureStructure(message.protectedBytes, message.payload);
  if (!(await isSignedByLeaf(leaf, algorithm, signed, message.signature))) throw signatureError('verification error');

  const contentType = message.headers.get(LABEL.contentType);
  if (contentType === undefined) throw invalid('missing content type');
  if (typeof contentType !== 'string') throw invalid("content type should be of 'tstr' type");
  const judged = judgeHeaders(protectedHeaders(message.headers));
  const chain = [leaf, ...(await Promise.all(others.map((der, i) => certificates.parse(der, i + 1))))];
  await certificates.checkChain(chain);
  const agent = message.unprotected.get(HEADER.signingAgent);
  const timestamp = message.unprotected.get(HEADER.timestampSignature);
  return {
    ...judged,
    payload: message.payload,
    payloadContentType: contentType,
    certificateChain: chain,
    signature: message.signature,
    timestampSignature: timestamp instanceof Uint8Array ? timestamp : undefined,
    signingAgent: typeof agent === 'string' ? agent : undefined,
  };
}

interface Message {
  readonly protectedBytes: Uint8Array;
  readonly headers: CborMap;
  readonly unprotected: CborMap;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

function readMessage(bytes: Uint8Array): Message {
  if (bytes[0] !== SIGN1_TAG || bytes[1] !== ARRAY_OF_4) throw invalid('cbor: invalid COSE_Sign1_Tagged object');
  const items = decode(bytes.subarray(1), false);
  if (!isCborArray(items) || items.length !== 4) throw invalid('cbor: invalid COSE_Sign1_Tagged object');
  const [protectedBytes, unprotected, payload, signature] = items;
  if (!(protectedBytes instanceof Uint8Array)) throw invalid('cbor: expected the protected header to be a byte string');
  if (!isCborMap(unprotected)) throw invalid('cbor: expected the unprotected header to be a map');
  const headers = protectedBytes.length === 0 ? new Map<Label, CborValue>() : decode(protectedBytes, true);
  if (!isCborMap(headers)) throw invalid('cbor: expected the protected header to hold a map');
  checkParameters(headers, unprotected);
  if (payload === null) throw signatureError('missing payload');
  if (!(payload instanceof Uint8Array)) throw invalid('cbor: expected the payload to be a byte string');
  if (payload.length === 0) throw invalid('content not present');
  if (!(signature instanceof Uint8Array) || signature.length === 0) throw signatureError('empty signature');
  return { protectedBytes, headers, unprotected, payload, signature };
}

function decode(bytes: Uint8Array, tags: boolean): CborValue {
  try {
    return decodeCbor(bytes, { tags });
  } catch (error) {
    if (error instanceof CborError) throw invalid(`unable to parse the digital signature, error : ${errorText(error)}`, error);
    throw error;
  }
}

/** The types that RFC 9052 section 3.1 gives to common parameters, in both buckets. */
function checkParameters(headers: CborMap, unprotected: CborMap): void {
  for (const bucket of [headers, unprotected]) {
    checkValue(bucket);
    check(bucket, LABEL.alg, (value) => isInteger(value) || typeof value === 'string');
    check(bucket, LABEL.contentType, isContentType);
    check(bucket, LABEL.typ, isContentType);
    for (const label of [LABEL.kid, LABEL.iv, LABEL.partialIv]) check(bucket, label, (value) => value instanceof Uint8Array);
  }
  const has = (label: number): boolean => headers.has(label) || unprotected.has(label);
  if (has(LABEL.iv) && has(LABEL.partialIv)) throw invalid('header parameters IV and Partial IV are both present');
  if (unprotected.has(LABEL.crit)) throw invalid('header parameter crit: not allowed in the unprotected header');
  const countersigned = COUNTERSIGNATURES.find((label) => headers.has(label));
  if (countersigned !== undefined) throw invalid(`header parameter ${countersigned}: not allowed in the protected header`);
  for (const label of COUNTERSIGNATURES)
    check(unprotected, label, (value) => BARE_COUNTERSIGNATURES.has(label) && value instanceof Uint8Array);
  criticalLabels(headers);
}

/** Integers are of 64 bits and the common tags mark what they are for, also where nothing reads the value. */
function checkValue(value: CborValue): void {
  if (typeof value === 'bigint' && (value >= INTEGER_END || value < -INTEGER_END)) throw invalid('cbor: expected integers of 64 bits');
  if (isCborArray(value)) value.forEach(checkValue);
  else if (isCborMap(value)) [...value].flat().forEach(checkValue);
  else if (value instanceof CborTag) {
    if (!(TAGGED.get(value.tag)?.(value.value) ?? true)) throw invalid(`cbor: tag ${value.tag} marks a value that it is not for`);
    checkValue(value.value);
  }
}

/** Times and big integers, RFC 8949 section 3.4. */
const TAGGED: ReadonlyMap<number | bigint, (value: CborValue) => boolean> = new Map<number | bigint, (value: CborValue) => boolean>([
  [0, (value) => typeof value === 'string' && parseInstant(value) !== undefined],
  [1, (value) => isInteger(value) || value instanceof CborFloat],
  [2, (value) => value instanceof Uint8Array],
  [3, (value) => value instanceof Uint8Array],
]);

function check(bucket: CborMap, label: number, fits: (value: CborValue) => boolean): void {
  if (bucket.has(label) && !fits(bucket.get(label))) throw invalid(`header parameter ${label} has a value of the wrong type`);
}

function isInteger(value: CborValue): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function isContentType(value: CborValue): boolean {
  if (isInteger(value)) return value >= 0;
  return typeof value === 'string' && value !== '' && value.trim() === value && value.split('/').length === 2;
}

function criticalLabels(headers: CborMap): readonly Label[] {
  if (!headers.has(LABEL.crit)) return [];
  const critical = headers.get(LABEL.crit);
  if (!isCborArray(critical) || critical.length === 0) throw invalid('header parameter crit: expected a list that is not empty');
  return critical.map((label) => {
    if (!isInteger(label) && typeof label !== 'string') throw invalid('header parameter crit: expected integers and text');
    if (!headers.has(label)) throw invalid(`missing critical header: ${String(label).slice(0, 80)}`);
    return label;
  });
}

function certificateBytes(value: CborValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw invalid('COSE envelope malformed leaf certificate: expected byte strings in x5chain');
}

/** Sig_structure of RFC 9052 section 4.4: lengths in their shortest form, the protected header as it was received. */
function signatureStructure(protectedBytes: Uint8Array, payload: Uint8Array): Uint8Array {
  const context = Buffer.from([ARRAY_OF_4, 0x6a, ...Buffer.from('Signature1')]);
  const noExternalData = Buffer.from([0x40]);
  return Buffer.concat([
    context,
    encodeByteStringHeader(protectedBytes.length),
    protectedBytes,
    noExternalData,
    encodeByteStringHeader(payload.length),
    payload,
  ]);
}

function protectedHeaders(headers: CborMap): Parameters<typeof judgeHeaders>[0] {
  const scheme = headers.get(HEADER.signingScheme);
  if (scheme !== undefined && typeof scheme !== 'string') throw invalid('invalid signingScheme: expected text');
  return {
    scheme,
    signingTime: readTime(headers, HEADER.signingTime),
    authenticSigningTime: readTime(headers, HEADER.authenticSigningTime),
    expiry: readTime(headers, HEADER.expiry),
    expiryIsCritical: headers.has(HEADER.expiry),
    critical: criticalLabels(headers),
    attributes: [...headers].filter(([label]) => !isSystemLabel(label)).map(([key, value]) => ({ key, value })),
    tolerated: new Set(headers.keys()),
  };
}

function isSystemLabel(label: Label): boolean {
  if (typeof label === 'string') return SYSTEM_HEADERS.has(label);
  return label === LABEL.alg || label === LABEL.crit || label === LABEL.contentType;
}

function readTime(headers: CborMap, name: string): Instant | undefined {
  if (!headers.has(name)) return undefined;
  const value = headers.get(name);
  if (!(value instanceof CborTag) || value.tag !== 1) throw invalid(`"${name}": only Tag \`1\` Datetime CBOR object is supported`);
  const seconds = value.value instanceof CborFloat ? value.value.value : isInteger(value.value) ? Number(value.value) : undefined;
  const instant = seconds === undefined ? undefined : instantOfSeconds(seconds);
  if (instant === undefined) throw invalid(`"${name}": invalid timeValue type, signing-time not present`);
  return instant;
}

function signatureError(message: string): NotationError {
  return new NotationError('SIGNATURE_INVALID', `signature is invalid. Error: ${message}`);
}
