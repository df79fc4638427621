// @rig oracle
import { describe, expect, it } from '@jest/globals';
import { ensureTools } from '../rig/build.ts';
import { MUTATOR_NAMES } from './generate.ts';
import { type Judge, ourJudge, referenceJudge } from './judges.ts';
import type { OracleCase } from './render.ts';
import { run } from './run.ts';

const CASES = 2500;

describe('the reference', () => {
  it(`agrees with us on ${CASES} cases, but where the table says otherwise`, async () => {
    const { oracle } = await ensureTools(['oracle']);
    const [ours, reference] = [ourJudge(), referenceJudge(oracle)];
    const report = await run({ seed: 'rig', cases: CASES, ours, reference });
    await Promise.all([ours.close(), reference.close()]);
    expect(
      report.findings.map(({ cause, plan }) => `${cause} (${plan.seed}: ${plan.mutations.map(({ name }) => name).join(', ')})`),
    ).toEqual([]);
    // A generator that only makes garbage would agree as well.
    expect([...report.byMutator.keys()].sort()).toEqual([...MUTATOR_NAMES].sort());
    expect(report.total.reached).toBeGreaterThan(CASES / 2);
    expect(report.total.accepted).toBeGreaterThan(CASES / 8);
  }, 120_000);

  it('refuses lines that are no case, and reads the next', async () => {
    const { oracle } = await ensureTools(['oracle']);
    const reference: Judge = referenceJudge(oracle);
    // What is not a case is sent all the same.
    const ask = (line: unknown) => reference.ask(line as OracleCase);
    const answers = await Promise.all([null, 5, {}, { id: 'a', now: '2025-01-01T00:00:00Z' }, { id: 7, envelope: '*' }].map(ask));
    await reference.close();
    expect(answers.map(({ outcome }) => outcome)).toEqual(Array(5).fill('misconfigured'));
    expect(answers[3]).toMatchObject({ id: 'a', reason: { code: 'CASE_INVALID' } });
  });
});
