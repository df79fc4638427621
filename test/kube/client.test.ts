import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts';
import { loadConnection } from '../../src/kube/connection.ts';
import { FakeApiServer, refuse } from '../fakes/api-server.ts';

const never = new AbortController().signal;
const GET = { method: 'GET', path: '/api/v1/secrets' } as const;

describe('a client of the API server', () => {
  let server: FakeApiServer;
  let client: KubeClient;
  beforeAll(async () => {
    server = await FakeApiServer.start();
    client = createKubeClient({ env: { KUBECONFIG: server.kubeconfig } });
  });
  afterAll(async () => {
    await client.close();
    await server.dispose();
  });
  beforeEach(() => {
    server.faults.length = 0;
  });

  it.each<[number, string, string]>([
    [400, 'BadRequest', 'CLUSTER_REFUSED'],
    [401, 'Unauthorized', 'CLUSTER_DENIED'],
    [403, 'Forbidden', 'CLUSTER_DENIED'],
    [404, 'NotFound', 'CLUSTER_NOT_FOUND'],
    [409, 'Conflict', 'CLUSTER_CONFLICT'],
    [410, 'Expired', 'CLUSTER_EXPIRED'],
    [422, 'Invalid', 'CLUSTER_REFUSED'],
    [429, 'TooManyRequests', 'CLUSTER_UNREACHABLE'],
    [500, 'InternalError', 'CLUSTER_UNREACHABLE'],
    [504, 'Timeout', 'CLUSTER_UNREACHABLE'],
  ])('takes %i %s for %s', async (status, reason, code) => {
    server.faults.push((_seen, res) => {
      refuse(res, status, reason);
      return true;
    });
    await expect(client.request(GET, never)).rejects.toMatchObject({
      code,
      status,
      reason,
      message: `GET /api/v1/secrets: ${status}: ${reason} says the fake`,
    });
  });

  it.each<[string, string, RegExp]>([
    ['an answer that is no JSON', 'hello', /^GET \/api\/v1\/secrets: /],
    ['an answer that is cut short', '{"items":', /^GET \/api\/v1\/secrets: /],
    ['an answer that is no UTF-8', '{"a":"\xff"}', /^GET \/api\/v1\/secrets: /],
    ['a page for people', '<html>', /^GET \/api\/v1\/secrets: /],
  ])('takes %s for a failure of the API server', async (_case, text, message) => {
    server.faults.push((_seen, res) => {
      res.writeHead(200).end(Buffer.from(text, 'latin1'));
      return true;
    });
    await expect(client.request(GET, never)).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: expect.stringMatching(message),
    });
  });

  it('reads no more than it was told to', async () => {
    server.faults.push((_seen, res) => {
      res.writeHead(200).end(JSON.stringify({ a: 'x'.repeat(5000) }));
      return true;
    });
    await expect(client.request({ ...GET, maxBytes: 4096 }, never)).rejects.toMatchObject({ code: 'CLUSTER_REFUSED', status: 413 });
  });

  it('shows no more of a refusal than 300 characters, and none of one that is huge', async () => {
    const messages: number[] = [];
    for (const length of [5000, 200_000]) {
      server.faults.length = 0;
      server.faults.push((_seen, res) => {
        res.writeHead(403).end(JSON.stringify({ kind: 'Status', message: 'x'.repeat(length) }));
        return true;
      });
      const failure = await client.request(GET, never).catch((error: unknown) => error);
      messages.push(String((failure as Error).message).length);
    }
    expect(messages).toEqual(['GET /api/v1/secrets: 403: '.length + 300, 'GET /api/v1/secrets: 403'.length]);
  });

  it("ends with the caller's own reason when the caller gives up", async () => {
    server.faults.push(() => new Promise(() => undefined));
    const abort = new AbortController();
    const failure = expect(client.request(GET, abort.signal)).rejects.toThrow('enough');
    setTimeout(() => abort.abort(new Error('enough')), 20);
    await failure;
  });

  it('keeps its connections, and shows the token on each request', async () => {
    server.seen.length = 0;
    const sockets = new Set<number | undefined>();
    server.faults.push((_seen, res) => {
      sockets.add(res.socket?.remotePort);
      return false;
    });
    for (let round = 0; round < 5; round += 1) await client.request(GET, never);
    // One that is still taken when the next request comes is no reason for more than one other.
    expect(sockets.size).toBeLessThanOrEqual(2);
    expect(new Set(server.seen.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer first-token']));
  });

  it('does not go to whoever answers with another certificate', async () => {
    const other = await FakeApiServer.start();
    const misled = createKubeClient({ env: { KUBECONFIG: configFor(server, other.url) } });
    await expect(misled.request(GET, never)).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: expect.stringMatching(/certificate/),
    });
    expect(other.seen).toEqual([]);
    await misled.close();
    await other.dispose();
  });

  it('says that nobody answers where nobody does', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const alone = createKubeClient({ env: { KUBECONFIG: configFor(server, `https://127.0.0.1:${port}`) } });
    await expect(alone.request(GET, never)).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await alone.close();
  });
});

