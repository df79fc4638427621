import { CodedError } from '../lib/errors.ts';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue, parseJson } from '../lib/json.ts';
import type { Descriptor, Referrer } from './descriptor.ts';
import { isDigest } from './digest.ts';

/** JSON that is no descriptor or no index; whoever fetched it knows what it belongs to. */
export class DocumentError extends CodedError {
  readonly code = 'CONTENT_INVALID';
}

const MAX_ANNOTATIONS = 256;
/** Names and values of one descriptor's annotations together, in UTF-16 units. */
const MAX_ANNOTATION_LENGTH = 64 * 1024;
const MAX_MEDIA_TYPE_LENGTH = 255;
const MEDIA_TYPE = /^[\x21-\x7e]+$/;
const INTEGER = /^(?:0|[1-9][0-9]{0,15})$/;

/**
 * Reads `manifests` of an image index (image-spec v1.1.1, "Image Index"): descriptors in their order, with an empty `artifactType` where
 * there is none. `urls` and `data` are not looked at.
 *
 * @throws {DocumentError} If it is not exactly an index.
 * @throws {JsonError} If it is not JSON.
 */
export function parseIndex(bytes: Uint8Array, mediaType: string): readonly Referrer[] {
  const index = parseObject(bytes);
  const declared = index.get('mediaType');
  if (declared !== undefined && declared !== mediaType) throw new DocumentError(`its mediaType is not ${mediaType}`);
  const version = index.get('schemaVersion');
  if (!(version instanceof JsonNumber) || version.text !== '2') throw new DocumentError('its schemaVersion is not 2');
  // `null` is how Go writes an empty list, and olareg an image without referrers.
  const manifests = index.get('manifests') === null ? [] : index.get('manifests');
  if (!Array.isArray(manifests)) throw new DocumentError('its manifests are not an array');
  return manifests.map((entry, position) => {
    const descriptor = parseDescriptor(entry, `manifests[${position}]`);
    return { ...descriptor, artifactType: descriptor.artifactType ?? '' };
  });
}

/** Reads an object out of JSON bytes. */
export function parseObject(bytes: Uint8Array): JsonObject {
  const value = parseJson(bytes);
  if (!isJsonObject(value)) throw new DocumentError('it is not a JSON object');
  return value;
}

/**
 * Reads a descriptor (image-spec v1.1.1, "Content Descriptors"), strictly: no number for a string, no size that is not a
 * non-negative safe integer.
 *
 * @param where - Where it stands, for the message.
 * @throws {DocumentError}
 */
export function parseDescriptor(value: JsonValue | undefined, where: string): Descriptor {
  if (!isJsonObject(value)) throw new DocumentError(`${where} is not an object`);
  const digest = value.get('digest');
  if (typeof digest !== 'string' || !isDigest(digest)) throw new DocumentError(`${where}.digest is not a digest`);
  const mediaType = value.get('mediaType');
  if (typeof mediaType !== 'string' || mediaType.length > MAX_MEDIA_TYPE_LENGTH || !MEDIA_TYPE.test(mediaType)) {
    throw new DocumentError(`${where}.mediaType is not a media type`);
  }
  const artifactType = value.get('artifactType');
  if (artifactType !== undefined && typeof artifactType !== 'string') throw new DocumentError(`${where}.artifactType is not a string`);
  const annotations = value.get('annotations');
  return {
    mediaType,
    digest,
    size: parseSize(value.get('size'), where),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations: parseAnnotations(annotations, where) }),
  };
}

function parseSize(value: JsonValue | undefined, where: string): number {
  const size = value instanceof JsonNumber && INTEGER.test(value.text) ? Number(value.text) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw new DocumentError(`${where}.size is not a size in bytes`);
  return size;
}

/**
 * Reads annotations: at most 256, of at most 64 Ki characters.
 *
 * @param where - Whose they are, for the message.
 * @throws {DocumentError}
 */
export function parseAnnotations(value: JsonValue, where: string): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) throw new DocumentError(`${where}.annotations is not an object`);
  if (value.size > MAX_ANNOTATIONS) throw new DocumentError(`${where} has more than ${MAX_ANNOTATIONS} annotations`);
  // Without a prototype: a name such as __proto__ is a name like any other.
  const annotations: Record<string, string> = Object.create(null);
  let length = 0;
  for (const [name, text] of value) {
    if (typeof text !== 'string') throw new DocumentError(`${where}.annotations has a value that is not a string`);
    length += name.length + text.length;
    if (length > MAX_ANNOTATION_LENGTH) throw new DocumentError(`${where}.annotations are longer than ${MAX_ANNOTATION_LENGTH}`);
    annotations[name] = text;
  }
  return annotations;
}
