import { describe, expect, it } from '@jest/globals';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { isSelfSignedOrCa, validateCodeSigningChain, validateTimestampingChain } from '../../src/x509/chain.ts';
import { X509Error } from '../../src/x509/errors.ts';
import * as der from '../der-writer.ts';
import {
  authorityName,
  basicConstraints,
  type CertificateOptions,
  extendedKeyUsage,
  type KeyKind,
  keyUsage,
  OID,
  pki,
  type SignatureAlgorithm,
} from '../pki.ts';
import { TIMESTAMPING, timestamping } from '../timestamp-token.ts';

const root = pki.root();
const intermediate = root.intermediate();
const leaf = intermediate.leaf();
const validate = (chain: readonly Uint8Array[]) => validateCodeSigningChain(chain.map(parseCertificate));
const leafWith = (options: CertificateOptions) => root.leaf(options).chain;
const usage = (...bits: number[]): CertificateOptions => ({ extensions: { [OID.keyUsage]: { critical: true, value: keyUsage(...bits) } } });
const purposes = (...oids: string[]): CertificateOptions => ({
  extensions: { [OID.extendedKeyUsage]: { value: extendedKeyUsage(...oids) } },
});
const constraints = (ca: boolean, pathLength?: number, critical = true): CertificateOptions => ({
  extensions: { [OID.basicConstraints]: { critical, value: basicConstraints(ca, pathLength) } },
});
const below = (options: CertificateOptions) => root.intermediate(options).leaf().chain;
const without = (oid: string): CertificateOptions => ({ extensions: { [oid]: undefined } });
const selfSigned = (options: CertificateOptions) => pki.selfSigned(options).chain;
const otherRoot = pki.root({ subject: authorityName('Other') });
const twin = pki.root();
const PURPOSE = '1.3.6.1.5.5.7.3';

