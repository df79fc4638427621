import type { IncomingMessage, Server as PlainServer, ServerResponse } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorText } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { answerError, answerRaw } from './answer.ts';
import type { Handler } from './app.ts';
import { type Certificates, loadCertificates, type TlsFiles, watchCertificates } from './certificates.ts';
import { type ClientGate, createClientGate } from './identity.ts';
import type { Metrics } from './metrics.ts';
import { type ProtocolCode, ProtocolError } from './protocol.ts';

export interface HostPort {
  /** Empty: all addresses. */
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
}

export interface ListenOptions {
  readonly listen: HostPort;
  readonly files: TlsFiles;
  /** The DNS name that a client certificate must have. */
  readonly clientName: string;
  /** Handshake, and headers, of a caller in milliseconds. */
  readonly callerTimeoutMs: number;
  readonly maxConnections: number;
  readonly reloadEveryMs: number;
  readonly now: () => number;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** What routes need to know of the connection they answer on. */
export interface Door {
  readonly authorize: (req: IncomingMessage) => ProtocolError | undefined;
  readonly closing: (req: IncomingMessage) => boolean;
}

export interface Listening {
  readonly address: string;
  /** When the serving certificate expires. */
  notAfter(): Date;
  /** From now on every answer ends its connection. */
  drain(): void;
  /** Accepts no more; resolves when all is answered, or cut off after `withinMs`. */
  close(withinMs: number): Promise<void>;
}

/** Gatekeeper keeps idle connections for 90 s and does not repeat a POST that met a closed one. */
const KEEP_ALIVE_MS = 95_000;
const SILENCE_MS = 120_000;
const MAX_HEADER_BYTES = 16 * 1024;
const LOOK_FOR_SLOW_CALLERS_MS = 500;

/**
 * Serves the handler that `route` makes, over TLS 1.3 and HTTP/1.1 only, with certificates that follow their files.
 *
 * Without `files.clientCa` there is no client authentication.
 *
 * @throws {TlsFilesError} when the files cannot be used at the start; later the last good ones stay.
 */
export async function listen(options: ListenOptions, route: (door: Door) => Handler): Promise<Listening> {
  const { files, log, metrics } = options;
  let certificates = await loadCertificates(files);
  let draining = false;
  const server = createServer(serverOptions(certificates, options.callerTimeoutMs));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  // For callers that do not read their answer.
  server.timeout = SILENCE_MS;
  server.maxConnections = options.maxConnections;
  const gate = files.clientCa === undefined ? undefined : createClientGate(server, options.clientName, options.now, metrics.clientRefused);
  const closing = (req: IncomingMessage) => draining || (gate?.isOutdated(req) ?? false);
  const handler = route({ authorize: (req) => gate?.authorize(req), closing });
  attach(server, handler, options);
  metrics.certificateExpires(certificates.notAfter);
  const watcher = watchCertificates(
    files,
    certificates,
    options.reloadEveryMs,
    (changed) => {
      swap(server, gate, certificates, changed, options.callerTimeoutMs);
      certificates = changed;
      metrics.reload('applied');
      metrics.certificateExpires(changed.notAfter);
      log.info({ expires: changed.notAfter }, 'TLS files changed and are in force');
    },
    (error) => {
      metrics.reload('kept');
      log.error({ error, expires: certificates.notAfter }, 'TLS files changed and cannot be used; the old ones stay in force');
    },
  );
  await bind(server, options.listen);
  return {
    address: addressOf(server),
    notAfter: () => certificates.notAfter,
    drain: () => {
      draining = true;
    },
    close: (withinMs) => {
      watcher.close();
      return closeServer(server, withinMs);
    },
  };
}

/** Binds `server`; rejects when the address cannot be had. */
export function bind(server: NetServer, { host, port }: HostPort): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const bound = () => {
      server.off('error', reject);
      resolve();
    };
    if (host === '') server.listen(port, bound);
    else server.listen(port, host, bound);
  });
}

