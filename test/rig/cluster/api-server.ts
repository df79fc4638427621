import { join } from 'node:path';
import { type Restartable, restartable, startDaemon } from '../daemon.ts';
import { onFreePorts } from '../free-port.ts';
import { type ClusterCertificates, writeFiles } from './certificates.ts';
import { type KubeClient, kubeClient } from './kube-client.ts';
import type { ApiServerAddress } from './kubeconfig.ts';

export interface ApiServer extends Restartable, ApiServerAddress {
  /** As an administrator whom nothing is forbidden. */
  readonly client: KubeClient;
}

export interface ApiServerOptions {
  readonly bin: string;
  readonly folder: string;
  readonly log: string;
  readonly etcd: string;
  readonly certificates: ClusterCertificates;
}

/** kube-apiserver with RBAC, on loopback. */
export function startApiServer({ bin, folder, log, etcd, certificates }: ApiServerOptions): Promise<ApiServer> {
  const { apiServer, tokens, kubernetesCa: ca, admin } = certificates;
  const files = writeFiles(join(folder, 'api-server'), {
    'tls.crt': apiServer.cert,
    'tls.key': apiServer.key,
    'ca.crt': ca,
    'sa.key': tokens.privateKey,
    'sa.pub': tokens.publicKey,
  });
  return onFreePorts(async (next) => {
    const port = await next();
    const url = `https://127.0.0.1:${port}`;
    const client = kubeClient({ url, ca }, admin);
    const daemon = await restartable(() =>
      startDaemon({
        name: 'kube-apiserver',
        bin,
        log,
        args: [
          ...[`--etcd-servers=${etcd}`, '--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', `--secure-port=${port}`],
          ...['--endpoint-reconciler-type=none', '--service-cluster-ip-range=10.96.0.0/24'],
          ...[`--tls-cert-file=${files['tls.crt']}`, `--tls-private-key-file=${files['tls.key']}`, `--client-ca-file=${files['ca.crt']}`],
          ...[`--service-account-issuer=${url}`, `--service-account-key-file=${files['sa.pub']}`],
          ...[`--service-account-signing-key-file=${files['sa.key']}`, '--authorization-mode=RBAC', '--allow-privileged=true'],
          ...['--profiling=false', '--v=1'],
        ],
        ready: async () => (await client.request('GET', '/readyz')).status === 200,
      }),
    );
    const stop = (): Promise<number | null> => {
      client.close();
      return daemon.stop();
    };
    return { ...daemon, url, ca, client, stop };
  });
}
