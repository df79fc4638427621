import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFiles } from './cluster/certificates.ts';
import type { KubeObject } from './cluster/kube-client.ts';
import type { Cluster } from './cluster.ts';
import { startDaemon } from './daemon.ts';
import type { Endpoint } from './service.ts';

/** A Pod of the chart's Deployment, run as the kubelet would: its arguments, its volumes as files, its account. */
export interface Replica extends Endpoint {
  readonly admin: string;
  /** The kubelet's part when a Secret or ConfigMap has changed: the files follow. */
  mount(): Promise<void>;
  output(): string;
  /** Resolves with the exit code. */
  stop(): Promise<number | null>;
}

export interface ReplicaOptions {
  readonly namespace: string;
  /** Name of the Deployment. */
  readonly deployment: string;
  /** Of its files and its log. */
  readonly name: string;
  /** For Node itself, before the product. */
  readonly nodeArguments?: readonly string[];
}

interface Deployment extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly [
          { readonly args: readonly string[]; readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[] },
        ];
        readonly volumes: readonly Volume[];
      };
    };
  };
}

interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string; readonly items: readonly Item[] };
  readonly secret?: { readonly secretName: string; readonly items: readonly Item[] };
}

interface Item {
  readonly key: string;
  readonly path: string;
}

interface WithData extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

const CHECKOUT = join(import.meta.dirname, '../..');
const MOUNTED = '/etc/countersign/';
/** It lets go of its callers and of what is in flight first. */
const GONE_WITHIN_MS = 15_000;

export async function startReplica(cluster: Cluster, options: ReplicaOptions): Promise<Replica> {
  const { namespace, deployment, name, nodeArguments = [] } = options;
  const { spec } = (await found<Deployment>(cluster, { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: deployment })).spec
    .template;
  const [{ args, volumeMounts }] = spec.containers;
  const root = join(cluster.folder, 'replicas', name);
  const mount = async (): Promise<void> => {
    for (const { name: volume, mountPath } of volumeMounts)
      await write(
        cluster,
        namespace,
        spec.volumes.find((one) => one.name === volume),
        join(root, mountPath),
      );
  };
  await mount();
  const daemon = await startDaemon({
    name,
    bin: process.execPath,
    args: [
      ...['--max-semi-space-size=2', ...nodeArguments, join(CHECKOUT, 'src/main.ts')],
      ...args.map((arg) => arg.replace(MOUNTED, join(root, MOUNTED, '/')).replace(/^--(listen|admin)=.*/, '--$1=127.0.0.1:0')),
    ],
    env: { KUBECONFIG: await accountConfig(cluster, namespace, spec.serviceAccountName, root) },
    log: cluster.log(name),
    goneWithinMs: GONE_WITHIN_MS,
    ready: async (output) => output().includes('"msg":"ready"'),
  });
  const line =
    daemon
      .output()
      .split('\n')
      .find((one) => one.includes('"msg":"ready"')) ?? '';
  const { address, admin } = JSON.parse(line) as { readonly address: string; readonly admin: string };
  return {
    address,
    admin,
    mount,
    isReady: async () => (await fetch(`http://${admin}/readyz`)).ok,
    output: daemon.output,
    stop: daemon.stop,
  };
}

async function found<T extends KubeObject>(cluster: Cluster, target: Parameters<Cluster['client']['get']>[0]): Promise<T> {
  const object = await cluster.client.get<T>(target);
  if (object === undefined) throw new Error(`there is no ${target.kind} ${target.name}`);
  return object;
}

/** The items of a volume as files. */
async function write(cluster: Cluster, namespace: string, volume: Volume | undefined, folder: string): Promise<void> {
  const { configMap, secret } = volume ?? {};
  const { data } = await found<WithData>(
    cluster,
    configMap === undefined
      ? { kind: 'Secret', namespace, name: secret?.secretName ?? '' }
      : { kind: 'ConfigMap', namespace, name: configMap.name },
  );
  for (const { key, path } of (configMap ?? secret)?.items ?? []) {
    const text = data[key] ?? '';
    writeFiles(folder, { [path]: configMap === undefined ? Buffer.from(text, 'base64').toString('utf8') : text });
  }
}

/** What its service account may, and no more. */
async function accountConfig(cluster: Cluster, namespace: string, account: string, folder: string): Promise<string> {
  const { object } = await cluster.client.post(
    { kind: 'ServiceAccount', namespace, name: account, subresource: 'token' },
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  );
  const { token } = (object as unknown as { status: { token: string } }).status; // what the subresource gives
  const config = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8'));
  return writeFiles(folder, { kubeconfig: JSON.stringify({ ...config, users: [{ ...config.users[0], user: { token } }] }) }).kubeconfig;
}
