import { describe, expect, it } from '@jest/globals';
import type { RevocationPort } from '../../src/lib/revocation.ts';
import { signatureBlob } from '../../src/notation/manifest.ts';
import { checkTimestamp } from '../../src/notation/timestamp.ts';
import { createTrustStore } from '../../src/notation/trust-store.ts';
import type { EnvelopeContent, VerificationOutcome } from '../../src/notation/types.ts';
import { childrenOf, readDer, TAG } from '../../src/x509/der.ts';
import { ownVectors } from '../conformance/vector-files.ts';
import { SUBJECT } from '../sign.ts';
import { hasVectors, openVectors } from '../vectors.ts';
import { COSE, descriptor, edit, facts, JWS, NOW, policyOf, type Setting, verdict, verify } from './world.ts';

const vectors = openVectors();
const { bytes, certificates } = vectors;

/** The authorities' responders and lists, which say of every certificate that it is good: nobody here could sign that in their name. */
const ANSWERS: Readonly<Record<string, unknown>> = {
  ocsp: { status: 'good', thisUpdate: NOW, nextUpdate: new Date(NOW.getTime() + 3_600_000), extensions: [] },
};
const nobody = async (): Promise<never> => {
  throw new Error('nothing is fetched');
};
const good: RevocationPort = {
  fetchOcsp: nobody,
  fetchCrl: nobody,
  // What is remembered under this kind is a SingleResponse.
  answers: { remember: async (kind) => ANSWERS[kind] as never },
};

const SIGNED = 'notation-go/verifier/testdata/timestamp/sigEnv';
const TOKENS = 'notation-go/verifier/testdata/timestamp/countersignature';
const STORES = 'notation-go/verifier/testdata/truststore/x509';
const OLD = { authenticity: 'log' };

function envelopes(): void {
  const signers = ['TestTimestamp.crt', 'TestTimestampNotYetValid.crt'].flatMap((name) =>
    certificates(`${STORES}/ca/valid-trust-store/${name}`),
  );
  const stores = (tsa: string): Setting => ({
    anchors: { 'ca:acme': signers, 'tsa:clock': certificates(`${STORES}/tsa/${tsa}`) },
    stores: ['ca:acme', 'tsa:clock'],
    revocation: good,
  });
  const tsa = stores('test-timestamp/globalsignRoot.cer');

  async function judgeFile(envelope: Uint8Array, setting: Setting): Promise<VerificationOutcome> {
    const mediaType = envelope[0] === 0xd2 ? COSE : JWS;
    const { envelope: content } = await verify(envelope, { level: 'audit', mediaType });
    const subject = content === undefined ? undefined : JSON.parse(Buffer.from(content.payload).toString()).targetArtifact;
    return verify(envelope, { ...setting, mediaType, ...(subject && { subject }) });
  }

  it.each<[string, Setting, string]>([
    ['312 jwsWithTimestamp.sig', tsa, 'PASS'],
    ['312 coseWithTimestamp.sig', tsa, 'PASS'],
    ['jwsWithTimestamp.sig', { ...tsa, verifyTimestamp: 'afterCertExpiry' }, 'PASS'],
    ['313 jwsExpiredWithTimestamp.sig', { ...tsa, override: OLD }, 'PASS'],
    ['313 coseExpiredWithTimestamp.sig', { ...tsa, override: OLD }, 'PASS'],
    ['313 jwsExpiredWithTimestamp.sig', { ...tsa, override: OLD, verifyTimestamp: 'afterCertExpiry' }, 'PASS'],
    [
      '314 jwsExpiredWithTimestamp.sig',
      { ...tsa, override: OLD, stores: ['ca:acme'] },
      'CERTIFICATE_EXPIRED it was expired at "Tue, 18 Jun 2024 07:30:31 +0000"',
    ],
    [
      'timestampAfterNotAfter.sig',
      { ...tsa, override: OLD },
      'TIMESTAMP_INVALID timestamp can be after certificate; it was expired at "Tue, 18 Sep 2001 11:54:34 +0000"',
    ],
    [
      'timestampBeforeNotBefore.sig',
      tsa,
      'TIMESTAMP_INVALID timestamp can be before certificate; it will be valid from "Fri, 18 Sep 2099 11:54:34 +0000"',
    ],
    [
      'withoutTimestamp.sig',
      { ...tsa, override: OLD },
      'TIMESTAMP_MISSING no timestamp countersignature was found in the signature envelope',
    ],
    ['jwsWithTimestamp.sig', stores('test-mismatch/DigiCertTSARootSHA384.cer'), 'TIMESTAMP_INVALID signed by unknown authority'],
    [
      'jwsWithTimestamp.sig',
      stores('test-nonCA/wabbit-networks.io.crt'),
      'TRUST_STORE_INVALID failed to load tsa trust store; is not a root CA certificate',
    ],
    ['jwsWithTimestamp.sig', stores('test-nonSelfIssued/nonSelfIssued.crt'), 'TRUST_STORE_INVALID is not a root CA certificate'],
    ['jwsWithTimestamp.sig', { ...tsa, stores: ['ca:acme', 'tsa:other'] }, 'TRUST_STORE_INVALID does not exist'],
  ])('%s with %j', async (name, setting, expected) => {
    const outcome = await judgeFile(bytes(`${SIGNED}/${name.split(' ').at(-1)}`), setting);
    if (expected === 'PASS') expect(verdict(outcome)).toBe('PASS');
    else expectFailure(outcome, expected);
  });

  it.each([
    ['TimeStampToken.p7s', 'invalid TSTInfo: mismatched message'],
    ['TimeStampTokenWithInvalidTSTInfo.p7s', 'failed to get the timestamp TSTInfo with error: cannot unmarshal TSTInfo'],
    [
      'TimeStampTokenWithInvalideContentType.p7s',
      'failed to parse timestamp countersignature with error: unexpected content type: 1.2.840.113549.1.7.1',
    ],
    // Of another message, which is found out first.
    ['TimeStampTokenWithoutCertificate.p7s', 'mismatched message'],
  ])('withoutTimestamp.sig with %s in it: %s', async (name, expected) => {
    const token = Buffer.from(bytes(`${TOKENS}/${name}`)).toString('base64');
    const envelope = edit(bytes(`${SIGNED}/withoutTimestamp.sig`), (members) => {
      members.header = { ...(members.header as object), 'io.cncf.notary.timestampSignature': token };
    });
    expectFailure(await judgeFile(envelope, { ...tsa, override: OLD }), `TIMESTAMP_INVALID ${expected}`);
  });

  it('blob.jws.sig has the token of an authority that is not among the vectors', async () => {
    const envelope = bytes('notation/test/e2e/testdata/signatures/blob.jws.sig');
    expectFailure(await judgeFile(envelope, { ...tsa, override: OLD }), 'TIMESTAMP_INVALID signed by unknown authority');
  });
}

