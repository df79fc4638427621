import type * as OpenPgp from 'openpgp';
import { errorText } from '../lib/errors.ts';
import { type Failure, failure, type Result, SimpleSigningError } from './errors.ts';
import { MAX_PAYLOAD_BYTES } from './payload.ts';

/** An OpenPGP key that messages are verified with. */
export interface PgpKey {
  /** The V4 fingerprint of its primary key, in upper-case hex. */
  readonly id: string;
  /**
   * What is inside a signed message, as `gpg --armor --sign` makes it: the signature is good, by a signing key of this key that is neither
   * expired nor revoked at `now`, and over these bytes.
   */
  open(armored: string, now: Date): Promise<Result<Opened>>;
}

/** What was inside a message. */
export interface Opened {
  readonly content: Uint8Array;
  /** When the key, the subkey that signed or the signature expires, whichever is first; absent: never. */
  readonly validUntil?: Date;
}

/**
 * Loads a public key from its armored text.
 *
 * @throws {SimpleSigningError} If it is not one V4 public key, or a private one (which is not repeated).
 */
export async function loadPgpKey(armored: string): Promise<PgpKey> {
  if (armored.length > MAX_KEY_CHARACTERS) {
    throw new SimpleSigningError(`expected an OpenPGP key of at most ${MAX_KEY_CHARACTERS} characters, got ${armored.length}`);
  }
  if (armored.includes('PRIVATE KEY BLOCK-----')) {
    throw new SimpleSigningError('a private OpenPGP key where a public one belongs; remove it and consider it exposed');
  }
  if (!isOneBlock(armored, ['PUBLIC KEY BLOCK'])) throw new SimpleSigningError('expected one armored OpenPGP PUBLIC KEY BLOCK');
  // Half a megabyte of code, which only those pay for who have such keys.
  const openpgp = await import('openpgp');
  const config = configOf(openpgp);
  const key = await readKey(openpgp, armored, config);
  const id = key.getFingerprint().toUpperCase();
  if (!V4_FINGERPRINT.test(id)) throw new SimpleSigningError('expected an OpenPGP key of version 4');
  return { id, open: (message, now) => openMessage({ openpgp, config, key, message, now }) };
}

const MAX_KEY_CHARACTERS = 256 * 1024;
/** A payload that does not compress, in base64, with its signature and armor. */
const MAX_MESSAGE_CHARACTERS = 128 * 1024;
/** A payload, with its signature. */
const MAX_INFLATED_BYTES = MAX_PAYLOAD_BYTES + 8192;
const V4_FINGERPRINT = /^[0-9A-F]{40}$/;

/** Stricter than the library's defaults in SHA-1 for bindings, in RSA of 2047 bits, and in the size of what was compressed. */
function configOf({ config, enums }: typeof OpenPgp): OpenPgp.Config {
  const weak = new Set([enums.hash.md5, enums.hash.sha1, enums.hash.ripemd]);
  return {
    ...config,
    rejectHashAlgorithms: weak,
    rejectMessageHashAlgorithms: weak,
    minRSABits: 2048,
    maxDecompressedMessageSize: MAX_INFLATED_BYTES,
    enforceGrammar: true,
    ignoreMalformedPackets: false,
  };
}

/** Whether there is one armored block and nothing around it. The library would pass over text before the first. */
function isOneBlock(text: string, labels: readonly string[]): boolean {
  const trimmed = text.trim();
  const fits = labels.some(
    (label) => trimmed.startsWith(`-----BEGIN PGP ${label}-----`) && trimmed.endsWith(`\n-----END PGP ${label}-----`),
  );
  return fits && trimmed.indexOf('-----BEGIN', 1) === -1;
}

async function readKey(openpgp: typeof OpenPgp, armored: string, config: OpenPgp.Config): Promise<OpenPgp.Key> {
  let keys: readonly OpenPgp.Key[];
  try {
    keys = await openpgp.readKeys({ armoredKeys: armored.trim(), config });
  } catch (cause) {
    // The library has one class for everything that it says about input.
    throw new SimpleSigningError(`unusable OpenPGP key: ${errorText(cause)}`, { cause });
  }
  const [key, ...more] = keys;
  if (key === undefined || more.length > 0) throw new SimpleSigningError(`expected one OpenPGP key, got ${keys.length}`);
  if (key.isPrivate()) throw new SimpleSigningError('a private OpenPGP key where a public one belongs; remove it and consider it exposed');
  return key;
}

interface Opening {
  readonly openpgp: typeof OpenPgp;
  readonly config: OpenPgp.Config;
  readonly key: OpenPgp.Key;
  readonly message: string;
  readonly now: Date;
}

