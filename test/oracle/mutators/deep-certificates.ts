import * as der from '../../der-writer.ts';
import { type CertificateOptions, extensionOf, OID } from '../../pki.ts';
import type { Draft } from '../draft.ts';
import type { Random } from '../random.ts';
import { bentDer } from './der-bend.ts';
import { disturbed, type Mutate, type MutatorTable } from './table.ts';

const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const dns = (text: string): Uint8Array => der.tlv(0x82, ascii(text));
const email = (text: string): Uint8Array => der.tlv(0x81, ascii(text));
const uri = (text: string): Uint8Array => der.tlv(0x86, ascii(text));
const ip = (...octets: number[]): Uint8Array => der.tlv(0x87, Uint8Array.from(octets));

const HOSTS = [
  'example.test',
  'EXAMPLE.test',
  '*.example.test',
  '.example.test',
  'example.test.',
  'a..b',
  'a b',
  '',
  'x_y.test',
  '1.2.3.4',
  '[::1]',
  '-a.test',
  'a'.repeat(64),
  'a\u0080',
  'a\u0000b',
  'a/b',
  'a:b',
] as const;
const ADDRESSES = [
  'a@example.test',
  '@example.test',
  'a@',
  'a..b@example.test',
  '"a b"@example.test',
  '"a"@b',
  'a\\b@c',
  '.a@b',
  'a.@b',
  'a@b@c',
  'example.test',
  '',
  'a@.b',
  'a@b.',
  'a b@c',
  '"@b',
  '"a\\"@b',
] as const;
const URIS = [
  'http://example.test/a',
  'http://example.test:80/',
  'http://example.test:x/',
  'http://example.test:/',
  'http://[::1]/',
  'http://[::1',
  'http://a b/',
  'http://a%20b/',
  'http://%zz/',
  'http://a/%zz',
  'http://a/\u007f',
  'http://a/ b',
  'http://user:pw@a/',
  'http://us er@a/',
  'http://1.2.3.4/',
  '//a/b',
  '/a',
  'a',
  'a:b',
  ':a',
  '1:a',
  '',
  'http:',
  'http://',
  'http:///a',
  'mailto:a@b',
  'urn:x:y',
  'http://a.test./',
  'http://a..test/',
  'http://-a/',
  'http://a_b/',
  'http://\u00e9/',
  'http://a/?q=%zz',
  'http://a/#%zz',
  'ldap://a/cn=x?b',
  'http://a\\b/',
  'http://a<b>/',
  'http://{a}/',
  'http://a|b/',
  'http://a^b/',
  'http://a`b/',
  'http://a"b/',
  'ht tp://a',
  'HTTP://A',
  'http://a:65536/',
  'http://[fe80::1%25en0]/',
  'http://[fe80::1%en0]/',
] as const;

function generalName(random: Random): Uint8Array {
  return random.pick<() => Uint8Array>([
    () => dns(random.pick(HOSTS)),
    () => email(random.pick(ADDRESSES)),
    () => uri(random.pick(URIS)),
    () => uri(random.pick(URIS)),
    () => ip(...random.bytes(random.pick([0, 4, 8, 16, 3]))),
    () => der.tlv(0x88, Uint8Array.of(42, 3)),
    () => der.context(4, der.sequence()),
    () => der.context(0, der.oid('1.2.3'), der.context(0, der.utf8('x'))),
    () => der.tlv(0xa3, der.sequence()),
  ])();
}

function names(random: Random): Uint8Array[] {
  return Array.from({ length: 1 + random.below(3) }, () => generalName(random));
}

function constraintBase(random: Random): Uint8Array {
  return random.pick<() => Uint8Array>([
    () => dns(random.pick(HOSTS)),
    () => email(random.pick([...ADDRESSES, ...HOSTS] as unknown as [string, ...string[]])),
    () => uri(random.pick(HOSTS)),
    () =>
      ip(
        10,
        0,
        0,
        0,
        ...random.pick([
          [255, 0, 0, 0],
          [255, 255, 255, 254],
          [0, 0, 0, 0],
          [255, 0, 255, 0],
          [254, 1, 0, 0],
          [127, 0, 0, 0],
        ]),
      ),
    () => ip(...random.bytes(16), ...new Uint8Array(16).fill(255)),
    () => generalName(random),
  ])();
}

