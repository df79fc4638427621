import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { guardProcess } from './guard.ts';
import { eventually } from './wait.ts';

const READY_WITHIN_MS = 120_000;
const READY_POLL_MS = 25;
const GONE_WITHIN_MS = 3_000;
const KEPT_OUTPUT = 64 * 1024;

export interface DaemonOptions {
  readonly name: string;
  readonly bin: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A file that all it writes is added to. */
  readonly log?: string;
  /** How long it may take to end by itself when told to; then it is killed. Default 3 s. */
  readonly goneWithinMs?: number;
  readonly ready: (output: () => string) => Promise<boolean>;
}

export interface Daemon {
  readonly pid: number;
  /** The end of what it wrote to standard output and error. */
  output(): string;
  /** Ends it; resolves with its exit code, null if it was killed. */
  stop(): Promise<number | null>;
}

/** Starts a server and waits until it is ready. It does not outlive this process, however this process ends. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  // In a group of its own: an interrupt typed at the terminal is for us, who end all in the right order.
  const child = spawn(options.bin, options.args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = keepOutput(child, options.log);
  let failure: string | undefined;
  child.on('error', (error) => {
    failure = error.message;
  });
  child.on('exit', (code, signal) => {
    failure = `ended with ${signal ?? code}`;
  });
  const releaseGuard = child.pid === undefined ? () => undefined : guardProcess(child.pid);
  const stop = async (): Promise<number | null> => {
    await end(child, options.goneWithinMs ?? GONE_WITHIN_MS);
    releaseGuard();
    return child.exitCode;
  };
  try {
    await eventually('ready', async () => failure !== undefined || ((await options.ready(output).catch(() => false)) ? true : undefined), {
      withinMs: READY_WITHIN_MS,
      everyMs: READY_POLL_MS,
    });
    if (failure !== undefined) throw new Error(failure);
  } catch (error) {
    await stop();
    throw new Error(`${options.name}: ${error instanceof Error ? error.message : String(error)}\n${output()}`, { cause: error });
  }
  return { pid: child.pid ?? -1, output, stop };
}

/** A server that can be started anew where it was. */
export interface Restartable extends Pick<Daemon, 'output' | 'stop'> {
  restart(): Promise<void>;
}

export async function restartable(start: () => Promise<Daemon>): Promise<Restartable> {
  let daemon = await start();
  return {
    output: () => daemon.output(),
    stop: () => daemon.stop(),
    async restart() {
      await daemon.stop();
      daemon = await start();
    },
  };
}

function keepOutput(child: ChildProcess, log: string | undefined): () => string {
  const file = log === undefined ? undefined : createWriteStream(log, { flags: 'a', mode: 0o600 });
  file?.on('error', () => undefined);
  child.on('close', () => file?.end());
  let kept = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      kept = (kept + chunk).slice(-KEPT_OUTPUT);
      file?.write(chunk);
    });
  }
  return () => kept;
}

async function end(child: ChildProcess, withinMs: number): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), withinMs);
  await gone;
  clearTimeout(force);
}
