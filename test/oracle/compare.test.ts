import { describe, expect, it } from '@jest/globals';
import { compare } from './compare.ts';
import type { Answer, Judge } from './judges.ts';
import { run } from './run.ts';

const STEPS = ['integrity', 'authenticity', 'expiry', 'authenticTimestamp', 'revocation'];

/** An answer whose step `failed` failed, enforced unless it was accepted all the same. */
function answer(outcome: string, code: string, message = '', failed?: string): Answer {
  const action = outcome === 'accepted' ? 'log' : 'enforce';
  return {
    id: '1',
    outcome,
    reason: { code, message },
    results: STEPS.map((type) => ({ type, action, error: type === failed ? 'no' : null })),
  };
}

const accepted = answer('accepted', 'VERIFIED');
const critical = answer('refused', 'CRITICAL_ATTRIBUTE_UNKNOWN', 'extended critical attribute "x" is not understood');
const refused = answer('refused', 'integrity', '', 'integrity');

describe('compare', () => {
  it.each<[string, Answer, Answer, string]>([
    ['two accepts', accepted, accepted, 'agreed'],
    [
      'two refusals, whatever the step',
      answer('refused', 'ENVELOPE_INVALID', '', 'integrity'),
      answer('refused', 'expiry', '', 'expiry'),
      'agreed',
    ],
    ['an accept of ours alone', accepted, refused, 'disagreed'],
    ['an accept of ours where the store is no store', accepted, answer('misconfigured', 'authenticity'), 'disagreed'],
    ['an accept of ours where revocation is unknown', accepted, answer('unavailable', 'revocation'), 'disagreed'],
    ['an accept of ours where the reference panicked', accepted, answer('panicked', 'PANIC'), 'disagreed'],
    ['a refusal of ours that nothing explains', answer('refused', 'SIGNATURE_INVALID', 'verification error'), accepted, 'disagreed'],
    ['a refusal of ours that the table explains', critical, accepted, 'expected'],
    ['a refusal of ours that comes before another class', critical, answer('unavailable', 'revocation'), 'expected'],
    ['a refusal where revocation is unknown', answer('refused', 'EXPIRED'), answer('unavailable', 'revocation'), 'disagreed'],
    ['an unknown where the reference refuses', answer('unavailable', 'REVOCATION_UNKNOWN'), refused, 'disagreed'],
    ['a step that only the reference logs', accepted, answer('accepted', 'VERIFIED', '', 'expiry'), 'disagreed'],
    ['a step that only we log', answer('accepted', 'VERIFIED', '', 'expiry'), accepted, 'disagreed'],
    ['a step that both log', answer('accepted', 'V', '', 'expiry'), answer('accepted', 'V', '', 'expiry'), 'agreed'],
  ])('%s', (_, ours, reference, kind) => {
    expect(compare({ ours, reference, mutators: [] }).kind).toBe(kind);
  });

  it('takes no row of a table for an accept that the reference does not give', () => {
    const everything = [{ id: 'all', why: '', matches: () => true }];
    expect(compare({ ours: accepted, reference: refused, mutators: [] }, everything).kind).toBe('disagreed');
    expect(compare({ ours: refused, reference: accepted, mutators: [] }, everything).kind).toBe('expected');
  });

  it('wants the mutator that a row names', () => {
    const ours = answer('refused', 'SIGNATURE_INVALID', 'signature is invalid. Error: verification error');
    expect(compare({ ours, reference: accepted, mutators: ['payload/size'] }).kind).toBe('disagreed');
    expect(compare({ ours, reference: accepted, mutators: ['signature/salt'] })).toEqual({ kind: 'expected', row: 'D11' });
  });
});

/** A judge that accepts, but for what `verdict` says of some. */
function judgeOf(verdict: (envelope: string) => Answer | undefined): Judge {
  return { ask: (found) => Promise.resolve(verdict(found.envelope) ?? accepted), close: () => Promise.resolve() };
}

describe('a run', () => {
  it('finds a judge that accepts everything, and shrinks to a plain case without mutations', async () => {
    const report = await run({ seed: 'plant', cases: 20, ours: judgeOf(() => undefined), reference: judgeOf(() => refused) });
    expect(report.total).toMatchObject({ cases: 20, disagreed: 20 });
    expect(report.findings).toMatchObject([{ count: 20, plan: { base: 'plain', mutations: [] } }]);
  });

  it('keeps the one mutation that a planted disagreement needs', async () => {
    const isPlugin = (envelope: string): boolean => {
      const text = Buffer.from(envelope, 'base64').toString('latin1');
      return `${text}${Buffer.from(/"protected":"([^"]*)/.exec(text)?.[1] ?? '', 'base64url')}`.includes('verificationPlugin');
    };
    const reference = judgeOf((envelope) => (isPlugin(envelope) ? refused : undefined));
    const report = await run({ seed: 'plant', cases: 12, only: 'attribute/plugin', ours: judgeOf(() => undefined), reference });
    expect(report.findings).toMatchObject([{ count: 12, plan: { base: 'plain', mutations: [{ name: 'attribute/plugin' }] } }]);
  });

  it('agrees with itself', async () => {
    const report = await run({ seed: 'plant', cases: 5, ours: judgeOf(() => undefined), reference: judgeOf(() => undefined) });
    expect(report.findings).toEqual([]);
    expect(report.total).toMatchObject({ cases: 5, accepted: 5, expected: 0, disagreed: 0 });
  });
});
