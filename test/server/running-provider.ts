import { request as plainRequest } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { loadSettings, type Settings } from '../../src/config/settings.ts';
import type { Snapshot } from '../../src/engine/types.ts';
import { createFactCache } from '../../src/lib/cache.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/log.ts';
import type { RevocationPort } from '../../src/lib/revocation.ts';
import { type ProviderLimits, serveProvider } from '../../src/server/serve.ts';
import type { Issued } from '../pki.ts';
import { type FakeWorld, fakeWorld, snapshotOf } from './fake-engine.ts';
import { clientPair, gatekeeperAuthority, type Pair, serverPair, type TlsFolder, tlsFolder } from './tls-files.ts';

export const VERIFY = '/ratify/gatekeeper/v1/verify';
export const MUTATE = '/ratify/gatekeeper/v1/mutate';

/** An answer as Gatekeeper reads it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly response: {
    readonly idempotent?: boolean;
    readonly systemError?: string;
    // biome-ignore lint/suspicious/noExplicitAny: what the tests assert on is the shape itself
    readonly items?: readonly { readonly key: string; readonly error?: string; readonly value?: any }[];
  };
}

export interface TestProvider {
  readonly address: string;
  readonly port: number;
  readonly admin: string;
  readonly world: FakeWorld;
  readonly tls: TlsFolder;
  readonly authority: Issued;
  readonly client: Pair;
  /** Lines logged so far. */
  readonly log: string[];
  /** Puts another snapshot in force; undefined: nothing usable. */
  use(snapshot: Snapshot, usable?: boolean): void;
  ask(keys: readonly unknown[], path?: string): Promise<Answer>;
  send(options: RequestOptions, body?: string | Buffer): Promise<Answer>;
  /** Writes bytes to a TLS connection and reads until it ends. */
  raw(bytes: string | readonly string[], options?: ConnectionOptions): Promise<string>;
  socket(options?: ConnectionOptions): Promise<TLSSocket>;
  readAdmin(path: string, method?: string): Promise<{ status: number; text: string }>;
  close(): Promise<void>;
}

export interface TestProviderOptions {
  readonly limits?: Partial<ProviderLimits>;
  readonly settings?: Partial<Settings>;
  readonly clock?: Clock;
  readonly noClientAuth?: boolean;
  readonly clientName?: string;
  readonly revocation?: RevocationPort;
}

export function bodyOf(keys: readonly unknown[]): string {
  return JSON.stringify({ apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'ProviderRequest', request: { keys } });
}

/** The provider on loopback over a fake world, with fresh certificates and a client that shows Gatekeeper's. */
export async function startTestProvider(options: TestProviderOptions = {}): Promise<TestProvider> {
  const authority = gatekeeperAuthority();
  const client = clientPair(authority);
  const tls = tlsFolder({ ...serverPair(authority), ca: authority.pem });
  const world = fakeWorld();
  let current = snapshotOf(world.engine());
  let isUsable = true;
  const log: string[] = [];
  const running = await serveProvider({
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    tls: {
      cert: tls.cert,
      key: tls.key,
      ...(options.noClientAuth === true ? { noClientAuth: true } : { clientCa: tls.clientCa }),
      ...(options.clientName === undefined ? {} : { clientName: options.clientName }),
    },
    engines: { current: () => current, usable: () => isUsable },
    facts: createFactCache({ maxBytes: 1024 * 1024 }),
    settings: { ...(await loadSettings()), ...options.settings },
    log: createLogger({ level: 'debug', stream: { write: (line) => void log.push(line) } }),
    limits: { reloadEveryMs: 20, lagMs: 0, closeWithinMs: 1000, ...options.limits },
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.revocation === undefined ? {} : { revocation: options.revocation }),
  });
  const port = Number(running.address.slice(running.address.lastIndexOf(':') + 1));
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const identity = { ca: authority.pem, ...client, servername: 'localhost', minVersion: 'TLSv1.3' } as const;
  const send = (change: RequestOptions, body?: string | Buffer) =>
    sendRequest({ host: '127.0.0.1', port, agent, ...identity, ...change }, body);
  return {
    ...running,
    port,
    world,
    tls,
    authority,
    client,
    log,
    use: (snapshot, usable = true) => {
      current = snapshot;
      isUsable = usable;
    },
    ask: (keys, path = VERIFY) => send({ method: 'POST', path, headers: { 'content-type': 'application/json' } }, bodyOf(keys)),
    send,
    raw: (bytes, change) => exchange({ host: '127.0.0.1', port, ...identity, ...change }, typeof bytes === 'string' ? [bytes] : bytes),
    socket: (change) => open({ host: '127.0.0.1', port, ...identity, ...change }),
    readAdmin: (path, method = 'GET') => readPlain(running.admin, path, method),
    close: async () => {
      await running.close();
      agent.destroy();
      tls.dispose();
    },
  };
}

/** Reads an answer out of the text that came over a raw connection. */
export function parseAnswer(text: string): Answer {
  const end = text.indexOf('\r\n\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]);
  return { status, headers: {}, text, ...JSON.parse(text.slice(end + 4)) };
}

function sendRequest(options: RequestOptions, body?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }), ...options.headers };
    const sent = request({ ...options, headers }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text, ...(text === '' ? { response: {} } : JSON.parse(text)) });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function open(options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect(options, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

async function exchange(options: ConnectionOptions, parts: readonly string[]): Promise<string> {
  const socket = await open(options);
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => socket.destroy()).on('close', () => resolve(text));
    for (const part of parts) socket.write(part, 'latin1');
  });
}

function readPlain(address: string, path: string, method: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = plainRequest(`http://${address}${path}`, { method }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      res.on('end', () => resolve({ status: res.statusCode ?? 0, text }));
    });
    sent.on('error', reject).end();
  });
}
