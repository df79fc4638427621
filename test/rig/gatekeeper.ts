import { join } from 'node:path';
import { ensureTools } from './build.ts';
import { GATEKEEPER_NAMESPACE, issueGatekeeperCertificate, writeFiles } from './cluster/certificates.ts';
import { admitted, type KubeClient } from './cluster/kube-client.ts';
import { kubeconfig } from './cluster/kubeconfig.ts';
import type { Cluster } from './cluster.ts';
import type { Daemon } from './daemon.ts';
import { freePort } from './free-port.ts';
import { applyDefinitions } from './gatekeeper/definitions.ts';
import { createCertificateSecret, mountCertificateSecret, readCertificateSecret } from './gatekeeper/own-certificate.ts';
import { ONE_PROCESS, type Role, startGatekeeperProcess, TWO_PROCESSES } from './gatekeeper/process.ts';
import { applyWebhooks, type FailurePolicy, WEBHOOK_SERVICE, webhooksInForce } from './gatekeeper/webhooks.ts';

export interface GatekeeperOptions {
  /**
   * Who makes the certificate that Gatekeeper serves with and shows to providers: the rig, and the API server calls by URL; or Gatekeeper, as
   * in a cluster, and the API server calls through a Service. Default `rig`.
   */
  readonly certificate?: 'rig' | 'gatekeeper';
  /** Webhooks and audit each in a process of its own. Default false. */
  readonly separateAudit?: boolean;
  /** What the API server does when Gatekeeper does not answer. Default `Fail`: a case must not pass because nobody looked. */
  readonly failurePolicy?: FailurePolicy;
  /** How long Gatekeeper keeps a provider's answers. Default 3m, Gatekeeper's own. */
  readonly responseCacheTtl?: string;
  /** Default 5. */
  readonly auditIntervalSeconds?: number;
  readonly flags?: readonly string[];
  readonly onProgress?: (line: string) => void;
}

export interface Gatekeeper {
  /** PEM of the CA by which a provider knows Gatekeeper. */
  readonly ca: string;
  /** Folder with the pair that it serves with and shows to providers: `tls.crt`, `tls.key`, `ca.crt`. */
  readonly certificates: string;
  /** Names of the Pod objects whose `byPod` entries are to be seen. */
  readonly pods: readonly string[];
  /** The end of what its processes wrote. */
  output(): string;
  setFailurePolicy(policy: FailurePolicy): Promise<void>;
  /** Stops it without starting it again; `restart` does. */
  stop(): Promise<void>;
  /** Starts it anew, with nothing in its cache. */
  restart(change?: Pick<GatekeeperOptions, 'responseCacheTtl' | 'flags'>): Promise<void>;
}

const TIMEOUTS = { validatingTimeoutSeconds: 3, mutatingTimeoutSeconds: 2 };

/** Installs Gatekeeper in the cluster and runs it beside it; it stops with the cluster. Both its webhooks are in force when this resolves. */
export async function startGatekeeper(cluster: Cluster, options: GatekeeperOptions = {}): Promise<Gatekeeper> {
  const { certificate = 'rig', separateAudit = false, failurePolicy = 'Fail', onProgress = () => undefined } = options;
  const { client } = cluster;
  const bin = await ensureTools(['gatekeeper'], onProgress);
  const roles = separateAudit ? TWO_PROCESSES : ONE_PROCESS;
  const folder = join(cluster.folder, 'gatekeeper');
  const files = writeFiles(folder, { kubeconfig: kubeconfig(cluster, cluster.certificates.gatekeeperUser) });
  const certificates = join(folder, 'certificates');
  await applyDefinitions(client);
  await applyNamespace(client, roles);
  const port = await freePort();
  const own = certificate === 'rig' ? writeOwnCertificate(certificates) : undefined;
  const webhooks = { port, ca: own, ...TIMEOUTS };
  if (own === undefined) {
    admitted(await client.apply(WEBHOOK_SERVICE));
    await createCertificateSecret(client);
    await applyWebhooks(client, { ...webhooks, failurePolicy: 'Ignore' });
    writeFiles(certificates, {});
  }

  const running: Daemon[] = [];
  const start = async ({ responseCacheTtl = options.responseCacheTtl ?? '3m', flags = options.flags ?? [] } = options): Promise<void> => {
    for (const role of roles) {
      running.push(
        await startGatekeeperProcess({
          bin: bin.gatekeeper,
          role,
          folder,
          log: cluster.log(role.pod),
          kubeconfig: files.kubeconfig,
          certificates,
          port: role === roles[0] ? port : await freePort(),
          flags: [
            `--external-data-provider-response-cache-ttl=${responseCacheTtl}`,
            `--audit-interval=${options.auditIntervalSeconds ?? 5}`,
            ...(own === undefined ? [] : ['--disable-cert-rotation']),
            ...flags,
          ],
          ...(own === undefined ? { whileStarting: () => mountCertificateSecret(client, certificates) } : {}),
        }),
      );
      onProgress(`${role.pod} is ready`);
    }
  };
  const stop = async (): Promise<void> => {
    await Promise.all(running.splice(0).map((daemon) => daemon.stop()));
  };

  cluster.beforeStop(stop);
  await start();
  await applyWebhooks(client, { ...webhooks, failurePolicy });
  await webhooksInForce(client);
  onProgress('its webhooks are in force');
  return {
    ca: own ?? (await ownAuthority(client)),
    certificates,
    pods: roles.map(({ pod }) => pod),
    output: () => running.map((daemon) => daemon.output()).join('\n'),
    setFailurePolicy: (policy) => applyWebhooks(client, { ...webhooks, failurePolicy: policy }),
    stop,
    async restart(change) {
      await stop();
      await start(change);
      await webhooksInForce(client);
    },
  };
}

function writeOwnCertificate(folder: string): string {
  const { ca, cert, key } = issueGatekeeperCertificate();
  writeFiles(folder, { 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca });
  return ca;
}

async function ownAuthority(client: KubeClient): Promise<string> {
  const { 'ca.crt': ca } = (await readCertificateSecret(client)) ?? {};
  if (ca === undefined) throw new Error('Gatekeeper is ready, and its Secret has no ca.crt');
  return ca;
}

/** The namespace, and in it the Pod objects that own what each process says of its state. */
async function applyNamespace(client: KubeClient, roles: readonly Role[]): Promise<void> {
  const labels = { 'admission.gatekeeper.sh/ignore': 'no-self-managing' };
  admitted(await client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: GATEKEEPER_NAMESPACE, labels } }));
  for (const { pod } of roles) {
    const metadata = { namespace: GATEKEEPER_NAMESPACE, name: pod };
    admitted(
      await client.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'manager', image: 'gatekeeper' }] } }),
    );
  }
}
