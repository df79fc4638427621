import { type LookupAddress, lookup as lookupName } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import { type Dispatcher, Pool } from 'undici';
import { isWithin, lessPrivate, type Reach, reachOf } from './address.ts';
import { HttpError } from './http-error.ts';
import { HttpExchange, type HttpHead } from './http-exchange.ts';
import { createRecent } from './recent.ts';

export { HttpError };

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** Without user information; the fragment is not sent. */
  readonly url: URL;
  /** Lower-case names; nothing is added but `accept-encoding`, `host` and the length. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** PEM of roots that are trusted beside the system's. */
  readonly ca?: string | undefined;
  /** The most private address that may be connected to. Default: any that may be at all (`loopback`). */
  readonly reach?: Exclude<Reach, 'never'>;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** The least private of the addresses that this origin was found at. */
  readonly reach: Reach;
  /** Fields of the same name joined with `, `. */
  header(name: string): string | undefined;
  /** The body, at most `maxBytes`. @throws {HttpError} `OVERLONG` at the first byte more. */
  read(maxBytes: number): Promise<Uint8Array>;
}

export interface HttpClient {
  /** Sends one request and hands the answer, whatever its status, to `use`; what `use` leaves of the body is thrown away. */
  exchange<T>(request: HttpRequest, use: (answer: HttpAnswer) => Promise<T>): Promise<T>;
  /** Ends all connections; what is under way fails. */
  close(): Promise<void>;
}

export interface HttpOptions {
  /** Milliseconds for TCP and TLS. Default 5,000. */
  readonly connectMs?: number;
  /** Milliseconds until the headers are complete. Default 10,000. */
  readonly headersMs?: number;
  /** Milliseconds of silence within a body. Default 10,000. */
  readonly bodyMs?: number;
  /** Connections to one origin. Default 8. */
  readonly connections?: number;
  /** Origins with kept connections; the least recently used goes. Default 64. */
  readonly maxOrigins?: number;
  /** How names become addresses. Default: the system's. */
  readonly lookup?: LookupFunction;
}

/** Sockets are shared only by requests of the same origin, roots and reach. */
interface Peer {
  readonly pool: Pool;
  readonly reach: Reach;
}

const KEEP_ALIVE_MS = 30_000;
const MAX_HEADER_BYTES = 16 * 1024;

/** An HTTP/1.1 client without redirects, retries, cookies, proxies or caches of its own. */
export function createHttpClient(options: HttpOptions = {}): HttpClient {
  const peers = createRecent<Peer>(options.maxOrigins ?? 64, ({ pool }) => void pool.close().catch(() => undefined));

  const peerOf = ({ url, ca = '', reach = 'loopback' }: HttpRequest): Peer => {
    const key = `${url.origin} ${reach} ${ca}`;
    const known = peers.get(key);
    if (known !== undefined) return known;
    const peer = createPeer(url, ca, reach, options);
    peers.set(key, peer);
    return peer;
  };
  return {
    async exchange(request, use) {
      request.signal.throwIfAborted();
      assertSendable(request.url);
      const peer = peerOf(request);
      const exchange = new HttpExchange(request.signal);
      peer.pool.dispatch(dispatched(request), exchange);
      try {
        return await use(answerOf(await exchange.head, exchange, peer));
      } finally {
        exchange.dump();
        // A connection counts as taken until the event loop turns: whoever asks again at once would open another.
        await new Promise(setImmediate);
      }
    },
    async close() {
      await Promise.all([...peers.values()].map(({ pool }) => pool.destroy()));
    },
  };
}

function assertSendable(url: URL): void {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new HttpError('FORBIDDEN', `scheme ${url.protocol.slice(0, 20)} is not spoken here; expected https: or http:`);
  }
  if (url.username !== '' || url.password !== '') throw new HttpError('FORBIDDEN', 'a URL with user information is not followed');
}

function createPeer(url: URL, ca: string, limit: Exclude<Reach, 'never'>, options: HttpOptions): Peer {
  const literal = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const isLiteral = isIP(literal) !== 0;
  if (isLiteral) assertWithin(literal, limit);
  // Nothing is known of a name before it is first looked up: as private as can be, until an address says otherwise.
  const found: { reach: Reach } = { reach: isLiteral ? reachOf(literal) : 'never' };
  const pool = new Pool(url.origin, {
    connections: options.connections ?? 8,
    pipelining: 1,
    allowH2: false,
    useMilo: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: options.headersMs ?? 10_000,
    bodyTimeout: options.bodyMs ?? 10_000,
    connect: {
      timeout: options.connectMs ?? 5_000,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ...(ca === '' ? {} : { ca: [...getCACertificates('default'), ca] }),
      lookup: guardedLookup(options.lookup ?? lookupName, limit, (reach) => {
        found.reach = lessPrivate(found.reach, reach);
      }),
    },
  });
  return {
    pool,
    get reach() {
      return found.reach;
    },
  };
}

/** Looks a name up once a connection and lets only addresses through that may be reached: what was checked is what is connected to. */
function guardedLookup(lookup: LookupFunction, limit: Exclude<Reach, 'never'>, onFound: (reach: Reach) => void): LookupFunction {
  return (hostname, lookupOptions, callback) => {
    lookup(hostname, { ...lookupOptions, all: true }, (error, found) => {
      if (error !== null) return callback(error, '', 0);
      const addresses: readonly LookupAddress[] = typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
      try {
        for (const { address } of addresses) assertWithin(address, limit);
      } catch (refusal) {
        // Both are errors; the type knows only those of Node.
        return callback(refusal as NodeJS.ErrnoException, '', 0);
      }
      for (const { address } of addresses) onFound(reachOf(address));
      if (lookupOptions.all === true) return callback(null, [...addresses]);
      return callback(null, addresses[0]?.address ?? '', addresses[0]?.family ?? 0);
    });
  };
}

function assertWithin(address: string, limit: Exclude<Reach, 'never'>): void {
  const reach = reachOf(address);
  if (isWithin(reach, limit)) return;
  const found = reach === 'never' ? 'an address that is never connected to' : `a ${reach} address`;
  throw new HttpError(
    'FORBIDDEN',
    `leads to ${found}; expected ${limit === 'public' ? 'a public one' : `one no more private than ${limit}`}`,
  );
}

function dispatched({ method, url, headers, body }: HttpRequest): Dispatcher.DispatchOptions {
  return {
    method,
    path: `${url.pathname}${url.search}`,
    headers: { ...headers, 'accept-encoding': 'identity' },
    ...(body === undefined ? {} : { body }),
    // undici closes after a HEAD, for servers that send a body all the same: here the next answer on that connection then makes no sense.
    reset: false,
  };
}

function answerOf({ status, headers }: HttpHead, exchange: HttpExchange, { reach }: Peer): HttpAnswer {
  const header = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' || value === undefined ? value : value.join(', ');
  };
  return {
    status,
    reach,
    header,
    read: async (maxBytes) => {
      const encoding = header('content-encoding')?.toLowerCase() ?? 'identity';
      if (encoding !== 'identity') throw new HttpError('ENCODED', 'has a Content-Encoding; expected identity, as was asked');
      return await exchange.read(maxBytes);
    },
  };
}
