import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_WITHIN_MS = 15_000;
const READY_POLL_MS = 25;
const GONE_WITHIN_MS = 3_000;
const KEPT_OUTPUT = 64 * 1024;

export interface DaemonOptions {
  readonly name: string;
  readonly bin: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly ready: () => Promise<boolean>;
}

export interface Daemon {
  /** The end of what it wrote to standard output and error. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts a server and waits until it is ready. It does not outlive this process, however this process ends. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const child = spawn(options.bin, options.args, { env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = keepOutput(child);
  let failure: string | undefined;
  child.on('error', (error) => {
    failure = error.message;
  });
  child.on('exit', (code, signal) => {
    failure = `ended with ${signal ?? code}`;
  });
  const releaseGuard = child.pid === undefined ? () => undefined : guard(child.pid);
  const stop = async () => {
    await end(child);
    releaseGuard();
  };
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await options.ready().catch(() => false))) {
    if (failure === undefined && Date.now() > deadline) failure = `not ready within ${READY_WITHIN_MS} ms`;
    if (failure !== undefined) {
      await stop();
      throw new Error(`${options.name}: ${failure}\n${output()}`);
    }
    await sleep(READY_POLL_MS);
  }
  return { output, stop };
}

function keepOutput(child: ChildProcess): () => string {
  let kept = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      kept = (kept + chunk).slice(-KEPT_OUTPUT);
    });
  }
  return () => kept;
}

/** A shell that kills `pid` when its standard input ends, as it does when this process dies by any cause. */
function guard(pid: number): () => void {
  const watcher = spawn('/bin/sh', ['-c', 'read -r release || kill -KILL "$0"', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // A watcher that is gone already leaves a broken pipe, which is no news.
  watcher.stdin.on('error', () => undefined);
  watcher.on('error', () => undefined);
  watcher.unref();
  return () => watcher.stdin.end('released\n');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), GONE_WITHIN_MS);
  await gone;
  clearTimeout(force);
}
