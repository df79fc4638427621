import { constants, createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { decodeBase64 } from '../lib/base64.ts';
import { CodedError, errorText } from '../lib/errors.ts';
import { algorithmOf } from '../x509/algorithm.ts';
import { close, open, readDer, TAG, take } from '../x509/der.ts';
import { octetsOfBitString, oidOf } from '../x509/der-values.ts';
import { readPemPublicKey } from '../x509/pem.ts';
import { readPublicKey } from '../x509/public-key.ts';
import { type Algorithm, findAlgorithm, type KeyForm } from './algorithms.ts';
import { SimpleSigningError } from './errors.ts';

/** A public key, or a service that verifies for us; bytes in, yes or no out. */
export interface Key {
  /** Compared character by character with the id that comes with a signature. */
  readonly id: string;
  /** Rejects only where nothing can be said: the service does not answer, or `signal` aborts. */
  verify(bytes: Uint8Array, signature: Uint8Array, algorithm: string, signal: AbortSignal): Promise<boolean>;
  /** Why a signature that did not verify did not, as far as the algorithm is to blame; for messages only. */
  algorithmProblem?(bytes: Uint8Array, signature: Uint8Array, algorithm: string): string | undefined;
}

/** A public key that we hold. */
export interface LocalKey extends Key {
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly form: KeyForm;
}

/**
 * Loads a public key from the PEM of its SubjectPublicKeyInfo.
 *
 * RSA has exactly 2048, 3072 or 4096 bits; curves are P-256, P-384, P-521 and P-256K (secp256k1), with an uncompressed point; Ed25519.
 *
 * @param id - As the system knows the key; absent or empty: `pkixKeyId`.
 * @throws {SimpleSigningError} For anything else: another kind of key, a certificate, a private key (which is not repeated), several keys.
 */
export function loadPublicKey(pem: string, id = ''): LocalKey {
  const spki = attempt(() => readPemPublicKey(pem));
  const { form, key } = attempt(() => readKey(spki));
  return {
    id: id === '' ? pkixKeyId(spki) : id,
    spki,
    form,
    verify: (bytes, signature, label, signal) => {
      signal.throwIfAborted();
      const algorithm = findAlgorithm(label);
      if (algorithm === undefined || !algorithm.keys.includes(form)) return Promise.resolve(false);
      return isSigned({ key, form, algorithm, bytes, signature });
    },
    algorithmProblem: (bytes, signature, label) => {
      const algorithm = findAlgorithm(label);
      return algorithm === undefined
        ? undefined
        : (fitProblem(algorithm, form) ?? paddingProblem({ key, form, algorithm, bytes, signature }));
    },
  };
}

/** What keeps a key from going with an algorithm; undefined: nothing. */
export function fitProblem({ label, keys }: Algorithm, form: KeyForm): string | undefined {
  return keys.includes(form) ? undefined : `algorithm ${label} takes a key ${keys.join(' or ')}, and this one is ${form}`;
}

/** The id that a PKIX key has where none is given (RFC 6920): `ni:///sha-256;` and the unpadded base64url of the SHA-256 of its DER. */
export function pkixKeyId(spki: Uint8Array): string {
  return `ni:///sha-256;${createHash('sha256').update(spki).digest('base64url')}`;
}

/**
 * The PEM text in a field that holds it in base64 once more, as `publicKeyData` and `asciiArmoredPgpPublicKey` do; white space of a folded
 * YAML text is passed over.
 *
 * @throws {SimpleSigningError} If it is not base64 of an ASCII text, or over 1 MiB.
 */
export function textOfBase64(field: string): string {
  if (field.length > MAX_FIELD) throw new SimpleSigningError(`expected at most ${MAX_FIELD} characters, got ${field.length}`);
  const bytes = decodeBase64(field.replace(/[ \t\r\n]/g, ''));
  if (bytes === undefined || bytes.length === 0) throw new SimpleSigningError('expected base64 of a PEM or armored text');
  const text = Buffer.from(bytes).toString('latin1');
  if (/[^\t\r\n\x20-\x7e]/.test(text))
    throw new SimpleSigningError('expected base64 of a PEM or armored text, got base64 of something else');
  return text;
}

const MAX_FIELD = 1024 * 1024;
const RSA_FORMS: ReadonlyMap<number, KeyForm> = new Map([
  [2048, 'RSA 2048'],
  [3072, 'RSA 3072'],
  [4096, 'RSA 4096'],
]);
const OTHER_FORMS: ReadonlyMap<string, KeyForm> = new Map([
  ['EC P-256', 'EC P-256'],
  ['EC P-384', 'EC P-384'],
  ['EC P-521', 'EC P-521'],
  ['Ed25519', 'Ed25519'],
]);

interface ReadKey {
  readonly form: KeyForm;
  readonly key: KeyObject;
}

function readKey(spki: Uint8Array): ReadKey {
  const element = readDer(spki);
  const p256k = readP256k(spki);
  if (p256k !== undefined) return p256k;
  const read = readPublicKey(element);
  const form = read.modulusLength === undefined ? OTHER_FORMS.get(read.description) : RSA_FORMS.get(read.modulusLength);
  if (form !== undefined) return { form, key: read.keyObject() };
  const found = read.modulusLength === undefined ? read.description : `RSA ${read.modulusLength}`;
  throw new SimpleSigningError(
    `expected a key RSA 2048, 3072 or 4096, EC P-256, P-384, P-521 or P-256K, or Ed25519; got ${found}, which is not supported`,
  );
}

const OID_EC = '1.2.840.10045.2.1';
const OID_SECP256K1 = '1.3.132.0.10';
const POINT_BYTES = 65;

/** A key on the curve that no certificate has, so that `readPublicKey` refuses it; undefined for every other key. */
function readP256k(spki: Uint8Array): ReadKey | undefined {
  const cursor = open(readDer(spki), TAG.sequence);
  const algorithm = algorithmOf(take(cursor, TAG.sequence));
  if (algorithm.oid !== OID_EC || algorithm.parameters?.tag !== TAG.oid || oidOf(algorithm.parameters) !== OID_SECP256K1) return undefined;
  const point = octetsOfBitString(take(cursor, TAG.bitString));
  close(cursor);
  if (point[0] !== 0x04 || point.length !== POINT_BYTES) throw new SimpleSigningError('expected an uncompressed EC point');
  try {
    return { form: 'EC P-256K', key: createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }) };
  } catch (cause) {
    // Whether the point is on the curve is OpenSSL's to say.
    throw new SimpleSigningError(`unusable public key: ${errorText(cause)}`, { cause });
  }
}

