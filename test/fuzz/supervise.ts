import { Worker } from 'node:worker_threads';
import { createRandoms } from '../oracle/random.ts';
import { type Job, type Message, prepare } from './job.ts';
import type { Report } from './run.ts';

export interface Supervision {
  readonly onProgress: (done: number, elapsedMs: number) => void;
  /** What runs the job. Default: `worker.ts`. */
  readonly worker?: URL;
  /** Milliseconds at one input after which it is given up. Default: a minute, which none takes however busy the machine is. */
  readonly stallMs?: number;
}

const STALL_MS = 60_000;
const LOOK_MS = 1000;

/** Runs a job in a thread of its own, which is ended if it stays at one input. */
export async function supervise(job: Omit<Job, 'heartbeat'>, supervision: Supervision): Promise<Report> {
  const { onProgress, stallMs = STALL_MS } = supervision;
  const heartbeat = new Int32Array(new SharedArrayBuffer(4)).fill(-1);
  const worker = new Worker(supervision.worker ?? new URL('./worker.ts', import.meta.url), {
    workerData: { ...job, heartbeat: heartbeat.buffer },
  });
  try {
    const stalledAt = await new Promise<Report | number>((resolve, reject) => {
      const stop = watch(heartbeat, stallMs, resolve);
      worker.on('message', (message: Message) => {
        if ('report' in message) resolve(message.report);
        else onProgress(message.done, message.elapsedMs);
      });
      worker.on('error', reject).on('exit', (code) => {
        stop();
        reject(new Error(`the worker of ${job.target} ended with ${code}`));
      });
    });
    return typeof stalledAt === 'number' ? await stalled(job, stalledAt, stallMs) : stalledAt;
  } finally {
    await worker.terminate();
  }
}

/** Calls `onStall` once the same input has been tried for too long. */
function watch(heartbeat: Int32Array, stallMs: number, onStall: (index: number) => void): () => void {
  let last = -1;
  let since = performance.now();
  const timer = setInterval(
    () => {
      const index = Atomics.load(heartbeat, 0);
      if (index !== last || index < 0) {
        last = index;
        since = performance.now();
      } else if (performance.now() - since > stallMs) onStall(index);
    },
    Math.min(LOOK_MS, stallMs),
  );
  return () => clearInterval(timer);
}

/** What is known of a run that never came back. */
async function stalled(job: Omit<Job, 'heartbeat'>, index: number, stallMs: number): Promise<Report> {
  const { target, close } = await prepare({ ...job, reference: false });
  await close();
  const bytes = target.input(createRandoms(`${job.seed}/${job.target}`)(index));
  return {
    target: job.target,
    seed: job.seed,
    executions: index + 1,
    accepted: 0,
    reached: 0,
    consulted: {},
    stricter: {},
    lenient: {},
    slowestMs: stallMs,
    elapsedMs: stallMs,
    findings: [{ kind: 'hang', why: 'did not come back', index, bytes, count: 1 }],
  };
}
