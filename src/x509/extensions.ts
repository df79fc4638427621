import {
  childrenOf,
  close,
  contextTag,
  type Der,
  type DerCursor,
  DerError,
  isAtEnd,
  open,
  readDer,
  TAG,
  take,
  takeAny,
  takeOptional,
} from './der.ts';
import { bitStringOf, booleanOf, ia5Text, minimalInteger, oidOf, smallIntegerOf } from './der-values.ts';
import type { Certificate, Extension, KeyUsageBit } from './types.ts';

type KnownExtensions = Pick<Certificate, 'basicConstraints' | 'keyUsage' | 'extendedKeyUsage' | 'ocspUrls' | 'crlUrls'>;

/**
 * Reads the extensions that decisions need and checks the form of the others that Go reads (RFC 5280 section 4.2).
 *
 * @throws {DerError} If one is malformed, or critical where it must not be.
 */
export function readKnownExtensions(extensions: readonly Extension[]): KnownExtensions {
  const known: { -readonly [K in keyof KnownExtensions]: KnownExtensions[K] } = {
    basicConstraints: undefined,
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    ocspUrls: [],
    crlUrls: [],
  };
  for (const extension of extensions) {
    try {
      Object.assign(known, READERS.get(extension.oid)?.(extension));
    } catch (error) {
      if (error instanceof DerError) throw new DerError(`extension ${extension.oid}: ${error.message}`, { cause: error });
      throw error;
    }
  }
  return known;
}

/** Extensions as RFC 5280 writes them, each at most once. @throws {DerError} */
export function readExtensionList(element: Der): readonly Extension[] {
  const list = open(element, TAG.sequence);
  const extensions: Extension[] = [];
  const seen = new Set<string>();
  while (!isAtEnd(list)) {
    const extension = readExtension(take(list, TAG.sequence));
    if (seen.has(extension.oid)) throw new DerError(`duplicate extension ${extension.oid}`);
    seen.add(extension.oid);
    extensions.push(extension);
  }
  return extensions;
}

function readExtension(element: Der): Extension {
  const cursor = open(element, TAG.sequence);
  const oid = oidOf(take(cursor, TAG.oid));
  const critical = takeOptional(cursor, TAG.boolean);
  const value = take(cursor, TAG.octetString).content;
  close(cursor);
  return { oid, critical: critical !== undefined && booleanOf(critical), value };
}

type Reader = (extension: Extension) => Partial<KnownExtensions> | undefined;

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['2.5.29.14', checkSubjectKeyIdentifier],
  ['2.5.29.15', readKeyUsage],
  ['2.5.29.17', checkSubjectAltName],
  ['2.5.29.19', readBasicConstraints],
  ['2.5.29.30', checkNameConstraints],
  ['2.5.29.31', readCrlDistributionPoints],
  ['2.5.29.32', checkCertificatePolicies],
  ['2.5.29.33', checkPolicyMappings],
  ['2.5.29.35', checkAuthorityKeyIdentifier],
  ['2.5.29.36', checkPolicyConstraints],
  ['2.5.29.37', readExtendedKeyUsage],
  ['2.5.29.54', checkInhibitAnyPolicy],
  ['1.3.6.1.5.5.7.1.1', readAuthorityInfoAccess],
]);

const KEY_USAGE_BITS: readonly KeyUsageBit[] = [
  'digitalSignature',
  'contentCommitment',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];
