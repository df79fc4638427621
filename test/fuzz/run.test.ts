import { describe, expect, it } from '@jest/globals';
import { problemsOf, type RunOptions, run } from './run.ts';
import type { Execution, Target } from './target.ts';

/** Inputs of one byte: 0 to 255 in turn. A parser that refuses odd ones, and an oracle that does the same, unless told otherwise. */
function targetOf(bent: Partial<Target<number>> = {}): Target<number> {
  let next = 0;
  return {
    name: 'planted',
    about: 'bytes',
    seeds: [Uint8Array.of(0)],
    verifies: false,
    leniencies: [],
    input: () => Uint8Array.of(next++ & 0xff),
    execute,
    oracles: [{ name: 'twin', ask: ([byte = 0]) => ({ accepts: byte % 2 === 0 }) }],
    ...bent,
  };
}

function execute([byte = 0]: Uint8Array): Execution<number> {
  return byte % 2 === 0 ? { outcome: 'accepted', reached: byte % 4 === 0, value: byte } : { outcome: 'refused', reached: false };
}

function runOf(target: Target<number>, more: Partial<RunOptions> = {}) {
  return run({ target, seed: 's', runs: 256, ...more });
}

const found = async (target: Target<number>, more?: Partial<RunOptions>) =>
  (await runOf(target, more)).findings.map(({ kind, index, count }) => `${kind} ${index} ${count}`);

describe('run', () => {
  it('counts what was accepted, what reached a signature and what the oracle saw', async () => {
    expect(await runOf(targetOf())).toMatchObject({
      target: 'planted',
      seed: 's',
      executions: 256,
      accepted: 128,
      reached: 64,
      consulted: { twin: 128 },
      stricter: {},
      findings: [],
    });
  });

  it('finds what is thrown, whether at once or later, and goes on', async () => {
    const throwing = (bytes: Uint8Array): Execution<number> => {
      if (bytes[0] === 7 || bytes[0] === 9) throw new TypeError('cannot read properties of undefined');
      return execute(bytes);
    };
    expect(await found(targetOf({ execute: throwing }))).toEqual(['crash 7 2']);
    expect(await found(targetOf({ execute: async (bytes) => throwing(bytes) }))).toEqual(['crash 7 2']);
  });

  it('finds an accept that the oracle refuses', async () => {
    const target = targetOf({ execute: (bytes) => ({ outcome: 'accepted', reached: false, value: bytes[0] ?? 0 }) });
    expect(await found(target)).toEqual(['accepted 1 128']);
  });

  it('finds what two readers read differently', async () => {
    const target = targetOf({
      oracles: [{ name: 'twin', ask: ([byte]) => ({ accepts: true, differs: byte === 10, why: 'another value' }) }],
    });
    expect(await found(target)).toEqual(['difference 10 1']);
  });

  it('finds an oracle that throws', async () => {
    const ask = (): never => {
      throw new Error('out of memory');
    };
    expect(await found(targetOf({ oracles: [{ name: 'twin', ask }] }))).toEqual(['oracle 0 128']);
  });

  it('takes no difference for an accept on purpose but those that the table has, each against its own oracle', async () => {
    const everything: Partial<Target<number>> = { execute: ([byte = 0]) => ({ outcome: 'accepted', reached: false, value: byte }) };
    const leniency = { id: 'seven', why: 'a test', against: 'twin', applies: (_: unknown, [byte]: Uint8Array) => byte === 7 };
    expect((await runOf(targetOf({ ...everything, leniencies: [leniency] }))).lenient).toEqual({ seven: 1 });
    expect(await found(targetOf({ ...everything, leniencies: [leniency] }))).toEqual(['accepted 1 127']);
    expect(await found(targetOf({ ...everything, leniencies: [{ ...leniency, against: 'somebody else' }] }))).toEqual(['accepted 1 128']);
  });

  it('counts what the oracle accepts and we refuse, of a sample, and finds nothing wrong with it', async () => {
    const report = await runOf(targetOf({ execute: () => ({ outcome: 'refused', reached: false }) }));
    expect(report).toMatchObject({ accepted: 0, consulted: { twin: 4 }, stricter: { twin: 4 }, findings: [] });
  });

  it.each([
    ['three times', [150, 150, 150], ['hang 3 1']],
    ['once, and then quickly', [150, 1, 1], []],
    ['twice, and then quickly', [150, 150, 1], []],
  ])('takes for a hang what is slow %s', async (_, times, expected) => {
    let clock = 0;
    const left = [...times];
    const target = targetOf({
      execute: (bytes) => {
        clock += bytes[0] === 3 ? (left.shift() ?? 1) : 1;
        return execute(bytes);
      },
    });
    expect(await found(target, { runs: 8, now: () => clock })).toEqual(expected);
  });

  it('finds that too few inputs reached a signature check, where there is one', async () => {
    const never = (bytes: Uint8Array): Execution<number> => ({ ...execute(bytes), reached: bytes[0] === 0 });
    expect(await found(targetOf({ verifies: true, execute: never }))).toEqual(['reach 0 1']);
    expect(await found(targetOf({ verifies: true, execute: never }), { runs: 100 })).toEqual([]);
    expect(await found(targetOf({ verifies: true }))).toEqual([]);
  });

  it('begins no input after its time', async () => {
    let clock = 0;
    const target = targetOf({
      execute: (bytes) => {
        clock += 10;
        return execute(bytes);
      },
    });
    expect((await runOf(target, { limitMs: 100, now: () => clock })).executions).toBe(10);
  });

  it('says what is wrong with one input', async () => {
    expect(await problemsOf(targetOf(), Uint8Array.of(4))).toEqual([]);
    const target = targetOf({ oracles: [{ name: 'twin', ask: () => ({ accepts: false, why: 'no' }) }] });
    expect(await problemsOf(target, Uint8Array.of(4))).toEqual(['accepted: twin: no']);
  });
});
