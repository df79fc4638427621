import { CodedError } from './errors.ts';

/** A number with the text it was written as: nothing is rounded. */
export class JsonNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Members in the order of the text; names are unique. */
export type JsonObject = ReadonlyMap<string, JsonValue>;
export type JsonValue = null | boolean | string | JsonNumber | readonly JsonValue[] | JsonObject;

export interface JsonLimits {
  /** Objects and arrays inside each other. Default 32. */
  readonly maxDepth?: number;
  /** Members of one object. Default 4096. */
  readonly maxMembers?: number;
}

/** Text that is not JSON, or JSON that two readers could read in two ways. */
export class JsonError extends CodedError {
  readonly code = 'JSON_INVALID';
}

/**
 * Reads one JSON text (RFC 8259), stricter than `JSON.parse`: member names are unique, strings are well-formed Unicode, numbers keep
 * their text. Time is linear in the bytes.
 *
 * @throws {JsonError} On duplicate names, too much depth or too many members, bad UTF-8, a byte order mark, a lone surrogate, or bytes
 * after the value.
 */
export function parseJson(bytes: Uint8Array, limits: JsonLimits = {}): JsonValue {
  const source: Source = {
    text: decodeUtf8(bytes),
    at: 0,
    nextBackslash: -1,
    number: /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y,
    maxDepth: limits.maxDepth ?? 32,
    maxMembers: limits.maxMembers ?? 4096,
    valuesLeft: MAX_VALUES,
    containersLeft: MAX_CONTAINERS,
  };
  skipSpace(source);
  const value = readValue(source, 0);
  skipSpace(source);
  if (source.at < source.text.length) throw unexpected(source, 'the end of the text');
  return value;
}

/** The same value as plain data: null-prototype objects, arrays, and numbers as doubles. */
export function jsonToPlain(value: JsonValue): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof JsonNumber) return Number(value.text);
  if (isArray(value)) return value.map(jsonToPlain);
  const plain: Record<string, unknown> = Object.create(null);
  for (const [name, member] of value) plain[name] = jsonToPlain(member);
  return plain;
}

/** Whether a value is an object; narrows it. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map;
}

interface Source {
  readonly text: string;
  at: number;
  /** Position of the first backslash at or after some position already passed; -1: not looked for yet. */
  nextBackslash: number;
  /** Sticky, so it carries a position: one for each text. */
  readonly number: RegExp;
  readonly maxDepth: number;
  readonly maxMembers: number;
  valuesLeft: number;
  containersLeft: number;
}

// Of one text in all: an empty object is two bytes there and a hundred in memory.
const MAX_VALUES = 131_072;
const MAX_CONTAINERS = 16_384;
// V8 hashes names like "12345" without a secret, so thousands of them in one object could be made to collide.
const MAX_NUMERIC_NAMES = 64;
const NUMERIC_NAME = /^\d{1,10}$/;
const CONTROL = /[\u0000-\u001f]/;
const LITERALS: ReadonlyMap<string, readonly [text: string, value: JsonValue]> = new Map([
  ['t', ['true', true]],
  ['f', ['false', false]],
  ['n', ['null', null]],
]);

// `Array.isArray` does not narrow readonly arrays.
function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new JsonError('not UTF-8', { cause });
  }
}

function readValue(source: Source, depth: number): JsonValue {
  if (--source.valuesLeft < 0) throw new JsonError(`more than ${MAX_VALUES} values`);
  const char = source.text.charAt(source.at);
  if (char === '"') return readString(source);
  if (char === '{') return readObject(source, depth + 1);
  if (char === '[') return readArray(source, depth + 1);
  const literal = LITERALS.get(char);
  if (literal === undefined) return readNumber(source);
  const [text, value] = literal;
  if (!source.text.startsWith(text, source.at)) throw unexpected(source, 'a value');
  source.at += text.length;
  return value;
}

