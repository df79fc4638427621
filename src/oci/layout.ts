import type { Stats } from 'node:fs';
import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError, errorText } from '../lib/errors.ts';
import type { JsonObject } from '../lib/json.ts';
import { checkContent, checkDescriptor } from './content.ts';
import { type Descriptor, type Referrer, sameContent } from './descriptor.ts';
import { parseAnnotations, parseDescriptor, parseIndex, parseObject } from './descriptor-json.ts';
import type { Digest } from './digest.ts';
import { ContentError, RegistryError } from './errors.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { ARTIFACT_MANIFEST, DOCKER_LIST, isImageType, OCI_INDEX, OCI_MANIFEST } from './media-types.ts';
import { type Reference, referenceText } from './reference.ts';
import type { Registry } from './registry.ts';
import { foreignText } from './text.ts';

/** Everything that `index.json` leads to. */
interface Scan {
  /** Entries of `index.json` and of the indexes in it, in their order. */
  readonly entries: readonly Referrer[];
  readonly referrers: readonly { readonly subject: Descriptor; readonly referrer: Referrer }[];
}

const REF_NAME = 'org.opencontainers.image.ref.name';
const MAX_ENTRIES = 4096;
const MAX_DEPTH = 4;
const { manifestBytes, blobBytes } = DEFAULT_LIMITS;

/**
 * Reads an OCI image layout (image-spec v1.1.1) on disk as if it were the registry `registry`; any repository of it.
 *
 * A tag is an `org.opencontainers.image.ref.name` that is the full reference, `repository:tag` or the bare tag, in this order; a
 * digest is looked up as it is. Referrers are the manifests that `index.json` leads to and whose `subject` is the image on media type,
 * digest and size. The scan is kept until `index.json` changes.
 */
