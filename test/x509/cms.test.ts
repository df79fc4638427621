import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { readSignedData } from '../../src/x509/cms.ts';
import { DerError } from '../../src/x509/der.ts';
import { readTstInfo } from '../../src/x509/tst-info.ts';
import { withLongLengths } from '../ber-writer.ts';
import * as der from '../der-writer.ts';
import { extensionOf, pki } from '../pki.ts';
import { attribute, CMS, issuerAndSerial, type TokenOptions, timestampToken } from '../timestamp-token.ts';

const tsa = pki.root().leaf();
const MESSAGE = Buffer.from('a signature');
const AT = new Date('2025-03-01T12:00:00Z');
const token = (over: Partial<TokenOptions> = {}) => timestampToken({ tsa, message: MESSAGE, genTime: AT, ...over });
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const ALGORITHM = der.sequence(der.oid('1.2.840.10045.4.3.2'));

/** A SignedData of these parts after the version. */
const signedData = (...parts: readonly der.Part[]) =>
  der.sequence(der.oid(CMS.signedData), der.context(0, der.sequence(der.integer(3), ...parts)));
const DIGESTS = der.tlv(0x31, ALGORITHM);
const CONTENT = der.sequence(der.oid(CMS.tstInfo), der.context(0, der.octetString(Uint8Array.of(1))));
const NO_SIGNERS = der.tlv(0x31);
const signerInfo = (...more: readonly der.Part[]) =>
  der.sequence(der.integer(1), issuerAndSerial(tsa.cert), ALGORITHM, ALGORITHM, der.octetString(Uint8Array.of(1)), ...more);
const signedBy = (signer: Uint8Array) => signedData(DIGESTS, CONTENT, der.tlv(0x31, signer));

