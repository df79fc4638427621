import { findAlgorithm } from './algorithms.ts';
import { type Failure, failure, quote, type Result } from './errors.ts';
import type { Key } from './keys.ts';
import { type Expected, MAX_PAYLOAD_BYTES, type Payload, parsePayload, payloadProblem } from './payload.ts';
import type { PgpKey } from './pgp.ts';

/** A signature beside the bytes that it is over. */
export interface Signed {
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
  /** A label of `findAlgorithm`: of the rule that names the key, or of the signature where the system writes it there. */
  readonly algorithm: string;
}

/** A detached attestation: who is said to have signed which payload, and how. */
export interface DetachedAttestation {
  readonly keyId: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  readonly algorithm: string;
}

/** An attached attestation: an OpenPGP message with its payload inside. */
export interface AttachedAttestation {
  readonly keyId: string;
  /** Armored. */
  readonly message: string;
}

/**
 * Checks one signature: `ALGORITHM_UNSUPPORTED`, `ALGORITHM_MISMATCH` or `SIGNATURE_INVALID`, undefined if it is good.
 *
 * @throws What `key.verify` rejects with: nothing is known of the signature then.
 */
export async function signatureProblem(
  key: Key,
  { bytes, signature, algorithm }: Signed,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  if (findAlgorithm(algorithm) === undefined) return failure('ALGORITHM_UNSUPPORTED', `unsupported algorithm ${quote(algorithm)}`);
  // Whatever a service answers beside it is no yes.
  if ((await key.verify(bytes, signature, algorithm, signal)) === true) return undefined;
  const mistake = key.algorithmProblem?.(bytes, signature, algorithm);
  if (mistake !== undefined) return failure('ALGORITHM_MISMATCH', mistake);
  return failure('SIGNATURE_INVALID', `the signature does not verify with key ${quote(key.id)}: changed, or made by another key`);
}

/**
 * Verifies a detached signature over a simple-signing payload, then reads the payload and compares all of it.
 *
 * @throws What `key.verify` rejects with.
 */
export async function verifyDetached(
  key: Key,
  { keyId, payload, signature, algorithm }: DetachedAttestation,
  expected: Expected,
  signal: AbortSignal,
): Promise<Result<{ readonly payload: Payload }>> {
  if (keyId !== key.id) return otherKey(keyId, key.id);
  if (payload.length > MAX_PAYLOAD_BYTES) {
    return failure('PAYLOAD_INVALID', `expected a payload of at most ${MAX_PAYLOAD_BYTES} bytes, got ${payload.length}`);
  }
  return (await signatureProblem(key, { bytes: payload, signature, algorithm }, signal)) ?? readPayload(payload, expected);
}

/** Verifies an OpenPGP message at `now`, then reads the payload inside it and compares all of it. */
export async function verifyAttached(
  key: PgpKey,
  { keyId, message }: AttachedAttestation,
  expected: Expected,
  now: Date,
): Promise<Result<{ readonly payload: Payload; readonly validUntil?: Date }>> {
  if (keyId !== key.id) return otherKey(keyId, key.id);
  const opened = await key.open(message, now);
  if (!opened.ok) return opened;
  const read = readPayload(opened.content, expected);
  return read.ok && opened.validUntil !== undefined ? { ...read, validUntil: opened.validUntil } : read;
}

/** Ids are compared character by character; they are no secret. */
export function otherKey(found: string, expected: string): Failure {
  return failure('KEY_ID_MISMATCH', `expected a signature by key ${quote(expected)}, got one that names key ${quote(found)}`);
}

function readPayload(bytes: Uint8Array, expected: Expected): Result<{ readonly payload: Payload }> {
  const read = parsePayload(bytes);
  return read.ok ? (payloadProblem(read.payload, expected) ?? read) : read;
}
