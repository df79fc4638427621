import { z } from 'zod';
import { EvaluationError, SourceError } from '../engine/errors.ts';
import { defineAttestations } from '../engine/kinds.ts';
import { quoted } from '../engine/reason.ts';
import type { AttestedImage, Descriptor, Referrer, Store, Subject } from '../engine/types.ts';
import { CodedError } from '../lib/errors.ts';
import { isJsonObject } from '../lib/json.ts';
import { parseDescriptor, parseObject } from '../oci/descriptor-json.ts';
import type { Digest } from '../oci/digest.ts';
import { shortDigest } from '../oci/digest.ts';
import { MalformedStatement } from './members.ts';
import { MAX_DOCUMENT_BYTES, readDocument, type Statements, unreadable } from './occurrence.ts';

/** Artifact types of what is attached to an image. */
export const OCCURRENCE_TYPE = 'application/vnd.countersign.occurrence.v1+json';
export const IMAGE_SIGNATURE_TYPE = 'application/vnd.countersign.oci-image-signature.v1+json';

const parameters = z.object({
  artifactTypes: z
    .array(z.string().min(1).max(255))
    .min(1)
    .max(16)
    .default([OCCURRENCE_TYPE, IMAGE_SIGNATURE_TYPE])
    .describe('Artifact types of the statements, each of which has one layer of JSON.'),
});

/** Of one image, before it is left to whoever pushed them to clean up. */
const MAX_PROBLEMS = 50;

/** Statements that are attached to the image in its registry, read through the Store. */
export const referrers = defineAttestations({
  type: 'referrers',
  parameters,
  create: ({ name, parameters: { artifactTypes } }) => ({ name, list: (image, signal) => listStatements(image, artifactTypes, signal) }),
});

/** A page a referrer. One that cannot be read, or had, hides none of the others, and is told of when they did not suffice. */
async function* listStatements(
  image: AttestedImage,
  artifactTypes: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Statements['attestations']> {
  const store = storeOf(image);
  const { repository } = image;
  const descriptor = await store.resolve({ ...repository, digest: image.digest }, signal);
  const subject = { repository, descriptor };
  const seen = new Set<Digest>();
  const problems: string[] = [];
  let missed: SourceError | undefined;
  for await (const page of pagesOf(store, subject, artifactTypes, signal)) {
    for (const referrer of page.filter(({ artifactType }) => artifactTypes.includes(artifactType))) {
      signal.throwIfAborted();
      if (seen.has(referrer.digest)) continue;
      seen.add(referrer.digest);
      const read = await readReferrer(store, subject, referrer, signal);
      if (read instanceof SourceError) missed ??= read;
      else {
        problems.push(...read.problems);
        if (read.attestations.length > 0) yield read.attestations;
      }
      if (problems.length > MAX_PROBLEMS) throw unreadable(repository.registry, problems);
    }
  }
  if (missed !== undefined) throw missed;
  if (problems.length > 0) throw unreadable(repository.registry, problems);
}

function storeOf({ store, repository: { registry } }: AttestedImage): Store {
  if (store === undefined) throw new EvaluationError('NO_STORE', 'no Store is declared; declare one in the namespace or for the cluster');
  if (store.answersFor(registry)) return store;
  throw new EvaluationError('NO_STORE', `no Store answers for registry ${quoted(registry)}; declare one that does`);
}

async function* pagesOf(store: Store, subject: Subject, artifactTypes: readonly string[], signal: AbortSignal) {
  try {
    yield* store.listReferrers(subject, artifactTypes, signal);
  } catch (error) {
    throw sourceFailure(error) ?? error;
  }
}

async function readReferrer(store: Store, subject: Subject, referrer: Referrer, signal: AbortSignal): Promise<Statements | SourceError> {
  const name = shortDigest(referrer.digest);
  try {
    const layer = layerOf(await store.fetchManifest(subject.repository, referrer, signal), subject.descriptor);
    return readDocument(await store.fetchBlob(subject.repository, layer, signal), name);
  } catch (error) {
    signal.throwIfAborted();
    if (isMalformed(error)) return { attestations: [], problems: [`${name}: ${error.message}`] };
    const failure = sourceFailure(error);
    if (failure === undefined) throw error;
    return failure;
  }
}

/** @throws {CodedError} `CONTENT_INVALID`, `JSON_INVALID` or a `MalformedStatement` */
function layerOf(bytes: Uint8Array, { digest }: Descriptor): Descriptor {
  const manifest = parseObject(bytes);
  const subject = manifest.get('subject');
  if (isJsonObject(subject) && parseDescriptor(subject, 'subject').digest !== digest) {
    throw new MalformedStatement('its manifest is about another image');
  }
  const layers = manifest.get('layers');
  const [layer, ...others] = Array.isArray(layers) ? layers : [];
  if (layer === undefined || others.length > 0) throw new MalformedStatement('expected its manifest to have one layer');
  const descriptor = parseDescriptor(layer, 'layers[0]');
  if (descriptor.size <= MAX_DOCUMENT_BYTES) return descriptor;
  throw new MalformedStatement(`has ${descriptor.size} bytes; expected at most ${MAX_DOCUMENT_BYTES}`);
}

const MALFORMED: readonly string[] = ['CONTENT_INVALID', 'JSON_INVALID', 'ATTESTATIONS_INVALID'];

function isMalformed(error: unknown): error is CodedError {
  return error instanceof CodedError && MALFORMED.includes(error.code);
}

/** What a registry lists and does not have may be there in a moment: nothing is said about the image. */
const FAILURES: Readonly<Record<string, SourceError['code']>> = {
  IMAGE_NOT_FOUND: 'ATTESTATIONS_UNREACHABLE',
  REGISTRY_UNREACHABLE: 'ATTESTATIONS_UNREACHABLE',
  CONTENT_TRUNCATED: 'ATTESTATIONS_UNREACHABLE',
  REGISTRY_DENIED: 'ATTESTATIONS_DENIED',
  CREDENTIALS_INVALID: 'ATTESTATIONS_DENIED',
  REGISTRY_THROTTLED: 'ATTESTATIONS_THROTTLED',
  CONTENT_INVALID: 'ATTESTATIONS_INVALID',
  TOO_MANY_REFERRERS: 'ATTESTATIONS_INVALID',
};

function sourceFailure(error: unknown): SourceError | undefined {
  const code = error instanceof CodedError && Object.hasOwn(FAILURES, error.code) ? FAILURES[error.code] : undefined;
  return code === undefined || !(error instanceof CodedError) ? undefined : new SourceError(code, error.message, { cause: error });
}