function subtrees(random: Random): Uint8Array {
  const one = (): Uint8Array => der.sequence(constraintBase(random), random.oneIn(4) ? der.tlv(0x80, Uint8Array.of(0)) : []);
  return der.concat(Array.from({ length: random.below(3) }, one));
}

/** Sound and half-sound values of the extensions that Go parses. */
const VALUES: Readonly<Record<string, (random: Random) => Uint8Array>> = {
  [OID.subjectAltName]: (random) => der.sequence(...names(random)),
  [OID.nameConstraints]: (random) =>
    der.sequence(random.oneIn(3) ? [] : der.context(0, subtrees(random)), random.oneIn(2) ? [] : der.context(1, subtrees(random))),
  [OID.crlDistributionPoints]: (random) =>
    der.sequence(
      der.sequence(
        random.pick([der.context(0, der.context(0, ...names(random))), der.context(0, der.context(1, der.sequence())), der.context(0), []]),
        random.oneIn(4) ? der.tlv(0x81, Uint8Array.of(0, 0x80)) : [],
        random.oneIn(4) ? der.context(2, ...names(random)) : [],
      ),
    ),
  [OID.authorityInfoAccess]: (random) =>
    der.sequence(der.sequence(der.oid(random.pick(['1.3.6.1.5.5.7.48.1', '1.3.6.1.5.5.7.48.2', '1.2.3'])), generalName(random))),
  [OID.authorityKeyIdentifier]: (random) =>
    der.sequence(
      random.oneIn(4) ? [] : der.tlv(0x80, random.bytes(random.pick([0, 20]))),
      random.oneIn(4) ? der.context(1, ...names(random)) : [],
      random.oneIn(4) ? der.tlv(0x82, random.bytes(random.pick([0, 1, 8]))) : [],
    ),
  [OID.subjectKeyIdentifier]: (random) => der.octetString(random.bytes(random.pick([0, 1, 20]))),
  [OID.keyUsage]: (random) =>
    der.tlv(
      0x03,
      random.pick([
        Uint8Array.of(7, 0x80),
        Uint8Array.of(0, 0x80),
        Uint8Array.of(7, 0xff),
        Uint8Array.of(0),
        Uint8Array.of(7),
        Uint8Array.of(8, 0x80),
        Uint8Array.of(7, 0x80, 0x80),
        Uint8Array.of(6, 0xc0),
        Uint8Array.of(0, 0x80, 0),
        Uint8Array.of(),
        Uint8Array.of(0, 0x80, 0, 0, 0, 0),
        Uint8Array.of(1, 0x06),
      ]),
    ),
  [OID.extendedKeyUsage]: (random) =>
    der.sequence(
      ...random.pick([
        [],
        [der.oid(OID.codeSigning)],
        [der.oid(OID.codeSigning), der.oid(OID.codeSigning)],
        [der.tlv(6)],
        [der.tlv(6, Uint8Array.of(0x80, 1))],
        [der.tlv(6, Uint8Array.of(0x2a, 0x8f, 0xff, 0xff, 0xff, 0x7f))],
        [der.integer(1)],
      ]),
    ),
  [OID.basicConstraints]: (random) =>
    der.sequence(
      random.pick<Uint8Array>([new Uint8Array(), der.boolean(true), der.boolean(false)]),
      random.pick<Uint8Array>([
        new Uint8Array(),
        der.integer(0),
        der.integer(3),
        der.tlv(2, Uint8Array.of(0xff)),
        der.integer(2n ** 31n),
        der.integer(2n ** 63n),
      ]),
    ),
  '2.5.29.32': (random) =>
    der.sequence(
      ...Array.from({ length: random.below(3) }, () =>
        der.sequence(
          der.oid(random.pick(['1.2.3', '2.5.29.32.0', '1.2.4'])),
          random.oneIn(2) ? [] : der.sequence(der.sequence(der.oid('1.3.6.1.5.5.7.2.1'), der.tlv(0x16, ascii('http://a')))),
        ),
      ),
    ),
  '2.5.29.33': (random) =>
    der.sequence(der.sequence(der.oid('1.2.3'), random.oneIn(3) ? [] : der.oid('1.2.4'), random.oneIn(4) ? der.NULL : [])),
  '2.5.29.36': (random) =>
    der.sequence(
      random.oneIn(2) ? [] : der.tlv(0x80, random.bytes(random.pick([0, 1, 9]))),
      random.oneIn(2) ? [] : der.tlv(0x81, Uint8Array.of(random.pick([0, 0x80]))),
    ),
  '2.5.29.54': (random) =>
    random.pick([der.integer(0), der.integer(2n ** 40n), der.tlv(2, Uint8Array.of(0xff)), der.integer(2n ** 70n), der.NULL]),
};
/** Extensions that there are values of. */
export const EXTENSION_OIDS = Object.keys(VALUES) as [string, ...string[]];

