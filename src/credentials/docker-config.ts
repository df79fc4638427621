import { type FileHandle, open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigProblem } from '../engine/errors.ts';
import { defineCredentials } from '../engine/kinds.ts';
import type { CredentialProvider } from '../engine/types.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { errorText } from '../lib/errors.ts';
import type { JsonObject } from '../lib/json.ts';
import { CredentialsError, credentialFor, parseDockerConfig } from './docker-auths.ts';

const MAX_FILE_BYTES = 1024 * 1024;
/** A changed credential is noticed within this; in milliseconds. */
const LOOK_EVERY_MS = 250;

const parameters = z.object({
  configPath: z.string().default('').describe('The file. Default: config.json in $DOCKER_CONFIG, else in ~/.docker.'),
});

/**
 * Credentials out of `auths` of a Docker configuration file, for the host exactly as it stands there; anonymous where
 * there is none, or no such file. Credential helpers are not run. The file is read again when it changes.
 *
 * @throws {ConfigProblem} `CONFIG_INVALID` where a tenant's Store names a file: those are the operator's.
 */
export const dockerConfig = defineCredentials({
  type: 'dockerConfig',
  parameters,
  create: ({ parameters: { configPath }, home }) => {
    if (configPath !== '' && home?.confined === true) {
      const message = 'files may be named by objects of the cluster only; expected k8Secrets with Secrets of the namespace';
      throw new ConfigProblem('CONFIG_INVALID', 'spec.parameters.authProvider.configPath', message);
    }
    return dockerCredentials(configPath === '' ? defaultPath() : configPath, systemClock);
  },
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
      if (known?.stamp !== stamp) known = { stamp, config: parseDockerConfig(await readWithin(file, path), path) };
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
