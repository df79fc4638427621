// @rig opa, gator
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ScriptedProvider, startScriptedProvider } from '../fakes/scripted-provider.ts';
import { ensureTools } from '../rig/build.ts';
import { issueProviderCertificate } from '../rig/cluster/certificates.ts';
import { CASES, type PolicyCase, pod } from './cases.ts';
import { askAsGatekeeper } from './gatekeeper-answer.ts';
import { createOpa, type Opa } from './opa.ts';

const BUILD_WITHIN_MS = 40 * 60_000;
const POLICIES = join(import.meta.dirname, '../../policies');

describe('the Rego of the policies', () => {
  let opa: Opa;
  let gator: string;
  let provider: ScriptedProvider;
  let ca: string;

  beforeAll(async () => {
    const bin = await ensureTools(['opa', 'gator'], console.log);
    gator = bin.gator;
    opa = await createOpa(bin.opa);
    const certificate = issueProviderCertificate();
    ca = certificate.ca;
    provider = await startScriptedProvider(certificate);
  }, BUILD_WITHIN_MS);

  afterAll(async () => {
    await provider?.stop();
    await opa?.dispose();
  });

  it('is formatted', async () => {
    expect(await opa.onSources('fmt', '--list')).toBe('');
  });

  it('has no unused import or variable and no deprecated function', async () => {
    expect(await opa.onSources('check', '--strict')).toBe('');
  });

  it('passes its own tests, each of which is one', async () => {
    const results = JSON.parse(await opa.onSources('test', '--format', 'json')) as { name: string; fail?: boolean; error?: unknown }[];
    expect(results.length).toBeGreaterThan(60);
    expect(results.filter(({ fail, error }) => fail === true || error !== undefined)).toEqual([]);
  });

  it('passes the suites of gator where no provider is asked', async () => {
    const { stdout } = await promisify(execFile)(gator, ['verify', join(POLICIES, 'digest-only')]);
    expect(stdout).toMatch(/^ok\t/m);
  });

  const input = ({ object, parameters = {} }: PolicyCase) => ({
    review: { kind: { kind: object.kind }, operation: 'CREATE', namespace: object.metadata.namespace, object },
    parameters,
  });

  it.each(CASES)('$policy: $name', async (one) => {
    const keys = one.policy === 'verified-images' ? await opa.keys(one.policy, input(one)) : [];
    const answer = keys.length === 0 ? undefined : await askAsGatekeeper(provider.address, ca, keys);
    const said = await opa.violations(one.policy, input(one), answer);
    expect(said.map(({ msg }) => msg).sort()).toEqual(
      one.says.map((line) => (typeof line === 'string' ? line : expect.stringMatching(line))),
    );
    for (const { msg } of said) expect(msg).toMatch(/^[ -~]{1,460}$/);
  });

  it('denies what Gatekeeper cannot ask about at all', async () => {
    const one: PolicyCase = { name: '', policy: 'verified-images', object: pod('toy.local/good:1'), says: [] };
    expect(await opa.violations(one.policy, input(one), undefined)).toMatchObject([
      { msg: 'misconfigured NO_ANSWER containers[c0] toy.local/good:1: Gatekeeper did not ask the provider; look at its log' },
    ]);
  });

  it('decides on 200 images, all of them refused, well within the time of a webhook', async () => {
    const images = Array.from({ length: 200 }, (_, index) => `toy.local/deny:${index}`);
    const one: PolicyCase = { name: '', policy: 'verified-images', object: pod(...images), says: [] };
    const answer = await askAsGatekeeper(provider.address, ca, await opa.keys(one.policy, input(one)));
    expect(await opa.violations(one.policy, input(one), answer)).toHaveLength(200);
  });
});