/** Changes the options of one certificate of the chain, the leaf's half of the time. */
function any(change: (random: Random, draft: Draft) => CertificateOptions): Mutate {
  return (draft, random) => {
    const place = random.oneIn(2) ? draft.authorities.length : random.below(draft.authorities.length + 1);
    const changed = change(random, draft);
    const over = (options: CertificateOptions): CertificateOptions => ({
      ...options,
      ...changed,
      extensions: { ...options.extensions, ...changed.extensions },
      ...(changed.bendTbs && { bendTbs: (fields) => changed.bendTbs?.([...(options.bendTbs?.(fields) ?? fields)]) ?? fields }),
    });
    if (place === draft.authorities.length) draft.leaf = { ...over(draft.leaf), key: draft.leaf.key };
    else draft.authorities = draft.authorities.map((options, i) => (i === place ? over(options) : options));
  };
}

/** Changes one field of TBSCertificate by its place: 0 version … 6 the key, 7 the extensions. */
function field(place: number, change: (bytes: Uint8Array, random: Random) => Uint8Array): Mutate {
  return any((random) => ({ bendTbs: (fields) => fields.map((bytes, i) => (i === place ? change(bytes, random) : bytes)) }));
}

/** A value of an extension, sound or half-sound. */
export function sampleOf(oid: string, random: Random): Uint8Array {
  return VALUES[oid]?.(random) ?? der.NULL;
}

const STRING_TAGS = [0x0c, 0x13, 0x14, 0x16, 0x12, 0x1e, 0x1a, 0x1c, 0x04] as const;
const NAME_TYPES = [
  '2.5.4.3',
  '2.5.4.5',
  '2.5.4.6',
  '2.5.4.7',
  '2.5.4.8',
  '2.5.4.9',
  '2.5.4.10',
  '2.5.4.11',
  '2.5.4.17',
  '2.5.4.12',
  '1.2.840.113549.1.9.1',
  '0.9.2342.19200300.100.1.25',
] as const;
const NAME_TEXTS = [
  'x',
  'US',
  'WA',
  'Notary',
  '',
  ' ',
  ' a ',
  '#a',
  'a,b',
  'a+b',
  'a"b',
  'a\\b',
  'a;b',
  '<a>',
  'a=b',
  '=#',
  'a\u0000b',
  '\u00e9',
  'a\nb',
  '*',
  '@',
  '_',
  '&',
  'a  b',
  '\u007f',
] as const;

/** An attribute of a name, its value in any of the string types. */
function attribute(random: Random, type: string, text: string): Uint8Array {
  const tag = random.oneIn(3) ? random.pick(STRING_TAGS) : 0x0c;
  const octets = tag === 0x1e ? Buffer.from(text, 'utf16le').swap16() : tag === 0x0c ? Buffer.from(text) : ascii(text);
  return der.sequence(der.oid(type), der.tlv(tag, octets));
}

function randomName(random: Random): Uint8Array {
  const needed = [
    ['2.5.4.6', 'US'],
    ['2.5.4.8', 'WA'],
    ['2.5.4.10', random.pick(NAME_TEXTS)],
  ] as const;
  const more = Array.from({ length: random.below(4) }, () => [random.pick(NAME_TYPES), random.pick(NAME_TEXTS)] as const);
  const sets = [...needed, ...more].map(([type, text]) => {
    const second = random.oneIn(10) ? [attribute(random, random.pick(NAME_TYPES), random.pick(NAME_TEXTS))] : [];
    return der.tlv(0x31, attribute(random, type, text), ...second);
  });
  return der.sequence(...sets);
}

