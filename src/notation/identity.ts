import { nameText } from '../x509/name.ts';
import type { Name } from '../x509/types.ts';
import { NotationError } from './errors.ts';
import { quote } from './quote.ts';

/** Values by attribute type; compared as UTF-8 octets, because an escape may stand for any octet. */
export type DistinguishedName = ReadonlyMap<string, string>;

const SUBJECT_PREFIX = 'x509.subject';
const MANDATORY = ['C', 'ST', 'O'] as const;

/**
 * Reads a distinguished name as a trusted identity or a leaf has it (RFC 4514 as the reference reads it): single-valued, types unique,
 * `C`, `ST` (or `S`) and `O` present, no `=#`.
 *
 * @throws {RangeError} With what is wrong; the caller knows whose name it is.
 */
export function parseDistinguishedName(text: string): DistinguishedName {
  if (text.includes('=#')) {
    throw new RangeError(`unsupported distinguished name (DN) ${quote(text)}: x509.subject identities containing "=#" are not supported`);
  }
  const trimmed = trim(text, (char) => char === ' ');
  // Some readers take any white space off the ends, others only spaces: where that tells them apart, none is followed.
  if (trimSpace(text) !== trimmed)
    throw new RangeError(`distinguished name (DN) ${quote(text)} begins or ends with white space that is no space`);
  const attributes = new Map<string, string>();
  for (const [written, value] of readAttributes(trimmed)) {
    const type = written === 'S' ? 'ST' : written;
    if ((attributes.get(type) ?? '') !== '') {
      throw new RangeError(`distinguished name (DN) ${quote(text)} has duplicate RDN attribute for ${quote(type)}`);
    }
    attributes.set(type, value);
  }
  for (const type of MANDATORY) {
    if ((attributes.get(type) ?? '') === '') {
      throw new RangeError(
        `distinguished name (DN) ${quote(text)} has no mandatory RDN attribute for "${type}", it must contain 'C', 'ST' or 'S', and 'O'`,
      );
    }
  }
  return attributes;
}

/** Whether every pair of `subset` is in `name`; an empty value is like an absent one. */
export function isSubset(subset: DistinguishedName, name: DistinguishedName): boolean {
  return [...subset].every(([type, value]) => (name.get(type) ?? '') === value);
}

/** The text of an identity after `x509.subject:`; undefined for any other prefix. */
export function subjectIdentity(identity: string): string | undefined {
  const colon = identity.indexOf(':');
  return colon >= 0 && identity.slice(0, colon) === SUBJECT_PREFIX ? identity.slice(colon + 1) : undefined;
}

/**
 * Checks that a leaf's subject matches one of the trusted identities; `*` matches any without a look at it.
 *
 * @throws {NotationError} `IDENTITY_UNTRUSTED`
 */
export function checkIdentity(subject: Name, identities: readonly string[], policy: string): void {
  if (identities.includes('*')) return;
  const trusted = identities.flatMap((identity) => subjectIdentity(identity) ?? []);
  if (trusted.length === 0) {
    throw untrusted(`no x509 trusted identities are configured in the trust policy ${quote(policy)}`);
  }
  const name = leafName(subject);
  if (trusted.some((identity) => isSubset(parseDistinguishedName(identity), name))) return;
  throw untrusted(
    `signing certificate from the digital signature does not match the X.509 trusted identities ${quote(trusted.join('; '))} of trust policy ${quote(policy)}; its subject is ${quote(nameText(subject))}`,
  );
}

function leafName(subject: Name): DistinguishedName {
  try {
    return parseDistinguishedName(nameText(subject));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw untrusted(`error while parsing the certificate subject from the digital signature. error : ${cause.message}`, cause);
  }
}

function untrusted(message: string, cause?: Error): NotationError {
  return new NotationError('IDENTITY_UNTRUSTED', message, { cause });
}

function readAttributes(text: string): readonly (readonly [type: string, value: string])[] {
  const attributes: (readonly [string, string])[] = [];
  if (text === '') return attributes;
  let type = '';
  let start = 0;
  const finish = (end: number): void => {
    if (type === '') throw invalid(text, 'incomplete type, value pair');
    attributes.push([type, unescaped(text, start, end)]);
    type = '';
    start = end + 1;
  };
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === '\\') {
      i++;
    } else if (char === '=' && type === '') {
      type = unescaped(text, start, i);
      start = i + 1;
    } else if (char === '+') {
      throw new RangeError(
        `distinguished name (DN) ${quote(text)} has multi-valued RDN attributes, remove multi-valued RDN attributes as they are not supported`,
      );
    } else if (char === ',' || char === ';') {
      finish(i);
    }
  }
  finish(text.length);
  return attributes;
}

const ESCAPABLE = ' "#+,;<=>\\';
const HEX_PAIR = /^[0-9A-Fa-f]{2}$/;

/** The octets between two positions without spaces around and with escapes undone, each octet one character. */
function unescaped(text: string, start: number, end: number): string {
  const part = stripSpaces(text.slice(start, end));
  let octets = '';
  for (let i = 0; i < part.length; i++) {
    if (part.charAt(i) !== '\\') {
      const plainEnd = part.indexOf('\\', i);
      const plain = part.slice(i, plainEnd < 0 ? part.length : plainEnd);
      octets += Buffer.from(plain, 'utf8').toString('latin1');
      i += plain.length - 1;
    } else if (i + 1 < part.length && ESCAPABLE.includes(part.charAt(i + 1))) {
      octets += part.charAt(++i);
    } else {
      const pair = part.slice(i + 1, i + 3);
      if (!HEX_PAIR.test(pair)) throw invalid(text, `got corrupted escaped character ${quote(`\\${pair}`)}`);
      octets += String.fromCharCode(Number.parseInt(pair, 16));
      i += 2;
    }
  }
  return octets;
}

function invalid(text: string, why: string): RangeError {
  return new RangeError(`parsing distinguished name (DN) ${quote(text)} failed with err: ${why}`);
}

/** Spaces off both ends; the one that an escape at the end stands before stays. */
function stripSpaces(text: string): string {
  const stripped = trim(text, (char) => char === ' ');
  return stripped.endsWith('\\') && text.endsWith(' ') ? `${stripped} ` : stripped;
}

const WHITE_SPACE =
  '\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000';

/** Go's `strings.TrimSpace`: JavaScript's own `trim` takes U+FEFF away too, and leaves U+0085. */
function trimSpace(text: string): string {
  return trim(text, (char) => WHITE_SPACE.includes(char));
}

function trim(text: string, drops: (char: string) => boolean): string {
  let [start, end] = [0, text.length];
  while (start < end && drops(text.charAt(start))) start++;
  while (end > start && drops(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}
