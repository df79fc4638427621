import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

const EMPTY_TAR = Buffer.alloc(1024);
const EMPTY_LAYER = gzipSync(EMPTY_TAR);
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

/** A manifest with the bytes it needs: child manifests first of all, blobs with them. */
export interface Image {
  readonly descriptor: Descriptor;
  readonly manifest: Buffer;
  readonly blobs: readonly Buffer[];
  readonly children: readonly Image[];
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function describeBytes(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}

/** A well-formed image with nothing in it; the label makes its digest its own. */
export function tinyImage(label: string, architecture = 'amd64'): Image {
  const config = encode({
    architecture,
    os: 'linux',
    config: { Labels: { 'org.opencontainers.image.title': label } },
    rootfs: { type: 'layers', diff_ids: [sha256(EMPTY_TAR)] },
  });
  const manifest = encode({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: describeBytes('application/vnd.oci.image.config.v1+json', config),
    layers: [describeBytes('application/vnd.oci.image.layer.v1.tar+gzip', EMPTY_LAYER)],
  });
  return { descriptor: describeBytes(MANIFEST_TYPE, manifest), manifest, blobs: [config, EMPTY_LAYER], children: [] };
}

/** An index over one tiny image for each architecture. */
export function tinyIndex(label: string, architectures: readonly string[] = ['amd64', 'arm64']): Image {
  const children = architectures.map((architecture) => tinyImage(label, architecture));
  const manifests = children.map(({ descriptor }, index) => ({
    ...descriptor,
    platform: { os: 'linux', architecture: architectures[index] },
  }));
  const manifest = encode({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests });
  return { descriptor: describeBytes(INDEX_TYPE, manifest), manifest, blobs: [], children };
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
