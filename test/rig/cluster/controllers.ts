import { join } from 'node:path';
import { type Daemon, startDaemon } from '../daemon.ts';
import { onFreePorts } from '../free-port.ts';
import type { ApiServer } from './api-server.ts';
import { type ClusterCertificates, writeFiles } from './certificates.ts';
import { kubeconfig } from './kubeconfig.ts';

/** What makes Pods of workloads, accounts of namespaces, and cleans up. Nothing here runs a Pod. */
const CONTROLLERS = [
  'namespace-controller',
  'serviceaccount-controller',
  'root-ca-certificate-publisher-controller',
  'garbage-collector-controller',
  'clusterrole-aggregation-controller',
  'replicaset-controller',
  'deployment-controller',
  'statefulset-controller',
  'daemonset-controller',
  'job-controller',
  'cronjob-controller',
];

export interface ControllersOptions {
  readonly bin: string;
  readonly folder: string;
  readonly log: string;
  readonly apiServer: ApiServer;
  readonly certificates: ClusterCertificates;
}

/** kube-controller-manager; each controller acts by its own name and rights. */
export function startControllers({ bin, folder, log, apiServer, certificates }: ControllersOptions): Promise<Daemon> {
  const files = writeFiles(join(folder, 'controllers'), {
    kubeconfig: kubeconfig(apiServer, certificates.controllers),
    'ca.crt': certificates.kubernetesCa,
    'sa.key': certificates.tokens.privateKey,
  });
  return onFreePorts(async (next) =>
    startDaemon({
      name: 'kube-controller-manager',
      bin,
      log,
      args: [
        ...['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map((flag) => `--${flag}=${files.kubeconfig}`),
        ...['--bind-address=127.0.0.1', `--secure-port=${await next()}`, `--cert-dir=${join(folder, 'controllers', 'certs')}`],
        ...['--leader-elect=false', '--use-service-account-credentials=true', '--profiling=false'],
        ...[`--service-account-private-key-file=${files['sa.key']}`, `--root-ca-file=${files['ca.crt']}`],
        `--controllers=${CONTROLLERS.join(',')}`,
      ],
      ready: async () => (await apiServer.client.get({ kind: 'ServiceAccount', namespace: 'default', name: 'default' })) !== undefined,
    }),
  );
}
