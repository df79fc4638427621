import { createHash } from 'node:crypto';
import { constants, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigProblem } from '../engine/errors.ts';
import { defineKeyProvider } from '../engine/kinds.ts';
import type { KeyMaterial, KeySource } from '../engine/types.ts';
import { errorText } from '../lib/errors.ts';
import { type ContentType, contentType, MAX_CHARACTERS, readMaterial } from './material.ts';

const parameters = z.object({
  path: z.string().min(1).max(4096).describe('A file, or a folder of *.crt, *.cer, *.pem and *.pub.'),
  contentType: contentType.default('certificate').describe('What the files hold.'),
});

const AT = 'spec.parameters.path';
const REFRESH_MS = 5000;
const MAX_FILES = 100;
const MATERIAL_FILE = /^[^.].*\.(?:crt|cer|pem|pub)$/;

/**
 * Certificates or public keys in files of this machine, such as a mounted ConfigMap.
 *
 * @throws {ConfigProblem} `CONFIG_INVALID` for an object of a tenant: files are the operator's.
 */
export const file = defineKeyProvider({
  type: 'file',
  parameters,
  create: ({ name, parameters: { path, contentType: holds }, home }) => {
    if (home?.confined === true) {
      throw new ConfigProblem(
        'CONFIG_INVALID',
        'spec.type',
        `files may be named by objects of the cluster only; expected inline or secret`,
      );
    }
    return { name, type: 'file', refreshMs: REFRESH_MS, fetch: (signal) => fetchMaterial(path, holds, signal) };
  },
});

async function fetchMaterial(path: string, holds: ContentType, signal: AbortSignal): Promise<KeyMaterial> {
  const certificates: Uint8Array[] = [];
  const keys: NonNullable<KeyMaterial['keys']>[number][] = [];
  const sources: KeySource[] = [];
  for (const name of await filesAt(path)) {
    signal.throwIfAborted();
    const bytes = await readCapped(name);
    const version = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
    const read = readMaterial(bytes.toString('utf8'), holds, { at: AT, label: `${name}: `, name, version });
    certificates.push(...read.certificates);
    keys.push(...read.keys);
    sources.push({ holds, name, version, enabled: true, count: read.certificates.length + read.keys.length });
  }
  return { certificates, keys, sources };
}

async function filesAt(path: string): Promise<readonly string[]> {
  const found = await looked(path, () => stat(path));
  if (found.isFile()) return [path];
  if (!found.isDirectory()) throw new ConfigProblem('CONFIG_INVALID', AT, `${path}: expected a file or a folder`);
  const names = (await looked(path, () => readdir(path))).filter((name) => MATERIAL_FILE.test(name)).sort();
  if (names.length === 0) throw new ConfigProblem('KEY_PROVIDER_MISSING', AT, `${path} has no file *.crt, *.cer, *.pem or *.pub`);
  if (names.length > MAX_FILES)
    throw new ConfigProblem('CONFIG_INVALID', AT, `${path}: expected at most ${MAX_FILES} files, found ${names.length}`);
  return names.map((name) => join(path, name));
}

async function readCapped(path: string): Promise<Buffer> {
  const handle = await looked(path, () => open(path, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const { size } = await looked(path, () => handle.stat());
    if (size > MAX_CHARACTERS) throw tooLarge(path);
    // One byte more than it had a moment ago, to see whether it grew.
    const buffer = Buffer.alloc(size + 1);
    const { bytesRead } = await looked(path, () => handle.read(buffer, 0, buffer.length, 0));
    if (bytesRead > size) throw new ConfigProblem('KEY_PROVIDER_UNAVAILABLE', AT, `${path} is being written`);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function tooLarge(path: string): ConfigProblem {
  return new ConfigProblem('CONFIG_INVALID', AT, `${path}: expected at most ${MAX_CHARACTERS} bytes, found more`);
}

/** A file that is not there is gone for certain; any other failure may pass. */
async function looked<T>(path: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    const gone = code === 'ENOENT' || code === 'ENOTDIR';
    const message = gone ? `${path} is not there` : `${path} cannot be read: ${errorText(error)}`;
    throw new ConfigProblem(gone ? 'KEY_PROVIDER_MISSING' : 'KEY_PROVIDER_UNAVAILABLE', AT, message, { cause: error });
  }
}
