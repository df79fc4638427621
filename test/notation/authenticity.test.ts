import { describe, expect, it } from '@jest/globals';
import { NotationError } from '../../src/notation/errors.ts';
import { createTrustStore } from '../../src/notation/trust-store.ts';
import type { TrustStoreType } from '../../src/notation/types.ts';
import { type Issued, pki } from '../pki.ts';
import { SIGNING_AUTHORITY, signJws } from '../sign.ts';
import { intermediate, judge, leaf, root, stranger, verdict, verify } from './world.ts';

const envelope = signJws({ signer: leaf });
const authority = signJws({ signer: leaf, scheme: SIGNING_AUTHORITY });
const UNTRUSTED = 'authenticity SIGNER_UNTRUSTED';
const BROKEN = 'authenticity TRUST_STORE_INVALID';
const CA = ['ca:acme'];
const reissued: Issued = pki.root({ privateKey: root.privateKey });
const selfSigned = pki.selfSigned();
const garbage = Uint8Array.of(1, 2, 3);
type Anchors = Readonly<Record<string, readonly Uint8Array[]>>;

describe('authenticity', () => {
  it.each<[string, Uint8Array, Anchors, readonly string[], string]>([
    ['233 the root', envelope, { 'ca:acme': [root.cert] }, CA, 'PASS'],
    ['233 the intermediate alone', envelope, { 'ca:acme': [intermediate.cert] }, CA, 'PASS'],
    ['233 a self-signed leaf alone', signJws({ signer: selfSigned }), { 'ca:acme': [selfSigned.cert] }, CA, 'PASS'],
    [
      '249 two stores, the second of which has it',
      envelope,
      { 'ca:a': stranger.chain.slice(1), 'ca:b': [root.cert] },
      ['ca:a', 'ca:b'],
      'PASS',
    ],
    ['a store named twice', envelope, { 'ca:acme': [root.cert] }, ['ca:acme', 'ca:acme'], 'PASS'],
    ['signingAuthority in a store of its type', authority, { 'signingAuthority:acme': [root.cert] }, ['signingAuthority:acme'], 'PASS'],
    [
      '248 a broken store of another type',
      envelope,
      { 'ca:acme': [root.cert], 'signingAuthority:x': [garbage] },
      ['ca:acme', 'signingAuthority:x'],
      'PASS',
    ],
    ['a broken store that is not named', envelope, { 'ca:acme': [root.cert], 'ca:x': [garbage] }, CA, 'PASS'],
    ['another root', envelope, { 'ca:acme': stranger.chain.slice(1) }, CA, UNTRUSTED],
    ['234 A-S-21 the root issued again with the same key', envelope, { 'ca:acme': [reissued.cert] }, CA, UNTRUSTED],
    [
      '236 the root in a signingAuthority store only',
      envelope,
      { 'signingAuthority:acme': [root.cert] },
      ['signingAuthority:acme'],
      UNTRUSTED,
    ],
    ['237, 238 signingAuthority and the root in a ca store only', authority, { 'ca:acme': [root.cert] }, CA, UNTRUSTED],
    ['260 tsa stores alone', envelope, { 'tsa:acme': [root.cert] }, ['tsa:acme'], UNTRUSTED],
    ['240 an empty store', envelope, { 'ca:acme': [] }, CA, BROKEN],
    ['a store that is not there', envelope, {}, CA, BROKEN],
    ['241 garbage beside the root', envelope, { 'ca:acme': [root.cert, garbage] }, CA, BROKEN],
    ['a byte after the root', envelope, { 'ca:acme': [Uint8Array.of(...root.cert, 0)] }, CA, BROKEN],
    ['242 a leaf that was issued beside the root', envelope, { 'ca:acme': [root.cert, leaf.cert] }, CA, BROKEN],
    ['249 two stores, the first of which is missing', envelope, { 'ca:b': [root.cert] }, ['ca:a', 'ca:b'], BROKEN],
    ['two stores, the second of which is broken', envelope, { 'ca:a': [root.cert], 'ca:b': [garbage] }, ['ca:a', 'ca:b'], BROKEN],
  ])('with %s is found out', async (_case, signed, anchors, stores, expected) => {
    expect(await judge(signed, { anchors, stores })).toBe(expected);
  });

  it('is misconfigured, not refused, where a store is broken', async () => {
    const { error } = await verify(envelope, { anchors: {}, stores: CA });
    expect(error?.outcome).toBe('misconfigured');
  });

  it('250 only logs at level audit', async () => {
    const outcome = await verify(envelope, { level: 'audit', anchors: { 'ca:acme': stranger.chain.slice(1) }, stores: CA });
    expect(verdict(outcome)).toBe('PASS');
    expect(outcome.validations.find(({ type }) => type === 'authenticity')).toMatchObject({
      action: 'log',
      error: { code: 'SIGNER_UNTRUSTED' },
    });
  });

  it('says which certificate it looked for', async () => {
    const { error } = await verify(envelope, { anchors: { 'ca:acme': stranger.chain.slice(1) }, stores: CA });
    expect(error?.message).toContain("the signature's certificate chain does not contain any trusted certificate");
  });

  it('lets a defect of the trust store through', async () => {
    const trustStore = {
      getCertificates: () => {
        throw new TypeError('a defect');
      },
    };
    await expect(verify(envelope, { trustStore })).rejects.toThrow('a defect');
  });
});

describe('createTrustStore', () => {
  const problemOf = async (key: `${TrustStoreType}:${string}`, certificates: readonly Uint8Array[]): Promise<string> => {
    const store = await createTrustStore(new Map([[key, certificates]]));
    try {
      return `${store.getCertificates(typeOf(key), key.slice(key.indexOf(':') + 1)).size} certificates`;
    } catch (error) {
      return error instanceof NotationError ? error.message : 'thrown';
    }
  };

  it.each<[string, `${TrustStoreType}:${string}`, readonly Uint8Array[], string]>([
    ['6.1 roots and intermediates', 'ca:x', [root.cert, intermediate.cert], '2 certificates'],
    ['6.1 one certificate twice', 'ca:x', [root.cert, root.cert], '1 certificates'],
    ['6.1 a certificate that has expired', 'ca:x', [pki.root({ notAfter: new Date('2024-02-01T00:00:00Z') }).cert], '1 certificates'],
    ['6.1 a root in a tsa store', 'tsa:x', [root.cert], '1 certificates'],
    ['341 an intermediate in a tsa store', 'tsa:x', [intermediate.cert], 'is not a root CA certificate'],
    ['341 a self-signed leaf in a tsa store', 'tsa:x', [selfSigned.cert], 'is not a root CA certificate'],
    ['242 a leaf that was issued', 'ca:x', [leaf.cert], 'is not a CA certificate or self-signed signing certificate'],
    ['nothing', 'ca:x', [], 'no x509 certificates were found in trust store "x" of type "ca"'],
    ['no bytes', 'ca:x', [new Uint8Array()], 'failed to read the trusted certificates in trust store "x" of type "ca"'],
  ])('reads %s', async (_case, key, certificates, expected) => {
    expect(await problemOf(key, certificates)).toContain(expected);
  });

  it('says that a store does not exist', async () => {
    const store = await createTrustStore(new Map());
    expect(() => store.getCertificates('ca', 'x')).toThrow('the trust store "x" of type "ca" does not exist');
  });
});

function typeOf(key: string): TrustStoreType {
  return key.startsWith('tsa:') ? 'tsa' : 'ca';
}
