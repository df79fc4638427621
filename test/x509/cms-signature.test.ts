import { describe, expect, it } from '@jest/globals';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { readSignedData } from '../../src/x509/cms.ts';
import { isSignerInfoBy } from '../../src/x509/cms-signature.ts';
import * as der from '../der-writer.ts';
import { type KeyKind, pki } from '../pki.ts';
import { type TokenHash, type TokenOptions, timestamping, timestampToken } from '../timestamp-token.ts';

const root = pki.root();
const OIDS = {
  rsa: '1.2.840.113549.1.1.1',
  sha1WithRsa: '1.2.840.113549.1.1.5',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  sha512WithRsa: '1.2.840.113549.1.1.13',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ecdsaWithSha384: '1.2.840.10045.4.3.3',
  ecPublicKey: '1.2.840.10045.2.1',
} as const;
const algorithm = (oid: string, ...parameters: Uint8Array[]) => ({ signatureAlgorithm: der.sequence(der.oid(oid), ...parameters) });

function verifies(key: KeyKind, over: Partial<TokenOptions> = {}): Promise<boolean> {
  const tsa = root.leaf(timestamping({ key }));
  const token = timestampToken({ tsa, message: Uint8Array.of(1), genTime: new Date('2025-03-01T00:00:00Z'), ...over });
  const [info] = readSignedData(token).signerInfos;
  if (info === undefined) throw new Error('no signer');
  return isSignerInfoBy(parseCertificate(tsa.cert), info);
}

describe("a signer's signature", () => {
  it.each<[KeyKind, TokenHash, boolean]>(
    (['RSA-2048', 'RSA-3072', 'EC-256', 'EC-384', 'EC-521'] as const).flatMap((key) =>
      (['sha256', 'sha384', 'sha512'] as const).flatMap((digest) =>
        key.startsWith('RSA') ? [[key, digest, false] as const, [key, digest, true] as const] : [[key, digest, false] as const],
      ),
    ) as [KeyKind, TokenHash, boolean][],
  )('by %s with %s, PSS %s, verifies', async (key, digest, pss) => {
    expect(await verifies(key, { digest, pss })).toBe(true);
  });

  it.each<[string, KeyKind, Partial<TokenOptions>]>([
    ['an algorithm that names its hash', 'RSA-2048', algorithm(OIDS.sha256WithRsa, der.NULL)],
    ['rsaEncryption without parameters', 'RSA-2048', algorithm(OIDS.rsa)],
    ['ECDSA with NULL for parameters', 'EC-256', algorithm(OIDS.ecdsaWithSha256, der.NULL)],
    ['attributes in another order than was signed', 'EC-256', { bendAttributes: (list) => list.toReversed() }],
  ])('with %s verifies', async (_, key, over) => {
    expect(await verifies(key, over)).toBe(true);
  });

  it.each<[string, KeyKind, Partial<TokenOptions>]>([
    ['SHA-1 by RSA', 'RSA-2048', { digest: 'sha1' }],
    ['SHA-1 by RSA, named', 'RSA-2048', { digest: 'sha1', ...algorithm(OIDS.sha1WithRsa, der.NULL) }],
    ['SHA-1 by RSA-PSS', 'RSA-2048', { digest: 'sha1', pss: true }],
    ['SHA-1 by ECDSA', 'EC-256', { digest: 'sha1' }],
    ['another hash than was used', 'RSA-2048', algorithm(OIDS.sha512WithRsa, der.NULL)],
    ['another hash of ECDSA than was used', 'EC-256', algorithm(OIDS.ecdsaWithSha384)],
    ['an algorithm of another kind of key', 'EC-256', algorithm(OIDS.rsa, der.NULL)],
    ['an algorithm that is no signature', 'EC-256', algorithm(OIDS.ecPublicKey)],
    ['parameters that nobody writes', 'RSA-2048', algorithm(OIDS.rsa, der.integer(1))],
    ['an Ed25519 key', 'Ed25519', {}],
    ['the order in which the attributes were written', 'EC-256', { bendAttributes: (list) => list.toReversed(), signAsWritten: true }],
    ['a byte changed', 'EC-256', { bendSignature: (signature) => signature.with(signature.length - 1, (signature.at(-1) ?? 0) ^ 1) }],
    ['nothing signed', 'RSA-2048', { bendSignature: () => new Uint8Array() }],
    ['a byte after it', 'EC-256', { bendSignature: (signature) => der.concat([signature, Uint8Array.of(0)]) }],
  ])('with %s does not', async (_, key, over) => {
    expect(await verifies(key, over)).toBe(false);
  });
});
