import type { Der } from './der.ts';
import { ia5Text } from './der-values.ts';
import { isDomain, LOCAL_PART, NAME_TAG, type NameConstraints, nameConstraintsOf, subjectAltNamesOf } from './general-names.ts';
import type { Certificate } from './types.ts';

const SUBJECT_ALT_NAME = '2.5.29.17';
const NAME_CONSTRAINTS = '2.5.29.30';
/** More names against subtrees are not held. */
const MAX_COMPARISONS = 250_000;

/**
 * Why a path breaks the name constraints of an authority in it (RFC 5280 section 4.2.1.10), undefined where it does not. As in Go, the names
 * are those of subjectAltName, and every authority's constraints hold for all certificates below it. A name that cannot be held against
 * constraints is a breach, whichever they are.
 */
export function nameConstraintProblem(path: readonly Certificate[]): string | undefined {
  const constraints = path.map((certificate) => extensionOf(certificate, NAME_CONSTRAINTS, nameConstraintsOf));
  let comparisons = 0;
  for (const [i, certificate] of path.entries()) {
    const above = constraints.slice(i + 1).filter((found) => found !== undefined);
    const names = above.length === 0 ? [] : (extensionOf(certificate, SUBJECT_ALT_NAME, subjectAltNamesOf) ?? []);
    comparisons += above.reduce((sum, { permitted, excluded }) => sum + names.length * (permitted.length + excluded.length), 0);
    if (comparisons > MAX_COMPARISONS) return 'too many names for the name constraints';
    for (const found of above) {
      const breach = names.map((name) => breachOf(name, found)).find((why) => why !== undefined);
      if (breach !== undefined) return breach;
    }
  }
  return undefined;
}

/** Whether every subtree is of a kind of names that is read here: the constraints of others would go unheard. */
export function understandsNameConstraints(certificate: Certificate): boolean {
  const found = extensionOf(certificate, NAME_CONSTRAINTS, nameConstraintsOf);
  return found === undefined || [...found.permitted, ...found.excluded].every(({ tag }) => KINDS.has(tag));
}

/** Whether the certificate has an alternative name of a kind that is read here. */
export function hasKnownAltName(certificate: Certificate): boolean {
  return (extensionOf(certificate, SUBJECT_ALT_NAME, subjectAltNamesOf) ?? []).some(({ tag }) => KINDS.has(tag));
}

function extensionOf<T>({ extensions }: Certificate, wanted: string, read: (value: Uint8Array) => T): T | undefined {
  const found = extensions.find(({ oid }) => oid === wanted);
  return found === undefined ? undefined : read(found.value);
}

interface Kind<T> {
  readonly word: string;
  /** The name as it is held against constraints; undefined: it cannot be. */
  readonly read: (content: Uint8Array) => T | undefined;
  readonly isWithin: (name: T, base: Uint8Array) => boolean;
  /** Beyond `isWithin`: a wildcard that may stand for a name within. */
  readonly mayBeWithin?: (name: T, base: Uint8Array) => boolean;
}

/** A kind with its type closed in: whether a name is outside what is permitted, or inside what is excluded. */
type Judge = (content: Uint8Array, permitted: readonly Uint8Array[], excluded: readonly Uint8Array[]) => string | undefined;

function judge<T>({ word, read, isWithin, mayBeWithin = isWithin }: Kind<T>): Judge {
  return (content, permitted, excluded) => {
    const name = read(content);
    if (name === undefined) return `${word} that name constraints cannot be held against`;
    if (permitted.length > 0 && !permitted.some((base) => isWithin(name, base))) return `${word} that no name constraint permits`;
    if (excluded.some((base) => isWithin(name, base) || mayBeWithin(name, base))) return `${word} that a name constraint excludes`;
    return undefined;
  };
}

