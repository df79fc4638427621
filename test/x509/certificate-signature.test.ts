import { describe, expect, it } from '@jest/globals';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { isSignatureBy } from '../../src/x509/certificate-signature.ts';
import { readDer } from '../../src/x509/der.ts';
import { type KeyKind, pki, type SignatureAlgorithm, signatureAlgorithm } from '../pki.ts';
import { turnsDuring } from '../turns.ts';

const MIB = 1024 * 1024;
const text = Buffer.alloc(8 * MIB, 'a long list of revoked certificates');

describe('the signature of a text of many mebibytes', () => {
  it.each<[KeyKind, SignatureAlgorithm]>([
    ['RSA-2048', 'sha256'],
    ['RSA-2048', 'pss-sha384'],
    ['EC-256', 'sha256'],
    ['EC-521', 'sha512'],
    ['Ed25519', 'auto'],
  ])('by %s with %s is checked, and refused where a bit of either differs', async (key, wanted) => {
    const root = pki.root({ key });
    const signer = parseCertificate(root.cert);
    const { identifier, sign } = signatureAlgorithm(wanted, key);
    const signed = { data: text, algorithm: readDer(identifier), signature: sign(text, root.privateKey) };
    expect(await isSignatureBy(signer, signed)).toBe(true);
    const bent = Buffer.from(text);
    bent[bent.length - 1] = 0;
    expect(await isSignatureBy(signer, { ...signed, data: bent })).toBe(false);
    const cut = signed.signature.subarray(1);
    expect(await isSignatureBy(signer, { ...signed, signature: cut })).toBe(false);
    expect(await isSignatureBy(parseCertificate(pki.root({ key: 'EC-384' }).cert), signed)).toBe(false);
  });

  it('is hashed in slices of half a mebibyte, between which the event loop runs', async () => {
    const root = pki.root();
    const { identifier, sign } = signatureAlgorithm('sha256', 'EC-256');
    const signed = { data: text, algorithm: readDer(identifier), signature: sign(text, root.privateKey) };
    expect(await turnsDuring(isSignatureBy(parseCertificate(root.cert), signed))).toBeGreaterThanOrEqual(16);
  });
});
