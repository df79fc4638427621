import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { joinChunks } from './chunks.ts';
import { errorText } from './errors.ts';
import { HttpError } from './http-error.ts';

/** What comes before the body. */
export interface HttpHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

interface Reader {
  readonly maxBytes: number;
  readonly resolve: (body: Promise<Uint8Array>) => void;
  readonly reject: (error: unknown) => void;
}

/** What is taken of a body before anybody wants it. */
const UNREAD_BYTES = 64 * 1024;
/** What is worth reading to keep a connection rather than open another. */
const DUMP = { bytes: 64 * 1024, ms: 1000 };

/**
 * One request and its answer, as undici's dispatcher tells of it. Its streams, one for each answer, cost more than everything else about a
 * short one.
 */
export class HttpExchange implements Dispatcher.DispatchHandler {
  /** Rejects with an `HttpError`, or the reason of the signal. */
  readonly head: Promise<HttpHead>;
  readonly #signal: AbortSignal;
  readonly #onHead: { resolve(head: HttpHead): void; reject(error: unknown): void };
  #controller: Dispatcher.DispatchController | undefined;
  #chunks: Uint8Array[] = [];
  #length = 0;
  #isAnswered = false;
  #isEnded = false;
  #isDumped = false;
  #failure: { readonly error: unknown } | undefined;
  #reader: Reader | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(signal: AbortSignal) {
    const { promise, resolve, reject } = Promise.withResolvers<HttpHead>();
    this.head = promise;
    this.#onHead = { resolve, reject };
    this.#signal = signal;
    signal.addEventListener('abort', this.#leave);
  }

  /** The body, at most `maxBytes`. @throws {HttpError} `OVERLONG` at the first byte more; `TRUNCATED`. */
  async read(maxBytes: number): Promise<Uint8Array> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#length > maxBytes) {
      this.#fail(overlong(maxBytes));
      throw overlong(maxBytes);
    }
    if (this.#isEnded) return this.#body();
    return await new Promise((resolve, reject) => {
      this.#reader = { maxBytes, resolve, reject };
      this.#controller?.resume();
    });
  }

  /**
   * Throws away what is left: a short rest is read in the background, so that its connection can be used again; a long or slow one costs the
   * connection.
   */
  dump(): void {
    if (this.#isEnded || this.#failure !== undefined) return;
    this.#isDumped = true;
    this.#chunks = [];
    this.#timer = setTimeout(() => this.#hangUp(), DUMP.ms);
    this.#timer.unref();
    if (this.#length > DUMP.bytes) this.#hangUp();
    else this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== undefined) abort(controller, this.#failure.error);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // 1xx: the answer is still to come.
    if (status < 200) return;
    this.#isAnswered = true;
    this.#onHead.resolve({ status, headers });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#isDumped) {
      if (this.#length > DUMP.bytes) this.#hangUp();
      return;
    }
    this.#chunks.push(chunk);
    if (this.#reader === undefined) {
      if (this.#length > UNREAD_BYTES) controller.pause();
    } else if (this.#length > this.#reader.maxBytes) {
      this.#fail(overlong(this.#reader.maxBytes));
    }
  }

  onResponseEnd(): void {
    this.#isEnded = true;
    this.#settle();
    this.#reader?.resolve(this.#body());
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const code = this.#isAnswered ? 'TRUNCATED' : 'UNREACHABLE';
    const message = this.#isAnswered ? `ended early after ${this.#length} bytes: ${errorText(error)}` : connectionFailure(error);
    this.#fail(error instanceof HttpError ? error : new HttpError(code, message, { cause: error }));
  }

  readonly #leave = (): void => this.#fail(this.#signal.reason);

  #hangUp(): void {
    this.#fail(new HttpError('TRUNCATED', 'not read to its end'));
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined || this.#isEnded) return;
    this.#failure = { error };
    this.#settle();
    this.#onHead.reject(error);
    this.#reader?.reject(error);
    if (this.#controller !== undefined) abort(this.#controller, error);
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#leave);
  }

  async #body(): Promise<Uint8Array> {
    const [only, ...more] = this.#chunks;
    return only !== undefined && more.length === 0 ? only : joinChunks(this.#chunks, this.#length);
  }
}

function overlong(maxBytes: number): HttpError {
  return new HttpError('OVERLONG', `is longer than ${maxBytes} bytes`);
}

function abort(controller: Dispatcher.DispatchController, error: unknown): void {
  controller.abort(error instanceof Error ? error : new Error('left'));
}

/** A dual-stack connection fails with several errors and no message of its own. */
function connectionFailure(error: unknown): string {
  const errors = typeof error === 'object' && error !== null && 'errors' in error ? error.errors : undefined;
  return Array.isArray(errors) ? [...new Set(errors.map(errorText))].join('; ') : errorText(error);
}
