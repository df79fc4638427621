import { errorText } from '../lib/errors.ts';
import { isJsonObject, JsonError, type JsonObject, type JsonValue, parseJson } from '../lib/json.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { InvalidReferenceError, parseReference, type Reference, repositoryText } from '../oci/reference.ts';
import { type Failure, failure, quote, type Result } from './errors.ts';

/** What a simple-signing payload says, member by member, before anything of it is compared. */
export interface Payload {
  /** `critical.identity.docker-reference`, as written. */
  readonly dockerReference: string;
  /** `critical.image.docker-manifest-digest`. */
  readonly manifestDigest: Digest;
  /** `critical.type`, as written. */
  readonly type: string;
  /** Nobody vouches for what stands here; undefined where it is absent or null. */
  readonly optional: JsonObject | undefined;
}

/** Kinds of payload; a signer of one kind does not speak for the other. */
export type PayloadType = 'atomic container signature' | 'cosign container image signature';

/**
 * How the signed name is compared with the name that was asked for.
 *
 * - `repository` (kritis): the same repository. A tag in the signed name is not compared; a digest there must be the signed digest.
 * - `tag` (ACR, type Default): the same repository, and the signed name has the tag that was asked for. Where none was asked for, but a
 *   digest, `withoutTag` decides.
 * - `ignored` (ACR, type Simple): any name, and no name.
 */
export type IdentityRule =
  | { readonly compare: 'repository' }
  | { readonly compare: 'tag'; readonly withoutTag: 'accept' | 'refuse' }
  | { readonly compare: 'ignored' };

/** What a payload must say. */
export interface Expected {
  /** As it was asked for. */
  readonly reference: Reference;
  /** Of the image that the reference was resolved to. */
  readonly digest: Digest;
  readonly identity: IdentityRule;
  /** Default `atomic container signature`. */
  readonly type?: PayloadType;
}

/** Longest payload, in bytes. */
export const MAX_PAYLOAD_BYTES = 64 * 1024;

/**
 * Reads a simple-signing payload, after its signature was verified over these same bytes (containers/image
 * docs/containers-signature.5.md): strict JSON with `critical` and `optional` alone, and in `critical` and its members nothing that is not
 * known, since whatever is critical must be understood.
 */
export function parsePayload(bytes: Uint8Array): Result<{ readonly payload: Payload }> {
  if (bytes.length > MAX_PAYLOAD_BYTES) return invalid(`expected at most ${MAX_PAYLOAD_BYTES} bytes, got ${bytes.length}`);
  let document: JsonValue;
  try {
    document = parseJson(bytes, { maxDepth: 16 });
  } catch (error) {
    if (error instanceof JsonError) return invalid(errorText(error));
    throw error;
  }
  return readDocument(document);
}

/** Compares type, digest and name of a payload, in this order; undefined: all are as expected. */
export function payloadProblem(payload: Payload, expected: Expected): Failure | undefined {
  const type = expected.type ?? 'atomic container signature';
  if (payload.type !== type)
    return failure('PAYLOAD_TYPE_MISMATCH', `expected a payload of type ${quote(type)}, got ${quote(payload.type)}`);
  if (payload.manifestDigest !== expected.digest) {
    return failure('PAYLOAD_DIGEST_MISMATCH', `signed for another digest: expected ${expected.digest}, got ${payload.manifestDigest}`);
  }
  return identityProblem(payload, expected);
}

type Member = readonly [name: string, required: boolean];

