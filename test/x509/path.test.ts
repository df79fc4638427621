import { describe, expect, it } from '@jest/globals';
import { instantOf } from '../../src/lib/instant.ts';
import { isSignedBy, parseCertificate } from '../../src/x509/certificate.ts';
import { X509Error } from '../../src/x509/errors.ts';
import { nameText } from '../../src/x509/name.ts';
import { timestampingPaths } from '../../src/x509/path.ts';
import type { Certificate } from '../../src/x509/types.ts';
import * as der from '../der-writer.ts';
import {
  authorityName,
  basicConstraints,
  type CertificateOptions,
  type Extensions,
  extendedKeyUsage,
  type Issued,
  keyUsage,
  OID,
  pki,
} from '../pki.ts';
import { TIMESTAMPING, timestamping } from '../timestamp-token.ts';

const AT = new Date('2025-06-01T00:00:00Z');
const named = (commonName: string, more: CertificateOptions = {}): CertificateOptions => ({ subject: authorityName(commonName), ...more });
const root = pki.root();
const ca = root.intermediate(named('CA'));
const tsa = ca.leaf(timestamping());
const parse = (certificates: readonly Uint8Array[]) => certificates.map(parseCertificate);
const text = (path: readonly Certificate[]) => path.map(({ subject }) => nameText(subject).slice(3).replace(/,.*/, '')).join(' < ');

interface Pools {
  readonly roots?: readonly Uint8Array[];
  readonly intermediates?: readonly Uint8Array[];
  readonly at?: Date | { readonly seconds: number; readonly nanoseconds: number };
}

function search(leaf: Issued, { roots = leaf.chain.slice(-1), intermediates = leaf.chain, at = AT }: Pools = {}, isSigned = isSignedBy) {
  const [certificate] = parse([leaf.cert]);
  if (certificate === undefined) throw new Error('no leaf');
  const instant = at instanceof Date ? instantOf(at) : at;
  return timestampingPaths({ leaf: certificate, roots: parse(roots), intermediates: parse(intermediates), at: instant, isSigned });
}

/** The first path, leaf first. */
async function first(leaf: Issued, pools: Pools = {}): Promise<string> {
  const { value } = await search(leaf, pools).next();
  return value === undefined ? 'none' : text(value);
}

async function all(leaf: Issued, pools: Pools = {}): Promise<readonly string[]> {
  const paths: string[] = [];
  for await (const path of search(leaf, pools)) paths.push(text(path));
  return paths;
}

const extended = (extensions: Extensions): CertificateOptions => ({ extensions });
const purposes = (...oids: string[]) => extended({ [OID.extendedKeyUsage]: { value: extendedKeyUsage(...oids) } });
const constrained = (ca: boolean, pathLength?: number) =>
  extended({ [OID.basicConstraints]: { critical: true, value: basicConstraints(ca, pathLength) } });
const critical = extended({ '1.2.3.4': { critical: true, value: der.NULL } });
const under = (authority: CertificateOptions, leaf: CertificateOptions = {}) =>
  root.intermediate(named('CA', authority)).leaf(timestamping(leaf));
const underRoot = (options: CertificateOptions, leaf: CertificateOptions = {}) => pki.root(options).leaf(timestamping(leaf));
const until = (text: string): CertificateOptions => ({ notAfter: new Date(text) });
const from = (text: string): CertificateOptions => ({ notBefore: new Date(text) });
const ONE = Uint8Array.of(1);
const keyId = (octets: Uint8Array) => ({ [OID.subjectKeyIdentifier]: { value: der.octetString(octets) } });
const issuerKeyId = (octets: Uint8Array) => ({ [OID.authorityKeyIdentifier]: { value: der.sequence(der.tlv(0x80, octets)) } });

