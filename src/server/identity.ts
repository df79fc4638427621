import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { asciiLine, ProtocolError } from './protocol.ts';

/** Who may ask: the holder of a client certificate of one of the authorities in force, with the expected DNS name. */
export interface ClientGate {
  /** Why the caller of `req` may ask nothing; undefined lets it in. Costs a look-up after a connection's first request. */
  authorize(req: IncomingMessage): ProtocolError | undefined;
  /** Whether the connection of `req` was let in by authorities that are no longer in force. */
  isOutdated(req: IncomingMessage): boolean;
  /** Puts new authorities in force: connections that older ones let in may ask nothing more. */
  rotate(): void;
}

interface Known {
  readonly generation: number;
  /** Filled at the first request; the certificate's end is kept beside, for connections that outlive it. */
  judged?: { readonly refusal: ProtocolError | undefined; readonly notAfterMs: number };
}

/**
 * Watches the connections of `server` and judges their client certificates, after a handshake that takes any
 * (`rejectUnauthorized: false`): a refusal inside the handshake reaches Gatekeeper as a bare EOF.
 *
 * @param onRefused - Told the reason of every refused request.
 */
export function createClientGate(server: Server, clientName: string, now: () => number, onRefused: (reason: string) => void): ClientGate {
  const known = new WeakMap<Socket, Known>();
  // By the peer's address, from accepting a connection to the end of its handshake: what verified it is what was in force when it began.
  const accepted = new Map<string, number>();
  let generation = 0;
  server.on('connection', (socket) => {
    if (!(socket instanceof Socket)) return;
    const peer = peerOf(socket);
    accepted.set(peer, generation);
    socket.once('close', () => accepted.delete(peer));
  });
  server.on('secureConnection', (socket) => {
    known.set(socket, { generation: accepted.get(peerOf(socket)) ?? -1 });
  });
  const judge = (req: IncomingMessage): ProtocolError | undefined => {
    const { socket } = req;
    const state = known.get(socket);
    if (state === undefined || !(socket instanceof TLSSocket)) return missing();
    if (state.generation !== generation) return invalid('CA_REPLACED', 'the authorities of client certificates changed; connect again');
    state.judged ??= judgeCertificate(socket, clientName);
    if (state.judged.refusal === undefined && now() > state.judged.notAfterMs)
      return invalid('CERT_HAS_EXPIRED', 'it expired while connected');
    return state.judged.refusal;
  };
  return {
    authorize: (req) => {
      const refusal = judge(req);
      if (refusal !== undefined) onRefused(refusal instanceof ClientCertificateError ? refusal.reason : refusal.code);
      return refusal;
    },
    isOutdated: (req) => known.get(req.socket)?.generation !== generation,
    rotate: () => {
      generation += 1;
    },
  };
}

class ClientCertificateError extends ProtocolError {
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(403, 'CLIENT_CERTIFICATE_INVALID', `the client certificate is not accepted: ${asciiLine(reason, 60)}: ${message}`);
    this.reason = reason;
  }
}

function judgeCertificate(socket: TLSSocket, clientName: string): { refusal: ProtocolError | undefined; notAfterMs: number } {
  // Not getPeerCertificate(true): it leaks (CVE-2025-59464).
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { refusal: missing(), notAfterMs: 0 };
  const notAfterMs = certificate.validToDate.getTime();
  if (!socket.authorized) {
    const reason = codeOf(socket.authorizationError);
    return {
      refusal: invalid(reason, 'expected one of the authorities in --client-ca, in its time and for client authentication'),
      notAfterMs,
    };
  }
  // The common name does not count, and a wildcard is no name of one client.
  if (certificate.checkHost(clientName, { subject: 'never', wildcards: false }) === undefined) {
    const found = asciiLine(certificate.subjectAltName ?? 'no name', 200);
    return {
      refusal: new ProtocolError(403, 'CLIENT_NAME_MISMATCH', `expected a client certificate for DNS:${clientName}, found ${found}`),
      notAfterMs,
    };
  }
  return { refusal: undefined, notAfterMs };
}

function missing(): ProtocolError {
  return new ProtocolError(403, 'NO_CLIENT_CERTIFICATE', 'expected a client certificate (Gatekeeper sends its own), found none');
}

function invalid(reason: string, message: string): ProtocolError {
  return new ClientCertificateError(reason, message);
}

/** OpenSSL's name of what is wrong; Node's types say Error where there is a string. */
function codeOf(error: unknown): string {
  if (typeof error === 'string') return error;
  if (typeof error === 'object' && error !== null && 'code' in error) return String(error.code);
  return 'UNAUTHORIZED';
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
