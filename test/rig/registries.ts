import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { startDaemon } from './daemon.ts';
import { onFreePorts } from './free-port.ts';

/** What `startDistribution({ auth: true })` lets in. */
export const RIG_LOGIN = { username: 'rig', password: 'open sesame' } as const;
const RIG_LOGIN_BCRYPT = '$2b$05$uQ7rXq3nKJw0cYb5dEfGhOUVZNZFXIwOLqIjL9z4JaT/syMFq/Coy';

export interface RunningRegistry {
  /** `127.0.0.1:PORT`, plain HTTP. */
  readonly host: string;
  output(): string;
  stop(): Promise<unknown>;
}

/** olareg, which has the referrers API, and deletes. Content lives in memory, or under `dir`. */
export async function startOlareg({ bin, dir }: { bin: string; dir?: string }): Promise<RunningRegistry> {
  const store = dir === undefined ? ['--store-type', 'mem'] : ['--store-type', 'dir', '--dir', dir];
  return onFreePort((port) => ['serve', '--addr', '127.0.0.1', '--port', String(port), '--api-delete', ...store], { name: 'olareg', bin });
}

/** distribution, which answers 404 for `/referrers/`. Content lives under `dir`; `auth` asks for `RIG_LOGIN`. */
export async function startDistribution({
  bin,
  dir,
  auth = false,
}: {
  bin: string;
  dir: string;
  auth?: boolean;
}): Promise<RunningRegistry> {
  const settings = await mkdtemp(join(tmpdir(), 'countersign-distribution-'));
  const removeSettings = () => rm(settings, { recursive: true, force: true });
  try {
    const htpasswd = join(settings, 'htpasswd');
    await writeFile(htpasswd, `${RIG_LOGIN.username}:${RIG_LOGIN_BCRYPT}\n`);
    const config = join(settings, 'config.yaml');
    const registry = await onFreePort(
      async (port) => {
        await writeFile(config, stringify(distributionConfig(port, dir, auth ? htpasswd : undefined)));
        return ['serve', config];
      },
      { name: 'distribution', bin, env: { OTEL_TRACES_EXPORTER: 'none' } },
    );
    const stop = () => registry.stop().finally(removeSettings);
    return { ...registry, stop };
  } catch (error) {
    await removeSettings();
    throw error;
  }
}

function distributionConfig(port: number, dir: string, htpasswd: string | undefined): unknown {
  return {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: dir }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, secret: 'one instance needs no shared secret' },
    ...(htpasswd === undefined ? {} : { auth: { htpasswd: { realm: 'rig', path: htpasswd } } }),
  };
}

function onFreePort(
  argsFor: (port: number) => string[] | Promise<string[]>,
  program: { name: string; bin: string; env?: Record<string, string> },
): Promise<RunningRegistry> {
  return onFreePorts(async (next) => {
    const port = await next();
    const host = `127.0.0.1:${port}`;
    const daemon = await startDaemon({ ...program, args: await argsFor(port), ready: () => answers(host) });
    return { host, ...daemon };
  });
}

async function answers(host: string): Promise<boolean> {
  const response = await fetch(`http://${host}/v2/`);
  await response.body?.cancel();
  return response.status === 200 || response.status === 401;
}