function attempt<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SimpleSigningError) throw error;
    if (error instanceof CodedError) throw new SimpleSigningError(`unusable public key: ${errorText(error)}`, { cause: error });
    throw error;
  }
}

interface Check {
  readonly key: KeyObject;
  readonly form: KeyForm;
  readonly algorithm: Algorithm;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * ECDSA signatures are DER, as kritis and Alibaba KMS write them; r and s side by side are not taken. OpenSSL takes the one DER form of
 * r and s, and n-s for s as everybody does: nothing may be keyed by the bytes of a signature.
 */
function isSigned({ key, form, algorithm, bytes, signature }: Check): Promise<boolean> {
  // RSA below would take a signature without its leading zeros.
  if (!hasLength(form, signature)) return Promise.resolve(false);
  const input = { key, ...paddingOf(algorithm) };
  return new Promise((resolve) => {
    try {
      // Curves beyond P-256 take a millisecond: those go to the thread pool.
      if (!OFFLOADED.includes(form)) resolve(verify(algorithm.hash, bytes, input, signature));
      else verify(algorithm.hash, bytes, input, signature, (error, good) => resolve(error === null && good));
    } catch {
      // OpenSSL throws for signatures that cannot be one by this key; that is an answer.
      resolve(false);
    }
  });
}

const OFFLOADED: readonly KeyForm[] = ['EC P-384', 'EC P-521', 'EC P-256K'];
const EXACT_BYTES: Readonly<Partial<Record<KeyForm, number>>> = { 'RSA 2048': 256, 'RSA 3072': 384, 'RSA 4096': 512, Ed25519: 64 };
/** More than two integers of 521 bits take in DER. */
const MAX_ECDSA_BYTES = 144;

function hasLength(form: KeyForm, signature: Uint8Array): boolean {
  const exact = EXACT_BYTES[form];
  return exact === undefined ? signature.length <= MAX_ECDSA_BYTES : signature.length === exact;
}

function paddingOf({ padding, salt }: Pick<Algorithm, 'padding' | 'salt'>): { padding?: number; saltLength?: number } {
  if (padding === undefined) return {};
  if (padding === 'PKCS1') return { padding: constants.RSA_PKCS1_PADDING };
  const { RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_AUTO, RSA_PSS_SALTLEN_DIGEST } = constants;
  return { padding: RSA_PKCS1_PSS_PADDING, saltLength: salt === 'any' ? RSA_PSS_SALTLEN_AUTO : RSA_PSS_SALTLEN_DIGEST };
}

const PADDING_NAMES: Readonly<Record<NonNullable<Algorithm['padding']>, string>> = { PSS: 'RSASSA-PSS', PKCS1: 'PKCS #1 v1.5' };

/** Whether the signature is one of another padding or salt than the label says: it stays refused, but the message can name the mistake. */
function paddingProblem({ key, form, algorithm, bytes, signature }: Check): string | undefined {
  const { padding, salt, label, hash } = algorithm;
  if (padding === undefined || !hasLength(form, signature)) return undefined;
  const isMadeWith = (other: Pick<Algorithm, 'padding' | 'salt'>) => verify(hash, bytes, { key, ...paddingOf(other) }, signature);
  const other = padding === 'PSS' ? 'PKCS1' : 'PSS';
  if (isMadeWith({ padding: other, salt: 'any' })) {
    return `algorithm mismatch: ${label} means ${PADDING_NAMES[padding]}, and the signature was made with ${PADDING_NAMES[other]}`;
  }
  if (salt !== 'of the hash' || !isMadeWith({ padding, salt: 'any' })) return undefined;
  return `algorithm mismatch: ${label} means a salt as long as the hash, and the signature was made with another`;
}
