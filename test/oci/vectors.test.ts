import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createLayout, type Descriptor, digestOf, type Referrer, type Registry } from '../../src/oci/index.ts';
import { ownVectors, pathsOf, VECTOR_SUITES } from '../conformance/vector-files.ts';
import { SIGNATURE } from '../fakes/registry.ts';
import { hasVectors, openVectors, VECTORS } from '../vectors.ts';
import { EMPTY_CONFIG, imageManifest, openLayout } from './layout-writer.ts';
import { never } from './world.ts';

const vectors = openVectors();
const REPOSITORY = { registry: 'registry.example', path: 'team/app' };
const LAYOUTS = 'notation/test/e2e/testdata/registry/oci_layout';

async function listed(layout: Registry, descriptor: Descriptor): Promise<readonly Referrer[]> {
  const found: Referrer[] = [];
  for await (const page of layout.listReferrers({ repository: REPOSITORY, descriptor }, [SIGNATURE], never)) found.push(...page);
  return found;
}

/** Descriptors that stand anywhere in a document. */
function descriptorsIn(value: unknown): readonly { readonly digest: string; readonly size: number }[] {
  if (typeof value !== 'object' || value === null) return [];
  const inside = Object.values(value).flatMap(descriptorsIn);
  return 'digest' in value && 'size' in value ? [{ digest: String(value.digest), size: Number(value.size) }, ...inside] : inside;
}

/** Reads all that an index leads to; every blob is what its descriptor says. */
function readAll(folder: string): void {
  const seen = new Set<string>();
  const follow = (document: unknown): void => {
    for (const { digest, size } of descriptorsIn(document)) {
      if (seen.has(digest)) continue;
      seen.add(digest);
      const bytes = vectors.bytes(`${folder}/blobs/${digest.replace(':', '/')}`);
      expect([digestOf(bytes), bytes.length]).toEqual([digest, size]);
      const text = Buffer.from(bytes).toString();
      if (text.startsWith('{') && text.includes('"schemaVersion"')) follow(JSON.parse(text));
    }
  };
  expect(vectors.json(`${folder}/oci-layout`)).toEqual({ imageLayoutVersion: '1.0.0' });
  follow(vectors.json(`${folder}/index.json`));
}

function layouts(): void {
  it.each([
    ['e2e', 0],
    ['e2e-valid-signature', 1],
    ['e2e-valid-multiple-signatures', 2],
    ['e2e-expired-signature', 1],
    ['e2e-invalid-signature', 1],
    ['e2e-with-expired-cert', 1],
    ['e2e-with-timestamped-signature', 1],
    ['e2e-with-invalid-timestamped-signature', 1],
  ])('%s is whole, and lists %d signatures of its image', async (name, count) => {
    readAll(`${LAYOUTS}/${name}`);
    const layout = createLayout(join(VECTORS, LAYOUTS, name), REPOSITORY.registry);
    const image = await layout.resolve({ ...REPOSITORY, tag: 'v1' }, never);
    const referrers = await listed(layout, image);
    expect(referrers).toHaveLength(count);
    for (const referrer of referrers) {
      const manifest = JSON.parse(Buffer.from(await layout.fetchManifest(REPOSITORY, referrer, never)).toString());
      expect(manifest.subject.digest).toBe(image.digest);
    }
  });

  it('the layout of notation-go resolves v2 to the image that its signatures are about', async () => {
    const folder = 'notation-go/internal/testdata/oci-layout';
    const layout = createLayout(join(VECTORS, folder), REPOSITORY.registry);
    const image = await layout.resolve({ ...REPOSITORY, tag: 'v2' }, never);
    expect([image.digest, image.size]).toEqual(['sha256:19dbd2e48e921426ee8ace4dc892edfb2ecdc1d1a72d5416c83670c30acecef0', 481]);
    const [{ digest, size }] = vectors.json(`${folder}/index.json`).manifests;
    const manifest = vectors.json(`${folder}/blobs/${digest.replace(':', '/')}`);
    expect([digest, size]).toEqual([image.digest, image.size]);
    expect(digestOf(vectors.bytes(`${folder}/blobs/${manifest.config.digest.replace(':', '/')}`))).toBe(manifest.config.digest);
    expect(vectors.json(`${folder}/oci-layout`)).toEqual({ imageLayoutVersion: '1.0.0' });
  });
}

function manifests(): void {
  const ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';
  it.each([
    ['image_manifest_with_valid_artifactType_and_config_MediaType', true],
    ['image_manifest_with_no_artifactType_and_valid_config_MediaType', true],
    // Listed, and then refused for its config: test/notation/vectors.test.ts.
    ['image_manifest_with_valid_artifactType_but_invalid_config_MediaType', true],
    ['image_manifest_with_no_artifactType_and_invalid_config_MediaType', false],
    ['image_manifest_with_invalid_artifactType', false],
    ['artifact_manifest_with_invalid_artifactType', false],
  ])('%s is a signature: %s', async (name, expected) => {
    const folder = openLayout();
    try {
      const image = folder.blob(imageManifest());
      const isArtifact = name.startsWith('artifact');
      const subject = { mediaType: image.mediaType, digest: image.digest, size: image.size };
      const written = vectors.json(`notation-go/embedded/registry/${name}.manifest.json`);
      // The descriptors are incomplete, and the subject none.
      const content = { ...written, schemaVersion: 2, config: { ...EMPTY_CONFIG, ...written.config }, subject };
      folder.index([image, isArtifact ? folder.blob(content, ARTIFACT) : folder.blob(content)]);
      expect(await listed(createLayout(folder.path, REPOSITORY.registry), image)).toHaveLength(expected ? 1 : 0);
    } finally {
      folder.dispose();
    }
  });
}

// The files are kept beside the repository, not in it.
if (hasVectors) {
  describe("image layouts of the reference's tests", layouts);
  describe("signature manifests of the reference's tests", manifests);
  it('reads every file that is its own', () => {
    expect(ownVectors('oci/vectors').filter((path) => !vectors.read.has(path))).toEqual([]);
  });
  it.each((VECTOR_SUITES['oci/vectors'] ?? []).filter(({ names }) => names === undefined))('$folder has $count files', (files) => {
    expect(pathsOf([files])).toHaveLength(files.count);
  });
}
