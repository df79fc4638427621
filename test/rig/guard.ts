import { spawn } from 'node:child_process';

/** Ends `pid` when this process dies by any cause; what is returned calls that off. */
export function guardProcess(pid: number): () => void {
  return guard('read -r release || kill -KILL "$0"', String(pid));
}

/** Removes `folder` when this process dies by any cause, after the processes that write there; what is returned calls that off. */
export function guardFolder(folder: string): () => void {
  return guard('read -r release || { sleep 2; rm -rf -- "$0"; }', folder);
}

/** A shell whose standard input ends when this process does. */
function guard(script: string, argument: string): () => void {
  const watcher = spawn('/bin/sh', ['-c', script, argument], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  // A watcher that is gone already leaves a broken pipe, which is no news.
  watcher.stdin.on('error', () => undefined);
  watcher.on('error', () => undefined);
  watcher.unref();
  return () => watcher.stdin.end('released\n');
}
