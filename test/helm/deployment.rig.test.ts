// @rig helm, cluster, gatekeeper
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureTools } from '../rig/build.ts';
import { admitted, type KubeObject } from '../rig/cluster/kube-client.ts';
import { type Cluster, startCluster } from '../rig/cluster.ts';
import { type Daemon, startDaemon } from '../rig/daemon.ts';
import { onFreePorts } from '../rig/free-port.ts';
import { type Gatekeeper, startGatekeeper } from '../rig/gatekeeper.ts';
import { eventually } from '../rig/wait.ts';
import { CHART } from './helm.ts';

const BUILD_WITHIN_MS = 60 * 60_000;
const NAMESPACE = 'gatekeeper-system';
const MOUNTED = '/etc/countersign/';
const GROUP = 'config.ratify.deislabs.io/v1beta1';

interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string; readonly items: readonly Item[] };
  readonly secret?: { readonly secretName: string; readonly items: readonly Item[] };
}

interface Item {
  readonly key: string;
  readonly path: string;
}

interface Deployment extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly [
          { readonly args: readonly string[]; readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[] },
        ];
        readonly volumes: readonly Volume[];
      };
    };
  };
}

interface WithData extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

interface WithStatus extends KubeObject {
  readonly status?: { readonly issuccess?: boolean; readonly brieferror?: string };
}

interface Provider extends KubeObject {
  readonly spec: { readonly url: string; readonly caBundle: string };
}

describe('the Deployment of the chart, run as the kubelet would', () => {
  let cluster: Cluster;
  let gatekeeper: Gatekeeper;
  let daemon: Daemon | undefined;
  let address: string;
  let admin: string;

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
    const { spec } = (await found<Deployment>({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'countersign' })).spec.template;
    const root = join(cluster.folder, 'mounted');
    for (const { name, mountPath } of spec.containers[0].volumeMounts)
      await mount(
        spec.volumes.find((volume) => volume.name === name),
        join(root, mountPath),
      );
    const KUBECONFIG = await accountConfig(root);
    const args = spec.containers[0].args.map((arg) => arg.replace(MOUNTED, join(root, MOUNTED, '/')));
    await onFreePorts(async (next) => {
      address = `127.0.0.1:${await next()}`;
      admin = `127.0.0.1:${await next()}`;
      const here = args.map((arg) => arg.replace(/^--listen=.*/, `--listen=${address}`).replace(/^--admin=.*/, `--admin=${admin}`));
      daemon = await startDaemon({
        name: 'countersign',
        bin: process.execPath,
        args: [join(CHART, '../src/main.ts'), ...here],
        env: { KUBECONFIG },
        log: cluster.log('countersign'),
        goneWithinMs: 15_000,
        ready: async (output) => output().includes('"msg":"ready"'),
      });
    });
    cluster.beforeStop(async () => daemon?.stop());
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

  /** The items of a volume as files. */
  async function mount(volume: Volume | undefined, folder: string): Promise<void> {
    mkdirSync(folder, { recursive: true });
    const { configMap, secret } = volume ?? {};
    const { data } = await found<WithData>(
      configMap === undefined ? { kind: 'Secret', name: secret?.secretName ?? '' } : { kind: 'ConfigMap', name: configMap.name },
    );
    for (const { key, path } of (configMap ?? secret)?.items ?? []) {
      const text = data[key] ?? '';
      writeFileSync(join(folder, path), configMap === undefined ? Buffer.from(text, 'base64') : text, { mode: 0o600 });
    }
  }

  /** What its service account may, and no more. */
  async function accountConfig(folder: string): Promise<string> {
    const { object } = await cluster.client.post(
      { kind: 'ServiceAccount', namespace: NAMESPACE, name: 'countersign', subresource: 'token' },
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    );
    const { token } = (object as unknown as { status: { token: string } }).status;
    const file = join(folder, 'kubeconfig');
    const config = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...config, users: [{ ...config.users[0], user: { token } }] }), { mode: 0o600 });
    return file;
  }

  /** Asks at `address` what Gatekeeper would ask at the URL of a Provider, with its certificate and its trust. */
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
      const sent = request(`https://${address}${pathname}`, { method: 'POST', ...tls, agent: false }, (answer) => {
        const chunks: Buffer[] = [];
        answer
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8'))));
      });
      sent.on('error', reject).end(body);
    });
  }

  it('becomes ready: with its account alone it reads what the chart declared', async () => {
    await eventually('ready', async () => (await fetch(`http://${admin}/readyz`)).ok || undefined);
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
    expect(daemon?.output()).not.toMatch(/forbidden/i);
  });
});
