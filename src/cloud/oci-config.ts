import { createPrivateKey, type KeyObject } from 'node:crypto';
import { homedir } from 'node:os';
import { CodedError } from '../lib/errors.ts';
import { readFileWithin } from '../lib/read-file.ts';

/** The configuration of Oracle's SDKs cannot be used; never with a secret in its message. */
export class OciConfigError extends CodedError {
  readonly code = 'CREDENTIALS_INVALID';
}

/** Who signs requests, by an API signing key. */
export interface OciIdentity {
  /** `TENANCY/USER/FINGERPRINT`. */
  readonly keyId: string;
  readonly key: KeyObject;
  readonly region: string | undefined;
}

export interface OciConfigOptions {
  /** Default `~/.oci/config`. */
  readonly configFile?: string | undefined;
  /** Default `DEFAULT`. */
  readonly profile?: string | undefined;
}

const DEFAULT_FILE = '~/.oci/config';
const DEFAULT_PROFILE = 'DEFAULT';
const MAX_CONFIG_BYTES = 64 * 1024;
const MAX_KEY_BYTES = 64 * 1024;

/**
 * Reads a profile of the configuration file of Oracle's SDKs, and its key (docs.oracle.com, "SDK and CLI Configuration File"): `tenancy`,
 * `user`, `fingerprint`, `key_file`, `region` and, for an encrypted key, `pass_phrase`. What a profile lacks stands in `DEFAULT`. Both files are
 * read anew each time. Session tokens, instance principals and workload identities are not supported.
 *
 * @throws {OciConfigError | FileError}
 */
export async function readOciIdentity({ configFile = DEFAULT_FILE, profile = DEFAULT_PROFILE }: OciConfigOptions): Promise<OciIdentity> {
  const path = expanded(configFile);
  const entries = profileOf(await readText(path, MAX_CONFIG_BYTES), profile, path);
  if (entries.has('security_token_file')) {
    throw new OciConfigError(`${path}: session tokens are not supported; expected an API signing key in profile ${profile}`);
  }
  const entry = (name: string): string => {
    const value = entries.get(name) ?? '';
    if (value === '') throw new OciConfigError(`${path}: expected ${name} in profile ${profile}, found nothing`);
    return value;
  };
  const parts = ['tenancy', 'user', 'fingerprint'].map((name) => {
    const value = entry(name);
    if (!SENDABLE.test(value)) throw new OciConfigError(`${path}: expected ${name} of profile ${profile} to be an OCID or a fingerprint`);
    return value;
  });
  const region = entries.get('region');
  if (region !== undefined && !isOciRegion(region)) throw new OciConfigError(`${path}: expected a region such as us-phoenix-1`);
  const keyFile = expanded(entry('key_file'));
  const key = privateKey(await readText(keyFile, MAX_KEY_BYTES), entries.get('pass_phrase'), keyFile);
  return { keyId: parts.join('/'), key, region };
}

/** Whether `text` may stand in the host of a service, as an identifier of a region does. */
export function isOciRegion(text: string): boolean {
  return /^[a-z][a-z0-9]{0,15}(?:-[a-z0-9]{1,20}){1,4}$/.test(text);
}

/** What may stand in a quoted parameter of a header. */
const SENDABLE = /^[A-Za-z0-9._:-]{1,255}$/;

function expanded(path: string): string {
  return path.startsWith('~/') ? `${homedir()}${path.slice(1)}` : path;
}

async function readText(path: string, maxBytes: number): Promise<string> {
  return Buffer.from(await readFileWithin(path, maxBytes)).toString('utf8');
}

/** The entries of a profile, over those of `DEFAULT`. */
function profileOf(text: string, profile: string, path: string): ReadonlyMap<string, string> {
  const profiles = new Map<string, Map<string, string>>();
  let current: Map<string, string> | undefined;
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    const line = written.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    if (line.startsWith('[') && line.endsWith(']')) {
      const name = line.slice(1, -1);
      current = profiles.get(name) ?? new Map<string, string>();
      profiles.set(name, current);
      continue;
    }
    const equals = line.indexOf('=');
    if (equals < 1 || current === undefined) throw new OciConfigError(`${path}:${index + 1}: expected [PROFILE], name=value or a comment`);
    current.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
  }
  const own = profiles.get(profile);
  if (own === undefined) throw new OciConfigError(`${path} has no profile ${profile}`);
  return new Map([...(profiles.get(DEFAULT_PROFILE) ?? []), ...own]);
}

function privateKey(pem: string, passphrase: string | undefined, path: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem', ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    // The cause may say something of the key.
    throw new OciConfigError(`${path}: expected a private key in PEM, and pass_phrase if it is encrypted`);
  }
  if (key.asymmetricKeyType === 'rsa') return key;
  throw new OciConfigError(`${path}: expected an RSA key, found ${key.asymmetricKeyType ?? 'another'}`);
}
