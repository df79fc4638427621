import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A process that answers lines of JSON with lines of JSON, in the order in which they are asked. */
export interface LineProcess<Question, Answer> {
  ask(question: Question): Promise<Answer>;
  /** Resolves when the process has ended. */
  close(): Promise<void>;
}

export function startLineProcess<Question, Answer>(command: string, args: readonly string[]): LineProcess<Question, Answer> {
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
  // A process that died is told of by the answers that are missing.
  child.stdin.on('error', () => undefined);
  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        waiting.push({ resolve, reject });
        child.stdin.write(`${JSON.stringify(question)}\n`);
      }),
    close: () => {
      child.stdin.end();
      return closed;
    },
  };
}
