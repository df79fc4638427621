import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { CborTag, type CborValue, decodeCbor, isCborArray, isCborMap } from '../../src/lib/cbor.ts';
import { checkIdentity } from '../../src/notation/identity.ts';
import { signatureBlob } from '../../src/notation/manifest.ts';
import type { VerificationOutcome } from '../../src/notation/types.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import * as cbor from '../cbor-writer.ts';
import { ownVectors } from '../conformance/vector-files.ts';
import { hasVectors, openVectors } from '../vectors.ts';
import { COSE, descriptor, JWS, judge, type Setting, verdict, verify } from './world.ts';

const vectors = openVectors();
const { bytes, certificates, json } = vectors;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CA = 'notation-go/verifier/testdata/truststore/x509/ca/valid-trust-store';
const ANCHORS = ['NotationTestRoot.pem', 'TestTimestamp.crt', 'TestTimestampNotYetValid.crt', 'wabbit-networks.io.crt'];

/** What a good envelope is about, as nothing beside the envelope says it. */
async function targetOf(envelope: Uint8Array, mediaType: string) {
  const { envelope: content } = await verify(envelope, { level: 'audit', mediaType });
  return content === undefined ? undefined : JSON.parse(Buffer.from(content.payload).toString()).targetArtifact;
}

/** The manifest that the two signatures beside it are about. */
const ALPINE = {
  mediaType: MANIFEST,
  digest: 'sha256:19dbd2e48e921426ee8ace4dc892edfb2ecdc1d1a72d5416c83670c30acecef0',
  size: 481,
};

async function judgeFile(path: string, setting: Setting): Promise<VerificationOutcome> {
  const envelope = bytes(path);
  const mediaType = setting.mediaType ?? (envelope[0] === 0xd2 ? COSE : JWS);
  const subject = setting.subject ?? (await targetOf(envelope, mediaType));
  return verify(envelope, { ...setting, mediaType, ...(subject && { subject }) });
}

