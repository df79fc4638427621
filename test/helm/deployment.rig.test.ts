// @rig helm, cluster, gatekeeper
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureTools } from '../rig/build.ts';
import { admitted, type KubeObject } from '../rig/cluster/kube-client.ts';
import { type Cluster, startCluster } from '../rig/cluster.ts';
import { type Gatekeeper, startGatekeeper } from '../rig/gatekeeper.ts';
import { type Replica, startReplica } from '../rig/replica.ts';
import { eventually } from '../rig/wait.ts';
import { CHART } from './helm.ts';

const BUILD_WITHIN_MS = 60 * 60_000;
const NAMESPACE = 'gatekeeper-system';
const GROUP = 'config.ratify.deislabs.io/v1beta1';

interface WithStatus extends KubeObject {
  readonly status?: { readonly issuccess?: boolean; readonly brieferror?: string };
}

interface Provider extends KubeObject {
  readonly spec: { readonly url: string; readonly caBundle: string };
}

describe('the Deployment of the chart, run as the kubelet would', () => {
  let cluster: Cluster;
  let gatekeeper: Gatekeeper;
  let replica: Replica;

  beforeAll(async () => {
    const bin = await ensureTools(['helm', 'kubectl'], console.log);
    cluster = await startCluster({ onProgress: console.log });
    gatekeeper = await startGatekeeper(cluster, { onProgress: console.log });
    const data = { 'ca.crt': Buffer.from(gatekeeper.ca).toString('base64') };
    const metadata = { name: 'gatekeeper-webhook-server-cert', namespace: NAMESPACE };
    admitted(await cluster.client.apply({ apiVersion: 'v1', kind: 'Secret', metadata, data }));
    const values = ['--values', join(CHART, 'samples/minimal.yaml')];
    execFileSync(bin.helm, ['upgrade', '--install', 'countersign', CHART, '--namespace', NAMESPACE, ...values], {
      env: { PATH: process.env.PATH, HOME: cluster.folder, KUBECONFIG: cluster.kubeconfig },
    });
    replica = await startReplica(cluster, { namespace: NAMESPACE, deployment: 'countersign', name: 'countersign' });
    cluster.beforeStop(replica.stop);
  }, BUILD_WITHIN_MS);

  afterAll(() => cluster?.stop());

  async function found<T extends KubeObject>(target: {
    readonly apiVersion?: string;
    readonly kind: string;
    readonly name: string;
  }): Promise<T> {
    const object = await cluster.client.get<T>({ ...target, namespace: NAMESPACE });
    if (object === undefined) throw new Error(`there is no ${target.kind} ${target.name}`);
    return object;
  }

  /** Asks the replica what Gatekeeper would ask at the URL of a Provider, with its certificate and its trust. */
  async function ask(
    provider: string,
    keys: readonly string[],
  ): Promise<{ readonly response: { readonly items?: readonly unknown[]; readonly systemError?: string } }> {
    const { url, caBundle } = (
      await found<Provider>({ apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'Provider', name: provider })
    ).spec;
    const { hostname, pathname } = new URL(url);
    const file = (name: string): string => readFileSync(join(gatekeeper.certificates, name), 'utf8');
    const body = JSON.stringify({ apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'ProviderRequest', request: { keys } });
    const tls = { ca: Buffer.from(caBundle, 'base64').toString('utf8'), cert: file('tls.crt'), key: file('tls.key'), servername: hostname };
    return new Promise((resolve, reject) => {
      const sent = request(`https://${replica.address}${pathname}`, { method: 'POST', ...tls, agent: false }, (answer) => {
        const chunks: Buffer[] = [];
        answer
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8'))));
      });
      sent.on('error', reject).end(body);
    });
  }

  it('becomes ready: with its account alone it reads what the chart declared', async () => {
    await eventually('ready', async () => (await replica.isReady()) || undefined);
  });

  it.each([
    ['Store', 'store-oras'],
    ['Verifier', 'verifier-notation'],
    ['Policy', 'ratify-policy'],
    ['KeyManagementProvider', 'countersign-notation-inline-cert-0'],
  ])('writes into the status of the %s that it is in force', async (kind, name) => {
    const status = await eventually('a status', async () => (await found<WithStatus>({ apiVersion: GROUP, kind, name })).status);
    expect(status).toMatchObject({ issuccess: true });
  });

  it.each(['countersign-provider', 'ratify-provider'])(
    'answers Gatekeeper at the URL of %s, whose authority signed its certificate',
    async (provider) => {
      const { response } = await ask(provider, ['[shop]localhost:1/not/there:1', '[shop]registry.example.com/UPPER:1']);
      expect(response.items).toEqual([{ key: '[shop]registry.example.com/UPPER:1', error: expect.stringMatching(/^INVALID_REFERENCE: /) }]);
      expect(response.systemError).toContain('1 of 2 images not evaluated: localhost:1/not/there:1 (unavailable REGISTRY_UNREACHABLE)');
    },
  );

  it.each(['countersign-mutation-provider', 'ratify-mutation-provider'])(
    'rig h4: pins nothing at the URL of %s that is no reference',
    async (provider) => {
      const { response } = await ask(provider, ['', 'x\u0001']);
      expect(response.items).toEqual(['', 'x\u0001'].map((key) => ({ key, error: expect.stringMatching(/^INVALID_REFERENCE: /) })));
    },
  );

  it('asks the API server for nothing that its role does not give', async () => {
    expect(replica.output()).not.toMatch(/forbidden/i);
  });
});
