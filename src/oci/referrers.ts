import { CodedError } from '../lib/errors.ts';
import type { HttpAnswer } from '../lib/http.ts';
import { createRecent } from '../lib/recent.ts';
import type { RegistryClient } from './client.ts';
import type { Descriptor, Referrer } from './descriptor.ts';
import { parseIndex } from './descriptor-json.ts';
import { type Digest, digestAlgorithm, digestOf, isDigest } from './digest.ts';
import { ContentError, RegistryError } from './errors.ts';
import { unexpectedStatus } from './failures.ts';
import { nextLink } from './link.ts';
import { OCI_INDEX, withoutParameters } from './media-types.ts';
import { type Repository, repositoryText } from './reference.ts';

interface Subject {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
}

interface Page {
  readonly entries: readonly Referrer[];
  readonly next: URL | undefined;
}

/** What is asked for one list. */
interface Listing {
  readonly client: RegistryClient;
  readonly subject: Subject;
  readonly signal: AbortSignal;
}

const MAX_REMEMBERED = 1024;

/**
 * Lists referrers by the API of distribution-spec v1.1.1, or, where a registry does not have it, by the referrers tag schema.
 *
 * Several artifact types, or `*`, are asked for in one unfiltered list. Whatever the registry says that it filtered is filtered
 * again here, and a digest that is listed twice is given once. That a registry lacks the API is remembered for a while: then the tag is
 * looked at first, and the API asked only if there is none.
 */
