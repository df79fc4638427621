import { describe, expect, it } from '@jest/globals';
import { SourceError } from '../../src/engine/errors.ts';
import { ALLOWLIST, attestation, authority, brief, gate, IMAGE, listing, object, policy, REPOSITORY, silent } from './kritis-world.ts';

const SEED = authority() + policy() + ALLOWLIST;
const KEY = `[default]${IMAGE}`;
const unreachable = new SourceError('ATTESTATIONS_UNREACHABLE', 'the source is down');

describe('exemptions of kritis', () => {
  const RATIFY_AND_KRITIS = `${SEED}\n---\n${JSON.stringify({
    apiVersion: 'config.ratify.deislabs.io/v1beta1',
    kind: 'Policy',
    metadata: { name: 'ratify-policy' },
    spec: { type: 'config-policy', parameters: {} },
  })}\n`;
  const BREAK_GLASS = `[default?kritis.grafeas.io%2Fbreakglass=]${IMAGE}`;

  it.each(['', 'true', 'false', 'no%20matter'])('A0.14 let it run with the break-glass annotation %j, with a record', async (value) => {
    const source = listing([]);
    const { ask, store } = await gate(SEED, [source]);
    const verdict = await ask(`[default?kritis.grafeas.io%2Fbreakglass=${value}]${REPOSITORY}:3.18`);
    expect(brief(verdict)).toBe('accepted BREAK_GLASS');
    expect(verdict.records).toMatchObject([{ event: 'BreakGlass', object: 'annotation kritis.grafeas.io/breakglass' }]);
    expect([source.asked, store.calls]).toEqual([[], []]);
  });

  it.each([
    `[default]${IMAGE}`,
    `[default?kritis.grafeas.io%2Fbreak-glass=]${IMAGE}`,
    `[default?breakglass=true]${IMAGE}`,
    `[default?Kritis.grafeas.io%2Fbreakglass=true]${IMAGE}`,
    `[default?oracle.image-policy.k8s.io%2Fbreak-glass=true]${IMAGE}`,
  ])('A0.14 take nothing else for break-glass: %s', async (key) => {
    expect(brief(await (await gate(SEED, [listing([])])).ask(key))).toBe('refused NOT_ATTESTED');
  });

  it('A0.14 do not let it run where the settings turn break-glass off', async () => {
    const { ask } = await gate(SEED, [listing([])], { breakGlass: false });
    expect(brief(await ask(BREAK_GLASS))).toBe('refused NOT_ATTESTED');
  });

  it.each([BREAK_GLASS, '[default]registry-vpc.cn-hangzhou.aliyuncs.com/acs/pause:3.2'])('satisfy no other family: %s', async (key) => {
    const { ask } = await gate(RATIFY_AND_KRITIS, [listing([])]);
    const verdict = await ask(key);
    expect(verdict.outcome).toBe('misconfigured');
    expect(verdict.rules.map(({ family, outcome }) => `${family} ${outcome}`)).toEqual(['ratify misconfigured', 'kritis accepted']);
  });

  it('are not made by an allowlist that cannot be read', async () => {
    const broken = object('AdmissionAllowlist', 'broken', { patterns: [{ namePattern: '*' }, { namePattern: 1 }] });
    expect(brief(await (await gate(authority() + policy() + broken, [listing([])])).ask('[default]nginx:1'))).toBe('refused TAG_REFERENCE');
  });

  it('are made by the lists of all policies of the namespace, and of no other', async () => {
    const patterns = (namePattern: string) => ({ attestationAuthorityNames: ['demo-aa'], admissionAllowlistPatterns: [{ namePattern }] });
    const yaml =
      authority() +
      object('GenericAttestationPolicy', 'one', patterns('gcr.io/project/*')) +
      object('GenericAttestationPolicy', 'two', patterns('nginx')) +
      authority({ namespace: 'prod' }) +
      policy(['demo-aa'], 'three', 'prod');
    const { ask } = await gate(yaml, [listing([])]);
    expect(brief(await ask('[default]gcr.io/project/app:1'))).toBe('accepted ALLOWLISTED');
    expect(brief(await ask('[default]nginx'))).toBe('accepted ALLOWLISTED');
    expect(brief(await ask('[default]gcr.io/project/team/app:1'))).toBe('refused TAG_REFERENCE');
    expect(brief(await ask('[prod]nginx'))).toBe('refused TAG_REFERENCE');
  });

  it('are told of where a pattern lets more run than it seems', async () => {
    const allowlist = object('AdmissionAllowlist', 'wide', {
      patterns: ['a.com/nginx*', 'a.com/nginx:*', 'a.com/*', '*'].map((namePattern) => ({ namePattern })),
    });
    const { diagnostics } = await gate(allowlist);
    const told = diagnostics.filter(({ path }) => path.startsWith('spec.')).map(({ code, path }) => `${code} ${path}`);
    expect(told).toEqual(['CONFIG_HINT spec.patterns[0].namePattern', 'CONFIG_HINT spec.patterns[3].namePattern']);
  });
});

