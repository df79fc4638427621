import { join } from 'node:path';
import { type Clock, systemClock } from '../lib/clock.ts';
import { CodedError } from '../lib/errors.ts';
import type { HttpClient } from '../lib/http.ts';
import { isJsonObject, type JsonValue } from '../lib/json.ts';
import { ApiError, askJson, type Refusal } from '../lib/json-api.ts';
import { readFileWithin } from '../lib/read-file.ts';
import { createSingleFlight } from '../lib/single-flight.ts';
import { alibabaRefusal } from './alibaba-refusal.ts';
import { type AlibabaKey, canonicalQuery } from './alibaba-signature.ts';

/** No access key is declared, or what is declared cannot be used; never with a secret in its message. */
export class AlibabaCredentialsError extends CodedError {
  readonly code = 'CREDENTIALS_INVALID';
}

/** Where access keys come from; the first that is there counts. */
export interface AlibabaCredentialOptions {
  /** A folder with the files accessKeyId, accessKeySecret and, if need be, securityToken: a mounted Secret. */
  readonly accessKeyFolder?: string | undefined;
  /** RRSA. Default: what the environment says (`ALIBABA_CLOUD_ROLE_ARN` and so on), after its access key. */
  readonly roleArn?: string | undefined;
  readonly oidcProviderArn?: string | undefined;
  readonly oidcTokenFile?: string | undefined;
  /** Default `https://sts.aliyuncs.com`. */
  readonly stsEndpoint?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly http: HttpClient;
  /** For one request, in milliseconds. */
  readonly timeoutMs: number;
  /** PEM of roots that are trusted beside the system's, read for each request. */
  readonly ca: () => Promise<string | undefined>;
  readonly clock?: Clock;
}

export interface AlibabaCredentials {
  /** @throws {AlibabaCredentialsError | FileError | ApiError} */
  get(signal: AbortSignal): Promise<AlibabaKey>;
  /** To be called when a service did not take the key: a temporary one is not used again. */
  forget(): void;
}

const MAX_BYTES = 64 * 1024;
/** A temporary key is renewed when it has less than this left; it may be used to its end while that fails. */
const RENEW_MS = 5 * 60_000;
const SESSION_SECONDS = 3600;
const FLIGHT_MS = 30_000;

interface TemporaryKey {
  readonly key: AlibabaKey;
  readonly expiresAt: number;
}

/** Access keys out of a folder, the environment, or RRSA (`AssumeRoleWithOIDC`), which exchanges the token of a service account. */
export function createAlibabaCredentials(options: AlibabaCredentialOptions): AlibabaCredentials {
  const { clock = systemClock, env } = options;
  const flights = createSingleFlight<TemporaryKey>(FLIGHT_MS);
  let held: TemporaryKey | undefined;

  const exchange = async (role: Role, signal: AbortSignal): Promise<AlibabaKey> => {
    const now = clock.now();
    if (held !== undefined && held.expiresAt - now > RENEW_MS) return held.key;
    try {
      held = await flights.run('', signal, (limit) => assumeRole(role, options, clock, limit));
      return held.key;
    } catch (error) {
      signal.throwIfAborted();
      if (held === undefined || held.expiresAt <= clock.now()) throw error;
      return held.key;
    }
  };
  return {
    get: async (signal) => {
      const { accessKeyFolder } = options;
      if (accessKeyFolder !== undefined) return await readFolder(accessKeyFolder);
      const declared = roleOf(options);
      if (declared !== undefined) return await exchange(declared, signal);
      const ambient = environmentKey(env);
      if (ambient !== undefined) return ambient;
      const role = environmentRole(env);
      if (role !== undefined) return await exchange(role, signal);
      throw new AlibabaCredentialsError(
        'no access key of Alibaba Cloud: expected accessKeyFolder, ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET, or RRSA',
      );
    },
    forget: () => {
      held = undefined;
    },
  };
}

async function readFolder(folder: string): Promise<AlibabaKey> {
  const accessKeyId = await readSecret(join(folder, 'accessKeyId'));
  const accessKeySecret = await readSecret(join(folder, 'accessKeySecret'));
  const securityToken = await readSecret(join(folder, 'securityToken'), 'optional');
  return { accessKeyId, accessKeySecret, ...(securityToken === '' ? {} : { securityToken }) };
}

async function readSecret(path: string, need: 'required' | 'optional' = 'required'): Promise<string> {
  const text = await readFileWithin(path, MAX_BYTES).then(
    (bytes) => Buffer.from(bytes).toString('utf8').trim(),
    (error: unknown) => {
      if (need === 'optional' && error instanceof CodedError && error.code === 'ABSENT') return '';
      throw error;
    },
  );
  if (text !== '' ? SENDABLE.test(text) : need === 'optional') return text;
  throw new AlibabaCredentialsError(`expected ${path} to hold one word of printable ASCII`);
}

/** What may stand in a header. */
const SENDABLE = /^[\x21-\x7e]+$/;

