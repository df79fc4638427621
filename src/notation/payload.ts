import { errorText } from '../lib/errors.ts';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue, parseJson } from '../lib/json.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { NotationError } from './errors.ts';

const INTEGER = /^-?(?:0|[1-9]\d{0,18})$/;

/**
 * Compares what was signed with the artifact, and with metadata that must have been signed with it (signature-specification, "Payload").
 * Media type, digest and size must be equal, byte for byte.
 */
export function payloadProblem(
  payload: Uint8Array,
  subject: Descriptor,
  required: Readonly<Record<string, string>>,
): NotationError | undefined {
  try {
    const target = readTarget(payload);
    const metadata = metadataProblem(target, required);
    return metadata ?? targetProblem(target, subject);
  } catch (error) {
    if (error instanceof NotationError) return error;
    throw error;
  }
}

interface Target {
  readonly mediaType: string;
  readonly digest: string;
  /** As written: two sizes that a double cannot tell apart are not equal. */
  readonly size: string;
  readonly annotations: ReadonlyMap<string, string>;
}

function readTarget(payload: Uint8Array): Target {
  const target = parse(payload)?.get('targetArtifact') ?? null;
  if (target === null) return { mediaType: '', digest: '', size: '0', annotations: new Map() };
  if (!isJsonObject(target)) throw invalid('expected targetArtifact to be an object');
  return {
    mediaType: text(target, 'mediaType'),
    digest: text(target, 'digest'),
    size: integer(target, 'size'),
    annotations: texts(target.get('annotations') ?? null),
  };
}

function parse(payload: Uint8Array): JsonObject | undefined {
  let value: JsonValue;
  try {
    value = parseJson(payload);
  } catch (error) {
    throw invalid(errorText(error));
  }
  if (value === null) return undefined;
  if (!isJsonObject(value)) throw invalid('expected an object');
  return value;
}

function text(target: JsonObject, name: string): string {
  const value = target.get(name) ?? '';
  if (typeof value !== 'string') throw invalid(`expected targetArtifact.${name} to be a string`);
  return value;
}

function integer(target: JsonObject, name: string): string {
  const value = target.get(name) ?? new JsonNumber('0');
  if (!(value instanceof JsonNumber) || !INTEGER.test(value.text)) throw invalid(`expected targetArtifact.${name} to be an integer`);
  return value.text;
}

function texts(value: JsonValue): ReadonlyMap<string, string> {
  if (value === null) return new Map();
  if (!isJsonObject(value)) throw invalid('expected targetArtifact.annotations to be an object');
  const found = new Map<string, string>();
  for (const [name, entry] of value) {
    if (entry !== null && typeof entry !== 'string') throw invalid('expected the values of targetArtifact.annotations to be strings');
    found.set(name, entry ?? '');
  }
  return found;
}

function metadataProblem({ annotations }: Target, required: Readonly<Record<string, string>>): NotationError | undefined {
  const missing = Object.entries(required).find(([name, value]) => annotations.get(name) !== value);
  if (missing === undefined) return undefined;
  return new NotationError('METADATA_MISMATCH', `unable to find specified metadata in the signature: ${missing[0].slice(0, 80)}`);
}

function targetProblem(target: Target, subject: Descriptor): NotationError | undefined {
  if (target.mediaType === subject.mediaType && target.digest === subject.digest && target.size === String(subject.size)) return undefined;
  const [what, expected, found] =
    target.digest !== subject.digest
      ? ['digest', subject.digest, target.digest]
      : target.mediaType !== subject.mediaType
        ? ['mediaType', subject.mediaType, target.mediaType]
        : ['size', String(subject.size), target.size];
  return new NotationError(
    'PAYLOAD_MISMATCH',
    `content descriptor mismatch: signed for another artifact: expected ${what} ${expected}, found ${found.slice(0, 100)}`,
  );
}

function invalid(why: string): NotationError {
  return new NotationError('PAYLOAD_INVALID', `the signed payload is not a Notation payload: ${why}`);
}
