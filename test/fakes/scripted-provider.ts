import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

export interface ScriptedProviderOptions {
  /** PEM of what it serves with. */
  readonly cert: string;
  readonly key: string;
  /** PEM of the CA by which callers are known; without, nobody is asked for a certificate. */
  readonly clientCa?: string;
  /** Over the defaults of the server, such as another TLS version. */
  readonly server?: ServerOptions;
}

/** One request as it came. */
export interface ProviderCall {
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly body: string;
  readonly keys: readonly string[];
  readonly protocol: string | null;
  readonly client: { readonly authorized: boolean; readonly names: string; readonly serial: string } | undefined;
  /** Number of the connection that it came on, from 1. */
  readonly connection: number;
}

/** An external-data provider that does what words in the keys say. */
export interface ScriptedProvider {
  readonly address: string;
  readonly calls: readonly ProviderCall[];
  /** Forgets the calls so far and gives them. */
  takeCalls(): readonly ProviderCall[];
  stop(): Promise<void>;
}

interface Item {
  readonly key: string;
  readonly value?: unknown;
  readonly error?: string;
}

interface Draft {
  items: readonly Item[];
  systemError: string;
  idempotent: boolean;
  status: number;
  /** Instead of the response. */
  text: string | undefined;
  delayMs: number;
  reset: boolean;
}

const MAX_BODY = 4 * 1024 * 1024;
const WORD = /(?:^|[/:-])([a-z]+)(\d*)(?=[/:@-]|$)/g;
const PINNED = `@sha256:${'0'.repeat(64)}`;
/** Nobody waits longer; a slow answer that nobody waits for ends with the server. */
const MAX_DELAY_MS = 60_000;

const verdict = (code: string, message: string): unknown => ({
  isSuccess: code === 'VERIFIED',
  outcome: code === 'VERIFIED' ? 'accepted' : 'refused',
  reason: { code, message },
});

/** What a word does to the item of its key; undefined leaves the item out. */
const ITEM_WORDS: Readonly<Record<string, (item: Item, amount: number) => Item | undefined>> = {
  deny: ({ key }) => ({ key, value: verdict('NO_SIGNATURES', 'no signature is attached') }),
  omit: () => undefined,
  itemerr: ({ key }) => ({ key, error: 'the item is an error' }),
  both: (item) => ({ ...item, error: 'the item is an error too' }),
  neither: ({ key }) => ({ key }),
  notext: ({ key }) => ({ key, value: 7 }),
  longmsg: ({ key }, amount) => ({ key, value: verdict('NO_SIGNATURES', 'x'.repeat(amount)) }),
};

/** What a word does to the whole answer. */
const ANSWER_WORDS: Readonly<Record<string, (draft: Draft, amount: number) => void>> = {
  extra: (draft) => {
    draft.items = [...draft.items, ...draft.items.map((item) => ({ ...item, key: item.key.replace('extra', 'planted') }))];
  },
  syserr: (draft) => {
    draft.systemError = 'the provider is unwell';
  },
  nonidem: (draft) => {
    draft.idempotent = false;
  },
  http: (draft, amount) => {
    draft.status = amount;
  },
  otherjson: (draft) => {
    draft.text = '{"error":"x"}';
  },
  nonjson: (draft) => {
    draft.text = '<html>not here</html>';
  },
  empty: (draft) => {
    draft.text = '';
  },
  huge: (draft, amount) => {
    draft.items = draft.items.map((item) => ({ ...item, value: { ...Object(item.value), padding: 'x'.repeat(amount * 1024 * 1024) } }));
  },
  slow: (draft, amount) => {
    draft.delayMs = Math.min(amount, MAX_DELAY_MS);
  },
  reset: (draft) => {
    draft.reset = true;
  },
};

/**
 * Listens on loopback. Every key is accepted, on a path that ends in `/mutate` pinned, unless a word in it says otherwise: a part of
 * the path or tag between `/`, `-`, `:` and `@`, such as `deny`, `omit`, `http500`, `slow1500`, `huge5`.
 */
export async function startScriptedProvider({ cert, key, clientCa, server: options }: ScriptedProviderOptions): Promise<ScriptedProvider> {
  const calls: ProviderCall[] = [];
  const connections = new WeakMap<object, number>();
  const timers = new Set<NodeJS.Timeout>();
  let opened = 0;
  const client = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false };
  const server = createServer({ cert, key, minVersion: 'TLSv1.3', ...client, ...options }, (request, response) => {
    void record(request, connections.get(request.socket) ?? 0).then(
      (call) => {
        calls.push(call);
        const draft = draftFor(call.keys, call.path.endsWith('/mutate'));
        const timer = setTimeout(() => {
          timers.delete(timer);
          send(draft, response);
        }, draft.delayMs);
        timers.add(timer);
      },
      () => request.destroy(),
    );
  });
  server.keepAliveTimeout = 120_000;
  server.on('secureConnection', (socket) => {
    opened += 1;
    connections.set(socket, opened);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    calls,
    takeCalls: () => calls.splice(0),
    async stop() {
      for (const timer of timers) clearTimeout(timer);
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function record(request: IncomingMessage, connection: number): Promise<ProviderCall> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY) throw new Error(`a request of more than ${MAX_BODY} bytes`);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString('utf8');
  const socket = request.socket as TLSSocket; // the server speaks nothing but TLS
  const { subjectaltname: names = '', serialNumber: serial = '' } = socket.getPeerCertificate();
  return {
    path: request.url ?? '',
    rawHeaders: request.rawHeaders,
    body,
    keys: (JSON.parse(body) as { request: { keys?: readonly string[] } }).request.keys ?? [],
    protocol: socket.getProtocol(),
    client: serial === '' ? undefined : { authorized: socket.authorized, names, serial },
    connection,
  };
}

function draftFor(keys: readonly string[], mutating: boolean): Draft {
  const said = keys.map((key) => ({
    key,
    words: [...key.matchAll(WORD)].map(([, word = '', amount = '']) => ({ word, amount: Number(amount) })),
  }));
  const draft: Draft = { items: [], systemError: '', idempotent: true, status: 200, text: undefined, delayMs: 0, reset: false };
  draft.items = said.flatMap(({ key, words }) => {
    const good: Item = { key, value: mutating ? `${key}${PINNED}` : verdict('VERIFIED', 'signed') };
    const item = words.reduce<Item | undefined>((made, { word, amount }) => {
      const change = ITEM_WORDS[word];
      return made === undefined || change === undefined ? made : change(made, amount);
    }, good);
    return item === undefined ? [] : [item];
  });
  for (const { word, amount } of said.flatMap(({ words }) => words)) ANSWER_WORDS[word]?.(draft, amount);
  return draft;
}

function send({ items, systemError, idempotent, status, text, reset }: Draft, response: ServerResponse): void {
  if (reset) {
    response.socket?.destroy();
    return;
  }
  const answer = {
    apiVersion: 'externaldata.gatekeeper.sh/v1beta1',
    kind: 'ProviderResponse',
    response: { idempotent, items, systemError },
  };
  response.writeHead(status, { 'content-type': 'application/json' }).end(text ?? JSON.stringify(answer));
}