function environmentKey(env: AlibabaCredentialOptions['env']): AlibabaKey | undefined {
  const accessKeyId = env.ALIBABA_CLOUD_ACCESS_KEY_ID ?? '';
  const accessKeySecret = env.ALIBABA_CLOUD_ACCESS_KEY_SECRET ?? '';
  const securityToken = env.ALIBABA_CLOUD_SECURITY_TOKEN ?? '';
  if (accessKeyId === '' && accessKeySecret === '') return undefined;
  if (!SENDABLE.test(accessKeyId) || accessKeySecret === '' || (securityToken !== '' && !SENDABLE.test(securityToken))) {
    throw new AlibabaCredentialsError('expected ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, both and each one word');
  }
  return { accessKeyId, accessKeySecret, ...(securityToken === '' ? {} : { securityToken }) };
}

interface Role {
  readonly roleArn: string;
  readonly oidcProviderArn: string;
  readonly oidcTokenFile: string;
}

function roleOf(options: AlibabaCredentialOptions): Role | undefined {
  const { roleArn, oidcProviderArn, oidcTokenFile } = options;
  if (roleArn === undefined && oidcProviderArn === undefined && oidcTokenFile === undefined) return undefined;
  const ambient = environmentRoleParts(options.env);
  return completeRole({
    roleArn: roleArn ?? ambient.roleArn,
    oidcProviderArn: oidcProviderArn ?? ambient.oidcProviderArn,
    oidcTokenFile: oidcTokenFile ?? ambient.oidcTokenFile,
  });
}

function environmentRole(env: AlibabaCredentialOptions['env']): Role | undefined {
  const parts = environmentRoleParts(env);
  return Object.values(parts).every((part) => part === '') ? undefined : completeRole(parts);
}

function environmentRoleParts(env: AlibabaCredentialOptions['env']): Role {
  return {
    roleArn: env.ALIBABA_CLOUD_ROLE_ARN ?? '',
    oidcProviderArn: env.ALIBABA_CLOUD_OIDC_PROVIDER_ARN ?? '',
    oidcTokenFile: env.ALIBABA_CLOUD_OIDC_TOKEN_FILE ?? '',
  };
}

function completeRole(role: Role): Role {
  if (Object.values(role).every((part) => part !== '')) return role;
  throw new AlibabaCredentialsError('RRSA needs a role, an OIDC provider and the file of a token: expected all three');
}

/** `AssumeRoleWithOIDC` of STS 2015-04-01 is not signed: the token, which is read anew, is the credential. It goes into the body. */
async function assumeRole(role: Role, options: AlibabaCredentialOptions, clock: Clock, signal: AbortSignal): Promise<TemporaryKey> {
  const { http, timeoutMs, stsEndpoint = 'https://sts.aliyuncs.com' } = options;
  const prepare = async () => {
    const form = {
      RoleArn: role.roleArn,
      OIDCProviderArn: role.oidcProviderArn,
      OIDCToken: await readSecret(role.oidcTokenFile),
      RoleSessionName: 'countersign',
      DurationSeconds: String(SESSION_SECONDS),
    };
    const common = { Action: 'AssumeRoleWithOIDC', Version: '2015-04-01', Format: 'JSON' };
    const stamps = { Timestamp: new Date(clock.now()).toISOString().replace(/\.\d{3}Z$/, 'Z'), SignatureNonce: crypto.randomUUID() };
    return {
      method: 'POST' as const,
      url: new URL(`/?${canonicalQuery({ ...common, ...stamps })}`, stsEndpoint),
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: canonicalQuery(form),
      ca: await options.ca(),
    };
  };
  const who = `STS of Alibaba Cloud at ${new URL(stsEndpoint).host}`;
  const answer = await askJson(http, prepare, { who, maxBytes: MAX_BYTES, timeoutMs, signal, explain: stsRefusal });
  return readTemporaryKey(answer, who, clock.now());
}

/** Whatever STS does not like of a request is about the credential. */
function stsRefusal(body: JsonValue, status: number): Refusal | undefined {
  const refusal = alibabaRefusal(body);
  return refusal === undefined || status >= 500 ? refusal : { code: 'DENIED', ...refusal };
}

function readTemporaryKey(answer: JsonValue, who: string, now: number): TemporaryKey {
  const credentials = isJsonObject(answer) ? answer.get('Credentials') : undefined;
  const member = (name: string): string => {
    const value = isJsonObject(credentials) ? credentials.get(name) : undefined;
    if (typeof value !== 'string' || !SENDABLE.test(value)) throw new ApiError('INVALID', `${who} answered without a usable ${name}`);
    return value;
  };
  const expiresAt = Date.parse(member('Expiration'));
  if (Number.isNaN(expiresAt) || expiresAt <= now) {
    throw new ApiError('INVALID', `${who} gave a key that has expired already, or does not say when; is the clock right?`);
  }
  const key = { accessKeyId: member('AccessKeyId'), accessKeySecret: member('AccessKeySecret'), securityToken: member('SecurityToken') };
  return { key, expiresAt };
}
