import { childrenOf, close, contextTag, type Der, DerError, open, readDer, TAG, takeAny, takeOptional } from './der.ts';
import { ia5Text } from './der-values.ts';
import type { Extension } from './types.ts';

/** Tags of the general names (RFC 5280 section 4.2.1.6) that are read here; there are others. */
export const NAME_TAG = {
  email: contextTag(1, 'primitive'),
  domain: contextTag(2, 'primitive'),
  uri: contextTag(6, 'primitive'),
  address: contextTag(7, 'primitive'),
} as const;

/** RFC 3986 sections 2 and 3.1: a scheme, then no brace, quote, space or control, over which Go stumbles. */
const URI_AUTHORITY = /^[^:/?#]+:\/\/([^/?#]*)/;
const URI_CHARACTERS = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;

const DOMAIN_LABEL = /^[\x21-\x7e]+$/;
/** The local part of an address, without quotes and escapes. */
export const LOCAL_PART = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;

/** What an authority's name constraints hold names against: the bases of the subtrees. */
export interface NameConstraints {
  readonly permitted: readonly Der[];
  readonly excluded: readonly Der[];
}

/** The names in a subjectAltName (RFC 5280 4.2.1.6). @throws {DerError} */
export function subjectAltNamesOf(value: Uint8Array): readonly Der[] {
  return childrenOf(readDer(value), TAG.sequence);
}

/** The form of a subjectAltName, as Go checks it. @throws {DerError} */
export function checkSubjectAltName({ value }: Extension): undefined {
  for (const name of subjectAltNamesOf(value)) {
    const number = name.tag & 0x1f;
    if ((name.tag & 0xc0) !== 0x80) throw new DerError('general name without a context tag');
    if (number === 1 || number === 2 || number === 6) ia5Text(name.content);
    if (number === 6) checkUri(ia5Text(name.content));
    if (number === 7 && name.content.length !== 4 && name.content.length !== 16) {
      throw new DerError(`expected an IP address of 4 or 16 bytes, got ${name.content.length}`);
    }
  }
}

function checkUri(text: string): void {
  const authority = URI_AUTHORITY.exec(text)?.[1] ?? '';
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (!URI_CHARACTERS.test(text) || !URL.canParse(text) || !isDomain(host, false)) throw new DerError('malformed URI');
}

/** The bases in a nameConstraints extension (RFC 5280 4.2.1.10). @throws {DerError} */
export function nameConstraintsOf(value: Uint8Array): NameConstraints {
  const cursor = open(readDer(value), TAG.sequence);
  const permitted = takeOptional(cursor, contextTag(0, 'constructed'));
  const excluded = takeOptional(cursor, contextTag(1, 'constructed'));
  close(cursor);
  const basesOf = (list: Der | undefined): readonly Der[] =>
    list === undefined ? [] : childrenOf(list, list.tag).map((subtree) => takeAny(open(subtree, TAG.sequence)));
  return { permitted: basesOf(permitted), excluded: basesOf(excluded) };
}

/** The form of name constraints, as Go checks it. @throws {DerError} */
export function checkNameConstraints({ value }: Extension): undefined {
  const { permitted, excluded } = nameConstraintsOf(value);
  if (permitted.length + excluded.length === 0) throw new DerError('empty name constraints');
  for (const base of [...permitted, ...excluded]) checkBase(base);
}

function checkBase({ tag, content }: Der): void {
  const number = tag & 0x1f;
  if ((tag & 0xc0) !== 0x80) throw new DerError('general name without a context tag');
  if (number === 1 || number === 2 || number === 6) checkNameConstraint(number, ia5Text(content));
  if (number === 7 && !isIpRange(content)) throw new DerError('malformed IP range');
}

/** An address or the domain of one (1), a domain (2), the host of a URI (6); quoted and escaped addresses are refused. */
function checkNameConstraint(number: 1 | 2 | 6, text: string): void {
  const at = number === 1 ? text.indexOf('@') : -1;
  if (at >= 0 && !LOCAL_PART.test(text.slice(0, at))) throw new DerError('malformed address in a name constraint');
  const isAddress = number === 6 && (/^[\d.]+$/.test(text) || text.includes(':'));
  if (isAddress || !isDomain(text.slice(at + 1), at < 0)) throw new DerError('malformed domain in a name constraint');
}

/** Labels between dots; a constraint may begin with a dot. Empty is one as well. */
export function isDomain(text: string, constraint: boolean): boolean {
  if (text === '') return true;
  const labels = (constraint && text.startsWith('.') ? text.slice(1) : text).split('.');
  return labels.every((label) => DOMAIN_LABEL.test(label));
}

/** An address and a mask of the same length, whose ones all come first. */
function isIpRange(content: Uint8Array): boolean {
  if (content.length !== 8 && content.length !== 32) return false;
  const mask = [...content.subarray(content.length / 2)].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(mask);
}
