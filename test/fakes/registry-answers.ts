import type { OutgoingHttpHeaders } from 'node:http';
import type { FakeRegistryOptions } from './registry.ts';

export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX = 'application/vnd.oci.image.index.v1+json';

export type RequestKind = 'manifest' | 'blob' | 'referrers' | 'token' | 'other';

/** What the registry holds, by `repository@digest` or `repository:tag`. */
export interface Contents {
  readonly manifests: Map<string, { readonly bytes: Uint8Array; readonly mediaType: string }>;
  readonly blobs: Map<string, Uint8Array>;
  readonly tags: Map<string, string>;
  readonly referrers: Map<string, readonly object[]>;
}

export interface Answer {
  readonly kind: RequestKind;
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array;
}

const ROUTE = /^\/v2\/(.+)\/(manifests|blobs|referrers)\/([^/?]+)$/;

/** The honest answer of distribution-spec v1.1.1. */
export function answerFor(method: string, url: string, contents: Contents, options: FakeRegistryOptions, origin: string): Answer {
  const { pathname, searchParams } = new URL(url, origin);
  const [, repository = '', route, name = ''] = ROUTE.exec(pathname) ?? [];
  if (method !== 'GET' && method !== 'HEAD') return errorAnswer('other', 405, 'UNSUPPORTED');
  if (route === 'manifests') return manifest(contents, repository, name);
  if (route === 'blobs') return blob(contents, repository, name);
  if (route === 'referrers') return referrers(contents, repository, name, searchParams, options);
  return errorAnswer('other', 404, 'NOT_FOUND');
}

export function errorAnswer(kind: RequestKind, status: number, code: string, headers: OutgoingHttpHeaders = {}): Answer {
  return json(kind, status, { errors: [{ code, message: code.toLowerCase() }] }, headers);
}

export function json(kind: RequestKind, status: number, value: unknown, headers: OutgoingHttpHeaders = {}): Answer {
  return { kind, status, headers: { 'content-type': 'application/json', ...headers }, body: Buffer.from(JSON.stringify(value)) };
}

function manifest({ manifests, tags }: Contents, repository: string, name: string): Answer {
  const digest = tags.get(`${repository}:${name}`) ?? name;
  const found = manifests.get(`${repository}@${digest}`);
  if (found === undefined) return errorAnswer('manifest', 404, 'MANIFEST_UNKNOWN');
  const headers = { 'content-type': found.mediaType, 'docker-content-digest': digest };
  return { kind: 'manifest', status: 200, headers, body: found.bytes };
}

function blob({ blobs }: Contents, repository: string, digest: string): Answer {
  const body = blobs.get(`${repository}@${digest}`);
  if (body === undefined) return errorAnswer('blob', 404, 'BLOB_UNKNOWN');
  return { kind: 'blob', status: 200, headers: { 'content-type': 'application/octet-stream', 'docker-content-digest': digest }, body };
}

function referrers(contents: Contents, repository: string, digest: string, query: URLSearchParams, options: FakeRegistryOptions): Answer {
  if (options.referrersApi === false) return { kind: 'referrers', status: 404, headers: {}, body: Buffer.from('404 page not found') };
  const all = contents.referrers.get(`${repository}@${digest}`) ?? [];
  const type = options.filters === false ? null : query.get('artifactType');
  const wanted = type === null ? all : all.filter((entry) => 'artifactType' in entry && entry.artifactType === type);
  const from = Number(query.get('from') ?? 0);
  const to = from + (options.pageSize ?? Math.max(wanted.length, 1));
  const next = new URLSearchParams({ ...(type === null ? {} : { artifactType: type }), from: String(to) });
  const headers = {
    'content-type': INDEX,
    ...(type === null ? {} : { 'oci-filters-applied': 'artifactType' }),
    ...(to < wanted.length ? { link: `</v2/${repository}/referrers/${digest}?${next}>; rel="next"` } : {}),
  };
  return json('referrers', 200, { schemaVersion: 2, mediaType: INDEX, manifests: wanted.slice(from, to) }, headers);
}
