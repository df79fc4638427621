import { describe, expect, it } from '@jest/globals';
import { over, token } from '../notation/timestamp-world.ts';
import { signCose, signJws } from '../sign.ts';
import { create, leaf, root, type Statement, signature, verdict, verify } from './notation-world.ts';

const expired = root.leaf(over);
const stores = (...tsa: readonly string[]) => ({ verificationCertStores: { ca: { acme: ['roots'] }, tsa: { clock: tsa } } });
const TSA: Statement = { stores: ['ca:acme', 'tsa:clock'] };
const stamped = (signer = leaf) => signJws({ signer, timestampSignature: token() });

describe('the notation verifier, where a statement names a tsa store', () => {
  it.each<[string, Uint8Array, string]>([
    ['JWS', signJws({ signer: expired, timestampSignature: token({ policy: '0.4.0.2023.1.1' }) }), 'application/jose+json'],
    ['COSE', signCose({ signer: expired, timestampSignature: token({ policy: '0.4.0.2023.1.1' }) }), 'application/cose'],
  ])(
    'accepts a good %s signature whose certificate has expired, and says when it was stamped and by whom',
    async (_, envelope, mediaType) => {
      const report = await verify(await create(stores('clock'), TSA), signature({ envelope, mediaType }));
      expect(verdict(report)).toBe('accepted VERIFIED');
      expect(report.detail).toMatchObject({
        subject: 'CN=leaf,O=Notary,L=Seattle,ST=WA,C=US',
        timestamp: { time: '2025-03-01T12:00:00.000Z', accuracySeconds: 1, authority: 'CN=TSA' },
      });
      expect(report.validUntil).toBeUndefined();
    },
  );

  it.each<[string, Uint8Array, Readonly<Record<string, unknown>>, Statement, string]>([
    [
      'afterCertExpiry, the certificate valid',
      stamped(),
      stores('clock'),
      { ...TSA, verifyTimestamp: 'afterCertExpiry' },
      'accepted VERIFIED',
    ],
    [
      'afterCertExpiry, the certificate valid, the store broken',
      stamped(),
      stores('gone'),
      { ...TSA, verifyTimestamp: 'afterCertExpiry' },
      'accepted VERIFIED',
    ],
    ['two providers in its store', stamped(), stores('clock', 'stranger'), TSA, 'accepted VERIFIED'],
    ['no timestamp', signJws({ signer: leaf }), stores('clock'), TSA, 'refused TIMESTAMP_MISSING'],
    [
      'a timestamp that is none',
      signJws({ signer: leaf, timestampSignature: Uint8Array.of(1) }),
      stores('clock'),
      TSA,
      'refused TIMESTAMP_INVALID',
    ],
    ['the root of somebody else', stamped(), stores('stranger'), TSA, 'refused TIMESTAMP_INVALID'],
    [
      "the authority's root in the ca store alone",
      stamped(),
      { verificationCertStores: { ca: { acme: ['roots', 'clock'] }, tsa: { clock: ['roots'] } } },
      TSA,
      'refused TIMESTAMP_INVALID',
    ],
    ['a chain instead of the root', stamped(), stores('clockAuthority'), TSA, 'misconfigured TRUST_STORE_INVALID'],
    ['a key provider that is not there', stamped(), stores('gone'), TSA, 'misconfigured KEY_PROVIDER_MISSING'],
    [
      'a key provider that is not there, at level audit',
      stamped(),
      stores('gone'),
      { ...TSA, level: 'audit' },
      'misconfigured KEY_PROVIDER_MISSING',
    ],
    ['a store without key providers', stamped(), stores(), TSA, 'misconfigured TRUST_STORE_INVALID'],
    ['a key provider without certificates', stamped(), stores('none'), TSA, 'misconfigured TRUST_STORE_INVALID'],
    ['no such store', stamped(), { verificationCertStores: { ca: { acme: ['roots'] } } }, TSA, 'misconfigured TRUST_STORE_INVALID'],
    [
      'the older spelling, whose stores are of type ca',
      stamped(),
      { verificationCertStores: { acme: ['roots'], clock: ['clock'] } },
      TSA,
      'misconfigured TRUST_STORE_INVALID',
    ],
    [
      'a bad timestamp at level permissive',
      signJws({ signer: leaf }),
      stores('clock'),
      { ...TSA, level: 'permissive' },
      'accepted VERIFIED',
    ],
  ])('answers with %s', async (_, envelope, parameters, policy, expected) => {
    expect(verdict(await verify(await create(parameters, policy), signature({ envelope })))).toBe(expected);
  });

  it('says of a timestamp that was not demanded nothing, and of a bad one what is wrong', async () => {
    const after = await create(stores('clock'), { ...TSA, verifyTimestamp: 'afterCertExpiry' });
    expect((await verify(after, signature({ envelope: stamped() }))).detail).not.toHaveProperty('timestamp');
    const permissive = await create(stores('clock'), { ...TSA, level: 'permissive' });
    const { detail, reason } = await verify(permissive, signature({ envelope: signJws({ signer: leaf }) }));
    expect(detail).not.toHaveProperty('timestamp');
    expect(detail?.warnings).toEqual(['authenticTimestamp: no timestamp countersignature was found in the signature envelope']);
    expect(reason.message).toContain('not enforced: authenticTimestamp: no timestamp countersignature');
  });
});
