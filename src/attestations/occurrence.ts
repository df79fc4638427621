import { SourceError } from '../engine/errors.ts';
import { quoted } from '../engine/reason.ts';
import type { Attestation, AttestationSignature } from '../engine/types.ts';
import { decodeBase64, decodeBase64Url } from '../lib/base64.ts';
import { errorText } from '../lib/errors.ts';
import { isJsonObject, JsonError, type JsonObject, type JsonValue, parseJson } from '../lib/json.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { isImageSignature, readImageSignature } from './image-signature.ts';
import { MalformedStatement, memberOf, textOf } from './members.ts';

/** What a JSON document has to say of one image. */
export interface Statements {
  readonly attestations: readonly Attestation[];
  /**
   * What is there and cannot be read, a line each. It may have been the statement that is looked for: it hides no other, and it is not
   * the same as no statement.
   */
  readonly problems: readonly string[];
}

/** Bytes of one document at most. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

/**
 * Reads a JSON document: a Grafeas v1beta1 occurrence, `{occurrences: […]}`, an image signature of OCI, or `{items: […]}` of those. Grafeas'
 * members may have their names of JSON or of the protocol buffers, as servers write the one or the other.
 *
 * @param where - Names it where it has no name itself.
 * @param about - Only statements that are filed under this digest; absent: all, since where they were found says what they are about.
 */
export function readDocument(bytes: Uint8Array, where: string, about?: Digest): Statements {
  try {
    return readStatements(parseJson(bytes), where, about);
  } catch (error) {
    if (error instanceof JsonError) return { attestations: [], problems: [`${where}: not JSON: ${errorText(error)}`] };
    throw error;
  }
}

/** As `readDocument`, for JSON that was parsed already. */
export function readStatements(document: JsonValue, where: string, about?: Digest): Statements {
  const attestations: Attestation[] = [];
  const problems: string[] = [];
  const entries = entriesOf(document);
  for (const [index, entry] of entries.entries()) {
    const at = entries.length === 1 ? where : `${where}[${index}]`;
    try {
      const found = readEntry(entry, at, about, problems);
      if (found !== undefined) attestations.push(found);
    } catch (error) {
      if (!(error instanceof MalformedStatement)) throw error;
      problems.push(`${nameOf(entry, at)}: ${error.message}`);
    }
  }
  return { attestations, problems };
}

/**
 * What a source ends with, after everything else, when it met what it cannot read: whoever found what they wanted does not come that far, and
 * nobody else may take it that there is nothing.
 */
export function unreadable(source: string, problems: readonly string[]): SourceError {
  const [first = ''] = problems;
  const others = problems.length > 1 ? `, and ${problems.length - 1} more` : '';
  return new SourceError('ATTESTATIONS_INVALID', `${first}${others}; mend or delete it in ${source}`);
}

function entriesOf(document: JsonValue): readonly JsonValue[] {
  if (!isJsonObject(document)) return [document];
  for (const member of ['occurrences', 'items']) {
    const list = document.get(member);
    if (Array.isArray(list)) return list;
    // Go writes an empty list like this.
    if (list === null) return [];
  }
  return [document];
}

/** Undefined for what is no attestation, or about another image. */
function readEntry(entry: JsonValue, at: string, about: Digest | undefined, problems: string[]): Attestation | undefined {
  if (!isJsonObject(entry)) throw new MalformedStatement('expected an occurrence or an image signature');
  if (isImageSignature(entry)) return readImageSignature(entry, nameOf(entry, at), about);
  return readOccurrence(entry, nameOf(entry, at), about, problems);
}

const KINDS: readonly string[] = ['ATTESTATION', 'ATTESTATION_AUTHORITY'];

