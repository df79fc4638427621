import { describe, expect, it } from '@jest/globals';
import type { Outcome, Referrer, Rule } from '../../src/engine/types.ts';
import { validate } from '../../src/engine/validate.ts';
import {
  artifact,
  bad,
  brief,
  contentError,
  engine,
  good,
  IMAGE,
  judge,
  later,
  NOTATION,
  nameOf,
  policy,
  ports,
  reportOn,
  request,
  rule,
  SBOM,
  type Tree,
  treeStore,
  unknown,
  verifier,
} from './world.ts';

describe('the deadline and defects', () => {
  it('does no work for a request whose time is over', async () => {
    const store = treeStore({ image: [[good]] });
    const verdict = await validate(engine(store), request(), ports({ signal: AbortSignal.abort() }));
    expect(brief(verdict)).toEqual(['unavailable', 'DEADLINE_EXCEEDED', []]);
    expect(store.calls).toEqual([]);
  });

  it.each([
    ['any', policy({ [NOTATION]: 'any' })],
    ['all', policy()],
  ])('says unavailable, not refused, when time runs out between signatures under %s', async (_, enforcer) => {
    const controller = new AbortController();
    const slow = verifier({
      judge: async ({ referrer, ports: { signal } }) => {
        if (nameOf(referrer) === 'unknown') return reportOn(referrer, 'unavailable');
        controller.abort(new DOMException('over', 'TimeoutError'));
        return Promise.reject(signal.reason);
      },
    });
    const store = treeStore({ image: [[unknown, bad, good]] });
    const verdict = await validate(
      engine(store, { rules: [rule({ verifiers: [slow], enforcer })] }),
      request(),
      ports({ signal: controller.signal }),
    );
    expect(brief(verdict)).toEqual(['unavailable', 'DEADLINE_EXCEEDED', ['unknown', 'bad']]);
    expect(verdict.validUntil).toBeUndefined();
  });

  it('does not take a list that ends with the deadline for the whole list', async () => {
    const controller = new AbortController();
    const store = treeStore(
      {},
      {
        async *listReferrers() {
          yield [];
          controller.abort();
        },
      },
    );
    const verdict = await validate(engine(store), request(), ports({ signal: controller.signal }));
    expect(brief(verdict)).toEqual(['unavailable', 'DEADLINE_EXCEEDED', []]);
  });

  it('takes a refusal that came in time', async () => {
    const controller = new AbortController();
    const last = verifier({
      judge: async ({ referrer }) => {
        controller.abort();
        return reportOn(referrer, 'refused');
      },
    });
    const store = treeStore({ image: [[bad]] });
    const verdict = await validate(
      engine(store, { rules: [rule({ verifiers: [last] })] }),
      request(),
      ports({ signal: controller.signal }),
    );
    expect(verdict.outcome).toBe('refused');
  });

  it.each<[string, Partial<Rule>, Outcome, string]>([
    [
      'a verifier that throws',
      { verifiers: [verifier({ judge: async () => Promise.reject(new TypeError('bug')) })] },
      'unavailable',
      'INTERNAL',
    ],
    [
      'a verifier that cannot tell what it takes',
      { verifiers: [verifier({ canVerify: () => JSON.parse('') })] },
      'unavailable',
      'INTERNAL',
    ],
    ['an enforcer that throws', { enforcer: { type: 'x', decide: () => JSON.parse('') } }, 'unavailable', 'INTERNAL'],
    ['an enforcer that never decides', { enforcer: { type: 'x', decide: () => undefined } }, 'unavailable', 'INTERNAL'],
    ['a rule that cannot tell what it covers', { covers: () => JSON.parse('') }, 'unavailable', 'INTERNAL'],
  ])('tells of %s as a defect, and accepts nothing', async (_, over, outcome, code) => {
    const { verdict, bugs } = await judge({ image: [[good]] }, over);
    expect([verdict.outcome, verdict.reason.code]).toEqual([outcome, code]);
    expect(bugs).toHaveLength(1);
  });

  it('takes what a verifier throws with a code for no evidence against the image', async () => {
    const verifiers = [verifier({ judge: async () => Promise.reject(contentError('CONTENT_INVALID')) })];
    const { verdict } = await judge({ image: [[good]] }, { verifiers });
    expect([verdict.outcome, verdict.reason.code]).toEqual(['unavailable', 'CONTENT_INVALID']);
  });

  it('never accepts an image without reports, whatever an enforcer would say', async () => {
    const yes = { type: 'yes', decide: () => ({ outcome: 'accepted', reason: { code: 'VERIFIED', message: 'yes' } }) as const };
    const { verdict } = await judge({ image: [[artifact('x', SBOM)]] }, { enforcer: yes });
    expect(brief(verdict)).toEqual(['refused', 'NO_SIGNATURES', []]);
  });
});

