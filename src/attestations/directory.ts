import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SourceError } from '../engine/errors.ts';
import { defineAttestations } from '../engine/kinds.ts';
import { quoted } from '../engine/reason.ts';
import { FileError, fileFailure, readFileWithin } from '../lib/read-file.ts';
import { MAX_DOCUMENT_BYTES, readDocument, unreadable } from './occurrence.ts';
import { readVulnerabilities } from './vulnerability.ts';

const parameters = z.object({
  path: z.string().min(1).max(4096).describe('A folder whose files *.json hold occurrences, or image signatures of OCI.'),
});

const STATEMENT_FILE = /^[^.].*\.json$/;
const MAX_FILES = 1000;
/** Of all files together: read anew for every image that is asked for. */
const MAX_BYTES = 32 * 1024 * 1024;

/** Statements in files of this machine, read anew each time: what was deleted is gone with the next question. */
export const directory = defineAttestations({
  type: 'directory',
  parameters,
  create: ({ name, parameters: { path } }) => ({
    name,
    list: ({ digest }, signal) =>
      readFiles(path, signal, (bytes, file) => {
        const { attestations: found, problems } = readDocument(bytes, file, digest);
        return { found, problems };
      }),
    vulnerabilities: ({ digest }, signal) =>
      readFiles(path, signal, (bytes, file) => {
        const { vulnerabilities: found, problems } = readVulnerabilities(bytes, file, digest);
        return { found, problems };
      }),
  }),
});

type Read<T> = (bytes: Uint8Array, file: string) => { readonly found: readonly T[]; readonly problems: readonly string[] };

/** A page a file. A file that cannot be read hides none of the others, and is told of when they did not suffice. */
async function* readFiles<T>(path: string, signal: AbortSignal, read: Read<T>): AsyncGenerator<readonly T[]> {
  const problems: string[] = [];
  let bytesLeft = MAX_BYTES;
  for (const name of await filesAt(path)) {
    signal.throwIfAborted();
    const bytes = await readStatementFile(join(path, name), name, problems);
    bytesLeft -= bytes?.length ?? 0;
    if (bytesLeft < 0) throw new SourceError('ATTESTATIONS_INVALID', `${quoted(path)} has files of more than ${MAX_BYTES} bytes in all`);
    const one = bytes === undefined ? undefined : read(bytes, name);
    problems.push(...(one?.problems ?? []));
    if (one !== undefined && one.found.length > 0) yield one.found;
  }
  if (problems.length > 0) throw unreadable(quoted(path), problems);
}

async function filesAt(path: string): Promise<readonly string[]> {
  const names = await readdir(path).catch((error: unknown) => {
    const { code, message } = fileFailure(error, `the folder ${quoted(path)}`);
    throw new SourceError(code === 'DENIED' ? 'ATTESTATIONS_DENIED' : 'ATTESTATIONS_UNREACHABLE', message, { cause: error });
  });
  const files = names.filter((name) => STATEMENT_FILE.test(name)).sort();
  if (files.length <= MAX_FILES) return files;
  throw new SourceError('ATTESTATIONS_INVALID', `${quoted(path)} has ${files.length} files *.json; expected at most ${MAX_FILES}`);
}

/** One that went away between listing and reading is not taken for one that was never there: the next question tells. */
async function readStatementFile(path: string, name: string, problems: string[]): Promise<Uint8Array | undefined> {
  try {
    return await readFileWithin(path, MAX_DOCUMENT_BYTES);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    problems.push(error.message.replace(path, () => name));
    return undefined;
  }
}
