import type { Credential } from '../engine/types.ts';
import { decodeBase64 } from '../lib/base64.ts';
import { CodedError } from '../lib/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../lib/json.ts';

/** Credentials that cannot be used; nothing of what is in them is in the message. */
export class CredentialsError extends CodedError {
  readonly code = 'CREDENTIALS_INVALID';
}

/** Docker Hub under the names that clients have given it. */
const DOCKER_HUB: readonly string[] = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/**
 * Reads a Docker configuration; `where` names it in messages.
 *
 * @throws {CredentialsError} if it is no JSON object.
 */
export function parseDockerConfig(bytes: Uint8Array, where: string): JsonObject {
  try {
    const config = parseJson(bytes);
    if (isJsonObject(config)) return config;
  } catch {
    // Without the cause: the message of a parser may quote what it read.
  }
  throw new CredentialsError(`${where} is not a JSON object`);
}

/**
 * The credential in `auths` for the host exactly as it stands there; undefined where there is none.
 *
 * @throws {CredentialsError} where there is one that cannot be read, or that a credential helper keeps.
 */
export function credentialFor(config: JsonObject, registry: string, where: string): Credential | undefined {
  const fail = (why: string): never => {
    throw new CredentialsError(`${where} ${why} for ${registry}`);
  };
  const names = DOCKER_HUB.includes(registry) ? DOCKER_HUB : [registry];
  const entry = entryFor(member(config, 'auths'), names);
  if (entry === undefined) {
    return entryFor(member(config, 'credHelpers'), names) === undefined
      ? undefined
      : fail('names a credential helper, which is not run here,');
  }
  if (!isJsonObject(entry)) return fail('has no object in auths');
  const identityToken = text(entry, 'identitytoken');
  if (identityToken !== '') return { identityToken };
  const pair = decoded(text(entry, 'auth')) ?? { username: text(entry, 'username'), password: text(entry, 'password') };
  if (pair === 'malformed') return fail('has an auth that is not the base64 of user:password');
  if (pair.username !== '' || pair.password !== '') return pair;
  // Docker leaves an empty entry behind when a helper keeps the credential.
  return config.has('credsStore') ? fail('leaves the credential to a helper, which is not run here,') : undefined;
}

/** The member for a host: its name as it stands, else as the URL that Docker makes of it. */
function entryFor(entries: JsonObject | undefined, names: readonly string[]): JsonValue | undefined {
  if (entries === undefined) return undefined;
  for (const name of names) if (entries.has(name)) return entries.get(name);
  for (const [key, entry] of entries) {
    const [, host = ''] = /^https?:\/\/([^/]+)(?:\/(?:v[12]\/?)?)?$/.exec(key) ?? [];
    if (names.includes(host)) return entry;
  }
  return undefined;
}

function member(object: JsonObject, name: string): JsonObject | undefined {
  const value = object.get(name);
  return isJsonObject(value) ? value : undefined;
}

function text(object: JsonObject, name: string): string {
  const value = object.get(name);
  return typeof value === 'string' ? value : '';
}

function decoded(auth: string): { username: string; password: string } | 'malformed' | undefined {
  if (auth === '') return undefined;
  const bytes = decodeBase64(auth);
  const pair = bytes === undefined ? '' : Buffer.from(bytes).toString('utf8');
  const colon = pair.indexOf(':');
  if (colon <= 0) return 'malformed';
  // Docker's own clients have padded passwords with NUL.
  return { username: pair.slice(0, colon), password: pair.slice(colon + 1).replace(/\0+$/, '') };
}
