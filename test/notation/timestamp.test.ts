import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { withLongLengths } from '../ber-writer.ts';
import * as der from '../der-writer.ts';
import { type CertificateOptions, extendedKeyUsage, type KeyKind, keyUsage, OID, pki } from '../pki.ts';
import { SIGNING_AUTHORITY, signCose, signJws } from '../sign.ts';
import {
  attribute,
  CMS,
  issuerAndSerial,
  issuerSerialOf,
  TIMESTAMPING,
  type TokenOptions,
  timestamping,
  tokenSigner,
} from '../timestamp-token.ts';
import { at, expired, GEN_TIME, over, stamped, stampedBy, stampedCose, TSA, token, tsa, tsaAuthority, tsaRoot } from './timestamp-world.ts';
import { bothStores, judge, KEY_KINDS, leaf, root, type Setting, verify } from './world.ts';

const MISSING = 'authenticTimestamp TIMESTAMP_MISSING';
const INVALID = 'authenticTimestamp TIMESTAMP_INVALID';
const STORE = 'authenticTimestamp TRUST_STORE_INVALID';
const EXPIRED = 'authenticTimestamp CERTIFICATE_EXPIRED';
const EARLY = 'authenticTimestamp CERTIFICATE_NOT_YET_VALID';
const AFTER: Setting = { ...TSA, verifyTimestamp: 'afterCertExpiry' };
const GARBAGE = Uint8Array.of(1, 2, 3);

const jws = (signer = leaf, timestampSignature?: Uint8Array) => signJws({ signer, ...(timestampSignature && { timestampSignature }) });
const tsaStore = (...certificates: readonly Uint8Array[]): Setting => ({
  ...TSA,
  anchors: { 'ca:acme': [root.cert], 'tsa:clock': certificates },
});
const accuracy = (...parts: readonly Uint8Array[]) => ({ accuracy: der.sequence(...parts) });
const millis = (octet: number) => der.tlv(0x80, Uint8Array.of(octet));
const BASELINE = { policy: '0.4.0.2023.1.1' };
const purpose = (critical: boolean, ...oids: readonly string[]): CertificateOptions => ({
  extensions: { [OID.extendedKeyUsage]: { critical, value: extendedKeyUsage(...oids) } },
});
const windowed = (notBefore: string, notAfter: string) => root.leaf({ notBefore: at(notBefore), notAfter: at(notAfter) });
const rsa = tsaAuthority.leaf(timestamping({ key: 'RSA-2048' }));
const broken = (info: Uint8Array) => info.with(info.length - 1, (info.at(-1) ?? 0) ^ 1);
const signingTime = (value: Uint8Array): Partial<TokenOptions> => ({
  bendAttributes: (list) => [...list, attribute(CMS.signingTime, value)],
});
const without = (place: number): Partial<TokenOptions> => ({ bendAttributes: (list) => list.toSpliced(place, 1) });
const instead = (place: number, value: Uint8Array): Partial<TokenOptions> => ({ bendAttributes: (list) => list.with(place, value) });
const payload = Buffer.from('{"targetArtifact":{}}');
const imprintOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
const certificate = parseCertificate(root.cert);
const anchor = new Map([[certificate.fingerprint, certificate]]);
/** A leaf whose validity ends at the time of the tokens. */
const ending = windowed('2025-01-01T00:00:00', '2025-03-01T12:00:00');
/** A leaf whose validity begins then. */
const beginning = windowed('2025-03-01T12:00:00', '2044-01-01T00:00:00');