function readOccurrence(occurrence: JsonObject, name: string, about: Digest | undefined, problems: string[]): Attestation | undefined {
  const details = memberOf(occurrence, 'attestation');
  const kind = textOf(occurrence, 'kind') ?? '';
  if (details === undefined && kind !== '' && !KINDS.includes(kind)) return undefined;
  if (about !== undefined && digestOfResource(occurrence) !== about) return undefined;
  if (kind !== '' && !KINDS.includes(kind)) throw new MalformedStatement(`is an attestation of kind ${quoted(kind)}; expected ATTESTATION`);
  const attestation = isJsonObject(details) ? memberOf(details, 'attestation') : undefined;
  if (!isJsonObject(attestation)) throw new MalformedStatement('has no attestation.attestation');
  const note = textOf(occurrence, 'noteName');
  const filed = { name, ...(note === undefined ? {} : { note }) };
  const pgp = memberOf(attestation, 'pgpSignedAttestation');
  const generic = memberOf(attestation, 'genericSignedAttestation');
  if (isJsonObject(pgp) && generic === undefined) return { ...filed, ...readPgp(pgp) };
  if (isJsonObject(generic) && pgp === undefined) {
    const read = readGeneric(generic, name, problems);
    return read.signatures.length === 0 ? undefined : { ...filed, ...read };
  }
  throw new MalformedStatement('expected one of pgpSignedAttestation and genericSignedAttestation');
}

function digestOfResource(occurrence: JsonObject): Digest {
  const resource = memberOf(occurrence, 'resource');
  const uri = isJsonObject(resource) ? (textOf(resource, 'uri') ?? '') : '';
  const digest = uri.slice(uri.lastIndexOf('@') + 1);
  if (!isDigest(digest)) throw new MalformedStatement(`expected resource.uri to end with a digest, found ${quoted(uri)}`);
  return digest;
}

const CONTENT_TYPES: readonly string[] = ['', 'CONTENT_TYPE_UNSPECIFIED', 'SIMPLE_SIGNING_JSON'];

function assertSimpleSigning(attestation: JsonObject): void {
  const contentType = textOf(attestation, 'contentType') ?? '';
  if (!CONTENT_TYPES.includes(contentType)) {
    throw new MalformedStatement(`has contentType ${quoted(contentType)}; expected SIMPLE_SIGNING_JSON`);
  }
}

function readPgp(attestation: JsonObject): Pick<Attestation, 'format' | 'payload' | 'signatures'> {
  assertSimpleSigning(attestation);
  const message = textOf(attestation, 'signature') ?? '';
  const keyId = textOf(attestation, 'pgpKeyId') ?? '';
  if (message === '' || keyId === '') throw new MalformedStatement('expected signature and pgpKeyId in pgpSignedAttestation');
  return { format: 'pgp', payload: Buffer.from(message), signatures: [{ keyId, signature: new Uint8Array() }] };
}

function readGeneric(attestation: JsonObject, name: string, problems: string[]): Pick<Attestation, 'format' | 'payload' | 'signatures'> {
  assertSimpleSigning(attestation);
  const payload = bytesOf(attestation, 'serializedPayload');
  const listed = memberOf(attestation, 'signatures');
  if (!Array.isArray(listed) || listed.length === 0) throw new MalformedStatement('has no signatures');
  const signatures: AttestationSignature[] = [];
  for (const [index, entry] of listed.entries()) {
    try {
      signatures.push(readSignature(entry));
    } catch (error) {
      if (!(error instanceof MalformedStatement)) throw error;
      // The others of the same statement count all the same.
      problems.push(`${name}: signatures[${index}]: ${error.message}`);
    }
  }
  return { format: 'simple-signing', payload, signatures };
}

function readSignature(entry: JsonValue): AttestationSignature {
  if (!isJsonObject(entry)) throw new MalformedStatement('expected an object');
  const keyId = textOf(entry, 'publicKeyId') ?? '';
  if (keyId === '') throw new MalformedStatement('has no publicKeyId');
  return { keyId, signature: bytesOf(entry, 'signature') };
}

/** JSON of protocol buffers writes bytes in base64, and takes base64url (proto3, "JSON Mapping"). */
function bytesOf(object: JsonObject, member: string): Uint8Array {
  const text = textOf(object, member) ?? '';
  const bytes = decodeBase64(text) ?? decodeBase64Url(text);
  if (bytes === undefined || bytes.length === 0) throw new MalformedStatement(`expected ${member} to be base64 of at least a byte`);
  return bytes;
}

/** How people call it: by its own name where that is one. */
function nameOf(entry: JsonValue, at: string): string {
  const own = isJsonObject(entry) ? (entry.get('name') ?? entry.get('Name') ?? entry.get('id')) : undefined;
  return typeof own === 'string' && /^[\x21-\x7e]{1,256}$/.test(own) ? own : at;
}
