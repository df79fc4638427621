import { CodedError } from '../../src/lib/errors.ts';
import {
  createRegistry,
  type Descriptor,
  type Reference,
  type Referrer,
  type Registry,
  RegistryClient,
  type RegistryClientOptions,
} from '../../src/oci/index.ts';
import { type FakeRegistry, type FakeRegistryOptions, REPOSITORY, startFakeRegistry } from '../fakes/registry.ts';

/** A registry that can go wrong, a client of it, and an image with one signature. */
export interface World {
  readonly fake: FakeRegistry;
  readonly client: RegistryClient;
  readonly registry: Registry;
  readonly image: Descriptor;
  readonly signature: Descriptor;
  /** The image by tag `v1`, and by digest. */
  readonly byTag: Reference;
  readonly byDigest: Reference;
  close(): Promise<void>;
}

/** Retries come at once. */
const FAST = { retryMs: 0, maxRetryAfterMs: 0 };
export const ENVELOPE = new TextEncoder().encode('{"payload":"e30"}');
export const never = new AbortController().signal;

export async function openWorld(fakeOptions: FakeRegistryOptions = {}, clientOptions: RegistryClientOptions = {}): Promise<World> {
  const fake = await startFakeRegistry(fakeOptions);
  const image = fake.pushImage();
  const signature = fake.pushSignature({ subject: image, envelope: ENVELOPE });
  const client = new RegistryClient({
    plainHttp: fakeOptions.tls === undefined,
    ...clientOptions,
    limits: { ...FAST, ...clientOptions.limits },
  });
  const repository = { registry: fake.host, path: REPOSITORY };
  return {
    fake,
    client,
    registry: createRegistry(client),
    image,
    signature,
    byTag: { ...repository, tag: 'v1' },
    byDigest: { ...repository, digest: image.digest },
    close: async () => {
      await client.close();
      await fake.close();
    },
  };
}

/** All pages of referrers in one list. */
export async function listAll(
  { registry, byTag, image }: World,
  artifactTypes: readonly string[] = [],
  signal: AbortSignal = never,
): Promise<readonly Referrer[]> {
  const found: Referrer[] = [];
  for await (const page of registry.listReferrers({ repository: byTag, descriptor: image }, artifactTypes, signal)) found.push(...page);
  return found;
}

/** The code that a promise rejects with, and its message for `expect` to search. */
export async function failure(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CodedError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: 'none: it did not fail', message: '' };
}