describe('whether a timestamp is looked at', () => {
  it.each<[string, () => Uint8Array, Setting, string]>([
    ['9.1 T1 missing', () => jws(), TSA, MISSING],
    ['9.1 T1 empty', () => jws(leaf, new Uint8Array()), TSA, MISSING],
    ['T1 missing in COSE', () => signCose({ signer: leaf }), TSA, MISSING],
    ['T1 missing, the certificate expired', () => jws(expired), TSA, MISSING],
    ['314 good, the certificate expired, without a tsa store', () => stamped({}, { signer: expired }), {}, EXPIRED],
    ['garbage, without a tsa store', () => jws(leaf, GARBAGE), {}, 'PASS'],
    ['316 garbage, afterCertExpiry, the certificate valid', () => jws(leaf, GARBAGE), AFTER, 'PASS'],
    ['missing, afterCertExpiry, the certificate valid', () => jws(), AFTER, 'PASS'],
    ['garbage, afterCertExpiry, the certificate expired', () => jws(expired, GARBAGE), AFTER, INVALID],
    ['missing, afterCertExpiry, the certificate expired', () => jws(expired), AFTER, MISSING],
    [
      '318 garbage, afterCertExpiry, the certificate not valid yet',
      () => jws(windowed('2025-07-01T00:00:00', '2044-01-01T00:00:00'), GARBAGE),
      AFTER,
      EARLY,
    ],
    [
      'good, always, the certificate not valid yet',
      () => stamped({}, { signer: windowed('2025-07-01T00:00:00', '2044-01-01T00:00:00') }),
      TSA,
      INVALID,
    ],
    [
      'missing, afterCertExpiry, at the last instant of the certificate',
      () => jws(windowed('2025-01-01T00:00:00', '2025-06-01T00:00:00')),
      AFTER,
      'PASS',
    ],
    ['352 missing, permissive', () => jws(), { ...TSA, level: 'permissive' }, 'PASS'],
    ['352 garbage, permissive', () => jws(leaf, GARBAGE), { ...TSA, level: 'permissive' }, 'PASS'],
    ['missing, strict with authenticTimestamp logged', () => jws(), { ...TSA, override: { authenticTimestamp: 'log' } }, 'PASS'],
    [
      '309 garbage, by a signing authority',
      () => signJws({ signer: leaf, scheme: SIGNING_AUTHORITY, timestampSignature: GARBAGE }),
      { stores: [...bothStores, 'tsa:clock'], anchors: { 'signingAuthority:acme': [root.cert] } },
      'PASS',
    ],
  ])('%s', async (_, envelope, setting, expected) => {
    expect(await judge(envelope(), setting)).toBe(expected);
  });

  it('317 missing, afterCertExpiry, only the root expired', async () => {
    const top = pki.root({ notAfter: at('2025-05-01T00:00:00') });
    const setting = { ...AFTER, anchors: { 'ca:acme': [top.cert], 'tsa:clock': [tsaRoot.cert] } };
    expect(await judge(jws(top.leaf()), setting)).toBe(MISSING);
  });
});

