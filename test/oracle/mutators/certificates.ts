import * as der from '../../der-writer.ts';
import {
  basicConstraints,
  type CertificateOptions,
  extendedKeyUsage,
  extensionOf,
  type KeyKind,
  keyUsage,
  OID,
  pki,
  pssIdentifier,
  type SignatureAlgorithm,
} from '../../pki.ts';
import { type Draft, days } from '../draft.ts';
import type { Random } from '../random.ts';
import { disturbed, type Mutate, type MutatorTable } from './table.ts';

type Where = 'leaf' | 'authority' | 'root' | 'any';

/** Changes the options of one certificate of the chain. */
function at(where: Where, change: (random: Random, draft: Draft, place: number) => CertificateOptions): Mutate {
  return (draft, random) => {
    const count = draft.authorities.length;
    if (where !== 'leaf' && where !== 'any' && count === 0) return;
    // Places: the root is 0, the leaf comes last.
    const place = where === 'leaf' ? count : where === 'root' ? 0 : where === 'authority' ? random.below(count) : random.below(count + 1);
    const options = place === count ? draft.leaf : (draft.authorities[place] ?? {});
    const changed = change(random, draft, place);
    const merged = {
      ...options,
      ...changed,
      extensions: { ...options.extensions, ...changed.extensions },
      moreExtensions: [...(options.moreExtensions ?? []), ...(changed.moreExtensions ?? [])],
    };
    if (place === count) draft.leaf = { ...merged, key: changed.key ?? draft.leaf.key };
    else draft.authorities = draft.authorities.map((old, i) => (i === place ? merged : old));
  };
}

function extension(oid: string, value: Uint8Array | undefined, critical = false): CertificateOptions {
  return { extensions: { [oid]: value === undefined ? undefined : { critical, value } } };
}

const PURPOSES = [
  OID.codeSigning,
  '1.3.6.1.5.5.7.3.1',
  '1.3.6.1.5.5.7.3.2',
  '1.3.6.1.5.5.7.3.4',
  '1.3.6.1.5.5.7.3.8',
  '1.3.6.1.5.5.7.3.9',
  '2.5.29.37.0',
  '1.3.6.1.5.5.7.3.5',
  '1.3.6.1.4.1.311.10.3.13',
] as const;
const BITS = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;
const LEAF_KEYS = ['RSA-1024', 'RSA-2047', 'RSA-2056', 'EC-224', 'Ed25519', 'RSA-PSS'] as const satisfies KeyKind[];
const GOOD_KEYS = ['EC-256', 'EC-384', 'EC-521', 'RSA-2048', 'RSA-3072', 'RSA-4096'] as const satisfies KeyKind[];
const AUTHORITY_KEYS = [
  'RSA-1024',
  'RSA-2047',
  'RSA-2048',
  'RSA-3072',
  'EC-224',
  'EC-256',
  'EC-384',
  'EC-521',
  'Ed25519',
  'RSA-PSS',
] as const satisfies KeyKind[];
const ALGORITHMS = [
  'sha1',
  'md5',
  'sha256',
  'sha384',
  'sha512',
  'pss-sha256',
  'pss-sha384',
  'pss-sha512',
] as const satisfies SignatureAlgorithm[];

const OTHER_EXTENSIONS: readonly [oid: string, ...oids: string[]] = [
  OID.subjectKeyIdentifier,
  OID.keyUsage,
  OID.subjectAltName,
  OID.basicConstraints,
  OID.nameConstraints,
  OID.crlDistributionPoints,
  OID.authorityKeyIdentifier,
  OID.extendedKeyUsage,
  OID.authorityInfoAccess,
  '2.5.29.32',
  '2.5.29.33',
  '2.5.29.36',
  '2.5.29.54',
  '2.5.29.18',
  '2.5.29.46',
  '1.2.3.4.5',
];