function readDocument(document: JsonValue): Result<{ readonly payload: Payload }> {
  const root = members(document, 'the payload', [
    ['critical', true],
    ['optional', false],
  ]);
  if (typeof root === 'string') return invalid(root);
  const critical = members(root.get('critical'), 'critical', [
    ['identity', true],
    ['image', true],
    ['type', true],
  ]);
  if (typeof critical === 'string') return invalid(critical);
  const identity = members(critical.get('identity'), 'critical.identity', [['docker-reference', true]]);
  if (typeof identity === 'string') return invalid(identity);
  const image = members(critical.get('image'), 'critical.image', [['docker-manifest-digest', true]]);
  if (typeof image === 'string') return invalid(image);
  const dockerReference = identity.get('docker-reference');
  const manifestDigest = image.get('docker-manifest-digest');
  const type = critical.get('type');
  const optional = root.get('optional') ?? null;
  if (typeof dockerReference !== 'string') return invalid('expected critical.identity.docker-reference to be a string');
  if (typeof manifestDigest !== 'string') return invalid('expected critical.image.docker-manifest-digest to be a string');
  if (typeof type !== 'string') return invalid('expected critical.type to be a string');
  if (optional !== null && !isJsonObject(optional)) return invalid('expected optional to be an object');
  if (!isDigest(manifestDigest)) return invalid(`critical.image.docker-manifest-digest is no digest: ${quote(manifestDigest)}`);
  return { ok: true, payload: { dockerReference, manifestDigest, type, optional: optional ?? undefined } };
}

/** The object with exactly these members, or what is wrong. */
function members(value: JsonValue | undefined, where: string, known: readonly Member[]): JsonObject | string {
  if (!isJsonObject(value)) return `expected ${where} to be an object`;
  const missing = known.find(([name, required]) => required && !value.has(name));
  if (missing !== undefined) return `${where} lacks ${missing[0]}`;
  const foreign = [...value.keys()].find((name) => !known.some(([other]) => other === name));
  return foreign === undefined ? value : `${where} has an unknown member ${quote(foreign)}`;
}

function invalid(why: string): Failure {
  return failure('PAYLOAD_INVALID', `what was signed is no simple-signing payload: ${why}`);
}

function identityProblem({ dockerReference }: Payload, { reference, digest, identity }: Expected): Failure | undefined {
  if (identity.compare === 'ignored') return undefined;
  const signed = signedName(dockerReference);
  if (signed === undefined) {
    return failure('PAYLOAD_REPOSITORY_MISMATCH', `signed for a name that is no image reference: ${quote(dockerReference)}`);
  }
  if (repositoryText(signed) !== repositoryText(reference)) {
    return failure(
      'PAYLOAD_REPOSITORY_MISMATCH',
      `signed for another repository: expected ${repositoryText(reference)}, got ${repositoryText(signed)}`,
    );
  }
  if (signed.digest !== undefined && signed.digest !== digest) {
    return failure('PAYLOAD_DIGEST_MISMATCH', `signed under a name with another digest: expected ${digest}, got ${signed.digest}`);
  }
  return identity.compare === 'repository' ? undefined : tagProblem(signed.tag, reference, identity.withoutTag);
}

function tagProblem(signed: string | undefined, { tag }: Reference, withoutTag: 'accept' | 'refuse'): Failure | undefined {
  if (signed === undefined) return failure('PAYLOAD_TAG_MISMATCH', 'signed without a tag, and the rule wants the tag signed');
  if (tag === signed || (tag === undefined && withoutTag === 'accept')) return undefined;
  const asked = tag === undefined ? 'the reference has none, which the rule does not allow' : `the reference has :${tag}`;
  return failure('PAYLOAD_TAG_MISMATCH', `signed for tag :${signed}, and ${asked}`);
}

/** The name with only the tag that it was signed with: `latest` is not read into one without. */
function signedName(text: string): Reference | undefined {
  let name: Reference;
  try {
    name = parseReference(text);
  } catch (error) {
    if (error instanceof InvalidReferenceError) return undefined;
    throw error;
  }
  const { tag: _, ...untagged } = name;
  return /:[^:/@]+(?:@|$)/.test(text.slice(text.lastIndexOf('/', indexOr(text, '@')) + 1)) ? name : untagged;
}

function indexOr(text: string, character: string): number {
  const at = text.indexOf(character);
  return at === -1 ? text.length : at;
}
