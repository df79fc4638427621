import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts';
import { createClusterReader } from '../../src/kube/secrets.ts';
import { FakeApiServer, refuse } from '../fakes/api-server.ts';

const never = new AbortController().signal;
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
  server.seen.length = 0;
});

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('the reader of a cluster', () => {
  it('reads a Secret by its name, and lists nothing', async () => {
    const stored = server.put('/api/v1/secrets', {
      metadata: { name: 's', namespace: 'team' },
      type: 'Opaque',
      data: { 'a.crt': base64('one'), b: base64('two') },
    });
    const found = await createClusterReader(client).secret('team', 's', never);
    expect(found?.type).toBe('Opaque');
    expect(found?.version).toBe(stored.metadata.resourceVersion);
    expect([...(found?.data ?? [])].map(([name, bytes]) => [name, Buffer.from(bytes).toString()])).toEqual([
      ['a.crt', 'one'],
      ['b', 'two'],
    ]);
    expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /api/v1/namespaces/team/secrets/s']);
  });

  it('reads a Secret without data', async () => {
    server.put('/api/v1/secrets', { metadata: { name: 'empty', namespace: 'team' } });
    expect((await createClusterReader(client).secret('team', 'empty', never))?.data.size).toBe(0);
  });

  it('knows that a Secret is not there', async () => {
    expect(await createClusterReader(client).secret('team', 'none', never)).toBeUndefined();
  });

  it.each<[string, number, string, string]>([
    ['it may not be read', 403, 'Forbidden', 'CLUSTER_DENIED'],
    ['the API server fails', 500, 'InternalError', 'CLUSTER_UNREACHABLE'],
    ['something in between knows no such path', 404, '', 'CLUSTER_NOT_FOUND'],
  ])('does not know whether a Secret is there where %s', async (_case, status, reason, code) => {
    server.faults.push((_seen, res) => {
      refuse(res, status, reason);
      return true;
    });
    await expect(createClusterReader(client).secret('team', 's', never)).rejects.toMatchObject({ code });
  });

  it('does not repeat what is in a Secret that it cannot read', async () => {
    server.put('/api/v1/secrets', { metadata: { name: 'odd', namespace: 'team' }, data: { a: 'hunter2 is not base64' } });
    const failure = await createClusterReader(client)
      .secret('team', 'odd', never)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
    expect(String(failure)).not.toContain('hunter2');
  });

  it.each<[string, unknown, readonly string[] | undefined]>([
    ['two', [{ name: 'a' }, { name: 'b' }], ['a', 'b']],
    ['none', undefined, []],
    ['odd ones', [{}, null, 'x', { name: 3 }, { name: 'c' }], ['c']],
  ])('reads the pull secrets of a service account that has %s', async (_case, imagePullSecrets, expected) => {
    server.put('/api/v1/serviceaccounts', { metadata: { name: 'default', namespace: 'team' }, imagePullSecrets });
    expect(await createClusterReader(client).imagePullSecrets('team', 'default', never)).toEqual(expected);
  });

  it('knows that a service account is not there', async () => {
    expect(await createClusterReader(client).imagePullSecrets('other', 'default', never)).toBeUndefined();
  });
});