function oddDer(random: Random): Uint8Array {
  return random.pick<Uint8Array>([
    new Uint8Array(),
    der.NULL,
    der.sequence(),
    der.boolean(true),
    der.integer(5),
    der.octetString(random.bytes(20)),
    der.octetString(new Uint8Array()),
    der.bitString(Uint8Array.of(0x80)),
    der.sequence(der.oid('1.2.3')),
    der.sequence(der.sequence(der.oid('1.2.3'))),
    der.sequence(der.context(0, der.integer(1))),
    der.sequence(der.tlv(0x80, random.bytes(20))),
    der.sequence(der.tlv(0x82, Buffer.from('example.test'))),
    der.sequence(der.tlv(0x86, Buffer.from('http://a.example/x'))),
    der.sequence(der.tlv(0x87, random.bytes(4))),
    der.sequence(der.context(0, der.sequence(der.tlv(0x82, Buffer.from('example.test'))))),
    Uint8Array.of(0x30, 0x80, 0, 0),
    Uint8Array.of(0x30, 0x81, 0),
    random.bytes(10),
  ]);
}

function validity(from: number, to: number): Mutate {
  return at('any', (_, { now }) => ({ notBefore: days(now, from), notAfter: days(now, to) }));
}

const ODD_TIMES: readonly [Uint8Array, ...Uint8Array[]] = [
  der.tlv(0x17, Buffer.from('240101000000Z')),
  der.tlv(0x17, Buffer.from('2401010000Z')),
  der.tlv(0x17, Buffer.from('240101000000+0000')),
  der.tlv(0x17, Buffer.from('240101000000')),
  der.tlv(0x17, Buffer.from('240230000000Z')),
  der.tlv(0x18, Buffer.from('20240101000000Z')),
  der.tlv(0x18, Buffer.from('20240101000000.5Z')),
  der.tlv(0x18, Buffer.from('202401010000Z')),
  der.tlv(0x18, Buffer.from('20240101000000+0100')),
  der.tlv(0x18, Buffer.from('99991231235959Z')),
  der.tlv(0x18, Buffer.from('00000101000000Z')),
  der.tlv(0x17, Buffer.from('500101000000Z')),
  der.tlv(0x17, Buffer.from('490101000000Z')),
  der.integer(5),
];

const SERIALS: readonly [Uint8Array, ...Uint8Array[]] = [
  Uint8Array.of(0),
  Uint8Array.of(0xff),
  Uint8Array.of(0x80, 1),
  Uint8Array.of(0, 1),
  Uint8Array.of(),
  new Uint8Array(30).fill(0x41),
  Uint8Array.of(0, 0x80),
];

function spkiOf(random: Random): Uint8Array {
  const rsa = (modulus: Uint8Array, exponent: Uint8Array, parameters: readonly Uint8Array[] = [der.NULL]): Uint8Array =>
    der.sequence(der.sequence(der.oid('1.2.840.113549.1.1.1'), ...parameters), der.bitString(der.sequence(modulus, exponent)));
  const modulus = der.tlv(0x02, Uint8Array.of(0, 0xc0), random.bytes(254), Uint8Array.of(1));
  return random.pick<() => Uint8Array>([
    () => rsa(modulus, der.integer(65_537), []),
    () => rsa(modulus, der.integer(1)),
    () => rsa(modulus, der.integer(2)),
    () => rsa(modulus, der.integer(2n ** 64n + 1n)),
    () => rsa(modulus, der.tlv(0x02, Uint8Array.of(0xff))),
    () => rsa(der.integer(0), der.integer(65_537)),
    () => rsa(der.tlv(0x02, new Uint8Array(4096).fill(0x55)), der.integer(65_537)),
    () => der.sequence(der.sequence(der.oid('1.2.840.10045.2.1'), der.oid('1.3.132.0.10')), der.bitString(random.bytes(65))),
    () => der.sequence(der.sequence(der.oid('1.2.840.10045.2.1'), der.oid('1.2.840.10045.3.1.7')), der.bitString(random.bytes(65))),
    () => der.sequence(der.sequence(der.oid('1.2.3.4')), der.bitString(random.bytes(32))),
    () => der.sequence(der.sequence(der.oid('1.2.840.10040.4.1')), der.bitString(der.integer(5))),
  ])();
}

