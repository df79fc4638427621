import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { GATEKEEPER_NAMESPACE } from '../cluster/certificates.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { freePort } from '../free-port.ts';

/** What one Gatekeeper process does. */
export interface Role {
  readonly name: string;
  /** Empty for all. */
  readonly operations: readonly string[];
}

/** All in one process, with one response cache. */
export const ONE_PROCESS: readonly Role[] = [{ name: 'gatekeeper', operations: [] }];

/** As in a cluster: the audit is a Deployment of its own, and asks for itself. */
export const TWO_PROCESSES: readonly Role[] = [
  { name: 'gatekeeper-controller-manager', operations: ['webhook', 'mutation-webhook'] },
  { name: 'gatekeeper-audit', operations: ['audit', 'status', 'mutation-status', 'mutation-controller', 'generate'] },
];

export interface GatekeeperProcessOptions {
  readonly bin: string;
  readonly role: Role;
  /** Name of the Pod object that it passes for. */
  readonly pod: string;
  readonly folder: string;
  readonly log: string;
  readonly kubeconfig: string;
  readonly certificates: string;
  readonly port: number;
  readonly flags: readonly string[];
  /** Done before each look whether it is ready. */
  readonly whileStarting?: () => Promise<void>;
}

export interface GatekeeperProcess extends Daemon {
  /** What its readiness probe says. */
  isReady(): Promise<boolean>;
}

export async function startGatekeeperProcess(options: GatekeeperProcessOptions): Promise<GatekeeperProcess> {
  const { role, pod, folder, kubeconfig, certificates, port, whileStarting = async () => undefined } = options;
  const health = await freePort();
  const auditCache = join(folder, pod, 'audit');
  mkdirSync(auditCache, { recursive: true });
  const isReady = async () => (await fetch(`http://127.0.0.1:${health}/readyz`)).ok;
  const daemon = await startDaemon({
    name: pod,
    bin: options.bin,
    log: options.log,
    env: { POD_NAME: pod, POD_NAMESPACE: GATEKEEPER_NAMESPACE },
    args: [
      ...[`--kubeconfig=${kubeconfig}`, `--cert-dir=${certificates}`, '--host=127.0.0.1', `--port=${port}`],
      // No flag gives the metrics an address: they are on all interfaces.
      ...[`--health-addr=127.0.0.1:${health}`, `--prometheus-port=${await freePort()}`],
      ...[`--api-cache-dir=${auditCache}`, '--log-denies', '--shutdown-delay=0', '--disable-opa-builtin=http.send'],
      ...['--default-create-vap-for-templates=false', '--default-create-vap-binding-for-constraints=false'],
      ...role.operations.map((operation) => `--operation=${operation}`),
      ...options.flags,
    ],
    ready: async () => {
      await whileStarting();
      return isReady();
    },
  });
  return { ...daemon, isReady };
}