/** The kubeconfig of a server that says the server is elsewhere. */
function configFor({ kubeconfig, folder, url }: FakeApiServer, elsewhere: string): string {
  return writeInto(folder, 'elsewhere', readFileSync(kubeconfig, 'utf8').replace(url, elsewhere));
}

describe('how a cluster is reached', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'countersign-pod-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const account = (): void => {
    const folder = join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries({ token: 'pod-token', 'ca.crt': '', namespace: 'gatekeeper-system' })) {
      writeFileSync(join(folder, name), text);
    }
  };
  const kubeconfig = (cluster: object): string => {
    const path = join(root, 'config');
    const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/bin/false' } };
    writeFileSync(
      path,
      JSON.stringify({
        clusters: [{ name: 'c', cluster }],
        users: [{ name: 'u', user }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
    return path;
  };
  it('is by the service account in a Pod, whatever KUBECONFIG says: that may run commands', () => {
    account();
    const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
    const before = { ...process.env };
    Object.assign(process.env, pod, { KUBECONFIG: kubeconfig({ server: 'https://elsewhere.example' }) });
    try {
      const found = loadConnection({ root });
      expect([found.getCurrentCluster()?.server, found.getCurrentUser()?.exec]).toEqual(['https://10.0.0.1:443', undefined]);
    } finally {
      process.env = before;
    }
  });

  it('is by KUBECONFIG elsewhere', () => {
    const env = { KUBECONFIG: kubeconfig({ server: 'https://elsewhere.example' }) };
    expect(loadConnection({ env, root }).getCurrentCluster()?.server).toBe('https://elsewhere.example');
  });

  it('reads the token of a tokenFile, as kubectl does, and again when it changes', async () => {
    const server = await FakeApiServer.start();
    const path = join(root, 'config');
    const config = JSON.parse(readFileSync(server.kubeconfig, 'utf8'));
    writeFileSync(join(root, 'token'), 'from-file');
    writeFileSync(path, JSON.stringify({ ...config, users: [{ name: 'fake', user: { tokenFile: 'token' } }] }));
    const client = createKubeClient({ env: { KUBECONFIG: path } });
    await client.request(GET, never);
    expect(server.seen.map(({ authorization }) => authorization)).toEqual(['Bearer from-file']);
    await client.close();
    await server.dispose();
  });

  it.each<[string, () => Record<string, string>, RegExp]>([
    ['nothing says how', () => ({ HOME: '/nonexistent' }), /found none/],
    ['the file is not there', () => ({ KUBECONFIG: join(root, 'none') }), /cannot be read/],
    ['the file is no YAML', () => ({ KUBECONFIG: writeInto(root, 'odd', '{"a":') }), /cannot be read/],
    [
      'there is no current context',
      () => ({ KUBECONFIG: writeInto(root, 'odd', 'clusters: []\nusers: []\ncontexts: []\n') }),
      /no current context/,
    ],
    [
      'whoever answers would be believed',
      () => ({ KUBECONFIG: kubeconfig({ server: 'https://x.example', 'insecure-skip-tls-verify': true }) }),
      /insecure-skip-tls-verify/,
    ],
    ['it is in the clear', () => ({ KUBECONFIG: kubeconfig({ server: 'http://x.example' }) }), /https/],
  ])('cannot be told where %s', (_case, env, message) => {
    expect(() => loadConnection({ env: env(), root })).toThrow(
      expect.objectContaining({ code: 'KUBECONFIG_INVALID', message: expect.stringMatching(message) }),
    );
  });
});

function writeInto(folder: string, name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}