function envelopes(): void {
  const MOCK = 'notation-go/internal/mock/testdata';
  const SIGNED = 'notation-go/verifier/testdata/timestamp/sigEnv';
  const store = ANCHORS.flatMap((name) => certificates(`${CA}/${name}`));
  const ca: Setting = { anchors: { 'ca:acme': store }, stores: ['ca:acme'] };
  const sa: Setting = { anchors: { 'signingAuthority:acme': store }, stores: ['signingAuthority:acme'] };
  const trusting = (path: string): Setting => ({
    anchors: { 'ca:acme': certificates(`notation-go/embedded/${path}`) },
    stores: ['ca:acme'],
  });
  const example = trusting('example/localVerify_cert.pem');
  const plugins = [
    'compatible_pluginver_sig_env_0.0.9',
    'compatible_pluginver_sig_env_1.0.0-alpha',
    'compatible_pluginver_sig_env_1.0.0',
  ].concat(
    ['compatible_pluginver_sig_env_1.0.0-alpha.beta', 'incompatible_pluginver_sig_env_1.0.1', 'incompatible_pluginver_sig_env_1.0.9'],
    ['incompatible_pluginver_sig_env_1.1.0-alpha', 'incompatible_pluginver_sig_env_1.2.3'],
  );

  it.each<[string, Setting, string]>([
    [`${MOCK}/ca_valid_sig_env.json`, ca, 'PASS'],
    [`${MOCK}/ca_valid_sig_env.json`, { ...ca, identities: ['x509.subject:C=US,ST=WA,O=Nobody'] }, 'authenticity IDENTITY_UNTRUSTED'],
    [`${MOCK}/ca_valid_sig_env.json`, { ...sa }, 'authenticity SIGNER_UNTRUSTED'],
    [`${MOCK}/ca_expired_sig_env.json`, ca, 'expiry SIGNATURE_EXPIRED'],
    [`${MOCK}/ca_expired_sig_env.json`, { ...ca, level: 'permissive' }, 'PASS'],
    [`${MOCK}/ca_invalid_sig_env.json`, ca, 'integrity SIGNATURE_INVALID'],
    [`${MOCK}/ca_invalid_sig_env.json`, { ...ca, level: 'audit' }, 'integrity SIGNATURE_INVALID'],
    [`${MOCK}/ca_invalid_sig_env.json`, { level: 'skip' }, 'PASS'],
    [`${MOCK}/ca_plugin_sig_env.json`, ca, 'payload PLUGIN_REQUIRED'],
    [`${MOCK}/ca_plugin_sig_env.json`, { ...ca, level: 'audit' }, 'payload PLUGIN_REQUIRED'],
    [`${MOCK}/sa_valid_sig_env.json`, sa, 'PASS'],
    [`${MOCK}/sa_valid_sig_env.json`, ca, 'authenticity SIGNER_UNTRUSTED'],
    [`${MOCK}/sa_expired_sig_env.json`, sa, 'expiry SIGNATURE_EXPIRED'],
    [`${MOCK}/sa_invalid_sig_env.json`, sa, 'integrity SIGNATURE_INVALID'],
    [`${MOCK}/sa_plugin_sig_env.json`, sa, 'payload PLUGIN_REQUIRED'],
    ...plugins.map((name): [string, Setting, string] => [`${MOCK}/ca_${name}.json`, ca, 'payload PLUGIN_REQUIRED']),
    [`${MOCK}/sig_env_with_metadata.json`, { ...ca, level: 'audit', userMetadata: { 'io.wabbit-networks.buildId': '123' } }, 'PASS'],
    [
      `${MOCK}/sig_env_with_metadata.json`,
      { ...ca, level: 'audit', userMetadata: { 'io.wabbit-networks.buildId': '321' } },
      'payload METADATA_MISMATCH',
    ],
    ['notation-go/embedded/example/localVerify.cose', example, 'PASS'],
    ['notation-go/embedded/example/localVerify.cose', ca, 'authenticity SIGNER_UNTRUSTED'],
    ['notation-go/embedded/verifier/testSig.blob.jws.json', trusting('verifier/trustedCert.pem'), 'PASS'],
    [
      'notation-go/embedded/verifier/testSig.blob.jws.json',
      { ...trusting('verifier/trustedCert.pem'), userMetadata: { buildId: '101' } },
      'PASS',
    ],
    [
      'notation-go/embedded/verifier/testSig.blob.jws.json',
      { ...trusting('verifier/trustedCert.pem'), userMetadata: { buildId: 'zzz' } },
      'payload METADATA_MISMATCH',
    ],
    ['notation-go/embedded/example/verifyBlob.jws.json', trusting('example/verifyBlob_cert.pem'), 'PASS'],
    ['notation-go/internal/testdata/jws_signature.sig', { level: 'audit', subject: ALPINE }, 'PASS'],
    ['notation-go/internal/testdata/cose_signature.sig', { level: 'audit', subject: ALPINE }, 'PASS'],
    [
      'notation/test/e2e/testdata/signatures/blob.cose.sig',
      { ...ca, override: { authenticity: 'log' } },
      'authenticTimestamp CERTIFICATE_EXPIRED',
    ],
    ['notation/test/e2e/testdata/signatures/malformed.jws.sig', ca, 'integrity ENVELOPE_INVALID'],
    ['notation-core-go/signature/jws/testdata/conformance.json', ca, 'integrity ENVELOPE_INVALID'],
    ['notation-core-go/embedded/cose/conformance_expectedOutput.cose', ca, 'integrity ENVELOPE_INVALID'],
    [`${MOCK}/sig_env_with_metadata.json`, { ...ca, override: { authenticity: 'log' } }, 'authenticTimestamp CERTIFICATE_EXPIRED'],
    [`${SIGNED}/jwsWithTimestamp.sig`, ca, 'PASS'],
    [`${SIGNED}/coseWithTimestamp.sig`, ca, 'PASS'],
    [`${SIGNED}/coseExpiredWithTimestamp.sig`, { ...ca, override: { authenticity: 'log' } }, 'authenticTimestamp CERTIFICATE_EXPIRED'],
    [`${SIGNED}/jwsExpiredWithTimestamp.sig`, { ...ca, override: { authenticity: 'log' } }, 'authenticTimestamp CERTIFICATE_EXPIRED'],
    [`${SIGNED}/timestampBeforeNotBefore.sig`, ca, 'authenticTimestamp CERTIFICATE_NOT_YET_VALID'],
    [`${SIGNED}/timestampAfterNotAfter.sig`, { ...ca, override: { authenticity: 'log' } }, 'authenticTimestamp CERTIFICATE_EXPIRED'],
  ])('%s with %j', async (path, setting, expected) => {
    expect(verdict(await judgeFile(path, setting))).toBe(expected);
  });

  it('says of the expired ones when they expired', async () => {
    expect((await judgeFile(`${MOCK}/ca_expired_sig_env.json`, ca)).error?.message).toContain(
      'digital signature has expired on "Fri, 29 Jul 2022 23:59:00 +0000"',
    );
    const { error } = await judgeFile(`${SIGNED}/jwsExpiredWithTimestamp.sig`, { ...ca, override: { authenticity: 'log' } });
    expect(error?.message).toContain('it was expired at "Tue, 18 Jun 2024 07:30:31 +0000"');
  });

  it('says what the conformance messages lack', async () => {
    for (const path of ['signature/jws/testdata/conformance.json', 'embedded/cose/conformance_expectedOutput.cose']) {
      expect((await judgeFile(`notation-core-go/${path}`, ca)).error?.message).toContain('certificate chain is not present');
    }
  });

  it('verifyBlob.jws.json is about the text beside it', async () => {
    const { digest, size } = await targetOf(bytes('notation-go/embedded/example/verifyBlob.jws.json'), JWS);
    const text = bytes('notation-go/embedded/example/verifyBlob_content.txt');
    expect([digest, size]).toEqual([`sha384:${createHash('sha384').update(text).digest('hex')}`, text.length]);
  });
}

