import { createHmac, createPublicKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { pki } from '../pki.ts';
import { type JwsOptions, PAYLOAD_TYPE, SIGNING_AUTHORITY, SUBJECT, signCose, signJws } from '../sign.ts';
import { COSE, edit, intermediate, judge, KEY_KINDS, leaf, rewrite, root } from './world.ts';

const SCHEME = 'io.cncf.notary.signingScheme';
const TIME = 'io.cncf.notary.signingTime';
const AUTHENTIC = 'io.cncf.notary.authenticSigningTime';
const EXPIRY = 'io.cncf.notary.expiry';
const rsa = root.leaf({ key: 'RSA-2048' });
const jws = (options: Partial<JwsOptions> = {}) => signJws({ signer: leaf, ...options });
const header = (members: Readonly<Record<string, unknown>>, options: Partial<JwsOptions> = {}) =>
  jws({ protectedHeader: members, ...options });
/** The default protected header as text, for cases that JSON.stringify cannot write. */
const protectedText = (alg: string, more = '') =>
  `{"alg":"${alg}","cty":"${PAYLOAD_TYPE}","crit":["${SCHEME}"],"${SCHEME}":"notary.x509","${TIME}":"2025-01-01T00:00:00Z"${more}}`;
const unpadded = (text: string) => Buffer.from(text).toString('base64url');
const flip = (text: string, at: number) => {
  const bytes = Buffer.from(text, 'base64url');
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return bytes.toString('base64url');
};
const withHmac = () =>
  edit(jws({ alg: 'HS256' }), (e) => {
    const key = createPublicKey({ key: Buffer.from(pemOf(leaf.cert)), format: 'pem' }).export({ type: 'spki', format: 'pem' });
    return { ...e, signature: createHmac('sha256', key).update(`${e.protected}.${e.payload}`).digest('base64url') };
  });
const pemOf = (der: Uint8Array) => `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const half = (bytes: Uint8Array, value: bigint, at: 0 | 32) => {
  const out = Uint8Array.from(bytes);
  out.set(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'), at);
  return out;
};
const sOf = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes.subarray(32)).toString('hex')}`);
const standard = (text: string) => Buffer.from(text, 'base64url').toString('base64').replaceAll('=', '');
/** An envelope whose signature looks different in the two alphabets. */
const manyDashes = (): Uint8Array => {
  const envelope = jws();
  return /[-_]/.test(JSON.parse(Buffer.from(envelope).toString()).signature) ? envelope : manyDashes();
};
const member = (name: string, change: (text: string) => string, envelope = jws()) =>
  edit(envelope, (e) => ({ ...e, [name]: change(String(e[name])) }));

