import { z } from 'zod';
import { isOciRegion, OciConfigError, type OciIdentity, readOciIdentity } from '../cloud/oci-config.ts';
import { signOciGet } from '../cloud/oci-signature.ts';
import { defineAttestations } from '../engine/kinds.ts';
import { cut, quoted } from '../engine/reason.ts';
import type { AttestedImage } from '../engine/types.ts';
import { createHttpClient, type HttpClient } from '../lib/http.ts';
import { isJsonObject, type JsonValue } from '../lib/json.ts';
import { ApiError, type ApiRequest, askJsonAnswer, type JsonAnswer, type Refusal } from '../lib/json-api.ts';
import { readFileWithin } from '../lib/read-file.ts';
import { sourceFailure } from './api-failure.ts';
import { readStatements, type Statements, unreadable } from './occurrence.ts';
import { isSendable } from './service-url.ts';

const file = z.string().min(1).max(4096);

const parameters = z.object({
  compartmentId: z
    .string()
    .regex(/^ocid1\.[A-Za-z0-9._-]{1,240}$/)
    .describe('OCID of the compartment that the repositories are in.'),
  compartmentIdInSubtree: z.boolean().default(false).describe('Whether compartments below count too: for the OCID of the tenancy alone.'),
  region: z
    .string()
    .refine(isOciRegion, { error: 'expected a region such as us-phoenix-1' })
    .optional()
    .describe("Default: the profile's."),
  url: z
    .string()
    .max(2048)
    .refine(isSendable, { error: 'expected https://host[:port]' })
    .optional()
    .describe('Where the API answers. Default: https://artifacts.REGION.oci.oraclecloud.com.'),
  configFile: file.optional().describe("Configuration of Oracle's SDKs, read for each request. Default: ~/.oci/config."),
  profile: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/)
    .optional()
    .describe('Profile in it. Default: DEFAULT.'),
  caFile: file.optional().describe("PEM of roots that are trusted beside the system's, read for each request."),
  timeoutSeconds: z.number().min(0.1).max(60).default(1.5).describe('For one request.'),
});

type Parameters = z.infer<typeof parameters>;

const PAGE_SIZE = 100;
const MAX_PAGES = 10;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const MAX_CA_BYTES = 1024 * 1024;
const MAX_TOKEN = 4096;

/**
 * Image signatures that OCI's registry keeps, by the Artifacts and Container Images API, version 20160918 (`ListContainerImageSignatures`): its
 * summaries have message and signature in full. Requests are signed with the API signing key of a user; other kinds of principals are not
 * supported.
 */
export const ociSignatures = defineAttestations({
  type: 'oci-signatures',
  parameters,
  create: ({ name, parameters: declared }) => {
    const http = createHttpClient();
    return { name, list: (image, signal) => listStatements(http, declared, image, signal) };
  },
});

/** A page a page of the API's. Nothing is filtered here: whether a message is about the image is for the rule to find out, and to say. */
async function* listStatements(
  http: HttpClient,
  declared: Parameters,
  image: AttestedImage,
  signal: AbortSignal,
): AsyncGenerator<Statements['attestations']> {
  const problems: string[] = [];
  try {
    for await (const items of pagesOf(http, declared, image, signal)) {
      const found = readStatements(new Map([['items', items]]), 'an image signature');
      problems.push(...found.problems);
      if (found.attestations.length > 0) yield found.attestations;
    }
  } catch (error) {
    throw sourceFailure(error);
  }
  if (problems.length > 0) throw unreadable('the registry', problems);
}

async function* pagesOf(
  http: HttpClient,
  declared: Parameters,
  image: AttestedImage,
  signal: AbortSignal,
): AsyncGenerator<readonly JsonValue[]> {
  let page: string | undefined;
  for (let count = 1; count <= MAX_PAGES; count++) {
    const answer = await askPage(http, declared, image, page, signal);
    yield itemsOf(answer);
    page = answer.header('opc-next-page');
    if (page === undefined || page === '') return;
    if (page.length > MAX_TOKEN) throw new ApiError('INVALID', `${WHO} answered with an opc-next-page of ${page.length} characters`);
  }
  throw new ApiError('INVALID', `${WHO} has more than ${MAX_PAGES} pages of signatures for ${quoted(image.digest)}`);
}

const WHO = "OCI's Artifacts API";

function askPage(
  http: HttpClient,
  declared: Parameters,
  image: AttestedImage,
  page: string | undefined,
  signal: AbortSignal,
): Promise<JsonAnswer> {
  const options = { who: WHO, maxBytes: MAX_PAGE_BYTES, timeoutMs: declared.timeoutSeconds * 1000, signal, explain };
  return askJsonAnswer(http, () => requestOf(declared, image, page), options);
}

/** Anew for each attempt: the date is signed. */
async function requestOf(declared: Parameters, { digest }: AttestedImage, page: string | undefined): Promise<ApiRequest> {
  const identity = await readOciIdentity(declared);
  const url = new URL(`${baseOf(declared, identity)}/20160918/container/imageSignatures`);
  url.searchParams.set('compartmentId', declared.compartmentId);
  if (declared.compartmentIdInSubtree) url.searchParams.set('compartmentIdInSubtree', 'true');
  url.searchParams.set('imageDigest', digest);
  url.searchParams.set('limit', String(PAGE_SIZE));
  if (page !== undefined) url.searchParams.set('page', page);
  const ca = declared.caFile === undefined ? undefined : Buffer.from(await readFileWithin(declared.caFile, MAX_CA_BYTES)).toString('utf8');
  return { method: 'GET', url, ca, headers: { accept: 'application/json', ...signOciGet(identity, url, new Date()) } };
}

function baseOf({ url, region: declared }: Parameters, { region: ofProfile }: OciIdentity): string {
  if (url !== undefined) return url.replace(/\/$/, '');
  const region = declared ?? ofProfile;
  if (region === undefined) throw new OciConfigError('expected a region in the settings or the profile, found none');
  return `https://artifacts.${region}.oci.oraclecloud.com`;
}

function itemsOf({ body }: JsonAnswer): readonly JsonValue[] {
  const items = isJsonObject(body) ? body.get('items') : undefined;
  if (Array.isArray(items)) return items;
  throw new ApiError('INVALID', `${WHO} answered something else than a collection of signatures`);
}

/** OCI says 404 of what may not be read too, in order not to tell whether it is there. */
function explain(body: JsonValue): Refusal | undefined {
  if (!isJsonObject(body)) return undefined;
  const [code, message] = [body.get('code'), body.get('message')];
  if (typeof code !== 'string' || typeof message !== 'string') return undefined;
  const words = cut(`${cut(code, 40)}: ${message}`, 120);
  return code === 'NotAuthorizedOrNotFound' ? { code: 'DENIED', words } : { words };
}
