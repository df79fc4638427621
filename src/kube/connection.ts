import { accessSync, readFileSync } from 'node:fs';
import { delimiter, dirname, resolve } from 'node:path';
import { type Cluster, type DispatcherOptions, KubeConfig, loadYaml, type RequestContext } from '@kubernetes/client-node';
import { errorText } from '../lib/errors.ts';
import { KubeConfigError } from './errors.ts';
import { member } from './objects.ts';

/** Whether and how this process runs in a Pod; from the environment unless given. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Put before the paths of the mounted service account. Default none. */
  readonly root?: string;
}

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * How to reach the cluster: in a Pod by its service account and by nothing else, since a kubeconfig may run commands; elsewhere by
 * KUBECONFIG or `~/.kube/config`.
 *
 * @throws {KubeConfigError} if there is neither, or one that would believe any API server.
 */
export function loadConnection({ env = ownEnvironment(), root = '' }: Surroundings = {}): SharedConnection {
  const config = new SharedConnection();
  if (isSet(env.KUBERNETES_SERVICE_HOST) && isThere(`${root}${TOKEN}`)) config.loadFromCluster(root);
  else loadKubeconfig(config, env);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new KubeConfigError('the kubeconfig has no current context with a cluster');
  if (cluster.skipTLSVerify) {
    throw new KubeConfigError('the kubeconfig says insecure-skip-tls-verify: whoever answers would decide what is trusted; name its CA');
  }
  if (!cluster.server.startsWith('https://')) throw new KubeConfigError('expected an https API server in the kubeconfig');
  return config;
}

/** Where the cluster is, and nothing else of the environment. */
function ownEnvironment(): NonNullable<Surroundings['env']> {
  return {
    KUBERNETES_SERVICE_HOST: process.env.KUBERNETES_SERVICE_HOST,
    KUBECONFIG: process.env.KUBECONFIG,
    HOME: process.env.HOME,
  };
}

function loadKubeconfig(config: KubeConfig, env: NonNullable<Surroundings['env']>): void {
  const home = `${env.HOME}/.kube/config`;
  if (!isSet(env.KUBECONFIG) && !isThere(home)) {
    throw new KubeConfigError('expected to run in a Pod with its service account, or KUBECONFIG or ~/.kube/config; found none');
  }
  try {
    const [first = home, ...others] = (env.KUBECONFIG ?? '').split(delimiter).filter(isSet);
    loadFile(config, first);
    for (const file of others) {
      const other = new KubeConfig();
      loadFile(other, file);
      config.mergeConfig(other);
    }
  } catch (error) {
    throw new KubeConfigError(`the kubeconfig cannot be read: ${errorText(error)}`, { cause: error });
  }
}

function loadFile(config: KubeConfig, file: string): void {
  const text = readFileSync(file, 'utf8');
  config.loadFromString(text);
  config.makePathsAbsolute(dirname(file));
  // `tokenFile`, as kubectl writes it, is unknown to client-node; its authenticator for service accounts reads such a file again each minute.
  const declared: unknown = member(loadYaml(text), 'users');
  for (const entry of Array.isArray(declared) ? declared : []) {
    const tokenFile = member(member(entry, 'user'), 'tokenFile');
    const index = config.users.findIndex(({ name }) => name === member(entry, 'name'));
    const user = config.users[index];
    if (typeof tokenFile !== 'string' || user === undefined) continue;
    const authProvider = { name: 'tokenFile', config: { tokenFile: resolve(dirname(file), tokenFile) } };
    config.users[index] = { ...user, authProvider };
  }
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

function isThere(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;

const KEEP_MS = 60_000;

/**
 * A KubeConfig whose requests share connections. The one of client-node makes a pool for every single request, and never closes it.
 * Client certificates are read again every minute, as tokens are.
 */
export class SharedConnection extends KubeConfig {
  #shared: { readonly dispatcher: Dispatcher; readonly since: number } | undefined;

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context);
    const fresh = context.getDispatcher();
    if (fresh === undefined) return;
    const now = performance.now();
    if (this.#shared !== undefined && now - this.#shared.since < KEEP_MS) {
      context.setDispatcher(this.#shared.dispatcher);
      return;
    }
    // What is under way on it goes on: a watch ends by itself within minutes.
    void this.#shared?.dispatcher.close().catch(() => undefined);
    this.#shared = { dispatcher: fresh, since: now };
  }

  /** HTTP/1.1: a connection that died takes one request with it, not all of them. */
  override createDispatcherOptions(cluster: Cluster | null, agentOptions: Parameters<KubeConfig['createDispatcherOptions']>[1]) {
    const options = super.createDispatcherOptions(cluster, agentOptions);
    if (options.type !== 'agent') return options;
    return { ...options, connect: { ...options.connect, allowH2: false } } as DispatcherOptions; // undici takes it; the type lists tls options alone
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.#shared?.dispatcher.destroy();
    this.#shared = undefined;
  }
}
