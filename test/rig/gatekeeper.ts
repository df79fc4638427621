import { join } from 'node:path';
import { ensureTools } from './build.ts';
import { GATEKEEPER_NAMESPACE, issueGatekeeperCertificate, writeFiles } from './cluster/certificates.ts';
import { applyDefinitions } from './cluster/definitions.ts';
import { admitted, type KubeClient } from './cluster/kube-client.ts';
import { kubeconfig } from './cluster/kubeconfig.ts';
import type { Cluster } from './cluster.ts';
import { freePort } from './free-port.ts';
import { definitionsFolder } from './gatekeeper/module.ts';
import { createCertificateSecret, mountCertificateSecret, readCertificateSecret } from './gatekeeper/own-certificate.ts';
import { allInForce } from './gatekeeper/policies.ts';
import { type GatekeeperProcess, ONE_PROCESS, type Role, startGatekeeperProcess, TWO_PROCESSES } from './gatekeeper/process.ts';
import { applyWebhooks, type FailurePolicy, WEBHOOK_SERVICE, webhooksInForce } from './gatekeeper/webhooks.ts';

interface ProcessOptions {
  /** How long Gatekeeper keeps a provider's answers. Default 3m, Gatekeeper's own. */
  readonly responseCacheTtl?: string;
  readonly flags?: readonly string[];
}

export interface GatekeeperOptions extends ProcessOptions {
  /**
   * Who makes the certificate that Gatekeeper serves with and shows to providers: the rig, and the API server calls by URL; or Gatekeeper, as
   * in a cluster, and the API server calls through a Service. Default `rig`.
   */
  readonly certificate?: 'rig' | 'gatekeeper';
  /** Webhooks and audit each in a process of its own. Default false. */
  readonly separateAudit?: boolean;
  /** What the API server does when Gatekeeper does not answer. Default `Fail`: a case must not pass because nobody looked. */
  readonly failurePolicy?: FailurePolicy;
  /** Default 5. */
  readonly auditIntervalSeconds?: number;
  readonly onProgress?: (line: string) => void;
}

export interface Gatekeeper {
  /** PEM of the CA by which a provider knows Gatekeeper. */
  readonly ca: string;
  /** Folder with the pair that it serves with and shows to providers: `tls.crt`, `tls.key`, `ca.crt`. */
  readonly certificates: string;
  /** `127.0.0.1:PORT` of its webhooks. */
  readonly address: string;
  /** What the readiness probe of its webhooks says. */
  isReady(): Promise<boolean>;
  /** Names of the Pod objects whose `byPod` entries are to be seen. */
  readonly pods: readonly string[];
  /** The kubelet's part when Gatekeeper has renewed its own certificate: the files follow the Secret. */
  mountCertificate(): Promise<void>;
  setFailurePolicy(policy: FailurePolicy): Promise<void>;
  /** Starts its processes anew, with nothing in their caches; what is changed holds until the next time. */
  restart(change?: ProcessOptions): Promise<void>;
}

const TIMEOUTS = { validatingTimeoutSeconds: 3, mutatingTimeoutSeconds: 2 };

/** Installs Gatekeeper in the cluster and runs it beside it; it stops with the cluster. Both its webhooks are in force when this resolves. */
export async function startGatekeeper(cluster: Cluster, options: GatekeeperOptions = {}): Promise<Gatekeeper> {
  const { failurePolicy = 'Fail', onProgress = () => undefined } = options;
  const { client } = cluster;
  const roles = options.separateAudit === true ? TWO_PROCESSES : ONE_PROCESS;
  const certificates = join(cluster.folder, 'gatekeeper', 'certificates');
  const port = await freePort();
  await applyDefinitions(client, definitionsFolder());
  await applyNamespace(client);
  const rigCa = options.certificate === 'gatekeeper' ? undefined : writeCertificate(certificates);
  const webhooks = { port, ca: rigCa, ...TIMEOUTS };
  if (rigCa === undefined) {
    writeFiles(certificates, {});
    admitted(await client.apply(WEBHOOK_SERVICE));
    await createCertificateSecret(client);
    await applyWebhooks(client, { ...webhooks, failurePolicy: 'Ignore' });
  }
  const processes = await createProcesses(cluster, options, { roles, certificates, port });
  cluster.beforeStop(processes.stop);
  await processes.start();
  await applyWebhooks(client, { ...webhooks, failurePolicy });
  await webhooksInForce(client);
  onProgress('the webhooks of Gatekeeper are in force');
  return {
    ca: rigCa ?? (await gatekeepersCa(client)),
    certificates,
    address: `127.0.0.1:${port}`,
    isReady: processes.isReady,
    get pods() {
      return processes.pods();
    },
    mountCertificate: () => mountCertificateSecret(client, certificates),
    setFailurePolicy: (policy) => applyWebhooks(client, { ...webhooks, failurePolicy: policy }),
    async restart(change) {
      await processes.stop();
      await processes.start(change);
      await webhooksInForce(client);
      // It says that it is ready before it has taken in all that is declared.
      await allInForce(client, processes.pods());
    },
  };
}

