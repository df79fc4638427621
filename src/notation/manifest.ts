import { errorText } from '../lib/errors.ts';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue, parseJson } from '../lib/json.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { isDigest } from '../oci/digest.ts';
import { NotationError } from './errors.ts';

/** Where a manifest of each media type lists its envelope; the second type is of an OCI 1.1 release candidate and still read. */
const ENVELOPES: ReadonlyMap<string, string> = new Map([
  ['application/vnd.oci.image.manifest.v1+json', 'layers'],
  ['application/vnd.oci.artifact.manifest.v1+json', 'blobs'],
]);
/** Of a manifest, and of the envelope it names. */
const MAX_BYTES = 4 * 1024 * 1024;
const SIZE = /^(?:0|[1-9]\d{0,15})$/;

/**
 * The envelope that a signature manifest names: exactly one (signature-specification, "Signature Manifest"). A manifest whose `subject` is
 * another artifact is refused, which the reference leaves to the payload.
 *
 * @throws {NotationError} `ENVELOPE_INVALID`
 */
export function signatureBlob(manifest: Uint8Array, manifestMediaType: string, subject: Descriptor): Descriptor {
  const member = ENVELOPES.get(manifestMediaType);
  if (member === undefined)
    throw invalid(`signature manifest requires ${[...ENVELOPES.keys()].join(' or ')}, got ${manifestMediaType.slice(0, 80)}`);
  if (manifest.length > MAX_BYTES)
    throw invalid(`signature manifest too large: expected at most ${MAX_BYTES} bytes, found ${manifest.length}`);
  const document = parse(manifest);
  checkSubject(document.get('subject') ?? null, subject);
  const envelopes = document.get(member) ?? null;
  const [envelope, ...others] = Array.isArray(envelopes) ? envelopes : [];
  if (envelope === undefined || others.length > 0) {
    throw invalid(
      `signature manifest requires exactly one signature envelope blob, got ${others.length + (envelope === undefined ? 0 : 1)}`,
    );
  }
  const blob = readDescriptor(envelope);
  if (blob.size > MAX_BYTES) throw invalid(`signature blob too large: expected at most ${MAX_BYTES} bytes, found ${blob.size}`);
  return blob;
}

function parse(manifest: Uint8Array): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(manifest);
  } catch (error) {
    throw invalid(`the signature manifest is not JSON: ${errorText(error)}`);
  }
  if (!isJsonObject(value)) throw invalid('expected the signature manifest to be an object');
  return value;
}

function checkSubject(found: JsonValue, subject: Descriptor): void {
  if (found === null) return;
  const { digest } = readDescriptor(found);
  if (digest !== subject.digest)
    throw invalid(`the signature manifest is about another artifact: expected subject ${subject.digest}, found ${digest}`);
}

function readDescriptor(value: JsonValue): Descriptor {
  if (!isJsonObject(value)) throw invalid('expected a descriptor in the signature manifest');
  const mediaType = value.get('mediaType');
  const digest = value.get('digest');
  const size = value.get('size');
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || !isDigest(digest)) {
    throw invalid('expected a descriptor with a media type and a digest in the signature manifest');
  }
  if (!(size instanceof JsonNumber) || !SIZE.test(size.text) || !Number.isSafeInteger(Number(size.text))) {
    throw invalid('expected a descriptor with a size in bytes in the signature manifest');
  }
  return { mediaType, digest, size: Number(size.text) };
}

function invalid(message: string): NotationError {
  return new NotationError('ENVELOPE_INVALID', message);
}
