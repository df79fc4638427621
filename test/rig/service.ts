import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A Pod behind a Service. */
export interface Endpoint {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** What its readiness probe says. */
  isReady(): Promise<boolean>;
}

/** The part of kube-proxy and of the endpoints controller, of which there are none here: one address for the Pods that are ready. */
export interface Service {
  readonly address: string;
  add(endpoint: Endpoint): void;
  /** As for a Pod that is told to end: it gets no new connection once that has got round, and keeps those that it has. */
  remove(endpoint: Endpoint): void;
  /** Resolves when it has got round that `endpoint` is ready. */
  leadsTo(endpoint: Endpoint): Promise<void>;
  stop(): Promise<void>;
}

export interface ServiceOptions {
  /** How long it takes until a change of what is ready has got round. Default 1 s. */
  readonly lagMs?: number;
}

const PROBE_EVERY_MS = 100;

interface Known {
  readonly endpoint: Endpoint;
  /** What is got round; what was probed last, and when it became so. */
  leads: boolean;
  ready: boolean;
  since: number;
}

/** Forwards TCP connections in turn to the endpoints that were ready a moment ago; to none of them, it resets. */
export async function startService({ lagMs = 1000 }: ServiceOptions = {}): Promise<Service> {
  const known = new Map<string, Known>();
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = createServer((caller) => {
    const all = [...known.values()].filter(({ leads }) => leads);
    const chosen = all[turn++ % all.length]?.endpoint.address;
    keep(sockets, caller);
    if (chosen === undefined) caller.resetAndDestroy();
    else join(caller, keep(sockets, connectTo(chosen)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = new AbortController();
  const probing = (async () => {
    while (!stop.signal.aborted) {
      await Promise.all([...known.values()].map((one) => probe(one, lagMs)));
      await sleep(PROBE_EVERY_MS);
    }
  })();
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`, // bound to a port, so neither null nor a pipe
    add: (endpoint) => known.set(endpoint.address, { endpoint, leads: false, ready: false, since: performance.now() }),
    remove({ address }) {
      setTimeout(() => known.delete(address), lagMs);
    },
    async leadsTo({ address }) {
      while (known.get(address)?.leads !== true) await sleep(PROBE_EVERY_MS);
    },
    async stop() {
      stop.abort();
      await probing;
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function probe(one: Known, lagMs: number): Promise<void> {
  const ready = await one.endpoint.isReady().catch(() => false);
  if (ready !== one.ready) {
    one.ready = ready;
    one.since = performance.now();
  }
  if (performance.now() - one.since >= lagMs) one.leads = ready;
}

function keep(sockets: Set<Socket>, socket: Socket): Socket {
  sockets.add(socket);
  // The other end of a pair is told by `join`; an error is always followed by a close.
  return socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
}

function connectTo(address: string): Socket {
  const [host = '', port = ''] = address.split(':');
  return connect({ host, port: Number(port), noDelay: true });
}

/** Passes on bytes, ends and resets, each way. */
function join(caller: Socket, endpoint: Socket): void {
  for (const [from, to] of [
    [caller, endpoint],
    [endpoint, caller],
  ] as const) {
    from.pipe(to);
    from.on('close', (failed) => (failed ? to.resetAndDestroy() : to.end()));
  }
}