function layouts(): void {
  const LAYOUTS = 'notation/test/e2e/testdata/registry/oci_layout';
  const KEYS = 'notation/test/e2e/testdata/config/localkeys';
  const anchor = (name: string): Setting => ({ anchors: { 'ca:e2e': certificates(`${KEYS}/${name}`) }, stores: ['ca:e2e'] });
  const blobOf = (layout: string, digest: string) => `${LAYOUTS}/${layout}/blobs/${digest.replace(':', '/')}`;
  const subjectOf = (layout: string) => {
    const [{ mediaType, digest, size }] = json(`${LAYOUTS}/${layout}/index.json`).manifests;
    return { mediaType, digest, size };
  };

  it.each<[string, string, string, Setting, string]>([
    ['e2e-valid-signature', '90ceaff260d657d797c408ac73564a9c7bb9d86055877c2a811f0e63b8c6524f', 'the anchor', anchor('e2e.crt'), 'PASS'],
    [
      'e2e-valid-signature',
      '90ceaff260d657d797c408ac73564a9c7bb9d86055877c2a811f0e63b8c6524f',
      'another',
      anchor('new_e2e.crt'),
      'authenticity SIGNER_UNTRUSTED',
    ],
    [
      'e2e-expired-signature',
      '3829708badae8e4b14e1adbc2fac7182bc0c27c5b6f54153e8b68a12eab10a1e',
      'strict',
      anchor('e2e.crt'),
      'expiry SIGNATURE_EXPIRED',
    ],
    [
      'e2e-expired-signature',
      '3829708badae8e4b14e1adbc2fac7182bc0c27c5b6f54153e8b68a12eab10a1e',
      'audit',
      { ...anchor('e2e.crt'), level: 'audit' },
      'PASS',
    ],
    [
      'e2e-with-expired-cert',
      'b06e392c2d88206b492dbaf5381800578611eb24f86587bc7717cd3b736e5da7',
      'strict',
      anchor('expired_e2e.crt'),
      'authenticTimestamp CERTIFICATE_EXPIRED',
    ],
    [
      'e2e-with-expired-cert',
      'b06e392c2d88206b492dbaf5381800578611eb24f86587bc7717cd3b736e5da7',
      'permissive',
      { ...anchor('expired_e2e.crt'), level: 'permissive' },
      'PASS',
    ],
    [
      'e2e-invalid-signature',
      '321fcc674d6771dd0e5bd21e599f2df3a482de99a400fd3a3fe371221b97a9c9',
      'audit',
      { ...anchor('e2e.crt'), level: 'audit' },
      'integrity ENVELOPE_INVALID',
    ],
    [
      'e2e-valid-multiple-signatures',
      '90ceaff260d657d797c408ac73564a9c7bb9d86055877c2a811f0e63b8c6524f',
      'the first',
      anchor('e2e.crt'),
      'PASS',
    ],
    [
      'e2e-valid-multiple-signatures',
      'c3ebe4a20b6832328fc5078a7795ddc1114b896e13fca2add38109c3866b5fbf',
      'the second',
      anchor('e2e.crt'),
      'authenticity SIGNER_UNTRUSTED',
    ],
  ])('%s: manifest %s with %s', async (layout, hex, _case, setting, expected) => {
    const subject = subjectOf(layout);
    const blob = signatureBlob(bytes(blobOf(layout, `sha256:${hex}`)), MANIFEST, descriptor(subject));
    expect(await judge(bytes(blobOf(layout, blob.digest)), { ...setting, mediaType: blob.mediaType, subject })).toBe(expected);
  });
}