function expectFailure({ error, validations }: VerificationOutcome, expected: string): void {
  const [code, ...words] = expected.split(' ');
  expect([validations.at(-1)?.type, error?.code]).toEqual(['authenticTimestamp', code]);
  for (const part of words.join(' ').split('; ')) expect(error?.message).toContain(part);
}

function layouts(): void {
  const LAYOUTS = 'notation/test/e2e/testdata/registry/oci_layout';
  const roots = certificates('notation/test/e2e/testdata/config/timestamp/globalsignTSARoot.cer');
  const setting: Setting = { stores: ['ca:acme', 'tsa:e2e'], anchors: { 'ca:acme': [], 'tsa:e2e': roots }, revocation: good };

  it.each([
    ['e2e-with-timestamped-signature', '6a5cd3a886707a317935dcaf13954fc80ef9aeb665262b6ae4fe469ad7ea3aea', 'expiry SIGNATURE_EXPIRED', {}],
    [
      'e2e-with-timestamped-signature',
      '6a5cd3a886707a317935dcaf13954fc80ef9aeb665262b6ae4fe469ad7ea3aea',
      'authenticTimestamp TIMESTAMP_INVALID',
      { expiry: 'log' },
    ],
    [
      'e2e-with-invalid-timestamped-signature',
      'eee3eec7d2947f77713484753bea67879ff62c08a73a49a41151ed18c4d1c000',
      'authenticTimestamp TIMESTAMP_INVALID',
      { expiry: 'log' },
    ],
  ])('%s: manifest %s is %s with %j', async (layout, hex, expected, override) => {
    const at = (digest: string) => bytes(`${LAYOUTS}/${layout}/blobs/${digest.replace(':', '/')}`);
    const [{ mediaType, digest, size }] = JSON.parse(Buffer.from(bytes(`${LAYOUTS}/${layout}/index.json`)).toString()).manifests;
    const subject = { mediaType, digest, size };
    const blob = signatureBlob(at(`sha256:${hex}`), 'application/vnd.oci.image.manifest.v1+json', descriptor(subject));
    const outcome = await verify(at(blob.digest), {
      ...setting,
      mediaType: blob.mediaType,
      subject,
      override: { authenticity: 'log', ...override },
    });
    expect(verdict(outcome)).toBe(expected);
    expect(outcome.validations[0]).toEqual({ type: 'integrity', action: 'enforce' });
  });
}

