import { Agent, request } from 'node:https';
import type { Pair } from './certificates.ts';
import { createDiscovery, type Discovery } from './discovery.ts';
import type { ApiServerAddress } from './kubeconfig.ts';

export interface ObjectMeta {
  readonly name?: string;
  readonly namespace?: string;
  readonly generation?: number;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly [field: string]: unknown;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** Which object, or which kind. */
export interface Target {
  /** Default `v1`. */
  readonly apiVersion?: string;
  readonly kind: string;
  /** For kinds that have one. Default `default`; for `list`, all. */
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

export interface WriteOptions {
  /** Runs admission and stores nothing. */
  readonly dryRun?: boolean;
  /** The user whom to act as. */
  readonly as?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** Texts of the `Warning` headers. */
  readonly warnings: readonly string[];
}

/** What became of a write. */
export interface Admission {
  readonly admitted: boolean;
  readonly status: number;
  /** Why not; empty where it was admitted. */
  readonly message: string;
  readonly warnings: readonly string[];
  /** The object as it was stored, or would have been. */
  readonly object: KubeObject | undefined;
}

/** The few calls that tests make, over one kept connection or several. A write that is refused is an answer, not an error. */
export interface KubeClient {
  request(method: string, path: string, body?: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Undefined if there is no such object. */
  get<T extends KubeObject = KubeObject>(target: Target): Promise<T | undefined>;
  list<T extends KubeObject = KubeObject>(target: Omit<Target, 'name'>): Promise<readonly T[]>;
  create(object: KubeObject, options?: WriteOptions): Promise<Admission>;
  /** Creates what a subresource takes, such as `token` or `eviction`. */
  post(target: Target, body: unknown, options?: WriteOptions): Promise<Admission>;
  /** Makes it as `object` says (server-side apply). */
  apply(object: KubeObject, options?: WriteOptions): Promise<Admission>;
  /** The same from YAML of one object, which is sent as it is. */
  applyYaml(target: Target, yaml: string): Promise<Admission>;
  /** A JSON merge patch; with `subresource: 'status'` in the target, of the status. */
  patch(target: Target, patch: unknown, options?: WriteOptions): Promise<Admission>;
  delete(target: Target, options?: WriteOptions): Promise<Admission>;
  close(): void;
}

const DEADLINE_MS = 60_000;
const MANAGER = ['fieldManager=rig', 'force=true'];
const JSON_TYPE = 'application/json';
const APPLY_TYPE = 'application/apply-patch+yaml';

export function kubeClient({ url, ca }: ApiServerAddress, user: Pair): KubeClient {
  const agent = new Agent({ keepAlive: true, ca, cert: user.cert, key: user.key });
  const ask: KubeClient['request'] = (method, path, body, headers) => send(agent, `${url}${path}`, { method, body, headers });
  const discovery = createDiscovery((path) => ask('GET', path));
  const pathOf = (target: Target): Promise<string> => objectPath(discovery, target);
  const write = async (method: string, path: string, body: unknown, type: string, options: WriteOptions = {}): Promise<Admission> => {
    const { dryRun = false, as } = options;
    const query = [...(type === APPLY_TYPE ? MANAGER : []), ...(dryRun ? ['dryRun=All'] : [])].join('&');
    const headers = { 'content-type': type, ...(as === undefined ? {} : { 'impersonate-user': as }) };
    return admission(await ask(method, `${path}?${query}`, typeof body === 'string' ? body : JSON.stringify(body), headers));
  };
  const apply = async (target: Target, body: unknown, options?: WriteOptions): Promise<Admission> =>
    write('PATCH', await pathOf(target), body, APPLY_TYPE, options);

  return {
    request: ask,
    async get<T extends KubeObject>(target: Target) {
      const path = await pathOf(target);
      const answer = await ask('GET', path);
      return answer.status === 404 ? undefined : (expectOk(answer, `GET ${path}`) as T);
    },
    async list<T extends KubeObject>(target: Omit<Target, 'name'>) {
      const path = await discovery.collection(target);
      const { items } = expectOk(await ask('GET', path), `GET ${path}`) as { items: readonly T[] };
      return items;
    },
    async create(object, options) {
      return write('POST', await discovery.collection(inNamespace(targetOf(object))), object, JSON_TYPE, options);
    },
    post: async (target, body, options) => write('POST', await pathOf(target), body, JSON_TYPE, options),
    apply: (object, options) => apply(targetOf(object), object, options),
    applyYaml: (target, yaml) => apply(target, yaml),
    patch: async (target, patch, options) => write('PATCH', await pathOf(target), patch, 'application/merge-patch+json', options),
    delete: async (target, options) => write('DELETE', await pathOf(target), {}, JSON_TYPE, options),
    close: () => agent.destroy(),
  };
}

/** The target that an object is. */
export function targetOf({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): Target {
  return { apiVersion, kind, ...(name === undefined ? {} : { name }), ...(namespace === undefined ? {} : { namespace }) };
}

/** The object as stored; an error where it was refused. */
export function admitted({ admitted: ok, object, status, message }: Admission): KubeObject {
  if (!ok || object === undefined) throw new Error(`refused with ${status}: ${message}`);
  return object;
}

async function objectPath(discovery: Discovery, { name = '', subresource, ...rest }: Target): Promise<string> {
  if (name === '') throw new Error(`expected the name of a ${rest.kind}`);
  const suffix = subresource === undefined ? '' : `/${subresource}`;
  return `${await discovery.collection(inNamespace(rest))}/${encodeURIComponent(name)}${suffix}`;
}

function inNamespace<T extends { readonly namespace?: string }>(target: T): T & { readonly namespace: string } {
  return { ...target, namespace: target.namespace ?? 'default' };
}

function admission({ status, body, warnings }: Answer): Admission {
  const ok = status < 400;
  return { admitted: ok, status, message: ok ? '' : messageOf(body), warnings, object: ok ? (body as KubeObject) : undefined };
}

function expectOk(answer: Answer, what: string): unknown {
  if (answer.status >= 400) throw new Error(`${what}: ${answer.status} ${messageOf(answer.body)}`);
  return answer.body;
}

function messageOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : String(body);
}

interface Sent {
  readonly method: string;
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

function send(agent: Agent, url: string, { method, body, headers }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const sent = request(
      url,
      { method, agent, headers: { ...headers, ...length }, signal: AbortSignal.timeout(DEADLINE_MS) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const json = response.headers['content-type']?.includes('json') === true;
          resolve({
            status: response.statusCode ?? 0,
            body: json ? JSON.parse(text) : text,
            warnings: (response.headersDistinct.warning ?? []).map(warningText),
          });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** RFC 9111, 5.5: a code, an agent, and a quoted text. */
function warningText(header: string): string {
  return header.slice(header.indexOf('"') + 1, header.lastIndexOf('"')).replace(/\\(.)/g, '$1');
}
