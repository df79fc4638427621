import { decodeBase64, decodeBase64Url } from '../lib/base64.ts';
import { errorText } from '../lib/errors.ts';
import type { Instant } from '../lib/instant.ts';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue, parseJson } from '../lib/json.ts';
import { algorithmOfKey, isSignedByLeaf, JWS_ALGORITHMS } from './algorithms.ts';
import type { CertificateReader } from './certificates.ts';
import { NotationError } from './errors.ts';
import { HEADER, invalid, judgeHeaders, SYSTEM_HEADERS } from './headers.ts';
import { variantOf } from './members.ts';
import { beginsWithClaims } from './payload.ts';
import { quote } from './quote.ts';
import { isZero, parseInstant } from './time.ts';
import type { EnvelopeContent } from './types.ts';

const MEMBERS: ReadonlySet<string> = new Set(['payload', 'protected', 'header', 'signature']);
const PLAIN_HEADERS: ReadonlySet<string> = new Set(['alg', 'cty', 'crit']);
const PROTECTED = [...PLAIN_HEADERS, ...SYSTEM_HEADERS, HEADER.plugin, HEADER.pluginMinVersion];
/** An escape of one of the characters of a time. */
const ESCAPED_TIME = /\\u00(?:2[bde]|3[0-9a]|5[4a])/i;
const MAX_CERTIFICATES = 10;

/**
 * Reads and checks a JWS envelope: flattened JSON, signed by the key of its first certificate (signature-envelope-jws).
 *
 * Stricter than the reference on duplicate and unknown members, on base64 and on times.
 *
 * @throws {NotationError} `ENVELOPE_INVALID`, `SIGNATURE_INVALID` or `CERTIFICATE_CHAIN_INVALID`
 */
export async function readJws(bytes: Uint8Array, certificates: CertificateReader): Promise<EnvelopeContent> {
  const envelope = readEnvelope(bytes);
  const [first, ...others] = envelope.x5c;
  if (first === undefined) throw invalid('certificate chain is not present');
  const leaf = await certificates.parse(first, 0);

  const header = readObject(envelope.protectedBytes, 'protected header');
  if (!hasDoubles(header)) throw signatureError('the protected header has a number beyond every double');
  const claimed = readAlgorithm(header);
  const algorithm = algorithmOfKey(leaf);
  if (algorithm.jws !== claimed) {
    throw signatureError(
      `mismatch between signature algorithm derived from signing certificate (${algorithm.jws}) and signing algorithm specified (${claimed})`,
    );
  }
  if (!(await isSignedByLeaf(leaf, algorithm, envelope.signingInput, envelope.signature))) throw signatureError('verification error');
  // What a JWT library would take for claims. Whether it is a whole JSON text is the payload's own check.
  if (!beginsWithClaims(envelope.payload)) throw signatureError('the payload does not begin with a JSON object');

  const judged = judgeHeaders(protectedHeaders(header, envelope.protectedBytes));
  const chain = [leaf, ...(await Promise.all(others.map((der, i) => certificates.parse(der, i + 1))))];
  await certificates.checkChain(chain);
  const contentType = header.get('cty');
  return {
    ...judged,
    payload: envelope.payload,
    payloadContentType: typeof contentType === 'string' ? contentType : '',
    certificateChain: chain,
    signature: envelope.signature,
    timestampSignature: envelope.timestampSignature,
    signingAgent: envelope.signingAgent,
  };
}

interface Envelope {
  readonly payload: Uint8Array;
  readonly protectedBytes: Uint8Array;
  readonly signature: Uint8Array;
  /** The two strings as they stand, with a dot between. */
  readonly signingInput: Uint8Array;
  readonly x5c: readonly Uint8Array[];
  readonly timestampSignature: Uint8Array | undefined;
  readonly signingAgent: string | undefined;
}

function readEnvelope(bytes: Uint8Array): Envelope {
  const envelope = readObject(bytes, 'digital signature');
  const unknown = [...envelope.keys()].find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) throw invalid(`unable to parse the digital signature, error : unexpected member ${quote(unknown)}`);
  const header = envelope.get('header') ?? null;
  if (header !== null && !isJsonObject(header)) throw invalid('expected header to be an object');
  checkUnprotected(header ?? new Map());
  const payload = readText(envelope, 'payload');
  const protectedText = readText(envelope, 'protected');
  const signature = fromBase64Url(readText(envelope, 'signature'), 'signature');
  if (signature.length === 0) throw signatureError('the signature is empty');
  const payloadBytes = fromBase64Url(payload, 'payload');
  if (payloadBytes.length === 0) throw invalid('content not present');
  const agent = header?.get(HEADER.signingAgent);
  const timestamp = header?.get(HEADER.timestampSignature) ?? undefined;
  return {
    payload: payloadBytes,
    protectedBytes: fromBase64Url(protectedText, 'protected'),
    signature,
    signingInput: Buffer.from(`${protectedText}.${payload}`, 'latin1'),
    x5c: readCertificates(header?.get('x5c') ?? null),
    timestampSignature: timestamp === undefined ? undefined : fromBase64(timestamp, HEADER.timestampSignature),
    signingAgent: typeof agent === 'string' ? agent : undefined,
  };
}

