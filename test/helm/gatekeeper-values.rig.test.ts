// @rig helm
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadSettings } from '../../src/config/settings.ts';
import { ensureTools } from '../rig/build.ts';
import { moduleOf } from '../rig/tools.ts';
import { CHART, createHelm, type Helm, objectsOf, one, type Rendered } from './helm.ts';

const BUILD_WITHIN_MS = 20 * 60_000;
const MODULE = 'github.com/open-policy-agent/gatekeeper/v3';
const VALIDATING = ['ValidatingWebhookConfiguration', 'validation.gatekeeper.sh'] as const;
const MUTATING = ['MutatingWebhookConfiguration', 'mutation.gatekeeper.sh'] as const;

/** The chart of the Gatekeeper that the rig runs. */
function gatekeeperChart(): string {
  const folder = execFileSync('go', ['list', '-mod=readonly', '-m', '-f', '{{.Dir}}', MODULE], { cwd: moduleOf('gatekeeper') });
  return join(folder.toString('utf8').trim(), 'charts/gatekeeper');
}

describe('Gatekeeper’s chart with our values for it', () => {
  let helm: Helm;
  let objects: readonly Rendered[];

  beforeAll(async () => {
    helm = createHelm((await ensureTools(['helm'], console.log)).helm);
    const to = ['--namespace', 'gatekeeper-system', '--kube-version', '1.36.3', '--values', join(CHART, 'gatekeeper-values.yaml')];
    const { code, stdout, stderr } = await helm.run('template', 'gatekeeper', gatekeeperChart(), ...to);
    if (code !== 0) throw new Error(stderr);
    objects = objectsOf(stdout);
  }, BUILD_WITHIN_MS);

  afterAll(() => helm?.dispose());

  const webhook = ([kind, name]: typeof VALIDATING | typeof MUTATING) =>
    one(objects, kind).webhooks.find((entry: { name: string }) => entry.name === name);

  it('rig e2, h3: makes both webhooks wait longer than our Providers, and deny when nobody answers', async () => {
    const { validating, mutating } = await loadSettings();
    const providers = (await helm.render()).filter(({ kind }) => kind === 'Provider');
    for (const [which, { webhookMs }, action] of [
      [VALIDATING, validating, 'verify'],
      [MUTATING, mutating, 'mutate'],
    ] as const) {
      const { timeoutSeconds, failurePolicy } = webhook(which);
      expect([timeoutSeconds * 1000, failurePolicy]).toEqual([webhookMs, 'Fail']);
      const timeouts = providers.filter(({ spec }) => spec.url.endsWith(action)).map(({ spec }) => spec.timeout);
      expect(Math.max(...timeouts)).toBeLessThan(timeoutSeconds);
    }
  });

  it('keeps the cluster able to come up: kube-system and Gatekeeper’s namespace are not asked about', () => {
    for (const which of [VALIDATING, MUTATING]) {
      expect(webhook(which).namespaceSelector.matchExpressions).toContainEqual({
        key: 'kubernetes.io/metadata.name',
        operator: 'NotIn',
        values: expect.arrayContaining(['kube-system', 'gatekeeper-system']),
      });
    }
  });

  it.each([VALIDATING, MUTATING])('rig i3: has the %s see ephemeral containers', (...which) => {
    expect(webhook(which as typeof VALIDATING).rules[0].resources).toContain('pods/ephemeralcontainers');
  });

  it('rig a4, e3: gives its reviews slots, and what it keeps a short life', () => {
    const { args } = one(objects, 'Deployment', 'gatekeeper-controller-manager').spec.template.spec.containers[0];
    expect(args).toEqual(expect.arrayContaining(['--max-serving-threads=100', '--external-data-provider-response-cache-ttl=1m']));
  });
});
