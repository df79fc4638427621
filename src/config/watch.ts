import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { errorText } from '../lib/errors.ts';
import { listFiles, readBytes } from './files.ts';

export interface WatchOptions {
  /** Milliseconds between two looks; default 200. */
  readonly intervalMs?: number;
}

/** A watch on files; `close` resolves when nothing of it runs any more. */
export interface Watch {
  /** Resolves when what is there has been seen: from then on no change is missed. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

interface Known {
  readonly stat: string;
  readonly hash: string;
}

const SETTLE_MS = 50;
const MAX_UNSETTLED = 8;
const RACY_MS = 2_000;

/**
 * Calls `onChange` when what `path` stands for has changed: contents, files that come or go, a symbolic link that points
 * elsewhere (as the kubelet swaps `..data`). A change is told within about 0.3 s, once it has held still for 50 ms.
 *
 * Looks instead of being told: `fs.watch` loses its file on a rename, and sees nothing through a link or on a network mount.
 * Waits for what `onChange` returns before it looks again; a rejection of it is not caught.
 */
export function watchFiles(path: string, onChange: () => void | Promise<void>, options: WatchOptions = {}): Watch {
  const stop = new AbortController();
  const known = new Map<string, Known>();
  const first = fingerprint(path, known);
  const running = look(path, known, first, onChange, options.intervalMs ?? 200, stop.signal);
  return {
    ready: first.then(() => undefined),
    close: async () => {
      stop.abort();
      await running;
    },
  };
}

async function look(
  path: string,
  known: Map<string, Known>,
  first: Promise<string>,
  onChange: () => void | Promise<void>,
  intervalMs: number,
  signal: AbortSignal,
): Promise<void> {
  let told = await first;
  while (await wait(intervalMs, signal)) {
    let seen = await fingerprint(path, known);
    if (seen === told) continue;
    for (let tries = 0; tries < MAX_UNSETTLED && (await wait(SETTLE_MS, signal)); tries += 1) {
      const again = await fingerprint(path, known);
      if (again === seen) break;
      seen = again;
    }
    if (signal.aborted) return;
    told = seen;
    await onChange();
  }
}

async function wait(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal, ref: false });
    return true;
  } catch {
    return false; // only an abort ends a wait early
  }
}

async function fingerprint(path: string, known: Map<string, Known>): Promise<string> {
  try {
    const files = await listFiles(path);
    const parts: string[] = [];
    for (const file of files) parts.push(`${file}\0${await fileFingerprint(file, known)}`);
    for (const file of known.keys()) if (!files.includes(file)) known.delete(file);
    return parts.join('\n');
  } catch (error) {
    return `cannot be read: ${errorText(error)}`;
  }
}

/** A file is read again when its inode says that it changed, or did so too lately for clock ticks to tell. */
async function fileFingerprint(file: string, known: Map<string, Known>): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    const text = [await realpath(file), ino, size, mtimeNs, ctimeNs].join(' ');
    const before = known.get(file);
    const changedAt = Number(ctimeNs / 1_000_000n);
    if (before !== undefined && before.stat === text && Date.now() - changedAt > RACY_MS) return before.hash;
    const bytes = await readBytes(file);
    const hash = createHash('sha256').update(bytes).digest('hex');
    known.set(file, { stat: text, hash });
    return hash;
  } catch (error) {
    return errorText(error);
  }
}
