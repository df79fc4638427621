import { describe, expect, it } from '@jest/globals';
import { SourceError } from '../../src/engine/errors.ts';
import type { Engine, EvidenceRule, Exemption, Family, Outcome, Rule } from '../../src/engine/types.ts';
import { validate } from '../../src/engine/validate.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { parseReference } from '../../src/oci/reference.ts';
import {
  bad,
  broken,
  engine,
  good,
  IMAGE,
  later,
  NOW,
  policy,
  ports,
  registryError,
  request,
  rule,
  treeStore,
  unknown,
  verifier,
} from './world.ts';

/** What one family says of an image: nothing, one of the four outcomes, or that something exempts from it. */
type State = 'none' | 'acc' | 'ref' | 'una' | 'mis' | 'exe';

const STATES: readonly State[] = ['none', 'acc', 'ref', 'una', 'mis', 'exe'];
const WORDS: Readonly<Record<string, Outcome>> = { A: 'accepted', R: 'refused', U: 'unavailable', M: 'misconfigured' };

/** By the state of the one family, then by that of the other; design.md 4. Nothing that covers it is refused, as here nobody says otherwise. */
const MATRIX: Readonly<Record<State, string>> = {
  /*     none acc ref una mis exe */
  none: 'R A R U M A',
  acc: 'A A R U M A',
  ref: 'R R R R R R',
  una: 'U U R U M U',
  mis: 'M M R M M M',
  exe: 'A A R U M A',
};
const ROWS = STATES.flatMap((one) =>
  (MATRIX[one].split(' ') as readonly string[]).map((letter, index) => [one, STATES[index] ?? 'none', WORDS[letter] ?? 'refused'] as const),
);

const covers = (state: State) => () => state !== 'none';

/** Ratify's rule over a registry in which there is what the state says. */
function ratify(state: State): { rule: Rule; image: NonNullable<Parameters<typeof treeStore>[0]['image']> } {
  const image = { none: [], acc: [[good]], ref: [[bad]], una: [[unknown]], mis: [[broken]], exe: [[bad]] }[state];
  return { rule: rule({ covers: covers(state) }), image };
}

function attested(state: State, family: Family = 'kritis', name = 'default/policy'): EvidenceRule {
  return {
    name,
    family,
    covers: covers(state),
    judge: async () => {
      if (state === 'una') throw new SourceError('ATTESTATIONS_UNREACHABLE', 'the store of attestations is down');
      const outcome = { none: 'refused', acc: 'accepted', ref: 'refused', mis: 'misconfigured', exe: 'refused' }[state] as Outcome;
      return {
        decision: { outcome, reason: { code: outcome === 'accepted' ? 'ATTESTED' : 'NOT_ATTESTED', message: `${name} says ${outcome}` } },
        reports: [],
      };
    },
  };
}

/** Satisfies the rules of one family. */
function exemption(family: Family, over: Partial<Exemption> = {}): Exemption {
  return {
    name: `exemption of ${family}`,
    exempts: (one) => one.family === family,
    covers: () => ({
      reason: { code: 'EXCEPTION', message: 'exempt' },
      record: { event: 'ExceptionUsed', object: 'Exception e', message: 'exempt' },
    }),
    ...over,
  };
}

async function verdictOf(engineOf: Engine, text?: string) {
  return validate(engineOf, request(text), ports());
}

describe('an image that two families have something to say of', () => {
  it.each(ROWS)('is, where Ratify says %s and kritis %s, %s', async (one, other, outcome) => {
    const { rule: first, image } = ratify(one);
    const exemptions = [...(one === 'exe' ? [exemption('ratify')] : []), ...(other === 'exe' ? [exemption('kritis')] : [])];
    const verdict = await verdictOf(engine(treeStore({ image }), { rules: [first, attested(other)], exemptions }));
    expect(verdict.outcome).toBe(outcome);
    const asked = [one === 'none' ? [] : ['ratify'], other === 'none' ? [] : ['kritis']].flat();
    expect(verdict.rules.map(({ family }) => family)).toEqual(asked);
    if (asked.length > 0) expect(verdict.rules.map((said) => said.outcome)).toContain(outcome);
  });

  it.each(ROWS)('is the same whichever rule stands first: %s, %s, %s', async (one, other, outcome) => {
    const exemptions = [...(one === 'exe' ? [exemption('kritis')] : []), ...(other === 'exe' ? [exemption('countersign')] : [])];
    const rules = [attested(one), attested(other, 'countersign', 'rule')];
    const there = await verdictOf(engine(undefined, { rules, exemptions }));
    const back = await verdictOf(engine(undefined, { rules: rules.toReversed(), exemptions }));
    expect([there.outcome, back.outcome]).toEqual([outcome, outcome]);
  });
});

