import { lookup as lookupName } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { looksPublic, type Reach } from './address.ts';
import { createFactCache } from './cache.ts';
import type { Clock } from './clock.ts';
import { CodedError, errorText } from './errors.ts';
import { createHttpClient, type HttpAnswer, type HttpClient, type HttpOptions } from './http.ts';
import { createLimit, type Limit } from './limit.ts';
import { REVOCATION_LIMITS, RevocationFetchError, type RevocationPort } from './revocation.ts';

export interface RevocationNetworkOptions {
  /** Bytes of answers that are kept. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Hosts (`host` or `host:port`) that may be at private or loopback addresses, and at other ports than 80. Default: none. */
  readonly allowedHosts?: readonly string[];
  readonly http?: HttpOptions;
  /** Default: the clocks of the machine. */
  readonly clock?: Clock;
}

export interface RevocationNetwork extends RevocationPort {
  close(): Promise<void>;
}

const MIB = 1024 * 1024;
const MAX_REDIRECTS = 3;
const MAX_GET = 255;
const CONCURRENT = 16;

/**
 * The network of OCSP responders and revocation lists. The addresses come out of certificates, so they are asked over plain HTTP alone, by public
 * names at public addresses and port 80 unless the host is allowed by name, never at addresses of link-local or cloud metadata services; each
 * redirect is held to the same. No credential is ever sent.
 */
export function createRevocationNetwork({
  maxBytes = 64 * MIB,
  allowedHosts = [],
  http,
  clock,
}: RevocationNetworkOptions = {}): RevocationNetwork {
  const allowed: ReadonlySet<string> = new Set(allowedHosts);
  const lookup = absoluteLookup(http?.lookup ?? lookupName, new Set(allowedHosts.map((host) => host.replace(/:\d+$/, ''))));
  const client = createHttpClient({ connections: 4, connectMs: 2000, ...http, lookup });
  const limit = createLimit(CONCURRENT);
  const ask = (asked: Asked): Promise<Uint8Array> => exchange(client, limit, allowed, asked);
  return {
    fetchOcsp: async (url, request, signal) => ask({ ...ocspQuestion(httpUrl(url), request), ...REVOCATION_LIMITS.ocsp, signal }),
    fetchCrl: async (url, signal) => ask({ url: httpUrl(url), ...REVOCATION_LIMITS.crl, signal }),
    answers: createFactCache({ maxBytes, ...(clock === undefined ? {} : { clock }) }),
    close: () => client.close(),
  };
}

interface Asked {
  readonly url: URL;
  /** Body of a POST; absent: GET. */
  readonly body?: Uint8Array;
  readonly ms: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** GET for what is short, as proxies can keep it, else POST (RFC 6960 A.1). */
function ocspQuestion(url: URL, request: Uint8Array): Pick<Asked, 'url' | 'body'> {
  const text = encodeURIComponent(Buffer.from(request).toString('base64'));
  if (text.length >= MAX_GET) return { url, body: request };
  const asked = new URL(url);
  asked.pathname = `${url.pathname.replace(/\/$/, '')}/${text}`;
  return { url: asked };
}

/** A host as RFC 3986 has it: a URL as browsers read it makes one of the path of `http:///list`. */
const HAS_HOST = /^[a-z]+:\/\/[^/\\?#]/i;

function httpUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new RevocationFetchError('the address is no URL');
  if (url.protocol !== 'http:') throw new RevocationFetchError(`protocol ${url.protocol.slice(0, 20)} is not supported; expected http:`);
  if (!HAS_HOST.test(text)) throw new RevocationFetchError('the address names no host');
  return url;
}

async function exchange(client: HttpClient, limit: Limit, allowed: ReadonlySet<string>, asked: Asked): Promise<Uint8Array> {
  const signal = AbortSignal.any([asked.signal, AbortSignal.timeout(asked.ms)]);
  try {
    return await limit.run(() => follow(client, allowed, { ...asked, signal }), signal);
  } catch (error) {
    asked.signal.throwIfAborted();
    if (signal.aborted) throw new RevocationFetchError(`no answer within ${asked.ms} ms`);
    if (error instanceof RevocationFetchError || !(error instanceof CodedError)) throw error;
    throw new RevocationFetchError(errorText(error), { cause: error });
  }
}

async function follow(client: HttpClient, allowed: ReadonlySet<string>, asked: Asked): Promise<Uint8Array> {
  let { url } = asked;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const answer = await client.exchange(requestFor(asked, url, allowed), (found) => bodyOrLocation(found, asked.maxBytes));
    if (answer instanceof Uint8Array) return answer;
    if (asked.body !== undefined && !KEEPS_METHOD.has(answer.status)) {
      throw new RevocationFetchError(`a POST was redirected with status ${answer.status}`);
    }
    if (!URL.canParse(answer.location, url.href)) throw new RevocationFetchError('redirected to what is no URL');
    url = httpUrl(new URL(answer.location, url).href);
  }
  throw new RevocationFetchError(`more than ${MAX_REDIRECTS} redirects`);
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const KEEPS_METHOD: ReadonlySet<number> = new Set([307, 308]);

async function bodyOrLocation(answer: HttpAnswer, maxBytes: number): Promise<Uint8Array | { status: number; location: string }> {
  const location = answer.header('location');
  if (REDIRECTS.has(answer.status) && location !== undefined) return { status: answer.status, location };
  if (answer.status !== 200) throw new RevocationFetchError(`answered ${answer.status}; expected 200`);
  return answer.read(maxBytes);
}

function requestFor({ body, signal }: Asked, url: URL, allowed: ReadonlySet<string>) {
  const reach = reachFor(url, allowed);
  if (body === undefined) return { method: 'GET', url, headers: {}, reach, signal } as const;
  return { method: 'POST', url, headers: { 'content-type': 'application/ocsp-request' }, body, reach, signal } as const;
}

function reachFor({ hostname, port }: URL, allowed: ReadonlySet<string>): Exclude<Reach, 'never'> {
  const name = hostname.replace(/\.$/, '');
  if (allowed.has(name) || allowed.has(`${name}:${port || '80'}`)) return 'loopback';
  // A URL has no port where it is the scheme's own.
  if (port !== '') throw new RevocationFetchError(`port ${port} is not asked; expected 80, or the host among those that are allowed`);
  if (looksPublic(hostname)) return 'public';
  throw new RevocationFetchError(`${hostname.slice(0, 100)} is a name inside a network; expected a public one, or one that is allowed`);
}

/** Search domains are for names that are allowed: in a cluster, `a.b` would else be looked up as the Service `a` of the namespace `b` first. */
function absoluteLookup(lookup: LookupFunction, allowedNames: ReadonlySet<string>): LookupFunction {
  return (hostname, options, callback) => {
    const isAsItStands = hostname.endsWith('.') || allowedNames.has(hostname);
    lookup(isAsItStands ? hostname : `${hostname}.`, options, callback);
  };
}
