import { describe, expect, it } from '@jest/globals';
import { SourceError } from '../../src/engine/errors.ts';
import type { Vulnerability } from '../../src/engine/types.ts';
import { attestation, authority, brief, DIGEST, gate, IMAGE, listing, object, policy, REPOSITORY, scanned } from './kritis-world.ts';

const KEY = `[default]${IMAGE}`;
const note = (id: string): string => `projects/goog-vulnz/notes/CVE-${id}`;
const isp = (requirements: object = {}, over: object = {}, name = 'my-isp'): string =>
  object('ImageSecurityPolicy', name, { packageVulnerabilityRequirements: requirements, ...over });
const vulnerability = (id: string, severity: string, isFixAvailable = true): Vulnerability => ({ cve: note(id), severity, isFixAvailable });

const SEVERITIES: Readonly<Record<string, string>> = { l: 'LOW', m: 'MEDIUM', h: 'HIGH', c: 'CRITICAL' };
/** One of each severity, with a fix (`l`) and without one (`l_nofix`). */
const ALL = Object.entries(SEVERITIES).flatMap(([id, severity]) => [
  vulnerability(id, severity),
  vulnerability(`${id}_nofix`, severity, false),
]);
const judge = async (yaml: string, found: readonly Vulnerability[]): Promise<string> =>
  brief(await (await gate(yaml, [scanned(found)])).ask(KEY));

