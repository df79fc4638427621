import { describe, expect, it } from '@jest/globals';
import * as cbor from '../cbor-writer.ts';
import { concat } from '../der-writer.ts';
import { type CoseOptions, PAYLOAD_TYPE, SIGNING_AUTHORITY, signCose } from '../sign.ts';
import { COSE, intermediate, judge, KEY_KINDS, leaf, root } from './world.ts';

const SCHEME = 'io.cncf.notary.signingScheme';
const TIME = 'io.cncf.notary.signingTime';
const AUTHENTIC = 'io.cncf.notary.authenticSigningTime';
const EXPIRY = 'io.cncf.notary.expiry';
const rsa = root.leaf({ key: 'RSA-2048' });
const cose = (options: Partial<CoseOptions> = {}) => signCose({ signer: leaf, ...options });

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const keyOf = (label: number | string) => (typeof label === 'number' ? cbor.int(label) : cbor.text(label));
type Bend = (entries: readonly cbor.Entry[]) => readonly cbor.Entry[];
/** Gives a label another value, where it stands or at the end. */
const put =
  (label: number | string, value: Uint8Array): Bend =>
  (entries) =>
    entries.some(([key]) => same(key, keyOf(label)))
      ? entries.map(([key, old]) => [key, same(key, keyOf(label)) ? value : old] as const)
      : [...entries, [keyOf(label), value]];
const drop =
  (label: number | string): Bend =>
  (entries) =>
    entries.filter(([key]) => !same(key, keyOf(label)));
const add =
  (key: Uint8Array, value: Uint8Array): Bend =>
  (entries) => [...entries, [key, value]];
const all =
  (...bends: readonly Bend[]): Bend =>
  (entries) =>
    bends.reduce((bent, bend) => bend(bent), entries);
const critical = (...labels: readonly (number | string)[]) => put(2, cbor.array(...labels.map(keyOf)));
const inProtected = (...bends: readonly Bend[]) => cose({ bendProtected: all(...bends) });
const inUnprotected = (...bends: readonly Bend[]) => cose({ bendUnprotected: all(...bends) });
/** Replaces one of the four items of the message. */
const item = (at: number, change: (bytes: Uint8Array) => Uint8Array, options: Partial<CoseOptions> = {}) =>
  cose({ ...options, bendMessage: (items) => items.map((bytes, i) => (i === at ? change(bytes) : bytes)) });
const time = (value: Uint8Array) => cbor.tag(1, value);
const nested = (depth: number): Uint8Array => concat([new Uint8Array(depth).fill(0x81), cbor.int(0)]);
const chain = cbor.array(...leaf.chain.map(cbor.bytes));