function manifests(): void {
  it('refuse a signature without an envelope, whatever its config', () => {
    const name = 'image_manifest_with_valid_artifactType_but_invalid_config_MediaType';
    const manifest = json(`notation-go/embedded/registry/${name}.manifest.json`);
    const subject = { ...manifest.subject, digest: manifest.subject.digest.replace('sha256:', '') };
    const read = () => signatureBlob(Buffer.from(JSON.stringify({ ...manifest, subject })), MANIFEST, descriptor(subject));
    expect(read).toThrow('requires exactly one signature envelope blob, got 0');
  });
}

/** Deterministic encoding (RFC 8949 section 4.2.1) of what the headers have in them. */
function encoded(value: CborValue): Uint8Array {
  if (typeof value === 'number' || typeof value === 'bigint') return cbor.int(value);
  if (typeof value === 'string') return cbor.text(value);
  if (value instanceof CborTag) return cbor.tag(Number(value.tag), encoded(value.value));
  if (isCborArray(value)) return cbor.array(...value.map(encoded));
  if (!isCborMap(value)) throw new TypeError('nothing that a header has');
  const entries = [...value].map(([key, item]) => [encoded(key), encoded(item)] as const);
  return cbor.map(...entries.sort(([a], [b]) => Buffer.compare(a, b)));
}

function headers(): void {
  const CORE = 'notation-core-go/embedded/cose';
  it.each([
    ['protected', 'protectedHeaders'],
    ['unprotected', 'unprotectedHeaders'],
  ])('the %s one of the conformance message is encoded as ours are', (name, member) => {
    const header = bytes(`${CORE}/conformance_${name}.cbor`);
    expect(Buffer.from(header)).toEqual(
      Buffer.from(json('notation-core-go/signature/cose/testdata/conformance.json')[member].cborHex, 'hex'),
    );
    expect(Buffer.from(encoded(decodeCbor(header, { tags: true })))).toEqual(Buffer.from(header));
  });

  it('both stand in the message as they are', () => {
    const message = Buffer.from(bytes(`${CORE}/conformance_expectedOutput.cose`));
    for (const name of ['protected', 'unprotected'])
      expect(message.includes(Buffer.from(bytes(`${CORE}/conformance_${name}.cbor`)))).toBe(true);
  });
}

function subjects(): void {
  const FOLDER = 'notation-go/verifier/testdata/verifier';
  const check = (path: string, identity: string) => () => {
    for (const der of certificates(`${FOLDER}/${path}`)) checkIdentity(parseCertificate(der).subject, [identity], 'test');
  };

  it('signing-cert.pem has the identity that it is known by, and no other', () => {
    expect(check('signing-cert.pem', 'x509.subject:CN=SomeCN,OU=SomeOU,O=SomeOrg,L=Seattle,ST=WA,C=US')).not.toThrow();
    expect(check('signing-cert.pem', 'x509.subject:CN=SomeCN,OU=Other,O=SomeOrg,L=Seattle,ST=WA,C=US')).toThrow('does not match');
  });

  it('bad-cert.pem, whose subject holds "=#", has none but *', () => {
    expect(check('bad-cert.pem', 'x509.subject:C=US,ST=WA,O=SomeOrg')).toThrow('=#');
    expect(check('bad-cert.pem', '*')).not.toThrow();
  });
}

// The files are kept beside the repository, not in it.
if (hasVectors) {
  describe("envelopes of the reference's tests", envelopes);
  describe("image layouts of the reference's tests", layouts);
  describe("signature manifests of the reference's tests", manifests);
  describe("COSE headers of the reference's tests", headers);
  describe("subjects of the reference's tests", subjects);
  it('reads every file that is its own', () => {
    expect(ownVectors('notation/vectors').filter((path) => !vectors.read.has(path))).toEqual([]);
  });
}
