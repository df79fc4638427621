import { describe, expect, it } from '@jest/globals';
import { instantOf } from '../../src/lib/instant.ts';
import { berToDer } from '../../src/x509/ber.ts';
import { isSignedBy, parseCertificate } from '../../src/x509/certificate.ts';
import { isSelfSignedOrCa, validateCodeSigningChain, validateTimestampingChain } from '../../src/x509/chain.ts';
import { readSignedData } from '../../src/x509/cms.ts';
import { DerError } from '../../src/x509/der.ts';
import { nameText } from '../../src/x509/name.ts';
import { timestampingPaths } from '../../src/x509/path.ts';
import { readPemCertificates } from '../../src/x509/pem.ts';
import { ownVectors } from '../conformance/vector-files.ts';
import { hasVectors, openVectors } from '../vectors.ts';

// Certificates of the reference implementation's own tests, kept beside the repository.
const vectors = openVectors();
const file = (path: string) => vectors.bytes(`notation-core-go/${path}`);
const embedded = (name: string) => read(`embedded/x509/${name}.pem`);

function read(path: string) {
  return readPemCertificates(Buffer.from(file(path)).toString()).map(parseCertificate);
}

function chainOf(...names: readonly string[]) {
  return names.flatMap(embedded);
}

const AUTHORITIES = ['intermediateCert2', 'intermediateCert1', 'rootCert'];

