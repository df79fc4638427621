import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueAuthority } from '../../src/x509/issue.ts';
import { applyJsonPatch, applyMergePatch } from './json-patch.ts';

type Json = Record<string, unknown>;

/** An object as the API server has it. */
export interface Stored extends Json {
  readonly metadata: Json & { readonly name: string; readonly namespace?: string; readonly uid: string; readonly resourceVersion: string };
}

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly body: unknown;
}

/** What a fault makes of a request; `false` leaves it to the server. */
export type Fault = (seen: Seen, res: ServerResponse) => boolean | Promise<boolean>;

interface Event {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly collection: string;
  readonly object: Stored;
}

interface Watcher {
  readonly collection: string;
  readonly res: ServerResponse;
}

/** `/apis/GROUP/VERSION[/namespaces/NS]/PLURAL[/NAME[/PART]]`, and the same under `/api/v1`. */
const PATH = /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([a-z]+)(?:\/([^/]+))?(?:\/(status))?$/;

/** The API server's protocol over HTTPS on loopback: lists in pages, watches, patches, and whatever goes wrong with them. */
export class FakeApiServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'countersign-api-server-'));
  readonly kubeconfig = join(this.folder, 'kubeconfig');
  readonly seen: Seen[] = [];
  readonly faults: Fault[] = [];
  /** Collections (`/apis/GROUP/VERSION/PLURAL`) that the server does not know. */
  readonly unknown = new Set<string>();
  /** Tokens that are taken; undefined: any. */
  token: string | undefined;
  readonly #server: Server;
  readonly #objects = new Map<string, Map<string, Stored>>();
  readonly #events: Event[] = [];
  readonly #watchers = new Set<Watcher>();
  #version = 100;
  #compacted = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (req: IncomingMessage, res: ServerResponse) => void this.#serve(req, res));
  }

  static async start(port = 0): Promise<FakeApiServer> {
    const authority = await issueAuthority({ commonName: 'fake-kubernetes-ca' });
    const pair = await authority.issue({ commonName: 'kube-apiserver', ipAddresses: ['127.0.0.1'], usages: ['serverAuth'] });
    const fake = new FakeApiServer(createServer({ cert: pair.certPem, key: pair.keyPem }));
    await new Promise<void>((resolve) => {
      fake.#server.listen(port, '127.0.0.1', resolve);
    });
    writeFileSync(join(fake.folder, 'token'), 'first-token');
    const ca = Buffer.from(authority.certPem).toString('base64');
    writeFileSync(fake.kubeconfig, kubeconfigText(fake.url, ca, join(fake.folder, 'token')));
    return fake;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Creates or replaces; `generation` goes up with the spec, as for custom resources. */
  put(collection: string, object: Json): Stored {
    const metadata = (object.metadata ?? {}) as Json;
    const key = `${metadata.namespace ?? ''}/${metadata.name}`;
    const objects = this.#collection(collection);
    const before = objects.get(key);
    this.#version += 1;
    const sameSpec = before !== undefined && JSON.stringify(before.spec) === JSON.stringify(object.spec);
    const generation = before === undefined ? 1 : Number(before.metadata.generation) + (sameSpec ? 0 : 1);
    const uid = before?.metadata.uid ?? `uid-${this.#version}`;
    const stored = { ...object, metadata: { ...metadata, uid, generation, resourceVersion: String(this.#version) } } as unknown as Stored; // tests give a name
    objects.set(key, stored);
    this.#emit({ version: this.#version, type: before === undefined ? 'ADDED' : 'MODIFIED', collection, object: stored });
    return stored;
  }

  get(collection: string, name: string, namespace = ''): Stored | undefined {
    return this.#collection(collection).get(`${namespace}/${name}`);
  }

  delete(collection: string, name: string, namespace = ''): void {
    const key = `${namespace}/${name}`;
    const object = this.#collection(collection).get(key);
    if (object === undefined) return;
    this.#collection(collection).delete(key);
    this.#version += 1;
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#emit({ version: this.#version, type: 'DELETED', collection, object: last });
  }

  /** Changes what is there without telling anybody, as a watch does that has lost an event. */
  silently(change: () => void): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    const events = this.#events.length;
    change();
    this.#events.length = events;
    for (const watcher of watchers) this.#watchers.add(watcher);
  }

  /** Forgets all events: whoever watches from before must list again. */
  compact(): void {
    this.#version += 1;
    this.#compacted = this.#version;
    this.#events.length = 0;
  }

  bookmark(): void {
    for (const { res } of this.#watchers) line(res, { type: 'BOOKMARK', object: { metadata: { resourceVersion: String(this.#version) } } });
  }

  /** Writes to the watches of a collection whatever it is. */
  tell(collection: string, text: string): void {
    for (const watcher of this.#watchers) if (watcher.collection === collection) watcher.res.write(text);
  }

  watching(): number {
    return this.#watchers.size;
  }

  /** Cuts every watch off, or lets it end as after its time. */
  endWatches(how: 'cut' | 'end'): void {
    for (const { res } of this.#watchers) {
      if (how === 'cut') res.destroy();
      else res.end();
    }
    this.#watchers.clear();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', 'https://fake');
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const seen: Seen = {
      method: req.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      authorization: req.headers.authorization,
      contentType: req.headers['content-type'],
      body: text === '' ? undefined : JSON.parse(text),
    };
    this.seen.push(seen);
    res.on('error', () => undefined);
    for (const fault of [...this.faults]) if (await fault(seen, res)) return;
    if (this.token !== undefined && seen.authorization !== `Bearer ${this.token}`) {
      refuse(res, 401, 'Unauthorized');
      return;
    }
    this.#answer(seen, res);
  }

  #answer(seen: Seen, res: ServerResponse): void {
    const [, root = '', namespace, plural = '', name, part] = PATH.exec(seen.path) ?? [];
    const collection = `${root}/${plural}`;
    if (plural === '' || this.unknown.has(collection)) {
      res.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
    } else if (seen.method === 'POST') this.#create(seen, collection, res);
    else if (name !== undefined) this.#one(seen, { collection, key: `${namespace ?? ''}/${name}`, part }, res);
    else if (seen.query.watch === 'true') this.#watch(seen, collection, res);
    else this.#list(seen, collection, res);
  }

  #list({ query }: Seen, collection: string, res: ServerResponse): void {
    const all = [...this.#collection(collection).values()];
    const from = Number(query.continue ?? 0);
    const to = from + Number(query.limit ?? all.length);
    const more = to < all.length ? { continue: String(to), remainingItemCount: all.length - to } : {};
    // A page of a list is of the instant at which the list began.
    json(res, 200, { kind: 'List', metadata: { resourceVersion: String(this.#version), ...more }, items: all.slice(from, to) });
  }

  #watch({ query }: Seen, collection: string, res: ServerResponse): void {
    const version = Number(query.resourceVersion);
    res.writeHead(200, { 'content-type': 'application/json' });
    if (version < this.#compacted) {
      line(res, {
        type: 'ERROR',
        object: { kind: 'Status', code: 410, reason: 'Expired', message: `too old resource version: ${version}` },
      });
      res.end();
      return;
    }
    res.flushHeaders();
    for (const event of this.#events) if (event.version > version && event.collection === collection) line(res, event);
    const watcher = { collection, res };
    this.#watchers.add(watcher);
    res.on('close', () => this.#watchers.delete(watcher));
  }

  #create({ body }: Seen, collection: string, res: ServerResponse): void {
    const { metadata } = body as Stored;
    if (this.get(collection, metadata.name, metadata.namespace) !== undefined) {
      refuse(res, 409, 'AlreadyExists');
      return;
    }
    json(res, 201, this.put(collection, body as Json));
  }

  #one(seen: Seen, at: { collection: string; key: string; part: string | undefined }, res: ServerResponse): void {
    const before = this.#collection(at.collection).get(at.key);
    if (before === undefined) {
      refuse(res, 404, 'NotFound');
      return;
    }
    if (seen.method === 'GET') {
      json(res, 200, before);
      return;
    }
    const merged =
      seen.method === 'PUT'
        ? (seen.body as Stored)
        : seen.contentType === 'application/json-patch+json'
          ? (applyJsonPatch(before, seen.body) as Stored)
          : (applyMergePatch(before, seen.body) as Stored);
    const { resourceVersion } = merged.metadata;
    if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) {
      refuse(res, 409, 'Conflict');
      return;
    }
    json(res, 200, this.put(at.collection, at.part === 'status' ? { ...before, status: merged.status } : merged));
  }

  #emit(event: Event): void {
    this.#events.push(event);
    for (const { collection, res } of this.#watchers) if (collection === event.collection) line(res, event);
  }

  #collection(name: string): Map<string, Stored> {
    const known = this.#objects.get(name) ?? new Map<string, Stored>();
    this.#objects.set(name, known);
    return known;
  }
}

/** A Kubernetes Status. */
export function refuse(res: ServerResponse, code: number, reason: string, headers: Record<string, string> = {}): void {
  res.writeHead(code, { 'content-type': 'application/json', ...headers });
  res.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `${reason} says the fake` }));
}

function json(res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function line(res: ServerResponse, { type, object }: { type: string; object: unknown }): void {
  res.write(`${JSON.stringify({ type, object })}\n`);
}

function kubeconfigText(server: string, ca: string, tokenFile: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'fake', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'fake', user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } }],
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
    'current-context': 'fake',
  });
}