const CRITICAL = [true, false] as const;
const MANY_BITS = [[0], [0, 1], [1], [5], [5, 6], [0, 5], [6], [], [2], [0, 3], [7], [8], [0, 8]] as const;

export const CERTIFICATES: MutatorTable = {
  'certificate/leaf key usage': at('leaf', (random) => extension(OID.keyUsage, keyUsage(0, ...BITS.filter(() => random.oneIn(6))), true)),
  'certificate/key usage': at('any', (random) =>
    extension(OID.keyUsage, keyUsage(...random.pick(MANY_BITS as unknown as [number[], ...number[][]])), random.pick(CRITICAL)),
  ),
  'certificate/key usage gone': at('any', () => extension(OID.keyUsage, undefined)),
  'certificate/key usage not critical': at('any', (_, { authorities }, place) =>
    extension(OID.keyUsage, place === authorities.length ? keyUsage(0) : keyUsage(5, 6)),
  ),
  'certificate/leaf purpose': at('leaf', (random) =>
    extension(OID.extendedKeyUsage, extendedKeyUsage(...PURPOSES.filter(() => random.oneIn(4))), random.oneIn(2)),
  ),
  'certificate/leaf one purpose': at('leaf', (random) =>
    extension(OID.extendedKeyUsage, extendedKeyUsage(random.pick(PURPOSES)), random.oneIn(2)),
  ),
  'certificate/leaf purpose gone': at('leaf', () => extension(OID.extendedKeyUsage, undefined)),
  'certificate/authority purpose': at('authority', (random) =>
    extension(OID.extendedKeyUsage, extendedKeyUsage(...PURPOSES.filter(() => random.oneIn(3))), random.oneIn(2)),
  ),
  'certificate/basic constraints': at('any', (random) =>
    extension(OID.basicConstraints, basicConstraints(random.oneIn(2), random.pick([undefined, 0, 1, 2, 5])), random.oneIn(2)),
  ),
  'certificate/basic constraints gone': at('any', () => extension(OID.basicConstraints, undefined)),
  'certificate/basic constraints odd': at('any', (random) =>
    extension(
      OID.basicConstraints,
      random.pick<Uint8Array>([
        der.sequence(der.boolean(false)),
        der.sequence(der.tlv(0x01, Uint8Array.of(0x01))),
        der.sequence(der.boolean(true), der.tlv(0x02, Uint8Array.of(0xff))),
        der.sequence(der.boolean(true), der.tlv(0x02, Uint8Array.of(0, 1))),
        der.sequence(der.boolean(true), der.integer(2n ** 70n)),
        der.sequence(der.integer(1)),
        der.sequence(der.boolean(true), der.integer(0), der.NULL),
        der.NULL,
        new Uint8Array(),
      ]),
      true,
    ),
  ),
  'certificate/path length': at('authority', (random) =>
    extension(OID.basicConstraints, basicConstraints(true, random.pick([0, 0, 1, 2])), true),
  ),
  'certificate/leaf is a ca': at('leaf', (random) => ({
    extensions: {
      [OID.basicConstraints]: { critical: true, value: basicConstraints(true) },
      ...(random.oneIn(2) && { [OID.keyUsage]: { critical: true, value: keyUsage(0, 5) } }),
    },
  })),
  'certificate/leaf key': (draft, random) => {
    draft.leaf.key = random.pick(LEAF_KEYS);
  },
  'certificate/leaf good key': (draft, random) => {
    draft.leaf.key = random.pick(GOOD_KEYS);
  },
  'certificate/authority key': at('authority', (random) => ({ key: random.pick(AUTHORITY_KEYS) })),
  'certificate/signature algorithm': at('any', (random, { authorities, leaf }, place) => {
    const signer = place === 0 ? (authorities[0]?.key ?? leaf.key) : authorities[place - 1]?.key;
    if (signer === 'Ed25519') return {};
    const wanted = random.pick(ALGORITHMS);
    // Elliptic curves sign with neither PSS nor MD5.
    return { signatureAlgorithm: signer?.startsWith('EC') && (wanted.startsWith('pss') || wanted === 'md5') ? 'sha1' : wanted };
  }),
  'certificate/rsa signature algorithm': (draft, random) => {
    draft.authorities = draft.authorities.map((options) => ({ ...options, key: 'RSA-2048' as const }));
    if (draft.authorities.length === 0) draft.leaf.key = 'RSA-2048';
    const algorithm = random.pick(ALGORITHMS);
    if (random.oneIn(2) || draft.authorities.length === 0) draft.leaf = { ...draft.leaf, signatureAlgorithm: algorithm };
    else
      draft.authorities = draft.authorities.map((options, i) =>
        i === random.below(2) ? { ...options, signatureAlgorithm: algorithm } : options,
      );
  },
  'certificate/sha1 alone': (draft) => {
    draft.authorities = [];
    draft.leaf = { ...draft.leaf, signatureAlgorithm: 'sha1' };
  },
  'certificate/outer algorithm': at('any', (random) => ({
    outerAlgorithm: random.pick<Uint8Array>([
      der.sequence(der.oid('1.2.840.113549.1.1.11'), der.NULL),
      der.sequence(der.oid('1.2.840.113549.1.1.11')),
      der.sequence(der.oid('1.2.840.10045.4.3.2')),
      der.sequence(der.oid('1.2.840.10045.4.3.2'), der.NULL),
      pssIdentifier('sha256', 'sha384', 32),
    ]),
  })),
  'certificate/algorithm parameters': at('any', (random) => {
    const algorithm = random.pick<Uint8Array>([
      der.sequence(der.oid('1.2.840.113549.1.1.11')),
      der.sequence(der.oid('1.2.840.10045.4.3.2'), der.NULL),
      der.sequence(der.oid('1.3.101.112'), der.NULL),
      der.sequence(der.oid('1.2.3.4')),
      pssIdentifier('sha256', 'sha256', 20),
      pssIdentifier('sha256', 'sha256', 32, 1),
      pssIdentifier('sha256', 'sha256', 32, 2),
      pssIdentifier('sha256', 'sha512', 32),
    ]);
    return { outerAlgorithm: algorithm, bendTbs: (fields) => fields.map((field, i) => (i === 2 ? algorithm : field)) };
  }),
  'certificate/expired': validity(-400, -1),
  'certificate/not yet valid': validity(1, 400),
  'certificate/expired an hour ago': validity(-400, -1 / 24),
  'certificate/valid in an hour': validity(1 / 24, 400),
  'certificate/valid since an hour': validity(-1 / 24, 400),
  'certificate/signed before it was valid': validity(-29, 100),
  'certificate/signed after it was valid': validity(-400, -31),
  'certificate/all expired': (draft) => {
    const over = { notBefore: days(draft.now, -400), notAfter: days(draft.now, -2) };
    draft.authorities = draft.authorities.map((options) => ({ ...options, ...over }));
    draft.leaf = { ...draft.leaf, ...over };
  },
  'certificate/validity reversed': validity(100, -100),
  'certificate/odd validity': at('any', (random) => ({
    validity: random.pick<Uint8Array>([
      der.sequence(random.pick(ODD_TIMES), der.tlv(0x18, Buffer.from('20440101000000Z'))),
      der.sequence(der.tlv(0x17, Buffer.from('240101000000Z')), random.pick(ODD_TIMES)),
      der.sequence(der.tlv(0x17, Buffer.from('240101000000Z'))),
      der.sequence(),
    ]),
  })),
  'certificate/serial': at('any', (random) => ({ serial: random.pick(SERIALS) })),
  'certificate/version': at('any', (random) => ({ version: random.pick([undefined, 0, 1, 2, 3, 5]) })),
  'certificate/version without extensions': at('any', (random) => ({
    version: random.pick([undefined, 0, 1]),
    bendTbs: (fields) => fields.filter((field) => field[0] !== 0xa3),
  })),
  'certificate/unique ids': at('any', (random) => ({
    bendTbs: (fields) => [...fields.slice(0, -1), der.tlv(random.pick([0x81, 0x82, 0xa1]), Uint8Array.of(0, 1)), ...fields.slice(-1)],
  })),
  'certificate/issuer name': at('any', (random) => ({
    issuer: random.pick<NonNullable<CertificateOptions['issuer']>>([
      [['CN', 'Somebody']],
      [
        ['C', 'US'],
        ['O', 'Notary'],
        ['CN', der.tlv(0x13, Buffer.from('Root'))],
      ],
      [
        ['C', 'US'],
        ['O', 'notary'],
        ['CN', 'Root'],
      ],
      [],
    ]),
  })),
  'certificate/subject empty': at('any', () => ({ subject: [] })),
  'certificate/same names': (draft) => {
    const subject = [['CN', 'One']] as const;
    draft.authorities = draft.authorities.map((options) => ({ ...options, subject }));
    draft.leaf = {
      ...draft.leaf,
      subject: [
        ['C', 'US'],
        ['ST', 'WA'],
        ['O', 'Notary'],
        ['CN', 'One'],
      ],
    };
  },
  'certificate/unknown extension': at('any', (random) => ({ moreExtensions: [extensionOf('1.2.3.4.5', oddDer(random), random.oneIn(2))] })),
  'certificate/extension odd': at('any', (random) => ({
    extensions: { [random.pick(OTHER_EXTENSIONS)]: { critical: random.oneIn(2), value: oddDer(random) } },
  })),
  'certificate/extension twice': at('any', (random) => ({
    moreExtensions: [
      extensionOf(
        random.pick([OID.keyUsage, OID.basicConstraints, OID.extendedKeyUsage]),
        random.pick([keyUsage(0), basicConstraints(true), extendedKeyUsage(OID.codeSigning)]),
        true,
      ),
    ],
  })),
  'certificate/alternative names': at('any', (random) =>
    extension(
      OID.subjectAltName,
      random.pick<Uint8Array>([
        der.sequence(der.tlv(0x82, Buffer.from('example.test'))),
        der.sequence(der.tlv(0x82, Buffer.from('ex\u00e4mple'))),
        der.sequence(der.tlv(0x86, Buffer.from('http://a b'))),
        der.sequence(der.tlv(0x86, Buffer.from('http://[::1'))),
        der.sequence(der.tlv(0x86, Buffer.from('%zz'))),
        der.sequence(der.tlv(0x87, Uint8Array.of(1, 2, 3))),
        der.sequence(der.tlv(0x87, Uint8Array.of(1, 2, 3, 4))),
        der.sequence(der.tlv(0x88, Uint8Array.of(42))),
        der.sequence(der.context(4, der.sequence())),
        der.sequence(),
      ]),
    ),
  ),
  'certificate/name constraints': at('authority', (random) =>
    extension(
      OID.nameConstraints,
      random.pick<Uint8Array>([
        der.sequence(der.context(0, der.sequence(der.tlv(0x82, Buffer.from('example.test'))))),
        der.sequence(der.context(1, der.sequence(der.tlv(0x81, Buffer.from('a@example.test'))))),
        der.sequence(der.context(0, der.sequence(der.tlv(0x82, Buffer.from('exa mple'))))),
        der.sequence(der.context(0, der.sequence(der.tlv(0x87, Uint8Array.of(1, 2, 3, 4, 0xff, 0, 0xff, 0))))),
        der.sequence(),
        der.sequence(der.context(0)),
      ]),
      random.oneIn(2),
    ),
  ),
  'certificate/revocation urls': at('any', (random) => ({
    extensions: {
      [OID.authorityInfoAccess]: {
        value: der.sequence(
          der.sequence(
            der.oid('1.3.6.1.5.5.7.48.1'),
            der.tlv(0x86, Buffer.from(random.pick(['http://ocsp.example.test/', 'https://ocsp.example.test', 'ldap://x', 'x', '']))),
          ),
        ),
      },
    },
  })),
  'certificate/list urls': at('any', (random) =>
    extension(
      OID.crlDistributionPoints,
      der.sequence(
        der.sequence(
          der.context(
            0,
            der.context(
              0,
              der.tlv(0x86, Buffer.from(random.pick(['http://crl.example.test/a.crl', 'https://crl.example.test/a.crl', 'ldap://x', '']))),
            ),
          ),
        ),
      ),
    ),
  ),
  'certificate/other public key': at('any', (random) => ({ spki: spkiOf(random) })),
  'certificate/trailing in signed part': at('any', (random) => ({ bendTbs: (fields) => [...fields, oddDer(random)] })),
  'certificate/signed part disturbed': at('any', (random) => ({
    bendTbs: (fields) => {
      const place = random.below(fields.length);
      return fields.map((field, i) => (i === place ? disturbed(field, random) : field));
    },
  })),
};

