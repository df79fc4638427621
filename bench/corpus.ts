import { type Digest, digestOf } from '../src/oci/digest.ts';
import { type Issued, pki } from '../test/pki.ts';
import { signJws } from '../test/sign.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const SIGNATURE = 'application/vnd.cncf.notary.signature';
const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(Buffer.from('{}')), size: 2 };

interface Described {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
}

/** Everything a registry of one repository serves, by digest. */
export interface Corpus {
  readonly images: readonly Digest[];
  readonly manifests: ReadonlyMap<string, Buffer>;
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** Referrers of an image, in the order of listing. */
  readonly referrers: ReadonlyMap<string, readonly Described[]>;
  readonly root: Issued;
}

export interface Shape {
  readonly images: number;
  /** Good signatures on each image. */
  readonly signatures: number;
  /** Other artifacts on each image, listed before the signatures. */
  readonly others: number;
  /** Who signs an image. Default: one leaf right below the root, for all of them. */
  readonly signerOf?: (root: Issued, image: number) => Issued;
  /** The timestamp token of a signature. Default: none. */
  readonly stamp?: (signature: Uint8Array) => Uint8Array;
}

/** Makes images signed with RSA-2048 keys; every run has the same shape. */
export function makeCorpus({ images, signatures, others, signerOf, stamp }: Shape): Corpus {
  const root = pki.root({ key: 'RSA-2048' });
  const only = signerOf === undefined ? root.leaf({ key: 'RSA-2048' }) : undefined;
  const manifests = new Map<string, Buffer>();
  const blobs = new Map<string, Buffer>();
  const referrers = new Map<string, Described[]>();
  const keep = (into: Map<string, Buffer>, mediaType: string, bytes: Buffer): Described => {
    const digest = digestOf(bytes);
    into.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const names = Array.from({ length: images }, (_, index) => {
    const signer = only ?? signerOf?.(root, index) ?? root;
    const image = keep(
      manifests,
      MANIFEST,
      json({ schemaVersion: 2, mediaType: MANIFEST, config: EMPTY, layers: [], annotations: { index: String(index) } }),
    );
    const attach = (artifactType: string, layer: Described): Described => {
      const manifest = json({ schemaVersion: 2, mediaType: MANIFEST, artifactType, config: EMPTY, layers: [layer], subject: image });
      return { ...keep(manifests, MANIFEST, manifest), artifactType };
    };
    const list = [
      ...Array.from({ length: others }, (_other, other) =>
        attach('application/spdx+json', keep(blobs, 'application/spdx+json', json({ other, index }))),
      ),
      ...Array.from({ length: signatures }, (_signature, nth) =>
        attach(SIGNATURE, keep(blobs, 'application/jose+json', envelope(signer, image, nth, stamp))),
      ),
    ];
    referrers.set(image.digest, list);
    return image.digest;
  });
  return { images: names, manifests, blobs, referrers, root };
}

function envelope(signer: Issued, image: Described, nth: number, stamp: Shape['stamp']): Buffer {
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, nth));
  return Buffer.from(signJws({ signer, subject: image, time, ...(stamp === undefined ? {} : { timestampSignature: stamp }) }));
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