describe('timestampingPaths', () => {
  it.each<[string, () => Promise<string>, string]>([
    ['through an intermediate', () => first(tsa), 'TSA < CA < Root'],
    ['to a root at once', () => first(root.leaf(timestamping())), 'TSA < Root'],
    [
      'whatever the order and company of the intermediates',
      () => first(tsa, { intermediates: [pki.root().cert, ...tsa.chain.toReversed(), pki.root().cert] }),
      'TSA < CA < Root',
    ],
    ['without the root among the intermediates', () => first(tsa, { intermediates: tsa.chain.slice(0, 2) }), 'TSA < CA < Root'],
    ['of a leaf that is a root itself', () => first(tsa, { roots: [tsa.cert] }), 'TSA'],
    ['at the first second of validity', () => first(under({}, from('2025-06-01T00:00:00Z'))), 'TSA < CA < Root'],
    ['at the last second of validity', () => first(under(until('2025-06-01T00:00:00Z'))), 'TSA < CA < Root'],
    ['with a path length that suffices', () => first(under(constrained(true, 0))), 'TSA < CA < Root'],
    ['9.5 with nested purposes', () => first(under(purposes(OID.codeSigning, TIMESTAMPING))), 'TSA < CA < Root'],
    ['with any purpose in an authority', () => first(under(purposes('2.5.29.37.0'))), 'TSA < CA < Root'],
    ['with an empty list of purposes in an authority', () => first(under(purposes())), 'TSA < CA < Root'],
    ['with an unknown extension that is not critical', () => first(under(extended({ '1.2.3.4': { value: der.NULL } }))), 'TSA < CA < Root'],
    [
      'of a root of version 1',
      () => first(underRoot({ version: undefined, extensions: { [OID.basicConstraints]: undefined, [OID.keyUsage]: undefined } })),
      'TSA < Root',
    ],
    ['ten certificates long', () => first(deep(8)), ['TSA', ...Array.from({ length: 8 }, (_, i) => `CA ${8 - i}`), 'Root'].join(' < ')],
  ])('finds a path %s', async (_, find, expected) => {
    expect(await find()).toBe(expected);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['340 without the root', () => first(tsa, { roots: [pki.root().cert] }), 'verification error'],
    [
      'without any root',
      () => first(tsa, { roots: [] }),
      'unknown authority: "CN=Root,O=Notary,C=US", issuer of "CN=Root,O=Notary,C=US", is no trusted root',
    ],
    [
      'with nothing but the leaf',
      () => first(tsa, { roots: [], intermediates: [] }),
      'unknown authority: "CN=CA,O=Notary,C=US", issuer of "CN=TSA"',
    ],
    [
      'with the root missing everywhere',
      () => first(tsa, { roots: [], intermediates: tsa.chain.slice(0, 2) }),
      '"CN=Root,O=Notary,C=US", issuer of "CN=CA,O=Notary,C=US"',
    ],
    ['without the intermediate', () => first(tsa, { intermediates: [tsa.cert] }), 'unknown authority'],
    ['through a root that only the token names', () => first(tsa, { roots: [], intermediates: tsa.chain }), 'unknown authority'],
    ['346 of a leaf that is not valid yet', () => first(under({}, from('2025-06-01T00:00:01Z'))), 'expired or is not yet valid'],
    ['346 of a leaf that has expired', () => first(under({}, until('2025-05-31T23:59:59Z'))), 'expired or is not yet valid'],
    [
      '346 a nanosecond after the end',
      () => first(tsa, { at: { ...instantOf(new Date('2044-01-01T00:00:00Z')), nanoseconds: 1 } }),
      'expired or is not yet valid',
    ],
    ['through an authority that has expired', () => first(under(until('2025-05-31T23:59:59Z'))), 'candidate authority "CN=CA'],
    ['to a root that has expired', () => first(underRoot(until('2025-05-31T23:59:59Z'))), 'candidate authority "CN=Root'],
    ['at a time that is none', () => first(tsa, { at: new Date(Number.NaN) }), 'expired or is not yet valid'],
    ['through what is no authority', () => first(under(constrained(false))), 'not authorized to sign'],
    [
      'through an authority without basic constraints',
      () => first(under(extended({ [OID.basicConstraints]: undefined }))),
      'not authorized to sign',
    ],
    [
      'through an authority of version 1',
      () => first(under({ version: undefined, extensions: { [OID.basicConstraints]: undefined, [OID.keyUsage]: undefined } })),
      'not authorized to sign',
    ],
    [
      'through an authority that may not sign certificates',
      () => first(under(extended({ [OID.keyUsage]: { critical: true, value: keyUsage(6) } }))),
      'not authorized to sign',
    ],
    [
      'beyond a path length',
      () =>
        first(
          root
            .intermediate(named('CA 1', constrained(true, 0)))
            .intermediate(named('CA 2'))
            .leaf(timestamping()),
        ),
      'too many intermediates',
    ],
    [
      "beyond a root's path length",
      () => first(pki.root(constrained(true, 0)).intermediate(named('CA')).leaf(timestamping())),
      'too many intermediates',
    ],
    ['9.5 whose purposes do not nest', () => first(under(purposes(OID.codeSigning))), 'incompatible key usage'],
    ["9.5 whose purposes do not nest in the root's", () => first(underRoot(purposes(OID.codeSigning))), 'incompatible key usage'],
    ['of a leaf for another purpose', () => first(under({}, purposes(OID.codeSigning))), 'incompatible key usage'],
    ['9.5 of a leaf with an unknown critical extension', () => first(under({}, critical)), 'unhandled critical extension 1.2.3.4'],
    ['9.5 through an authority with an unknown critical extension', () => first(under(critical)), 'unhandled critical extension 1.2.3.4'],
    ['9.5 to a root with an unknown critical extension', () => first(underRoot(critical)), 'unhandled critical extension 1.2.3.4'],
    [
      'of a leaf with a critical directory name alone',
      () => first(under({}, extended({ [OID.subjectAltName]: { critical: true, value: der.sequence(der.context(4, der.sequence())) } }))),
      'unhandled critical extension 2.5.29.17',
    ],
    ['9.5 with a certificate signed with SHA-1', () => first(under({ signatureAlgorithm: 'sha1' })), 'insecure algorithm'],
    [
      '9.5 with a certificate signed with MD5',
      () => first(pki.root({ key: 'RSA-2048' }).leaf(timestamping({ signatureAlgorithm: 'md5' }))),
      'insecure algorithm',
    ],
    [
      'with a certificate signed by another key of the same name',
      () => first(tsa, { intermediates: [tsa.cert, root.intermediate(named('CA')).cert] }),
      'verification error',
    ],
    ['of 11 certificates', () => first(deep(9)), 'longer than 10 certificates'],
    [
      'with an explicit policy required',
      () => first(under(extended({ '2.5.29.36': { critical: true, value: der.sequence(der.tlv(0x80, Uint8Array.of(0))) } }))),
      'requires an explicit policy',
    ],
    [
      'with anyPolicy mapped',
      () =>
        first(
          under(extended({ '2.5.29.33': { critical: true, value: der.sequence(der.sequence(der.oid('1.2.3'), der.oid('2.5.29.32.0'))) } })),
        ),
      'maps anyPolicy',
    ],
  ])('finds no path %s', async (_, find, message) => {
    await expect(find()).rejects.toThrow(message);
    await expect(find()).rejects.toThrow(X509Error);
  });

  it('gives the paths in the order of the reference: roots before intermediates, then as the key identifiers say', async () => {
    const [right, wrong, none] = [ONE, Uint8Array.of(2), undefined].map((id) =>
      root.intermediate(named('CA', { privateKey: ca.privateKey, serial: Uint8Array.of(1), ...(id && extended(keyId(id))) })),
    );
    const others = [wrong, none, right].map((issued) => issued?.cert ?? ONE);
    const leaf = ca.leaf(timestamping(extended(issuerKeyId(ONE))));
    const found: string[] = [];
    for await (const path of search(leaf, { roots: [root.cert], intermediates: others })) found.push(path[1]?.fingerprint ?? '');
    expect(found).toEqual([right, none, wrong].map((issued) => parse([issued?.cert ?? ONE])[0]?.fingerprint));
    expect(await all(leaf, { roots: [root.cert, right?.cert ?? ONE], intermediates: others })).toEqual([
      'TSA < CA',
      'TSA < CA < Root',
      'TSA < CA < Root',
      'TSA < CA < Root',
    ]);
  });

  it('goes on where the first path breaks', async () => {
    const bad = root.intermediate(named('CA', { privateKey: ca.privateKey, ...purposes(OID.codeSigning) }));
    expect(await all(tsa, { roots: [root.cert], intermediates: [bad.cert, ca.cert] })).toEqual(['TSA < CA < Root']);
  });

  it('does not go round in circles of authorities that certify each other', async () => {
    const a = pki.root(named('A'));
    const b = pki.root(named('B'));
    const aByB = b.intermediate(named('A', { privateKey: a.privateKey }));
    const bByA = a.intermediate(named('B', { privateKey: b.privateKey }));
    const leaf = a.leaf(timestamping());
    await expect(first(leaf, { roots: [root.cert], intermediates: [aByB.cert, bByA.cert] })).rejects.toThrow('unknown authority');
    expect(await first(leaf, { roots: [b.cert], intermediates: [aByB.cert, bByA.cert] })).toBe('TSA < A < B');
  });

  it('considers 100 candidates and no more', async () => {
    const strangers = Array.from({ length: 120 }, () => pki.root(named('CA')).cert);
    let checks = 0;
    const counted: typeof isSignedBy = (child, issuer) => {
      checks++;
      return isSignedBy(child, issuer);
    };
    const found = search(tsa, { roots: [root.cert], intermediates: [...strangers, ca.cert] }, counted).next();
    await expect(found).rejects.toThrow('signature check attempts limit');
    expect(checks).toBe(100);
    // The 99th candidate leads on to the root, which is the 100th.
    expect(await first(tsa, { roots: [root.cert], intermediates: [...strangers.slice(0, 98), ca.cert] })).toBe('TSA < CA < Root');
    await expect(first(tsa, { roots: [root.cert], intermediates: [...strangers.slice(0, 99), ca.cert] })).rejects.toThrow('limit');
  });
});

