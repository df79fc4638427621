import { HttpMethod, IsomorphicFetchHttpLibrary, RequestContext, type ResponseContext } from '@kubernetes/client-node';
import { errorText } from '../lib/errors.ts';
import { retryAfterMs } from '../lib/retry.ts';
import { packageVersion } from '../lib/version.ts';
import { loadConnection, type SharedConnection, type Surroundings } from './connection.ts';
import { codeOfStatus, KubeError } from './errors.ts';
import { member } from './objects.ts';

export interface KubeRequest {
  readonly method: keyof typeof HttpMethod;
  /** Absolute, each segment encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
  /** Bytes of the answer at most. Default 4 MiB. */
  readonly maxBytes?: number;
}

/** The API server: JSON in, JSON out. Every answer that is no success rejects with a `KubeError`. */
export interface KubeClient {
  /** One request within 30 s. */
  request(request: KubeRequest, signal: AbortSignal): Promise<unknown>;
  /** Hands over each line of an answer that goes on; resolves when the API server ends it. What `onLine` throws ends it too. */
  stream(request: KubeRequest, onLine: (value: unknown) => void, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface KubeClientOptions extends Surroundings {
  /** Milliseconds that only go forward. Default: the machine's. */
  readonly monotonic?: () => number;
}

const REQUEST_MS = 30_000;
const MIB = 1024 * 1024;
const MAX_ANSWER_BYTES = 4 * MIB;
/** An object at rest is at most 1.5 MiB in etcd. */
const MAX_LINE_BYTES = 8 * MIB;
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_MESSAGE = 300;
/** A token that was refused is read again, but not more often than this. */
const RELOAD_EVERY_MS = 5000;

/**
 * A client over client-node's configuration, authentication and transport. Its typed calls read answers without a limit, and its
 * `Watch` passes over lines that it cannot parse, which may be the one that takes trust away.
 *
 * @throws {KubeConfigError} if it cannot be told how the cluster is reached.
 */
export function createKubeClient(options: KubeClientOptions = {}): KubeClient {
  const { monotonic = () => performance.now() } = options;
  const http = new IsomorphicFetchHttpLibrary();
  const userAgent = `countersign/${packageVersion()}`;
  let connection = loadConnection(options);
  let loadedAt = monotonic();

  const reload = (): boolean => {
    if (monotonic() - loadedAt < RELOAD_EVERY_MS) return false;
    const old = connection;
    connection = loadConnection(options);
    loadedAt = monotonic();
    // Watches of the others go on until the API server ends them.
    setTimeout(() => void old.close().catch(() => undefined), REQUEST_MS).unref();
    return true;
  };
  const send = async (request: KubeRequest, signal: AbortSignal): Promise<ResponseContext> => {
    const attempt = async () => http.send(await contextOf(connection, request, userAgent, signal)).toPromise();
    const answer = await attempt();
    if (answer.httpStatusCode !== 401 || !reload()) return answer;
    discard(answer);
    return attempt();
  };
  return {
    request: (request, signal) =>
      guarded(request, signal, AbortSignal.timeout(REQUEST_MS), async (both) => {
        const answer = await send(request, both);
        if (!isSuccess(answer)) throw await refusal(request, answer, both);
        return JSON.parse(await readText(answer, request.maxBytes ?? MAX_ANSWER_BYTES, both));
      }),
    stream: (request, onLine, signal) => {
      const headers = new AbortController();
      const timer = setTimeout(() => headers.abort(), REQUEST_MS);
      timer.unref();
      return guarded(request, signal, headers.signal, async (both) => {
        const answer = await send(request, both).finally(() => clearTimeout(timer));
        if (!isSuccess(answer)) throw await refusal(request, answer, both);
        await readLines(answer, onLine, both);
      });
    },
    close: () => connection.close(),
  };
}

async function contextOf(
  connection: SharedConnection,
  request: KubeRequest,
  userAgent: string,
  signal: AbortSignal,
): Promise<RequestContext> {
  const server = connection.getCurrentCluster()?.server.replace(/\/$/, '') ?? '';
  const context = new RequestContext(`${server}${request.path}`, HttpMethod[request.method]);
  for (const [name, value] of Object.entries(request.query ?? {})) context.setQueryParam(name, value);
  context.setHeaderParam('Accept', 'application/json');
  context.setHeaderParam('User-Agent', userAgent);
  if (request.body !== undefined) {
    context.setHeaderParam('Content-Type', request.contentType ?? 'application/json');
    context.setBody(JSON.stringify(request.body));
  }
  await connection.applySecurityAuthentication(context);
  context.setSignal(signal);
  return context;
}

/** Turns whatever goes wrong into a `KubeError`, but the caller's own abort into its reason. */
async function guarded<T>(
  { method, path }: KubeRequest,
  signal: AbortSignal,
  deadline: AbortSignal,
  work: (both: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  try {
    return await work(AbortSignal.any([signal, deadline]));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KubeError) throw error;
    const why = deadline.aborted ? `no answer within ${REQUEST_MS / 1000} s` : causeText(error);
    throw new KubeError('CLUSTER_UNREACHABLE', `${method} ${path}: ${why}`, { cause: error });
  }
}

/** `fetch failed` says nothing; its cause does. */
function causeText(error: unknown): string {
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
  return (cause === undefined ? errorText(error) : `${errorText(error)}: ${errorText(cause)}`).slice(0, MAX_MESSAGE);
}

function isSuccess({ httpStatusCode }: ResponseContext): boolean {
  return httpStatusCode >= 200 && httpStatusCode < 300;
}

async function refusal({ method, path }: KubeRequest, answer: ResponseContext, signal: AbortSignal): Promise<KubeError> {
  const status = answer.httpStatusCode;
  const { message, reason } = statusOf(await readText(answer, MAX_ERROR_BYTES, signal).catch(() => ''));
  const wait = retryAfterMs(answer.headers['retry-after'] ?? '', Date.now());
  return new KubeError(codeOfStatus(status), `${method} ${path}: ${status}${message === '' ? '' : `: ${message}`}`, {
    status,
    reason,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

/** `message`, cut, and `reason` of a Kubernetes Status. */
function statusOf(text: string): { message: string; reason: string } {
  try {
    const status: unknown = JSON.parse(text);
    const textOf = (name: string) => String(member(status, name) ?? '').slice(0, MAX_MESSAGE);
    return { message: textOf('message'), reason: textOf('reason') };
  } catch {
    return { message: '', reason: '' };
  }
}

async function readText(answer: ResponseContext, maxBytes: number, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOf(answer, signal)) {
    length += chunk.length;
    if (length > maxBytes) throw new KubeError('CLUSTER_REFUSED', `expected at most ${maxBytes} bytes, found more`, { status: 413 });
    chunks.push(chunk);
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
}

async function readLines(answer: ResponseContext, onLine: (value: unknown) => void, signal: AbortSignal): Promise<void> {
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  const take = (part: Uint8Array): void => {
    const line = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat([...rest, part]));
    rest = [];
    restBytes = 0;
    if (line.trim() !== '') onLine(JSON.parse(line));
  };
  for await (const chunk of chunksOf(answer, signal)) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, end));
      from = end + 1;
    }
    rest.push(chunk.subarray(from));
    restBytes += chunk.length - from;
    if (restBytes > MAX_LINE_BYTES) throw new KubeError('CLUSTER_UNREACHABLE', `expected lines of at most ${MAX_LINE_BYTES} bytes`);
  }
  // A line that was cut off comes again: the next watch begins at the last whole one.
}

const NEWLINE = 0x0a;

async function* chunksOf(answer: ResponseContext, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const stream = answer.body.stream();
  if (stream === null) return;
  for await (const chunk of stream) {
    signal.throwIfAborted();
    yield chunk;
  }
}

function discard(answer: ResponseContext): void {
  void answer.body
    .stream()
    ?.cancel()
    .catch(() => undefined);
}
