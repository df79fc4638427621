import { describe, expect, it } from '@jest/globals';
import { createLanes } from '../../src/server/lanes.ts';

const forever = () => new Promise<never>(() => undefined);

describe('createLanes', () => {
  it('holds up nobody for a registry that never answers but those who ask it', async () => {
    const lanes = createLanes(2, 100);
    const { signal } = new AbortController();
    for (const _ of Array(10)) void lanes.run('slow', signal, forever);
    await expect(lanes.run('quick', signal, async () => 'done')).resolves.toBe('done');
  });

  it('runs at most its width at a time', async () => {
    const lanes = createLanes(2, 100);
    const { signal } = new AbortController();
    let running = 0;
    let most = 0;
    const work = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
    };
    await Promise.all(Array.from({ length: 9 }, () => lanes.run('r', signal, work)));
    expect(most).toBe(2);
  });

  it('42: refuses at once what is beyond its bound', async () => {
    const lanes = createLanes(1, 2);
    const { signal } = new AbortController();
    for (const _ of Array(2)) void lanes.run('slow', signal, forever);
    await expect(lanes.run('other', signal, async () => 1)).rejects.toMatchObject({ code: 'OVERLOADED' });
  });

  it('gives back the room of work whose signal aborted, waiting or running', async () => {
    const lanes = createLanes(1, 2);
    const controller = new AbortController();
    const stuck = [lanes.run('r', controller.signal, forever), lanes.run('r', controller.signal, forever)];
    controller.abort(new Error('late'));
    for (const work of stuck) await expect(work).rejects.toThrow('late');
    await expect(lanes.run('r', new AbortController().signal, async () => 'done')).resolves.toBe('done');
  });
});
