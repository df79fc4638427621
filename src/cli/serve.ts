import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { Engines } from '../config/engines.ts';
import { KeySources } from '../config/key-sources.ts';
import { kinds } from '../config/kinds.ts';
import { loadSettings, registrySettings, type Settings } from '../config/settings.ts';
import type { Cluster } from '../kube/cluster.ts';
import { createFactCache } from '../lib/cache.ts';
import { createLogger, type Logger } from '../lib/log.ts';
import { createRevocationNetwork } from '../lib/revocation-network.ts';
import type { PemSource } from '../server/certificates.ts';
import type { HostPort } from '../server/listen.ts';
import { type ProviderOptions, type RunningProvider, serveProvider } from '../server/serve.ts';
import { followDeclarations } from './declarations.ts';
import { MisuseError } from './exit.ts';
import { policyOf } from './policy.ts';
import { issueServingCertificate } from './serving-certificate.ts';

/** Options of `serve` as the command line gives them. */
export interface ServeOptions {
  readonly config?: string;
  /** Whether the custom resources of the cluster are followed. */
  readonly kube?: boolean;
  readonly listen: string;
  readonly admin: string;
  /** Absent, with `tlsKey`: the certificate of `servingCertificate` in the settings. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly clientName: string;
  /** False after `--no-client-auth`. */
  readonly clientAuth: boolean;
  readonly plainHttp?: boolean;
  readonly settings?: string;
}

/** A provider that follows its configuration. */
export interface Served extends RunningProvider {
  readonly engines: Engines;
}

const HOST_PORT = /^(?<host>|\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9.-]{1,253}):(?<port>[0-9]{1,5})$/;

/** `countersign serve`: runs until SIGTERM or SIGINT; resolves with the exit code. */
export async function serveCommand(options: ServeOptions): Promise<number> {
  checkUse(options);
  // The caches are bounded, but V8 lets the heap around them grow to several times their size before it collects. With small nurseries
  // (`--max-semi-space-size`, which only the command line can set) this keeps a third less resident, for a tenth more CPU.
  setFlagsFromString('--heap-growing-percent=20');
  const log = createLogger();
  const served = await startProvider(options, log);
  log.info({ address: served.address, admin: served.admin, usable: served.engines.usable() }, 'ready');
  const [signal] = await Promise.race([once(process, 'SIGTERM').then(() => ['SIGTERM']), once(process, 'SIGINT').then(() => ['SIGINT'])]);
  log.info({ signal }, 'told to stop');
  await served.close();
  return 0;
}

/** Starts the provider on files, the cluster or both, followed; `demo` starts the same. */
export async function startProvider(options: ServeOptions, log: Logger): Promise<Served> {
  const settings = await loadSettings(options.settings);
  for (const warning of settings.warnings) log.warn({ code: 'UNKNOWN_FIELD', reason: warning }, 'settings');
  if (options.plainHttp === true) {
    log.warn({}, 'PLAIN HTTP: whoever is on the way to a registry reads its credentials, says what a tag means and hides signatures');
  }
  const cluster = options.kube === true ? await openCluster(settings, log) : undefined;
  const facts = createFactCache({ maxBytes: settings.caches.factsBytes });
  const revocation = createRevocationNetwork(settings.revocation);
  const keys = new KeySources({
    onChange: () => declarations.changed(),
    onFetched: (source, { problem }) => {
      if (problem !== undefined) log.warn({ code: problem.code, reason: problem.message }, 'key material cannot be fetched');
      cluster?.fetched(source);
    },
    maxStaleMs: settings.keys.maxStaleMs,
  });
  const engines = new Engines(kinds, {
    facts,
    registries: registrySettings(settings, { plainHttp: options.plainHttp ?? false }),
    ownNamespace: settings.ownNamespace,
    freshnessMs: settings.freshnessMs,
    floor: settings.tenancy.floor,
    ...policyOf(settings),
    keys,
    ...(cluster === undefined ? {} : { cluster: cluster.reader, before: NOT_LISTED }),
    signal: new AbortController().signal,
  });
  const declarations = followDeclarations({
    engines,
    log,
    ownNamespace: settings.ownNamespace,
    path: options.config,
    cluster,
    onApplied: ({ objects }) => cluster?.update(objects),
  });
  const stop = async (provider?: RunningProvider): Promise<void> => {
    await declarations.close();
    keys.close();
    // What is in flight may still read a Secret or ask a responder.
    await provider?.close();
    await cluster?.close();
    await revocation.close();
  };
  try {
    cluster?.start(
      () => declarations.changed(),
      (source) => keys.state(source),
    );
    await declarations.start(FIRST_LIST_MS);
    const provider = await serveProvider({
      listen: hostPort(options.listen, '--listen'),
      admin: hostPort(options.admin, '--admin'),
      tls: tlsOf(options, await servingFiles(options, settings, cluster)),
      engines,
      facts,
      revocation,
      settings,
      log,
      ...(cluster === undefined ? {} : { cluster, audit: cluster.tell }),
    });
    return { address: provider.address, admin: provider.admin, engines, close: () => stop(provider) };
  } catch (error) {
    await stop();
    throw isListenError(error) ? new MisuseError(`${error.message}; expected a free port of this machine`, { cause: error }) : error;
  }
}

