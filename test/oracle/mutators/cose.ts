import * as cbor from '../../cbor-writer.ts';
import { concat } from '../../der-writer.ts';
import { PAYLOAD_TYPE, SIGNING_AUTHORITY } from '../../sign.ts';
import { type Bend, type Draft, NAME } from '../draft.ts';
import type { Random } from '../random.ts';
import { disturbed, type Mutate, type MutatorTable, otherCase } from './table.ts';

type Entries = readonly cbor.Entry[];
type Change = (entries: Entries, random: Random, draft: Draft) => Entries;

function by(hook: 'bendCoseProtected' | 'bendCoseUnprotected', change: Change): Mutate {
  return (draft, random) => {
    draft[hook].push((entries) => change(entries, random, draft));
  };
}

const protectedBy = (change: Change): Mutate => by('bendCoseProtected', change);
const unprotectedBy = (change: Change): Mutate => by('bendCoseUnprotected', change);

function messageBy(change: (items: readonly Uint8Array[], random: Random) => readonly Uint8Array[]): Mutate {
  return (draft, random) => {
    draft.bendCoseMessage.push((items) => change(items, random));
  };
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function withEntry(entries: Entries, key: Uint8Array, value: Uint8Array): Entries {
  if (!entries.some(([known]) => same(known, key))) return [...entries, [key, value]];
  return entries.map(([known, old]) => [known, same(known, key) ? value : old]);
}

function withoutEntry(entries: Entries, key: Uint8Array): Entries {
  return entries.filter(([known]) => !same(known, key));
}

const UNDEFINED_SIMPLE = Uint8Array.of(0xf8, 0xff);

/** Any CBOR value of some other kind, well-formed or not. */
function oddCbor(random: Random): Uint8Array {
  return random.pick<Uint8Array>([
    cbor.int(0),
    cbor.int(-1),
    cbor.int(2n ** 63n),
    cbor.int(-(2n ** 64n)),
    cbor.text(''),
    cbor.text('x'),
    cbor.text('application/json'),
    cbor.bytes(new Uint8Array()),
    cbor.bytes(Uint8Array.of(1, 2)),
    cbor.array(),
    cbor.array(cbor.int(1)),
    cbor.map(),
    cbor.map([cbor.int(1), cbor.int(2)]),
    cbor.NULL,
    cbor.UNDEFINED,
    cbor.TRUE,
    cbor.float64(1.5),
    cbor.tag(0, cbor.text('2025-01-01T00:00:00Z')),
    cbor.tag(1, cbor.int(1_700_000_000)),
    cbor.tag(2, cbor.bytes(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0))),
    cbor.tag(2, cbor.text('no number')),
    cbor.tag(55_799, cbor.int(1)),
    UNDEFINED_SIMPLE,
    Uint8Array.of(0xf8, 0x10),
    Uint8Array.of(0xe0),
    Uint8Array.of(0x9f, 0x01, 0xff),
    Uint8Array.of(0x5f, 0x41, 0x01, 0xff),
    Uint8Array.of(0x61, 0xff),
    Uint8Array.of(0xff),
    Uint8Array.of(0x1c),
    Uint8Array.of(0xf9, 0x7e, 0x00),
  ]);
}

const LABELS = [
  cbor.int(1),
  cbor.int(2),
  cbor.int(3),
  cbor.text(NAME.scheme),
  cbor.text(NAME.signingTime),
  cbor.text(NAME.authenticSigningTime),
  cbor.text(NAME.expiry),
] as const;
const OTHER_LABELS = [
  cbor.int(0),
  cbor.int(4),
  cbor.int(5),
  cbor.int(6),
  cbor.int(7),
  cbor.int(8),
  cbor.int(9),
  cbor.int(11),
  cbor.int(12),
  cbor.int(15),
  cbor.int(16),
  cbor.int(33),
  cbor.int(-1),
  cbor.int(2n ** 63n - 1n),
  cbor.int(2n ** 63n),
  cbor.int(-(2n ** 63n) - 1n),
  cbor.text('com.example.more'),
  cbor.text(''),
  cbor.text('__proto__'),
  cbor.bytes(Uint8Array.of(1)),
  cbor.NULL,
  cbor.float64(1),
  cbor.array(),
  cbor.tag(0, cbor.text('x')),
] as const;
const ALGORITHMS = [-7, -35, -36, -37, -38, -39, -8, -257, 5, 0, -65_535] as const;
const TIME_LABELS = [NAME.signingTime, NAME.authenticSigningTime, NAME.expiry] as const;
const CRIT = cbor.int(2);

