import { CodedError } from '../lib/errors.ts';

/** What a `ProviderRequest` asks: its keys in their order, repeated ones included. */
export interface ProviderRequest {
  readonly keys: readonly string[];
}

/** One answered key. The two shapes exclude each other: an item never has a value and an error, nor neither. */
export type Item = { readonly key: string; readonly json: string } | { readonly key: string; readonly error: string };

/** A request that is not evaluated; answered with `status` and, as `systemError`, `CODE: message`. */
export class ProtocolError extends CodedError {
  readonly status: number;
  readonly code: ProtocolCode;
  constructor(status: number, code: ProtocolCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}

export type ProtocolCode =
  | 'BAD_REQUEST'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'BODY_TOO_LARGE'
  | 'REQUEST_TIMEOUT'
  | 'HEADERS_TOO_LARGE'
  | 'EXPECTATION_FAILED'
  | 'OVERLOADED'
  | 'INTERNAL'
  | 'NO_CLIENT_CERTIFICATE'
  | 'CLIENT_CERTIFICATE_INVALID'
  | 'CLIENT_NAME_MISMATCH';

const API_VERSIONS: readonly unknown[] = ['externaldata.gatekeeper.sh/v1beta1', 'externaldata.gatekeeper.sh/v1alpha1'];
const HEAD = '{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderResponse","response":{"idempotent":true,"systemError":';
const MAX_SYSTEM_ERROR = 1024; /* bytes; design.md 3 */

/**
 * Reads a Gatekeeper `ProviderRequest` (v1beta1 or v1alpha1). Unknown members are ignored; of duplicate members the last counts, as in Gatekeeper's own decoder.
 *
 * @throws {ProtocolError} status 400 saying what was expected and what was found; also for no keys at all and for more than `maxKeys`.
 */
export function parseProviderRequest(body: Uint8Array, maxKeys: number): ProviderRequest {
  const document = parseJson(body);
  if (!isObject(document)) throw bad(`expected a ProviderRequest as a JSON object, found ${kindOf(document)}`);
  if (!API_VERSIONS.includes(document.apiVersion)) {
    throw bad(`expected apiVersion "${API_VERSIONS[0]}" or "v1alpha1" of it, found ${show(document.apiVersion)}`);
  }
  if (document.kind !== 'ProviderRequest') throw bad(`expected kind "ProviderRequest", found ${show(document.kind)}`);
  if (!isObject(document.request)) throw bad(`expected request to be an object with keys, found ${kindOf(document.request)}`);
  const keys = document.request.keys;
  if (keys === undefined || keys === null)
    throw bad(`expected request.keys to be a list of images, found ${keys === null ? 'null' : 'none'}`);
  if (!Array.isArray(keys)) throw bad(`expected request.keys to be a list of strings, found ${kindOf(keys)}`);
  if (keys.length === 0) throw bad('expected at least one image in request.keys, found an empty list');
  if (keys.length > maxKeys) throw bad(`expected at most ${maxKeys} keys, found ${keys.length}`);
  return { keys: keys.map(requireString) };
}

/** Renders an evaluation: items in the order given; `systemError` empty when nothing was left out. */
export function renderResponse(items: readonly Item[], systemError: string): string {
  const rendered = items.map((item) => `{"key":${JSON.stringify(item.key)},${body(item)}}`);
  return `${HEAD}${JSON.stringify(asciiLine(systemError, MAX_SYSTEM_ERROR))},"items":[${rendered.join(',')}]}}`;
}

/** Renders what is no evaluation: no items, and a `systemError` of one ASCII line, at most 1 KiB, never empty. */
export function renderSystemError(code: ProtocolCode, message: string): string {
  return `${HEAD}${JSON.stringify(asciiLine(`${code}: ${message}`, MAX_SYSTEM_ERROR))}}}`;
}

/** Makes printable ASCII on one line of at most `maxBytes`, marked with `...` where it was cut. */
export function asciiLine(text: string, maxBytes: number): string {
  const line = text.slice(0, maxBytes + 1).replace(/[^\x20-\x7e]/g, '?');
  return line.length > maxBytes ? `${line.slice(0, maxBytes - 3)}...` : line;
}

function body(item: Item): string {
  return 'json' in item ? `"value":${item.json}` : `"error":${JSON.stringify(item.error)}`;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    throw new ProtocolError(400, 'BAD_REQUEST', `expected a ProviderRequest as JSON in UTF-8, found ${bytes.length} bytes that are not`, {
      cause: error,
    });
  }
}

function requireString(key: unknown, index: number): string {
  if (typeof key !== 'string') throw bad(`expected request.keys[${index}] to be a string, found ${kindOf(key)}`);
  return key;
}

function bad(message: string): ProtocolError {
  return new ProtocolError(400, 'BAD_REQUEST', message);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(asciiLine(value, 80)) : kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'none';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