describe('an image that no rule covers', () => {
  const uncovered = [attested('none')];
  it.each<[string, Partial<Engine>, Outcome, string]>([
    ['refused unless somebody says otherwise', { rules: uncovered }, 'refused', 'NOT_COVERED'],
    ['refused where that is said', { rules: uncovered, uncovered: 'refuse' }, 'refused', 'NOT_COVERED'],
    ['accepted where only that is said', { rules: uncovered, uncovered: 'accept' }, 'accepted', 'NOT_COVERED'],
    ['accepted where there is no rule at all and that is said', { rules: [], uncovered: 'accept' }, 'accepted', 'NOT_COVERED'],
    ['refused where there is no rule at all and that is said', { rules: [], uncovered: 'refuse' }, 'refused', 'NOT_COVERED'],
    ['misconfigured where there is no rule and nothing is said', { rules: [] }, 'misconfigured', 'NO_STORE'],
    [
      'misconfigured where nothing can be decided, whatever is said',
      { rules: [], uncovered: 'accept', misconfigured: { code: 'NO_VERIFIER', message: 'none' } },
      'misconfigured',
      'NO_VERIFIER',
    ],
  ])('is %s', async (_, over, outcome, code) => {
    const verdict = await verdictOf(engine(undefined, over));
    expect([verdict.outcome, verdict.reason.code, verdict.rules]).toEqual([outcome, code, []]);
  });

  it('is not let run by an exemption: that satisfies rules, and there is none', async () => {
    const verdict = await verdictOf(engine(undefined, { rules: uncovered, exemptions: [exemption('kritis')] }));
    expect([verdict.outcome, verdict.records]).toEqual(['refused', []]);
  });
});

describe('rules that look for their evidence themselves', () => {
  it('are asked without a registry where none of them wants one', async () => {
    const store = treeStore({ image: [[good]] });
    const verdict = await verdictOf(engine(store, { rules: [attested('acc')] }));
    expect([verdict.outcome, verdict.digest, store.calls]).toEqual(['accepted', IMAGE.digest, []]);
  });

  it('still refuse while the registry is down', async () => {
    const down = treeStore({}, { resolve: () => Promise.reject(registryError('REGISTRY_UNREACHABLE')) });
    const verdict = await verdictOf(engine(down, { rules: [rule(), attested('ref')] }));
    expect([verdict.outcome, verdict.reason.code]).toEqual(['refused', 'NOT_ATTESTED']);
    expect(verdict.rules.map(({ outcome }) => outcome)).toEqual(['unavailable', 'refused']);
  });

  it('share one look-up of the image', async () => {
    const store = treeStore({ image: [[good]] });
    const asking: EvidenceRule = {
      ...attested('acc'),
      judge: async ({ subject }) => ({
        decision: { outcome: 'accepted', reason: { code: 'ATTESTED', message: (await subject()).descriptor.digest } },
        reports: [],
      }),
    };
    const verdict = await verdictOf(engine(store, { rules: [rule(), asking, asking] }), 'registry.example.test/app:1');
    expect(verdict.outcome).toBe('accepted');
    expect(store.calls.filter(([port]) => port === 'resolve')).toHaveLength(1);
  });

  it('have what they throw taken for a defect of ours, never for an accept', async () => {
    const bugs: unknown[] = [];
    const broke: EvidenceRule = { ...attested('acc'), judge: () => Promise.reject(new TypeError('oops')) };
    const verdict = await validate(engine(undefined, { rules: [broke] }), request(), ports(), (bug) => bugs.push(bug));
    expect([verdict.outcome, verdict.reason.code, bugs.length]).toEqual(['unavailable', 'INTERNAL', 1]);
  });

  it('have one end with what they rest on', async () => {
    const judge = async () => ({ ...(await attested('acc').judge(undefined as never)), validUntil: later(5000) });
    const verdict = await verdictOf(engine(undefined, { rules: [{ ...attested('acc'), judge }, attested('acc')] }));
    expect(verdict.validUntil).toEqual(later(5000));
  });

  it('are not asked where something exempts from them, and the exemption is told of', async () => {
    let asked = 0;
    const judge = async () => {
      asked += 1;
      return attested('ref').judge(undefined as never);
    };
    const counting: EvidenceRule = { ...attested('ref'), judge };
    const until = later(60_000);
    const found = exemption('kritis').covers(request(), NOW);
    const exemptions = [exemption('kritis', { covers: () => found && { ...found, validUntil: until } })];
    const verdict = await verdictOf(engine(undefined, { rules: [counting], exemptions }));
    expect([verdict.outcome, asked, verdict.validUntil]).toEqual(['accepted', 0, until]);
    expect(verdict.rules).toMatchObject([{ exemption: 'exemption of kritis', outcome: 'accepted' }]);
    expect(verdict.records).toEqual([{ event: 'ExceptionUsed', object: 'Exception e', message: 'exempt' }]);
  });

  it('have their refusal say which exemption has expired', async () => {
    const exemptions = [exemption('kritis', { covers: () => undefined, lapsed: () => 'Exception hotfix expired at noon' })];
    const verdict = await verdictOf(engine(undefined, { rules: [attested('ref')], exemptions }));
    expect(verdict.reason).toEqual({ code: 'NOT_ATTESTED', message: 'default/policy says refused; Exception hotfix expired at noon' });
    const fine = await verdictOf(engine(undefined, { rules: [attested('acc')], exemptions }));
    expect(fine.reason.message).toBe('default/policy says accepted');
  });

  it('do not hide that Ratify has nothing to verify with', async () => {
    const rules = [rule({ verifiers: [], enforcer: policy() }), attested('acc')];
    const verdict = await verdictOf(engine(treeStore({}), { rules }));
    expect([verdict.outcome, verdict.reason.code]).toEqual(['misconfigured', 'NO_VERIFIER']);
  });
});

