import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { Engines } from '../config/engines.ts';
import { ConfigPathError, type Loaded, loadFiles } from '../config/files.ts';
import { kinds } from '../config/kinds.ts';
import type { Diagnostic } from '../config/resources.ts';
import { loadSettings, registrySettings, type Settings } from '../config/settings.ts';
import { watchFiles } from '../config/watch.ts';
import { createFactCache } from '../lib/cache.ts';
import { errorText } from '../lib/errors.ts';
import { createLogger, type Logger } from '../lib/log.ts';
import { createRevocationNetwork } from '../lib/revocation-network.ts';
import type { HostPort } from '../server/listen.ts';
import { type ProviderOptions, type RunningProvider, serveProvider } from '../server/serve.ts';
import { MisuseError } from './exit.ts';

/** Options of `serve` as the command line gives them. */
export interface ServeOptions {
  readonly config: string;
  readonly listen: string;
  readonly admin: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
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

/** Starts the provider on files, watched; `demo` starts the same. */
export async function startProvider(options: ServeOptions, log: Logger): Promise<Served> {
  const settings = await loadSettings(options.settings);
  for (const warning of settings.warnings) log.warn({ code: 'UNKNOWN_FIELD', reason: warning }, 'settings');
  if (options.plainHttp === true) {
    log.warn({}, 'PLAIN HTTP: whoever is on the way to a registry reads its credentials, says what a tag means and hides signatures');
  }
  const facts = createFactCache({ maxBytes: settings.caches.factsBytes });
  const revocation = createRevocationNetwork(settings.revocation);
  const engines = new Engines(kinds, {
    facts,
    registries: registrySettings(settings, { plainHttp: options.plainHttp ?? false }),
    ownNamespace: settings.ownNamespace,
    freshnessMs: settings.freshnessMs,
    signal: new AbortController().signal,
  });
  const watch = watchFiles(options.config, () => reload(options.config, settings, engines, log));
  try {
    await watch.ready;
    await apply(await loadFiles(options.config, { ownNamespace: settings.ownNamespace }), engines, log);
    const provider = await serveProvider({
      listen: hostPort(options.listen, '--listen'),
      admin: hostPort(options.admin, '--admin'),
      tls: tlsOf(options),
      engines,
      facts,
      revocation,
      settings,
      log,
    });
    const close = async (): Promise<void> => {
      await watch.close();
      await provider.close();
      await revocation.close();
    };
    return { address: provider.address, admin: provider.admin, engines, close };
  } catch (error) {
    await watch.close();
    await revocation.close();
    throw isListenError(error) ? new MisuseError(`${error.message}; expected a free port of this machine`, { cause: error }) : error;
  }
}

function checkUse({ clientCa, clientAuth, listen, admin }: ServeOptions): void {
  hostPort(listen, '--listen');
  hostPort(admin, '--admin');
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

function tlsOf({ tlsCert, tlsKey, clientCa, clientName, clientAuth }: ServeOptions): ProviderOptions['tls'] {
  const files = { cert: tlsCert, key: tlsKey, clientName };
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

async function reload(path: string, { ownNamespace }: Settings, engines: Engines, log: Logger): Promise<void> {
  try {
    await apply(await loadFiles(path, { ownNamespace }), engines, log);
  } catch (error) {
    const level =
      error instanceof ConfigPathError
        ? 'what was declared last stays in force'
        : 'an error of ours; what was declared last stays in force';
    log.error({ code: 'CONFIG_INVALID', file: path, reason: errorText(error) }, level);
  }
}

async function apply(loaded: Loaded, engines: Engines, log: Logger): Promise<void> {
  const { diagnostics, usable, snapshot } = await engines.apply(loaded);
  for (const diagnostic of diagnostics) logDiagnostic(diagnostic, log);
  const { revision, misconfigured } = snapshot.for(undefined);
  log.info({ usable, revision, objects: loaded.resources.declared.length, misconfigured: misconfigured?.message }, 'configuration applied');
}

function logDiagnostic({ severity, message, ...where }: Diagnostic, log: Logger): void {
  const fields = { ...where, reason: message };
  if (severity === 'error') log.error(fields, 'declaration');
  else if (severity === 'warning') log.warn(fields, 'declaration');
  else log.info(fields, 'declaration');
}