function oddTime(random: Random, base: number): Uint8Array {
  return random.pick<Uint8Array>([
    cbor.int(base),
    cbor.float64(base),
    cbor.tag(0, cbor.text('2025-01-01T00:00:00Z')),
    cbor.tag(1, cbor.float64(base + 0.5)),
    cbor.tag(1, cbor.float64(base + 0.123456789)),
    cbor.tag(1, cbor.float64(Number.NaN)),
    cbor.tag(1, cbor.float64(Number.POSITIVE_INFINITY)),
    cbor.tag(1, cbor.float64(1e300)),
    cbor.tag(1, cbor.float64(-0.5)),
    cbor.tag(1, Uint8Array.of(0xf9, 0x3c, 0x00)),
    cbor.tag(1, Uint8Array.of(0xfa, 0x4e, 0xca, 0x00, 0x00)),
    cbor.tag(1, cbor.int(0)),
    cbor.tag(1, cbor.int(-1)),
    cbor.tag(1, cbor.int(-62_135_596_800)),
    cbor.tag(1, cbor.float64(-62_135_596_800)),
    cbor.tag(1, cbor.int(-62_135_596_799)),
    cbor.tag(1, cbor.int(253_402_300_799)),
    cbor.tag(1, cbor.int(10n ** 15n)),
    cbor.tag(1, cbor.int(2n ** 63n - 1n)),
    cbor.tag(1, cbor.int(2n ** 63n)),
    cbor.tag(1, cbor.int(-(2n ** 63n))),
    cbor.tag(1, cbor.text('2025-01-01T00:00:00Z')),
    cbor.tag(1, cbor.NULL),
    cbor.tag(1, cbor.tag(1, cbor.int(base))),
    cbor.tag(1, cbor.tag(2, cbor.bytes(Uint8Array.of(0x67, 0, 0, 0)))),
    cbor.tag(1, cbor.tag(2, cbor.bytes(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0)))),
    cbor.tag(1001, cbor.map([cbor.int(1), cbor.int(base)])),
    concat([Uint8Array.of(0xd8, 0x01), cbor.int(base)]),
    concat([Uint8Array.of(0xc1), cbor.wideHead(0, base, 8)]),
    cbor.text('2025-01-01T00:00:00Z'),
    cbor.NULL,
  ]);
}

/** The list of `crit` as encoded items, where it is one as we write it. */
function critBy(change: (names: Uint8Array[], random: Random, entries: Entries) => readonly Uint8Array[]): Mutate {
  return protectedBy((entries, random, draft) => {
    const names = [
      NAME.scheme,
      ...(draft.scheme === SIGNING_AUTHORITY ? [NAME.authenticSigningTime] : []),
      ...(draft.expiry === undefined ? [] : [NAME.expiry]),
      ...draft.attributes.filter(({ critical }) => critical).map(({ name }) => name),
    ].map(cbor.text);
    return withEntry(entries, CRIT, cbor.array(...change(names, random, entries)));
  });
}

function doubled(entries: Entries, random: Random): Entries {
  const [key, value] = entries[random.below(entries.length)] ?? [cbor.int(1), cbor.int(1)];
  // A wider head for a small integer is another spelling of the same label.
  const twin =
    (key[0] ?? 0) < 24 && key.length === 1 ? random.pick([key, cbor.wideHead(0, key[0] ?? 0, 1), cbor.wideHead(0, key[0] ?? 0, 8)]) : key;
  const entry: cbor.Entry = [twin, random.pick([value, oddCbor(random)])];
  return random.oneIn(2) ? [...entries, entry] : [entry, ...entries];
}

