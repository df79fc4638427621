import { decodeBase64 } from '../lib/base64.ts';
import { CodedError, errorText } from '../lib/errors.ts';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue, jsonToPlain, parseJson } from '../lib/json.ts';
import { dateOf, parseInstant } from '../notation/time.ts';
import type { TrustStoreType } from '../notation/types.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { isDigest } from '../oci/digest.ts';
import { readPemFile } from '../x509/pem.ts';

/** A line that is no case. */
export class CaseError extends CodedError {
  readonly code = 'CASE_INVALID';
}

/** One signature case: what a registry, a trust store and a clock would have said. */
export interface JudgeCase {
  /** The `id` as JSON text: a number keeps every digit. */
  readonly id: string;
  readonly mediaType: string;
  readonly envelope: Uint8Array;
  readonly subject: Descriptor;
  readonly reference: string;
  readonly trustPolicy: unknown;
  readonly trustStores: ReadonlyMap<string, readonly string[]>;
  /** Undefined: the real clock. */
  readonly now: Date | undefined;
  readonly userMetadata: Readonly<Record<string, string>>;
  /** What would have been answered at each URL; what is not there cannot be reached. */
  readonly ocspAnswers: ReadonlyMap<string, Uint8Array>;
  readonly crlAnswers: ReadonlyMap<string, Uint8Array>;
}

type StoreKey = `${TrustStoreType}:${string}`;

/** @throws {CaseError} saying what was expected. */
export function readCase(line: Uint8Array): JudgeCase {
  const members = parse(line);
  const id = members.get('id');
  if (id === undefined) throw new CaseError('expected an id');
  return {
    id: jsonText(id),
    mediaType: text(members, 'mediaType'),
    envelope: bytes(members, 'envelope'),
    subject: subjectOf(members.get('subject') ?? null),
    reference: text(members, 'reference'),
    trustPolicy: jsonToPlain(members.get('trustPolicy') ?? null),
    trustStores: storesOf(members.get('trustStores') ?? null),
    now: timeOf(members.get('now') ?? null),
    userMetadata: Object.fromEntries(pairs(members.get('userMetadata') ?? null)),
    ocspAnswers: answersOf(members.get('revocation') ?? null, 'ocsp'),
    crlAnswers: answersOf(members.get('revocation') ?? null, 'crl'),
  };
}

/** The certificates of each store; a store with a text that is no PEM certificate has none, and fails when it is asked for. */
export function trustStoresOf(stores: JudgeCase['trustStores']): ReadonlyMap<StoreKey, readonly Uint8Array[]> {
  // Keys of other types are never asked for: the trust policy names only the three.
  return new Map([...stores].map(([key, pems]) => [key as StoreKey, certificatesOf(pems)]));
}

function jsonText(value: JsonValue): string {
  if (value instanceof JsonNumber) return value.text;
  if (isJsonObject(value)) return `{${[...value].map(([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`).join(',')}}`;
  // What is an array, and no text, number, object or literal.
  if (typeof value === 'object' && value !== null) return `[${[...value].map((item) => jsonText(item)).join(',')}]`;
  return JSON.stringify(value);
}

function certificatesOf(pems: readonly string[]): readonly Uint8Array[] {
  try {
    return pems.flatMap((pem) => readPemFile(pem));
  } catch {
    // Bytes that are no certificate: the store names why when it is asked for.
    return [new Uint8Array(0)];
  }
}

function parse(line: Uint8Array): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(line);
  } catch (error) {
    throw new CaseError(`expected a JSON object: ${errorText(error)}`);
  }
  if (!isJsonObject(value)) throw new CaseError('expected a JSON object');
  return value;
}

function text(members: JsonObject, name: string): string {
  const value = members.get(name);
  if (typeof value === 'string') return value;
  throw new CaseError(`expected ${name} to be a string`);
}

function bytes(members: JsonObject, name: string): Uint8Array {
  const decoded = decodeBase64(text(members, name));
  if (decoded === undefined) throw new CaseError(`expected ${name} to be base64`);
  return decoded;
}

function subjectOf(value: JsonValue): Descriptor {
  if (!isJsonObject(value)) throw new CaseError('expected subject to be a descriptor');
  const digest = text(value, 'digest');
  const size = value.get('size');
  if (!isDigest(digest)) throw new CaseError('expected subject.digest to be a sha256, sha384 or sha512 digest');
  if (!(size instanceof JsonNumber) || !/^(?:0|[1-9]\d{0,15})$/.test(size.text) || !Number.isSafeInteger(Number(size.text))) {
    throw new CaseError('expected subject.size to be a number of bytes');
  }
  return { mediaType: text(value, 'mediaType'), digest, size: Number(size.text) };
}

function storesOf(value: JsonValue): ReadonlyMap<string, readonly string[]> {
  if (!isJsonObject(value)) throw new CaseError('expected trustStores to be an object');
  return new Map(
    [...value].map(([key, pems]) => {
      if (!Array.isArray(pems) || !pems.every((pem) => typeof pem === 'string'))
        throw new CaseError('expected trustStores to hold lists of PEM texts');
      return [key, pems.map(String)];
    }),
  );
}

function timeOf(value: JsonValue): Date | undefined {
  if (value === null) return undefined;
  const instant = typeof value === 'string' ? parseInstant(value) : undefined;
  if (instant === undefined) throw new CaseError('expected now to be an RFC 3339 time or null');
  return dateOf(instant);
}

function pairs(value: JsonValue): [string, string][] {
  if (value === null) return [];
  if (!isJsonObject(value)) throw new CaseError('expected userMetadata to be an object');
  return [...value].map(([key, entry]) => {
    if (typeof entry !== 'string') throw new CaseError('expected the values of userMetadata to be strings');
    return [key, entry];
  });
}

function answersOf(value: JsonValue, kind: 'ocsp' | 'crl'): ReadonlyMap<string, Uint8Array> {
  if (value === null) return new Map();
  if (!isJsonObject(value)) throw new CaseError('expected revocation to be an object');
  const answers = value.get(kind) ?? null;
  if (answers === null) return new Map();
  if (!isJsonObject(answers)) throw new CaseError(`expected revocation.${kind} to be an object`);
  return new Map(
    [...answers].flatMap(([url, answer]) => {
      if (answer === null) return [];
      const body = typeof answer === 'string' ? decodeBase64(answer) : undefined;
      if (body === undefined) throw new CaseError(`expected the answers in revocation.${kind} to be base64 or null`);
      return [[url, body] as const];
    }),
  );
}