describe('a JWS envelope', () => {
  it.each(KEY_KINDS.map((key) => [key] as const))('56 of a signer with %s is good', async (key) => {
    expect(await judge(jws({ signer: intermediate.leaf({ key }) }))).toBe('PASS');
  });

  it.each<[string, () => Uint8Array]>([
    ['69 ECDSA s replaced by n-s', () => jws({ bendSignature: (bytes) => half(bytes, ORDER - sOf(bytes), 32) })],
    ['89 an unknown unprotected member', () => jws({ header: { foo: { bar: [1] } } })],
    [
      '90 the signing agent in another case',
      () => jws({ header: { 'io.cncf.notary.signingAgent': undefined, 'io.cncf.notary.SigningAgent': 'x' } }),
    ],
    ['125 a time with a fraction of nine digits', () => header({ [TIME]: '2025-01-01T00:00:00.123456789Z' })],
    ['125 a time with an offset', () => header({ [TIME]: '2025-01-01T00:00:00+08:00' })],
    ['129 any text as signing agent', () => jws({ header: { 'io.cncf.notary.signingAgent': '\u0001 ü' } })],
    ['an unknown protected header that is not critical', () => header({ foo: { bar: 1 } })],
    [
      'A-S-07 keys named in the protected header, which are not used',
      () => header({ jku: 'https://x', jwk: {}, x5u: 'https://y', kid: '1' }),
    ],
    ['white space around the envelope', () => rewrite(jws(), (text) => ` \n${text}\r\n`)],
    ['an expiry to come, critical', () => jws({ expiry: new Date('2026-01-01T00:00:00Z') })],
    ['an expiry of null', () => header({ [EXPIRY]: null })],
    ['a modulus of 2047 bits (218)', () => jws({ signer: root.leaf({ key: 'RSA-2047' }), signAs: 'RSA-2048' })],
  ])('is good with %s', async (_case, envelope) => {
    expect(await judge(envelope())).toBe('PASS');
  });

  it.each<[string, () => Uint8Array, string]>([
    ['57 A-S-01 alg none', () => jws({ alg: 'none' }), 'SIGNATURE_INVALID'],
    ['57 alg none without a signature', () => jws({ alg: 'none', bendSignature: () => new Uint8Array() }), 'SIGNATURE_INVALID'],
    ['58 A-S-01 alg HS256 keyed with the public key', withHmac, 'SIGNATURE_INVALID'],
    ['A-S-01 alg RS256', () => jws({ signer: rsa, alg: 'RS256' }), 'SIGNATURE_INVALID'],
    ['A-S-01 alg ES256K', () => jws({ alg: 'ES256K' }), 'SIGNATURE_INVALID'],
    ['A-S-01 alg EdDSA', () => jws({ alg: 'EdDSA' }), 'SIGNATURE_INVALID'],
    ['60 alg PS512 over an RSA-2048 key, well signed', () => jws({ signer: rsa, signAs: 'RSA-4096' }), 'SIGNATURE_INVALID'],
    ['61 alg ES256 with an RSA leaf', () => jws({ signer: rsa, alg: 'ES256' }), 'SIGNATURE_INVALID'],
    ['61 alg PS256 with an EC leaf', () => jws({ alg: 'PS256' }), 'SIGNATURE_INVALID'],
    ['62 alg ES256 with a P-384 leaf', () => jws({ signer: root.leaf({ key: 'EC-384' }), signAs: 'EC-256' }), 'SIGNATURE_INVALID'],
    ['64 alg in lower case', () => jws({ signer: rsa, alg: 'ps256' }), 'SIGNATURE_INVALID'],
    ['65 no alg', () => jws({ alg: undefined }), 'SIGNATURE_INVALID'],
    ['65 alg null', () => jws({ alg: null }), 'SIGNATURE_INVALID'],
    ['65 alg a number', () => jws({ alg: 256 }), 'SIGNATURE_INVALID'],
    [
      'a number that no double holds',
      () => jws({ rawProtected: protectedText('ES256', ',"com.example.n":[{"a":-1e400}]') }),
      'SIGNATURE_INVALID',
    ],
    ['66 alg in the unprotected header only', () => jws({ alg: undefined, header: { alg: 'ES256' } }), 'SIGNATURE_INVALID'],
    ['D11 a salt of another length', () => jws({ signer: rsa, saltLength: 20 }), 'SIGNATURE_INVALID'],
    ['D11 no salt', () => jws({ signer: rsa, saltLength: 0 }), 'SIGNATURE_INVALID'],
    ['68 A-S-05 an ECDSA signature one byte short', () => jws({ bendSignature: (bytes) => bytes.subarray(1) }), 'SIGNATURE_INVALID'],
    ['68 an ECDSA signature one byte long', () => jws({ bendSignature: (bytes) => Uint8Array.of(0, ...bytes) }), 'SIGNATURE_INVALID'],
    ['70 A-S-05 r = 0', () => jws({ bendSignature: (bytes) => half(bytes, 0n, 0) }), 'SIGNATURE_INVALID'],
    ['70 s = 0', () => jws({ bendSignature: (bytes) => half(bytes, 0n, 32) }), 'SIGNATURE_INVALID'],
    ['A-S-05 s = n', () => jws({ bendSignature: (bytes) => half(bytes, ORDER, 32) }), 'SIGNATURE_INVALID'],
    ['72 a bit of the payload flipped', () => member('payload', (text) => flip(text, 20)), 'SIGNATURE_INVALID'],
    ['73 a bit of the protected header flipped', () => member('protected', (text) => flip(text, 60)), 'SIGNATURE_INVALID'],
    [
      '74 the payload of another signature of the same signer',
      () => member('payload', () => unpadded(JSON.stringify({ targetArtifact: { ...SUBJECT, size: 1 } }))),
      'SIGNATURE_INVALID',
    ],
    ['76 no x5c', () => jws({ header: { x5c: undefined } }), 'ENVELOPE_INVALID'],
    ['76 x5c null', () => jws({ header: { x5c: null } }), 'ENVELOPE_INVALID'],
    ['76 A-S-16 x5c empty', () => jws({ chain: [] }), 'ENVELOPE_INVALID'],
    ['76 no header', () => jws({ envelope: { header: undefined } }), 'ENVELOPE_INVALID'],
    ['77 x5c[0] garbage', () => jws({ chain: [Uint8Array.of(1, 2, 3)] }), 'CERTIFICATE_CHAIN_INVALID'],
    [
      '77 x5c[0] with a byte after it',
      () => jws({ chain: [Uint8Array.of(...leaf.cert, 0), ...leaf.chain.slice(1)] }),
      'CERTIFICATE_CHAIN_INVALID',
    ],
    ['78 x5c[1] garbage', () => jws({ chain: [leaf.cert, Uint8Array.of(1, 2, 3)] }), 'CERTIFICATE_CHAIN_INVALID'],
    ['x5c[1] not base64', () => jws({ header: { x5c: [Buffer.from(leaf.cert).toString('base64'), '*'] } }), 'ENVELOPE_INVALID'],
    ['x5c[0] as octets in a list', () => jws({ header: { x5c: [[...leaf.cert]] } }), 'ENVELOPE_INVALID'],
    ['80 x5c as PEM text', () => jws({ header: { x5c: [leaf.pem] } }), 'ENVELOPE_INVALID'],
    [
      '81 x5c in the protected header only',
      () => header({ x5c: leaf.chain.map((der) => Buffer.from(der).toString('base64')) }, { header: { x5c: undefined } }),
      'ENVELOPE_INVALID',
    ],
    ['84 A-S-07 compact serialization', () => edit(jws(), (e) => `${e.protected}.${e.payload}.${e.signature}`), 'ENVELOPE_INVALID'],
    [
      '84 compact serialization, bare',
      () => {
        const e = JSON.parse(Buffer.from(jws()).toString());
        return Buffer.from(`${e.protected}.${e.payload}.${e.signature}`);
      },
      'ENVELOPE_INVALID',
    ],
    [
      '2.2 general serialization',
      () => edit(jws(), ({ payload, ...signature }) => ({ payload, signatures: [signature] })),
      'ENVELOPE_INVALID',
    ],
    ['85 no bytes', () => new Uint8Array(), 'ENVELOPE_INVALID'],
    ['86 bytes after the object', () => rewrite(jws(), (text) => `${text}{}`), 'ENVELOPE_INVALID'],
    ['a byte order mark', () => rewrite(jws(), (text) => `\uFEFF${text}`), 'ENVELOPE_INVALID'],
    ['88 D5 an unknown top-level member', () => jws({ envelope: { foo: 1 } }), 'ENVELOPE_INVALID'],
    ['D6 a top-level member in another case beside the real one', () => jws({ envelope: { Payload: 'e30' } }), 'ENVELOPE_INVALID'],
    ['92 D6 two payloads, the first signed', () => rewrite(jws(), (text) => text.replace('{', '{"payload":"e30",')), 'ENVELOPE_INVALID'],
    [
      '93 D6 A-S-09 signingScheme twice',
      () => jws({ rawProtected: protectedText('ES256', `,"${SCHEME}":"notary.x509"`) }),
      'ENVELOPE_INVALID',
    ],
    ['94 D6 alg and ALG', () => jws({ rawProtected: protectedText('ES256', ',"ALG":"PS256"') }), 'ENVELOPE_INVALID'],
    ['D6 an expiry in another case', () => header({ 'io.cncf.notary.Expiry': '2020-01-01T00:00:00Z' }), 'ENVELOPE_INVALID'],
    ['D6 the scheme with a long s', () => header({ 'io.cncf.notary.\u017figningScheme': 'notary.x509' }), 'ENVELOPE_INVALID'],
    ['D6 x5c and X5C', () => jws({ header: { X5C: [] } }), 'ENVELOPE_INVALID'],
    ['96 A-S-09 the signature in standard base64', () => member('signature', standard, manyDashes()), 'SIGNATURE_INVALID'],
    ['97 the signature with a space', () => member('signature', (text) => `${text} `), 'SIGNATURE_INVALID'],
    ['98 D7 A-S-09 the signature with a line break', () => member('signature', (text) => `${text}\n`), 'SIGNATURE_INVALID'],
    ['D7 the signature with padding', () => member('signature', (text) => `${text}==`), 'SIGNATURE_INVALID'],
    ['D7 unused bits of the signature set', () => member('signature', (text) => text.replace(/.$/, 'B')), 'SIGNATURE_INVALID'],
    [
      'D7 a certificate with a line break',
      () => jws({ header: { x5c: leaf.chain.map((der) => `${Buffer.from(der).toString('base64')}\n`) } }),
      'ENVELOPE_INVALID',
    ],
    ['100 a dot inside the payload', () => member('payload', (text) => `.${text}`), 'SIGNATURE_INVALID'],
    ['100 a dot inside the protected header', () => member('protected', (text) => `${text}.`), 'SIGNATURE_INVALID'],
    ['101 a protected header that is a list', () => jws({ rawProtected: '[]' }), 'ENVELOPE_INVALID'],
    ['101 a protected header that is text', () => jws({ rawProtected: '"x"' }), 'ENVELOPE_INVALID'],
    ['102 text after the protected header', () => jws({ rawProtected: `${protectedText('ES256')}x` }), 'ENVELOPE_INVALID'],
    [
      'A-S-09 a lone surrogate in the protected header',
      () => jws({ rawProtected: protectedText('ES256', ',"x":"\\ud800"') }),
      'ENVELOPE_INVALID',
    ],
    ['104 a payload that is a list', () => jws({ payload: '[]' }), 'SIGNATURE_INVALID'],
    ['104 a payload that is text', () => jws({ payload: '"x"' }), 'SIGNATURE_INVALID'],
    ['104 a payload that is a number', () => jws({ payload: '1' }), 'SIGNATURE_INVALID'],
    ['an empty payload', () => jws({ payload: '' }), 'ENVELOPE_INVALID'],
    ['a payload that begins like an object', () => jws({ payload: '{"a":' }), 'SIGNATURE_INVALID'],
    ['106 A-S-08 no crit', () => jws({ crit: undefined }), 'ENVELOPE_INVALID'],
    ['106 crit null', () => jws({ crit: null }), 'ENVELOPE_INVALID'],
    ['106 crit empty', () => jws({ crit: [] }), 'ENVELOPE_INVALID'],
    ['crit a text', () => jws({ crit: SCHEME }), 'ENVELOPE_INVALID'],
    ['crit with a number', () => jws({ crit: [SCHEME, 1] }), 'ENVELOPE_INVALID'],
    ['108 an expiry that is not critical', () => jws({ expiry: new Date('2026-01-01'), crit: [SCHEME] }), 'ENVELOPE_INVALID'],
    ['109 authenticSigningTime that is not critical', () => jws({ scheme: SIGNING_AUTHORITY, crit: [SCHEME] }), 'ENVELOPE_INVALID'],
    ['110 crit names an absent expiry', () => jws({ crit: [SCHEME, EXPIRY] }), 'ENVELOPE_INVALID'],
    ['112 A-S-08 crit names the scheme twice', () => jws({ crit: [SCHEME, SCHEME] }), 'ENVELOPE_INVALID'],
    ['113 A-S-08 crit names an absent attribute', () => jws({ crit: [SCHEME, 'foo'] }), 'ENVELOPE_INVALID'],
    ['crit names alg', () => jws({ crit: [SCHEME, 'alg'] }), 'ENVELOPE_INVALID'],
    ['crit names signingTime', () => jws({ crit: [SCHEME, TIME] }), 'ENVELOPE_INVALID'],
    ['116 A-S-07 b64 false, critical', () => header({ b64: false }, { crit: [SCHEME, 'b64'] }), 'ENVELOPE_INVALID'],
    ['116 b64 false', () => header({ b64: false }), 'ENVELOPE_INVALID'],
    ['117 A-S-40 no scheme', () => header({ [SCHEME]: undefined }), 'ENVELOPE_INVALID'],
    ['117 an empty scheme', () => header({ [SCHEME]: '' }), 'ENVELOPE_INVALID'],
    ['117 a scheme with a space', () => header({ [SCHEME]: 'notary.x509 ' }), 'ENVELOPE_INVALID'],
    ['117 A-S-40 a scheme in upper case', () => header({ [SCHEME]: 'NOTARY.X509' }), 'ENVELOPE_INVALID'],
    ['118 notary.x509 with authenticSigningTime', () => header({ [AUTHENTIC]: '2025-01-01T00:00:00Z' }), 'ENVELOPE_INVALID'],
    ['120 signingAuthority without its time', () => header({ [AUTHENTIC]: undefined }, { scheme: SIGNING_AUTHORITY }), 'ENVELOPE_INVALID'],
    [
      'signingAuthority with signingTime',
      () => header({ [TIME]: '2025-01-01T00:00:00Z' }, { scheme: SIGNING_AUTHORITY }),
      'ENVELOPE_INVALID',
    ],
    ['121 no signingTime', () => header({ [TIME]: undefined }), 'ENVELOPE_INVALID'],
    ['121 signingTime null', () => header({ [TIME]: null }), 'ENVELOPE_INVALID'],
    ["122 Go's zero time", () => header({ [TIME]: '0001-01-01T00:00:00Z' }), 'ENVELOPE_INVALID'],
    ["122 Go's zero time in another zone", () => header({ [TIME]: '0001-01-01T08:00:00+08:00' }), 'ENVELOPE_INVALID'],
    ['124 D31 a one-digit hour', () => header({ [TIME]: '2025-01-01T7:01:20Z' }), 'ENVELOPE_INVALID'],
    ['124 D31 a comma before the fraction', () => header({ [TIME]: '2025-01-01T07:01:20,5Z' }), 'ENVELOPE_INVALID'],
    ['124 D31 an offset of 24:00', () => header({ [TIME]: '2025-01-01T07:01:20+24:00' }), 'ENVELOPE_INVALID'],
    ['a time with a JSON escape', () => jws({ rawProtected: protectedText('ES256').replace('2025-', '2025\\u002d') }), 'ENVELOPE_INVALID'],
    ['126 a time as seconds', () => header({ [TIME]: 1735689600 }), 'ENVELOPE_INVALID'],
    ['A-S-28 an expiry at the signing time', () => jws({ expiry: new Date('2025-01-01T00:00:00Z') }), 'ENVELOPE_INVALID'],
    ['A-S-28 an expiry that is no date', () => header({ [EXPIRY]: 'never' }), 'ENVELOPE_INVALID'],
    ['128 A-S-13 another content type', () => jws({ contentType: 'application/vnd.cncf.notary.payload.v2+json' }), 'ENVELOPE_INVALID'],
    ['128 no content type', () => header({ cty: undefined }), 'ENVELOPE_INVALID'],
    ['128 a content type with a parameter', () => jws({ contentType: `${PAYLOAD_TYPE}; charset=utf-8` }), 'ENVELOPE_INVALID'],
    ['129 a number as signing agent', () => jws({ header: { 'io.cncf.notary.signingAgent': 1 } }), 'ENVELOPE_INVALID'],
    ['129 a number as signing agent in another case', () => jws({ header: { 'io.cncf.notary.SigningAgent': 1 } }), 'ENVELOPE_INVALID'],
    ['a timestamp that is not base64', () => jws({ header: { 'io.cncf.notary.timestampSignature': '*' } }), 'ENVELOPE_INVALID'],
    ['50 COSE bytes', () => signCose({ signer: leaf }), 'ENVELOPE_INVALID'],
  ])('is refused for integrity with %s', async (_case, envelope, code) => {
    expect(await judge(envelope(), { mediaType: 'application/jose+json' })).toBe(`integrity ${code}`);
  });

  it.each<[string, () => Uint8Array, string]>([
    [
      '82 another certificate of the same key, self-made',
      () => jws({ chain: pki.selfSigned({ privateKey: leaf.privateKey }).chain }),
      'authenticity SIGNER_UNTRUSTED',
    ],
    [
      '114 D1 A-S-08 a critical attribute that nobody knows',
      () => header({ foo: 1 }, { crit: [SCHEME, 'foo'] }),
      'payload CRITICAL_ATTRIBUTE_UNKNOWN',
    ],
    [
      '105 garbage after the signed payload',
      () => jws({ payload: `${JSON.stringify({ targetArtifact: SUBJECT })}x` }),
      'payload PAYLOAD_INVALID',
    ],
  ])('is refused after integrity with %s', async (_case, envelope, expected) => {
    expect(await judge(envelope())).toBe(expected);
  });

  it.each([['application/vnd.oci.image.layer.v1.tar'], ['Application/JOSE+JSON'], ['application/jose+json; charset=utf-8'], [''], [COSE]])(
    '49, 50, 52 is refused as %j',
    async (mediaType) => {
      expect(await judge(jws(), { mediaType })).toBe('integrity ENVELOPE_INVALID');
    },
  );
});