function renamed(entries: Entries, random: Random): Entries {
  return entries.map(([key, value]): cbor.Entry => {
    const [first = 0] = key;
    if (first >> 5 !== 3 || !random.oneIn(2)) return [key, value];
    const name = Buffer.from(key.subarray(first < 0x78 ? 1 : 2)).toString();
    return [cbor.text(otherCase(name, random)), value];
  });
}

/** Heads wider than needed, which CBOR allows. */
function widened(entries: Entries, random: Random): Entries {
  return entries.map(([key, value]): cbor.Entry => {
    const small = key.length === 1 && (key[0] ?? 0xff) < 24;
    return [small && random.oneIn(2) ? cbor.wideHead(0, key[0] ?? 0, random.pick([1, 2, 4, 8])) : key, value];
  });
}

function bytesBy(change: (bytes: Uint8Array, random: Random) => Uint8Array): Mutate {
  return (draft, random) => {
    draft.bendBytes.push((bytes) => change(bytes, random));
  };
}

const protectedBytesBy = (change: (bytes: Uint8Array, random: Random) => Uint8Array): Mutate => {
  return (draft, random) => {
    const bend: Bend<Uint8Array> = (bytes) => change(bytes, random);
    draft.bendCoseProtectedBytes.push(bend);
  };
};

function contentOf(item: Uint8Array): Uint8Array {
  const info = (item[0] ?? 0) & 0x1f;
  return item.subarray(info < 24 ? 1 : 1 + (1 << (info - 24)));
}