describe('validateCodeSigningChain', () => {
  it.each<[string, readonly Uint8Array[]]>([
    ['196 a self-signed leaf alone', selfSigned({})],
    ['a leaf under a root', root.leaf().chain],
    ['a leaf under an intermediate', leaf.chain],
    ['209 a leaf with contentCommitment', leafWith(usage(0, 1))],
    [
      '212 a leaf with codeSigning, critical',
      leafWith({ extensions: { [OID.extendedKeyUsage]: { critical: true, value: extendedKeyUsage(OID.codeSigning) } } }),
    ],
    [
      '212 a leaf with codeSigning, not critical',
      leafWith({ extensions: { [OID.extendedKeyUsage]: { value: extendedKeyUsage(OID.codeSigning) } } }),
    ],
    ['212 a leaf without extendedKeyUsage', leafWith(without(OID.extendedKeyUsage))],
    ['5.3 a leaf with an unknown purpose', leafWith(purposes('1.2.3.4'))],
    ['5.3 a leaf with basicConstraints cA false', leafWith(constraints(false))],
    ['218 a leaf with a modulus of 2047 bits', leafWith({ key: 'RSA-2047' })],
    ['221 D4 a CA whose basicConstraints are not critical', below(constraints(true, undefined, false))],
    ['5.2 a path length that suffices', root.intermediate(constraints(true, 1)).intermediate().leaf().chain],
    ['226 an unknown critical extension', leafWith({ extensions: { '1.2.3.4': { critical: true, value: der.NULL } } })],
    [
      '226 name constraints that exclude the leaf',
      below({
        extensions: {
          [OID.nameConstraints]: { critical: true, value: der.sequence(der.context(1, der.sequence(der.tlv(0x82, Buffer.from('test'))))) },
        },
      }),
    ],
    ['229 an expired leaf', leafWith({ notAfter: new Date('2024-02-01T00:00:00Z') })],
    ['5.1 a P-224 CA', pki.root({ key: 'EC-224' }).leaf().chain],
    ['5.1 an Ed25519 CA', pki.root({ key: 'Ed25519' }).leaf().chain],
    [
      '5.1 RSA-PSS signatures',
      pki.root({ key: 'RSA-2048', signatureAlgorithm: 'pss-sha256' }).leaf({ signatureAlgorithm: 'pss-sha512' }).chain,
    ],
  ])('takes %s', async (_, chain) => {
    await expect(validate(chain)).resolves.toBeUndefined();
  });

  it.each<[KeyKind]>([['RSA-2048'], ['RSA-3072'], ['RSA-4096'], ['EC-256'], ['EC-384'], ['EC-521']])(
    'takes a leaf of kind %s',
    async (key) => {
      await expect(validate(leafWith({ key }))).resolves.toBeUndefined();
    },
  );

  it.each<[string, readonly Uint8Array[], string]>([
    ['5.1 an empty chain', [], 'certificate chain must contain at least one certificate'],
    ['197 a self-signed CA alone', root.chain, 'ca field must be set to false'],
    ['198 the order reversed', leaf.chain.toReversed(), 'is self-signed'],
    ['198 CAs shuffled', [leaf.cert, root.cert, intermediate.cert], 'is not issued by'],
    ['200 the root missing', [leaf.cert, intermediate.cert], 'must end with a valid self-signed root certificate'],
    ['200 a leaf alone that is not self-signed', [leaf.cert], 'invalid self-signed certificate'],
    ['200 an intermediate missing', [leaf.cert, root.cert], 'is not issued by'],
    ['201 the root twice', [...leaf.chain, root.cert], 'intermediate certificate with subject "CN=Root,O=Notary,C=US" is self-signed'],
    ['202 an unrelated certificate after the root', [...leaf.chain, otherRoot.cert], 'is self-signed'],
    ['202 an unrelated certificate between', [leaf.cert, otherRoot.cert, intermediate.cert, root.cert], 'is not issued by'],
    ['204 the right name with another key', [root.leaf().cert, twin.cert], 'is not issued by'],
    [
      '205 the right key with another encoding of the name',
      leafWith({
        issuer: [
          ['C', 'US'],
          ['O', 'Notary'],
          ['CN', der.tlv(0x13, Buffer.from('Root'))],
        ],
      }),
      'is not issued by',
    ],
    ['205 a self-signed leaf with another issuer', selfSigned({ issuer: authorityName('Other') }), 'invalid self-signed certificate'],
    ['206 a leaf without keyUsage', leafWith(without(OID.keyUsage)), 'key usage extension must be present'],
    [
      '5.3 a leaf whose keyUsage is not critical',
      leafWith({ extensions: { [OID.keyUsage]: { value: keyUsage(0) } } }),
      'key usage extension must be marked critical',
    ],
    ['208 a leaf without digitalSignature', leafWith(usage(1)), '"Digital Signature" set'],
    ['210 keyEncipherment', leafWith(usage(0, 2)), 'found "KeyEncipherment"'],
    ['210 dataEncipherment', leafWith(usage(0, 3)), 'found "DataEncipherment"'],
    ['210 keyAgreement', leafWith(usage(0, 4)), 'found "KeyAgreement"'],
    ['210 keyCertSign and cRLSign', leafWith(usage(0, 5, 6)), 'found "CertSign", "CRLSign"'],
    ['210 encipherOnly', leafWith(usage(0, 7)), 'found "EncipherOnly"'],
    ['210 decipherOnly', leafWith(usage(0, 8)), 'found "DecipherOnly"'],
    ['213 serverAuth', leafWith(purposes(OID.codeSigning, `${PURPOSE}.1`)), 'must not contain ServerAuth eku'],
    ['213 clientAuth', leafWith(purposes(OID.codeSigning, `${PURPOSE}.2`)), 'must not contain ClientAuth eku'],
    ['213 emailProtection', leafWith(purposes(OID.codeSigning, `${PURPOSE}.4`)), 'must not contain EmailProtection eku'],
    ['213 timeStamping', leafWith(purposes(OID.codeSigning, `${PURPOSE}.8`)), 'must not contain Timestamping eku'],
    ['213 OCSPSigning', leafWith(purposes(OID.codeSigning, `${PURPOSE}.9`)), 'must not contain OCSPSigning eku'],
    ['214 D2 anyExtendedKeyUsage', leafWith(purposes('2.5.29.37.0')), 'must not contain Any eku'],
    ['216 a leaf that is a CA', leafWith(constraints(true)), 'ca field must be set to false'],
    ['217 RSA-1024', leafWith({ key: 'RSA-1024' }), 'rsa key size 1024 bits is not supported'],
    ['217 RSA-2056', leafWith({ key: 'RSA-2056' }), 'rsa key size 2056 bits is not supported'],
    ['217 P-224', leafWith({ key: 'EC-224' }), 'ecdsa key size 224 bits is not supported'],
    ['217 Ed25519', leafWith({ key: 'Ed25519' }), 'unsupported public key type'],
    ['217 an RSA-PSS key', leafWith({ key: 'RSA-PSS' }), 'unsupported public key type'],
    ['220 a CA without basicConstraints', below(without(OID.basicConstraints)), 'cannot sign this kind of certificate'],
    ['220 a CA with cA false', below(constraints(false)), 'cannot sign this kind of certificate'],
    ['222 a CA without keyUsage', below(without(OID.keyUsage)), 'key usage extension must be present'],
    [
      '222 a CA whose keyUsage is not critical',
      below({ extensions: { [OID.keyUsage]: { value: keyUsage(5) } } }),
      'must be marked critical',
    ],
    ['222 a CA without keyCertSign', below(usage(6)), 'cannot sign this kind of certificate'],
    [
      '5.2 a path length exceeded',
      root.intermediate(constraints(true, 0)).intermediate().leaf().chain,
      'expected path length of 1 but certificate has path length 0',
    ],
    [
      '5.2 a root whose path length is exceeded',
      pki.root(constraints(true, 0)).intermediate().leaf().chain,
      'expected path length of 1 but certificate has path length 0',
    ],
    [
      'A-S-03 a CA key of 1024 bits signs, if only just',
      pki.root({ key: 'RSA-1024' }).leaf({ signatureAlgorithm: 'sha1' }).chain,
      'insecure algorithm',
    ],
    ['eleven certificates', [...Array.from({ length: 10 }, () => leaf.cert), root.cert], 'more than 10'],
  ])('refuses %s', async (_, chain, fragment) => {
    const refusal = validate(chain);
    await expect(refusal).rejects.toBeInstanceOf(X509Error);
    await expect(refusal).rejects.toMatchObject({ code: 'CHAIN_INVALID', message: expect.stringContaining(fragment) });
  });

  it.each<[string, SignatureAlgorithm, KeyKind]>([
    ['224', 'sha1', 'RSA-2048'],
    ['224', 'md5', 'RSA-2048'],
    ['224', 'sha1', 'EC-256'],
  ])('refuses a chain signed with a broken hash (%s %s by %s)', async (_, signatureAlgorithm, key) => {
    await expect(validate(pki.root({ key }).leaf({ signatureAlgorithm }).chain)).rejects.toThrow('insecure algorithm');
    await expect(validate(pki.root({ key, signatureAlgorithm }).leaf().chain)).rejects.toThrow('insecure algorithm');
  });

  it.each<[string, SignatureAlgorithm, KeyKind]>([
    ['225', 'sha1', 'RSA-2048'],
    ['225', 'md5', 'RSA-2048'],
    ['225', 'sha1', 'EC-256'],
  ])('%s D3 refuses a self-signed leaf with a broken hash (%s by %s)', async (_, signatureAlgorithm, key) => {
    await expect(validate(selfSigned({ key, signatureAlgorithm }))).rejects.toThrow('invalid self-signed certificate');
  });
});