describe('a good timestamp', () => {
  it.each<[KeyKind]>(KEY_KINDS.map((key) => [key]))('312 passes over a signature by %s', async (key) => {
    const signer = root.leaf({ key });
    expect(await judge(stamped({}, { signer }), TSA)).toBe('PASS');
    expect(await judge(stampedCose({}, { signer }), TSA)).toBe('PASS');
  });

  it.each<[string, () => Uint8Array, Setting?]>([
    ['313 the certificate expired', () => stamped({}, { signer: expired })],
    ['313 the certificate expired, in COSE', () => stampedCose({}, { signer: expired })],
    ['313 the certificate expired, afterCertExpiry', () => stamped({}, { signer: expired }), AFTER],
    ['324 an imprint of SHA-384', () => stamped({ imprintHash: 'sha384' })],
    ['324 an imprint of SHA-512', () => stamped({ imprintHash: 'sha512' })],
    ['329 long-form lengths', () => stamped({ bend: (bytes) => withLongLengths(bytes, 4) })],
    ['330 attributes that are not in DER order', () => stamped({ bendAttributes: (list) => list.toReversed() })],
    ['a signature by RSA-PSS', () => stamped({ tsa: rsa, pss: true })],
    ['a signature by RSA with SHA-512', () => stamped({ tsa: rsa, digest: 'sha512' })],
    ['a certificate hash of SHA-512', () => stamped({ certificateHash: 'sha512' })],
    ['IssuerSerial', () => stamped({ issuerSerial: issuerSerialOf(tsa.cert) })],
    ['337 two signers, the first bad', () => stamped({ bendSignerInfo: (info) => [broken(info), info] })],
    ['a signing time inside the validity', () => stamped(signingTime(der.time(GEN_TIME)))],
    [
      'an attribute twice, the first good',
      () => stamped({ bendAttributes: (list) => [...list, attribute(CMS.contentType, der.oid(CMS.data))] }),
    ],
    ['the root not among the certificates', () => stamped({ certificates: tsa.chain.slice(0, 2) })],
    ['10 certificates', () => stamped({ certificates: [...tsa.chain, ...Array.from({ length: 7 }, () => leaf.cert)] })],
    ['more certificates than are needed', () => stamped({ certificates: [...tsa.chain, leaf.cert, root.cert] })],
    [
      'a nonce, an order and a name',
      () => stamped({ more: [der.boolean(true), der.integer(7), der.context(0, der.context(4, der.sequence()))] }),
    ],
    ['a time in the future', () => stamped({ genTime: at('2030-01-01T00:00:00') })],
    ['a time with a fraction', () => stamped({ genTimeText: '20250301120000.123Z' })],
    ['a time at the end of the certificate', () => stamped({}, { signer: ending })],
    ['349 no accuracy, at the end of the certificate, another policy', () => stamped(accuracy(), { signer: ending })],
    ['an accuracy that stays inside', () => stamped(accuracy(der.integer(86_400)), { signer: expired })],
    ['the store of another statement broken', () => stamped(), { ...TSA, anchors: { ...TSA.anchors, 'tsa:broken': [GARBAGE] } }],
    [
      'the root in the second of two stores',
      () => stamped(),
      { stores: ['ca:acme', 'tsa:a', 'tsa:clock'], anchors: { ...TSA.anchors, 'tsa:a': [root.cert] } },
    ],
  ])('%s', async (_, envelope, setting = TSA) => {
    expect(await judge(envelope(), setting)).toBe('PASS');
  });

  it('345 of an authority whose certificates have expired since', async () => {
    const { envelope, setting } = stampedBy(over, over);
    expect(await judge(envelope, setting)).toBe('PASS');
  });

  it('is part of what was found, with its time, its accuracy and the authority', async () => {
    const found = async (options: Partial<TokenOptions>) => (await verify(stamped(options), TSA)).timestamp;
    const seconds = GEN_TIME.getTime() / 1000;
    expect(await found({ genTimeText: '20250301120000.5Z', ...accuracy(der.integer(2), millis(7)) })).toMatchObject({
      time: { seconds, nanoseconds: 500_000_000 },
      accuracy: { seconds: 2, nanoseconds: 7_000_000 },
      authority: [[{ value: 'TSA' }]],
    });
    expect((await found({}))?.accuracy).toEqual({ seconds: 0, nanoseconds: 0 });
    expect((await found({ ...BASELINE }))?.accuracy).toEqual({ seconds: 1, nanoseconds: 0 });
    expect((await found({ ...BASELINE, ...accuracy(der.integer(0)) }))?.accuracy).toEqual({ seconds: 1, nanoseconds: 0 });
    expect((await found({ ...BASELINE, ...accuracy(millis(5)) }))?.accuracy).toEqual({ seconds: 0, nanoseconds: 5_000_000 });
    expect((await verify(jws(leaf, GARBAGE), { ...TSA, level: 'permissive' })).timestamp).toBeUndefined();
    expect((await verify(stamped())).timestamp).toBeUndefined();
  });
});

