import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isNativeError } from 'node:util/types';

const execute = promisify(execFile);

/** A key pair of one's own, or the name given to `generateTest`. */
export type SigningKey = { readonly keyPem: string; readonly certChainPem: string } | { readonly name: string };

interface Access {
  readonly plainHttp?: boolean;
  readonly login?: { readonly username: string; readonly password: string };
}

interface SignOptions extends Access {
  readonly reference: string;
  readonly key: SigningKey;
  readonly format: 'jws' | 'cose';
  /** True, as in notation itself, writes the tag schema; false uses the referrers API. */
  readonly forceReferrersTag?: boolean;
  /** A Go duration, one second at least. */
  readonly expiry?: string;
  readonly userMetadata?: Readonly<Record<string, string>>;
}

interface VerifyOptions extends Access {
  readonly reference: string;
  /** A trust policy document. */
  readonly trustPolicy: unknown;
  /** PEM certificates by `TYPE:NAME`, as in a trust policy. */
  readonly trustStores: Readonly<Record<string, readonly string[]>>;
  readonly userMetadata?: Readonly<Record<string, string>>;
}

interface Verdict {
  readonly ok: boolean;
  /** All that notation wrote, its log included: only there it says why it refused. */
  readonly output: string;
}

export interface Notation {
  sign(options: SignOptions): Promise<void>;
  verify(options: VerifyOptions): Promise<Verdict>;
  /** Makes a self-signed RSA 2048 test certificate, valid for a day, and returns its PEM. */
  generateTest(name: string): Promise<string>;
  dispose(): Promise<void>;
}

/** The real `notation`, with a home folder that no other instance shares. */
export async function createNotation({ bin }: { bin: string }): Promise<Notation> {
  const home = await mkdtemp(join(tmpdir(), 'countersign-notation-'));
  const settings = join(home, 'notation');
  const env = { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: join(home, 'cache') };
  const run = async (args: readonly string[], access: Access = {}) =>
    execute(bin, args, {
      env:
        access.login === undefined ? env : { ...env, NOTATION_USERNAME: access.login.username, NOTATION_PASSWORD: access.login.password },
    });

  return {
    async sign(options) {
      const name = 'name' in options.key ? options.key.name : await importKey(settings, options.key);
      await run(
        [
          ...['sign', '--key', name, '--signature-format', options.format],
          `--force-referrers-tag=${options.forceReferrersTag ?? true}`,
          ...(options.expiry === undefined ? [] : ['--expiry', options.expiry]),
          ...metadataFlags(options.userMetadata),
          ...accessFlags(options),
          options.reference,
        ],
        options,
      );
    },

    async verify(options) {
      await writeTrust(settings, options);
      try {
        const { stdout, stderr } = await run(
          ['verify', '--verbose', ...metadataFlags(options.userMetadata), ...accessFlags(options), options.reference],
          options,
        );
        return { ok: true, output: stdout + stderr };
      } catch (error) {
        if (!exitedWithCode(error)) throw error;
        return { ok: false, output: error.stdout + error.stderr };
      }
    },

    async generateTest(name) {
      await run(['cert', 'generate-test', name]);
      return readFile(join(settings, 'localkeys', `${name}.crt`), 'utf8');
    },

    dispose: () => rm(home, { recursive: true, force: true }),
  };
}

/** Adds a key pair to notation's own list of keys and returns its name there. */
async function importKey(settings: string, pair: { readonly keyPem: string; readonly certChainPem: string }): Promise<string> {
  await mkdir(settings, { recursive: true });
  const folder = await mkdtemp(join(settings, 'imported-'));
  const key = { name: folder, keyPath: join(folder, 'key.pem'), certPath: join(folder, 'chain.pem') };
  await writeFile(key.keyPath, pair.keyPem, { mode: 0o600 });
  await writeFile(key.certPath, pair.certChainPem);
  const list = join(settings, 'signingkeys.json');
  const { keys = [], ...others } = JSON.parse(await readFile(list, 'utf8').catch(() => '{}')) as { keys?: unknown[] };
  await writeFile(list, JSON.stringify({ ...others, keys: [...keys, key] }));
  return key.name;
}

async function writeTrust(settings: string, { trustPolicy, trustStores }: VerifyOptions): Promise<void> {
  const truststore = join(settings, 'truststore', 'x509');
  await rm(truststore, { recursive: true, force: true });
  for (const [store, certificates] of Object.entries(trustStores)) {
    const folder = join(truststore, ...store.split(':'));
    await mkdir(folder, { recursive: true });
    for (const [index, pem] of certificates.entries()) await writeFile(join(folder, `${index}.pem`), pem);
  }
  await mkdir(settings, { recursive: true });
  await writeFile(join(settings, 'trustpolicy.json'), JSON.stringify(trustPolicy), { mode: 0o600 });
}

function accessFlags({ plainHttp = false }: Access): string[] {
  return plainHttp ? ['--insecure-registry'] : [];
}

function metadataFlags(metadata: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(metadata).flatMap(([key, value]) => ['--user-metadata', `${key}=${value}`]);
}

function exitedWithCode(error: unknown): error is { stdout: string; stderr: string } {
  return isNativeError(error) && 'code' in error && typeof error.code === 'number';
}
