import { describe, expect, it } from '@jest/globals';
import type { Outcome, Store } from '../../src/engine/types.ts';
import { validate } from '../../src/engine/validate.ts';
import { digestOf } from '../../src/oci/digest.ts';
import {
  artifact,
  bad,
  brief,
  broken,
  contentError,
  engine,
  good,
  IMAGE,
  judge,
  many,
  NOTATION,
  policy,
  ports,
  registryError,
  reportOn,
  request,
  rule,
  SBOM,
  type Tree,
  treeStore,
  unknown,
  verifier,
} from './world.ts';

describe('what the evidence comes to', () => {
  const any = { [NOTATION]: 'any' } as const;
  it.each<[string, Tree, Record<string, 'any' | 'all'> | undefined, Outcome, string, readonly string[]]>([
    ['accepts one good signature', { image: [[good]] }, undefined, 'accepted', 'VERIFIED', ['good']],
    ['accepts the good one after a bad one under any', { image: [[bad, good]] }, any, 'accepted', 'VERIFIED', ['bad', 'good']],
    [
      'accepts the good one after an unreachable one under any (D18)',
      { image: [[unknown, good]] },
      any,
      'accepted',
      'VERIFIED',
      ['unknown', 'good'],
    ],
    ['refuses an image without referrers', { image: [] }, undefined, 'refused', 'NO_SIGNATURES', []],
    ['refuses an image with an empty page', { image: [[]] }, undefined, 'refused', 'NO_SIGNATURES', []],
    [
      'refuses an image with referrers of other types only',
      { image: [[artifact('good', SBOM)]] },
      undefined,
      'refused',
      'NO_SIGNATURES',
      [],
    ],
    ['refuses an image without referrers under any', { image: [] }, any, 'refused', 'NO_SIGNATURES', []],
    ['refuses one bad signature', { image: [[bad]] }, undefined, 'refused', 'SIGNER_UNTRUSTED', ['bad']],
    ['refuses a bad one beside a good one under all', { image: [[good, bad]] }, undefined, 'refused', 'SIGNER_UNTRUSTED', ['good', 'bad']],
    ['refuses at the first bad one under all', { image: [[bad, good]] }, undefined, 'refused', 'SIGNER_UNTRUSTED', ['bad']],
    ['refuses all bad under any', { image: [[bad], [artifact('bad2')]] }, any, 'refused', 'SIGNER_UNTRUSTED', ['bad', 'bad2']],
    [
      'refuses a bad one beside an unreachable one under all',
      { image: [[unknown, bad]] },
      undefined,
      'refused',
      'SIGNER_UNTRUSTED',
      ['unknown', 'bad'],
    ],
    ['refuses where a demanded type is missing', { image: [[good]] }, { ...any, [SBOM]: 'any' }, 'refused', 'NO_SIGNATURES', ['good']],
    [
      'does not know where one could not be judged under any',
      { image: [[bad, unknown]] },
      any,
      'unavailable',
      'REVOCATION_UNKNOWN',
      ['bad', 'unknown'],
    ],
    [
      'does not know where one could not be judged under all',
      { image: [[good, unknown]] },
      undefined,
      'unavailable',
      'REVOCATION_UNKNOWN',
      ['good', 'unknown'],
    ],
    [
      'blames the declaration where it outweighs',
      { image: [[unknown, broken]] },
      any,
      'misconfigured',
      'TRUST_STORE_INVALID',
      ['unknown', 'broken'],
    ],
    [
      'blames the declaration under all',
      { image: [[good, broken]] },
      undefined,
      'misconfigured',
      'TRUST_STORE_INVALID',
      ['good', 'broken'],
    ],
    [
      'refuses for a bad one beside a broken declaration under all',
      { image: [[broken, bad]] },
      undefined,
      'refused',
      'SIGNER_UNTRUSTED',
      ['broken', 'bad'],
    ],
    [
      'refuses a list that is too long (A-R-20)',
      { image: [[], contentError('TOO_MANY_REFERRERS')] },
      undefined,
      'refused',
      'TOO_MANY_REFERRERS',
      [],
    ],
    ['refuses a list that is garbage', { image: [contentError('CONTENT_INVALID')] }, undefined, 'refused', 'CONTENT_INVALID', []],
    [
      'does not know where the list ends early',
      { image: [[bad], contentError('CONTENT_TRUNCATED')] },
      any,
      'unavailable',
      'CONTENT_TRUNCATED',
      ['bad'],
    ],
    [
      'does not know where the list cannot be read',
      { image: [registryError('REGISTRY_UNREACHABLE')] },
      undefined,
      'unavailable',
      'REGISTRY_UNREACHABLE',
      [],
    ],
    [
      'accepts nothing of a list whose second page fails under all',
      { image: [[good], registryError('REGISTRY_UNREACHABLE')] },
      undefined,
      'unavailable',
      'REGISTRY_UNREACHABLE',
      ['good'],
    ],
  ])('%s', async (_, tree, policies, outcome, code, names) => {
    const { verdict, bugs } = await judge(tree, { enforcer: policy(policies) });
    expect(brief(verdict)).toEqual([outcome, code, names]);
    expect(verdict).toMatchObject({ digest: IMAGE.digest, policy: 'ratify-policy', revision: 'r1' });
    expect(bugs).toEqual([]);
  });

  it('names the image, what was looked for and the command where nothing is signed', async () => {
    const { verdict } = await judge({});
    expect(verdict.reason.message).toBe(
      `no signature: registry.example.test/app@${IMAGE.digest.slice(0, 19)}; looked for ${NOTATION}; sign it with notation sign`,
    );
  });

  it('keeps the digest and the command in the message whatever the lengths of names', async () => {
    const text = `registry.example.test/${'deep/'.repeat(40)}app@${IMAGE.digest}`;
    const types = Array.from({ length: 20 }, (_, at) => `application/vnd.example.type-${at}`);
    const { verdict } = await judge({}, { verifiers: [verifier({ artifactTypes: types })] }, text);
    expect(verdict.reason.message.length).toBeLessThanOrEqual(230);
    expect(verdict.reason.message).toContain(`@${IMAGE.digest.slice(0, 19)}`);
    expect(verdict.reason.message).toMatch(/sign it with notation sign$/);
  });

  it('counts the bad signatures beside the one it quotes', async () => {
    const { verdict } = await judge({ image: [many(3)] }, { enforcer: policy({ [NOTATION]: 'any' }) });
    expect(verdict.reason.message).toBe('bad0 is refused (and 2 more refused)');
  });
});