export const COSE: MutatorTable = {
  'cose/alg': protectedBy((entries, random) => withEntry(entries, cbor.int(1), cbor.int(random.pick(ALGORITHMS)))),
  'cose/alg text': protectedBy((entries, random) => withEntry(entries, cbor.int(1), cbor.text(random.pick(['PS256', 'ES256', ''])))),
  'cose/alg unprotected': (draft) => {
    draft.bendCoseProtected.push((entries) => withoutEntry(entries, cbor.int(1)));
    draft.bendCoseUnprotected.push((entries) => [[cbor.int(1), cbor.int(-7)], ...entries]);
  },
  'cose/alg twice': (draft) => {
    draft.bendCoseUnprotected.push((entries) => [[cbor.int(1), cbor.int(-39)], ...entries]);
  },
  'cose/content type': protectedBy((entries, random) =>
    withEntry(
      entries,
      cbor.int(3),
      random.pick<Uint8Array>([
        cbor.int(50),
        cbor.text(''),
        cbor.text(` ${PAYLOAD_TYPE}`),
        cbor.text(`${PAYLOAD_TYPE} `),
        cbor.text(`${PAYLOAD_TYPE};v=1`),
        cbor.text('json'),
        cbor.text('a/b/c'),
        cbor.text(PAYLOAD_TYPE.toUpperCase()),
        cbor.text('application/json'),
        cbor.text('\u00a0application/json'),
        oddCbor(random),
      ]),
    ),
  ),
  'cose/member odd': protectedBy((entries, random) => withEntry(entries, random.pick(LABELS), oddCbor(random))),
  'cose/member gone': protectedBy((entries, random) => withoutEntry(entries, random.pick(LABELS))),
  'cose/member twice': protectedBy(doubled),
  'cose/member more': protectedBy((entries, random) => [...entries, [random.pick(OTHER_LABELS), oddCbor(random)]]),
  'cose/members shuffled': protectedBy((entries, random) => entries.toSorted(() => random.below(3) - 1)),
  'cose/labels wide': protectedBy(widened),
  'cose/labels other case': protectedBy(renamed),
  'cose/crit odd': protectedBy((entries, random) => withEntry(entries, CRIT, oddCbor(random))),
  'cose/crit gone': protectedBy((entries) => withoutEntry(entries, CRIT)),
  'cose/crit one less': critBy((names, random) => names.filter((_, i) => i !== random.below(names.length))),
  'cose/crit one twice': critBy((names, random) => [...names, names[random.below(names.length)] ?? cbor.int(1)]),
  'cose/crit more': critBy((names, random, entries) => [
    ...names,
    random.pick<Uint8Array>([
      cbor.int(1),
      cbor.int(2),
      cbor.int(3),
      cbor.int(4),
      cbor.text(NAME.signingTime),
      cbor.text(NAME.expiry),
      cbor.text(NAME.authenticSigningTime),
      cbor.text('com.example.note'),
      cbor.text('com.example.absent'),
      cbor.bytes(Uint8Array.of(1)),
      cbor.NULL,
      cbor.wideHead(0, 1, 2),
      entries.at(-1)?.[0] ?? cbor.int(3),
    ]),
  ]),
  'cose/crit unprotected': (draft) => {
    draft.bendCoseUnprotected.push((entries) => [[CRIT, cbor.array(cbor.text(NAME.scheme))], ...entries]);
  },
  'cose/critical attribute': (draft) => {
    draft.attributes.push({ name: 'com.example.rule', value: '"must"', critical: true });
  },
  'cose/integer attribute': protectedBy((entries, random) => [...entries, [cbor.int(random.pick([-70_000, 1000, 99])), oddCbor(random)]]),
  'cose/scheme': protectedBy((entries, random) =>
    withEntry(
      entries,
      cbor.text(NAME.scheme),
      random.pick<Uint8Array>([
        cbor.text('notary.x509'),
        cbor.text(SIGNING_AUTHORITY),
        cbor.text('NOTARY.X509'),
        cbor.text(''),
        cbor.text('notary.x509\u0000'),
        cbor.bytes(Buffer.from('notary.x509')),
        cbor.int(1),
        cbor.tag(37, cbor.text('notary.x509')),
      ]),
    ),
  ),
  'cose/time odd': protectedBy((entries, random, { time, scheme }) => {
    const own = scheme === SIGNING_AUTHORITY ? NAME.authenticSigningTime : NAME.signingTime;
    return withEntry(
      entries,
      cbor.text(random.oneIn(2) ? own : random.pick(TIME_LABELS)),
      oddTime(random, Math.floor(time.getTime() / 1000)),
    );
  }),
  'cose/time more': protectedBy((entries, random, { time }) =>
    withEntry(entries, cbor.text(random.pick(TIME_LABELS)), cbor.tag(1, cbor.int(Math.floor(time.getTime() / 1000)))),
  ),
  'cose/expiry odd': (draft, random) => {
    draft.expiry ??= new Date(draft.now.getTime() + 86_400_000);
    draft.bendCoseProtected.push((entries) =>
      withEntry(entries, cbor.text(NAME.expiry), oddTime(random, Math.floor(draft.now.getTime() / 1000) + 86_400)),
    );
  },
  'cose/x5chain odd': unprotectedBy((entries, random) => withEntry(entries, cbor.int(33), oddCbor(random))),
  'cose/x5chain one bstr': (draft) => {
    draft.authorities = [];
    draft.bendCoseUnprotected.push((entries) => entries.map(([key, value]) => [key, same(key, cbor.int(33)) ? value.subarray(1) : value]));
  },
  'cose/x5chain protected': (draft) => {
    draft.bendCoseProtected.push((entries) => [...entries, [cbor.int(33), cbor.array(cbor.bytes(Uint8Array.of(1)))]]);
  },
  'cose/x5chain item': unprotectedBy((entries, random) =>
    entries.map(([key, value]): cbor.Entry => {
      if (!same(key, cbor.int(33)) || (value[0] ?? 0) >> 5 !== 4) return [key, value];
      const count = (value[0] ?? 0x80) & 0x1f;
      return [key, concat([Uint8Array.of(0x80 | (count + 1)), value.subarray(1), oddCbor(random)])];
    }),
  ),
  'cose/unprotected more': unprotectedBy((entries, random) => [...entries, [random.pick(OTHER_LABELS), oddCbor(random)]]),
  'cose/unprotected twice': unprotectedBy(doubled),
  'cose/unprotected other case': unprotectedBy(renamed),
  'cose/agent': unprotectedBy((entries, random) => withEntry(entries, cbor.text(NAME.agent), oddCbor(random))),
  'cose/timestamp odd': unprotectedBy((entries, random) =>
    withEntry(
      entries,
      cbor.text(NAME.timestamp),
      random.pick<Uint8Array>([
        cbor.text('AAAA'),
        cbor.bytes(new Uint8Array()),
        cbor.bytes(Uint8Array.of(0x30, 0)),
        cbor.NULL,
        cbor.array(),
      ]),
    ),
  ),
  'cose/protected bytes': protectedBytesBy((bytes, random) =>
    random.pick<Uint8Array>([
      new Uint8Array(),
      Uint8Array.of(0xa0),
      concat([bytes, Uint8Array.of(0)]),
      concat([bytes, bytes]),
      concat([Uint8Array.of(0xd9, 0xd9, 0xf7), bytes]),
      concat([Uint8Array.of(0xbf), bytes.subarray(1), Uint8Array.of(0xff)]),
      concat([Uint8Array.of(0x81), bytes]),
      concat([Uint8Array.of(0xb8, (bytes[0] ?? 0) & 0x1f), bytes.subarray(1)]),
      Uint8Array.of(0xbb, 0, 0, 0, 1, 0, 0, 0, 0),
    ]),
  ),
  'cose/protected disturbed': protectedBytesBy(disturbed),
  'cose/protected wide head': messageBy(([head = new Uint8Array(), ...rest], random) => {
    const content = contentOf(head);
    return [concat([cbor.wideHead(2, content.length, random.pick([4, 8])), content]), ...rest];
  }),
  'cose/message item odd': messageBy((items, random) => items.map((item, i) => (i === random.below(4) ? oddCbor(random) : item))),
  'cose/message item gone': messageBy((items, random) => items.filter((_, i) => i !== random.below(4))),
  'cose/message item more': messageBy((items, random) => [...items, oddCbor(random)]),
  'cose/payload null': messageBy((items, random) =>
    items.map((item, i) => (i === 2 ? random.pick([cbor.NULL, cbor.UNDEFINED, cbor.bytes(new Uint8Array()), cbor.text('{}')]) : item)),
  ),
  'cose/protected map': messageBy((items) => items.map((item, i) => (i === 0 ? contentOf(item) : item))),
  'cose/prefix': (draft, random) => {
    draft.cosePrefix = random.pick<Uint8Array>([
      Uint8Array.of(0x84),
      Uint8Array.of(0xd8, 0x12, 0x84),
      Uint8Array.of(0xd8, 0x62, 0x84),
      Uint8Array.of(0xd1, 0x84),
      Uint8Array.of(0xd9, 0xd9, 0xf7, 0xd2, 0x84),
      Uint8Array.of(0xd2, 0x9f),
      Uint8Array.of(0xd2, 0x98, 0x04),
      Uint8Array.of(0xd2, 0xd2, 0x84),
      Uint8Array.of(0xd2, 0x85),
      Uint8Array.of(0xd2, 0x83),
      Uint8Array.of(),
    ]);
  },
  'cose/trailing': bytesBy((bytes, random) => concat([bytes, random.bytes(1 + random.below(3))])),
  'cose/cut': bytesBy((bytes, random) => bytes.subarray(0, random.below(bytes.length))),
  'cose/deep': (draft, random) => {
    const depth = random.pick([8, 28, 29, 30, 31, 32, 33, 40, 500]);
    const deep = concat([new Uint8Array(depth).fill(0x81), cbor.int(0)]);
    const hook = random.pick(['bendCoseProtected', 'bendCoseUnprotected'] as const);
    draft[hook].push((entries) => [...entries, [cbor.text('com.example.deep'), deep]]);
  },
  'cose/deep map': (draft, random) => {
    const depth = random.pick([8, 28, 29, 30, 31, 32, 33]);
    const deep = concat([...Array.from({ length: depth }, () => Uint8Array.of(0xa1, 0x00)), cbor.int(0)]);
    const hook = random.pick(['bendCoseProtected', 'bendCoseUnprotected'] as const);
    draft[hook].push((entries) => [...entries, [cbor.text('com.example.deep'), deep]]);
  },
  'cose/map key odd': (draft, random) => {
    const hook = random.pick(['bendCoseProtected', 'bendCoseUnprotected'] as const);
    draft[hook].push((entries) => [
      ...entries,
      [cbor.text('com.example.map'), cbor.map([random.pick(OTHER_LABELS), oddCbor(random)], [cbor.int(1), cbor.int(2)])],
    ]);
  },
};
