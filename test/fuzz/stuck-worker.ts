/** A worker that comes to its third input and stays there: what `supervise.test.ts` has ended. */
import { workerData } from 'node:worker_threads';
import type { Job } from './job.ts';

const { heartbeat } = workerData as Job;
Atomics.store(new Int32Array(heartbeat), 0, 2);
for (;;);
