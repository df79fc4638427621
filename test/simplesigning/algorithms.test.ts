import { createPrivateKey, sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { findAlgorithm, labelsOf, messageDigest } from '../../src/simplesigning/algorithms.ts';
import { loadPublicKey } from '../../src/simplesigning/keys.ts';
import { signatureProblem } from '../../src/simplesigning/verify.ts';
import { type KeyName, type Method, Signers } from './openssl.ts';
import { payloadBytes, SIGNAL } from './world.ts';

const signers = new Signers();
const BYTES = payloadBytes();
type Row = readonly [key: KeyName, label: string, method: Method, signer?: KeyName];

async function judge(key: KeyName, label: string, signature: Uint8Array): Promise<string> {
  const local = loadPublicKey(signers.publicKey(key), 'the key');
  const problem = await signatureProblem(local, { bytes: BYTES, signature, algorithm: label }, SIGNAL);
  expect(await local.verify(BYTES, signature, label, SIGNAL)).toBe(problem === undefined);
  return problem?.reason.code ?? 'ok';
}

const GOOD: readonly Row[] = [
  ['rsa2048', 'rsa-pss-2048-sha256', 'pss-sha256-32'],
  ['rsa2048', 'rsa-pss-2048-sha256', 'pss-sha256-0'],
  ['rsa2048', 'rsa-pss-2048-sha256', 'pss-sha256-max'],
  ['rsa2048', 'RSA-PSS-2048-SHA256', 'pss-sha256-32'],
  ['rsa3072', 'rsa-pss-3072-sha256', 'pss-sha256-32'],
  ['rsa4096', 'rsa-pss-4096-sha256', 'pss-sha256-32'],
  ['rsa4096', 'rsa-pss-4096s-ha256', 'pss-sha256-32'],
  ['rsa4096', 'rsa-pss-4096-sha512', 'pss-sha512-64'],
  ['rsa2048', 'rsa-sign-pkcs1-2048-sha256', 'pkcs1-sha256'],
  ['rsa3072', 'rsa-sign-pkcs1-3072-sha256', 'pkcs1-sha256'],
  ['rsa4096', 'rsa-sign-pkcs1-4096-sha256', 'pkcs1-sha256'],
  ['rsa4096', 'rsa-sign-pkcs1-4096-sha512', 'pkcs1-sha512'],
  ['p256', 'ecdsa-p256-sha256', 'ecdsa-sha256'],
  ['p384', 'ecdsa-p384-sha384', 'ecdsa-sha384'],
  ['p521', 'ecdsa-p521-sha512', 'ecdsa-sha512'],
  ['rsa2048', 'RSA_PSS_SHA_256', 'pss-sha256-32'],
  ['rsa3072', 'RSA_PSS_SHA_256', 'pss-sha256-32'],
  ['rsa4096', 'RSA_PSS_SHA_256', 'pss-sha256-32'],
  ['rsa2048', 'RSA_PKCS1_SHA_256', 'pkcs1-sha256'],
  ['rsa3072', 'RSA_PKCS1_SHA_256', 'pkcs1-sha256'],
  ['p256', 'ECDSA_SHA_256', 'ecdsa-sha256'],
  ['p256k', 'ECDSA_SHA_256', 'ecdsa-sha256'],
  ['rsa2048', 'SHA_224_RSA_PKCS_PSS', 'pss-sha224-28'],
  ['rsa3072', 'SHA_256_RSA_PKCS_PSS', 'pss-sha256-32'],
  ['rsa4096', 'SHA_384_RSA_PKCS_PSS', 'pss-sha384-48'],
  ['rsa4096', 'SHA_512_RSA_PKCS_PSS', 'pss-sha512-64'],
  ['ed25519', 'ed25519', 'ed25519'],
];

/** The signature was made otherwise than the label says, or the key is none that the label takes. */
const MISMATCHED: readonly Row[] = [
  ['rsa2048', 'RSA_PKCS1_SHA_256', 'pss-sha256-32'],
  ['rsa2048', 'RSA_PSS_SHA_256', 'pkcs1-sha256'],
  ['rsa3072', 'RSA_PKCS1_SHA_256', 'pss-sha256-20'],
  ['rsa2048', 'rsa-pss-2048-sha256', 'pkcs1-sha256'],
  ['rsa3072', 'rsa-pss-3072-sha256', 'pkcs1-sha256'],
  ['rsa4096', 'rsa-pss-4096-sha256', 'pkcs1-sha256'],
  ['rsa4096', 'rsa-pss-4096s-ha256', 'pkcs1-sha256'],
  ['rsa4096', 'rsa-pss-4096-sha512', 'pkcs1-sha512'],
  ['rsa2048', 'rsa-sign-pkcs1-2048-sha256', 'pss-sha256-32'],
  ['rsa3072', 'rsa-sign-pkcs1-3072-sha256', 'pss-sha256-32'],
  ['rsa4096', 'rsa-sign-pkcs1-4096-sha256', 'pss-sha256-32'],
  ['rsa4096', 'rsa-sign-pkcs1-4096-sha512', 'pss-sha512-64'],
  ['rsa2048', 'SHA_224_RSA_PKCS_PSS', 'pkcs1-sha224'],
  ['rsa4096', 'SHA_512_RSA_PKCS_PSS', 'pkcs1-sha512'],
  ['rsa2048', 'RSA_PSS_SHA_256', 'pss-sha256-0'],
  ['rsa2048', 'RSA_PSS_SHA_256', 'pss-sha256-20'],
  ['rsa2048', 'RSA_PSS_SHA_256', 'pss-sha256-31'],
  ['rsa2048', 'RSA_PSS_SHA_256', 'pss-sha256-max'],
  ['rsa4096', 'SHA_512_RSA_PKCS_PSS', 'pss-sha512-32'],
  ['rsa3072', 'rsa-pss-2048-sha256', 'pss-sha256-32'],
  ['rsa2048', 'rsa-pss-3072-sha256', 'pss-sha256-32'],
  ['rsa2048', 'rsa-pss-4096-sha256', 'pss-sha256-32'],
  ['rsa4096', 'rsa-sign-pkcs1-2048-sha256', 'pkcs1-sha256'],
  ['rsa2048', 'rsa-sign-pkcs1-4096-sha512', 'pkcs1-sha512'],
  ['p384', 'ecdsa-p256-sha256', 'ecdsa-sha256'],
  ['p256k', 'ecdsa-p256-sha256', 'ecdsa-sha256'],
  ['p256', 'ecdsa-p384-sha384', 'ecdsa-sha384'],
  ['p384', 'ECDSA_SHA_256', 'ecdsa-sha256'],
  ['p521', 'ECDSA_SHA_256', 'ecdsa-sha256'],
  ['p256', 'rsa-pss-2048-sha256', 'ecdsa-sha256'],
  ['p256', 'RSA_PKCS1_SHA_256', 'ecdsa-sha256'],
  ['p256', 'SHA_256_RSA_PKCS_PSS', 'ecdsa-sha256'],
  ['rsa2048', 'ecdsa-p256-sha256', 'pkcs1-sha256'],
  ['rsa2048', 'ed25519', 'pkcs1-sha256'],
  ['ed25519', 'ecdsa-p256-sha256', 'ed25519'],
  ['ed25519', 'RSA_PSS_SHA_256', 'ed25519'],
];

/** Nothing that the message could explain. */
const BAD: readonly Row[] = [
  ['rsa2048', 'rsa-pss-2048-sha256', 'pss-sha256-32', 'other2048'],
  ['rsa2048', 'RSA_PKCS1_SHA_256', 'pkcs1-sha256', 'other2048'],
  ['rsa2048', 'SHA_256_RSA_PKCS_PSS', 'pss-sha256-32', 'rsa3072'],
  ['p256', 'ecdsa-p256-sha256', 'ecdsa-sha256', 'otherP256'],
  ['p256', 'ECDSA_SHA_256', 'ecdsa-sha256', 'p256k'],
  ['rsa2048', 'rsa-pss-2048-sha256', 'pss-sha512-64'],
  ['rsa2048', 'RSA_PSS_SHA_256', 'pss-sha384-32'],
  ['rsa2048', 'RSA_PKCS1_SHA_256', 'pkcs1-sha1'],
  ['rsa2048', 'RSA_PKCS1_SHA_256', 'pkcs1-sha512'],
  ['rsa4096', 'rsa-sign-pkcs1-4096-sha512', 'pkcs1-sha256'],
  ['rsa4096', 'SHA_224_RSA_PKCS_PSS', 'pss-sha256-32'],
  ['p256', 'ecdsa-p256-sha256', 'ecdsa-sha384'],
  ['p384', 'ecdsa-p384-sha384', 'ecdsa-sha256'],
  ['p521', 'ecdsa-p521-sha512', 'ecdsa-sha256'],
];

describe('a signature under a label', () => {
  it.each(GOOD)('is good: %s, %s, signed as %s', async (key, label, method) => {
    expect(await judge(key, label, signers.sign(key, method, BYTES))).toBe('ok');
  });

  it.each(MISMATCHED)('A2.2 does not fit: %s, %s, signed as %s', async (key, label, method) => {
    expect(await judge(key, label, signers.sign(key, method, BYTES))).toBe('ALGORITHM_MISMATCH');
  });

  it.each(BAD)('is bad: %s, %s, signed as %s by %s', async (key, label, method, signer = key) => {
    expect(await judge(key, label, signers.sign(signer, method, BYTES))).toBe('SIGNATURE_INVALID');
  });

  it('is tried in at least 60 rows, of which most are not good', () => {
    expect(GOOD.length + MISMATCHED.length + BAD.length).toBeGreaterThanOrEqual(60);
    expect(MISMATCHED.length + BAD.length).toBeGreaterThan(GOOD.length);
  });

  it.each([
    'SM2DSA',
    'EC_SM2',
    'RSA_PKCS1_SHA_1',
    'RSA_PSS_SHA_512',
    'SHA_1_RSA_PKCS_PSS',
    'ECDSA_SHA_384',
    'HS256',
    'none',
    '',
    'rsa-pss-2048-sha256 ',
    'rsa-pss-1024-sha256',
    'rsa_pss_sha_256',
    'Ed25519',
    'rsa-sign-p\u212acs1-2048-sha256',
    '__proto__',
    'constructor',
    'x'.repeat(10_000),
  ])('A2.6 is refused cleanly under %j', async (label) => {
    const signature = signers.sign('rsa2048', 'pkcs1-sha256', BYTES);
    expect(await judge('rsa2048', label, signature)).toBe('ALGORITHM_UNSUPPORTED');
    expect(findAlgorithm(label)).toBeUndefined();
  });
});

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const integer = (value: bigint) => {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  const positive = (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.from([0, ...bytes]);
  return Buffer.from([2, positive.length, ...positive]);
};
const derOf = (r: bigint, s: bigint) => {
  const content = Buffer.concat([integer(r), integer(s)]);
  return Buffer.from([0x30, content.length, ...content]);
};
const numbers = (der: Uint8Array): [bigint, bigint] => {
  const rLength = der[3] ?? 0;
  const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  return [number(der.subarray(4, 4 + rLength)), number(der.subarray(6 + rLength))];
};
const ecdsa = () => signers.sign('p256', 'ecdsa-sha256', BYTES);
const raw = () =>
  Buffer.from(
    numbers(ecdsa())
      .map((n) => n.toString(16).padStart(64, '0'))
      .join(''),
    'hex',
  );
const flipped = (bytes: Uint8Array) => Uint8Array.from(bytes, (octet, at) => (at === bytes.length - 1 ? octet ^ 1 : octet));

describe('the bytes of a signature', () => {
  it.each<[string, () => Uint8Array]>([
    ['r and s side by side', raw],
    ['a byte after it', () => Uint8Array.of(...ecdsa(), 0)],
    ['a byte less', () => ecdsa().subarray(0, -1)],
    ['a length in the long form', () => Uint8Array.of(0x30, 0x81, ...ecdsa().subarray(1))],
    ['r = 0', () => derOf(0n, numbers(ecdsa())[1])],
    ['s = 0', () => derOf(numbers(ecdsa())[0], 0n)],
    ['r and s = 0', () => derOf(0n, 0n)],
    ['s = n', () => derOf(numbers(ecdsa())[0], ORDER)],
    ['s + n', () => derOf(numbers(ecdsa())[0], numbers(ecdsa())[1] + ORDER)],
    ['a bit changed', () => flipped(ecdsa())],
    ['nothing', () => new Uint8Array()],
    ['a megabyte', () => new Uint8Array(1024 * 1024)],
  ])('are refused for ECDSA: %s', async (_, signature) => {
    expect(await judge('p256', 'ecdsa-p256-sha256', signature())).toBe('SIGNATURE_INVALID');
  });

  it('are taken for ECDSA with n-s for s, as everywhere', async () => {
    const [r, s] = numbers(ecdsa());
    expect(await judge('p256', 'ecdsa-p256-sha256', derOf(r, ORDER - s))).toBe('ok');
  });

  it.each<[string, (good: Uint8Array) => Uint8Array]>([
    ['a byte after them', (good) => Uint8Array.of(...good, 0)],
    ['a zero before them', (good) => Uint8Array.of(0, ...good)],
    ['a byte less', (good) => good.subarray(0, -1)],
    ['a bit changed', flipped],
    ['zeros', (good) => new Uint8Array(good.length)],
    ['more than the modulus', (good) => new Uint8Array(good.length).fill(0xff)],
    ['nothing', () => new Uint8Array()],
  ])('are refused for RSA: %s', async (_, bend) => {
    for (const [label, method] of [
      ['RSA_PSS_SHA_256', 'pss-sha256-32'],
      ['RSA_PKCS1_SHA_256', 'pkcs1-sha256'],
    ] as const) {
      expect(await judge('rsa2048', label, bend(signers.sign('rsa2048', method, BYTES)))).toBe('SIGNATURE_INVALID');
    }
  });

  it('are refused for RSA without a leading zero that they have', async () => {
    const candidates = Array.from({ length: 4000 }, (_, n) => payloadBytes({ optional: { n } }));
    const key = createPrivateKey(signers.privateKey('rsa2048'));
    const bytes = candidates.find((candidate) => sign('sha256', candidate, key)[0] === 0);
    if (bytes === undefined) throw new Error('no signature with a leading zero');
    const signature = sign('sha256', bytes, key);
    const local = loadPublicKey(signers.publicKey('rsa2048'));
    expect(await local.verify(bytes, signature, 'RSA_PKCS1_SHA_256', SIGNAL)).toBe(true);
    expect(await local.verify(bytes, signature.subarray(1), 'RSA_PKCS1_SHA_256', SIGNAL)).toBe(false);
  });

  it.each([63, 65, 0])('are refused for Ed25519: %i of them', async (length) => {
    expect(await judge('ed25519', 'ed25519', new Uint8Array(length).fill(1))).toBe('SIGNATURE_INVALID');
  });
});

describe('the labels', () => {
  it('are those of each system', () => {
    expect(labelsOf('acr')).toEqual(['RSA_PSS_SHA_256', 'RSA_PKCS1_SHA_256', 'ECDSA_SHA_256']);
    expect(labelsOf('oci')).toEqual(['SHA_224_RSA_PKCS_PSS', 'SHA_256_RSA_PKCS_PSS', 'SHA_384_RSA_PKCS_PSS', 'SHA_512_RSA_PKCS_PSS']);
    expect(labelsOf('kritis')).toHaveLength(12);
  });

  it('A2.9 the digest that Alibaba KMS is asked about is the one of its documents', () => {
    const algorithm = findAlgorithm('RSA_PSS_SHA_256');
    const digest = algorithm && messageDigest(algorithm, Buffer.from('Hello world'));
    expect(Buffer.from(digest ?? []).toString('base64')).toBe('ZOyIygCyaOW6GjVnihtTFtIS9PNmskdyMlNKiuyjfzw=');
  });

  it('have no digest where the scheme hashes by itself', () => {
    const algorithm = findAlgorithm('ed25519');
    expect(algorithm && messageDigest(algorithm, BYTES)).toBeUndefined();
  });
});
