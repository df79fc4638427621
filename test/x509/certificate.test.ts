import { createHash, createPublicKey, ECDH, X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSignedBy, parseCertificate } from '../../src/x509/certificate.ts';
import { X509Error } from '../../src/x509/errors.ts';
import * as der from '../der-writer.ts';
import { type CertificateOptions, extensionOf, type KeyKind, keyUsage, OID, pki, pssIdentifier } from '../pki.ts';

const leaf = (options: CertificateOptions = {}) => pki.selfSigned(options).cert;
const withExtension = (oid: string, value: Uint8Array, critical = false) => leaf({ extensions: { [oid]: { value, critical } } });
const octets = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
const uri = (text: string) => der.tlv(0x86, octets(text));

/** A SubjectPublicKeyInfo of RSA. */
function rsaKey(modulus: Uint8Array, exponent: Uint8Array, parameters: Uint8Array = der.NULL): Uint8Array {
  const key = der.sequence(der.tlv(0x02, modulus), der.tlv(0x02, exponent));
  return der.sequence(der.sequence(der.oid('1.2.840.113549.1.1.1'), parameters), der.bitString(key));
}

function ecKey(curve: string, point: Uint8Array, parameters: Uint8Array = der.oid(curve)): Uint8Array {
  return der.sequence(der.sequence(der.oid('1.2.840.10045.2.1'), parameters), der.bitString(point));
}

const modulus = (bytes: number) => Uint8Array.from([0, ...new Uint8Array(bytes).fill(0xff)]);
const F4 = Uint8Array.of(1, 0, 1);
const P256 = '1.2.840.10045.3.1.7';
const point = pki.selfSigned().privateKey.export({ format: 'jwk' });
const uncompressed = Buffer.concat([Buffer.of(4), Buffer.from(point.x ?? '', 'base64url'), Buffer.from(point.y ?? '', 'base64url')]);
const compressed = ECDH.convertKey(uncompressed, 'prime256v1', undefined, undefined, 'compressed') as Buffer;
const offCurve = Uint8Array.from(uncompressed, (octet, i) => (i === 64 ? octet ^ 1 : octet));

