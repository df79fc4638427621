import { describe, expect, it } from '@jest/globals';
import { supervise } from './supervise.ts';

const JOB = { target: 'reference', runs: 50, seed: 's', limitMs: Infinity, vectors: false, reference: false };
const onProgress = (): void => undefined;

describe('supervise', () => {
  it('gives the report of a job', async () => {
    expect(await supervise(JOB, { onProgress })).toMatchObject({ target: 'reference', seed: 's', executions: 50, findings: [] });
  });

  it('ends a worker that stays at one input, and says at which', async () => {
    const worker = new URL('./stuck-worker.ts', import.meta.url);
    const { findings } = await supervise(JOB, { onProgress, worker, stallMs: 200 });
    expect(findings).toMatchObject([{ kind: 'hang', why: 'did not come back', index: 2 }]);
    expect(findings[0]?.bytes.length).toBeGreaterThan(0);
  });

  it('rejects if the worker fails', async () => {
    await expect(supervise({ ...JOB, target: 'nothing' }, { onProgress })).rejects.toThrow('no such target: nothing');
  });
});