/** How long the ports wait for the first list: a process that does not listen is taken for dead. */
const FIRST_LIST_MS = 10_000;
const NOT_LISTED = {
  code: 'CONFIG_PENDING',
  message: 'the objects of the cluster are not all listed yet; /readyz of the provider says which',
};

/** Loaded only here: the Kubernetes client costs every other command a second and 80 MiB. */
async function openCluster(settings: Settings, log: Logger): Promise<Cluster> {
  const kube = await import('../kube/cluster.ts');
  return kube.openCluster({ ownNamespace: settings.ownNamespace, unreadyAfterMs: settings.cluster.unreadyAfterMs, log });
}

/** Where certificate and key come from: the files that are named, else a Secret that is kept here. */
async function servingFiles(
  { tlsCert, tlsKey }: ServeOptions,
  { servingCertificate, ownNamespace }: Settings,
  cluster: Cluster | undefined,
): Promise<{ readonly cert: PemSource; readonly key: PemSource }> {
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: tlsCert, key: tlsKey };
  if (servingCertificate === undefined || cluster === undefined) throw new MisuseError(NO_CERTIFICATE);
  const serving = await cluster.serving({ ...servingCertificate, issue: issueServingCertificate });
  const name = `Secret ${ownNamespace}/${servingCertificate.secret}`;
  return { cert: { name, read: () => serving.current().cert }, key: { name, read: () => serving.current().key } };
}

const NO_CERTIFICATE =
  'expected --tls-cert FILE and --tls-key FILE; or neither, with --kube and servingCertificate in the --settings, to have the certificate made here';

function checkUse({ config, kube, tlsCert, tlsKey, settings, clientCa, clientAuth, listen, admin }: ServeOptions): void {
  if (config === undefined && kube !== true)
    throw new MisuseError('expected --config PATH, --kube, or both: nothing else says what is trusted');
  hostPort(listen, '--listen');
  hostPort(admin, '--admin');
  const made = tlsCert === undefined && tlsKey === undefined && kube === true && settings !== undefined;
  if (!made && (tlsCert === undefined || tlsKey === undefined)) throw new MisuseError(NO_CERTIFICATE);
  if (clientAuth && clientCa === undefined) {
    throw new MisuseError(
      "expected --client-ca FILE (ca.crt of Gatekeeper's Secret gatekeeper-webhook-server-cert), or --no-client-auth to answer whoever reaches the port",
    );
  }
  if (!clientAuth && clientCa !== undefined) throw new MisuseError('expected --client-ca or --no-client-auth, found both');
  if (process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    throw new MisuseError(
      "NODE_TLS_REJECT_UNAUTHORIZED=0 asks for connections without a check of certificates; unset it, and name the registry's CA in --settings",
    );
  }
}

function tlsOf(
  { clientCa, clientName, clientAuth }: ServeOptions,
  pair: { readonly cert: PemSource; readonly key: PemSource },
): ProviderOptions['tls'] {
  const files = { ...pair, clientName };
  return clientAuth ? { ...files, ...(clientCa === undefined ? {} : { clientCa }) } : { ...files, noClientAuth: true };
}

function hostPort(text: string, option: string): HostPort {
  const { host = '', port = '' } = HOST_PORT.exec(text)?.groups ?? {};
  if (port === '' || Number(port) > 65_535) throw new MisuseError(`expected ${option} HOST:PORT, found ${JSON.stringify(text)}`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** What the system says when a port cannot be bound. */
function isListenError(error: unknown): error is Error {
  // Not `instanceof Error`: an error of Node's core belongs to another realm when code runs in a vm context.
  return (
    typeof error === 'object' && error !== null && 'syscall' in error && ['listen', 'bind', 'getaddrinfo'].includes(String(error.syscall))
  );
}