/** What the countersignature steps say of a token over these bytes, whoever signed them. */
async function judgeToken(token: Uint8Array, message = Buffer.from('notation')): Promise<string> {
  const root = certificates('tspclient-go/testdata/GlobalSignRootCA.crt');
  const input = {
    envelope: new Uint8Array(),
    mediaType: JWS,
    subject: descriptor(SUBJECT),
    policy: policyOf({ stores: ['tsa:clock'] }),
    trustStore: await createTrustStore(new Map([['tsa:clock' as const, root]])),
    now: NOW,
    facts: facts(),
    signal: new AbortController().signal,
  };
  const envelope: EnvelopeContent = {
    payload: new Uint8Array(),
    payloadContentType: '',
    certificateChain: [],
    signingScheme: 'notary.x509',
    signingTime: { seconds: 0, nanoseconds: 0 },
    expiry: undefined,
    extendedAttributes: [],
    signature: message,
    timestampSignature: token,
    signingAgent: undefined,
  };
  const { error, timestamp } = await checkTimestamp(input, envelope, { port: good });
  return error === undefined ? `OK ${timestamp?.time.seconds}` : `${error.code} ${error.message}`;
}

const TIME = Date.parse('2021-09-17T14:09:10Z') / 1000;

function tokens(): void {
  it.each([
    ['testdata/TimeStampToken.p7s', 'OK'],
    ['testdata/TimeStampTokenWithValidAndInvalidSignerInfos.p7s', 'OK'],
    ['testdata/TimeStampTokenNoRoot.p7s', 'mismatched message'],
    ['testdata/SHA1TimeStampToken.p7s', 'unrecognized hash algorithm: 1.2.840.113549.1.1.5'],
    ['testdata/TimeStampTokenWithInvalidSignature.p7s', 'cms verification failure'],
    ['testdata/TimeStampTokenWithInvalidSigningCertificateV1.p7s', 'mismatched message'],
    ['testdata/TimeStampTokenWithInvalidSigningCertificateV2.p7s', 'failed to verify the timestamp countersignature'],
    ['testdata/TimeStampTokenWithInvalidTSTInfo.p7s', 'cannot unmarshal TSTInfo from timestamp token'],
    ['testdata/TimeStampTokenWithInvalideContentType.p7s', 'unexpected content type: 1.2.840.113549.1.7.1. Expected to be id-ct-TSTInfo'],
    ['testdata/TimeStampTokenWithMismatchCertHash.p7s', 'signing certificate hash does not match CertHash in signed attribute'],
    ['testdata/TimeStampTokenWithSHA1CertHash.p7s', 'unsupported certificate hash algorithm in SigningCertificateV2 attribute'],
    ['testdata/TimeStampTokenWithSigningCertificateV1.p7s', 'mismatched message'],
    ['testdata/TimeStampTokenWithSigningCertificateV1NoCert.p7s', 'mismatched message'],
    ['testdata/TimeStampTokenWithSigningCertificateV2NoCert.p7s', 'signingCertificateV2 does not contain any certificate'],
    ['testdata/TimeStampTokenWithTSTInfoVersion2.p7s', 'timestamp token info version must be 1, but got 2'],
    ['testdata/TimeStampTokenWithWrongSigningCertificateV2IssuerChoiceTag.p7s', 'issuer name is missing in IssuerSerial'],
    ['testdata/TimeStampTokenWithoutCertificate.p7s', 'signing certificate not found in the timestamp token'],
    ['testdata/TimeStampTokenWithoutSigningCertificate.p7s', 'attribute not found'],
    ['internal/cms/testdata/TimeStampToken.p7s', 'OK'],
    ['internal/cms/testdata/TimeStampTokenWithAnInvalidAndAValidSignerInfo.p7s', 'OK'],
    // IssuerSerial, which is signed, names the certificate; what the signer says beside it is not compared.
    ['internal/cms/testdata/TimeStampTokenWithUnknownSignerIssuer.p7s', 'OK'],
    // Changed after they were signed, for tests of single steps: as tokens, the reference refuses them by their signature too.
    ['testdata/TimeStampTokenWithoutSigningCertificateV2IssuerSerial.p7s', 'cms verification failure'],
    ['internal/cms/testdata/TimeStampTokenWithSigningTime.p7s', 'cms verification failure'],
    ['internal/cms/testdata/TimeStampTokenWithSigningTimeBeforeExpected.p7s', 'cms verification failure'],
    ['internal/cms/testdata/TimeStampTokenInvalidSignedAttributeContentType.p7s', 'mismatch content type'],
    ['internal/cms/testdata/TimeStampTokenWithInvalidCertificates.p7s', 'failed to parse X.509 certificates from signed data'],
    ['internal/cms/testdata/TimeStampTokenWithInvalidContentType.p7s', 'failed to'],
    ['internal/cms/testdata/TimeStampTokenWithInvalidSignature.p7s', 'cms verification failure'],
    ['internal/cms/testdata/TimeStampTokenWithInvalidSigningTime.p7s', 'failed to parse timestamp countersignature'],
    ['internal/cms/testdata/TimeStampTokenWithSignedAttributeSHA1.p7s', 'failed to verify the timestamp countersignature'],
    ['internal/cms/testdata/TimeStampTokenWithSignerVersion2.p7s', 'only version 1 is supported'],
    ['internal/cms/testdata/TimeStampTokenWithoutCertificate.p7s', 'signing certificate not found in the timestamp token'],
    ['internal/cms/testdata/TimeStampTokenWithoutSignedAttributeContentType.p7s', 'invalid content type'],
    ['internal/cms/testdata/TimeStampTokenWithoutSignedAttributeDigest.p7s', 'invalid message digest'],
    ['internal/cms/testdata/TimeStampTokenWithoutSignedAttributes.p7s', 'attribute not found'],
    ['internal/cms/testdata/TimeStampTokenWithoutSigner.p7s', 'signerInfo not found'],
    ['internal/cms/testdata/Sha1SignedData.p7s', 'failed to parse timestamp countersignature'],
    ['internal/cms/testdata/SignedDataWithoutSignedAttributes.p7s', 'failed to parse timestamp countersignature'],
    // Responses, in which tokens stand.
    ['testdata/granted.tsq', 'failed to parse timestamp countersignature'],
    ['testdata/malformed.tsq', 'failed to parse timestamp countersignature'],
    ['testdata/rejection.tsq', 'failed to parse timestamp countersignature'],
  ])('%s: %s', async (path, expected) => {
    const found = await judgeToken(bytes(`tspclient-go/${path}`));
    if (expected === 'OK') expect(found).toBe(`OK ${TIME}`);
    else expect(found).toContain(expected);
    if (expected !== 'OK') expect(found).toMatch(/^TIMESTAMP_INVALID /);
  });

  it('TimeStampToken.p7s is over no other message', async () => {
    expect(await judgeToken(bytes('tspclient-go/testdata/TimeStampToken.p7s'), Buffer.from('invalid'))).toContain('mismatched message');
  });

  it.each([
    ['granted.tsq', `OK ${Date.parse('2021-09-18T11:54:34Z') / 1000}`],
    ['validResponseWithSigningCertificateV1.tsr', 'mismatched message'],
  ])('the token in %s: %s', async (name, expected) => {
    const [, token] = childrenOf(readDer(bytes(`tspclient-go/testdata/${name}`)), TAG.sequence);
    expect(await judgeToken(token?.raw ?? new Uint8Array())).toContain(expected);
  });

  it.each([['notation-core-go/internal/timestamp/testdata'], ['notation/cmd/notation/internal/display/metadata/testdata']])(
    '%s/TimeStampTokenWithInvalidSignature.p7s',
    async (path) => {
      expect(await judgeToken(bytes(`${path}/TimeStampTokenWithInvalidSignature.p7s`))).toContain('cms verification failure');
    },
  );
}

// The files are kept beside the repository, not in it.
if (hasVectors) {
  describe("timestamped envelopes of the reference's tests", envelopes);
  describe("timestamped image layouts of the reference's tests", layouts);
  describe('tokens of tspclient-go', tokens);
  it('reads every file that is its own', () => {
    expect(ownVectors('notation/timestamp-vectors').filter((path) => !vectors.read.has(path))).toEqual([]);
  });
}
