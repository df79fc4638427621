import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ProtocolError, renderSystemError } from './protocol.ts';

/** What a caller may go on sending after it was refused, so that it reads the answer instead of a reset. */
const LINGER = { bytes: 8 * 1024 * 1024, ms: 1000 } as const;

/** Sends `body` as JSON. Where the request's body was not read to its end, the connection is closed after it. */
export function answer(req: IncomingMessage, res: ServerResponse, status: number, body: string, close: boolean, allow?: string): void {
  if (res.headersSent || res.destroyed) return;
  const unread = !req.complete && hasBody(req);
  res.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...(close || unread ? { Connection: 'close' } : {}),
    ...(allow === undefined ? {} : { Allow: allow }),
  });
  if (unread) linger(req, res, body);
  else res.end(body);
}

/** Answers that a request is not evaluated, and why. */
export function answerError(req: IncomingMessage, res: ServerResponse, error: ProtocolError, allow?: string): void {
  answer(req, res, error.status, renderSystemError(error.code, error.message), error.status !== 404 && error.status !== 405, allow);
}

/** Writes the answer to a socket whose request could not be parsed, and lets it go. */
export function answerRaw(socket: Duplex, error: ProtocolError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = renderSystemError(error.code, error.message);
  const status = `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? 'Error'}`;
  const head = [status, 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close', ''];
  const forget = setTimeout(() => socket.destroy(), LINGER.ms);
  socket.on('error', () => socket.destroy()).once('close', () => clearTimeout(forget));
  socket.end(`${[...head, ''].join('\r\n')}${body}`);
}

function hasBody(req: IncomingMessage): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

/** The whole answer goes out at once; the connection ends when the caller has stopped sending, or has sent enough. */
function linger(req: IncomingMessage, res: ServerResponse, body: string): void {
  let discarded = 0;
  const finish = () => {
    clearTimeout(timer);
    req.off('data', discard).off('end', finish).off('close', finish);
    res.end();
  };
  const discard = (piece: Buffer) => {
    discarded += piece.length;
    if (discarded > LINGER.bytes) finish();
  };
  const timer = setTimeout(finish, LINGER.ms);
  res.write(body);
  req.on('data', discard).on('end', finish).on('close', finish).resume();
}
