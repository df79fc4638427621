// @rig cluster
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { admitted } from './cluster/kube-client.ts';
import { createServiceAccount } from './cluster/service-account.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { eventually } from './wait.ts';
import { createNamespaces, deployment, pod } from './workloads.ts';

const BUILD_WITHIN_MS = 40 * 60_000;

describe('the cluster of the rig', () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster();
    await createNamespaces(cluster.client, 'shop');
  }, BUILD_WITHIN_MS);
  afterAll(() => cluster?.stop());

  it('is the version that it says, for kubectl too', async () => {
    const { code, stdout } = await cluster.kubectl('version', '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ clientVersion: { gitVersion: 'v1.36.3' }, serverVersion: { gitVersion: 'v1.36.3' } });
  });

  it('makes Pods of a Deployment, which stay pending', async () => {
    admitted(await cluster.client.create(deployment('shop', 'web', 'registry.test/web:1')));
    const made = await eventually('a Pod', async () => (await cluster.client.list({ kind: 'Pod', namespace: 'shop' }))[0]);
    expect(made).toMatchObject({ metadata: { generateName: expect.stringMatching(/^web-/) }, status: { phase: 'Pending' } });
  });

  it('stores nothing of a dry run, and what is applied twice once', async () => {
    const { client } = cluster;
    const target = { kind: 'Pod', namespace: 'shop', name: 'once' };
    expect(await client.create(pod('shop', 'once', 'registry.test/a:1'), { dryRun: true })).toMatchObject({ admitted: true, status: 201 });
    expect(await client.get(target)).toBeUndefined();
    await client.apply(pod('shop', 'once', 'registry.test/a:1'));
    await client.apply(pod('shop', 'once', 'registry.test/b:1'));
    expect(await client.get(target)).toMatchObject({ spec: { containers: [{ image: 'registry.test/b:1' }] } });
  });

  it('says why it refuses, and to whom', async () => {
    expect(await cluster.client.create(pod('nowhere', 'a', 'registry.test/a:1'))).toMatchObject({
      admitted: false,
      status: 404,
      message: 'namespaces "nowhere" not found',
    });
    const stranger = await cluster.client.create(pod('shop', 'b', 'registry.test/a:1'), { as: 'stranger' });
    expect(stranger).toMatchObject({ admitted: false, status: 403, object: undefined });
    expect(stranger.message).toContain('User "stranger" cannot create resource "pods"');
  });

  it('writes a status', async () => {
    const { client } = cluster;
    await client.apply(pod('shop', 'run', 'registry.test/a:1'));
    const target = { kind: 'Pod', namespace: 'shop', name: 'run' };
    expect(await client.patch({ ...target, subresource: 'status' }, { status: { phase: 'Running' } })).toMatchObject({ admitted: true });
    expect(await client.get(target)).toMatchObject({ status: { phase: 'Running' } });
  });

  it('knows a service account by the files of its Pods, and lets it do what RBAC gives it', async () => {
    const { kubeconfig } = await createServiceAccount(cluster, 'shop', 'reader');
    const list = () => cluster.kubectl('--kubeconfig', kubeconfig, 'get', 'configmaps', '-n', 'shop', '-o', 'name');
    expect(await list()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('User "system:serviceaccount:shop:reader" cannot list'),
    });
    const bound = ['create', 'rolebinding', 'reader', '-n', 'shop', '--clusterrole=view', '--serviceaccount=shop:reader'];
    expect(await cluster.kubectl(...bound)).toMatchObject({ code: 0 });
    const { stdout } = await eventually('allowed', async () => {
      const result = await list();
      return result.code === 0 ? result : undefined;
    });
    expect(stdout).toBe('configmap/kube-root-ca.crt\n');
  });

  it('leaves nothing when it is stopped', async () => {
    await cluster.stop();
    expect(existsSync(cluster.folder)).toBe(false);
    await expect(cluster.client.request('GET', '/readyz')).rejects.toThrow('ECONNREFUSED');
  });
});

describe('a cluster whose process is killed', () => {
  it('leaves nothing', async () => {
    const script = `
      const { startCluster } = await import(${JSON.stringify(`${import.meta.dirname}/cluster.ts`)});
      const cluster = await startCluster();
      console.log(JSON.stringify({ folder: cluster.folder, url: cluster.url }));
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
    const { folder, url } = JSON.parse(value ?? '') as { folder: string; url: string };
    expect(existsSync(folder)).toBe(true);
    child.kill('SIGKILL');
    await eventually('gone', async () => !existsSync(folder) || undefined);
    await expect(fetch(url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });
});
