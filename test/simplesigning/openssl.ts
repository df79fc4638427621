import { spawnSync } from 'node:child_process';
import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type KeyName = 'rsa2048' | 'rsa3072' | 'rsa4096' | 'other2048' | 'p256' | 'p384' | 'p521' | 'p256k' | 'otherP256' | 'ed25519';

/** How a signature is made: `pss-HASH-SALT`, `pkcs1-HASH`, `ecdsa-HASH`, or `ed25519`. */
export type Method = `pss-${string}-${number | 'max'}` | `pkcs1-${string}` | `ecdsa-${string}` | 'ed25519';

const FIXTURES: Readonly<Partial<Record<KeyName, string>>> = {
  rsa2048: 'rsa-2048',
  rsa3072: 'rsa-3072',
  rsa4096: 'rsa-4096',
  other2048: 'rsa-2048-authority',
};
const CURVES: Readonly<Partial<Record<KeyName, string>>> = {
  p256: 'prime256v1',
  otherP256: 'prime256v1',
  p384: 'secp384r1',
  p521: 'secp521r1',
  p256k: 'secp256k1',
};
const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;

/** Keys and signatures, by the machine's openssl; by Node's own where there is none. Each is made once. */
export class Signers {
  readonly #keys = new Map<KeyName, string>();
  readonly #signatures = new Map<string, Uint8Array>();

  /** PEM of a private key. */
  privateKey(name: KeyName): string {
    const pem = this.#keys.get(name) ?? makeKey(name);
    this.#keys.set(name, pem);
    return pem;
  }

  /** PEM of the public key. */
  publicKey(name: KeyName): string {
    return createPublicKey(this.privateKey(name)).export({ type: 'spki', format: 'pem' }).toString();
  }

  sign(name: KeyName, method: Method, bytes: Uint8Array): Uint8Array {
    const id = `${name} ${method} ${Buffer.from(bytes).toString('base64')}`;
    const signature = this.#signatures.get(id) ?? (HAS_OPENSSL ? byOpenssl : byNode)(this.privateKey(name), method, bytes);
    this.#signatures.set(id, signature);
    return signature;
  }
}

function makeKey(name: KeyName): string {
  const fixture = FIXTURES[name];
  if (fixture !== undefined) return readFileSync(join(import.meta.dirname, `../fixtures/keys/${fixture}.pem`), 'utf8');
  const curve = CURVES[name];
  if (HAS_OPENSSL) {
    return openssl(
      curve === undefined
        ? ['genpkey', '-algorithm', 'ed25519']
        : ['genpkey', '-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`],
    ).toString();
  }
  const { privateKey } = curve === undefined ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: curve });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function byOpenssl(key: string, method: Method, bytes: Uint8Array): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'openssl-'));
  const [keyFile, input] = [join(folder, 'key.pem'), join(folder, 'input')];
  try {
    writeFileSync(keyFile, key);
    writeFileSync(input, bytes);
    if (method === 'ed25519') return openssl(['pkeyutl', '-sign', '-rawin', '-inkey', keyFile, '-in', input]);
    const [kind, hash = '', salt = ''] = method.split('-');
    const padding = kind === 'pss' ? ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', `rsa_pss_saltlen:${salt}`] : [];
    return openssl(['dgst', `-${hash}`, '-sign', keyFile, ...padding, input]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function openssl(args: readonly string[]): Buffer {
  const { status, stdout, stderr } = spawnSync('openssl', args);
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr.toString()}`);
  return stdout;
}

function byNode(pem: string, method: Method, bytes: Uint8Array): Uint8Array {
  const key = createPrivateKey(pem);
  if (method === 'ed25519') return sign(undefined, bytes, key);
  const [kind, hash, salt] = method.split('-');
  if (kind !== 'pss') return sign(hash, bytes, key);
  const saltLength = salt === 'max' ? constants.RSA_PSS_SALTLEN_MAX_SIGN : Number(salt);
  return sign(hash, bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
}
