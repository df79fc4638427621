import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SimpleSigningError } from '../../src/simplesigning/errors.ts';
import { loadPublicKey, pkixKeyId, textOfBase64 } from '../../src/simplesigning/keys.ts';
import * as der from '../der-writer.ts';
import { pki, toPem } from '../pki.ts';
import { type KeyName, Signers } from './openssl.ts';
import { payloadBytes, SIGNAL } from './world.ts';

const signers = new Signers();
const fixture = (name: string) => readFileSync(join(import.meta.dirname, `../fixtures/keys/${name}.pem`), 'utf8');
const publicHalf = (pem: string) => createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();
const pemOf = (spki: Uint8Array) => toPem(spki).replaceAll('CERTIFICATE', 'PUBLIC KEY');
const spkiOf = (name: KeyName) => createPublicKey(signers.publicKey(name)).export({ type: 'spki', format: 'der' });
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
const bent = (spki: Uint8Array) => Uint8Array.from(spki, (octet, at) => (at === spki.length - 1 ? octet ^ 1 : octet));
const rsa = (modulus: bigint, exponent: bigint) => {
  const algorithm = der.sequence(der.oid('1.2.840.113549.1.1.1'), Uint8Array.of(5, 0));
  return pemOf(der.sequence(algorithm, der.bitString(der.sequence(der.integer(modulus), der.integer(exponent)))));
};
const MODULUS = (1n << 2047n) + 1n;

describe('a public key', () => {
  it.each<[KeyName, string]>([
    ['rsa2048', 'RSA 2048'],
    ['rsa3072', 'RSA 3072'],
    ['rsa4096', 'RSA 4096'],
    ['p256', 'EC P-256'],
    ['p384', 'EC P-384'],
    ['p521', 'EC P-521'],
    ['p256k', 'EC P-256K'],
    ['ed25519', 'Ed25519'],
  ])('%s is loaded as %s', (name, form) => {
    const key = loadPublicKey(signers.publicKey(name), 'key-1');
    expect([key.id, key.form]).toEqual(['key-1', form]);
    expect(Buffer.from(key.spki).equals(spkiOf(name))).toBe(true);
  });

  it('is loaded with lines folded into one, and with CR LF', () => {
    const pem = signers.publicKey('p256');
    expect(loadPublicKey(pem.replaceAll('\n', ' ')).form).toBe('EC P-256');
    expect(loadPublicKey(`\r\n${pem.replaceAll('\n', '\r\n')}\r\n`).form).toBe('EC P-256');
  });

  it.each<[string, () => string, string]>([
    ['RSA of 1024 bits', () => publicHalf(fixture('rsa-1024')), 'got RSA 1024'],
    ['RSA of 2047 bits', () => publicHalf(fixture('rsa-2047')), 'got RSA 2047'],
    ['RSA of 2056 bits', () => publicHalf(fixture('rsa-2056')), 'got RSA 2056'],
    ['RSA of 16392 bits', () => rsa((1n << 16391n) + 1n, 65537n), 'at most 16384 bits'],
    ['RSA with exponent 1', () => rsa(MODULUS, 1n), 'exponent'],
    ['RSA with an even exponent', () => rsa(MODULUS, 65536n), 'exponent'],
    ['RSA with an exponent of 33 bits', () => rsa(MODULUS, (1n << 32n) + 1n), 'exponent'],
    ['RSA with an even modulus', () => rsa(1n << 2047n, 65537n), 'modulus that is even'],
    ['RSA for PSS alone', () => publicHalf(fixture('rsa-pss')), 'got RSA-PSS'],
    ['P-224', () => ec('secp224r1'), 'got EC P-224'],
    ['brainpool', () => ec('brainpoolP256r1'), 'unsupported elliptic curve'],
    ['SM2', () => ec('SM2'), 'unsupported elliptic curve'],
    ['P-256 off its curve', () => pemOf(bent(spkiOf('p256'))), 'unusable public key'],
    ['P-256K off its curve', () => pemOf(bent(spkiOf('p256k'))), 'unusable public key'],
    ['Ed448', () => generateKeyPairSync('ed448').publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'got Ed448'],
    ['X25519', () => generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'got X25519'],
    ['a private key', () => signers.privateKey('p256'), 'a private key where a public key belongs'],
    [
      'a private key after a public one',
      () => signers.publicKey('p256') + signers.privateKey('p256'),
      'a private key where a public key belongs',
    ],
    ['a certificate', () => pki.root().pem, 'expected BEGIN PUBLIC KEY, got BEGIN CERTIFICATE'],
    [
      'RSA as PKCS #1 writes it',
      () => createPublicKey(fixture('rsa-2048')).export({ type: 'pkcs1', format: 'pem' }).toString(),
      'got BEGIN RSA PUBLIC KEY',
    ],
    ['two keys', () => signers.publicKey('p256').repeat(2), 'expected one public key'],
    ['text before it', () => `key:\n${signers.publicKey('p256')}`, 'expected one public key'],
    ['nothing', () => '', 'no public key found'],
    ['base64 of its PEM', () => Buffer.from(signers.publicKey('p256')).toString('base64'), 'no public key found'],
    ['no base64', () => '-----BEGIN PUBLIC KEY-----\n****\n-----END PUBLIC KEY-----\n', 'public key is not base64'],
    ['no DER', () => pemOf(Buffer.from('hello')), 'unusable public key'],
    ['DER with more after it', () => pemOf(Buffer.concat([spkiOf('p256'), Buffer.of(0)])), 'unusable public key'],
    ['a text without end', () => `-----BEGIN PUBLIC KEY-----${'A'.repeat(65_536)}`, 'at most 65536 characters'],
  ])('is refused: %s', (_, pem, message) => {
    const text = pem();
    const problem = (() => {
      try {
        return loadPublicKey(text);
      } catch (error) {
        return error;
      }
    })();
    expect(problem).toBeInstanceOf(SimpleSigningError);
    expect(problem).toMatchObject({ code: 'KEY_INVALID', outcome: 'misconfigured', message: expect.stringContaining(message) });
  });

  it('is never anything but loaded or refused, whatever its text', () => {
    const seed = spkiOf('p256k');
    const changed = fc
      .tuple(fc.nat(seed.length - 1), fc.nat(255))
      .map(([at, octet]) => pemOf(Uint8Array.from(seed, (o, i) => (i === at ? octet : o))));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array().map(pemOf), changed), (text) => {
        try {
          expect(loadPublicKey(text).form).toBeDefined();
        } catch (error) {
          expect(error).toBeInstanceOf(SimpleSigningError);
        }
      }),
    );
  });

  it('verifies nothing once the signal is aborted', () => {
    const key = loadPublicKey(signers.publicKey('p256'));
    expect(() => key.verify(payloadBytes(), new Uint8Array(), 'ecdsa-p256-sha256', AbortSignal.abort())).toThrow();
    expect(SIGNAL.aborted).toBe(false);
  });
});