/** A leaf under this many intermediates. */
function deep(count: number): Issued {
  let authority = root;
  for (let i = 1; i <= count; i++) authority = authority.intermediate(named(`CA ${i}`));
  return authority.leaf(timestamping());
}

describe('name constraints of a timestamping path', () => {
  const domain = (name: string) => der.tlv(0x82, Buffer.from(name));
  const email = (name: string) => der.tlv(0x81, Buffer.from(name));
  const uri = (name: string) => der.tlv(0x86, Buffer.from(name));
  const ip = (...octets: number[]) => der.tlv(0x87, Uint8Array.from(octets));
  const list = (number: number, bases: readonly Uint8Array[] | undefined) =>
    bases === undefined ? [] : der.context(number, ...bases.map((base) => der.sequence(base)));
  const limits = ({ permitted, excluded }: { permitted?: readonly Uint8Array[]; excluded?: readonly Uint8Array[] }, isCritical = true) =>
    extended({ [OID.nameConstraints]: { critical: isCritical, value: der.sequence(list(0, permitted), list(1, excluded)) } });
  const names = (...values: readonly Uint8Array[]) => extended({ [OID.subjectAltName]: { value: der.sequence(...values) } });
  const permitted = (...bases: readonly Uint8Array[]) => limits({ permitted: bases });
  const excluded = (...bases: readonly Uint8Array[]) => limits({ excluded: bases });
  const NET = ip(10, 0, 0, 0, 255, 0, 0, 0);
  const V6 = Array.from({ length: 16 }, () => 0);

  it.each<[string, CertificateOptions, CertificateOptions]>([
    ['no alternative names', permitted(domain('example.test')), {}],
    ['names of another kind', permitted(domain('example.test')), names(email('a@b.test'))],
    ['a directory name', permitted(domain('example.test')), names(der.context(4, der.sequence()))],
    ['a domain that is the base', permitted(domain('example.test')), names(domain('Example.TEST'))],
    ['a domain below the base', permitted(domain('example.test')), names(domain('tsa.example.test'))],
    ['a domain below a base with a dot', permitted(domain('.example.test')), names(domain('tsa.example.test'))],
    ['any domain below an empty base', permitted(domain('')), names(domain('tsa.example.test'))],
    ['a domain beside what is excluded', excluded(domain('example.test')), names(domain('notexample.test'))],
    ['a wildcard beside what is excluded', excluded(domain('a.example.test')), names(domain('*.other.test'))],
    ['an address in the range', permitted(NET), names(ip(10, 1, 2, 3))],
    ['an address beside an excluded range', excluded(NET), names(ip(11, 1, 2, 3))],
    ['a mailbox', permitted(email('tsa@example.test')), names(email('tsa@EXAMPLE.test'))],
    ['a mailbox in a domain', permitted(email('example.test')), names(email('tsa@example.test'))],
    ['a URI', permitted(uri('example.test')), names(uri('https://user@tsa.example.test:8443/path'))],
  ])('permit %s', async (_, authority, leaf) => {
    expect(await first(under(authority, leaf))).toBe('TSA < CA < Root');
  });

  it.each<[string, CertificateOptions, CertificateOptions]>([
    ['another domain', permitted(domain('example.test')), names(domain('other.test'))],
    ['a domain that only ends like the base', permitted(domain('example.test')), names(domain('notexample.test'))],
    ['the base itself where it has a dot', permitted(domain('.example.test')), names(domain('example.test'))],
    ['one of two domains', permitted(domain('example.test')), names(domain('example.test'), domain('other.test'))],
    ['an excluded domain', excluded(domain('example.test')), names(domain('tsa.EXAMPLE.test'))],
    [
      'a domain that is permitted and excluded',
      limits({ permitted: [domain('test')], excluded: [domain('example.test')] }),
      names(domain('example.test')),
    ],
    ['a wildcard for what is excluded', excluded(domain('a.example.test')), names(domain('*.example.test'))],
    ['any domain where all are excluded', excluded(domain('')), names(domain('example.test'))],
    ['a domain that is none', permitted(email('example.test')), names(domain('example..test'))],
    ['an address outside the range', permitted(NET), names(ip(11, 1, 2, 3))],
    ['an address of another length', permitted(NET), names(ip(...V6))],
    ['an excluded address', excluded(NET), names(ip(10, 9, 9, 9))],
    ['an IPv4 address in IPv6', excluded(NET), names(ip(...V6.slice(0, 10), 255, 255, 10, 0, 0, 1))],
    ['another mailbox', permitted(email('tsa@example.test')), names(email('other@example.test'))],
    ['a mailbox in another case', permitted(email('tsa@example.test')), names(email('TSA@example.test'))],
    ['a mailbox that is quoted', excluded(email('other.test')), names(email('"a@b"@example.test'))],
    ['an email address that is none', excluded(email('other.test')), names(email('example.test'))],
    ['a URI elsewhere', permitted(uri('example.test')), names(uri('https://other.test/'))],
    ['a URI without a host', excluded(uri('other.test')), names(uri('urn:example:a'))],
    ['a URI with an address for its host', excluded(uri('other.test')), names(uri('https://10.0.0.1/'))],
    ['a URI with an IPv6 address for its host', excluded(uri('other.test')), names(uri('https://[::1]/'))],
  ])('forbid %s', async (_, authority, leaf) => {
    await expect(first(under(authority, leaf))).rejects.toThrow(/name constraint/);
  });

  it.each([[true], [false]])('of a kind that is not known fail the path, critical or not: %s', async (isCritical) => {
    const unknown = limits({ permitted: [der.context(4, der.sequence())] }, isCritical);
    await expect(first(under(unknown))).rejects.toThrow('name constraints of a kind that is not known');
  });

  it('of a root and of an authority further up hold as well', async () => {
    const leaf = names(domain('other.test'));
    await expect(first(underRoot(permitted(domain('example.test')), leaf))).rejects.toThrow('no name constraint permits');
    const far = root
      .intermediate(named('CA 1', permitted(domain('example.test'))))
      .intermediate(named('CA 2'))
      .leaf(timestamping(leaf));
    await expect(first(far)).rejects.toThrow('no name constraint permits');
  });

  it('of a certificate do not hold for its own names', async () => {
    const own = { extensions: { ...permitted(domain('example.test')).extensions, ...names(domain('other.test')).extensions } };
    expect(await first(under(own))).toBe('TSA < CA < Root');
  });

  it('are held against a bounded number of names', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => domain(`n${i}.test`));
    await expect(first(under(permitted(...many(1200)), names(...many(1200))))).rejects.toThrow('too many names');
  });
});
