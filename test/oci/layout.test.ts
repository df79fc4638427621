import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLayout, type Descriptor, digestOf, type Reference, type Referrer, type Registry } from '../../src/oci/index.ts';
import { bytesOf, INDEX, MANIFEST, SIGNATURE } from '../fakes/registry.ts';
import { EMPTY_CONFIG, imageManifest, indexManifest, type LayoutFolder, openLayout } from './layout-writer.ts';
import { failure, never } from './world.ts';

const REGISTRY = 'registry.example';
const REPOSITORY = { registry: REGISTRY, path: 'team/app' };
const named = (descriptor: Descriptor, name: string) => ({ ...descriptor, annotations: { 'org.opencontainers.image.ref.name': name } });

async function listed(layout: Registry, descriptor: Descriptor, types: readonly string[] = []): Promise<readonly Referrer[]> {
  const found: Referrer[] = [];
  for await (const page of layout.listReferrers({ repository: REPOSITORY, descriptor }, types, never)) found.push(...page);
  return found;
}

describe('an image layout', () => {
  let folder: LayoutFolder;
  let layout: Registry;
  let image: Descriptor;
  beforeEach(() => {
    folder = openLayout();
    layout = createLayout(folder.path, REGISTRY);
    image = folder.blob(imageManifest());
  });
  afterEach(() => folder.dispose());

  const resolve = (reference: Partial<Reference>) => layout.resolve({ ...REPOSITORY, ...reference }, never);

  it.each(['registry.example/team/app:v1', 'team/app:v1', 'v1'])('finds a tag under the name %s', async (name) => {
    folder.index([named(image, name)]);
    expect(await resolve({ tag: 'v1' })).toEqual(image);
  });

  it('prefers the name that says most', async () => {
    const other = folder.blob(imageManifest({ annotations: { other: 'yes' } }));
    folder.index([named(other, 'v1'), named(image, 'registry.example/team/app:v1')]);
    expect(await resolve({ tag: 'v1' })).toEqual(image);
    expect(await resolve({ tag: 'v1', path: 'team/other' })).toEqual(other);
  });

  it('finds a digest in its index, in an index inside, and beside them', async () => {
    const inside = folder.blob(imageManifest({ annotations: { inside: 'yes' } }));
    const beside = folder.blob(imageManifest({ annotations: { beside: 'yes' } }));
    const nested = folder.blob(indexManifest([inside]), INDEX);
    folder.index([image, nested]);
    for (const descriptor of [image, nested, inside, beside]) expect(await resolve({ digest: descriptor.digest })).toEqual(descriptor);
  });

  it.each<[string, string, (folder: LayoutFolder, image: Descriptor) => void]>([
    ['a tag that no entry has', 'IMAGE_NOT_FOUND', (to, one) => to.index([named(one, 'v2')])],
    ['a tag of another repository', 'IMAGE_NOT_FOUND', (to, one) => to.index([named(one, 'team/other:v1')])],
    ['a tag of another registry', 'IMAGE_NOT_FOUND', (to, one) => to.index([named(one, 'other.example/team/app:v1')])],
    ['an entry that is no image', 'CONTENT_INVALID', (to, one) => to.index([named({ ...one, mediaType: 'text/plain' }, 'v1')])],
    [
      'A-R-32: an index with a duplicate key',
      'CONTENT_INVALID',
      (to) => to.file('index.json', '{"schemaVersion":2,"manifests":[],"manifests":[]}'),
    ],
    ['an index that is not there', 'REGISTRY_UNREACHABLE', (to) => rmSync(join(to.path, 'index.json'))],
    ['an index over 4 MiB', 'CONTENT_INVALID', (to) => to.index([], { padding: 'x'.repeat(4 * 1024 * 1024) })],
    ['no oci-layout', 'REGISTRY_UNREACHABLE', (to) => rmSync(join(to.path, 'oci-layout'))],
    ['another version in oci-layout', 'CONTENT_INVALID', (to) => to.file('oci-layout', '{"imageLayoutVersion":"2.0.0"}')],
    ['a manifest of another size', 'CONTENT_TRUNCATED', (to, one) => to.index([named({ ...one, size: one.size + 1 }, 'v1')])],
    ['a manifest of a smaller size', 'CONTENT_INVALID', (to, one) => to.index([named({ ...one, size: one.size - 1 }, 'v1')])],
    ['a manifest of other bytes', 'CONTENT_INVALID', (to, one) => tamper(to, one)],
    ['indexes in indexes', 'CONTENT_INVALID', (to, one) => to.index([nestedIndex(to, one, 9)])],
    ['a negative size', 'CONTENT_INVALID', (to, one) => to.index([named({ ...one, size: -1 }, 'v1')])],
  ])('refuses %s', async (_, code, prepare) => {
    prepare(folder, image);
    expect(await failure(resolve({ tag: 'v1' }))).toMatchObject({ code });
  });

  function tamper(to: LayoutFolder, one: Descriptor): void {
    to.file(`blobs/sha256/${one.digest.slice(7)}`, 'x'.repeat(one.size));
    to.index([named(one, 'v1')]);
  }

  function nestedIndex(to: LayoutFolder, inner: Descriptor, depth: number): Descriptor {
    return depth === 0 ? inner : to.blob(indexManifest([nestedIndex(to, inner, depth - 1)]), INDEX);
  }

  it('does not know a digest without a blob', async () => {
    expect(await failure(resolve({ digest: digestOf(bytesOf('x')) }))).toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  it('tells a blob that is no image', async () => {
    expect(await failure(resolve({ digest: folder.blob('layer').digest }))).toMatchObject({ code: 'CONTENT_INVALID' });
    expect(await failure(resolve({ digest: folder.blob('{}').digest }))).toMatchObject({ code: 'CONTENT_INVALID' });
  });

  it('V-ORAS-07: does not follow a link to outside', async () => {
    const secret = bytesOf('secret');
    folder.file('secret', 'secret');
    const digest = digestOf(secret);
    symlinkSync(join(folder.path, 'secret'), join(folder.path, 'blobs/sha256', digest.slice(7)));
    const fetched = layout.fetchBlob(REPOSITORY, { mediaType: 'text/plain', digest, size: secret.length }, never);
    expect(await failure(fetched)).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
  });

  it('does not go where a digest that is none would lead', async () => {
    const digest = 'sha256:../../oci-layout' as typeof image.digest; // no parser of ours lets it through
    expect(await failure(layout.fetchBlob(REPOSITORY, { ...image, digest }, never))).toMatchObject({ code: 'CONTENT_INVALID' });
  });

  it('is read again when its index changes', async () => {
    folder.index([named(image, 'v1')]);
    await resolve({ tag: 'v1' });
    folder.index([named(image, 'version-2')]);
    expect(await failure(resolve({ tag: 'v1' }))).toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  describe('lists as referrers', () => {
    const subjectOf = ({ mediaType, digest, size }: Descriptor) => ({ mediaType, digest, size });
    const signature = (change: object = {}) => imageManifest({ artifactType: SIGNATURE, subject: subjectOf(image), ...change });

    it.each<[string, () => object]>([
      ['32: a signature with an empty config', () => signature()],
      ['33: a legacy one', () => signature({ artifactType: undefined, config: { ...EMPTY_CONFIG, mediaType: SIGNATURE } })],
    ])('%s', async (_, content) => {
      const descriptor = folder.blob(content());
      folder.index([image, descriptor]);
      expect(await listed(layout, image, [SIGNATURE])).toEqual([{ ...descriptor, artifactType: SIGNATURE }]);
      expect(await listed(layout, image)).toHaveLength(1);
      expect(await listed(layout, image, ['text/plain'])).toEqual([]);
    });

    it('34: an artifact manifest', async () => {
      const mediaType = 'application/vnd.oci.artifact.manifest.v1+json';
      const descriptor = folder.blob({ mediaType, artifactType: SIGNATURE, blobs: [], subject: subjectOf(image) }, mediaType);
      folder.index([image, descriptor]);
      expect(await listed(layout, image, [SIGNATURE])).toEqual([{ ...descriptor, artifactType: SIGNATURE }]);
    });

    it('one in an index inside, with its annotations, once', async () => {
      const descriptor = folder.blob(signature({ annotations: { note: 'x' } }));
      folder.index([image, descriptor, folder.blob(indexManifest([descriptor]), INDEX)]);
      expect(await listed(layout, image)).toEqual([{ ...descriptor, artifactType: SIGNATURE, annotations: { note: 'x' } }]);
    });

    it.each<[string, () => object]>([
      ['36: whose subject has another size', () => signature({ subject: { ...subjectOf(image), size: image.size + 1 } })],
      ['whose subject has another media type', () => signature({ subject: { ...subjectOf(image), mediaType: INDEX } })],
      ['A-R-24: whose subject has another digest', () => signature({ subject: { ...subjectOf(image), digest: digestOf(bytesOf('x')) } })],
      ['37: without a subject', () => signature({ subject: undefined })],
      ['with a null subject', () => signature({ subject: null })],
    ])('none %s', async (_, content) => {
      folder.index([image, folder.blob(content())]);
      expect(await listed(layout, image)).toEqual([]);
    });

    it.each<[string, () => object]>([
      ['a subject that is a string', () => signature({ subject: 'x' })],
      ['a subject with a size that is a string', () => signature({ subject: { ...subjectOf(image), size: '1' } })],
      ['A-R-37: annotations that are numbers', () => signature({ annotations: { a: 1 } })],
      ['no config', () => signature({ artifactType: undefined, config: undefined })],
    ])('nothing where a manifest has %s', async (_, content) => {
      folder.index([image, folder.blob(content())]);
      expect(await failure(listed(layout, image))).toMatchObject({ code: 'CONTENT_INVALID' });
    });

    it('none of a manifest that is not there', async () => {
      folder.index([image, { mediaType: MANIFEST, digest: digestOf(bytesOf('x')), size: 1 }]);
      expect(await listed(layout, image)).toEqual([]);
    });
  });
});