describe('a dry run', () => {
  it.each<[string, string, Parameters<typeof gate>[1], string]>([
    ['what is refused', SEED, [listing([])], 'NOT_ATTESTED'],
    ['what cannot be found out', SEED, [listing(unreachable)], 'ATTESTATIONS_UNREACHABLE'],
    ['what is misconfigured', policy(), [listing([])], 'CONFIG_INVALID'],
  ])('A0.11 lets %s run, and records it', async (_, yaml, sources, code) => {
    const verdict = await (await gate(yaml, sources, { dryRun: true })).ask(KEY);
    expect(brief(verdict)).toBe('accepted DRY_RUN');
    expect(verdict.records).toMatchObject([
      { event: 'DryRunKritisAdmission', object: 'GenericAttestationPolicy', message: expect.stringContaining(code) },
    ]);
    expect(verdict.validUntil).toEqual(new Date(Date.parse('2026-05-01T12:00:05Z')));
  });

  it.each<[string, string, Parameters<typeof gate>[1], string]>([
    ['what is refused', SEED, [listing([])], 'refused NOT_ATTESTED'],
    ['what cannot be found out', SEED, [listing(unreachable)], 'unavailable ATTESTATIONS_UNREACHABLE'],
    ['what is misconfigured', policy(), [listing([])], 'misconfigured CONFIG_INVALID'],
  ])('A0.11 is off by default: %s is denied, and recorded as that', async (_, yaml, sources, expected) => {
    const verdict = await (await gate(yaml, sources)).ask(KEY);
    expect(brief(verdict)).toBe(expected);
    expect(verdict.records).toMatchObject([{ event: 'FailedKritisAdmission', object: 'GenericAttestationPolicy' }]);
  });

  it('A0.11 records nothing of what is accepted', async () => {
    const verdict = await (await gate(SEED, [listing([attestation()])], { dryRun: true })).ask(KEY);
    expect([brief(verdict), verdict.records]).toEqual(['accepted VERIFIED', []]);
  });

  it('A0.11 does not wait for a slow source until the caller has gone', async () => {
    const verdict = await (await gate(SEED, [silent], { dryRun: true })).ask(KEY);
    expect(brief(verdict)).toBe('accepted DRY_RUN');
    expect(verdict.reason.message).toContain('DEADLINE_EXCEEDED');
  });

  it('lets nothing run that another family refuses', async () => {
    const ratify = {
      apiVersion: 'config.ratify.deislabs.io/v1beta1',
      kind: 'Policy',
      metadata: { name: 'ratify-policy' },
      spec: { type: 'config-policy', parameters: {} },
    };
    const verdict = await (await gate(`${SEED}\n---\n${JSON.stringify(ratify)}\n`, [listing([])], { dryRun: true })).ask(KEY);
    expect(verdict.outcome).toBe('misconfigured');
  });
});