describe('what cannot be asked', () => {
  const reason = { code: 'TRUST_STORE_INVALID', message: 'no usable Verifier' };
  it.each<[string, Parameters<typeof engine>[1], Outcome, string]>([
    ['an engine that cannot decide', { misconfigured: reason }, 'misconfigured', 'TRUST_STORE_INVALID'],
    ['an engine without a store', { store: undefined }, 'misconfigured', 'NO_STORE'],
    [
      'a store that does not answer for the registry (A-T-17)',
      { store: treeStore({}, { answersFor: () => false }) },
      'misconfigured',
      'NO_STORE',
    ],
    ['an engine without rules', { rules: [] }, 'misconfigured', 'NO_VERIFIER'],
    ['a rule without verifiers', { rules: [rule({ verifiers: [] })] }, 'misconfigured', 'NO_VERIFIER'],
    ['rules none of which covers the image', { rules: [rule({ covers: () => false })] }, 'refused', 'NOT_COVERED'],
  ])('asks no registry for %s', async (_, over, outcome, code) => {
    const store = treeStore({ image: [[good]] });
    const verdict = await validate(engine(store, over), request(), ports());
    expect(brief(verdict)).toEqual([outcome, code, []]);
    expect(verdict.digest).toBeUndefined();
    expect(store.calls).toEqual([]);
  });

  it('asks every rule, and says what each said', async () => {
    const store = treeStore({ image: [[good]] });
    const verdict = await validate(engine(store, { rules: [rule(), rule({ name: 'b', verifiers: [] })] }), request(), ports());
    expect([verdict.outcome, verdict.reason.code, verdict.policy]).toEqual(['misconfigured', 'NO_VERIFIER', 'b']);
    expect(verdict.rules.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(['ratify-policy accepted', 'b misconfigured']);
  });

  it.each<[Error, Outcome, string, number]>([
    [registryError('IMAGE_NOT_FOUND'), 'refused', 'IMAGE_NOT_FOUND', 0],
    [contentError('CONTENT_INVALID'), 'refused', 'CONTENT_INVALID', 0],
    [registryError('REGISTRY_DENIED'), 'unavailable', 'REGISTRY_DENIED', 0],
    [registryError('REGISTRY_UNREACHABLE'), 'unavailable', 'REGISTRY_UNREACHABLE', 0],
    [registryError('REGISTRY_THROTTLED'), 'unavailable', 'REGISTRY_THROTTLED', 0],
    [contentError('CONTENT_TRUNCATED'), 'unavailable', 'CONTENT_TRUNCATED', 0],
    [new DOMException('timeout', 'TimeoutError'), 'unavailable', 'DEADLINE_EXCEEDED', 0],
    [new TypeError('x is not a function'), 'unavailable', 'INTERNAL', 1],
  ])('takes %p of resolving for %s', async (error, outcome, code, bugCount) => {
    const store = treeStore({ image: [[good]] }, { resolve: async () => Promise.reject(error) });
    const bugs: unknown[] = [];
    const verdict = await validate(engine(store), request(), ports(), (bug) => bugs.push(bug));
    expect(brief(verdict)).toEqual([outcome, code, []]);
    expect(bugs).toHaveLength(bugCount);
  });

  it('refuses what resolves to another digest than asked', async () => {
    const store = treeStore({ image: [[good]] });
    const verdict = await validate(engine(store), request(`registry.example.test/app@${digestOf(Buffer.from('other'))}`), ports());
    expect(brief(verdict)).toEqual(['refused', 'CONTENT_INVALID', []]);
  });

  it('says nothing of a defect of ours in a reason', async () => {
    const store = treeStore({}, { resolve: async () => Promise.reject(new TypeError('secret path /etc/x')) });
    const verdict = await validate(engine(store), request(), ports());
    expect(verdict.reason.message).not.toContain('secret');
  });
});

describe('several rules', () => {
  const saying = (outcome: Outcome) => verifier({ judge: async ({ referrer }) => reportOn(referrer, outcome) });
  it.each<[readonly Outcome[], Outcome, string]>([
    [['accepted', 'accepted'], 'accepted', 'rule0'],
    [['accepted', 'unavailable'], 'unavailable', 'rule1'],
    [['unavailable', 'misconfigured'], 'misconfigured', 'rule1'],
    [['misconfigured', 'unavailable'], 'misconfigured', 'rule0'],
    [['unavailable', 'refused'], 'refused', 'rule1'],
    [['misconfigured', 'refused'], 'refused', 'rule1'],
    [['accepted', 'refused'], 'refused', 'rule1'],
    [['refused', 'accepted'], 'refused', 'rule0'],
  ])('of which %j say so come to %s', async (outcomes, outcome, name) => {
    const rules = outcomes.map((said, at) => rule({ name: `rule${at}`, verifiers: [saying(said)] }));
    const verdict = await validate(engine(treeStore({ image: [[good]] }), { rules }), request(), ports());
    expect([verdict.outcome, verdict.policy]).toEqual([outcome, name]);
  });

  it('leaves out one that does not cover the request', async () => {
    const rules = [rule({ covers: () => false, verifiers: [saying('refused')] }), rule({ name: 'b' })];
    const verdict = await validate(engine(treeStore({ image: [[good]] }), { rules }), request(), ports());
    expect([verdict.outcome, verdict.policy]).toEqual(['accepted', 'b']);
  });
});

describe('rules with a store of their own', () => {
  const judgeBoth = async (own: Tree, floor: Tree, over: Partial<Store> = {}) => {
    const [store, cluster] = [treeStore(own), treeStore(floor, over)];
    const rules = [rule(), rule({ name: 'cluster', store: cluster })];
    const verdict = await validate(engine(store, { rules }), request(), ports());
    return { verdict, calls: cluster.calls };
  };

  it.each<[string, Tree, Tree, Outcome, string]>([
    ['accept where both are good', { image: [[good]] }, { image: [[artifact('good2')]] }, 'accepted', 'ratify-policy'],
    ['refuse where what the namespace reads is bad', { image: [[bad]] }, { image: [[good]] }, 'refused', 'ratify-policy'],
    ['refuse where what the cluster reads is bad', { image: [[good]] }, { image: [[bad]] }, 'refused', 'cluster'],
    ['refuse where the cluster finds nothing', { image: [[good]] }, { image: [] }, 'refused', 'cluster'],
    ['do not know where the cluster cannot tell', { image: [[good]] }, { image: [[unknown]] }, 'unavailable', 'cluster'],
  ])('%s', async (_case, own, floor, outcome, policyName) => {
    const { verdict } = await judgeBoth(own, floor);
    expect([verdict.outcome, verdict.policy]).toEqual([outcome, policyName]);
  });

  it('look the image up there, and once', async () => {
    const { calls } = await judgeBoth({ image: [[good]] }, { image: [[good]] });
    expect(calls.map(([port, about]) => (port === 'resolve' ? port : `${port} ${about}`))).toEqual(['resolve', 'list image', 'page image']);
  });

  it('are misconfigured where that store does not answer for the registry', async () => {
    const { verdict } = await judgeBoth({ image: [[good]] }, { image: [[good]] }, { answersFor: () => false });
    expect([verdict.outcome, verdict.reason.code]).toEqual(['misconfigured', 'NO_STORE']);
  });
});