export function createReferrersLister(client: RegistryClient) {
  const absent = createRecent<{ readonly until: number }>(MAX_REMEMBERED);
  const present = createRecent<Subject['repository']>(MAX_REMEMBERED);

  async function* pages(listing: Listing, artifactType: string | undefined): AsyncGenerator<readonly Referrer[]> {
    const { repository } = listing.subject;
    const { registry } = repository;
    const hadApi = present.get(repositoryText(repository)) !== undefined;
    // What one repository lacks must not hide behind a tag what another lists.
    const isAbsent = !hadApi && client.clock.monotonic() < (absent.get(registry)?.until ?? 0);
    const early = isAbsent ? await tagged(listing) : undefined;
    if (early !== undefined) return yield early;
    const first = await firstPage(listing, artifactType);
    if (first !== undefined) {
      present.set(repositoryText(repository), repository);
      absent.delete(registry);
      return yield* following(listing, first);
    }
    if (hadApi) {
      throw new RegistryError('REGISTRY_UNREACHABLE', `${registry} had the referrers API and now has not`, { registry });
    }
    absent.set(registry, { until: client.clock.monotonic() + client.limits.absentApiMs });
    if (!isAbsent) yield (await tagged(listing)) ?? [];
  }

  return async function* listReferrers(
    subject: Subject,
    artifactTypes: readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<readonly Referrer[]> {
    const all = artifactTypes.length === 0 || artifactTypes.includes('*');
    const filter = !all && artifactTypes.length === 1 ? artifactTypes[0] : undefined;
    const seen = new Set<Digest>();
    let count = 0;
    for await (const page of pages({ client, subject, signal }, filter)) {
      count += page.length;
      if (count > client.limits.entries) throw tooMany(subject, `${client.limits.entries} entries`);
      const wanted = page.filter(
        ({ artifactType, digest }) => (all || artifactTypes.includes(artifactType)) && !seen.has(digest) && seen.add(digest),
      );
      if (wanted.length > 0) yield wanted;
    }
  };
}

/** The first page of the API; undefined where the registry does not have it. */
async function firstPage({ client, subject, signal }: Listing, artifactType: string | undefined): Promise<Page | undefined> {
  const { repository, descriptor } = subject;
  const url = client.urlOf(repository, `referrers/${descriptor.digest}`);
  if (artifactType !== undefined) url.searchParams.set('artifactType', artifactType);
  return await client.request({ method: 'GET', repository, url, accept: OCI_INDEX, signal }, async (answer) => {
    if (answer.status === 404) return await assertNotUnknown(answer, repository);
    if (answer.status !== 200) throw unexpectedStatus(answer.status, repository.registry, 'referrers');
    return isIndex(answer) ? await readPage(answer, url, subject, client.limits.manifestBytes) : undefined;
  });
}

async function* following(listing: Listing, first: Page): AsyncGenerator<readonly Referrer[]> {
  const { client, subject, signal } = listing;
  const { repository } = subject;
  let page = first;
  for (let count = 1; ; count++) {
    yield page.entries;
    const { next } = page;
    if (next === undefined) return;
    if (count === client.limits.pages) throw tooMany(subject, `${client.limits.pages} pages`);
    page = await client.request({ method: 'GET', repository, url: next, accept: OCI_INDEX, signal }, async (answer) => {
      if (answer.status !== 200) throw unexpectedStatus(answer.status, repository.registry, 'a page of referrers');
      if (!isIndex(answer)) throw invalid(subject, 'a page that is not an image index');
      return await readPage(answer, next, subject, client.limits.manifestBytes);
    });
  }
}

async function readPage(answer: HttpAnswer, url: URL, subject: Subject, maxBytes: number): Promise<Page> {
  const next = linkIn(answer, url, subject);
  if (next !== undefined && (next.origin !== url.origin || next.username !== '' || next.password !== '')) {
    throw invalid(subject, 'a next page at another origin');
  }
  return { entries: entriesOf(await answer.read(maxBytes), subject), next };
}

function linkIn(answer: HttpAnswer, url: URL, subject: Subject): URL | undefined {
  try {
    return nextLink(answer.header('link'), url);
  } catch (cause) {
    throw invalid(subject, 'a Link that cannot be read', cause);
  }
}

/** The referrers tag schema (distribution-spec v1.1.1): an index under a tag made of the subject's digest; undefined if there is no such tag. */
async function tagged({ client, subject, signal }: Listing): Promise<readonly Referrer[] | undefined> {
  const { repository, descriptor } = subject;
  const [algorithm = '', hex = ''] = descriptor.digest.split(':');
  const url = client.urlOf(repository, `manifests/${algorithm}-${hex.slice(0, 64)}`);
  return await client.request({ method: 'GET', repository, url, accept: OCI_INDEX, signal }, async (answer) => {
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw unexpectedStatus(answer.status, repository.registry, 'the referrers tag');
    if (!isIndex(answer)) throw invalid(subject, 'a referrers tag that is not an image index');
    const bytes = await answer.read(client.limits.manifestBytes);
    const claimed = answer.header('docker-content-digest');
    if (claimed !== undefined && (!isDigest(claimed) || digestOf(bytes, digestAlgorithm(claimed)) !== claimed)) {
      throw invalid(subject, 'a referrers tag whose bytes have another digest');
    }
    return entriesOf(bytes, subject);
  });
}

/** A 404 means that there is no such API, unless the registry says that there is no such repository. */
async function assertNotUnknown(answer: HttpAnswer, { registry, path }: Repository): Promise<undefined> {
  const body = await answer.read(64 * 1024).catch(() => new Uint8Array());
  if (!/"code"\s*:\s*"NAME_UNKNOWN"/.test(Buffer.from(body).toString('latin1'))) return;
  throw new RegistryError('IMAGE_NOT_FOUND', `${registry} does not know the repository ${path}`, { registry, status: 404 });
}

function isIndex(answer: HttpAnswer): boolean {
  return withoutParameters(answer.header('content-type')) === OCI_INDEX;
}

function entriesOf(bytes: Uint8Array, subject: Subject): readonly Referrer[] {
  try {
    return parseIndex(bytes, OCI_INDEX);
  } catch (cause) {
    if (cause instanceof CodedError) throw invalid(subject, `a list that cannot be read: ${cause.message}`, cause);
    throw cause;
  }
}

function invalid({ repository: { registry }, descriptor: { digest } }: Subject, what: string, cause?: unknown): ContentError {
  return new ContentError(
    'CONTENT_INVALID',
    `${registry} answered for the referrers of ${digest} with ${what}`,
    { registry, digest },
    { cause },
  );
}

function tooMany({ repository: { registry }, descriptor: { digest } }: Subject, limit: string): ContentError {
  return new ContentError('TOO_MANY_REFERRERS', `${digest} has more referrers than the ${limit} that are read`, { registry, digest });
}