describe('the id of a key', () => {
  it('is the one of RFC 6920 where none is given', () => {
    const hash = createHash('sha256')
      .update(spkiOf('rsa2048'))
      .digest('base64')
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', '');
    expect(loadPublicKey(signers.publicKey('rsa2048')).id).toBe(`ni:///sha-256;${hash}`);
    expect(loadPublicKey(signers.publicKey('rsa2048'), '').id).toBe(pkixKeyId(spkiOf('rsa2048')));
  });

  it('is unpadded base64url', () => {
    expect(pkixKeyId(new Uint8Array())).toBe('ni:///sha-256;47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU');
  });
});

describe('a text in base64', () => {
  it('is read, folded or not', () => {
    const pem = signers.publicKey('rsa2048');
    const base64 = Buffer.from(pem).toString('base64');
    expect(base64.startsWith('LS0tLS1CRUdJTiBQ')).toBe(true);
    expect(textOfBase64(base64)).toBe(pem);
    expect(textOfBase64(`${base64.replace(/.{76}/g, '$&\n  ')}\n`)).toBe(pem);
  });

  it.each([
    ['PEM itself', 'PUBLIC KEY-----'],
    ['masked, as in the document', 'LS0tLS1CRUdJTiBQ***'],
    ['base64url', '-_-_'],
    ['without its padding', 'QQ'],
    ['nothing', ' \n'],
    ['base64 of DER', Buffer.from(spkiOf('p256')).toString('base64')],
    ['too much', 'A'.repeat(1024 * 1024 + 1)],
  ])('is refused: %s', (_, text) => {
    expect(() => textOfBase64(text)).toThrow(SimpleSigningError);
  });
});
