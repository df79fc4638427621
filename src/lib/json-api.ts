import { CodedError } from './errors.ts';
import { type HttpAnswer, type HttpClient, HttpError, type HttpRequest } from './http.ts';
import { JsonError, type JsonValue, parseJson } from './json.ts';
import { retry, retryAfterMs } from './retry.ts';

/**
 * Why a service gave no answer that can be used: `UNREACHABLE` none in time, 5xx or cut short; `DENIED` 401 or 403; `THROTTLED` 429;
 * `NOT_FOUND` 404; `INVALID` anything else that is not in its protocol's words.
 */
export class ApiError extends CodedError {
  readonly code: 'UNREACHABLE' | 'DENIED' | 'THROTTLED' | 'NOT_FOUND' | 'INVALID';
  /** How long to wait before trying once more, in milliseconds; undefined: that would be no use. */
  readonly waitMs: number | undefined;
  /** What the service said of it; undefined where there is only a status, or no answer. */
  readonly words: string | undefined;
  constructor(code: ApiError['code'], message: string, { waitMs, words }: Facts = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.waitMs = waitMs;
    this.words = words;
  }
}

interface Facts {
  readonly waitMs?: number | undefined;
  readonly words?: string | undefined;
}

export type ApiRequest = Omit<HttpRequest, 'signal'>;

/** What a service says of a refusal beside its status. */
export interface Refusal {
  /** Absent: what the status means. */
  readonly code?: ApiError['code'];
  /** In its own words, cut and printable. */
  readonly words: string;
}

export interface ApiOptions {
  /** Names the service in messages. */
  readonly who: string;
  readonly maxBytes: number;
  /** For one attempt, in milliseconds: shorter than a deadline, so that it can be said who was slow. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Reads a refusal. Default: only its status counts. */
  readonly explain?: (body: JsonValue, status: number) => Refusal | undefined;
}

export interface JsonAnswer {
  readonly body: JsonValue;
  /** Fields of the same name joined with `, `. */
  header(name: string): string | undefined;
}

const RETRY_MS = 100;
const MAX_RETRY_AFTER_MS = 1000;
const MAX_REFUSAL_BYTES = 16 * 1024;

/**
 * The JSON that a service answers with 200. Asked once more, while the deadline is not over, after 429, 5xx and a broken connection; what is
 * asked must not mind that.
 *
 * @param prepare - Makes the request, anew for each attempt.
 * @throws {ApiError} or what `prepare` throws, or the reason of the signal.
 */
export async function askJson(http: HttpClient, prepare: () => Promise<ApiRequest>, options: ApiOptions): Promise<JsonValue> {
  return (await askJsonAnswer(http, prepare, options)).body;
}

/** As `askJson`, with the header fields of the answer: some services have their page tokens there. */
export function askJsonAnswer(http: HttpClient, prepare: () => Promise<ApiRequest>, options: ApiOptions): Promise<JsonAnswer> {
  const waitMs = (error: unknown) => (error instanceof ApiError ? error.waitMs : undefined);
  return retry(() => attempt(http, prepare, options), { waitMs, signal: options.signal });
}

async function attempt(http: HttpClient, prepare: () => Promise<ApiRequest>, options: ApiOptions): Promise<JsonAnswer> {
  const { who, timeoutMs, signal } = options;
  const request = await prepare();
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    return await http.exchange({ ...request, signal: AbortSignal.any([signal, limit]) }, (answer) => readAnswer(answer, options));
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted) throw new ApiError('UNREACHABLE', `${who} did not answer within ${timeoutMs / 1000} s`, {}, { cause: error });
    throw error instanceof HttpError ? connectionFailure(error, who) : error;
  }
}

async function readAnswer(answer: HttpAnswer, options: ApiOptions): Promise<JsonAnswer> {
  if (answer.status !== 200) throw await refusalOf(answer, options);
  try {
    return { body: parseJson(await answer.read(options.maxBytes)), header: answer.header };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new ApiError('INVALID', `${options.who} answered something else than JSON: ${error.message}`, {}, { cause: error });
  }
}

function connectionFailure(error: HttpError, who: string): ApiError {
  if (error.code === 'OVERLONG' || error.code === 'ENCODED') {
    return new ApiError('INVALID', `the answer of ${who} ${error.message}`, {}, { cause: error });
  }
  const waitMs = error.code === 'FORBIDDEN' ? undefined : RETRY_MS;
  return new ApiError('UNREACHABLE', `${who} cannot be reached: ${error.message}`, { waitMs }, { cause: error });
}

async function refusalOf(answer: HttpAnswer, { who, explain }: ApiOptions): Promise<ApiError> {
  const { status } = answer;
  const said = explain === undefined ? undefined : await readRefusal(answer, explain);
  const code = said?.code ?? codeOf(status);
  const message = `${who} answered ${status}${said === undefined ? '' : `: ${said.words}`}`;
  const waitMs = code === 'THROTTLED' || code === 'UNREACHABLE' ? waitAfter(answer) : undefined;
  return new ApiError(code, message, { waitMs, words: said?.words });
}

async function readRefusal(answer: HttpAnswer, explain: NonNullable<ApiOptions['explain']>): Promise<Refusal | undefined> {
  try {
    return explain(parseJson(await answer.read(MAX_REFUSAL_BYTES)), answer.status);
  } catch (error) {
    // The status says enough where the words cannot be read; a deadline is found by whoever called.
    if (error instanceof JsonError || error instanceof HttpError) return undefined;
    throw error;
  }
}

function codeOf(status: number): ApiError['code'] {
  if (status === 401 || status === 403) return 'DENIED';
  if (status === 404) return 'NOT_FOUND';
  if (status === 429) return 'THROTTLED';
  return status === 408 || status >= 500 ? 'UNREACHABLE' : 'INVALID';
}

function waitAfter(answer: HttpAnswer): number | undefined {
  const wait = retryAfterMs(answer.header('retry-after') ?? '', Date.now()) ?? RETRY_MS;
  return wait <= MAX_RETRY_AFTER_MS ? wait : undefined;
}
