import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError, errorText } from '../lib/errors.ts';
import { type FileReading, readDocuments } from './documents.ts';
import { type Declared, type Diagnostic, identity, objectName, type ResourceSet } from './resources.ts';

/** The path to the configuration cannot be read at all. */
export class ConfigPathError extends CodedError {
  readonly code = 'CONFIG_INVALID';
}

const MAX_FILE_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const MAX_FILES = 1_000;
const MAX_OBJECTS = 10_000;
const YAML_FILE = /\.(?:yaml|yml|json)$/;

export interface LoadOptions {
  /** Namespace of namespaced objects that name none; default `gatekeeper-system`. */
  readonly ownNamespace?: string;
}

/** What the files declare, and what is wrong with them; the objects' `spec`s are checked when they are built. */
export interface Loaded {
  readonly resources: ResourceSet;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads a YAML or JSON file, or each `*.yaml`, `*.yml` and `*.json` of a directory (not of those below it), in the order of their names.
 *
 * A file of more than 4 MiB, or that cannot be read, is an error of that file alone.
 *
 * @throws {ConfigPathError} if `path` is neither a file nor a directory that can be read.
 */
export async function loadFiles(path: string, options: LoadOptions = {}): Promise<Loaded> {
  const ownNamespace = options.ownNamespace ?? 'gatekeeper-system';
  const files = await listFiles(path);
  const readings = new Map<string, FileReading>();
  for (const file of files) readings.set(file, await readFileCapped(file, ownNamespace));
  return gather(readings);
}

/** The files that `path` stands for, sorted. */
export async function listFiles(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => YAML_FILE.test(name)).sort();
    if (names.length > MAX_FILES) throw new ConfigPathError(`${path}: expected at most ${MAX_FILES} files, found ${names.length}`);
    return names.map((name) => join(path, name));
  } catch (error) {
    if (error instanceof ConfigPathError) throw error;
    throw new ConfigPathError(`${path}: cannot be read: ${errorText(error)}`, { cause: error });
  }
}

/** The bytes of a file, or why they cannot be had; never more than 4 MiB. */
export async function readBytes(file: string): Promise<Buffer | string> {
  try {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      if (size > MAX_FILE_BYTES) return `expected at most ${MAX_FILE_BYTES} bytes, found ${size}`;
      const chunks: Buffer[] = [];
      let length = 0;
      for (;;) {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, null);
        if (bytesRead === 0) return Buffer.concat(chunks);
        chunks.push(buffer.subarray(0, bytesRead));
        length += bytesRead;
        // The size of a moment ago is no promise: the file may grow, or be a pipe.
        if (length > MAX_FILE_BYTES) return `expected at most ${MAX_FILE_BYTES} bytes, found more`;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    return `cannot be read: ${errorText(error)}`;
  }
}

async function readFileCapped(file: string, ownNamespace: string): Promise<FileReading> {
  const bytes = await readBytes(file);
  const refuse = (message: string): FileReading => ({
    declared: [],
    diagnostics: [{ severity: 'error', file, path: '', code: 'CONFIG_INVALID', message }],
    broken: true,
  });
  if (typeof bytes === 'string') return refuse(bytes);
  try {
    return readDocuments(new TextDecoder('utf-8', { fatal: true }).decode(bytes), file, ownNamespace);
  } catch (error) {
    return refuse(`expected UTF-8: ${errorText(error)}`);
  }
}

/** One set out of all files: of two objects with one identity the earlier good one applies, and the later is an error. */
function gather(readings: ReadonlyMap<string, FileReading>): Loaded {
  const declared = new Map<string | symbol, Declared>();
  const diagnostics: Diagnostic[] = [];
  const brokenFiles = new Set<string>();
  for (const [file, reading] of readings) {
    diagnostics.push(...reading.diagnostics);
    if (reading.broken) brokenFiles.add(file);
    for (const object of reading.declared) {
      const key = object.name === '' ? Symbol() : identity(object);
      const earlier = declared.get(key);
      if (declared.size >= MAX_OBJECTS) {
        diagnostics.push(rejected(object, `expected at most ${MAX_OBJECTS} objects; ignored`));
        brokenFiles.add(file);
      } else if (earlier === undefined || (earlier.broken && !object.broken)) {
        declared.set(key, object);
      } else {
        diagnostics.push(rejected(object, `declared twice: already at ${whereIs(earlier)}; ignored`));
      }
    }
  }
  return { resources: { declared: [...declared.values()], brokenFiles }, diagnostics };
}

function rejected(object: Declared, message: string): Diagnostic {
  const line = object.origin.line(['metadata', 'name']);
  return {
    severity: 'error',
    file: object.origin.file,
    ...(line === undefined ? {} : { line }),
    object: objectName(object),
    path: 'metadata.name',
    code: 'CONFIG_INVALID',
    message,
  };
}

function whereIs(object: Declared): string {
  const line = object.origin.line(['metadata', 'name']);
  return line === undefined ? object.origin.file : `${object.origin.file}:${line}`;
}
