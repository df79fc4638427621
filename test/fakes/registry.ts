import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { type Digest, digestOf } from '../../src/oci/digest.ts';
import { type Answer, answerFor, type Contents, INDEX, MANIFEST, type RequestKind } from './registry-answers.ts';
import { createGate, type FakeAuth } from './registry-auth.ts';

export type { FakeAuth };
export { INDEX, MANIFEST };

export const SIGNATURE = 'application/vnd.cncf.notary.signature';
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';

export interface FakeRegistryOptions {
  /** PEM; HTTPS instead of HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Address to listen on. Default 127.0.0.1. */
  readonly address?: string;
  /** Whether the referrers API is there; without it `pushSignature` keeps the tag schema. Default true. */
  readonly referrersApi?: boolean;
  /** Whether `artifactType` filters, and the answer says so. Default true. */
  readonly filters?: boolean;
  /** Entries on a page of referrers. Default: all on one. */
  readonly pageSize?: number;
  readonly auth?: FakeAuth;
}

interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  readonly kind: RequestKind;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * What goes wrong with an answer. Members over the honest answer; a header that is undefined is taken away. `cutAfter` closes the
 * connection and `hangAfter` falls silent after so many bytes of the body; `endless` repeats the body until the client leaves; `silent` never
 * answers; `raw` is written to the socket instead of an answer.
 */
export interface Fault {
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array | string;
  readonly cutAfter?: number;
  readonly hangAfter?: number;
  readonly endless?: boolean;
  readonly silent?: boolean;
  readonly raw?: string;
}

interface PushedManifest {
  readonly repository?: string;
  readonly content: unknown;
  readonly mediaType?: string;
  readonly tag?: string;
}