const OCSP = '1.3.6.1.5.5.7.48.1';
const URI = contextTag(6, 'primitive');
/** RFC 3986 sections 2 and 3.1: a scheme, then no brace, quote, space or control, over which Go stumbles. */
const URI_AUTHORITY = /^[^:/?#]+:\/\/([^/?#]*)/;
const URI_CHARACTERS = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;

function checkSubjectKeyIdentifier({ value, critical }: Extension): undefined {
  refuseCritical(critical);
  const element = readDer(value);
  if (element.tag !== TAG.octetString) throw new DerError('expected an octet string');
}

function readKeyUsage({ value, critical }: Extension): Partial<KnownExtensions> {
  const { bytes } = bitStringOf(readDer(value));
  const bits = new Set(KEY_USAGE_BITS.filter((_, i) => ((bytes[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0));
  return { keyUsage: { bits, critical } };
}

function readBasicConstraints({ value, critical }: Extension): Partial<KnownExtensions> {
  const cursor = open(readDer(value), TAG.sequence);
  const ca = takeOptional(cursor, TAG.boolean);
  const pathLength = takeOptional(cursor, TAG.integer);
  close(cursor);
  return {
    basicConstraints: {
      ca: ca !== undefined && booleanOf(ca),
      pathLength: pathLength === undefined ? undefined : smallIntegerOf(pathLength),
      critical,
    },
  };
}

function readExtendedKeyUsage({ value, critical }: Extension): Partial<KnownExtensions> {
  return { extendedKeyUsage: { oids: childrenOf(readDer(value), TAG.sequence).map(oidOf), critical } };
}

function readAuthorityInfoAccess({ value, critical }: Extension): Partial<KnownExtensions> {
  refuseCritical(critical);
  const ocspUrls = childrenOf(readDer(value), TAG.sequence).flatMap((description) => {
    const cursor = open(description, TAG.sequence);
    const method = oidOf(take(cursor, TAG.oid));
    const location = takeAny(cursor);
    close(cursor);
    return method === OCSP && location.tag === URI ? [ia5Text(location.content)] : [];
  });
  return { ocspUrls };
}

function readCrlDistributionPoints({ value }: Extension): Partial<KnownExtensions> {
  return { crlUrls: urlsOfDistributionPoints(value) };
}

/** URIs of the full names in a CRLDistributionPoints value (RFC 5280 4.2.1.13), in order. @throws {DerError} */
export function urlsOfDistributionPoints(value: Uint8Array): readonly string[] {
  return childrenOf(readDer(value), TAG.sequence).flatMap(urlsOfDistributionPoint);
}

function urlsOfDistributionPoint(point: Der): readonly string[] {
  const cursor = open(point, TAG.sequence);
  const name = takeOptional(cursor, contextTag(0, 'constructed'));
  takeOptional(cursor, contextTag(1, 'primitive'));
  takeOptional(cursor, contextTag(2, 'constructed'));
  close(cursor);
  if (name === undefined) return [];
  const inner = open(name, name.tag);
  const fullName = takeOptional(inner, contextTag(0, 'constructed'));
  // Go refuses nameRelativeToCRLIssuer, the other choice.
  if (fullName === undefined) throw new DerError('distribution point without a full name');
  close(inner);
  return childrenOf(fullName, fullName.tag).flatMap(({ tag, content }) => (tag === URI ? [ia5Text(content)] : []));
}

function checkSubjectAltName({ value }: Extension): undefined {
  for (const name of childrenOf(readDer(value), TAG.sequence)) {
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

function checkNameConstraints({ value }: Extension): undefined {
  const cursor = open(readDer(value), TAG.sequence);
  const permitted = takeOptional(cursor, contextTag(0, 'constructed'));
  const excluded = takeOptional(cursor, contextTag(1, 'constructed'));
  close(cursor);
  const subtrees = [permitted, excluded].flatMap((list) => (list === undefined ? [] : childrenOf(list, list.tag)));
  if (subtrees.length === 0) throw new DerError('empty name constraints');
  for (const subtree of subtrees) checkSubtree(open(subtree, TAG.sequence));
}

function checkSubtree(cursor: DerCursor): void {
  const { tag, content } = takeAny(cursor);
  const number = tag & 0x1f;
  if ((tag & 0xc0) !== 0x80) throw new DerError('general name without a context tag');
  if (number === 1 || number === 2 || number === 6) checkNameConstraint(number, ia5Text(content));
  if (number === 7 && !isIpRange(content)) throw new DerError('malformed IP range');
}

const DOMAIN_LABEL = /^[\x21-\x7e]+$/;
const MAILBOX = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;

/** An address or the domain of one (1), a domain (2), the host of a URI (6); quoted and escaped addresses are refused. */
function checkNameConstraint(number: 1 | 2 | 6, text: string): void {
  const at = number === 1 ? text.indexOf('@') : -1;
  if (at >= 0 && !MAILBOX.test(text.slice(0, at))) throw new DerError('malformed address in a name constraint');
  const isAddress = number === 6 && (/^[\d.]+$/.test(text) || text.includes(':'));
  if (isAddress || !isDomain(text.slice(at + 1), at < 0)) throw new DerError('malformed domain in a name constraint');
}

/** Labels between dots; a constraint may begin with a dot or be empty. */
function isDomain(text: string, constraint: boolean): boolean {
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

function checkCertificatePolicies({ value }: Extension): undefined {
  const oids = childrenOf(readDer(value), TAG.sequence).map((policy) => oidOf(take(open(policy, TAG.sequence), TAG.oid)));
  if (new Set(oids).size !== oids.length) throw new DerError('duplicate policy');
}

function checkPolicyMappings({ value }: Extension): undefined {
  for (const mapping of childrenOf(readDer(value), TAG.sequence)) {
    const cursor = open(mapping, TAG.sequence);
    oidOf(take(cursor, TAG.oid));
    oidOf(take(cursor, TAG.oid));
    close(cursor);
  }
}

/** The form of an authorityKeyIdentifier (RFC 5280 4.2.1.1), which stands in lists too. @throws {DerError} */
export function checkAuthorityKeyIdentifier({ value, critical }: Extension): undefined {
  refuseCritical(critical);
  const cursor = open(readDer(value), TAG.sequence);
  takeOptional(cursor, contextTag(0, 'primitive'));
  takeOptional(cursor, contextTag(1, 'constructed'));
  takeOptional(cursor, contextTag(2, 'primitive'));
  close(cursor);
}

function checkPolicyConstraints({ value }: Extension): undefined {
  const cursor = open(readDer(value), TAG.sequence);
  for (const number of [0, 1]) {
    const skipCerts = takeOptional(cursor, contextTag(number, 'primitive'));
    if (skipCerts !== undefined && minimalInteger(skipCerts.content).length > 8) throw new DerError('integer over 64 bits');
  }
  close(cursor);
}

function checkInhibitAnyPolicy({ value }: Extension): undefined {
  smallIntegerOf(readDer(value));
}

function refuseCritical(critical: boolean): void {
  if (critical) throw new DerError('incorrectly marked critical');
}