describe('a COSE envelope', () => {
  it.each(KEY_KINDS.map((key) => [key] as const))('130 of a signer with %s is good', async (key) => {
    expect(await judge(cose({ signer: intermediate.leaf({ key }) }))).toBe('PASS');
  });

  it.each<[string, () => Uint8Array]>([
    ['142, 144 a protected map in another order', () => cose({ bendProtected: (entries) => entries.toReversed() })],
    [
      '145 a protected header whose length is not written in its shortest form',
      () => item(0, (bytes) => concat([cbor.wideHead(2, bytes.length - 2, 4), bytes.subarray(2)])),
    ],
    ['158 D8 crit that names alg and content type', () => inProtected(critical(SCHEME, 1, 3))],
    ['2.3 crit that names the scheme twice', () => inProtected(critical(SCHEME, SCHEME))],
    ['2.3 crit that names signingTime', () => inProtected(critical(SCHEME, TIME))],
    ['178 a timestamp that is text', () => inUnprotected(put('io.cncf.notary.timestampSignature', cbor.text('x')))],
    ['a signing agent that is a number', () => inUnprotected(put('io.cncf.notary.signingAgent', cbor.int(1)))],
    ['an unknown unprotected label', () => inUnprotected(put('foo', cbor.array(cbor.int(1))))],
    ['an unknown protected label that is not critical', () => inProtected(put('foo', cbor.tag(1, cbor.int(1))))],
    ['a time with a fraction', () => inProtected(put(TIME, time(cbor.float64(1735689600.5))))],
    ['an expiry to come, critical', () => cose({ expiry: new Date('2026-01-01T00:00:00Z') })],
    ['kid', () => inProtected(put(4, cbor.bytes(Uint8Array.of(1))))],
  ])('is good with %s', async (_case, envelope) => {
    expect(await judge(envelope())).toBe('PASS');
  });

  it.each<[string, () => Uint8Array, string]>([
    ['132 A-S-11 the tag in two bytes', () => cose({ prefix: Uint8Array.of(0xd8, 0x12, 0x84) }), 'ENVELOPE_INVALID'],
    ['A-S-11 no tag', () => cose({ prefix: Uint8Array.of(0x84) }), 'ENVELOPE_INVALID'],
    ['133 A-S-11 COSE_Sign', () => cose({ prefix: Uint8Array.of(0xd8, 0x62, 0x84) }), 'ENVELOPE_INVALID'],
    ['133 COSE_Mac0', () => cose({ prefix: Uint8Array.of(0xd1, 0x84) }), 'ENVELOPE_INVALID'],
    ['134 the prefix of self-described CBOR', () => cose({ prefix: Uint8Array.of(0xd9, 0xd9, 0xf7, 0xd2, 0x84) }), 'ENVELOPE_INVALID'],
    [
      '136 A-S-11 an array of indefinite length',
      () => concat([cose({ prefix: Uint8Array.of(0xd2, 0x9f) }), Uint8Array.of(0xff)]),
      'ENVELOPE_INVALID',
    ],
    ['three items', () => cose({ prefix: Uint8Array.of(0xd2, 0x83), bendMessage: (items) => items.slice(0, 3) }), 'ENVELOPE_INVALID'],
    ['137 a map of indefinite length', () => cose({ rawProtected: Uint8Array.of(0xbf, 0xff) }), 'ENVELOPE_INVALID'],
    ['137 text of indefinite length', () => inProtected(put('foo', Uint8Array.of(0x7f, 0x61, 0x61, 0xff))), 'ENVELOPE_INVALID'],
    ['138 a byte after the message', () => concat([cose(), Uint8Array.of(0)]), 'ENVELOPE_INVALID'],
    [
      'a byte after the protected map',
      () => item(0, (bytes) => cbor.bytes(concat([bytes.subarray(2), Uint8Array.of(0)]))),
      'ENVELOPE_INVALID',
    ],
    ['140 A-S-11 a label twice in protected', () => inProtected(add(cbor.int(1), cbor.int(-7))), 'ENVELOPE_INVALID'],
    ['140 a label twice in unprotected', () => inUnprotected(add(cbor.int(33), chain)), 'ENVELOPE_INVALID'],
    ['141 a label twice, written in two ways', () => inProtected(add(cbor.wideHead(0, 1, 1), cbor.int(-7))), 'ENVELOPE_INVALID'],
    ['A-S-11 a label that is a float', () => inProtected(add(cbor.float64(1), cbor.int(-7))), 'ENVELOPE_INVALID'],
    ['a label beyond 64 bits', () => inProtected(add(cbor.int(2n ** 63n), cbor.int(1))), 'ENVELOPE_INVALID'],
    ['an attribute beyond 64 bits', () => inProtected(put('foo', cbor.int(2n ** 63n))), 'ENVELOPE_INVALID'],
    [
      'a number deep in the unprotected map beyond 64 bits',
      () => inUnprotected(put('foo', cbor.array(cbor.map([cbor.int(1), cbor.int(2n ** 63n)])))),
      'ENVELOPE_INVALID',
    ],
    [
      'a label of an inner map beyond 64 bits',
      () => inProtected(put('foo', cbor.map([cbor.int(-(2n ** 63n) - 1n), cbor.int(1)]))),
      'ENVELOPE_INVALID',
    ],
    [
      'a label of an inner map that is a byte string',
      () => inProtected(put('foo', cbor.map([cbor.bytes(Uint8Array.of(1)), cbor.int(1)]))),
      'ENVELOPE_INVALID',
    ],
    ['a big integer that is text', () => inProtected(put('foo', cbor.tag(2, cbor.text('1')))), 'ENVELOPE_INVALID'],
    ['a negative big integer that is an integer', () => inProtected(put('foo', cbor.array(cbor.tag(3, cbor.int(1))))), 'ENVELOPE_INVALID'],
    ['a time as text that is no time', () => inProtected(put('foo', cbor.tag(0, cbor.text('today')))), 'ENVELOPE_INVALID'],
    ['a time in seconds that is text', () => inProtected(put('foo', cbor.tag(1, cbor.text('1')))), 'ENVELOPE_INVALID'],
    ['146 A-S-11 a detached payload', () => item(2, () => cbor.NULL), 'SIGNATURE_INVALID'],
    ['a payload that is undefined', () => item(2, () => cbor.UNDEFINED), 'ENVELOPE_INVALID'],
    ['an empty payload', () => cose({ payload: new Uint8Array() }), 'ENVELOPE_INVALID'],
    ['148 an empty signature', () => item(3, () => cbor.bytes(new Uint8Array())), 'SIGNATURE_INVALID'],
    ['148 a null signature', () => item(3, () => cbor.NULL), 'SIGNATURE_INVALID'],
    ['149 A-S-11 alg in unprotected', () => cose({ bendProtected: drop(1), bendUnprotected: put(1, cbor.int(-7)) }), 'SIGNATURE_INVALID'],
    ['150 alg as text', () => inProtected(put(1, cbor.text('ES256'))), 'SIGNATURE_INVALID'],
    ['alg as a byte string', () => inProtected(put(1, cbor.bytes(Uint8Array.of(1)))), 'ENVELOPE_INVALID'],
    ['alg as a float', () => inProtected(put(1, cbor.float64(-7))), 'ENVELOPE_INVALID'],
    ['152 alg -38 with an RSA-2048 leaf', () => cose({ signer: rsa, alg: -38 }), 'SIGNATURE_INVALID'],
    ['153 alg -7 with a P-384 leaf', () => cose({ signer: root.leaf({ key: 'EC-384' }), alg: -7 }), 'SIGNATURE_INVALID'],
    ['A-S-01 alg -257, RS256', () => cose({ signer: rsa, alg: -257 }), 'SIGNATURE_INVALID'],
    ['A-S-01 alg 5, HMAC', () => cose({ alg: 5 }), 'SIGNATURE_INVALID'],
    ['D11 a salt of another length', () => cose({ signer: rsa, saltLength: 20 }), 'SIGNATURE_INVALID'],
    ['218 A-S-03 a modulus of 2047 bits', () => cose({ signer: root.leaf({ key: 'RSA-2047' }), signAs: 'RSA-2048' }), 'SIGNATURE_INVALID'],
    ['a signature by another key', () => cose({ signer: { ...leaf, privateKey: root.leaf().privateKey } }), 'SIGNATURE_INVALID'],
    ['154 A-S-08 no crit', () => inProtected(drop(2)), 'ENVELOPE_INVALID'],
    ['156 crit in unprotected', () => inUnprotected(put(2, cbor.array(cbor.text(SCHEME)))), 'ENVELOPE_INVALID'],
    ['157 crit that names an absent label', () => inProtected(critical(SCHEME, 'foo')), 'ENVELOPE_INVALID'],
    ['A-S-08 an empty crit', () => inProtected(critical()), 'ENVELOPE_INVALID'],
    ['crit that is text', () => inProtected(put(2, cbor.text(SCHEME))), 'ENVELOPE_INVALID'],
    ['crit with a byte string', () => inProtected(put(2, cbor.array(cbor.bytes(Uint8Array.of(1))))), 'ENVELOPE_INVALID'],
    ['crit without the scheme', () => inProtected(critical(1)), 'ENVELOPE_INVALID'],
    ['160 an expiry that is not critical', () => inProtected(put(EXPIRY, time(cbor.int(1767225600)))), 'ENVELOPE_INVALID'],
    ['161 the content type 50', () => inProtected(put(3, cbor.int(50))), 'ENVELOPE_INVALID'],
    ['162 a content type without a slash', () => inProtected(put(3, cbor.text('json'))), 'ENVELOPE_INVALID'],
    ['162 a content type with a space before it', () => inProtected(put(3, cbor.text(` ${PAYLOAD_TYPE}`))), 'ENVELOPE_INVALID'],
    ['A-S-13 another content type', () => inProtected(put(3, cbor.text('application/json'))), 'ENVELOPE_INVALID'],
    ['no content type', () => inProtected(drop(3)), 'ENVELOPE_INVALID'],
    ['a content type marked as CBOR itself', () => inProtected(put(3, cbor.tag(55799, cbor.text(PAYLOAD_TYPE)))), 'ENVELOPE_INVALID'],
    ['kid as text', () => inProtected(put(4, cbor.text('x'))), 'ENVELOPE_INVALID'],
    [
      'IV and Partial IV',
      () => cose({ bendProtected: put(5, cbor.bytes(Uint8Array.of(1))), bendUnprotected: put(6, cbor.bytes(Uint8Array.of(1))) }),
      'ENVELOPE_INVALID',
    ],
    ['a countersignature in protected', () => inProtected(put(9, cbor.bytes(Uint8Array.of(1)))), 'ENVELOPE_INVALID'],
    [
      'a countersignature in a structure of its own',
      () => inUnprotected(put(7, cbor.array(cbor.bytes(new Uint8Array()), cbor.map(), cbor.bytes(Uint8Array.of(1))))),
      'ENVELOPE_INVALID',
    ],
    ['a countersignature of the wrong type', () => inUnprotected(put(11, cbor.text('x'))), 'ENVELOPE_INVALID'],
    ['164 signingScheme as a byte string', () => inProtected(put(SCHEME, cbor.bytes(Buffer.from('notary.x509')))), 'ENVELOPE_INVALID'],
    ['164 signingScheme as a number', () => inProtected(put(SCHEME, cbor.int(1))), 'ENVELOPE_INVALID'],
    ['A-S-40 an unknown scheme', () => inProtected(put(SCHEME, cbor.text('notary.x509.v2'))), 'ENVELOPE_INVALID'],
    ['no scheme', () => inProtected(drop(SCHEME), critical(1)), 'ENVELOPE_INVALID'],
    ['165 signingTime as text', () => inProtected(put(TIME, cbor.tag(0, cbor.text('2025-01-01T00:00:00Z')))), 'ENVELOPE_INVALID'],
    ['166 signingTime without a tag', () => inProtected(put(TIME, cbor.int(1735689600))), 'ENVELOPE_INVALID'],
    ['168 signingTime NaN', () => inProtected(put(TIME, time(cbor.float64(Number.NaN)))), 'ENVELOPE_INVALID'],
    ['signingTime infinite', () => inProtected(put(TIME, time(cbor.float64(Infinity)))), 'ENVELOPE_INVALID'],
    ['signingTime as text under tag 1', () => inProtected(put(TIME, time(cbor.text('1')))), 'ENVELOPE_INVALID'],
    ['no signingTime', () => inProtected(drop(TIME)), 'ENVELOPE_INVALID'],
    ['169 D10 notary.x509 with authenticSigningTime', () => inProtected(put(AUTHENTIC, time(cbor.int(1735689600)))), 'ENVELOPE_INVALID'],
    [
      'signingAuthority without its time',
      () => cose({ scheme: SIGNING_AUTHORITY, bendProtected: all(drop(AUTHENTIC), critical(SCHEME)) }),
      'ENVELOPE_INVALID',
    ],
    [
      'an expiry that is no number',
      () => inProtected(put(EXPIRY, time(cbor.float64(Number.NaN))), critical(SCHEME, EXPIRY)),
      'ENVELOPE_INVALID',
    ],
    [
      'an expiry beyond every date',
      () => inProtected(put(EXPIRY, time(cbor.int(2n ** 62n))), critical(SCHEME, EXPIRY)),
      'ENVELOPE_INVALID',
    ],
    ['A-S-28 an expiry at the signing time', () => cose({ expiry: new Date('2025-01-01T00:00:00Z') }), 'ENVELOPE_INVALID'],
    ['170 D9 x5chain as one byte string', () => inUnprotected(put(33, cbor.bytes(leaf.cert))), 'ENVELOPE_INVALID'],
    ['D9 x5chain in protected', () => cose({ bendProtected: put(33, chain), bendUnprotected: drop(33) }), 'ENVELOPE_INVALID'],
    ['172 text in x5chain', () => inUnprotected(put(33, cbor.array(cbor.text('x')))), 'ENVELOPE_INVALID'],
    ['172 text after the leaf', () => inUnprotected(put(33, cbor.array(cbor.bytes(leaf.cert), cbor.text('x')))), 'ENVELOPE_INVALID'],
    ['173 an empty x5chain', () => inUnprotected(put(33, cbor.array())), 'ENVELOPE_INVALID'],
    ['no x5chain', () => inUnprotected(drop(33)), 'ENVELOPE_INVALID'],
    ['a leaf that is none', () => cose({ chain: [Uint8Array.of(1)] }), 'CERTIFICATE_CHAIN_INVALID'],
    ['174 a tag in unprotected', () => inUnprotected(put('foo', cbor.tag(1, cbor.int(1)))), 'ENVELOPE_INVALID'],
    ['176 text that is not UTF-8', () => inProtected(put('foo', Uint8Array.of(0x61, 0xff))), 'ENVELOPE_INVALID'],
    ['177 nesting beyond 32', () => inProtected(put('foo', nested(40))), 'ENVELOPE_INVALID'],
    ['177, 412 nesting of 10,000', () => inUnprotected(put('foo', nested(10_000))), 'ENVELOPE_INVALID'],
    ['177 a map that announces 2^32 entries', () => inUnprotected(put('foo', cbor.head(5, 2n ** 32n))), 'ENVELOPE_INVALID'],
    ['an array that announces 2^40 items', () => inProtected(put('foo', cbor.head(4, 2n ** 40n))), 'ENVELOPE_INVALID'],
    ['no bytes', () => new Uint8Array(), 'ENVELOPE_INVALID'],
    ['two bytes', () => Uint8Array.of(0xd2, 0x84), 'ENVELOPE_INVALID'],
  ])('is refused for integrity with %s', async (_case, envelope, code) => {
    expect(await judge(envelope(), { mediaType: COSE })).toBe(`integrity ${code}`);
  });

  it.each<[string, () => Uint8Array, string]>([
    [
      'D1 A-S-08 a critical attribute that nobody knows',
      () => inProtected(put('foo', cbor.int(1)), critical(SCHEME, 'foo')),
      'payload CRITICAL_ATTRIBUTE_UNKNOWN',
    ],
    [
      'D1 a critical label that nobody knows',
      () => inProtected(put(100, cbor.int(1)), critical(SCHEME, 100)),
      'payload CRITICAL_ATTRIBUTE_UNKNOWN',
    ],
    ['180 a payload that is not JSON', () => cose({ payload: 'x' }), 'payload PAYLOAD_INVALID'],
    ['a payload that is a list', () => cose({ payload: '[]' }), 'payload PAYLOAD_INVALID'],
  ])('is refused after integrity with %s', async (_case, envelope, expected) => {
    expect(await judge(envelope())).toBe(expected);
  });

  it('178 a timestamp that is text is none, where one is needed', async () => {
    const envelope = inUnprotected(put('io.cncf.notary.timestampSignature', cbor.text('x')));
    expect(await judge(envelope, { stores: ['ca:acme', 'tsa:acme'] })).toBe('authenticTimestamp TIMESTAMP_MISSING');
  });
});
