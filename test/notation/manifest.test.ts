import { describe, expect, it } from '@jest/globals';
import { NotationError } from '../../src/notation/errors.ts';
import { signatureBlob } from '../../src/notation/manifest.ts';
import { SUBJECT } from '../sign.ts';
import { descriptor } from './world.ts';

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';
const TYPE = 'application/vnd.cncf.notary.signature';
const EMPTY = 'application/vnd.oci.empty.v1+json';
const DIGEST = `sha256:${'1'.repeat(64)}`;
const MiB = 1024 * 1024;
type Members = Readonly<Record<string, unknown>>;
const blob = (more: Members = {}) => ({ mediaType: 'application/jose+json', digest: DIGEST, size: 2048, ...more });
const manifest = (more: Members = {}) => ({
  schemaVersion: 2,
  mediaType: IMAGE,
  artifactType: TYPE,
  config: { mediaType: EMPTY, digest: DIGEST, size: 2 },
  layers: [blob()],
  subject: SUBJECT,
  annotations: { 'io.cncf.notary.x509chain.thumbprint#S256': '["00"]' },
  ...more,
});
const read = (value: unknown, mediaType = IMAGE) =>
  signatureBlob(typeof value === 'string' ? Buffer.from(value) : Buffer.from(JSON.stringify(value)), mediaType, descriptor(SUBJECT));
const verdict = (value: unknown, mediaType?: string): string => {
  try {
    read(value, mediaType);
    return 'read';
  } catch (error) {
    return error instanceof NotationError ? error.code : 'thrown';
  }
};

describe('signatureBlob', () => {
  it('names the envelope', () => {
    expect(read(manifest())).toEqual({ mediaType: 'application/jose+json', digest: DIGEST, size: 2048 });
  });

  it.each<[string, unknown, string]>([
    ['33 the legacy form', manifest({ artifactType: undefined, config: { mediaType: TYPE, digest: DIGEST, size: 2 } }), IMAGE],
    ['34 an OCI artifact manifest', { mediaType: ARTIFACT, artifactType: TYPE, blobs: [blob()], subject: SUBJECT }, ARTIFACT],
    ['32 a config of another type', manifest({ config: { mediaType: 'application/json', digest: DIGEST, size: 2 } }), IMAGE],
    ['32 no config', manifest({ config: undefined }), IMAGE],
    ['no subject', manifest({ subject: undefined }), IMAGE],
    ['53 D17 no thumbprints', manifest({ annotations: undefined }), IMAGE],
    ['53 D17 thumbprints that are not JSON', manifest({ annotations: { 'io.cncf.notary.x509chain.thumbprint#S256': '[' } }), IMAGE],
    ['49 a layer of any type, which the envelope reader judges', manifest({ layers: [blob({ mediaType: 'application/x' })] }), IMAGE],
    ['41 a layer of 4 MiB', manifest({ layers: [blob({ size: 4 * MiB })] }), IMAGE],
    ['members that are not known', manifest({ foo: 1, layers: [blob({ urls: ['https://x'], data: 'e30=' })] }), IMAGE],
  ])('reads %s', (_case, value, mediaType) => {
    expect(verdict(value, mediaType)).toBe('read');
  });

  it.each<[string, unknown, string]>([
    ['A-R-36 no layers', manifest({ layers: [] }), IMAGE],
    ['layers that are missing', manifest({ layers: undefined }), IMAGE],
    ['layers in an object', manifest({ layers: {} }), IMAGE],
    ['A-R-36 two layers', manifest({ layers: [blob(), blob()] }), IMAGE],
    ['38 D25 A-R-24 another subject', manifest({ subject: { ...SUBJECT, digest: DIGEST } }), IMAGE],
    ['a subject that is text', manifest({ subject: SUBJECT.digest }), IMAGE],
    ['a layer beyond 4 MiB', manifest({ layers: [blob({ size: 4 * MiB + 1 })] }), IMAGE],
    ['44 a layer of negative size', manifest({ layers: [blob({ size: -1 })] }), IMAGE],
    ['a layer of a size with a fraction', manifest({ layers: [blob({ size: 1.5 })] }), IMAGE],
    ['a layer without a size', manifest({ layers: [blob({ size: undefined })] }), IMAGE],
    ['a layer with a digest that is none', manifest({ layers: [blob({ digest: 'sha256:x' })] }), IMAGE],
    ['8 a layer with an MD5 digest', manifest({ layers: [blob({ digest: `md5:${'0'.repeat(32)}` })] }), IMAGE],
    ['a layer without a media type', manifest({ layers: [blob({ mediaType: undefined })] }), IMAGE],
    ['a layer of null', manifest({ layers: [null] }), IMAGE],
    ['40 more than 4 MiB', `${JSON.stringify(manifest())}${' '.repeat(4 * MiB)}`, IMAGE],
    ['48 a Docker manifest', manifest(), 'application/vnd.docker.distribution.manifest.v2+json'],
    ['an image manifest as an artifact manifest', manifest(), ARTIFACT],
    ['a media type with a parameter', manifest(), `${IMAGE}; charset=utf-8`],
    ['54 no JSON', 'x', IMAGE],
    ['54 nothing', '', IMAGE],
    ['a list', [], IMAGE],
    ['A-R-32 layers twice', JSON.stringify(manifest()).replace('"layers"', '"layers":[],"layers"'), IMAGE],
    ['A-R-32 text after it', `${JSON.stringify(manifest())}{}`, IMAGE],
    ['A-R-33 10,000 lists in each other', '['.repeat(10_000), IMAGE],
  ])('refuses %s', (_case, value, mediaType) => {
    expect(verdict(value, mediaType)).toBe('ENVELOPE_INVALID');
  });
});
