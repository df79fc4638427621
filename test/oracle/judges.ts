import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { OracleCase } from './render.ts';

export interface Answer {
  readonly id: unknown;
  readonly outcome: string;
  readonly reason: { readonly code: string; readonly message: string };
  readonly results: readonly { readonly type: string; readonly action: string; readonly error: string | null }[];
}

/** A process that answers cases in the order in which they are asked. */
export interface Judge {
  ask(found: OracleCase): Promise<Answer>;
  /** Resolves when the process has ended. */
  close(): Promise<void>;
}

export function ourJudge(): Judge {
  return startJudge(process.execPath, [join(import.meta.dirname, '../../src/main.ts'), 'judge']);
}

export function referenceJudge(binary: string): Judge {
  return startJudge(binary, []);
}

function startJudge(command: string, args: readonly string[]): Judge {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = [];
  let ended: Error | undefined;
  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    waiting.shift()?.resolve(JSON.parse(line) as Answer);
  });
  child.on('error', end);
  const closed = once(child, 'close').then(([code]) => end(new Error(`${command} ended with ${code}`)));
  // A judge that died is told of by the answers that are missing.
  child.stdin.on('error', () => undefined);
  return {
    ask: (found) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        waiting.push({ resolve, reject });
        child.stdin.write(`${JSON.stringify(found)}\n`);
      }),
    close: () => {
      child.stdin.end();
      return closed;
    },
  };
}
