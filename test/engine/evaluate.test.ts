import { describe, expect, it } from '@jest/globals';
import type { Outcome, Referrer } from '../../src/engine/types.ts';
import { validate } from '../../src/engine/validate.ts';
import { digestOf } from '../../src/oci/digest.ts';
import {
  artifact,
  bad,
  brief,
  broken,
  engine,
  good,
  IMAGE,
  judge,
  many,
  NOTATION,
  nameOf,
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

describe('the least work', () => {
  it('resolves once, and lists for that digest alone (A-R-29)', async () => {
    let resolved = 0;
    const subjects: string[] = [];
    const tree = treeStore({ image: [[good]] });
    const store = {
      ...tree,
      resolve: async () => {
        resolved += 1;
        return resolved === 1 ? IMAGE : { ...IMAGE, digest: digestOf(Buffer.from('unsigned')) };
      },
    };
    const watching = verifier({
      judge: async ({ referrer, subject }) => {
        subjects.push(subject.descriptor.digest);
        return reportOn(referrer, 'accepted');
      },
    });
    const rules = [rule({ name: 'a', verifiers: [watching] }), rule({ name: 'b', verifiers: [watching] })];
    const verdict = await validate(engine(store, { rules }), request('registry.example.test/app:v1'), ports());
    expect(resolved).toBe(1);
    expect(subjects).toEqual([IMAGE.digest, IMAGE.digest]);
    expect(verdict.digest).toBe(IMAGE.digest);
  });

  it('asks for the types that its verifiers take, each once', async () => {
    const verifiers = [verifier({ name: 'b', artifactTypes: [SBOM, NOTATION] }), verifier({ name: 'a' })];
    const { calls } = await judge({ image: [[good]] }, { verifiers });
    expect(calls).toContainEqual(['list', 'image', [SBOM, NOTATION].sort()]);
  });

  it('asks for every type where a verifier takes every type', async () => {
    const { calls } = await judge({ image: [[good]] }, { verifiers: [verifier(), verifier({ name: 'w', artifactTypes: ['*'] })] });
    expect(calls).toContainEqual(['list', 'image', []]);
  });

  it('filters again what a registry that claims to have filtered lists (A-R-25)', async () => {
    const { verdict } = await judge({ image: [[artifact('bad', SBOM), good]] });
    expect(brief(verdict)).toEqual(['accepted', 'VERIFIED', ['good']]);
  });

  it('leaves further pages alone once a signature decides', async () => {
    const { verdict, calls } = await judge({ image: [[good], [bad]] }, { enforcer: policy({ [NOTATION]: 'any' }) });
    expect(verdict.outcome).toBe('accepted');
    expect(calls.filter(([port]) => port === 'page')).toHaveLength(1);
  });

  it('tries first what a verifier ranks first, the others in the order of the registry', async () => {
    const hinted = artifact('good', NOTATION, { hint: 'yes' });
    const rank = (referrer: Referrer) => (referrer.annotations?.hint === 'yes' ? 0 : 1);
    const { verdict } = await judge(
      { image: [[...many(3), hinted]] },
      { verifiers: [verifier({ rank })], enforcer: policy({ [NOTATION]: 'any' }) },
    );
    expect(brief(verdict)).toEqual(['accepted', 'VERIFIED', ['good']]);
    const refused = await judge(
      { image: [[...many(3), artifact('bad-hinted', NOTATION, { hint: 'yes' })]] },
      { verifiers: [verifier({ rank })], enforcer: policy({ [NOTATION]: 'any' }) },
    );
    expect(brief(refused.verdict)).toEqual(['refused', 'SIGNER_UNTRUSTED', ['bad-hinted', 'bad0', 'bad1', 'bad2']]);
  });

  it('asks the first verifier by name that takes a referrer, whatever the order of declaration', async () => {
    const verifiers = [verifier({ name: 'b' }), verifier({ name: 'a' }), verifier({ name: 'A0', artifactTypes: [SBOM] })];
    for (const order of [verifiers, verifiers.toReversed()]) {
      const { verdict } = await judge({ image: [[good]] }, { verifiers: order });
      expect(verdict.reports.map((report) => report.verifier)).toEqual(['a']);
    }
  });

  it('looks at a digest once, however often it is listed', async () => {
    const { verdict } = await judge({ image: [[good, good], [good]] });
    expect(brief(verdict)).toEqual(['accepted', 'VERIFIED', ['good']]);
  });

  it('reads through the store of the ports where one is given', async () => {
    const recorded = treeStore({ image: [[bad]] });
    const live = treeStore({ image: [[good]] });
    const verdict = await validate(engine(live), request(), { ...ports(), store: recorded });
    expect(verdict.outcome).toBe('refused');
    expect(live.calls).toEqual([]);
  });
});

describe('a flood of signatures (A-R-21)', () => {
  const any = policy({ [NOTATION]: 'any' });
  it('accepts the fiftieth', async () => {
    const { verdict } = await judge({ image: [[...many(49), good]] }, { enforcer: any });
    expect(verdict.outcome).toBe('accepted');
  });

  it.each([
    ['the fifty-first, though it is good', [[...many(50), good]]],
    ['one on a later page, though it is good', [many(50), [good]]],
    ['more bad ones', [many(60)]],
    ['more that cannot be judged', [many(60, 'unknown')]],
  ])('refuses rather than try %s', async (_, image) => {
    const { verdict } = await judge({ image }, { enforcer: any });
    expect([verdict.outcome, verdict.reason.code, verdict.reports.length]).toEqual(['refused', 'TOO_MANY_SIGNATURES', 50]);
  });

  it('refuses fifty bad ones for what they are', async () => {
    const { verdict } = await judge({ image: [many(50)] }, { enforcer: any });
    expect(brief(verdict).slice(0, 2)).toEqual(['refused', 'SIGNER_UNTRUSTED']);
  });

  it('does not accept fifty good ones under all when there are more', async () => {
    const { verdict } = await judge({ image: [many(51, 'good')] });
    expect(verdict.reason.code).toBe('TOO_MANY_SIGNATURES');
  });

  it('does not count referrers that no verifier takes', async () => {
    const junk = Array.from({ length: 500 }, (_, at) => artifact(`junk${at}`, SBOM));
    const { verdict } = await judge({ image: [[...junk, good]] }, { enforcer: any });
    expect(verdict.outcome).toBe('accepted');
  });
});

describe('nested artifacts (A-R-23)', () => {
  const sbom = artifact('good-sbom', SBOM);
  const verifiers = [verifier({ name: 'notation' }), verifier({ name: 'sbom', artifactTypes: [SBOM], nested: true })];

  it.each<[string, Tree, Outcome, string, string]>([
    ['accepts an SBOM that is signed', { image: [[sbom]], under: { 'good-sbom': [[good]] } }, 'accepted', 'VERIFIED', 'VERIFIED'],
    ['refuses an SBOM without any signature', { image: [[sbom]] }, 'refused', 'NESTED_REFUSED', 'NESTED_REFUSED'],
    [
      'refuses an SBOM with a bad signature',
      { image: [[sbom]], under: { 'good-sbom': [[bad]] } },
      'refused',
      'NESTED_REFUSED',
      'NESTED_REFUSED',
    ],
    [
      'refuses an SBOM whose signature is the image’s own',
      { image: [[good, sbom]], under: { 'good-sbom': [[good]] } },
      'refused',
      'NESTED_REFUSED',
      'VERIFIED',
    ],
    [
      'does not know where the SBOM’s signature could not be judged',
      { image: [[sbom]], under: { 'good-sbom': [[unknown]] } },
      'unavailable',
      'REVOCATION_UNKNOWN',
      'REVOCATION_UNKNOWN',
    ],
    [
      'does not know where the SBOM’s referrers cannot be listed',
      { image: [[sbom]], under: { 'good-sbom': [registryError('REGISTRY_UNREACHABLE')] } },
      'unavailable',
      'REGISTRY_UNREACHABLE',
      'REGISTRY_UNREACHABLE',
    ],
    [
      'blames the declaration for an SBOM',
      { image: [[sbom]], under: { 'good-sbom': [[broken]] } },
      'misconfigured',
      'TRUST_STORE_INVALID',
      'TRUST_STORE_INVALID',
    ],
  ])('%s', async (_, tree, outcome, code, firstCode) => {
    const { verdict } = await judge(tree, { verifiers });
    expect([verdict.outcome, verdict.reason.code, verdict.reports[0]?.reason.code]).toEqual([outcome, code, firstCode]);
  });

  it('reports what was found below', async () => {
    const { verdict } = await judge({ image: [[sbom]], under: { 'good-sbom': [[good]] } }, { verifiers });
    expect(verdict.reports[0]?.nested.map((report) => nameOf(report.artifact))).toEqual(['good']);
  });

  it('does not look below a verifier without nestedReferences, nor below a bad artifact', async () => {
    const badSbom = artifact('bad-sbom', SBOM);
    const { calls } = await judge({ image: [[good, badSbom]], under: { good: [[bad]], 'bad-sbom': [[good]] } }, { verifiers });
    expect(calls.filter(([port]) => port === 'list')).toHaveLength(1);
  });

  it('goes down two levels and refuses what goes deeper', async () => {
    const nested = [verifier({ nested: true })];
    const names = Array.from({ length: 1_000 }, (_, at) => `good${at}`);
    const under = Object.fromEntries(names.map((name, at) => [name, [[artifact(`good${at + 1}`)]]]));
    const { verdict, calls } = await judge({ image: [[artifact('good0')]], under }, { verifiers: nested });
    expect(verdict).toMatchObject({ outcome: 'refused', reason: { code: 'NESTED_REFUSED' } });
    expect(calls.filter(([port]) => port === 'list').map(([, about]) => about)).toEqual(['image', 'good0', 'good1']);
  });

  it.each([
    ['itself', { a: 'a' }],
    ['each other', { a: 'b', b: 'a' }],
  ])('refuses artifacts that refer to %s', async (_, refers) => {
    const of = (name: string) => artifact(`good-${name}`);
    const under = Object.fromEntries(Object.entries(refers).map(([name, other]) => [`good-${name}`, [[of(other)]]]));
    const { verdict } = await judge({ image: [[of('a')]], under }, { verifiers: [verifier({ nested: true })] });
    expect(verdict).toMatchObject({ outcome: 'refused', reason: { code: 'NESTED_REFUSED' } });
  });

  it('spends one budget on an image and all that is nested', async () => {
    const sboms = Array.from({ length: 30 }, (_, at) => artifact(`good-sbom${at}`, SBOM));
    const under = Object.fromEntries(sboms.map((one, at) => [nameOf(one), [[artifact(`good-sig${at}`)]]]));
    const { verdict } = await judge({ image: [sboms], under }, { verifiers });
    expect(verdict.outcome).toBe('refused');
    expect(verdict.reports.flatMap((report) => [report, ...report.nested])).toHaveLength(50);
  });
});
