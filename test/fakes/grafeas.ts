import { type ApiAnswer, type ApiCall, type FakeApi, startFakeApi } from './api.ts';

export interface FakeGrafeasOptions {
  /** By project. */
  readonly projects: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  /** The bearer token that is taken. Default: none is asked for. */
  readonly token?: string;
  /** Names as JSON or as protocol buffers have them; servers do both. Default `json`. */
  readonly names?: 'json' | 'proto';
  /** Whether the filter is heeded. Default true. */
  readonly filters?: boolean;
  /** Entries on a page at most, whatever is asked for. */
  readonly pageSize?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
}

const LIST = /^\/v1beta1\/projects\/([^/]+)\/occurrences$/;
const FILTER = /^resource_url="([^"]*)" AND kind="([^"]*)"$/;

/**
 * A Grafeas server as its API v1beta1 is documented (grafeas.swagger.json, `GrafeasV1Beta1_ListOccurrences`): it answers requests that are
 * not what is documented with 400.
 */
export function startFakeGrafeas(options: FakeGrafeasOptions): Promise<FakeApi> {
  return startFakeApi((call) => answerFor(call, options), { tls: options.tls });
}

function answerFor({ method, url, headers, body }: ApiCall, options: FakeGrafeasOptions): ApiAnswer {
  const project = LIST.exec(url.pathname)?.[1];
  const [, resource, kind] = FILTER.exec(url.searchParams.get('filter') ?? '') ?? [];
  const pageSize = Number(url.searchParams.get('pageSize'));
  if (method !== 'GET' || body !== '' || project === undefined || resource === undefined || !(pageSize >= 1 && pageSize <= 1000)) {
    return rpcStatus(400, 3, 'invalid request');
  }
  if (options.token !== undefined && headers.authorization !== `Bearer ${options.token}`) return rpcStatus(401, 16, 'not authenticated');
  const all = options.projects[project];
  if (all === undefined) return rpcStatus(404, 5, `project ${project} not found`);
  const found = options.filters === false ? all : all.filter((one) => uriOf(one) === resource && one.kind === kind);
  const from = Number(url.searchParams.get('pageToken') ?? '0');
  const to = from + Math.min(pageSize, options.pageSize ?? pageSize);
  const answer = { ...(found.length > 0 && { occurrences: found.slice(from, to) }), ...(to < found.length && { nextPageToken: `${to}` }) };
  return { status: 200, body: options.names === 'proto' ? protoNames(answer) : answer };
}

/** google.rpc.Status, as the gateway writes it. */
function rpcStatus(status: number, code: number, message: string): ApiAnswer {
  return { status, body: { code, message, details: [] } };
}

function uriOf({ resource }: Readonly<Record<string, unknown>>): unknown {
  return typeof resource === 'object' && resource !== null && 'uri' in resource ? resource.uri : undefined;
}

function protoNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(protoNames);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), protoNames(member)]);
  return Object.fromEntries(entries);
}
