import { type FileHandle, open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { defineCredentials } from '../engine/kinds.ts';
import type { Credential, CredentialProvider } from '../engine/types.ts';
import { decodeBase64 } from '../lib/base64.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { CodedError, errorText } from '../lib/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../lib/json.ts';

/** A file with credentials that cannot be used; nothing of what is in it is in the message. */
class CredentialsError extends CodedError {
  readonly code = 'CREDENTIALS_INVALID';
}

const MAX_FILE_BYTES = 1024 * 1024;
/** A changed credential is noticed within this; in milliseconds. */
const LOOK_EVERY_MS = 250;
/** Docker Hub under the names that clients have given it. */
const DOCKER_HUB: readonly string[] = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

const parameters = z.object({
  configPath: z.string().default('').describe('The file. Default: config.json in $DOCKER_CONFIG, else in ~/.docker.'),
});

/**
 * Credentials out of `auths` of a Docker configuration file, for the host exactly as it stands there; anonymous where
 * there is none, or no such file. Credential helpers are not run. The file is read again when it changes.
 */
export const dockerConfig = defineCredentials({
  type: 'dockerConfig',
  parameters,
  create: ({ parameters: { configPath } }) => dockerCredentials(configPath === '' ? defaultPath() : configPath, systemClock),
});

/** The provider for one file. */
export function dockerCredentials(path: string, clock: Clock): CredentialProvider {
  const read = createReader(path, clock);
  return {
    type: 'dockerConfig',
    get: async (registry, signal) => {
      signal.throwIfAborted();
      const config = await read();
      return config === undefined ? undefined : credentialFor(config, registry, path);
    },
  };
}

function defaultPath(): string {
  const directory = process.env.DOCKER_CONFIG ?? '';
  return join(directory === '' ? join(homedir(), '.docker') : directory, 'config.json');
}

/** Reads the file when it is not the one read last, looking at most so often; undefined where there is none. */
function createReader(path: string, clock: Clock): () => Promise<JsonObject | undefined> {
  let known: { readonly stamp: string; readonly config: JsonObject } | undefined;
  let last: Promise<JsonObject | undefined> | undefined;
  let lookedAt = 0;
  const look = async (): Promise<JsonObject | undefined> => {
    const file = await openIfThere(path);
    if (file === undefined) return undefined;
    try {
      const { mtimeMs, size, ino } = await file.stat();
      const stamp = `${mtimeMs} ${size} ${ino}`;
      if (known?.stamp !== stamp) known = { stamp, config: parse(await readWithin(file, path), path) };
      return known.config;
    } catch (cause) {
      throw cause instanceof CredentialsError ? cause : new CredentialsError(`${path} cannot be read: ${errorText(cause)}`, { cause });
    } finally {
      await file.close();
    }
  };
  return () => {
    // Every request to a registry asks, and each look is three system calls.
    const now = clock.monotonic();
    if (last === undefined || now - lookedAt > LOOK_EVERY_MS) {
      lookedAt = now;
      last = look();
      last.catch(() => {
        last = undefined;
      });
    }
    return last;
  };
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    if (typeof cause === 'object' && cause !== null && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR'))
      return undefined;
    throw new CredentialsError(`${path} cannot be read: ${errorText(cause)}`, { cause });
  }
}

async function readWithin(file: FileHandle, path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(MAX_FILE_BYTES + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length);
    length += bytesRead;
    if (length > MAX_FILE_BYTES) throw new CredentialsError(`${path} is longer than ${MAX_FILE_BYTES} bytes`);
    if (bytesRead === 0) return bytes.subarray(0, length);
  }
}

function parse(bytes: Uint8Array, path: string): JsonObject {
  try {
    const config = parseJson(bytes);
    if (isJsonObject(config)) return config;
  } catch {
    // Without the cause: the message of a parser may quote what it read.
  }
  throw new CredentialsError(`${path} is not a JSON object`);
}

function credentialFor(config: JsonObject, registry: string, path: string): Credential | undefined {
  const fail = (why: string): never => {
    throw new CredentialsError(`${path} ${why} for ${registry}`);
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
