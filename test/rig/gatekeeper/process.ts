import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { GATEKEEPER_NAMESPACE } from '../cluster/certificates.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { freePort } from '../free-port.ts';

/** One Gatekeeper process and the Pod object that it passes for. */
export interface Role {
  readonly pod: string;
  /** Empty for all. */
  readonly operations: readonly string[];
}

/** All in one process, with one response cache. */
export const ONE_PROCESS: readonly Role[] = [{ pod: 'gatekeeper-0', operations: [] }];

/** As in a cluster: the audit is a Deployment of its own, and asks for itself. */
export const TWO_PROCESSES: readonly Role[] = [
  { pod: 'gatekeeper-controller-manager-0', operations: ['webhook', 'mutation-webhook'] },
  { pod: 'gatekeeper-audit-0', operations: ['audit', 'status', 'mutation-status', 'mutation-controller', 'generate'] },
];

export interface GatekeeperProcessOptions {
  readonly bin: string;
  readonly role: Role;
  readonly folder: string;
  readonly log: string;
  readonly kubeconfig: string;
  readonly certificates: string;
  readonly port: number;
  readonly flags: readonly string[];
  /** Done before each look whether it is ready. */
  readonly whileStarting?: () => Promise<void>;
}

export async function startGatekeeperProcess(options: GatekeeperProcessOptions): Promise<Daemon> {
  const { role, folder, kubeconfig, certificates, port, whileStarting = async () => undefined } = options;
  const health = await freePort();
  const auditCache = join(folder, role.pod, 'audit');
  mkdirSync(auditCache, { recursive: true });
  return startDaemon({
    name: role.pod,
    bin: options.bin,
    log: options.log,
    env: { POD_NAME: role.pod, POD_NAMESPACE: GATEKEEPER_NAMESPACE },
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
      return (await fetch(`http://127.0.0.1:${health}/readyz`)).ok;
    },
  });
}
