import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '..');
const TICKS_PER_SECOND = 100;
const READY_WITHIN_MS = 120_000;

export interface Measured {
  readonly address: string;
  /** From the start of the process to the line that says it is ready. */
  readonly readyMs: number;
  /** CPU time so far, user and system. */
  cpuMicroseconds(): number;
  residentBytes(): number;
  stop(): Promise<void>;
}

/** Starts a script, with flags of Node before it, on this Node and waits for the line that gives its address; `/proc` has its figures. */
export async function startMeasured(
  script: readonly string[],
  args: readonly string[],
  addressIn: (line: string) => string | undefined,
): Promise<Measured> {
  const started = performance.now();
  const child = spawn(process.execPath, [...script, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  // A scenario that fails leaves nothing running.
  process.once('exit', () => child.kill('SIGKILL'));
  const address = await firstAddress(child, addressIn);
  const readyMs = performance.now() - started;
  const proc = (file: string): string => readFileSync(`/proc/${child.pid}/${file}`, 'utf8');
  return {
    address,
    readyMs,
    cpuMicroseconds: () => {
      // The fields behind the command's name, which may itself hold spaces; proc(5).
      const fields = proc('stat').split(') ')[1]?.split(' ') ?? [];
      return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
    },
    residentBytes: () => Number(/VmRSS:\s+(\d+) kB/.exec(proc('status'))?.[1]) * 1024,
    stop: () => stopped(child),
  };
}

function firstAddress(child: ChildProcess, addressIn: (line: string) => string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready within ${READY_WITHIN_MS} ms`)), READY_WITHIN_MS);
    child.on('close', (code) => reject(new Error(`ended with ${code} before it was ready`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const address = addressIn(line);
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    });
  });
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('close', () => resolve());
    child.kill('SIGTERM');
  });
}
