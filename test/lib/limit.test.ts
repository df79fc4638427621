import { describe, expect, it } from '@jest/globals';
import { createLimit } from '../../src/lib/limit.ts';

const never = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A task that ends when the test says so. */
function heldTask() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let started = false;
  const task = () => {
    started = true;
    return promise;
  };
  return { task, resolve, reject, started: () => started };
}

describe('a limit', () => {
  it('runs no more than so many tasks at a time, in the order in which they came', async () => {
    const limit = createLimit(2);
    let running = 0;
    let most = 0;
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        limit.run(async () => {
          order.push(at);
          most = Math.max(most, ++running);
          await turn();
          running -= 1;
        }, never),
      ),
    );
    expect(most).toBe(2);
    expect(order).toEqual(Array.from({ length: 20 }, (_, at) => at));
  });

  it('gives what a task comes to', async () => {
    expect(await createLimit(1).run(async () => 'done', never)).toBe('done');
  });

  it.each([
    ['rejects', async () => Promise.reject(new Error('bad'))],
    [
      'throws',
      () => {
        throw new Error('bad');
      },
    ],
  ])('frees the slot of a task that %s', async (_, task) => {
    const limit = createLimit(1);
    await expect(limit.run(task, never)).rejects.toThrow('bad');
    expect(await limit.run(async () => 'next', never)).toBe('next');
  });

  it('never starts a task whose signal aborts while it waits, and goes on with the next', async () => {
    const limit = createLimit(1);
    const first = heldTask();
    const second = heldTask();
    const leaving = new AbortController();
    const running = limit.run(first.task, never);
    const left = limit.run(second.task, leaving.signal);
    const third = limit.run(async () => 'third', never);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    first.resolve('first');
    expect(await Promise.all([running, third])).toEqual(['first', 'third']);
    expect(second.started()).toBe(false);
  });

  it('starts nothing for a signal that has aborted already', async () => {
    const { task, started } = heldTask();
    await expect(createLimit(1).run(task, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    expect(started()).toBe(false);
  });

  it('holds the slot of a running task whose signal aborts until the task ends', async () => {
    const limit = createLimit(1);
    const first = heldTask();
    const second = heldTask();
    const leaving = new AbortController();
    const running = limit.run(first.task, leaving.signal);
    const waiting = limit.run(second.task, never);
    leaving.abort(new Error('gone'));
    await turn();
    expect(second.started()).toBe(false);
    first.resolve('ended');
    second.resolve('then');
    expect(await Promise.all([running, waiting])).toEqual(['ended', 'then']);
  });

  it('runs one at a time where it is told none', async () => {
    expect(await createLimit(0).run(async () => 'done', never)).toBe('done');
  });
});