describe('parseCertificate', () => {
  it('reads the fields that OpenSSL reads', () => {
    const { cert } = pki.root({ key: 'RSA-2048' }).leaf({ key: 'RSA-3072', serial: Uint8Array.of(0, 0xff, 1) });
    const oracle = new X509Certificate(cert);
    const certificate = parseCertificate(cert);
    expect(certificate).toMatchObject({
      version: 3,
      serialNumber: '00ff01',
      fingerprint: createHash('sha256').update(cert).digest('hex'),
      notBefore: oracle.validFromDate,
      notAfter: oracle.validToDate,
      keyKind: 'RSA-3072',
      modulusLength: 3072,
      signatureAlgorithm: '1.2.840.113549.1.1.11',
      basicConstraints: undefined,
      keyUsage: { bits: new Set(['digitalSignature']), critical: true },
      extendedKeyUsage: { oids: [OID.codeSigning], critical: false },
    });
    expect(certificate.publicKey.equals(oracle.publicKey)).toBe(true);
    expect(certificate.publicKey).toBe(certificate.publicKey);
  });

  it.each<[KeyKind, string | undefined, string]>([
    ['RSA-1024', undefined, 'RSA 1024'],
    ['RSA-2047', 'RSA-2048', 'RSA 2048'],
    ['RSA-2048', 'RSA-2048', 'RSA 2048'],
    ['RSA-2056', undefined, 'RSA 2056'],
    ['RSA-4096', 'RSA-4096', 'RSA 4096'],
    ['EC-224', undefined, 'EC P-224'],
    ['EC-256', 'EC-256', 'EC P-256'],
    ['EC-384', 'EC-384', 'EC P-384'],
    ['EC-521', 'EC-521', 'EC P-521'],
    ['Ed25519', undefined, 'Ed25519'],
    ['RSA-PSS', undefined, 'RSA-PSS'],
  ])('calls a key of kind %s what Notation calls it', (key, keyKind, keyDescription) => {
    const certificate = parseCertificate(leaf({ key }));
    expect([certificate.keyKind, certificate.keyDescription]).toEqual([keyKind, keyDescription]);
  });

  it('reads a key of an unknown algorithm without failing', () => {
    const spki = der.sequence(der.sequence(der.oid('1.2.3.4')), der.bitString(Uint8Array.of(1)));
    const certificate = parseCertificate(leaf({ spki }));
    expect(certificate.keyDescription).toBe('algorithm 1.2.3.4');
    expect(() => certificate.publicKey).toThrow(X509Error);
  });

  it('reads path length, OCSP and CRL addresses in order', () => {
    const access = (method: string, location: Uint8Array) => der.sequence(der.oid(method), location);
    const certificate = parseCertificate(
      pki.root({
        extensions: {
          [OID.basicConstraints]: { value: der.sequence(der.boolean(true), der.integer(3)) },
          [OID.authorityInfoAccess]: {
            value: der.sequence(
              access('1.3.6.1.5.5.7.48.1', uri('http://a.test')),
              access('1.3.6.1.5.5.7.48.2', uri('http://ca.test')),
              access('1.3.6.1.5.5.7.48.1', uri('http://b.test')),
            ),
          },
          [OID.crlDistributionPoints]: {
            value: der.sequence(der.sequence(der.context(0, der.context(0, uri('http://c.test'), uri('http://d.test')))), der.sequence()),
          },
        },
      }).cert,
    );
    expect(certificate.basicConstraints).toEqual({ ca: true, pathLength: 3, critical: false });
    expect(certificate.ocspUrls).toEqual(['http://a.test', 'http://b.test']);
    expect(certificate.crlUrls).toEqual(['http://c.test', 'http://d.test']);
  });

  it('reads the URIs of a distribution point that begins with a name of another kind', () => {
    const directory = der.tlv(0xa4, der.sequence());
    const value = der.sequence(der.sequence(der.context(0, der.context(0, directory, uri('http://c.test')))));
    expect(parseCertificate(leaf({ extensions: { [OID.crlDistributionPoints]: { value } } })).crlUrls).toEqual(['http://c.test']);
  });

  it.each<[string, CertificateOptions]>([
    ['serial 0', { serial: Uint8Array.of(0) }],
    ['a serial of 21 octets', { serial: new Uint8Array(21).fill(1) }],
    ['an unknown critical extension', { extensions: { '1.2.3.4': { critical: true, value: der.NULL } } }],
    ['a path length without cA', { extensions: { [OID.basicConstraints]: { value: der.sequence(der.integer(0)) } } }],
    ['critical FALSE written out', { moreExtensions: [der.sequence(der.oid('1.2.3'), der.boolean(false), der.octetString(der.NULL))] }],
    ['years from 2050', { notAfter: new Date('2099-12-31T23:59:59Z') }],
  ])('takes %s, as Go does (5.5)', (_, options) => {
    expect(parseCertificate(leaf(options)).version).toBe(3);
  });

  const good = leaf();
  const name = (value: Uint8Array): CertificateOptions => ({ subject: [['CN', value]] });
  const validity = (notBefore: Uint8Array): CertificateOptions => ({ validity: der.sequence(notBefore, der.time(new Date('2044-01-01'))) });
  it.each<[string, Uint8Array]>([
    ['228: a negative serial', leaf({ serial: Uint8Array.of(0x80) })],
    ['228: a duplicate extension', leaf({ moreExtensions: [extensionOf(OID.keyUsage, keyUsage(0), true)] })],
    ['228: a duplicate unknown extension', leaf({ moreExtensions: [extensionOf('1.2.3', der.NULL), extensionOf('1.2.3', der.NULL)] })],
    ['77: trailing bytes', der.concat([good, Uint8Array.of(0)])],
    ['77: garbage', octets('not a certificate')],
    ['77: nothing', new Uint8Array()],
    ['77: half a certificate', good.subarray(0, 200)],
    ['5.5: version 4', leaf({ version: 3 })],
    ['5.5: extensions in version 1', leaf({ version: undefined })],
    ['5.5: a serial that is not minimal', leaf({ serial: Uint8Array.of(0, 1) })],
    ['5.5: another algorithm outside', leaf({ outerAlgorithm: der.sequence(der.oid('1.2.840.10045.4.3.3')) })],
    ['5.5: an algorithm with parameters outside alone', leaf({ outerAlgorithm: der.sequence(der.oid('1.2.840.10045.4.3.2'), der.NULL) })],
    ['5.5: RSA without NULL', leaf({ spki: rsaKey(modulus(256), F4, der.concat([])) })],
    ['5.5: RSA with other parameters', leaf({ spki: rsaKey(modulus(256), F4, der.sequence()) })],
    ['5.5: a negative RSA modulus', leaf({ spki: rsaKey(modulus(256).subarray(1), F4) })],
    ['5.5: RSA modulus 0', leaf({ spki: rsaKey(Uint8Array.of(0), F4) })],
    ['5.5: a negative RSA exponent', leaf({ spki: rsaKey(modulus(256), Uint8Array.of(0xff)) })],
    ['A-S-03: RSA exponent 1', leaf({ spki: rsaKey(modulus(256), Uint8Array.of(1)) })],
    ['A-S-03: an even RSA exponent', leaf({ spki: rsaKey(modulus(256), Uint8Array.of(4)) })],
    ['414: a huge RSA exponent', leaf({ spki: rsaKey(modulus(256), modulus(256)) })],
    ['414: a modulus of 64 kbit', leaf({ spki: rsaKey(modulus(8192), F4) })],
    ['A-S-04: a modulus over 16384 bits', leaf({ spki: rsaKey(modulus(2049), F4) })],
    ['A-S-04: more than 64 KiB', withExtension('1.2.3', new Uint8Array(65_536))],
    ['5.5: a compressed EC point', leaf({ spki: ecKey(P256, compressed) })],
    ['5.5: an EC point off the curve', leaf({ spki: ecKey(P256, offCurve) })],
    ['5.5: a point of another curve', leaf({ spki: ecKey('1.3.132.0.34', uncompressed) })],
    ['A-S-03: the point at infinity', leaf({ spki: ecKey(P256, Uint8Array.of(0)) })],
    ['5.5: secp256k1', leaf({ spki: ecKey('1.3.132.0.10', uncompressed) })],
    ['A-S-03: brainpoolP256r1', leaf({ spki: ecKey('1.3.36.3.3.2.8.1.1.7', uncompressed) })],
    ['5.5: explicit curve parameters', leaf({ spki: ecKey(P256, uncompressed, der.sequence(der.integer(1))) })],
    ['5.5: an empty keyUsage', withExtension(OID.keyUsage, Uint8Array.of(0x03, 0x00))],
    ['5.5: keyUsage with unused bits set', withExtension(OID.keyUsage, Uint8Array.of(0x03, 0x02, 0x07, 0x81))],
    ['5.5: keyUsage that is an integer', withExtension(OID.keyUsage, der.integer(1))],
    ['5.5: bytes after keyUsage', withExtension(OID.keyUsage, der.concat([keyUsage(0), der.NULL]))],
    ['5.5: basicConstraints with boolean 01', withExtension(OID.basicConstraints, der.sequence(Uint8Array.of(1, 1, 1)))],
    ['5.5: a negative path length', withExtension(OID.basicConstraints, der.sequence(der.boolean(true), Uint8Array.of(2, 1, 0xff)))],
    ['5.5: extendedKeyUsage with a string', withExtension(OID.extendedKeyUsage, der.sequence(der.utf8('codeSigning')))],
    ['5.5: malformed AIA', withExtension(OID.authorityInfoAccess, der.sequence(der.oid('1.2.3')))],
    ['5.5: critical AIA', withExtension(OID.authorityInfoAccess, der.sequence(), true)],
    ['5.5: critical AKI', withExtension(OID.authorityKeyIdentifier, der.sequence(), true)],
    ['5.5: critical SKI', withExtension(OID.subjectKeyIdentifier, der.octetString(Uint8Array.of(1)), true)],
    ['5.5: malformed CRL distribution points', withExtension(OID.crlDistributionPoints, der.sequence(der.integer(1)))],
    ['5.5: an IP address of 5 bytes', withExtension(OID.subjectAltName, der.sequence(der.tlv(0x87, new Uint8Array(5))))],
    ['5.5: a DNS name with eight bits', withExtension(OID.subjectAltName, der.sequence(der.tlv(0x82, Uint8Array.of(0xe4))))],
    ['5.5: a URI with a control character', withExtension(OID.subjectAltName, der.sequence(uri('htt\rp://a.test')))],
    ['5.5: a URI with a port that is no number', withExtension(OID.subjectAltName, der.sequence(uri('http://a.t:st')))],
    ['5.5: a URI whose host ends with a dot', withExtension(OID.subjectAltName, der.sequence(uri('http://a@b.test./')))],
    ['5.5: a URI whose host has an empty label', withExtension(OID.subjectAltName, der.sequence(uri('http://a..test')))],
    ['5.5: a URI with a brace', withExtension(OID.subjectAltName, der.sequence(uri('http://a.t}st')))],
    ['5.5: empty name constraints', withExtension(OID.nameConstraints, der.sequence())],
    ...[
      ['an IP range with a mask of ones after zeros', der.tlv(0x87, Uint8Array.of(10, 0, 0, 0, 0xff, 0, 0xff, 0))],
      ['an IP range of 9 bytes', der.tlv(0x87, new Uint8Array(9))],
      ['a domain with a space', der.tlv(0x82, octets('exa mple.test'))],
      ['a domain with a dot at its end', der.tlv(0x82, octets('example.test.'))],
      ['a domain with an empty label', der.tlv(0x82, octets('example..test'))],
      ['a URI host that is an address', der.tlv(0x86, octets('10.0.0.1'))],
      ['a URI host that is an IPv6 address', der.tlv(0x86, octets('::1'))],
      ['an address without a name', der.tlv(0x81, octets('@example.test'))],
      ['an address with two dots', der.tlv(0x81, octets('a..b@example.test'))],
      ['an address at a domain that begins with a dot', der.tlv(0x81, octets('a@.example.test'))],
    ].map(([what, base]): [string, Uint8Array] => [
      `5.5: a name constraint on ${what}`,
      withExtension(OID.nameConstraints, der.sequence(der.context(0, der.sequence(base as Uint8Array)))),
    ]),
    ['5.5: a duplicate policy', withExtension('2.5.29.32', der.sequence(der.sequence(der.oid('1.2.3')), der.sequence(der.oid('1.2.3'))))],
    [
      '5.5: critical with boolean 01',
      leaf({ moreExtensions: [der.sequence(der.oid('1.2.3'), Uint8Array.of(1, 1, 1), der.octetString(der.NULL))] }),
    ],
    ['5.5: "@" in PrintableString', leaf(name(der.tlv(0x13, octets('a@b'))))],
    ['5.5: eight bits in IA5String', leaf(name(der.tlv(0x16, octets('ä'))))],
    ['5.5: letters in NumericString', leaf(name(der.tlv(0x12, octets('1a'))))],
    ['5.5: UTF8String that is not UTF-8', leaf(name(der.tlv(0x0c, octets('ä'))))],
    ['5.5: BMPString of odd length', leaf(name(der.tlv(0x1e, octets('abc'))))],
    ['5.5: a surrogate in BMPString', leaf(name(der.tlv(0x1e, Uint8Array.of(0xd8, 0))))],
    ['5.5: UniversalString', leaf(name(der.tlv(0x1c, octets('\0\0\0a'))))],
    ['5.5: a name that is no string', leaf(name(der.integer(1)))],
    ['5.5: UTCTime without seconds', leaf(validity(der.tlv(0x17, octets('2401010000Z'))))],
    ['5.5: UTCTime with an offset', leaf(validity(der.tlv(0x17, octets('240101000000+0100'))))],
    ['5.5: 30 February', leaf(validity(der.tlv(0x17, octets('240230000000Z'))))],
    ['5.5: hour 24', leaf(validity(der.tlv(0x17, octets('240101240000Z'))))],
    ['5.5: second 60', leaf(validity(der.tlv(0x17, octets('240101000060Z'))))],
    ['5.5: GeneralizedTime with a fraction', leaf(validity(der.tlv(0x18, octets('20240101000000.5Z'))))],
    ['5.5: a time that is text', leaf(validity(der.utf8('240101000000Z')))],
    ['5.5: an element too many in TBS', leaf({ bendTbs: (fields) => [...fields, der.NULL] })],
    ['5.5: a field missing', leaf({ bendTbs: (fields) => fields.toSpliced(4, 1) })],
    ['5.5: a length that is not minimal', Uint8Array.from([0x30, 0x84, 0, 0, ...good.subarray(2)])],
    ['5.5: an indefinite length', Uint8Array.from([0x30, 0x80, ...good.subarray(4), 0, 0])],
  ])('refuses %s', (_, bytes) => {
    expect(() => parseCertificate(bytes)).toThrow(X509Error);
  });

  it('throws nothing but its own error when one octet is bent or many are', () => {
    const certificates = [good, leaf({ key: 'RSA-2048' }), pki.root({ key: 'Ed25519' }).cert];
    fc.assert(
      fc.property(fc.constantFrom(...certificates), fc.nat(), fc.nat(255), (cert, at, octet) => {
        throwsNothingElse(Uint8Array.from(cert, (old, i) => (i === at % cert.length ? octet : old)));
      }),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), throwsNothingElse));
  });
});

