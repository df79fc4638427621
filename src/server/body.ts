import type { IncomingMessage } from 'node:http';
import { ProtocolError } from './protocol.ts';

export interface BodyLimits {
  readonly maxBytes: number;
  /** How long the whole body may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** Bytes that all bodies being read hold at one time. */
export interface BodyBudget {
  readonly maxBytes: number;
  used: number;
}

/** Pieces a body may come in: a flood of one-byte chunks costs far more than its bytes. */
const MAX_PIECES = 16_384;

/**
 * Reads the body of a request, whatever its content type.
 *
 * @throws {ProtocolError} 413 when it is larger than allowed (said or sent), 408 when it takes too long, 503 when bodies of other callers fill the
 *   budget, 400 when the caller goes away. The connection is then of no more use.
 */
export function readBody(req: IncomingMessage, limits: BodyLimits, budget: BodyBudget): Promise<Uint8Array> {
  const tooLarge = () =>
    new ProtocolError(413, 'BODY_TOO_LARGE', `expected a body of at most ${limits.maxBytes} bytes in ${MAX_PIECES} pieces`);
  if (Number(req.headers['content-length'] ?? 0) > limits.maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    let length = 0;
    let pieces = 0;
    let held = 0;
    const timer = setTimeout(
      () => settle(new ProtocolError(408, 'REQUEST_TIMEOUT', `expected the whole body within ${limits.timeoutMs} ms`)),
      limits.timeoutMs,
    );
    const settle = (error?: ProtocolError) => {
      clearTimeout(timer);
      budget.used -= held;
      req.off('data', onData).off('end', onEnd).off('close', onGone);
      if (error === undefined) resolve(bytes.subarray(0, length));
      else reject(error);
    };
    const hold = (capacity: number): boolean => {
      budget.used += capacity - held;
      held = capacity;
      return budget.used <= budget.maxBytes;
    };
    const onData = (piece: Buffer) => {
      const total = length + piece.length;
      pieces += 1;
      if (total > limits.maxBytes || pieces > MAX_PIECES) return settle(tooLarge());
      if (total > bytes.length) {
        const capacity = pieces === 1 ? total : Math.min(limits.maxBytes, Math.max(total, bytes.length * 2));
        if (!hold(capacity)) return settle(new ProtocolError(503, 'OVERLOADED', 'too many bodies are being read; ask again'));
        bytes = pieces === 1 ? piece : grown(bytes, length, capacity);
      }
      if (pieces > 1) bytes.set(piece, length);
      length = total;
    };
    const onEnd = () => settle();
    const onGone = () => settle(new ProtocolError(400, 'BAD_REQUEST', 'the connection ended before the body did'));
    req.on('data', onData).on('end', onEnd).on('close', onGone);
  });
}

function grown(bytes: Buffer, length: number, capacity: number): Buffer {
  const larger = Buffer.allocUnsafe(capacity);
  larger.set(bytes.subarray(0, length));
  return larger;
}
