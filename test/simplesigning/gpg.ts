import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { payloadText } from './world.ts';

/** Armored texts that gpg wrote, all in 2025. */
export interface PgpMaterial {
  /** Of `gpg --version`. */
  readonly madeBy: string;
  readonly keys: Readonly<Record<KeyName | 'both' | 'secret', string>>;
  readonly fingerprints: Readonly<Record<KeyName, string>>;
  readonly messages: Readonly<Record<MessageName, string>>;
}

const KEYS = {
  rsa: ['rsa2048', 'sign', 'never'],
  ed: ['ed25519', 'sign', 'never'],
  /** Certifies only; one subkey signs. */
  subkey: ['ed25519', 'cert', 'never'],
  expiring: ['ed25519', 'sign', '20250701T000000'],
  revoked: ['ed25519', 'sign', 'never'],
  /** By a certificate that is hashed with SHA-1. */
  weaklyRevoked: ['ed25519', 'sign', 'never'],
  weak: ['rsa1024', 'sign', 'never'],
  sha1: ['ed25519', 'sign', 'never'],
} as const;
type KeyName = keyof typeof KEYS;

/** Each message: who signs, and how. */
const MESSAGES = {
  rsa: ['rsa', '--sign'],
  uncompressed: ['rsa', '--compress-algo', 'none', '--sign'],
  zip: ['rsa', '--compress-algo', 'zip', '--sign'],
  bzip2: ['rsa', '--compress-algo', 'bzip2', '--sign'],
  sha256: ['rsa', '--digest-algo', 'SHA256', '--sign'],
  expiringSignature: ['rsa', '--default-sig-expire', '20250301T000000', '--sign'],
  ed: ['ed', '--sign'],
  subkey: ['subkey', '--sign'],
  expiring: ['expiring', '--sign'],
  revoked: ['revoked', '--sign'],
  weaklyRevoked: ['weaklyRevoked', '--sign'],
  weak: ['weak', '--sign'],
  sha1Key: ['sha1', '--sign'],
  sha1: ['rsa', '--digest-algo', 'SHA1', '--sign'],
  md5: ['rsa', '--digest-algo', 'MD5', '--allow-weak-digest-algos', '--sign'],
  text: ['rsa', '--textmode', '--sign'],
  clear: ['rsa', '--clear-sign'],
  detached: ['rsa', '--detach-sign'],
  two: ['rsa', '-u', 'ed@example.test', '--sign'],
  inflated: ['rsa', '--sign'],
  garbage: ['rsa', '--sign'],
} as const;
type MessageName = keyof typeof MESSAGES;
const CONTENTS: Readonly<Partial<Record<MessageName, string>>> = { inflated: ' '.repeat(4 * 1024 * 1024), garbage: 'not JSON' };

export function hasGpg(): boolean {
  return spawnSync('gpg', ['--version']).status === 0;
}

/** Makes all of it with the machine's gpg, in a home of its own. */
export function makePgpMaterial(): PgpMaterial {
  const home = mkdtempSync(join(tmpdir(), 'gpg-'));
  const gpg = (...args: readonly string[]): string => run('gpg', [...ALWAYS, '--homedir', home, ...args]);
  try {
    const fingerprints = mapValues(KEYS, (_, name) => makeKey(gpg, name));
    const messages = mapValues(MESSAGES, ([signer, ...how], name) => {
      const input = join(home, 'input');
      writeFileSync(input, CONTENTS[name] ?? payloadText());
      return gpg('--armor', '-u', `${signer}@example.test`, ...how, '--output', '-', input);
    });
    gpg('--import', revocation(home, fingerprints.revoked));
    gpg('--import', weakRevocation(home, fingerprints.weaklyRevoked));
    const keys = mapValues(fingerprints, (fingerprint) => gpg('--armor', '--export', fingerprint));
    const both = gpg('--armor', '--export', fingerprints.rsa, fingerprints.ed);
    const secret = gpg('--armor', '--export-secret-keys', fingerprints.ed);
    const [madeBy = ''] = gpg('--version').split('\n');
    return { madeBy, keys: { ...keys, both, secret }, fingerprints, messages };
  } finally {
    spawnSync('gpgconf', ['--homedir', home, '--kill', 'all']);
    rmSync(home, { recursive: true, force: true });
  }
}

const TIME = '20250101T120000!';
const ALWAYS = ['--batch', '--yes', '--quiet', '--no-tty', '--pinentry-mode', 'loopback', '--passphrase', '', '--faked-system-time', TIME];

type Gpg = (...args: readonly string[]) => string;

function makeKey(gpg: Gpg, name: KeyName): string {
  const [algorithm, usage, expiry] = KEYS[name];
  const user = `${name}@example.test`;
  gpg(...(name === 'sha1' ? ['--cert-digest-algo', 'SHA1'] : []), '--quick-generate-key', user, algorithm, usage, expiry);
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(gpg('--with-colons', '--list-keys', user))?.[1] ?? '';
  if (name === 'subkey') gpg('--quick-add-key', fingerprint, 'ed25519', 'sign', 'never');
  return fingerprint;
}

/** gpg keeps a revocation for every key that it makes, with a colon before it lest somebody import it unawares. */
function revocation(home: string, fingerprint: string): string {
  const file = join(home, 'openpgp-revocs.d', `${fingerprint}.rev`);
  writeFileSync(file, readFileSync(file, 'utf8').replace(':-----BEGIN', '-----BEGIN'));
  return file;
}

function weakRevocation(home: string, fingerprint: string): string {
  const file = join(home, 'weak.rev');
  const how = ['--yes', '--no-tty', '--homedir', home, '--faked-system-time', TIME, '--command-fd', '0', '--cert-digest-algo', 'SHA1'];
  // Yes; no reason; no description; yes.
  run('gpg', [...how, '--output', file, '--gen-revoke', fingerprint], 'y\n0\n\ny\n');
  return file;
}

function run(command: string, args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', input, maxBuffer: 16 * 1024 * 1024 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

function mapValues<Name extends string, From, To>(
  from: Readonly<Record<Name, From>>,
  map: (value: From, name: Name) => To,
): Record<Name, To> {
  // Its entries are by the names of the record.
  const entries = Object.entries(from) as [Name, From][];
  return Object.fromEntries(entries.map(([name, value]) => [name, map(value, name)])) as Record<Name, To>;
}