const DOMAIN = { read: readDomain, isWithin: isWithinDomain, mayBeWithin: mayBeWithinDomain } as const;
const KINDS: ReadonlyMap<number, Judge> = new Map([
  [NAME_TAG.domain, judge({ word: 'a DNS name', ...DOMAIN })],
  [NAME_TAG.uri, judge({ word: 'a URI', ...DOMAIN, read: readHost })],
  [NAME_TAG.email, judge({ word: 'an email address', read: readMailbox, isWithin: isWithinMailboxes, mayBeWithin: mayBeWithinMailboxes })],
  [NAME_TAG.address, judge({ word: 'an IP address', read: readAddress, isWithin: isWithinRange })],
]);

function breachOf({ tag, content }: Der, { permitted, excluded }: NameConstraints): string | undefined {
  const basesOf = (subtrees: readonly Der[]): Uint8Array[] => subtrees.filter((base) => base.tag === tag).map((base) => base.content);
  return KINDS.get(tag)?.(content, basesOf(permitted), basesOf(excluded));
}

function readDomain(content: Uint8Array): string | undefined {
  const text = ia5Text(content).toLowerCase();
  return isDomain(text, false) ? text : undefined;
}

const URI_HOST = /^[^:/?#]+:\/\/(?:[^/?#@]*@)?([\w.-]+)(?::\d*)?(?:[/?#]|$)/;

/** The host of a URI, which must have one that is no address. */
function readHost(content: Uint8Array): string | undefined {
  const host = URI_HOST.exec(ia5Text(content))?.[1]?.toLowerCase();
  return host === undefined || /^[\d.]+$/.test(host) || !isDomain(host, false) ? undefined : host;
}

/** A base is a suffix at a boundary of labels; with a dot before it, at least one label must come before that. */
function isWithinDomain(name: string, base: Uint8Array): boolean {
  const suffix = ia5Text(base).toLowerCase();
  if (!name.endsWith(suffix)) return false;
  return suffix === '' || suffix.startsWith('.') || name.length === suffix.length || name.at(-suffix.length - 1) === '.';
}

/** `*.example.test` may stand for the `a.example.test` that is excluded. */
function mayBeWithinDomain(name: string, base: Uint8Array): boolean {
  const parent = parentOf(ia5Text(base).toLowerCase());
  return name.startsWith('*') && parent !== '' && parentOf(name) === parent;
}

function parentOf(domain: string): string {
  const dot = domain.indexOf('.');
  return dot < 0 ? '' : domain.slice(dot);
}

interface Mailbox {
  readonly local: string;
  readonly domain: string;
}

/** Quoted and escaped addresses are not read. */
function readMailbox(content: Uint8Array): Mailbox | undefined {
  const text = ia5Text(content);
  const at = text.indexOf('@');
  const domain = text.slice(at + 1).toLowerCase();
  if (at < 0 || !LOCAL_PART.test(text.slice(0, at)) || domain === '' || !isDomain(domain, false)) return undefined;
  return { local: text.slice(0, at), domain };
}

/** A base is one mailbox or a domain of many. */
function isWithinMailboxes({ local, domain }: Mailbox, base: Uint8Array): boolean {
  const text = ia5Text(base);
  const at = text.indexOf('@');
  if (at < 0) return isWithinDomain(domain, base);
  return text.slice(0, at) === local && text.slice(at + 1).toLowerCase() === domain;
}

function mayBeWithinMailboxes({ domain }: Mailbox, base: Uint8Array): boolean {
  return !ia5Text(base).includes('@') && mayBeWithinDomain(domain, base);
}

const MAPPED = Buffer.from('00000000000000000000ffff', 'hex');

/** An address of IPv4 written in IPv6 is not read: readers differ on which ranges it is in. */
function readAddress(content: Uint8Array): Uint8Array | undefined {
  return content.length === 16 && MAPPED.equals(content.subarray(0, MAPPED.length)) ? undefined : content;
}

/** A base is an address and a mask of its length. */
function isWithinRange(address: Uint8Array, base: Uint8Array): boolean {
  const mask = base.subarray(address.length);
  return mask.length === address.length && address.every((octet, i) => ((octet ^ (base[i] ?? 0)) & (mask[i] ?? 0)) === 0);
}