describe('A0.15 an ImageSecurityPolicy', () => {
  // Upstream's table of thresholds: which of ALL violate.
  it.each<[string, string, string, readonly string[]]>([
    ['the defaults', '', '', []],
    ['CRITICAL', 'CRITICAL', '', []],
    ['HIGH', 'HIGH', '', ['c']],
    ['MEDIUM', 'MEDIUM', '', ['h', 'c']],
    ['LOW', 'LOW', '', ['m', 'h', 'c']],
    ['BLOCK_ALL', 'BLOCK_ALL', '', ['l', 'm', 'h', 'c']],
    ['BLOCK_ALL with a fix, ALLOW_ALL without', 'BLOCK_ALL', 'ALLOW_ALL', ['l', 'm', 'h', 'c']],
    ['ALLOW_ALL', 'ALLOW_ALL', '', []],
    ['ALLOW_ALL with a fix, BLOCK_ALL without', 'ALLOW_ALL', 'BLOCK_ALL', ['l_nofix', 'm_nofix', 'h_nofix', 'c_nofix']],
    ['MEDIUM with a fix, HIGH without', 'MEDIUM', 'HIGH', ['h', 'c', 'c_nofix']],
    ['HIGH with a fix, MEDIUM without', 'HIGH', 'MEDIUM', ['c', 'c_nofix', 'h_nofix']],
  ])('refuses as upstream does with %s', async (_, maximumSeverity, maximumFixUnavailableSeverity, violating) => {
    const yaml = isp({ maximumSeverity, maximumFixUnavailableSeverity });
    for (const one of ALL) {
      const expected = violating.includes(one.cve.replace(note(''), '')) ? 'refused VULNERABILITY_FOUND' : 'accepted VERIFIED';
      expect([one.cve, await judge(yaml, [one])]).toEqual([one.cve, expected]);
    }
    expect(await judge(yaml, ALL)).toBe(violating.length === 0 ? 'accepted VERIFIED' : 'refused VULNERABILITY_FOUND');
  });

  it('names the worst, how many more there are, and what is allowed', async () => {
    const yaml = isp({ maximumSeverity: 'LOW' });
    const verdict = await (await gate(yaml, [scanned([vulnerability('2017-1', 'MEDIUM')], [vulnerability('2020-2', 'CRITICAL')])])).ask(
      KEY,
    );
    expect(verdict.reason.message).toBe(
      `${REPOSITORY}@${DIGEST.slice(0, 19)} has "CVE-2020-2" and 1 more (CRITICAL, fixable); ImageSecurityPolicy my-isp allows LOW`,
    );
    expect(verdict.records).toMatchObject([{ event: 'FailedKritisAdmission', object: 'ImageSecurityPolicy' }]);
  });

  it.each<[string, readonly string[], string]>([
    ['its note', [note('2017-1')], 'accepted VERIFIED'],
    ['another note', [note('2017-2')], 'refused VULNERABILITY_FOUND'],
    ['its number alone', ['CVE-2017-1'], 'refused VULNERABILITY_FOUND'],
    ['the beginning of its note', [note('2017-')], 'refused VULNERABILITY_FOUND'],
    ['a wildcard', ['*'], 'refused VULNERABILITY_FOUND'],
    ['its note in small letters', [note('2017-1').toLowerCase()], 'refused VULNERABILITY_FOUND'],
  ])('passes over a vulnerability whose list has %s', async (_, allowlistCVEs, expected) => {
    expect(await judge(isp({ maximumSeverity: 'LOW', allowlistCVEs }), [vulnerability('2017-1', 'CRITICAL')])).toBe(expected);
  });

  it.each(['', 'SEVERITY_UNSPECIFIED', 'SEVERE', 'critical', 'BLOCK_ALL', 'ALLOW_ALL', '__proto__'])(
    'takes severity %j for the worst, not for the mildest',
    async (severity) => {
      expect(await judge(isp({ maximumSeverity: 'HIGH' }), [vulnerability('1', severity)])).toBe('refused VULNERABILITY_FOUND');
    },
  );

  it.each<[string, unknown]>([
    ['a threshold that there is not', { packageVulnerabilityRequirements: { maximumSeverity: '!' } }],
    ['a threshold in small letters', { packageVulnerabilityRequirements: { maximumSeverity: 'low' } }],
    ['a list that is none', { packageVulnerabilityRequirements: { allowlistCVEs: note('1') } }],
    ['no spec', undefined],
  ])('is misconfigured with %s', async (_, spec) => {
    expect(await judge(object('ImageSecurityPolicy', 'my-isp', spec), [vulnerability('1', 'LOW')])).toBe('misconfigured CONFIG_INVALID');
    expect(await judge(isp() + object('ImageSecurityPolicy', 'other', spec), [])).toBe('misconfigured CONFIG_INVALID');
  });

  it('does not look at images of its list, as they are written', async () => {
    const { ask, store } = await gate(isp({ maximumSeverity: 'LOW' }, { imageAllowlist: ['gcr.io/p/app:1', IMAGE] }), [scanned(ALL)]);
    expect(brief(await ask('[default]gcr.io/p/app:1'))).toBe('accepted ALLOWLISTED');
    expect(brief(await ask(KEY))).toBe('accepted ALLOWLISTED');
    expect(store.calls).toEqual([]);
    expect(brief(await ask(`[default]gcr.io/p/app:1@${DIGEST}`))).toBe('refused VULNERABILITY_FOUND');
    expect(brief(await ask('[default]gcr.io/p/app:2'))).toBe('refused TAG_REFERENCE');
  });

  it('refuses a reference by tag, with the digest to use', async () => {
    const verdict = await (await gate(isp(), [scanned([])])).ask(`[default]${REPOSITORY}:3.18`);
    expect(brief(verdict)).toBe('refused TAG_REFERENCE');
    expect(verdict.reason.message.endsWith(`use @${DIGEST}`)).toBe(true);
  });

  it('lets an image pass of which nothing is known, as upstream, and says so', async () => {
    const verdict = await (await gate(isp({ maximumSeverity: 'BLOCK_ALL' }), [scanned()])).ask(KEY);
    expect(brief(verdict)).toBe('accepted NOT_SCANNED');
    expect(verdict.reason.message).toContain('clean, or never scanned');
  });

  it('refuses an image of which nothing is known where the settings say so', async () => {
    const { ask } = await gate(isp(), [scanned([])], { unscanned: 'refuse' });
    expect(brief(await ask(KEY))).toBe('refused NOT_SCANNED');
  });

  it.each<[string, Parameters<typeof gate>[1], string]>([
    ['no source tells of vulnerabilities', [listing([attestation()])], 'misconfigured CONFIG_INVALID'],
    ['there is no source', [], 'misconfigured CONFIG_INVALID'],
    ['the source is down', [scanned(new SourceError('ATTESTATIONS_UNREACHABLE', 'down'))], 'unavailable ATTESTATIONS_UNREACHABLE'],
    [
      'the source fails after a page of tolerable ones',
      [scanned([vulnerability('1', 'LOW')], new SourceError('ATTESTATIONS_INVALID', 'cut'))],
      'unavailable ATTESTATIONS_INVALID',
    ],
    [
      'one of two sources is down',
      [scanned([vulnerability('1', 'LOW')]), scanned(new SourceError('ATTESTATIONS_DENIED', '403'))],
      'unavailable ATTESTATIONS_DENIED',
    ],
    [
      'more are listed than are read',
      [scanned(Array.from({ length: 10_001 }, (_, index) => vulnerability(String(index), 'LOW')))],
      'unavailable ATTESTATIONS_INVALID',
    ],
  ])('accepts nothing where %s', async (_, sources, expected) => {
    expect(brief(await (await gate(isp(), sources, { unscanned: 'refuse' })).ask(KEY))).toBe(expected);
  });

  it('refuses by what is known though another source is down', async () => {
    const sources = [scanned(new SourceError('ATTESTATIONS_UNREACHABLE', 'down')), scanned([vulnerability('1', 'CRITICAL')])];
    expect(brief(await (await gate(isp({ maximumSeverity: 'LOW' }), sources)).ask(KEY))).toBe('refused VULNERABILITY_FOUND');
  });

  it('must be satisfied with every other one of the namespace', async () => {
    const found = [vulnerability('1', 'HIGH')];
    const [lax, strict] = [isp({ maximumSeverity: 'HIGH' }, {}, 'lax'), isp({ maximumSeverity: 'LOW' }, {}, 'strict')];
    expect(await judge(lax, found)).toBe('accepted VERIFIED');
    expect(await judge(lax + strict, found)).toBe('refused VULNERABILITY_FOUND');
    expect(await judge(lax + isp({ maximumSeverity: 'LOW' }, { imageAllowlist: [IMAGE] }, 'strict'), found)).toBe('accepted VERIFIED');
  });

  it('must be satisfied beside the attestations, and by nothing of theirs', async () => {
    const yaml = authority() + policy() + isp({ maximumSeverity: 'LOW' }, { attestationAuthorityNames: ['demo-aa'] });
    const source = { ...listing([attestation()]), vulnerabilities: scanned([vulnerability('1', 'HIGH')]).vulnerabilities };
    const { ask, diagnostics } = await gate(yaml, [source as ReturnType<typeof scanned>]);
    const verdict = await ask(KEY);
    expect(brief(verdict)).toBe('refused VULNERABILITY_FOUND');
    expect(verdict.rules.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'GenericAttestationPolicy accepted',
      'ImageSecurityPolicy refused',
    ]);
    expect(diagnostics).toMatchObject([{ severity: 'warning', path: 'spec.attestationAuthorityNames' }]);
  });

  it('covers no other namespace', async () => {
    expect(brief(await (await gate(isp(), [scanned(ALL)])).ask(`[prod]${IMAGE}`))).toBe('accepted NOT_COVERED');
  });
});
