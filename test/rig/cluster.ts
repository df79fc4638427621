import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTools } from './build.ts';
import { startApiServer } from './cluster/api-server.ts';
import { type ClusterCertificates, issueClusterCertificates, writeFiles } from './cluster/certificates.ts';
import { startControllers } from './cluster/controllers.ts';
import { startEtcd } from './cluster/etcd.ts';
import type { KubeClient } from './cluster/kube-client.ts';
import { type ApiServerAddress, kubeconfig } from './cluster/kubeconfig.ts';
import { guardFolder } from './guard.ts';

export interface ClusterOptions {
  readonly onProgress?: (line: string) => void;
}

export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A real API server with real controllers, on loopback. No kubelet: Pods are stored and stay pending. */
export interface Cluster extends ApiServerAddress {
  readonly certificates: ClusterCertificates;
  readonly client: KubeClient;
  /** Path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** For what lives as long as the cluster; removed with it. */
  readonly folder: string;
  /** Path of the log of a process. */
  log(name: string): string;
  kubectl(...args: readonly string[]): Promise<KubectlResult>;
  /** Stops one of its two servers and starts it again where it was. */
  restart(server: 'etcd' | 'kube-apiserver'): Promise<void>;
  /** Has `stop` called before what the cluster itself is made of is stopped; the last one first. */
  beforeStop(stop: () => Promise<unknown>): void;
  /** Stops all and removes all state; safe to call again. */
  stop(): Promise<void>;
}

/** Starts etcd, the API server and the controllers. */
export async function startCluster({ onProgress = () => undefined }: ClusterOptions = {}): Promise<Cluster> {
  const bin = await ensureTools(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'], onProgress);
  const folder = mkdtempSync(join(tmpdir(), 'countersign-cluster-'));
  const logs = logFolder(folder);
  const log = (name: string): string => join(logs, `${name}.log`);
  const releaseGuard = guardFolder(folder);
  const running: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (let last = running.pop(); last !== undefined; last = running.pop()) await last();
    releaseGuard();
    rmSync(folder, { recursive: true, force: true });
  };
  const keep = <T extends { stop(): Promise<unknown> }>(started: T): T => {
    running.push(started.stop);
    return started;
  };
  try {
    const certificates = issueClusterCertificates();
    const etcd = keep(await startEtcd({ bin: bin.etcd, folder, log: log('etcd') }));
    onProgress('etcd is ready');
    const apiServer = keep(
      await startApiServer({ bin: bin['kube-apiserver'], folder, log: log('kube-apiserver'), etcd: etcd.url, certificates }),
    );
    onProgress('kube-apiserver is ready');
    keep(
      await startControllers({
        bin: bin['kube-controller-manager'],
        folder,
        log: log('kube-controller-manager'),
        apiServer,
        certificates,
      }),
    );
    onProgress('kube-controller-manager is ready');
    const files = writeFiles(join(folder, 'admin'), { kubeconfig: kubeconfig(apiServer, certificates.admin) });
    return {
      url: apiServer.url,
      ca: apiServer.ca,
      certificates,
      client: apiServer.client,
      kubeconfig: files.kubeconfig,
      folder,
      log,
      kubectl: (...args) => runKubectl(bin.kubectl, folder, ['--kubeconfig', files.kubeconfig, ...args]),
      restart: (server) => (server === 'etcd' ? etcd : apiServer).restart(),
      beforeStop: (stopOne) => running.push(stopOne),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A test run that wants the logs of what failed names a folder for them; else they go with the state. */
function logFolder(folder: string): string {
  const kept = process.env.COUNTERSIGN_RIG_LOGS;
  if (kept !== undefined && kept !== '') {
    mkdirSync(kept, { recursive: true });
    return mkdtempSync(join(kept, 'cluster-'));
  }
  const own = join(folder, 'logs');
  mkdirSync(own);
  return own;
}

function runKubectl(bin: string, home: string, args: readonly string[]): Promise<KubectlResult> {
  return new Promise((resolve, reject) => {
    // Its cache of what the server offers goes with the cluster.
    const env = { PATH: process.env.PATH, HOME: home };
    execFile(bin, args, { env, timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(error);
    });
  });
}
