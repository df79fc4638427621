import { constants, open } from 'node:fs/promises';
import { CodedError, errorText } from './errors.ts';

/** Why a file was not read: `ABSENT` there is none, `DENIED` it may not be read, `OVERLONG` it is longer than wanted, `UNREADABLE` anything else. */
export class FileError extends CodedError {
  readonly code: 'ABSENT' | 'DENIED' | 'OVERLONG' | 'UNREADABLE';
  constructor(code: FileError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Reads a regular file of at most `maxBytes`. Links are followed: what Kubernetes mounts are links.
 *
 * @throws {FileError} with the path in its message.
 */
export async function readFileWithin(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    return await read(path, maxBytes);
  } catch (error) {
    throw fileFailure(error, path);
  }
}

/** What went wrong with the file or folder at `path`. */
export function fileFailure(error: unknown, path: string): FileError {
  if (error instanceof FileError) return error;
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') return new FileError('ABSENT', `${path} is not there`, { cause: error });
  if (code === 'EACCES' || code === 'EPERM') return new FileError('DENIED', `${path} may not be read`, { cause: error });
  return new FileError('UNREADABLE', `${path} cannot be read: ${errorText(error)}`, { cause: error });
}

async function read(path: string, maxBytes: number): Promise<Uint8Array> {
  // Not blocking: a pipe would be waited for until somebody writes to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new FileError('UNREADABLE', `${path} is no regular file`);
    if (stats.size > maxBytes) throw overlong(path, maxBytes);
    // A byte more than it had a moment ago, to see whether it grew.
    const bytes = new Uint8Array(stats.size + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      length += bytesRead;
      if (length === bytes.length) throw new FileError('UNREADABLE', `${path} is being written`);
      if (bytesRead === 0) return bytes.subarray(0, length);
    }
  } finally {
    await file.close();
  }
}

function overlong(path: string, maxBytes: number): FileError {
  return new FileError('OVERLONG', `${path} is longer than ${maxBytes} bytes`);
}
