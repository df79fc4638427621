import { decodeBase64 } from '../lib/base64.ts';
import { errorText } from '../lib/errors.ts';
import { isJsonObject, JsonError, type JsonObject, type JsonValue, parseJson } from '../lib/json.ts';
import type { Digest } from '../oci/digest.ts';
import { findAlgorithm } from './algorithms.ts';
import { type Failure, failure, quote, type Result } from './errors.ts';
import type { Key } from './keys.ts';
import { MAX_PAYLOAD_BYTES } from './payload.ts';
import { otherKey, signatureProblem } from './verify.ts';

/** A container image signature as OCI Artifacts stores it; nothing of it is vouched for but what `message` repeats. */
export interface ImageSignature {
  readonly compartmentId: string;
  readonly imageId: string;
  readonly kmsKeyId: string;
  readonly kmsKeyVersionId: string;
  /** Base64 of the signed bytes. */
  readonly message: string;
  /** Base64. */
  readonly signature: string;
  readonly signingAlgorithm: string;
}

/** What was signed: a JSON object, of which the bytes are what counts. */
export interface ImageMessage {
  readonly imageDigest: string;
  readonly kmsKeyId: string;
  readonly kmsKeyVersionId: string;
  readonly signingAlgorithm: string;
  /** For the caller to compare: name of the repository in its tenancy, without registry and namespace. */
  readonly repositoryName: string;
  /** For the caller to compare with the registry's. */
  readonly region: string;
  readonly description: string | undefined;
  readonly metadata: string | undefined;
}

/** Reads an image signature out of JSON, from a file or from a list of OCI's; members beside the seven are passed over. */
export function readImageSignature(value: JsonValue): Result<{ readonly signature: ImageSignature }> {
  if (!isJsonObject(value)) return failure('ATTESTATION_INVALID', 'expected an image signature to be an object');
  const found = texts(value, ENVELOPE);
  return typeof found === 'string' ? failure('ATTESTATION_INVALID', `image signature: ${found}`) : { ok: true, signature: found };
}

/**
 * Verifies an image signature by `key` for the image with `digest`. The signature is over the decoded message as it is, so that the same
 * JSON in another order is a bad one; key, key version and algorithm in the message must be those beside it, and its digest the image's.
 *
 * @throws What `key.verify` rejects with.
 */
export async function verifyImageSignature(
  key: Key,
  signature: ImageSignature,
  digest: Digest,
  signal: AbortSignal,
): Promise<Result<{ readonly message: ImageMessage }>> {
  if (signature.kmsKeyId !== key.id) return otherKey(signature.kmsKeyId, key.id);
  const algorithm = signature.signingAlgorithm;
  if (findAlgorithm(algorithm)?.system !== 'oci') {
    return failure('ALGORITHM_UNSUPPORTED', `unsupported algorithm ${quote(algorithm)}: expected SHA_224, 256, 384 or 512_RSA_PKCS_PSS`);
  }
  const bytes = decode(signature.message);
  const signed = decode(signature.signature);
  if (bytes === undefined) return failure('ATTESTATION_INVALID', `image signature: ${badBase64('message')}`);
  if (signed === undefined) return failure('ATTESTATION_INVALID', `image signature: ${badBase64('signature')}`);
  const problem = await signatureProblem(key, { bytes, signature: signed, algorithm }, signal);
  return problem ?? readMessage(bytes, signature, digest);
}

const ENVELOPE = ['compartmentId', 'imageId', 'kmsKeyId', 'kmsKeyVersionId', 'message', 'signature', 'signingAlgorithm'] as const;
const REPEATED = ['imageDigest', 'kmsKeyId', 'kmsKeyVersionId', 'region', 'repositoryName', 'signingAlgorithm'] as const;
const MAX_BASE64 = Math.ceil(MAX_PAYLOAD_BYTES / 3) * 4;

/** Members that must be strings, or what is wrong. */
function texts<Name extends string>(value: JsonObject, names: readonly Name[]): Record<Name, string> | string {
  const wrong = names.find((name) => typeof value.get(name) !== 'string');
  if (wrong !== undefined) return `expected ${wrong} to be a string`;
  // Every name has a string by now.
  return Object.fromEntries(names.map((name) => [name, value.get(name)])) as Record<Name, string>;
}

function decode(base64: string): Uint8Array | undefined {
  return base64.length > MAX_BASE64 ? undefined : decodeBase64(base64);
}

function badBase64(name: string): string {
  return `expected ${name} to be base64 of at most ${MAX_PAYLOAD_BYTES} bytes`;
}

function readMessage(bytes: Uint8Array, envelope: ImageSignature, digest: Digest): Result<{ readonly message: ImageMessage }> {
  let value: JsonValue;
  try {
    value = parseJson(bytes, { maxDepth: 16 });
  } catch (error) {
    if (error instanceof JsonError) return invalid(errorText(error));
    throw error;
  }
  if (!isJsonObject(value)) return invalid('expected an object');
  const repeated = texts(value, REPEATED);
  if (typeof repeated === 'string') return invalid(repeated);
  const description = value.get('description') ?? undefined;
  const metadata = value.get('metadata') ?? undefined;
  if (description !== undefined && typeof description !== 'string') return invalid('expected description to be a string');
  if (metadata !== undefined && typeof metadata !== 'string') return invalid('expected metadata to be a string');
  const message = { ...repeated, description, metadata };
  return messageProblem(message, envelope, digest) ?? { ok: true, message };
}

function invalid(why: string): Failure {
  return failure('PAYLOAD_INVALID', `what was signed is no image signature message: ${why}`);
}

function messageProblem(message: ImageMessage, envelope: ImageSignature, digest: Digest): Failure | undefined {
  if (message.imageDigest !== digest) {
    return failure('PAYLOAD_DIGEST_MISMATCH', `signature is for another digest: expected ${digest}, got ${quote(message.imageDigest)}`);
  }
  for (const name of ['kmsKeyId', 'kmsKeyVersionId'] as const) {
    if (message[name] === envelope[name]) continue;
    return failure('KEY_ID_MISMATCH', `${name} is ${quote(envelope[name])} beside the message, and ${quote(message[name])} in it`);
  }
  if (message.signingAlgorithm === envelope.signingAlgorithm) return undefined;
  return failure(
    'ALGORITHM_MISMATCH',
    `signingAlgorithm is ${quote(envelope.signingAlgorithm)} beside the message, and ${quote(message.signingAlgorithm)} in it`,
  );
}
