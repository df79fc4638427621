import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import express from 'express';
import type { Logger } from '../lib/log.ts';
import { answer, answerError } from './answer.ts';
import { type BodyBudget, readBody } from './body.ts';
import { ENDPOINTS, type Endpoint } from './endpoints.ts';
import type { Metrics } from './metrics.ts';
import { asciiLine, ProtocolError, parseProviderRequest } from './protocol.ts';

/** One request as it is evaluated. */
export interface Asked {
  readonly endpoint: Endpoint;
  readonly keys: readonly string[];
  readonly traceId: string;
  /** When the request came, on the monotonic clock in milliseconds. */
  readonly startedMs: number;
}

export interface AppOptions {
  /** Why the caller may ask nothing; decided before a byte of its body is read. */
  readonly authorize: (req: IncomingMessage) => ProtocolError | undefined;
  /** The whole body of the answer. */
  readonly evaluate: (asked: Asked) => Promise<string>;
  /** Whether the connection ends with the answer. */
  readonly closing: (req: IncomingMessage) => boolean;
  readonly limits: {
    readonly maxBodyBytes: number;
    readonly maxKeys: number;
    readonly bodyTimeoutMs: number;
    /** Requests at one time; one more is refused at once. */
    readonly maxInFlight: number;
    /** Bytes of all bodies that are being read at one time. */
    readonly maxBufferedBytes: number;
  };
  readonly log: Logger;
  readonly metrics: Metrics;
}

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/**
 * Routes requests to their endpoint. Every answer is a `ProviderResponse`, since Gatekeeper takes any JSON object without a
 * `systemError` for an empty success. A query string is ignored; a trailing slash, another case or an encoded slash is another path.
 */
export function createApp(options: AppOptions): Handler {
  const hot = new Map(ENDPOINTS.map((endpoint) => [endpoint.path, endpoint]));
  const provider = createProvider(options);
  const app = express();
  app.disable('x-powered-by').set('etag', false).set('query parser', false);
  app.enable('case sensitive routing').enable('strict routing');
  for (const endpoint of ENDPOINTS) {
    app.post(endpoint.path, (req, res) => provider(endpoint, req, res));
    app.all(endpoint.path, (req, res) => refuse(req, res, methodNotAllowed(req, endpoint), options, { endpoint, allow: 'POST' }));
  }
  const routed: Handler = (req, res) => {
    const refusal = options.authorize(req) ?? hostMissing(req);
    if (refusal !== undefined) return refuse(req, res, refusal, options);
    const target = originForm(req.url ?? '');
    if (target === undefined) return refuse(req, res, notFound(req), options);
    req.url = target;
    // Express writes its own HTML where nothing is left to route to; this callback is what it calls instead.
    app(req as express.Request, res as express.Response, () => refuse(req, res, notFound(req), options)); // it extends both objects itself
  };
  return (req, res) => {
    res.on('error', ignore);
    const endpoint = req.method === 'POST' ? hot.get(req.url ?? '') : undefined;
    if (endpoint === undefined) routed(req, res);
    else void provider(endpoint, req, res);
  };
}

/** The one handler of all endpoints: never rejects, always answers unless the caller is gone. */
function createProvider(options: AppOptions): (endpoint: Endpoint, req: IncomingMessage, res: ServerResponse) => Promise<void> {
  const { limits, metrics } = options;
  const budget: BodyBudget = { maxBytes: limits.maxBufferedBytes, used: 0 };
  let inFlight = 0;
  const evaluate = async (endpoint: Endpoint, req: IncomingMessage, traceId: string, startedMs: number): Promise<string> => {
    const body = await readBody(req, { maxBytes: limits.maxBodyBytes, timeoutMs: limits.bodyTimeoutMs }, budget);
    const { keys } = parseProviderRequest(body, limits.maxKeys);
    return options.evaluate({ endpoint, keys, traceId, startedMs });
  };
  return async (endpoint, req, res) => {
    const startedMs = performance.now();
    const refusal = options.authorize(req) ?? hostMissing(req) ?? (inFlight >= limits.maxInFlight ? overloaded() : undefined);
    if (refusal !== undefined) return refuse(req, res, refusal, options);
    const traceId = randomUUID();
    inFlight += 1;
    metrics.inFlight(inFlight);
    try {
      const body = await evaluate(endpoint, req, traceId, startedMs);
      metrics.answered(endpoint, 200, performance.now() - startedMs);
      answer(req, res, 200, body, options.closing(req));
    } catch (error) {
      const known = error instanceof ProtocolError ? error : internal(error, traceId, options.log);
      refuse(req, res, known, options, { endpoint });
    } finally {
      inFlight -= 1;
      metrics.inFlight(inFlight);
    }
  };
}

function refuse(
  req: IncomingMessage,
  res: ServerResponse,
  error: ProtocolError,
  { log, metrics }: AppOptions,
  about: { readonly endpoint?: Endpoint; readonly allow?: string } = {},
): void {
  metrics.refused(error.code);
  const path = asciiLine(req.url ?? '', 200);
  log.warn({ code: error.code, status: error.status, reason: error.message, path, action: about.endpoint?.action }, 'request refused');
  answerError(req, res, error, about.allow);
}

function internal(error: unknown, traceId: string, log: Logger): ProtocolError {
  log.error({ error, traceID: traceId }, 'request failed by an error of ours');
  return new ProtocolError(500, 'INTERNAL', `an error of ours; the log has it under trace ${traceId}`, { cause: error });
}

function overloaded(): ProtocolError {
  return new ProtocolError(503, 'OVERLOADED', 'too many requests are in flight; ask again');
}

// Node answers a missing Host by itself with an empty body, which must not be; so that check is off there and done here (RFC 9112, 3.2).
function hostMissing(req: IncomingMessage): ProtocolError | undefined {
  const needed = req.httpVersionMajor === 1 && req.httpVersionMinor === 1;
  return needed && req.headers.host === undefined ? new ProtocolError(400, 'BAD_REQUEST', 'expected a Host header, found none') : undefined;
}

/** The path and query of a request target; a server takes the absolute form too (RFC 9112, 3.2.2). Undefined for what is neither. */
function originForm(target: string): string | undefined {
  if (target.startsWith('/')) return target;
  const url = URL.parse(target);
  return url === null ? undefined : `${url.pathname}${url.search}`;
}

function notFound(req: IncomingMessage): ProtocolError {
  const path = asciiLine(req.url ?? '', 80).replaceAll('"', "'");
  return new ProtocolError(
    404,
    'NOT_FOUND',
    `expected POST to ${ENDPOINTS.map((endpoint) => endpoint.path).join(' or ')}, found "${path}"`,
  );
}

function methodNotAllowed(req: IncomingMessage, endpoint: Endpoint): ProtocolError {
  return new ProtocolError(
    405,
    'METHOD_NOT_ALLOWED',
    `expected POST to ${endpoint.path}, found ${asciiLine(req.method ?? 'no method', 20)}`,
  );
}

/** A response to a caller that has gone: nobody is left to tell. */
function ignore(): void {}
