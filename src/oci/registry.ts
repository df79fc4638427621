import type { HttpAnswer } from '../lib/http.ts';
import type { RegistryClient } from './client.ts';
import { checkContent, checkDescriptor } from './content.ts';
import type { Descriptor, Referrer } from './descriptor.ts';
import { type Digest, digestAlgorithm, digestOf, isDigest } from './digest.ts';
import { ContentError, RegistryError } from './errors.ts';
import { unexpectedStatus } from './failures.ts';
import { ACCEPT_IMAGE, isImageType, withoutParameters } from './media-types.ts';
import { type Reference, type Repository, referenceText, repositoryText } from './reference.ts';
import { createReferrersLister } from './referrers.ts';
import { foreignText } from './text.ts';

/** Reading from registries over distribution-spec v1.1.1: the engine's `Store`, but for the choice of registries. */
export interface Registry {
  resolve(reference: Reference, signal: AbortSignal): Promise<Descriptor>;
  listReferrers(
    subject: { readonly repository: Repository; readonly descriptor: Descriptor },
    artifactTypes: readonly string[],
    signal: AbortSignal,
  ): AsyncIterable<readonly Referrer[]>;
  fetchManifest(repository: Repository, descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array>;
  fetchBlob(repository: Repository, descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array>;
}

export function createRegistry(client: RegistryClient): Registry {
  return {
    resolve: (reference, signal) => resolve(client, reference, signal),
    listReferrers: createReferrersLister(client),
    fetchManifest: (repository, descriptor, signal) => fetchContent(client, repository, 'manifests', descriptor, signal),
    fetchBlob: (repository, descriptor, signal) => fetchContent(client, repository, 'blobs', descriptor, signal),
  };
}

/** A HEAD says it all as a rule; where it does not, the bytes do. */
async function resolve(client: RegistryClient, reference: Reference, signal: AbortSignal): Promise<Descriptor> {
  const name = reference.digest ?? reference.tag ?? 'latest';
  const request = { repository: reference, url: client.urlOf(reference, `manifests/${name}`), accept: ACCEPT_IMAGE, signal };
  const described = await client.request({ ...request, method: 'HEAD' }, async (answer) => describedBy(answer, reference));
  return (
    described ?? (await client.request({ ...request, method: 'GET' }, (answer) => describe(answer, reference, client.limits.manifestBytes)))
  );
}

function describedBy(answer: HttpAnswer, reference: Reference): Descriptor | undefined {
  if (answer.status !== 200) return undefined;
  const mediaType = withoutParameters(answer.header('content-type'));
  const size = sizeIn(answer.header('content-length'));
  const claimed = claimedDigest(answer, reference);
  const digest = reference.digest ?? claimed;
  if (mediaType === '' || size === undefined || digest === undefined) return undefined;
  assertImageType(mediaType, reference);
  return { mediaType, digest, size };
}

async function describe(answer: HttpAnswer, reference: Reference, maxBytes: number): Promise<Descriptor> {
  assertFound(answer, reference.registry, referenceText(reference));
  const claimed = claimedDigest(answer, reference);
  const mediaType = withoutParameters(answer.header('content-type'));
  assertImageType(mediaType, reference);
  const bytes = await answer.read(maxBytes);
  const expected = reference.digest ?? claimed;
  const digest = digestOf(bytes, expected === undefined ? 'sha256' : digestAlgorithm(expected));
  if (bytes.length === 0 || (expected !== undefined && digest !== expected)) {
    const found = bytes.length === 0 ? 'nothing' : digest;
    throw new ContentError(
      'CONTENT_INVALID',
      `${reference.registry} sent ${found} for ${referenceText(reference)}${claimText(expected, reference)}`,
      {
        registry: reference.registry,
        status: 200,
      },
    );
  }
  return { mediaType, digest, size: bytes.length };
}

/** What a registry says beside the bytes must be what was asked for; what is no digest is as good as not said. */
function claimedDigest(answer: HttpAnswer, { registry, digest }: Reference): Digest | undefined {
  const claimed = answer.header('docker-content-digest') ?? '';
  if (!isDigest(claimed)) return undefined;
  if (digest === undefined || digest === claimed) return claimed;
  throw new ContentError('CONTENT_INVALID', `${registry} answered with ${claimed}; expected ${digest}`, {
    registry,
    status: answer.status,
    digest,
  });
}

function claimText(expected: Digest | undefined, { digest }: Reference): string {
  return expected === undefined || digest !== undefined ? '' : `; its header says ${expected}`;
}

function assertImageType(mediaType: string, reference: Reference): void {
  if (isImageType(mediaType)) return;
  const message = `${referenceText(reference)} has media type "${foreignText(mediaType)}"; expected an OCI or Docker v2 manifest or index`;
  throw new ContentError('CONTENT_INVALID', message, { registry: reference.registry });
}

async function fetchContent(
  client: RegistryClient,
  repository: Repository,
  kind: 'manifests' | 'blobs',
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { registry } = repository;
  const { digest, mediaType, size } = descriptor;
  const isManifest = kind === 'manifests';
  checkDescriptor(descriptor, isManifest ? client.limits.manifestBytes : client.limits.blobBytes, registry);
  const request = { method: 'GET', repository, url: client.urlOf(repository, `${kind}/${digest}`), signal } as const;
  return await client.request(isManifest ? { ...request, accept: mediaType } : request, async (answer) => {
    assertFound(answer, registry, `${repositoryText(repository)}@${digest}`);
    claimedDigest(answer, { ...repository, digest });
    const served = withoutParameters(answer.header('content-type'));
    if (isManifest && served !== mediaType) {
      const message = `${registry} sent ${digest} as "${foreignText(served)}"; expected ${mediaType}`;
      throw new ContentError('CONTENT_INVALID', message, { registry, status: answer.status, digest });
    }
    const announced = sizeIn(answer.header('content-length'));
    if (announced !== undefined) checkContent(announced, descriptor, registry);
    return await readContent(answer, descriptor, size, registry);
  });
}

async function readContent(answer: HttpAnswer, descriptor: Descriptor, size: number, registry: string): Promise<Uint8Array> {
  const bytes = await answer.read(size);
  checkContent(bytes, descriptor, registry);
  return bytes;
}

function assertFound({ status }: HttpAnswer, registry: string, what: string): void {
  if (status === 404) throw new RegistryError('IMAGE_NOT_FOUND', `${registry} does not have ${what}`, { registry, status });
  if (status !== 200) throw unexpectedStatus(status, registry, what);
}

function sizeIn(contentLength: string | undefined): number | undefined {
  return contentLength !== undefined && /^[0-9]{1,15}$/.test(contentLength) ? Number(contentLength) : undefined;
}
