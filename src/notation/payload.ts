import { decodeBase64 } from '../lib/base64.ts';
import { errorText } from '../lib/errors.ts';
import { isJsonObject, JsonError, JsonNumber, type JsonObject, type JsonValue, parseJson } from '../lib/json.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { NotationError } from './errors.ts';
import { variantOf } from './members.ts';
import { quote } from './quote.ts';

const DESCRIPTOR = ['mediaType', 'digest', 'size', 'annotations', 'urls', 'data', 'platform', 'artifactType'];
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

/**
 * Whether the first JSON value of a payload is an object or null, whatever follows it: what a JWT library takes for claims.
 */
export function beginsWithClaims(payload: Uint8Array): boolean {
  const first = payload.subarray(0, endOfFirstValue(payload));
  try {
    const value = parseJson(first);
    return value === null || isJsonObject(value);
  } catch (error) {
    if (error instanceof JsonError) return false;
    throw error;
  }
}

const CODE = { quote: 0x22, backslash: 0x5c, openBrace: 0x7b, closeBrace: 0x7d, n: 0x6e } as const;
const SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Where an object or `null` at the beginning ends, if it is well-formed; its braces alone are counted. */
function endOfFirstValue(bytes: Uint8Array): number {
  let at = 0;
  while (SPACE.has(bytes[at] ?? 0)) at++;
  if (bytes[at] === CODE.n) return at + 'null'.length;
  if (bytes[at] !== CODE.openBrace) return 0;
  let depth = 0;
  let inString = false;
  for (; at < bytes.length; at++) {
    const code = bytes[at];
    if (inString && code === CODE.backslash) at++;
    else if (code === CODE.quote) inString = !inString;
    else if (!inString && code === CODE.openBrace) depth++;
    else if (!inString && code === CODE.closeBrace && --depth === 0) return at + 1;
  }
  return bytes.length;
}

interface Target {
  readonly mediaType: string;
  readonly digest: string;
  /** As written: two sizes that a double cannot tell apart are not equal. */
  readonly size: string;
  readonly annotations: ReadonlyMap<string, string>;
}

function readTarget(payload: Uint8Array): Target {
  const document = parse(payload) ?? new Map();
  checkNames(document, ['targetArtifact']);
  const target = document.get('targetArtifact') ?? null;
  if (target === null) return { mediaType: '', digest: '', size: '0', annotations: new Map() };
  if (!isJsonObject(target)) throw invalid('expected targetArtifact to be an object');
  checkNames(target, DESCRIPTOR);
  checkUnread(target);
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

/** A reader that folds case, as the reference does, would take these for the real ones. */
function checkNames(members: JsonObject, known: readonly string[]): void {
  for (const name of members.keys()) {
    const real = variantOf(name, known);
    if (real !== undefined) throw invalid(`member ${quote(name)} differs from ${quote(real)} in case only`);
  }
}

const PLATFORM = ['architecture', 'os', 'os.version', 'os.features', 'variant'];

/** Members that nothing is compared with, whose types the reference checks all the same. */
function checkUnread(target: JsonObject): void {
  text(target, 'artifactType');
  if (decodeBase64(text(target, 'data')) === undefined) throw invalid('expected targetArtifact.data to be base64');
  list(target, 'urls');
  const platform = target.get('platform') ?? null;
  if (platform === null) return;
  if (!isJsonObject(platform)) throw invalid('expected targetArtifact.platform to be an object');
  checkNames(platform, PLATFORM);
  for (const name of PLATFORM) {
    if (name === 'os.features') list(platform, name);
    else text(platform, name);
  }
}

function list(members: JsonObject, name: string): void {
  const value = members.get(name) ?? [];
  const isTexts = Array.isArray(value) && value.every((entry) => entry === null || typeof entry === 'string');
  if (!isTexts) throw invalid(`expected ${name} to be a list of strings`);
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