function readObject(source: Source, depth: number): JsonObject {
  enter(source, depth);
  const members = new Map<string, JsonValue>();
  if (takes(source, '}')) return members;
  let numericNames = 0;
  for (;;) {
    if (source.text.charAt(source.at) !== '"') throw unexpected(source, 'a member name');
    const name = readString(source);
    if (members.has(name)) throw new JsonError(`duplicate member name at offset ${source.at}`);
    if (members.size >= source.maxMembers) throw new JsonError(`more than ${source.maxMembers} members in an object`);
    if (NUMERIC_NAME.test(name) && ++numericNames > MAX_NUMERIC_NAMES) {
      throw new JsonError(`more than ${MAX_NUMERIC_NAMES} numeric member names in an object`);
    }
    skipSpace(source);
    if (!takes(source, ':')) throw unexpected(source, '":"');
    members.set(name, readValue(source, depth));
    skipSpace(source);
    if (takes(source, '}')) return members;
    if (!takes(source, ',')) throw unexpected(source, '"," or "}"');
  }
}

function readArray(source: Source, depth: number): readonly JsonValue[] {
  enter(source, depth);
  const items: JsonValue[] = [];
  if (takes(source, ']')) return items;
  for (;;) {
    items.push(readValue(source, depth));
    skipSpace(source);
    if (takes(source, ']')) return items;
    if (!takes(source, ',')) throw unexpected(source, '"," or "]"');
  }
}

function enter(source: Source, depth: number): void {
  if (depth > source.maxDepth) throw new JsonError(`nested deeper than ${source.maxDepth}`);
  if (--source.containersLeft < 0) throw new JsonError(`more than ${MAX_CONTAINERS} objects and arrays`);
  source.at++;
  skipSpace(source);
}

/** Passes `char`, and the white space after it where more must follow. */
function takes(source: Source, char: string): boolean {
  if (source.text.charAt(source.at) !== char) return false;
  source.at++;
  if (char === ',' || char === ':') skipSpace(source);
  return true;
}

function readString(source: Source): string {
  const start = source.at + 1;
  const quote = source.text.indexOf('"', start);
  if (quote < 0) throw new JsonError(`unterminated string at offset ${source.at}`);
  if (source.nextBackslash < start) {
    const found = source.text.indexOf('\\', start);
    source.nextBackslash = found < 0 ? source.text.length : found;
  }
  if (source.nextBackslash < quote) return readEscapedString(source, start);
  source.at = quote + 1;
  return checkedCharacters(source.text.slice(start, quote), start);
}

function readEscapedString(source: Source, start: number): string {
  const quote = closingQuote(source.text, start);
  if (quote < 0) throw new JsonError(`unterminated string at offset ${start - 1}`);
  source.at = quote + 1;
  const unescaped = unescapeString(source.text.slice(start - 1, quote + 1), start);
  if (!unescaped.isWellFormed()) throw new JsonError(`lone surrogate in the string at offset ${start - 1}`);
  return unescaped;
}

/** The first quote from `start` that no backslash escapes; -1 if there is none. */
function closingQuote(text: string, start: number): number {
  for (let quote = text.indexOf('"', start); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (quote - backslashes > start && text.charAt(quote - backslashes - 1) === '\\') backslashes++;
    if (backslashes % 2 === 0) return quote;
  }
  return -1;
}

/** A single string token holds nothing in which `JSON.parse` is lax, but lone surrogates. */
function unescapeString(token: string, start: number): string {
  try {
    return String(JSON.parse(token));
  } catch (cause) {
    throw new JsonError(`invalid escape or control character in the string at offset ${start - 1}`, { cause });
  }
}

function checkedCharacters(characters: string, at: number): string {
  if (CONTROL.test(characters)) throw new JsonError(`control character in the string at offset ${at - 1}`);
  return characters;
}

function readNumber(source: Source): JsonNumber {
  source.number.lastIndex = source.at;
  const text = source.number.exec(source.text)?.[0];
  if (text === undefined) throw unexpected(source, 'a value');
  source.at += text.length;
  return new JsonNumber(text);
}

function skipSpace(source: Source): void {
  const { text } = source;
  for (;;) {
    const code = text.charCodeAt(source.at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    source.at++;
  }
}

function unexpected(source: Source, expected: string): JsonError {
  const found = source.at >= source.text.length ? 'the end of the text' : JSON.stringify(source.text.charAt(source.at));
  return new JsonError(`expected ${expected} at offset ${source.at}, got ${found}`);
}