const register = hasVectors ? describe : () => undefined;
register('certificates of notation-core-go', () => {
  it('takes the valid chain', async () => {
    await expect(validateCodeSigningChain(chainOf('codeSigningLeaf', ...AUTHORITIES))).resolves.toBeUndefined();
  });

  it('takes the minimal self-signed leaf, also as a trust anchor', async () => {
    const chain = read('x509/testdata/openssl-minimum-self-signed.pem');
    await expect(validateCodeSigningChain(chain)).resolves.toBeUndefined();
    expect(await Promise.all(chain.map(isSelfSignedOrCa))).toEqual([true]);
  });

  it.each([
    ['the leaf alone', ['codeSigningLeaf'], 'invalid self-signed certificate'],
    ['the root missing', ['codeSigningLeaf', 'intermediateCert2', 'intermediateCert1'], 'must end with a valid self-signed root'],
    ['the root first', ['rootCert', 'rootCert'], 'leaf certificate with subject "CN=Root" is self-signed'],
    ['an unrelated certificate inside', ['codeSigningLeaf', 'unrelatedCert', ...AUTHORITIES], 'is not issued by "CN=Hello"'],
    ['the order reversed', [...AUTHORITIES.toReversed(), 'codeSigningLeaf'], 'is self-signed'],
    [
      'a path length exceeded',
      ['codeSigningLeafInvalidPathLen', 'intermediateCertInvalidPathLen', ...AUTHORITIES],
      'expected path length of 1 but certificate has path length 0',
    ],
  ])('refuses %s', async (_, names, fragment) => {
    await expect(validateCodeSigningChain(chainOf(...names))).rejects.toThrow(fragment);
  });

  it('takes the leaf without options', async () => {
    await expect(validateCodeSigningChain(embedded('validNoOptionsLeaf'))).resolves.toBeUndefined();
  });

  it.each([
    ['caTrueLeaf', 'the ca field must be set to false'],
    ['kuNoDigitalSignatureLeaf', 'must have the bit positions for "Digital Signature" set'],
    ['kuWrongValuesLeaf', 'must be "Digital Signature" only, but found "CertSign", "CRLSign"'],
    ['rsaKeyTooSmallLeaf', 'rsa key size 1024 bits is not supported'],
    ['ecdsaKeyTooSmallLeaf', 'ecdsa key size 224 bits is not supported'],
    ['ekuWrongValuesCodeLeaf', 'extended key usage must not contain ServerAuth eku'],
    ['ekuMissingCodeSigningLeaf', 'extended key usage must not contain OCSPSigning eku'],
    ['rootCert', 'the ca field must be set to false'],
  ])('refuses %s as a leaf', async (name, fragment) => {
    await expect(validateCodeSigningChain(embedded(name))).rejects.toThrow(fragment);
  });

  it.each(['kuMissingCa', 'kuNotCertSignCa', 'kuNotCriticalCertSignCa', 'noBasicConstraintsCa', 'basicConstraintsNotCa'])(
    'refuses %s as the root of a chain',
    async (name) => {
      await expect(validateCodeSigningChain(chainOf('codeSigningLeaf', name))).rejects.toMatchObject({ code: 'CHAIN_INVALID' });
    },
  );

  it('reads the timestamping chain, and does not take it for code signing', async () => {
    const chain = ['leaf', 'intermediate', 'root'].map((name) => parseCertificate(file(`x509/testdata/timestamp_${name}.crt`)));
    const [leaf, intermediate, root] = chain;
    if (leaf === undefined || intermediate === undefined || root === undefined) throw new Error('three certificates expected');
    expect(await isSignedBy(leaf, intermediate)).toBe(true);
    expect(await isSignedBy(intermediate, root)).toBe(true);
    expect(await isSelfSignedOrCa(root)).toBe(true);
    expect(leaf.ocspUrls).toHaveLength(1);
    expect(leaf.crlUrls).toHaveLength(1);
    await expect(validateCodeSigningChain(chain)).rejects.toThrow('must not contain Timestamping eku');
    await expect(validateTimestampingChain(chain)).resolves.toBeUndefined();
    await expect(validateTimestampingChain([intermediate, root])).rejects.toThrow('the ca field must be set to false');
    await expect(validateTimestampingChain([leaf, intermediate])).rejects.toThrow('must end with a valid self-signed root');
    const paths = timestampingPaths({ leaf, roots: [root], intermediates: [intermediate], at: instantOf(leaf.notBefore) });
    expect((await paths.next()).value).toEqual(chain);
  });

  it.each([
    ['ekuNonCriticalTimeLeaf', 'must have extended key usage extension marked as critical'],
    ['ekuWrongValuesTimeLeaf', 'must have and only have Timestamping as extended key usage'],
    ['ekuMissingTimestampingLeaf', 'must have and only have Timestamping as extended key usage'],
    ['validNoOptionsLeaf', 'must have and only have Timestamping as extended key usage'],
  ])('refuses %s as a timestamping leaf', async (name, fragment) => {
    const chain = name === 'ekuNonCriticalTimeLeaf' ? chainOf(name, ...AUTHORITIES) : embedded(name);
    await expect(validateTimestampingChain(chain)).rejects.toThrow(fragment);
  });

  it.each(['kuMissingCa', 'kuNotCertSignCa', 'noBasicConstraintsCa', 'basicConstraintsNotCa'])(
    'refuses %s as the root of a timestamping chain',
    async (name) => {
      await expect(validateTimestampingChain(chainOf('ekuNonCriticalTimeLeaf', name))).rejects.toMatchObject({ code: 'CHAIN_INVALID' });
    },
  );

  it('reads one certificate from PEM or DER and two from one PEM', () => {
    expect(read('x509/testdata/pem.crt')).toHaveLength(1);
    expect(read('x509/testdata/multi-pem.crt').map(({ subject }) => nameText(subject))).toEqual(
      Array(2).fill('CN=GlobalSign,OU=GlobalSign Root CA - R3,O=GlobalSign'),
    );
    expect(parseCertificate(file('x509/testdata/der.der')).modulusLength).toBe(2048);
  });

  it('refuses two certificates in a row where one is asked for, and text that is neither', () => {
    expect(() => parseCertificate(file('x509/testdata/multi-der.der'))).toThrow('after the last element');
    expect(() => parseCertificate(file('x509/testdata/invalid'))).toThrow('malformed certificate');
    expect(() => read('x509/testdata/invalid')).toThrow('no certificates found');
  });
});

const json = (name: string) => vectors.json(`tspclient-go/embedded/${name}`);

interface BerCase {
  readonly name: string;
  readonly ber: string;
  readonly der: string;
  readonly expectError: boolean;
}

register('tables of tspclient-go', () => {
  const cases: readonly BerCase[] = hasVectors ? json('ber_to_der.json') : [];
  const written = (hex: string) => Buffer.from(berToDer(Buffer.from(hex, 'hex'))).toString('hex');

  it.each(cases.filter(({ expectError }) => !expectError))('converts BER to DER: $name', ({ ber, der }) => {
    expect(written(ber)).toBe(der);
  });

  it.each(cases.filter(({ expectError }) => expectError))('refuses BER: $name', ({ ber }) => {
    expect(() => written(ber)).toThrow(DerError);
  });

  it('refuses every message that is no SignedData', () => {
    const messages: readonly { readonly hex: string }[] = json('cms_parse_errors.json');
    for (const { hex } of messages) expect(() => readSignedData(Buffer.from(hex, 'hex'))).toThrow(DerError);
    expect(messages).toHaveLength(3);
  });
});

register('all of them', () => {
  it('reads every file that is its own', () => {
    expect(ownVectors('x509/vectors').filter((path) => !vectors.read.has(path))).toEqual([]);
  });
});