function chainBy(change: (chain: Uint8Array[], random: Random, draft: Draft) => Uint8Array[]): Mutate {
  return (draft, random) => {
    draft.bendChain.push((chain) => change(chain, random, draft));
  };
}

export const CHAIN: MutatorTable = {
  'chain/empty': chainBy(() => []),
  'chain/reversed': chainBy((chain) => chain.toReversed()),
  'chain/root missing': chainBy((chain) => chain.slice(0, -1)),
  'chain/leaf missing': chainBy((chain) => chain.slice(1)),
  'chain/one missing': chainBy((chain, random) => chain.filter((_, i) => i !== random.below(chain.length))),
  'chain/only leaf': chainBy((chain) => chain.slice(0, 1)),
  'chain/root twice': chainBy((chain) => [...chain, ...chain.slice(-1)]),
  'chain/leaf twice': chainBy((chain) => [...chain.slice(0, 1), ...chain]),
  'chain/stranger added': chainBy((chain, random, { keys }) => {
    const stranger = pki.root({ privateKey: keys.get('EC-256', 'stranger') }).cert;
    return random.pick([
      [...chain, stranger],
      [stranger, ...chain],
      [...chain.slice(0, 1), stranger, ...chain.slice(1)],
    ]);
  }),
  'chain/swapped': chainBy((chain, random) => {
    const [i, j] = [random.below(chain.length), random.below(chain.length)];
    return chain.map((certificate, at) => chain[at === i ? j : at === j ? i : at] ?? certificate);
  }),
  'chain/shuffled': chainBy((chain, random) => chain.toSorted(() => random.below(3) - 1)),
  'chain/other leaf of the key': (draft, random) => {
    draft.bendChain.push((chain, { chain: [leaf, issuer] }) => {
      if (leaf === undefined) return chain;
      const options = { ...draft.leaf, privateKey: leaf.privateKey, subject: [['CN', 'other']] as const };
      const other = issuer === undefined || random.oneIn(2) ? pki.selfSigned(options) : issuer.leaf(options);
      return random.oneIn(2) ? [other.cert, ...chain.slice(1)] : [other.cert];
    });
  },
  'chain/other root of the key': chainBy((chain, _, draft) => {
    const [root] = draft.authorities;
    if (root === undefined) return chain;
    return [...chain.slice(0, -1), pki.root({ privateKey: draft.keys.get(root.key ?? 'EC-256', 'root'), ...root }).cert];
  }),
  'chain/long': (draft, random) => {
    const count = random.pick([6, 9, 10, 11, 20]);
    const [root = {}] = draft.authorities;
    draft.authorities = Array.from({ length: count - 1 }, (_, i) => ({
      ...root,
      key: 'EC-256' as const,
      subject: [['CN', `Authority ${i}`]] as const,
    }));
  },
  'chain/certificate disturbed': chainBy((chain, random) => {
    const at = random.below(chain.length);
    return chain.map((certificate, i) => (i === at ? disturbed(certificate, random) : certificate));
  }),
  'chain/certificate trailing': chainBy((chain, random) => {
    const at = random.below(chain.length);
    return chain.map((certificate, i) => (i === at ? Uint8Array.from([...certificate, ...random.bytes(1)]) : certificate));
  }),
  'chain/certificate empty': chainBy((chain, random) => {
    const at = random.below(chain.length);
    return chain.map((certificate, i) => (i === at ? new Uint8Array() : certificate));
  }),
};
