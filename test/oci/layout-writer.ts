import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Descriptor, digestOf } from '../../src/oci/index.ts';
import { bytesOf, INDEX, MANIFEST } from '../fakes/registry.ts';

export const EMPTY_CONFIG = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(bytesOf('{}')), size: 2 };

export interface LayoutFolder {
  readonly path: string;
  /** Writes content as a blob; it is taken as it is if it is bytes or text, else written as JSON. */
  blob(content: unknown, mediaType?: string): Descriptor;
  /** Writes index.json. */
  index(manifests: readonly object[], change?: object): void;
  file(name: string, content: string): void;
  dispose(): void;
}

/** An image layout in a temporary folder, empty. */
export function openLayout(): LayoutFolder {
  const path = mkdtempSync(join(tmpdir(), 'layout-'));
  mkdirSync(join(path, 'blobs/sha256'), { recursive: true });
  const file = (name: string, content: string) => writeFileSync(join(path, name), content);
  const index: LayoutFolder['index'] = (manifests, change = {}) =>
    file('index.json', JSON.stringify({ schemaVersion: 2, manifests, ...change }));
  file('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  index([]);
  return {
    path,
    file,
    index,
    blob: (content, mediaType = MANIFEST) => {
      const bytes = bytesOf(content);
      const digest = digestOf(bytes);
      writeFileSync(join(path, 'blobs/sha256', digest.slice('sha256:'.length)), bytes);
      return { mediaType, digest, size: bytes.length };
    },
    dispose: () => rmSync(path, { recursive: true }),
  };
}

/** The content of an image manifest. */
export function imageManifest(change: object = {}): object {
  return { schemaVersion: 2, mediaType: MANIFEST, config: EMPTY_CONFIG, layers: [], ...change };
}

/** The content of an index. */
export function indexManifest(manifests: readonly object[]): object {
  return { schemaVersion: 2, mediaType: INDEX, manifests };
}