describe('how long a verdict holds', () => {
  const lasting = (ends: Readonly<Record<string, Date>>) =>
    verifier({
      judge: async ({ referrer }) => {
        const validUntil = ends[nameOf(referrer)];
        return reportOn(
          referrer,
          nameOf(referrer).startsWith('good') ? 'accepted' : 'refused',
          validUntil === undefined ? {} : { validUntil },
        );
      },
    });
  const tag = 'registry.example.test/app:v1';
  it.each<[string, Tree, Readonly<Record<string, Date>>, string | undefined, Date | undefined]>([
    ['for ever by digest where nothing ends', { image: [[good]] }, {}, undefined, undefined],
    ['until its signature changes', { image: [[good]] }, { good: later(3_000) }, undefined, later(3_000)],
    ['for the freshness of a tag', { image: [[good]] }, {}, tag, later(10_000)],
    ['for the freshness of a tag, however long the signature', { image: [[good]] }, { good: later(1e6) }, tag, later(10_000)],
    ['until the signature changes, if the tag is fresh for longer', { image: [[good]] }, { good: later(3_000) }, tag, later(3_000)],
    ['for the freshness where nothing is signed', { image: [] }, {}, undefined, later(10_000)],
    ['for the freshness where a signature is bad', { image: [[bad]] }, { bad: later(1e6) }, undefined, later(10_000)],
    ['until a bad signature may become good', { image: [[bad]] }, { bad: later(2_000) }, undefined, later(2_000)],
    ['whatever a bad one beside it does', { image: [[bad, good]] }, { bad: later(1), good: later(3_000) }, undefined, later(3_000)],
  ])('%s', async (_, tree, ends, text, validUntil) => {
    const { verdict } = await judge(tree, { verifiers: [lasting(ends)], enforcer: policy({ [NOTATION]: 'any' }) }, text);
    expect(verdict.validUntil).toEqual(validUntil);
  });

  it('until the first of all good signatures changes under all, nested ones too', async () => {
    const nested = {
      ...lasting({ good: later(9_000), 'good-2': later(8_000), 'good-sbom': later(7_000), 'good-3': later(6_000) }),
      nested: false,
    };
    const sboms = { ...nested, name: 'sbom', nested: true, artifactTypes: [SBOM], canVerify: (of: Referrer) => of.artifactType === SBOM };
    const notations = { ...nested, name: 'notation', canVerify: (of: Referrer) => of.artifactType === NOTATION };
    const tree = { image: [[good, artifact('good-2'), artifact('good-sbom', SBOM)]], under: { 'good-sbom': [[artifact('good-3')]] } };
    const { verdict } = await judge(tree, { verifiers: [sboms, notations] });
    expect([verdict.outcome, verdict.validUntil]).toEqual(['accepted', later(6_000)]);
  });

  it('no time at all where it could not be found out', async () => {
    const { verdict } = await judge({ image: [[unknown]] }, {}, tag);
    expect([verdict.outcome, verdict.validUntil]).toEqual(['unavailable', undefined]);
  });

  it('no longer than what was known of the tag, however late it was asked', async () => {
    const store = treeStore({ image: [[good]] }, { resolve: async () => ({ ...IMAGE, freshUntil: later(2_000) }) });
    const verdict = await validate(engine(store), request(tag), ports());
    expect([verdict.outcome, verdict.validUntil]).toEqual(['accepted', later(2_000)]);
  });

  it('for the freshness that is set', async () => {
    const verdict = await validate(engine(treeStore({ image: [[good]] })), request(tag), ports(), undefined, { freshnessMs: 250 });
    expect(verdict.validUntil).toEqual(later(250));
  });
});