export function createLayout(directory: string, registry: string): Registry {
  let known: { readonly stamp: string; readonly scan: Promise<Scan> } | undefined;

  const scanned = async (): Promise<Scan> => {
    const stamp = stampOf(await attempt(registry, () => stat(join(directory, 'index.json'))));
    if (known?.stamp !== stamp) known = { stamp, scan: scan(directory, registry) };
    const { scan: current } = known;
    try {
      return await current;
    } catch (error) {
      // Tried again next time: the layout may have been half written.
      if (known?.scan === current) known = undefined;
      throw error;
    }
  };
  const contentOf = async (descriptor: Descriptor, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> => {
    signal.throwIfAborted();
    checkDescriptor(descriptor, maxBytes, registry);
    return await readBlob(directory, registry, descriptor);
  };

  return {
    async resolve(reference, signal) {
      signal.throwIfAborted();
      const { entries } = await scanned();
      const found =
        reference.digest === undefined ? findTag(entries, reference) : entries.find(({ digest }) => digest === reference.digest);
      if (found !== undefined) return imageOf(found, reference);
      if (reference.digest !== undefined) return await describeBlob(directory, reference, reference.digest);
      throw notFound(reference);
    },
    async *listReferrers(subject, artifactTypes, signal) {
      signal.throwIfAborted();
      const { referrers } = await scanned();
      const all = artifactTypes.length === 0 || artifactTypes.includes('*');
      const seen = new Set<Digest>();
      const page = referrers
        .filter((one) => sameContent(one.subject, subject.descriptor) && (all || artifactTypes.includes(one.referrer.artifactType)))
        .map(({ referrer }) => referrer)
        .filter(({ digest }) => !seen.has(digest) && seen.add(digest));
      if (page.length > DEFAULT_LIMITS.entries) {
        const { digest } = subject.descriptor;
        throw new ContentError('TOO_MANY_REFERRERS', `${digest} has more than ${DEFAULT_LIMITS.entries} referrers`, { registry, digest });
      }
      if (page.length > 0) yield page;
    },
    fetchManifest: (_repository, descriptor, signal) => contentOf(descriptor, manifestBytes, signal),
    fetchBlob: (_repository, descriptor, signal) => contentOf(descriptor, blobBytes, signal),
  };
}

function findTag(entries: readonly Referrer[], reference: Reference): Referrer | undefined {
  const { path, tag = 'latest' } = reference;
  for (const name of [referenceText(reference), `${path}:${tag}`, tag]) {
    const found = entries.find(({ annotations }) => annotations?.[REF_NAME] === name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function imageOf({ mediaType, digest, size }: Descriptor, reference: Reference): Descriptor {
  if (isImageType(mediaType)) return { mediaType, digest, size };
  throw new ContentError('CONTENT_INVALID', `${referenceText(reference)} has media type "${foreignText(mediaType)}"; expected an image`, {
    registry: reference.registry,
    digest,
  });
}

/** A manifest that no index names: what it is stands in itself. */
async function describeBlob(directory: string, reference: Reference, digest: Digest): Promise<Descriptor> {
  const { registry } = reference;
  const { size } = await attempt(registry, () => stat(blobPath(directory, digest)), digest);
  checkDescriptor({ mediaType: '', digest, size }, manifestBytes, registry);
  const bytes = await readBlob(directory, registry, { mediaType: '', digest, size });
  const mediaType = asContent(registry, digest, () => parseObject(bytes).get('mediaType'));
  return imageOf({ mediaType: typeof mediaType === 'string' ? mediaType : '', digest, size }, reference);
}

async function scan(directory: string, registry: string): Promise<Scan> {
  await assertLayout(directory, registry);
  const index = await attempt(registry, () => readFileWithin(join(directory, 'index.json'), manifestBytes));
  const entries: Referrer[] = [];
  const referrers: { subject: Descriptor; referrer: Referrer }[] = [];
  const visited = new Set<Digest>();

  const visit = async (listed: readonly Referrer[], depth: number): Promise<void> => {
    for (const entry of listed) {
      if (entries.length >= MAX_ENTRIES)
        throw new ContentError('CONTENT_INVALID', `the layout has more than ${MAX_ENTRIES} manifests`, { registry });
      entries.push(entry);
      if (visited.has(entry.digest) || !isRead(entry)) continue;
      visited.add(entry.digest);
      const bytes = await readBlob(directory, registry, entry).catch(unlessMissing);
      if (bytes === undefined) continue;
      const manifest = asContent(registry, entry.digest, () => parseObject(bytes));
      const found = asContent(registry, entry.digest, () => referrerOf(entry, manifest));
      if (found !== undefined) referrers.push(found);
      if (entry.mediaType !== OCI_INDEX && entry.mediaType !== DOCKER_LIST) continue;
      if (depth >= MAX_DEPTH) throw new ContentError('CONTENT_INVALID', `indexes are nested deeper than ${MAX_DEPTH}`, { registry });
      await visit(
        asContent(registry, entry.digest, () => parseIndex(bytes, entry.mediaType)),
        depth + 1,
      );
    }
  };
  await visit(
    asContent(registry, undefined, () => parseIndex(index, OCI_INDEX)),
    0,
  );
  return { entries, referrers };
}

/** What is no manifest or index, or too large for one, is listed and not opened. */
function isRead({ mediaType, size }: Descriptor): boolean {
  return (isImageType(mediaType) || mediaType === ARTIFACT_MANIFEST) && size <= manifestBytes;
}

/** A layout of one platform leaves the others' manifests out; whoever asks for one of them is told then. */
function unlessMissing(error: unknown): undefined {
  if (error instanceof RegistryError && error.code === 'IMAGE_NOT_FOUND') return undefined;
  throw error;
}

/** The subject that a manifest names, and the manifest as its referrer; of type `config.mediaType` if it names none itself (image-spec v1.1.1). */
function referrerOf(entry: Referrer, manifest: JsonObject): { subject: Descriptor; referrer: Referrer } | undefined {
  const subject = manifest.get('subject');
  if (subject === undefined || subject === null) return undefined;
  const artifactType = artifactTypeOf(manifest, entry.mediaType);
  const { mediaType, digest, size } = entry;
  const annotations = manifest.get('annotations');
  return {
    subject: parseDescriptor(subject, 'subject'),
    // A registry lists a referrer with the annotations of its manifest (distribution-spec v1.1.1, "Listing Referrers").
    referrer: {
      mediaType,
      digest,
      size,
      artifactType,
      ...(annotations === undefined ? {} : { annotations: parseAnnotations(annotations, 'it') }),
    },
  };
}

function artifactTypeOf(manifest: JsonObject, mediaType: string): string {
  const own = manifest.get('artifactType');
  const declared = typeof own === 'string' ? own : '';
  if (mediaType !== OCI_MANIFEST || declared !== '') return declared;
  return parseDescriptor(manifest.get('config'), 'config').mediaType;
}

async function assertLayout(directory: string, registry: string): Promise<void> {
  const bytes = await attempt(registry, () => readFileWithin(join(directory, 'oci-layout'), 4096));
  const version = asContent(registry, undefined, () => parseObject(bytes).get('imageLayoutVersion'));
  if (version === '1.0.0') return;
  throw new ContentError('CONTENT_INVALID', 'oci-layout does not say imageLayoutVersion 1.0.0', { registry });
}

async function readBlob(directory: string, registry: string, descriptor: Descriptor): Promise<Uint8Array> {
  const { digest, size } = descriptor;
  const bytes = await attempt(registry, () => readFileWithin(blobPath(directory, digest), size), digest);
  checkContent(bytes, descriptor, registry);
  return bytes;
}

/** Inside the layout whatever the digest says, since a digest is checked to be one: an algorithm, a colon and hex. */
function blobPath(directory: string, digest: Digest): string {
  return join(directory, 'blobs', ...digest.split(':'));
}

/** At most one byte more than wanted, from a regular file; a link at the end of the path is not followed. */
async function readFileWithin(path: string, maxBytes: number): Promise<Uint8Array> {
  const file: FileHandle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw new TypeError('not a regular file');
    const bytes = new Uint8Array(maxBytes + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === bytes.length) return bytes.subarray(0, length);
    }
  } finally {
    await file.close();
  }
}

async function attempt<T>(registry: string, read: () => Promise<T>, digest?: Digest): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const isMissing = typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'ENOENT';
    const what = digest ?? 'the image layout';
    const facts = { registry, ...(digest === undefined ? {} : { digest }) };
    if (isMissing && digest !== undefined)
      throw new RegistryError('IMAGE_NOT_FOUND', `the layout of ${registry} has no ${digest}`, facts, { cause });
    const message = `${what} of ${registry} cannot be read: ${foreignText(errorText(cause))}`;
    throw new RegistryError('REGISTRY_UNREACHABLE', message, facts, { cause });
  }
}

function asContent<T>(registry: string, digest: Digest | undefined, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    const message = `${digest ?? 'the image layout'} cannot be read: ${cause.message}`;
    throw new ContentError('CONTENT_INVALID', message, { registry, ...(digest === undefined ? {} : { digest }) }, { cause });
  }
}

function notFound(reference: Reference): RegistryError {
  const { registry } = reference;
  return new RegistryError('IMAGE_NOT_FOUND', `the layout of ${registry} has no ${referenceText(reference)}`, { registry });
}

function stampOf({ mtimeMs, size, ino }: Stats): string {
  return `${mtimeMs} ${size} ${ino}`;
}