describe('a bad timestamp', () => {
  it.each<[string, () => Uint8Array, string]>([
    ['T2 garbage', () => jws(leaf, GARBAGE), 'failed to parse timestamp countersignature'],
    ['T2 more than 64 KiB', () => jws(leaf, new Uint8Array(64 * 1024 + 1)), 'expected at most 65536 bytes'],
    ['320 over another signature', () => stamped({ message: GARBAGE }), 'mismatched message'],
    ['321 over the payload', () => stamped({ message: payload }), 'mismatched message'],
    [
      '322 over the base64url text of the signature',
      () =>
        signJws({ signer: leaf, timestampSignature: (signature) => token()(Buffer.from(Buffer.from(signature).toString('base64url'))) }),
      'mismatched message',
    ],
    [
      'an imprint cut short',
      () =>
        signJws({ signer: leaf, timestampSignature: (signature) => token({ imprint: imprintOf(signature).subarray(0, 31) })(signature) }),
      'mismatched message',
    ],
    ['an imprint that is empty', () => stamped({ imprint: new Uint8Array() }), 'mismatched message'],
    ['T4 an imprint of SHA-1', () => stamped({ imprintHash: 'sha1' }), 'unrecognized hash algorithm: 1.3.14.3.2.26'],
    ['325 TSTInfo of version 2', () => stamped({ version: 2 }), 'timestamp token info version must be 1, but got 2'],
    ['326 content that is id-data', () => stamped({ contentType: CMS.data }), 'unexpected content type: 1.2.840.113549.1.7.1'],
    ['T3 content that is no TSTInfo', () => stamped({ bendInfo: () => der.NULL }), 'failed to get the timestamp TSTInfo'],
    ['T3 no content', () => stamped({ bendInfo: () => new Uint8Array() }), 'failed to get the timestamp TSTInfo'],
    ['T3 a negative accuracy', () => stamped(accuracy(der.tlv(0x02, Uint8Array.of(0xff)))), 'failed to get the timestamp TSTInfo'],
    [
      '328 an indefinite length',
      () => stamped({ bend: (bytes) => der.concat([Uint8Array.of(0x30, 0x80), bytes.subarray(4), Uint8Array.of(0, 0)]) }),
      'indefinite length',
    ],
    ['328 a trailing byte', () => stamped({ bend: (bytes) => der.concat([bytes, Uint8Array.of(0)]) }), '1 bytes after the last element'],
    ['9.3 version 1 of SignedData', () => stamped({ signedDataVersion: 1 }), 'unsupported signed data version: got 1'],
    [
      '9.3 a certificate that is none',
      () => stamped({ certificates: [...tsa.chain, der.sequence()] }),
      'failed to parse X.509 certificates',
    ],
    ['9.3 an attribute certificate', () => stamped({ certificates: [...tsa.chain, der.tlv(0xa1, der.NULL)] }), 'only X.509 certificates'],
    ['eleven certificates', () => stamped({ certificates: Array.from({ length: 11 }, () => tsa.cert) }), 'at most 10 certificates'],
    ['eleven signers', () => stamped({ bendSignerInfo: (info) => Array.from({ length: 11 }, () => info) }), 'at most 10 signers'],
    ['9.4 no signers', () => stamped({ bendSignerInfo: () => [] }), 'signerInfo not found'],
    [
      '332 messageDigest wrong',
      () => stamped(instead(1, attribute(CMS.messageDigest, der.octetString(new Uint8Array(32))))),
      'mismatch message digest',
    ],
    ['messageDigest of another type', () => stamped(instead(1, attribute(CMS.messageDigest, der.NULL))), 'expected tag 0x04'],
    ['messageDigest missing', () => stamped(without(1)), 'invalid message digest: attribute not found'],
    ['333 contentType missing', () => stamped(without(0)), 'invalid content type: attribute not found'],
    ['333 contentType other', () => stamped(instead(0, attribute(CMS.contentType, der.oid(CMS.data)))), 'mismatch content type'],
    ['contentType without a value', () => stamped(instead(0, attribute(CMS.contentType))), 'has no value'],
    ['no signed attributes', () => stamped({ bendAttributes: () => [] }), 'attribute not found'],
    [
      '334 signingCertificate of version 1 alone',
      () =>
        stamped(
          instead(2, attribute(CMS.signingCertificate, der.sequence(der.sequence(der.sequence(der.octetString(new Uint8Array(20))))))),
        ),
      'failed to get SigningCertificateV2 from signed attributes: attribute not found',
    ],
    [
      'signingCertificateV2 without certificates',
      () => stamped(instead(2, attribute(CMS.signingCertificateV2, der.sequence(der.sequence())))),
      'does not contain any certificate',
    ],
    ['336 IssuerSerial of another certificate', () => stamped({ issuerSerial: issuerSerialOf(tsaAuthority.cert) }), 'CertHash'],
    [
      '336 IssuerSerial of a certificate that is not there',
      () => stamped({ issuerSerial: issuerSerialOf(leaf.cert) }),
      'not found in the timestamp token',
    ],
    ['IssuerSerial without a directory name', () => stamped({ issuerSerial: issuerAndSerial(tsa.cert) }), 'issuer name is missing'],
    ['a certificate hash of SHA-1', () => stamped({ certificateHash: 'sha1' }), 'unsupported certificate hash algorithm'],
    [
      'a certificate hash of another certificate',
      () =>
        stamped({
          certificates: [tsa.cert, ...tsaAuthority.chain],
          ...instead(2, attribute(CMS.signingCertificateV2, der.sequence(der.sequence(der.sequence(der.octetString(new Uint8Array(32))))))),
        }),
      'does not match CertHash',
    ],
    ['338 no certificates', () => stamped({ certificates: [] }), 'signing certificate not found in the timestamp token'],
    [
      'the signing certificate missing',
      () => stamped({ certificates: tsaAuthority.chain }),
      'signing certificate not found in the timestamp token',
    ],
    ['a signer info of version 3', () => stamped({ signerVersion: 3 }), 'only version 1 is supported; got 3'],
    ['a digest algorithm of SHA-1', () => stamped({ digest: 'sha1' }), 'unsupported digest algorithm'],
    ['a signature that was changed', () => stamped({ bendSignature: broken }), 'verification error'],
    [
      'a signature over the attributes as they were written',
      () => stamped({ bendAttributes: (list) => list.toReversed(), signAsWritten: true }),
      'verification error',
    ],
    ['a signing time that is none', () => stamped(signingTime(der.NULL)), 'malformed time'],
    ['a signing time before the certificate', () => stamped(signingTime(der.time(at('2020-01-01T00:00:00')))), 'signing time is outside'],
    ['the intermediate missing', () => stamped({ certificates: [tsa.cert, tsaRoot.cert] }), 'signed by unknown authority'],
    [
      'T8 before the certificate',
      () => stamped({ genTime: at('2025-03-01T11:59:59') }, { signer: beginning }),
      'timestamp can be before certificate "CN=leaf,O=Notary,L=Seattle,ST=WA,C=US" validity period, it will be valid from "Sat, 01 Mar 2025 12:00:00 +0000"',
    ],
    [
      'T8 after the certificate',
      () => stamped({ genTime: at('2025-05-01T00:00:01') }, { signer: expired }),
      'it was expired at "Thu, 01 May 2025 00:00:00 +0000"',
    ],
    [
      'T8 a nanosecond after the certificate',
      () => stamped({ genTimeText: '20250301120000.000000001Z' }, { signer: ending }),
      'timestamp can be after',
    ],
    [
      '348 before the certificate less the accuracy',
      () => stamped(accuracy(der.integer(1)), { signer: beginning }),
      'timestamp can be before',
    ],
    ['348 after the certificate plus the accuracy', () => stamped(accuracy(millis(1)), { signer: ending }), 'timestamp can be after'],
    [
      '349 no accuracy, at the end of the certificate, baseline policy',
      () => stamped(BASELINE, { signer: ending }),
      'timestamp can be after',
    ],
    ['349 no accuracy, at the beginning, baseline policy', () => stamped(BASELINE, { signer: beginning }), 'timestamp can be before'],
    [
      'D26 an accuracy of zero, at the end, baseline policy',
      () => stamped({ ...BASELINE, ...accuracy(der.integer(0), millis(0)) }, { signer: ending }),
      'timestamp can be after',
    ],
  ])('%s', async (_, envelope, message) => {
    const { error, validations } = await verify(envelope(), TSA);
    expect(error?.message).toContain(message);
    expect([validations.at(-1)?.type, error?.code, error?.outcome]).toEqual(['authenticTimestamp', 'TIMESTAMP_INVALID', 'refused']);
  });

  it('T8 before an intermediate of the signer', async () => {
    const young = root.intermediate({ notBefore: at('2025-04-01T00:00:00') }).leaf();
    expect((await verify(stamped({}, { signer: young }), TSA)).error?.message).toContain(
      'timestamp can be before certificate "CN=Intermediate',
    );
  });

  it.each<[string, CertificateOptions, CertificateOptions]>([
    ['342 an extended key usage that is not critical', purpose(false, TIMESTAMPING), {}],
    ['342 a second extended key usage', purpose(true, TIMESTAMPING, OID.codeSigning), {}],
    ['342 a second, unknown extended key usage', purpose(true, TIMESTAMPING, '1.2.3'), {}],
    ['no extended key usage', { extensions: { [OID.extendedKeyUsage]: undefined } }, {}],
    ['344 an RSA key of 1024 bits', { key: 'RSA-1024' }, {}],
    ['an Ed25519 key', { key: 'Ed25519' }, {}],
    ['T7 keyEncipherment', { extensions: { [OID.keyUsage]: { critical: true, value: keyUsage(0, 2) } } }, {}],
    ['T7 no key usage', { extensions: { [OID.keyUsage]: undefined } }, {}],
    ['346 a certificate not valid yet at the time', { notBefore: at('2025-03-01T12:00:01') }, {}],
    ['346 a certificate expired at the time', { notAfter: at('2025-03-01T11:59:59') }, {}],
    ['346 a root not valid yet at the time', {}, { notBefore: at('2025-03-01T12:00:01') }],
    ['9.5 an unknown critical extension', { extensions: { '1.2.3.4': { critical: true, value: der.NULL } } }, {}],
    ['9.5 a root for another purpose', {}, purpose(false, OID.codeSigning)],
    ['a certificate signed with SHA-1', { signatureAlgorithm: 'sha1' }, {}],
  ])('by an authority with %s', async (_, leafOptions, rootOptions) => {
    const { envelope, setting } = stampedBy(leafOptions, rootOptions);
    expect(await judge(envelope, setting)).toBe(INVALID);
  });

  it('by an authority that would not do is not helped by a second signer that would', async () => {
    // What the first good signer's chain lacks is no reason to look at the next.
    const weak = tsaRoot.leaf(timestamping({ key: 'RSA-1024', subject: [['CN', 'Weak']] }));
    const envelope = signJws({
      signer: leaf,
      timestampSignature: (signature) => {
        const first = tokenSigner({ tsa: weak, message: signature, genTime: GEN_TIME });
        return token({ certificates: [...tsa.chain, weak.cert], bendSignerInfo: (info) => [first, info] })(signature);
      },
    });
    expect((await verify(envelope, TSA)).error?.message).toContain('rsa key size 1024 bits is not supported');
  });

  it.each<[string, Setting, string]>([
    [
      '340 the root in the ca store alone',
      { ...TSA, anchors: { 'ca:acme': [root.cert, tsaRoot.cert], 'tsa:clock': [root.cert] } },
      INVALID,
    ],
    ['another root of the same name', tsaStore(pki.root({ subject: [['CN', 'TSA Root']] }).cert), INVALID],
    ['341 an intermediate in the store', tsaStore(tsaAuthority.cert), STORE],
    ['341 the root and an intermediate in the store', tsaStore(tsaRoot.cert, tsaAuthority.cert), STORE],
    ['341 a leaf in the store', tsaStore(tsa.cert), STORE],
    ['341 a self-signed leaf in the store', tsaStore(pki.selfSigned().cert), STORE],
    ['T5 garbage in the store', tsaStore(tsaRoot.cert, GARBAGE), STORE],
    ['T5 nothing in the store', tsaStore(), STORE],
    ['T5 no such store', { ...TSA, anchors: { 'ca:acme': [root.cert] } }, STORE],
    ['T5 one of two stores broken', { ...TSA, stores: ['ca:acme', 'tsa:clock', 'tsa:absent'] }, STORE],
    ['T5 a store that gives nothing', { ...TSA, trustStore: { getCertificates: (type) => (type === 'tsa' ? new Map() : anchor) } }, STORE],
  ])('%s', async (_, setting, expected) => {
    expect(await judge(stamped(), setting)).toBe(expected);
  });

  it('is refused before a store that is broken is asked for: T4 comes before T5', async () => {
    expect(await judge(stamped({ version: 2 }), tsaStore(GARBAGE))).toBe(INVALID);
    expect((await verify(stamped(), tsaStore(GARBAGE))).error?.outcome).toBe('misconfigured');
  });
});