it('a request for a tag is for that tag in every rule', async () => {
  const seen: string[] = [];
  const telling: EvidenceRule = {
    ...attested('acc'),
    judge: async ({ request: asked }) => {
      seen.push(asked.text);
      return { decision: { outcome: 'refused', reason: { code: 'NOT_ATTESTED', message: 'tag' } }, reports: [] };
    },
  };
  const text = 'registry.example.test/app:1';
  await validate(
    engine(treeStore({ image: [[good]] }), { rules: [telling, rule({ verifiers: [verifier()] })] }),
    { reference: parseReference(text), text, attributes: new Map() },
    ports(),
  );
  expect(seen).toEqual([text]);
});

describe('stores that read a tag differently', () => {
  const text = 'registry.example.test/app:1';
  const other = { ...IMAGE, digest: digestOf(Buffer.from('another')) };
  const own = () => treeStore({ image: [[good]] }, { resolve: async () => other });
  const cluster = () => treeStore({ image: [[good]] });

  it('make an image refused that both would accept: what runs need not be what was verified', async () => {
    const rules = [rule(), rule({ name: 'cluster default', store: cluster() })];
    const verdict = await validate(engine(own(), { rules }), request(text), ports());
    expect([verdict.outcome, verdict.reason.code]).toEqual(['refused', 'CONTENT_INVALID']);
    expect(verdict.reason.message).toMatch(/^the Stores of namespace and cluster resolve the tag differently: /);
  });

  it('are each asked by the rules that read them', async () => {
    const [a, b] = [treeStore({ image: [[good]] }), cluster()];
    const asking: EvidenceRule = {
      ...attested('acc'),
      store: b,
      judge: async ({ subject, store }) => {
        expect(store).toBe(b);
        return {
          decision: { outcome: 'accepted', reason: { code: 'ATTESTED', message: (await subject()).descriptor.digest } },
          reports: [],
        };
      },
    };
    const verdict = await validate(engine(a, { rules: [rule(), asking] }), request(text), ports());
    expect(verdict.outcome).toBe('accepted');
    for (const store of [a, b]) expect(store.calls.filter(([port]) => port === 'resolve')).toHaveLength(1);
  });

  it('leave an image unavailable whose tag only one of them can read', async () => {
    const down = treeStore({}, { resolve: () => Promise.reject(registryError('REGISTRY_UNREACHABLE')) });
    const verdict = await validate(
      engine(cluster(), { rules: [rule(), rule({ name: 'cluster default', store: down })] }),
      request(text),
      ports(),
    );
    expect([verdict.outcome, verdict.reason.code]).toEqual(['unavailable', 'REGISTRY_UNREACHABLE']);
  });
});