function readObject(bytes: Uint8Array, what: string): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(bytes);
  } catch (error) {
    throw invalid(`unable to parse the ${what}, error : ${errorText(error)}`, error);
  }
  if (!isJsonObject(value)) throw invalid(`unable to parse the ${what}, error : expected a JSON object`);
  return value;
}

function readText(envelope: JsonObject, name: string): string {
  const value = envelope.get(name);
  if (typeof value === 'string') return value;
  throw invalid(`unable to parse the digital signature, error : expected ${name} to be a string`);
}

function fromBase64Url(text: string, name: string): Uint8Array {
  const bytes = decodeBase64Url(text);
  if (bytes === undefined) throw signatureError(`${name} is not base64url without padding`);
  return bytes;
}

function fromBase64(value: JsonValue, name: string): Uint8Array {
  const bytes = typeof value === 'string' ? decodeBase64(value) : undefined;
  if (bytes === undefined) throw invalid(`expected ${name} to be base64`);
  return bytes;
}

function readCertificates(x5c: JsonValue): readonly Uint8Array[] {
  if (x5c === null) return [];
  if (!Array.isArray(x5c)) throw invalid('expected x5c to be a list of certificates');
  if (x5c.length > MAX_CERTIFICATES) throw invalid(`expected at most ${MAX_CERTIFICATES} certificates in x5c, found ${x5c.length}`);
  return x5c.map((entry: JsonValue) => fromBase64(entry, 'x5c'));
}

/** Whether every number in a value is one to a reader that makes doubles of them. */
function hasDoubles(value: JsonValue): boolean {
  if (value instanceof JsonNumber) return Number.isFinite(Number(value.text));
  if (isJsonObject(value)) return [...value.values()].every(hasDoubles);
  return typeof value !== 'object' || value === null || value.every(hasDoubles);
}

function readAlgorithm(header: JsonObject): string {
  const alg = header.get('alg');
  if (typeof alg !== 'string') throw signatureError('signing method (alg) is unspecified.');
  if (!JWS_ALGORITHMS.has(alg)) throw signatureError(`signing method ${quote(alg)} is invalid or unavailable.`);
  return alg;
}

function protectedHeaders(header: JsonObject, text: Uint8Array): Parameters<typeof judgeHeaders>[0] {
  checkNames(header, PROTECTED, 'protected header');
  // RFC 7797's b64 changes what was signed.
  if (header.has('b64')) throw invalid('the "b64" header is not supported');
  // The reference reads times without undoing escapes; nobody writes them in a time by accident.
  if (ESCAPED_TIME.test(Buffer.from(text).toString('latin1'))) throw invalid('the protected header has escapes where a time has none');
  const critical = header.get('crit') ?? null;
  if (critical !== null && !isTexts(critical)) throw invalid('expected "crit" to be a list of strings');
  const expiry = readTime(header, HEADER.expiry);
  return {
    scheme: header.get(HEADER.signingScheme),
    signingTime: readTime(header, HEADER.signingTime),
    authenticSigningTime: readTime(header, HEADER.authenticSigningTime),
    expiry,
    expiryIsCritical: expiry !== undefined && !isZero(expiry),
    critical: critical ?? [],
    attributes: [...header]
      .filter(([name]) => !PLAIN_HEADERS.has(name) && !SYSTEM_HEADERS.has(name))
      .map(([key, value]) => ({ key, value })),
    tolerated: new Set(),
  };
}

/** A reader that folds case, as the reference does, would take these for the real ones. */
function checkNames(header: JsonObject, known: readonly string[], where: string): void {
  for (const name of header.keys()) {
    const real = variantOf(name, known);
    if (real !== undefined) throw invalid(`${where} ${quote(name)} differs from ${quote(real)} in case only`);
  }
}

/** Early clients wrote `SigningAgent`, which is why that one may stand in any case; its value must be text all the same. */
function checkUnprotected(header: JsonObject): void {
  checkNames(header, ['x5c', HEADER.timestampSignature], 'unprotected header');
  for (const [name, value] of header) {
    const isAgent = name === HEADER.signingAgent || variantOf(name, [HEADER.signingAgent]) !== undefined;
    if (isAgent && value !== null && typeof value !== 'string') throw invalid(`expected ${HEADER.signingAgent} to be a string`);
  }
}

function isTexts(value: JsonValue): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function readTime(header: JsonObject, name: string): Instant | undefined {
  const value = header.get(name) ?? null;
  if (value === null) return undefined;
  const instant = typeof value === 'string' ? parseInstant(value) : undefined;
  if (instant === undefined) throw invalid(`expected "${name}" to be an RFC 3339 time`);
  return instant;
}

function signatureError(message: string): NotationError {
  return new NotationError('SIGNATURE_INVALID', `signature is invalid. Error: ${message}`);
}