interface PushedSignature {
  readonly repository?: string;
  readonly subject: Descriptor;
  readonly envelope: Uint8Array;
  /** Of the envelope. Default `application/jose+json`. */
  readonly mediaType?: string;
  /** Default: that of a Notation signature. */
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface FakeRegistry {
  /** `127.0.0.1:port`, as it stands in a reference. */
  readonly host: string;
  readonly origin: string;
  /** Every request so far, in the order of arrival. */
  readonly requests: readonly RecordedRequest[];
  /** Forgets the requests so far and gives them. */
  takeRequests(): readonly RecordedRequest[];
  /** Connections accepted so far, and those open now. */
  connections(): { readonly accepted: number; readonly open: number };
  readonly push: {
    /** `content` is taken as it is if it is bytes or text, else written as JSON. */
    manifest(manifest: PushedManifest): Descriptor;
    blob(repository: string, bytes: Uint8Array, mediaType?: string): Descriptor;
    /** Lists `referrer` under `subject`, whatever its manifest says. */
    referrer(repository: string, subject: Digest, referrer: object): void;
    tag(repository: string, tag: string, digest: string): void;
  };
  /** An image of one layer, whose bytes are told apart by `name`. */
  pushImage(options?: { readonly repository?: string; readonly tag?: string; readonly name?: string }): Descriptor;
  /** A signature of `subject`, listed as its referrer. */
  pushSignature(options: PushedSignature): Descriptor;
  /** From now on, requests whose `METHOD /path?query` matches go wrong, `times` times. The newest fault that matches decides. */
  fault(match: RegExp, fault: Fault, times?: number): void;
  /** Forgets all faults. */
  mend(): void;
  /** Tokens given out so far are no longer taken. */
  revokeTokens(): void;
  close(): Promise<void>;
}

/** Repository of what is pushed without one. */
export const REPOSITORY = 'team/app';

/** An OCI registry in this process, on a free port of loopback, honest until `fault` says otherwise. */
export async function startFakeRegistry(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
  const contents: Contents = { manifests: new Map(), blobs: new Map(), tags: new Map(), referrers: new Map() };
  const faults: { match: RegExp; fault: Fault; left: number }[] = [];
  let requests: RecordedRequest[] = [];
  let accepted = 0;
  const gate = createGate(options.auth, () => origin);

  const listener: RequestListener = (request, response) => {
    void bodyOf(request).then((body) => {
      const { method = '', url = '' } = request;
      const honest = gate.answer(request, body) ?? answerFor(method, url, contents, options, origin);
      requests.push({ method, url, kind: honest.kind, headers: request.headers, body });
      const entry = faults.findLast(({ match, left }) => left > 0 && match.test(`${method} ${url}`));
      if (entry !== undefined) entry.left--;
      send(request, response, honest, entry?.fault ?? {});
    });
  };
  const server = options.tls === undefined ? createServer(listener) : createTlsServer({ ...options.tls }, listener);
  const sockets = new Set<unknown>();
  server.on('connection', (socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const address = options.address ?? '127.0.0.1';
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const host = `${address.includes(':') ? `[${address}]` : address}:${(server.address() as AddressInfo).port}`;
  const origin = `${options.tls === undefined ? 'http' : 'https'}://${host}`;
  const pushes = createPushes(contents, options.referrersApi ?? true);

  return {
    host,
    origin,
    get requests() {
      return requests;
    },
    takeRequests: () => {
      const taken = requests;
      requests = [];
      return taken;
    },
    connections: () => ({ accepted, open: sockets.size }),
    ...pushes,
    fault: (match, fault, times = Infinity) => void faults.push({ match, fault, left: times }),
    mend: () => void faults.splice(0),
    revokeTokens: gate.revokeTokens,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function createPushes(contents: Contents, referrersApi: boolean): Pick<FakeRegistry, 'push' | 'pushImage' | 'pushSignature'> {
  const push: FakeRegistry['push'] = {
    manifest: ({ repository = REPOSITORY, content, mediaType = MANIFEST, tag }) => {
      const bytes = bytesOf(content);
      const digest = digestOf(bytes);
      contents.manifests.set(`${repository}@${digest}`, { bytes, mediaType });
      if (tag !== undefined) push.tag(repository, tag, digest);
      return { mediaType, digest, size: bytes.length };
    },
    blob: (repository, bytes, mediaType = 'application/octet-stream') => {
      const digest = digestOf(bytes);
      contents.blobs.set(`${repository}@${digest}`, bytes);
      return { mediaType, digest, size: bytes.length };
    },
    referrer: (repository, subject, referrer) => {
      const listed = [...(contents.referrers.get(`${repository}@${subject}`) ?? []), referrer];
      contents.referrers.set(`${repository}@${subject}`, listed);
      if (referrersApi) return;
      const index = { schemaVersion: 2, mediaType: INDEX, manifests: listed };
      push.manifest({ repository, content: index, mediaType: INDEX, tag: subject.replace(':', '-') });
    },
    tag: (repository, tag, digest) => void contents.tags.set(`${repository}:${tag}`, digest),
  };
  return {
    push,
    pushImage: ({ repository = REPOSITORY, tag = 'v1', name = 'app' } = {}) => {
      const config = push.blob(repository, bytesOf({ architecture: 'amd64', os: 'linux' }), CONFIG_TYPE);
      const layer = push.blob(repository, bytesOf(`layer of ${name}`), 'application/vnd.oci.image.layer.v1.tar');
      return push.manifest({ repository, tag, content: { schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] } });
    },
    pushSignature: ({
      repository = REPOSITORY,
      subject,
      envelope,
      mediaType = 'application/jose+json',
      artifactType = SIGNATURE,
      annotations,
    }) => {
      const config = push.blob(repository, bytesOf('{}'), EMPTY_TYPE);
      const layer = push.blob(repository, envelope, mediaType);
      const { digest, size, mediaType: subjectType } = subject;
      const noted = annotations === undefined ? {} : { annotations };
      const content = {
        schemaVersion: 2,
        mediaType: MANIFEST,
        artifactType,
        config,
        layers: [layer],
        subject: { mediaType: subjectType, digest, size },
        ...noted,
      };
      const descriptor = push.manifest({ repository, content });
      push.referrer(repository, digest, { ...descriptor, artifactType, ...noted });
      return descriptor;
    },
  };
}

/** The bytes that `content` is pushed as. */
export function bytesOf(content: unknown): Uint8Array {
  if (content instanceof Uint8Array) return content;
  return new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function send(request: IncomingMessage, response: ServerResponse, honest: Answer, fault: Fault): void {
  if (fault.silent === true) return;
  if (fault.raw !== undefined) return void request.socket.end(fault.raw, 'latin1');
  const body = fault.body === undefined ? honest.body : bytesOf(fault.body);
  const bodiless = request.method === 'HEAD' || [204, 304].includes(fault.status ?? honest.status);
  const length = fault.endless === true ? {} : { 'content-length': body.length };
  const headers = { ...honest.headers, ...(bodiless && request.method !== 'HEAD' ? {} : length), ...fault.headers };
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
  response.writeHead(fault.status ?? honest.status);
  if (bodiless) return void response.end();
  if (fault.endless === true) return void repeat(response, body);
  const until = fault.cutAfter ?? fault.hangAfter;
  if (until === undefined) return void response.end(body);
  response.flushHeaders();
  response.write(body.subarray(0, until), () => {
    if (fault.cutAfter !== undefined) request.socket.destroySoon();
  });
}

function repeat(response: ServerResponse, chunk: Uint8Array): void {
  if (response.destroyed) return;
  response.write(chunk, (error) => {
    if (error == null) setImmediate(repeat, response, chunk);
  });
}
