import { z } from 'zod';
import { SourceError } from '../engine/errors.ts';
import { defineAttestations } from '../engine/kinds.ts';
import { quoted } from '../engine/reason.ts';
import type { AttestedImage } from '../engine/types.ts';
import { createHttpClient, type HttpClient } from '../lib/http.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { ApiError, type ApiRequest, askJson } from '../lib/json-api.ts';
import { readFileWithin } from '../lib/read-file.ts';
import { repositoryText } from '../oci/reference.ts';
import { sourceFailure } from './api-failure.ts';
import { memberOf } from './members.ts';
import { readStatements, unreadable } from './occurrence.ts';
import { isSendable, serviceUrl } from './service-url.ts';
import { vulnerabilitiesIn } from './vulnerability.ts';

const parameters = z
  .object({
    url: serviceUrl.describe('Where Grafeas answers, without /v1beta1.'),
    projects: z
      .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/))
      .min(1)
      .max(8)
      .default(['kritis'])
      .describe("Projects whose occurrences are listed. Default: kritis, which is kritis' own."),
    kind: z.enum(['ATTESTATION', 'ATTESTATION_AUTHORITY']).default('ATTESTATION').describe('The kind that the server is asked for.'),
    tokenFile: z.string().min(1).max(4096).optional().describe('A file with a bearer token, read for each request.'),
    caFile: z.string().min(1).max(4096).optional().describe("PEM of roots that are trusted beside the system's, read for each request."),
    timeoutSeconds: z.number().min(0.1).max(60).default(1.5).describe('For one request.'),
  })
  .refine(({ url, tokenFile }) => tokenFile === undefined || isSendable(url), {
    error: 'expected https: for a service that gets a token',
    path: ['url'],
  });

/** What is wanted of whom. */
type Asked = Omit<z.infer<typeof parameters>, 'kind'> & { readonly kind: string; readonly image: AttestedImage };
type Read<T> = (page: JsonValue, where: string) => { readonly found: readonly T[]; readonly problems: readonly string[] };

const PAGE_SIZE = 100;
const MAX_PAGES = 10;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const MAX_TOKEN_BYTES = 64 * 1024;
const MAX_CA_BYTES = 1024 * 1024;

/** Occurrences of a Grafeas server, by its REST API v1beta1 (`GET /v1beta1/projects/{project}/occurrences`). */
export const grafeas = defineAttestations({
  type: 'grafeas',
  parameters,
  create: ({ name, parameters: declared }) => {
    const http = createHttpClient();
    return {
      name,
      list: (image, signal) =>
        listOccurrences(http, { ...declared, image }, signal, (page, where) => {
          const { attestations: found, problems } = readStatements(page, where, image.digest);
          return { found, problems };
        }),
      vulnerabilities: (image, signal) =>
        listOccurrences(http, { ...declared, kind: 'VULNERABILITY', image }, signal, (page, where) => {
          const { vulnerabilities: found, problems } = vulnerabilitiesIn(page, where, image.digest);
          return { found, problems };
        }),
    };
  },
});

/** Project by project: one that cannot be listed hides none of the others, and is told of when they did not suffice. */
async function* listOccurrences<T>(http: HttpClient, asked: Asked, signal: AbortSignal, read: Read<T>): AsyncGenerator<readonly T[]> {
  const problems: string[] = [];
  let missed: SourceError | undefined;
  for (const project of asked.projects) {
    try {
      for await (const occurrences of pagesOf(http, asked, project, signal)) {
        const page = read(new Map([['occurrences', occurrences]]), `an occurrence of project ${project}`);
        problems.push(...page.problems);
        if (page.found.length > 0) yield page.found;
      }
    } catch (error) {
      const failure = sourceFailure(error);
      if (!(failure instanceof SourceError)) throw failure;
      missed ??= failure;
    }
  }
  if (missed !== undefined) throw missed;
  if (problems.length > 0) throw unreadable(new URL(asked.url).host, problems);
}

/** Lists of occurrences in the server's order. */
async function* pagesOf(http: HttpClient, asked: Asked, project: string, signal: AbortSignal): AsyncGenerator<readonly JsonValue[]> {
  const who = `Grafeas at ${new URL(asked.url).host}`;
  let pageToken = '';
  for (let page = 1; page <= MAX_PAGES; page++) {
    const url = listUrl(asked, project, pageToken);
    const options = { who, maxBytes: MAX_PAGE_BYTES, timeoutMs: asked.timeoutSeconds * 1000, signal };
    const answer = await askJson(http, () => requestOf(asked, url), options).catch((error: unknown) => {
      if (!(error instanceof ApiError) || error.code !== 'NOT_FOUND') throw error;
      throw new ApiError('NOT_FOUND', `${who} has no project ${quoted(project)}: it answered 404`, {}, { cause: error });
    });
    if (!isJsonObject(answer)) throw new ApiError('INVALID', `${who} answered something else than a list of occurrences`);
    yield occurrencesOf(answer, who);
    const next = memberOf(answer, 'nextPageToken') ?? '';
    if (next === '') return;
    if (typeof next !== 'string') throw new ApiError('INVALID', `${who} answered with a nextPageToken that is no text`);
    pageToken = next;
  }
  throw new ApiError('INVALID', `${who} has more than ${MAX_PAGES} pages of occurrences for ${quoted(asked.image.digest)}`);
}

/** An empty list is left out of the JSON of protocol buffers. */
function occurrencesOf(answer: JsonObject, who: string): readonly JsonValue[] {
  const occurrences = memberOf(answer, 'occurrences') ?? [];
  if (!Array.isArray(occurrences)) throw new ApiError('INVALID', `${who} answered with occurrences that are no list`);
  return occurrences;
}

function listUrl({ url: base, kind, image: { repository, digest } }: Asked, project: string, pageToken: string): URL {
  const url = new URL(`${base.replace(/\/$/, '')}/v1beta1/projects/${encodeURIComponent(project)}/occurrences`);
  // The spelling that kritis uses. What a server lists beyond that is passed over here: some do not filter.
  url.searchParams.set('filter', `resource_url="https://${repositoryText(repository)}@${digest}" AND kind="${kind}"`);
  url.searchParams.set('pageSize', String(PAGE_SIZE));
  if (pageToken !== '') url.searchParams.set('pageToken', pageToken);
  return url;
}

async function requestOf({ tokenFile, caFile }: Asked, url: URL): Promise<ApiRequest> {
  const token = tokenFile === undefined ? undefined : await readText(tokenFile, MAX_TOKEN_BYTES);
  const ca = caFile === undefined ? undefined : await readText(caFile, MAX_CA_BYTES);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) throw new ApiError('DENIED', `${tokenFile} holds no token`);
  return { method: 'GET', url, ca, headers: { accept: 'application/json', ...(token && { authorization: `Bearer ${token}` }) } };
}

async function readText(path: string, maxBytes: number): Promise<string> {
  return Buffer.from(await readFileWithin(path, maxBytes))
    .toString('utf8')
    .trim();
}
