import { describe, expect, it } from '@jest/globals';
import { buildSnapshot } from '../../src/config/build.ts';
import { loadFiles } from '../../src/config/files.ts';
import type { Verdict } from '../../src/engine/types.ts';
import { validate } from '../../src/engine/validate.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { exceptions } from '../../src/rules/exception.ts';
import { deps, folder, keys, smallKinds, store, verifier } from '../config/world.ts';
import { ports } from '../engine/world.ts';

const NOW = new Date('2026-05-01T12:00:00Z');
const FULL = {
  images: ['reg.test/team/**'],
  reason: 'vendor fix',
  ticket: 'OPS-17',
  owner: 'ana@example.test',
  expires: '2026-05-02T00:00:00Z',
};

function exception(spec: Readonly<Record<string, unknown>>, name = 'hotfix'): string {
  return `---\n${JSON.stringify({ apiVersion: 'countersign.dev/v1alpha1', kind: 'Exception', metadata: { name }, spec })}\n`;
}

/** Asks of a cluster whose only Verifier accepts nothing, with what is declared beside it. */
async function ask(declared: string, image: string, { namespace, now = NOW }: { namespace?: string; now?: Date } = {}) {
  const { resources } = await loadFiles(await folder({ 'all.yaml': `${store('s')}${keys('k', 'none')}${verifier('v')}${declared}` }));
  const { snapshot, diagnostics } = await buildSnapshot(resources, { ...smallKinds, families: [exceptions] }, deps);
  const request = {
    reference: parseReference(image),
    text: image,
    attributes: new Map(),
    ...(namespace === undefined ? {} : { namespace }),
  };
  const verdict = await validate(snapshot.for(namespace), request, ports({ now }));
  return { verdict, diagnostics };
}

const brief = ({ outcome, reason: { code }, records }: Verdict) => [outcome, code, records.map(({ event }) => event)];
const HONOURED = ['accepted', 'EXCEPTION', ['ExceptionUsed']];