describe('validateTimestampingChain', () => {
  const stamper = (options: CertificateOptions = {}) => root.leaf(timestamping(options)).chain;
  const stamperBelow = (options: CertificateOptions) => root.intermediate(options).leaf(timestamping()).chain;
  const purposesOf = (critical: boolean, ...oids: string[]): CertificateOptions => ({
    extensions: { [OID.extendedKeyUsage]: { critical, value: extendedKeyUsage(...oids) } },
  });
  const check = (chain: readonly Uint8Array[]) => validateTimestampingChain(chain.map(parseCertificate));

  it.each<[string, readonly Uint8Array[]]>([
    ['a leaf under a root', stamper()],
    ['a leaf under an intermediate', stamperBelow({})],
    ['5.2 a CA whose keyUsage is not critical', stamperBelow({ extensions: { [OID.keyUsage]: { value: keyUsage(5) } } })],
    ['5.3 a leaf whose keyUsage is not critical', stamper({ extensions: { [OID.keyUsage]: { value: keyUsage(0) } } })],
    ['a leaf with contentCommitment', stamper(usage(0, 1))],
    ['a leaf with a key of 3072 bits', stamper({ key: 'RSA-3072' })],
  ])('takes %s', async (_, chain) => {
    await expect(check(chain)).resolves.toBeUndefined();
  });

  it.each<[string, readonly Uint8Array[], string]>([
    ['an empty chain', [], 'certificate chain must contain at least one certificate'],
    ['a root alone', root.chain, 'ca field must be set to false'],
    ['a leaf alone', stamper().slice(0, 1), 'invalid self-signed certificate'],
    ['the root missing', stamperBelow({}).slice(0, 2), 'must end with a valid self-signed root certificate'],
    ['the root twice', [...stamper(), root.cert], 'is self-signed'],
    ['a leaf for code signing', root.leaf().chain, 'must have and only have Timestamping as extended key usage'],
    ['342 a leaf with a second purpose', stamper(purposesOf(true, TIMESTAMPING, OID.codeSigning)), 'must have and only have Timestamping'],
    ['342 a leaf with the purpose twice', stamper(purposesOf(true, TIMESTAMPING, TIMESTAMPING)), 'must have and only have Timestamping'],
    ['342 a leaf with an unknown second purpose', stamper(purposesOf(true, TIMESTAMPING, '1.2.3')), 'must have and only have Timestamping'],
    ['342 a leaf for any purpose', stamper(purposesOf(true, '2.5.29.37.0')), 'must have and only have Timestamping'],
    [
      '342 a leaf whose purpose is not critical',
      stamper(purposesOf(false, TIMESTAMPING)),
      'extended key usage extension marked as critical',
    ],
    ['5.3 a leaf without extendedKeyUsage', stamper(without(OID.extendedKeyUsage)), 'must have and only have Timestamping'],
    ['5.3 a leaf without keyUsage', stamper(without(OID.keyUsage)), 'key usage extension must be present'],
    ['5.3 a leaf without digitalSignature', stamper(usage(1)), '"Digital Signature" set'],
    ['5.3 a leaf with keyEncipherment', stamper(usage(0, 2)), 'found "KeyEncipherment"'],
    ['344 RSA-1024', stamper({ key: 'RSA-1024' }), 'rsa key size 1024 bits is not supported'],
    ['344 Ed25519', stamper({ key: 'Ed25519' }), 'unsupported public key type'],
    ['5.2 a CA without keyUsage', stamperBelow(without(OID.keyUsage)), 'key usage extension must be present'],
    ['5.2 a path length exceeded', pki.root(constraints(true, 0)).intermediate().leaf(timestamping()).chain, 'expected path length of 1'],
  ])('refuses %s', async (_, chain, fragment) => {
    await expect(check(chain)).rejects.toMatchObject({ code: 'CHAIN_INVALID', message: expect.stringContaining(fragment) });
  });

  it('asks for every signature once it knows nothing, and believes what it is told', async () => {
    const chain = stamperBelow({}).map(parseCertificate);
    const asked: string[] = [];
    const place = (fingerprint: string) => chain.findIndex((certificate) => certificate.fingerprint === fingerprint);
    const isSigned = async (child: { fingerprint: string }, issuer: { fingerprint: string }) => {
      asked.push(`${place(child.fingerprint)}<${place(issuer.fingerprint)}`);
      return true;
    };
    await validateTimestampingChain(chain, isSigned);
    expect(asked).toEqual(['0<1', '1<2', '2<2']);
    await expect(validateTimestampingChain(chain, async () => false)).rejects.toThrow('is not issued by');
  });
});

describe('isSelfSignedOrCa', () => {
  it.each<[string, Uint8Array, boolean]>([
    ['a root', root.cert, true],
    ['an intermediate', intermediate.cert, true],
    ['a self-signed leaf', pki.selfSigned().cert, true],
    ['242 a leaf issued by a CA', leaf.cert, false],
    ['a leaf that only names itself as issuer', root.leaf({ issuer: [['C', 'US']], subject: [['C', 'US']] }).cert, false],
    ['a leaf self-signed with SHA-1', pki.selfSigned({ signatureAlgorithm: 'sha1' }).cert, false],
  ])('of %s', async (_, cert, expected) => {
    expect(await isSelfSignedOrCa(parseCertificate(cert))).toBe(expected);
  });
});