async function openMessage({ openpgp, config, key, message, now }: Opening): Promise<Result<Opened>> {
  if (message.length > MAX_MESSAGE_CHARACTERS) {
    return malformed(`expected at most ${MAX_MESSAGE_CHARACTERS} characters, got ${message.length}`);
  }
  // kritis armors such a message as a SIGNATURE, gpg as a MESSAGE; a SIGNED MESSAGE is text beside a signature, and never taken.
  if (!isOneBlock(message, ['MESSAGE', 'SIGNATURE'])) return malformed('expected one armored PGP MESSAGE, made by `gpg --armor --sign`');
  let read: Read;
  try {
    read = await readMessage({ openpgp, config, key, now }, message);
  } catch (error) {
    return malformed(errorText(error));
  }
  const { signature, content } = read;
  if (signature === undefined) return malformed('expected one signature with what it signs inside, and nothing else');
  if (signature.signatureType !== openpgp.enums.signature.binary)
    return malformed('signed as text (gpg --textmode), so not over exact bytes');
  const hash = signature.hashAlgorithm;
  if (hash === null || !strongHashes(openpgp).has(hash)) {
    return failure('ALGORITHM_UNSUPPORTED', `hash ${nameOf(openpgp.enums.hash, hash)} of an OpenPGP signature is too weak, or not known`);
  }
  if (isWeaklyRevoked(openpgp, key, signature)) return failure('KEY_REVOKED', 'the OpenPGP key is revoked, with a weak hash');
  try {
    await read.verified;
    // The library asks whether the key was good when it signed; here it must be good now as well.
    const signer = await key.getSigningKey(signature.issuerKeyID, now, undefined, config);
    const ends = [
      signature.getExpirationTime(),
      await key.getExpirationTime(undefined, config),
      signer instanceof openpgp.Subkey ? await signer.getExpirationTime(now, config) : null,
    ];
    const [first] = ends.filter((end) => end instanceof Date).sort((a, b) => a.getTime() - b.getTime());
    return { ok: true, content, ...(first !== undefined && { validUntil: first }) };
  } catch (error) {
    return failureOf(errorText(error));
  }
}

function malformed(why: string): Failure {
  return failure('ATTESTATION_INVALID', `not a signed OpenPGP message: ${why}`);
}

interface Read {
  /** Undefined where there is not one signature that a one-pass signature announces. */
  readonly signature: OpenPgp.SignaturePacket | undefined;
  /** Rejects if the signature is not good. */
  readonly verified: Promise<true> | undefined;
  readonly content: Uint8Array;
}

/**
 * Reads what `gpg --sign` makes, compressed or not: one-pass signature, literal data, signature. The library enforces this order; what may
 * follow a compressed packet it never looks at, and neither do we.
 */
async function readMessage({ openpgp, config, key, now }: Omit<Opening, 'message'>, armored: string): Promise<Read> {
  const { data } = await openpgp.unarmor(armored.trim());
  // A stream comes out only where one was put in.
  const message = await openpgp.readMessage({ binaryMessage: data as Uint8Array, config });
  const { data: content, signatures } = await openpgp.verify({ message, verificationKeys: key, date: now, format: 'binary', config });
  const [first] = message.unwrapCompressed().packets;
  const [result, ...more] = signatures;
  const packets = (await result?.signature)?.packets;
  const isOne = first instanceof openpgp.OnePassSignaturePacket && more.length === 0 && packets?.length === 1;
  return { signature: isOne ? packets[0] : undefined, verified: result?.verified, content };
}

function strongHashes({ enums }: typeof OpenPgp): ReadonlySet<number> {
  const { sha224, sha256, sha384, sha512, sha3_256, sha3_512 } = enums.hash;
  return new Set<number>([sha224, sha256, sha384, sha512, sha3_256, sha3_512]);
}

/** The library passes over a revocation that is hashed with SHA-1, as it does with a binding; one must count, checked or not. */
function isWeaklyRevoked(openpgp: typeof OpenPgp, key: OpenPgp.Key, { issuerKeyID }: OpenPgp.SignaturePacket): boolean {
  const strong = strongHashes(openpgp);
  const revocations = [key, ...key.getKeys(issuerKeyID)].flatMap(({ revocationSignatures }) => revocationSignatures);
  return revocations.some(({ hashAlgorithm }) => hashAlgorithm === null || !strong.has(hashAlgorithm));
}

function nameOf(names: object, value: unknown): string {
  return Object.entries(names).find(([, number]) => number === value)?.[0] ?? String(value);
}

// Told apart by the library's words: it has no codes, and is pinned to one version.
const WORDS: readonly (readonly [RegExp, Failure['reason']['code']])[] = [
  [/key is revoked$/, 'KEY_REVOKED'],
  [/key is expired$/, 'KEY_EXPIRED'],
  [/Signature is expired$/, 'SIGNATURE_EXPIRED'],
];

function failureOf(text: string): Failure {
  const code = WORDS.find(([words]) => words.test(text))?.[1] ?? 'SIGNATURE_INVALID';
  return failure(code, `the OpenPGP signature is not good: ${text}`);
}