describe('readSignedData', () => {
  it('gives the content, the certificates and who signed', () => {
    const found = readSignedData(token());
    expect(found.contentType).toBe(CMS.tstInfo);
    expect(found.certificates.map(hexOf)).toEqual(tsa.chain.map(hexOf));
    const [signer, ...more] = found.signerInfos;
    const certificate = parseCertificate(tsa.cert);
    expect(more).toEqual([]);
    expect(signer?.version).toBe(1);
    expect(signer?.serialNumber).toBe(certificate.serialNumber);
    expect(hexOf(signer?.rawIssuer ?? new Uint8Array())).toBe(hexOf(certificate.rawIssuer));
    expect(signer?.digestAlgorithm.oid).toBe('2.16.840.1.101.3.4.2.1');
    expect(signer?.signatureAlgorithm.oid).toBe('1.2.840.10045.4.3.2');
    expect(signer?.signedAttributes.map(({ type }) => type)).toEqual([CMS.contentType, CMS.messageDigest, CMS.signingCertificateV2]);
    expect(hexOf(signer?.signedAttributes[1]?.values[0]?.content ?? new Uint8Array())).toBe(sha256(found.content ?? new Uint8Array()));
  });

  it('gives the set that was signed in DER, in whatever order and lengths it came', () => {
    const bytesOf = (over: Partial<TokenOptions>) => hexOf(readSignedData(token(over)).signerInfos[0]?.signedBytes ?? new Uint8Array());
    const sorted = bytesOf({});
    expect(sorted.startsWith('31')).toBe(true);
    expect(bytesOf({ bendAttributes: (list) => list.toReversed() })).toBe(sorted);
    expect(bytesOf({ bend: (bytes) => withLongLengths(bytes, 3) })).toBe(sorted);
  });

  it('reads a message without content, certificates and signers, and signers without attributes', () => {
    const empty = readSignedData(signedData(der.tlv(0x31), der.sequence(der.oid(CMS.data)), NO_SIGNERS));
    expect(empty).toEqual({ contentType: CMS.data, content: undefined, certificates: [], signerInfos: [] });
    expect(readSignedData(signedBy(signerInfo())).signerInfos[0]?.signedAttributes).toEqual([]);
    expect(readSignedData(signedData(DIGESTS, CONTENT, der.context(1), NO_SIGNERS)).signerInfos).toEqual([]);
    const unsigned = der.context(1, attribute('1.2.3', der.NULL));
    expect(readSignedData(signedBy(signerInfo(unsigned))).signerInfos).toHaveLength(1);
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['328 a byte after the token', token({ bend: (bytes) => der.concat([bytes, Uint8Array.of(0)]) })],
    [
      '328 an indefinite length',
      token({ bend: (bytes) => der.concat([Uint8Array.of(0x30, 0x80), bytes.subarray(4), Uint8Array.of(0, 0)]) }),
    ],
    ['content of another type', der.sequence(der.oid(CMS.data), der.context(0, der.octetString(MESSAGE)))],
    ['a second content', der.sequence(der.oid(CMS.signedData), der.context(0, der.sequence(), der.sequence()))],
    ['something after the content', der.sequence(der.oid(CMS.signedData), der.context(0, der.sequence(der.integer(3))), der.NULL)],
    ['version 1', token({ signedDataVersion: 1 })],
    ['version 4', token({ signedDataVersion: 4 })],
    ['digest algorithms that are none', signedData(der.tlv(0x31, der.NULL), CONTENT, NO_SIGNERS)],
    [
      'content in pieces',
      signedData(DIGESTS, der.sequence(der.oid(CMS.tstInfo), der.context(0, der.tlv(0x24, der.octetString(MESSAGE)))), NO_SIGNERS),
    ],
    ['content that is no octet string', signedData(DIGESTS, der.sequence(der.oid(CMS.tstInfo), der.context(0, der.NULL)), NO_SIGNERS)],
    ['an attribute certificate', token({ certificates: [...tsa.chain, der.tlv(0xa1, der.NULL)] })],
    ['revocation lists', signedData(DIGESTS, CONTENT, der.context(1, der.sequence()), NO_SIGNERS)],
    ['no signer infos', signedData(DIGESTS, CONTENT)],
    ['something after the signer infos', signedData(DIGESTS, CONTENT, NO_SIGNERS, der.NULL)],
    ['signer infos in a sequence', signedData(DIGESTS, CONTENT, der.sequence())],
    [
      'a signer named by its key',
      signedBy(der.sequence(der.integer(3), der.tlv(0x80, MESSAGE), ALGORITHM, ALGORITHM, der.octetString(MESSAGE))),
    ],
    ['a signer without a signature', signedBy(der.sequence(der.integer(1), issuerAndSerial(tsa.cert), ALGORITHM, ALGORITHM))],
    ['something after the unsigned attributes', signedBy(signerInfo(der.NULL))],
    ['an unsigned attribute without values', signedBy(signerInfo(der.context(1, der.sequence(der.oid('1.2.3')))))],
    [
      'an attribute whose values are no set',
      token({ bendAttributes: (list) => [...list, der.sequence(der.oid('1.2.3'), der.sequence())] }),
    ],
    [
      'an attribute with something after its values',
      token({ bendAttributes: (list) => [...list, der.sequence(der.oid('1.2.3'), der.tlv(0x31), der.NULL)] }),
    ],
    ['a tag over 30', token({ bendAttributes: (list) => [...list, Uint8Array.of(0x1f, 0x20, 0)] })],
    ['more than 64 KiB', token({ certificates: Array.from({ length: 200 }, () => tsa.cert) })],
  ])('refuses %s', (_, bytes) => {
    expect(() => readSignedData(bytes)).toThrow(DerError);
  });

  it('throws nothing but its own error for a token that was disturbed', () => {
    const good = token();
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, octet) => {
        const bad = Uint8Array.from(good);
        bad[at] = octet;
        try {
          readSignedData(bad);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('readTstInfo', () => {
  const info = (over: Partial<TokenOptions> = {}) => readSignedData(token(over)).content ?? new Uint8Array();
  const accuracy = (...parts: readonly Uint8Array[]) => ({ accuracy: der.sequence(...parts) });
  const time = (genTimeText: string) => ({ genTimeText });
  const millis = (octet: number) => der.tlv(0x80, Uint8Array.of(octet));

  it('gives the imprint, the policy, the time and how far it may be off', () => {
    const found = readTstInfo(info(accuracy(der.integer(1), millis(5), der.tlv(0x81, Uint8Array.of(7)))));
    expect(found).toMatchObject({
      version: 1,
      policy: '1.3.6.1.4.1.4146.2.3',
      imprint: { algorithm: { oid: '2.16.840.1.101.3.4.2.1' } },
      genTime: { seconds: AT.getTime() / 1000, nanoseconds: 0 },
      accuracy: { seconds: 1, nanoseconds: 5_007_000 },
    });
    expect(hexOf(found.imprint.digest)).toBe(sha256(MESSAGE));
    expect(readTstInfo(info()).accuracy).toBeUndefined();
  });

  it.each<[string, Partial<TokenOptions>, number, number]>([
    ['a fraction', time('20250301120000.5Z'), 0, 500_000_000],
    ['a fraction of nine digits', time('20250301120000.123456789Z'), 0, 123_456_789],
    ['an offset to the east', time('20250301120000+0130'), -5400, 0],
    ['an offset to the west', time('20250301120000.001-0130'), 5400, 1_000_000],
  ])('reads a time with %s', (_, over, seconds, nanoseconds) => {
    expect(readTstInfo(info(over)).genTime).toEqual({ seconds: AT.getTime() / 1000 + seconds, nanoseconds });
  });

  it.each<[string, Partial<TokenOptions>]>([
    ['D26 an accuracy of zero', accuracy(der.integer(0), millis(0))],
    ['an accuracy without parts', accuracy()],
    [
      'what else there may be',
      {
        more: [
          der.boolean(true),
          der.integer(77),
          der.context(0, der.context(4, der.sequence())),
          der.context(1, extensionOf('1.2.3', der.NULL)),
        ],
      },
    ],
  ])('reads %s', (_, over) => {
    expect(readTstInfo(info(over)).version).toBe(1);
  });

  it.each<[string, Partial<TokenOptions>]>([
    ['a time without seconds', time('202503011200Z')],
    ['a time without a zone', time('20250301120000')],
    ['a fraction that ends in zero', time('20250301120000.640Z')],
    ['a fraction without digits', time('20250301120000.Z')],
    ['a fraction of ten digits', time('20250301120000.1234567891Z')],
    ['a comma', time('20250301120000,5Z')],
    ['an offset of zero', time('20250301120000+0000')],
    ['an offset of 24 hours', time('20250301120000+2400')],
    ['a day that is not in the calendar', time('20250229120000Z')],
    ['a leap second', time('20250301120060Z')],
    ['an accuracy below zero', accuracy(der.tlv(0x02, Uint8Array.of(0xff)))],
    ['an accuracy beyond every time', accuracy(der.integer(2n ** 40n))],
    ['a thousand milliseconds', accuracy(der.tlv(0x80, Uint8Array.of(0x03, 0xe8)))],
    ['milliseconds below zero', accuracy(millis(0xff))],
    ['an accuracy with more parts', accuracy(der.integer(1), der.tlv(0x82, Uint8Array.of(1)))],
    ['an accuracy that is none', { accuracy: der.NULL }],
    ['a critical extension', { more: [der.context(1, extensionOf('1.2.3', der.NULL, true))] }],
    ['an extension twice', { more: [der.context(1, extensionOf('1.2.3', der.NULL), extensionOf('1.2.3', der.NULL))] }],
    ['something after the last field', { more: [der.NULL] }],
    ['something after it', { bendInfo: (bytes) => der.concat([bytes, der.NULL]) }],
    ['a boolean that is neither', { more: [der.tlv(0x01, Uint8Array.of(1))] }],
    ['an imprint without a digest', { bendInfo: () => der.sequence(der.integer(1), der.oid('1.2.3'), der.sequence(ALGORITHM)) }],
    ['a negative version', { bendInfo: () => der.sequence(der.tlv(0x02, Uint8Array.of(0xff)), der.oid('1.2.3')) }],
    ['nothing', { bendInfo: () => new Uint8Array() }],
  ])('refuses %s', (_, over) => {
    expect(() => readTstInfo(info(over))).toThrow(DerError);
  });

  it('throws nothing but its own error', () => {
    const good = info(accuracy(der.integer(1)));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, octet) => {
        const bad = Uint8Array.from(good);
        bad[at] = octet;
        try {
          readTstInfo(bad);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