export function addressOf(server: NetServer): string {
  const { family, address, port } = server.address() as AddressInfo; // bound to a port, so neither null nor a pipe
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Accepts no more, lets what is in flight end, and cuts off the rest after `withinMs`. */
export function closeServer(server: Server | PlainServer, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), withinMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** All of them each time: `setSecureContext` forgets what it is not told again. */
function tlsOptions({ cert, key, ca }: Certificates) {
  const shared = { cert, key, minVersion: 'TLSv1.3', rejectUnauthorized: false } as const;
  return ca === undefined ? { ...shared, requestCert: false } : { ...shared, ca, requestCert: true };
}

function serverOptions(certificates: Certificates, callerTimeoutMs: number): ServerOptions {
  return {
    ...tlsOptions(certificates),
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: callerTimeoutMs,
    headersTimeout: callerTimeoutMs,
    // The body has a deadline of its own that answers; this one is behind it.
    requestTimeout: callerTimeoutMs * 3,
    connectionsCheckingInterval: Math.min(LOOK_FOR_SLOW_CALLERS_MS, callerTimeoutMs),
    maxHeaderSize: MAX_HEADER_BYTES,
    requireHostHeader: false,
    insecureHTTPParser: false,
  };
}

function swap(server: Server, gate: ClientGate | undefined, old: Certificates, changed: Certificates, callerTimeoutMs: number): void {
  server.setSecureContext({ ...serverOptions(changed, callerTimeoutMs), ...tlsOptions(changed) });
  if (old.ca === changed.ca) return;
  gate?.rotate();
  server.closeIdleConnections();
}

function attach(server: Server, handler: Handler, { log, metrics }: ListenOptions): void {
  const latest = new WeakMap<Duplex, ServerResponse>();
  const serve: Handler = (req, res) => {
    latest.set(req.socket, res);
    handler(req, res);
  };
  server.on('request', serve);
  server.on('checkContinue', (req, res) => {
    serve(req, res);
    // By then a handler that refuses to read the body has answered.
    setImmediate(() => {
      if (!res.headersSent && !res.destroyed) res.writeContinue();
    });
  });
  server.on('checkExpectation', (req, res) =>
    answerError(req, res, failure(417, 'EXPECTATION_FAILED', 'expected no Expect header but 100-continue')),
  );
  server.on('connect', (_req: IncomingMessage, socket: Duplex) =>
    answerRaw(socket, failure(405, 'METHOD_NOT_ALLOWED', 'expected POST, found CONNECT')),
  );
  server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => {
    // Gone: nobody is left to answer.
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') {
      socket.destroy();
      return;
    }
    const answered = unparsable(error.code ?? '');
    metrics.refused(answered.code);
    log.warn({ code: answered.code, status: answered.status, found: error.code }, 'request could not be read');
    const begun = latest.get(socket);
    if (begun?.headersSent === true && !begun.writableFinished) socket.destroy();
    else answerRaw(socket, answered);
  });
  server.on('tlsClientError', (error, socket: Socket) => {
    metrics.handshakeFailed();
    log.warn({ reason: errorText(error) }, 'TLS handshake failed');
    socket.destroy();
  });
  server.on('error', (error) => log.error({ error }, 'server failed'));
}

/** What Node's parser gave up on. */
function unparsable(code: string): ProtocolError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return failure(408, 'REQUEST_TIMEOUT', 'expected the headers of a request in time');
  if (code === 'HPE_HEADER_OVERFLOW') return failure(431, 'HEADERS_TOO_LARGE', `expected at most ${MAX_HEADER_BYTES} bytes of headers`);
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return failure(413, 'BODY_TOO_LARGE', 'expected no chunk extensions');
  return failure(400, 'BAD_REQUEST', `expected an HTTP/1.1 request${/^[A-Z_]{1,48}$/.test(code) ? ` (${code})` : ''}`);
}

function failure(status: number, code: ProtocolCode, message: string): ProtocolError {
  return new ProtocolError(status, code, message);
}
