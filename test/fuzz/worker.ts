/** Runs one target: `supervise.ts` starts it, and ends it if it hangs. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Job, type Message, prepare } from './job.ts';
import { run } from './run.ts';

const job = workerData as Job;
const heartbeat = new Int32Array(job.heartbeat);
const tell = (message: Message): void => parentPort?.postMessage(message);
const { target, close } = await prepare(job);
try {
  const report = await run({
    ...job,
    target,
    onInput: (index) => Atomics.store(heartbeat, 0, index),
    onProgress: (done, elapsedMs) => tell({ done, elapsedMs }),
  });
  tell({ report });
} finally {
  await close();
}