interface Processes {
  isReady(): Promise<boolean>;
  pods(): readonly string[];
  start(change?: ProcessOptions): Promise<void>;
  stop(): Promise<void>;
}

interface Placed {
  readonly roles: readonly Role[];
  readonly certificates: string;
  /** Of the webhooks, which the first role serves. */
  readonly port: number;
}

async function createProcesses(cluster: Cluster, options: GatekeeperOptions, { roles, certificates, port }: Placed): Promise<Processes> {
  const { onProgress = () => undefined } = options;
  const bin = await ensureTools(['gatekeeper'], onProgress);
  const folder = join(cluster.folder, 'gatekeeper');
  const files = writeFiles(folder, { kubeconfig: kubeconfig(cluster, cluster.certificates.gatekeeperUser) });
  const ownCertificate = options.certificate === 'gatekeeper';
  const running: GatekeeperProcess[] = [];
  let turn = -1;
  const podOf = ({ name }: Role): string => `${name}-${turn}`;
  return {
    // The first role serves the webhooks.
    isReady: async () => (await running[0]?.isReady()) ?? false,
    pods: () => roles.map(podOf),
    async start(change) {
      const { responseCacheTtl = '3m', flags = [] } = { ...options, ...change };
      // A new name each time, as of a new Pod: what the last one said of itself is not believed of this one.
      if (turn >= 0) await Promise.all(roles.map((role) => deletePod(cluster.client, podOf(role))));
      turn += 1;
      for (const role of roles) {
        const pod = podOf(role);
        await createPod(cluster.client, pod);
        const daemon = await startGatekeeperProcess({
          bin: bin.gatekeeper,
          role,
          pod,
          folder,
          log: cluster.log(role.name),
          kubeconfig: files.kubeconfig,
          certificates,
          port: role === roles[0] ? port : await freePort(),
          flags: [
            `--external-data-provider-response-cache-ttl=${responseCacheTtl}`,
            `--audit-interval=${options.auditIntervalSeconds ?? 5}`,
            ...(ownCertificate ? [] : ['--disable-cert-rotation']),
            ...flags,
          ],
          ...(ownCertificate ? { whileStarting: () => mountCertificateSecret(cluster.client, certificates) } : {}),
        });
        running.push(daemon);
        onProgress(`${role.name} is ready`);
      }
    },
    async stop() {
      await Promise.all(running.splice(0).map((daemon) => daemon.stop()));
    },
  };
}

function writeCertificate(folder: string): string {
  const { ca, cert, key } = issueGatekeeperCertificate();
  writeFiles(folder, { 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca });
  return ca;
}

async function gatekeepersCa(client: KubeClient): Promise<string> {
  const { 'ca.crt': ca } = (await readCertificateSecret(client)) ?? {};
  if (ca === undefined) throw new Error('Gatekeeper is ready, and its Secret has no ca.crt');
  return ca;
}

async function applyNamespace(client: KubeClient): Promise<void> {
  const labels = { 'admission.gatekeeper.sh/ignore': 'no-self-managing' };
  admitted(await client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: GATEKEEPER_NAMESPACE, labels } }));
}

/** The Pod object that owns what a process says of its state. */
async function createPod(client: KubeClient, name: string): Promise<void> {
  const spec = { containers: [{ name: 'manager', image: 'gatekeeper' }] };
  admitted(await client.create({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: GATEKEEPER_NAMESPACE, name }, spec }));
}

async function deletePod(client: KubeClient, name: string): Promise<void> {
  admitted(await client.delete({ kind: 'Pod', namespace: GATEKEEPER_NAMESPACE, name }));
}
