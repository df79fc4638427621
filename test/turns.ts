import { setImmediate } from 'node:timers/promises';

/** How often the event loop turns until `work` has come to its end: what is done in one go lets it turn once or twice. */
export async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let done = false;
  let turns = 0;
  const finished = work.finally(() => {
    done = true;
  });
  while (!done) {
    await setImmediate();
    turns++;
  }
  await finished;
  return turns;
}