/** A value as RFC 4514 might write it, or nearly. */
function escaped(text: string, random: Random): string {
  return [...text]
    .map((char) => {
      const special = ',+"\\<>;#= '.includes(char);
      if (special && !random.oneIn(6)) return `\\${char}`;
      if (random.oneIn(10)) return [...Buffer.from(char)].map((octet) => `\\${octet.toString(16).padStart(2, '0')}`).join('');
      return char;
    })
    .join('');
}

export const DEEP_CERTIFICATES: MutatorTable = {
  'certificate/extension value': any((random) => {
    const oid = random.pick(EXTENSION_OIDS);
    return { extensions: { [oid]: { critical: random.oneIn(3), value: sampleOf(oid, random) } } };
  }),
  'certificate/extension bent': any((random) => {
    const oid = random.pick(EXTENSION_OIDS);
    return { extensions: { [oid]: { critical: random.oneIn(3), value: bentDer(sampleOf(oid, random), random) } } };
  }),
  'certificate/extension disturbed': any((random) => {
    const oid = random.pick(EXTENSION_OIDS);
    return { extensions: { [oid]: { critical: random.oneIn(3), value: disturbed(sampleOf(oid, random), random) } } };
  }),
  'certificate/many extensions': any((random) => ({
    extensions: Object.fromEntries(
      EXTENSION_OIDS.filter((oid) => !oid.startsWith('2.5.29.1') && random.oneIn(3)).map((oid) => [oid, { value: sampleOf(oid, random) }]),
    ),
  })),
  'certificate/name constraint': any((random) => ({
    extensions: { [OID.nameConstraints]: { critical: random.oneIn(2), value: sampleOf(OID.nameConstraints, random) } },
  })),
  'certificate/alternative name': any((random) => ({
    extensions: { [OID.subjectAltName]: { critical: random.oneIn(2), value: sampleOf(OID.subjectAltName, random) } },
  })),
  'certificate/distribution point': any((random) => ({
    extensions: { [OID.crlDistributionPoints]: { value: sampleOf(OID.crlDistributionPoints, random) } },
  })),
  'certificate/extension written oddly': any((random) => {
    const written = extensionOf('1.2.3.4.5', der.NULL, random.oneIn(2));
    return { moreExtensions: [bentDer(written, random)] };
  }),
  'certificate/version bent': field(0, bentDer),
  'certificate/serial bent': field(1, bentDer),
  'certificate/issuer bent': field(3, bentDer),
  'certificate/validity bent': field(4, bentDer),
  'certificate/subject bent': field(5, bentDer),
  'certificate/key bent': field(6, bentDer),
  'certificate/extensions bent': field(7, bentDer),
  'certificate/subject random': field(5, (_, random) => randomName(random)),
  'certificate/bent after signing': (draft, random) => {
    draft.bendChain.push((chain) => {
      const at = random.below(chain.length);
      return chain.map((certificate, i) => (i === at ? bentDer(certificate, random) : certificate));
    });
  },
  'policy/random names': (draft, random) => {
    const [organisation, unit, common] = [random.pick(NAME_TEXTS), random.pick(NAME_TEXTS), random.pick(NAME_TEXTS)];
    const parts: [string, string][] = [
      ['C', 'US'],
      ['ST', 'WA'],
      ['O', organisation],
      ...(random.oneIn(2) ? [['OU', unit] as [string, string]] : []),
      ...(random.oneIn(2) ? [['CN', common] as [string, string]] : []),
    ];
    draft.leaf = { ...draft.leaf, subject: parts };
    const named = parts.filter(([type]) => ['C', 'ST', 'O'].includes(type) || random.oneIn(2));
    draft.statement.trustedIdentities = [
      `x509.subject: ${named.map(([type, text]) => `${type}=${escaped(text, random)}`).join(random.pick([',', ', ', ';']))}`,
    ];
  },
};