describe('isSignedBy', () => {
  it.each<[KeyKind, NonNullable<CertificateOptions['signatureAlgorithm']>, boolean]>([
    ['RSA-2048', 'sha256', true],
    ['RSA-2048', 'sha384', true],
    ['RSA-4096', 'sha512', true],
    ['RSA-2048', 'pss-sha256', true],
    ['RSA-2048', 'pss-sha384', true],
    ['RSA-2048', 'pss-sha512', true],
    ['EC-224', 'sha256', true],
    ['EC-256', 'sha256', true],
    ['EC-256', 'sha512', true],
    ['EC-384', 'sha384', true],
    ['EC-521', 'sha512', true],
    ['Ed25519', 'auto', true],
    ['RSA-2048', 'sha1', false],
    ['RSA-2048', 'md5', false],
    ['EC-256', 'sha1', false],
    ['RSA-PSS', 'pss-sha256', false],
  ])('by %s with %s is %s', async (key, signatureAlgorithm, expected) => {
    const authority = pki.root({ key });
    const child = parseCertificate(authority.leaf({ signatureAlgorithm }).cert);
    expect(await isSignedBy(child, parseCertificate(authority.cert))).toBe(expected);
  });

  it.each<[KeyKind]>([['RSA-2048'], ['EC-256'], ['EC-384'], ['Ed25519']])('is false for a bent signature by %s', async (key) => {
    const authority = pki.root({ key });
    const bytes = Uint8Array.from(authority.leaf().cert);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    expect(await isSignedBy(parseCertificate(bytes), parseCertificate(authority.cert))).toBe(false);
  });

  it('is false for another key of the same name, and for a key of another kind', async () => {
    const child = parseCertificate(pki.root({ key: 'EC-256' }).leaf().cert);
    for (const key of ['EC-256', 'EC-384', 'RSA-2048', 'Ed25519'] as const) {
      expect(await isSignedBy(child, parseCertificate(pki.root({ key }).cert))).toBe(false);
    }
  });

  it.each([
    ['another mask hash', pssIdentifier('sha256', 'sha384', 32)],
    ['a salt of another length', pssIdentifier('sha256', 'sha256', 20)],
    ['another trailer', pssIdentifier('sha256', 'sha256', 32, 2)],
    ['an unknown hash', pssIdentifier('1.3.14.3.2.26', '1.3.14.3.2.26', 20)],
    ['no parameters', der.sequence(der.oid('1.2.840.113549.1.1.10'))],
    ['parameters that do not read', der.sequence(der.oid('1.2.840.113549.1.1.10'), der.NULL)],
  ])('is false for RSA-PSS with %s', async (_, identifier) => {
    const root = pki.root({
      key: 'RSA-2048',
      signatureAlgorithm: 'pss-sha256',
      outerAlgorithm: identifier,
      bendTbs: (fields) => fields.with(2, identifier),
    });
    const certificate = parseCertificate(root.cert);
    expect(await isSignedBy(certificate, certificate)).toBe(false);
  });

  it('agrees with the public key that made the certificate', async () => {
    const root = pki.root({ key: 'EC-521' });
    expect(parseCertificate(root.cert).publicKey.equals(createPublicKey(root.privateKey))).toBe(true);
  });
});

function throwsNothingElse(bytes: Uint8Array): void {
  try {
    parseCertificate(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(X509Error);
  }
}
