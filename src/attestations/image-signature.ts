import type { Attestation } from '../engine/types.ts';
import { decodeBase64 } from '../lib/base64.ts';
import { isJsonObject, JsonError, type JsonObject, type JsonValue, parseJson } from '../lib/json.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { MalformedStatement, textOf } from './members.ts';

/** Whether this is meant as a container image signature of OCI Artifacts (`ContainerImageSignature`, API 20160918). */
export function isImageSignature(object: JsonObject): boolean {
  return object.has('message') && object.has('signature');
}

/**
 * Reads an image signature of OCI. It is filed under the image of its own member `imageDigest`, which is ours for signatures that are kept in
 * files, else under the digest that its message names; one that names none may be about any image.
 *
 * @returns Undefined for one that is filed under another image than `about`.
 * @throws {MalformedStatement}
 */
export function readImageSignature(object: JsonObject, name: string, about: Digest | undefined): Attestation | undefined {
  const payload = bytesOf(object, 'message');
  const filedUnder = textOf(object, 'imageDigest') ?? digestInMessage(payload);
  if (about !== undefined && filedUnder !== undefined && filedUnder !== about) return undefined;
  const signature = bytesOf(object, 'signature');
  const keyId = requiredText(object, 'kmsKeyId');
  const keyVersion = requiredText(object, 'kmsKeyVersionId');
  const algorithm = requiredText(object, 'signingAlgorithm');
  return { name, format: 'vault', payload, signatures: [{ keyId, keyVersion, algorithm, signature }] };
}

function bytesOf(object: JsonObject, member: string): Uint8Array {
  const bytes = decodeBase64(requiredText(object, member));
  if (bytes === undefined) throw new MalformedStatement(`expected ${member} to be base64`);
  return bytes;
}

function requiredText(object: JsonObject, member: string): string {
  const text = textOf(object, member) ?? '';
  if (text === '') throw new MalformedStatement(`has no ${member}`);
  return text;
}

/** Nothing is believed of it: it only says for which image the signature is tried. */
function digestInMessage(message: Uint8Array): Digest | undefined {
  let value: JsonValue;
  try {
    value = parseJson(message);
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
  const digest = isJsonObject(value) ? value.get('imageDigest') : undefined;
  return typeof digest === 'string' && isDigest(digest) ? digest : undefined;
}