describe('an Exception', () => {
  it('lets an image run without a look at a registry, and says why, who and until when', async () => {
    const { verdict } = await ask(exception(FULL), 'reg.test/team/app:1');
    expect(brief(verdict)).toEqual(HONOURED);
    expect(verdict.reason.message).toBe(
      'Exception hotfix lets it run until 2026-05-02T00:00:00.000Z: vendor fix (OPS-17, ana@example.test)',
    );
    expect(verdict.rules).toMatchObject([{ name: 'default', family: 'ratify', exemption: 'Exception hotfix', outcome: 'accepted' }]);
    expect(verdict.validUntil?.toISOString()).toBe('2026-05-01T12:00:10.000Z');
  });

  it('ends the verdict on a digest when it ends itself', async () => {
    const { verdict } = await ask(exception(FULL), `reg.test/team/app@sha256:${'a'.repeat(64)}`);
    expect([brief(verdict), verdict.validUntil?.toISOString()]).toEqual([HONOURED, '2026-05-02T00:00:00.000Z']);
  });

  it.each<[string, Record<string, unknown>, { namespace?: string; now?: Date }]>([
    ['in a namespace that it names', { namespaces: ['team'] }, { namespace: 'team' }],
    ['from the rule that it names', { rules: ['default'] }, {}],
    ['from the family that it names', { rules: ['kritis', 'ratify'] }, {}],
    ['until the last instant', {}, { now: new Date('2026-05-01T23:59:59.999Z') }],
    ['at a time with an offset', { expires: '2026-05-01T14:00:01+02:00' }, {}],
  ])('is honoured %s', async (_, spec, asked) => {
    expect(brief((await ask(exception({ ...FULL, ...spec }), 'reg.test/team/app:1', asked)).verdict)).toEqual(HONOURED);
  });

  it.each<[string, Record<string, unknown>, string, { namespace?: string; now?: Date }]>([
    ['for an image that it does not name', {}, 'reg.test/other/app:1', {}],
    ['for a registry that begins alike', {}, 'reg.test.evil.test/team/app:1', {}],
    ['in another namespace', { namespaces: ['team'] }, 'reg.test/team/app:1', { namespace: 'other' }],
    ['without a namespace where it names one', { namespaces: ['team'] }, 'reg.test/team/app:1', {}],
    ['from a rule that it does not name', { rules: ['kritis', 'other'] }, 'reg.test/team/app:1', {}],
    ['from the instant at which it expires', {}, 'reg.test/team/app:1', { now: new Date('2026-05-02T00:00:00Z') }],
    ['a year later', {}, 'reg.test/team/app:1', { now: new Date('2027-05-02T00:00:00Z') }],
  ])('is not honoured %s', async (_, spec, image, asked) => {
    const { verdict } = await ask(exception({ ...FULL, ...spec }), image, asked);
    expect(verdict.outcome).not.toBe('accepted');
    expect(verdict.records).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['no images', undefined],
    ['images', []],
    ['images', ['*']],
    ['images', ['**']],
    ['images', ['app:1']],
    ['images', 'reg.test/app'],
    ['reason', undefined],
    ['reason', ''],
    ['ticket', undefined],
    ['owner', undefined],
    ['owner', 7],
    ['expires', undefined],
    ['expires', 'never'],
    ['expires', '2026-05-02'],
    ['expires', '2026-13-02T00:00:00Z'],
    ['namespaces', []],
    ['namespaces', ['*']],
    ['rules', []],
  ])('is malformed with %s as %j: not honoured, and said', async (field, value) => {
    const { verdict, diagnostics } = await ask(exception({ ...FULL, [field.replace('no ', '')]: value }), 'reg.test/team/app:1');
    expect([verdict.outcome === 'accepted', verdict.records]).toEqual([false, []]);
    expect(diagnostics.filter(({ severity, object }) => severity === 'error' && object === 'Exception hotfix')).toHaveLength(1);
  });

  it('with a word for the time it expires is told what a time looks like', async () => {
    const { diagnostics } = await ask(exception({ ...FULL, expires: 'tomorrow' }), 'reg.test/team/app:1');
    const said = 'expected an RFC 3339 time such as 2027-01-31T00:00:00Z, found "tomorrow"';
    expect(diagnostics.map(({ message }) => message)).toContainEqual(expect.stringContaining(said));
  });

  it('is a warning with a rule that is none, which it is honoured from no rule for', async () => {
    const { verdict, diagnostics } = await ask(exception({ ...FULL, rules: ['notation', 'ImageSigningRule prod'] }), 'reg.test/team/app:1');
    expect(verdict.outcome).not.toBe('accepted');
    expect(diagnostics.filter(({ path }) => path.startsWith('spec.rules')).map(({ severity, path }) => `${severity} ${path}`)).toEqual([
      'warning spec.rules[0]',
    ]);
  });

  it('that has expired is told of in the refusal', async () => {
    const { verdict } = await ask(exception(FULL), 'reg.test/team/app:1', { now: new Date('2026-05-03T00:00:00Z') });
    expect(verdict.reason.message).toMatch(/; Exception hotfix expired at 2026-05-02T00:00:00\.000Z$/);
  });

  it('alone declares nothing that could decide', async () => {
    const { resources } = await loadFiles(await folder({ 'all.yaml': exception(FULL) }));
    const { snapshot, usable } = await buildSnapshot(resources, { ...smallKinds, families: [exceptions] }, deps);
    const text = 'reg.test/team/app:1';
    const verdict = await validate(snapshot.for(undefined), { reference: parseReference(text), text, attributes: new Map() }, ports());
    expect([usable, verdict.outcome]).toEqual([false, 'misconfigured']);
  });

  it('changes the revision of every view', async () => {
    const of = async (declared: string) => {
      const { resources } = await loadFiles(await folder({ 'all.yaml': `${store('s')}${keys('k', 'none')}${verifier('v')}${declared}` }));
      return (await buildSnapshot(resources, { ...smallKinds, families: [exceptions] }, deps)).snapshot.for('any').revision;
    };
    const revisions = [await of(''), await of(exception(FULL)), await of(exception({ ...FULL, expires: '2026-05-03T00:00:00Z' }))];
    expect(new Set(revisions).size).toBe(3);
  });
});
