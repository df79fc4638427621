import { childrenOf, close, contextTag, type Der, DerError, isAtEnd, open, readDer, TAG, take, takeAny, takeOptional } from './der.ts';
import { bitStringOf, booleanOf, ia5Text, minimalInteger, oidOf, smallIntegerOf } from './der-values.ts';
import { checkNameConstraints, checkSubjectAltName, NAME_TAG } from './general-names.ts';
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
    return method === OCSP && location.tag === NAME_TAG.uri ? [ia5Text(location.content)] : [];
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
  return childrenOf(fullName, fullName.tag).flatMap(({ tag, content }) => (tag === NAME_TAG.uri ? [ia5Text(content)] : []));
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
