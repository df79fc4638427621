// @rig cluster, gatekeeper
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { type ScriptedProvider, startScriptedProvider } from '../fakes/scripted-provider.ts';
import { issueProviderCertificate } from '../rig/cluster/certificates.ts';
import { admitted, type KubeObject } from '../rig/cluster/kube-client.ts';
import { type Cluster, startCluster } from '../rig/cluster.ts';
import { applyPolicies } from '../rig/gatekeeper/policies.ts';
import { providerObject } from '../rig/gatekeeper/providers.ts';
import { type Gatekeeper, startGatekeeper } from '../rig/gatekeeper.ts';
import { eventually } from '../rig/wait.ts';

const BUILD_WITHIN_MS = 60 * 60_000;
const FOLDER = join(import.meta.dirname, '../../policies/pin-digests');
const PINNED = `@sha256:${'0'.repeat(64)}`;

const objectsOf = (file: string): readonly KubeObject[] =>
  parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')).map((document) => document.toJS() as KubeObject);

interface Configuration extends KubeObject {
  readonly webhooks: readonly { readonly rules: readonly { readonly resources: readonly string[] }[] }[];
}

function pod(name: string, spec: Readonly<Record<string, unknown>>): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec };
}

describe('policies/pin-digests before a real Gatekeeper', () => {
  let cluster: Cluster;
  let provider: ScriptedProvider;
  let gatekeeper: Gatekeeper;

  beforeAll(async () => {
    cluster = await startCluster({ onProgress: console.log });
    gatekeeper = await startGatekeeper(cluster, { onProgress: console.log });
    const certificate = issueProviderCertificate();
    provider = await startScriptedProvider({ ...certificate, clientCa: gatekeeper.ca });
    cluster.beforeStop(provider.stop);
    admitted(await cluster.client.create(pod('older', { containers: [{ name: 'web', image: 'toy.local/older:1' }] })));
    admitted(await debug('older', 'first', 'toy.local/older-debug:1'));
    const url = `https://${provider.address}/mutate`;
    await applyPolicies(cluster.client, gatekeeper.pods, [
      providerObject({ name: 'countersign-mutation-provider', url, ca: certificate.ca, timeoutSeconds: 1 }),
      ...objectsOf('pods.yaml'),
    ]);
  }, BUILD_WITHIN_MS);

  afterAll(() => cluster?.stop());

  const create = (object: KubeObject) => cluster.client.create(object, { dryRun: true });
  const debug = (name: string, container: string, image: string, dryRun = false) =>
    cluster.client.patch(
      { kind: 'Pod', name, subresource: 'ephemeralcontainers' },
      { spec: { ephemeralContainers: [{ name: container, image }] } },
      { dryRun },
    );

  it('pins containers, init containers and image volumes of a Pod that is created', async () => {
    const made = admitted(
      await create(
        pod('all', {
          containers: [{ name: 'web', image: 'toy.local/web:1' }],
          initContainers: [{ name: 'prepare', image: 'toy.local/prepare:1' }],
          volumes: [
            { name: 'model', image: { reference: 'toy.local/model:1' } },
            { name: 'scratch', emptyDir: {} },
          ],
        }),
      ),
    );
    expect(made.spec).toMatchObject({
      containers: [{ image: `toy.local/web:1${PINNED}` }],
      initContainers: [{ image: `toy.local/prepare:1${PINNED}` }],
      volumes: expect.arrayContaining([
        { name: 'model', image: { reference: `toy.local/model:1${PINNED}`, pullPolicy: 'IfNotPresent' } },
        { name: 'scratch', emptyDir: {} },
      ]),
    });
  });

  it('rig h4: asks for nothing where there is no image, and the API server says what is missing', async () => {
    provider.takeCalls();
    const { admitted: ok, message } = await create(pod('none', { containers: [{ name: 'web' }] }));
    expect({ ok, message }).toEqual({ ok: false, message: expect.stringContaining('spec.containers[0].image: Required value') });
    expect(provider.takeCalls()).toEqual([]);
  });

  it.each(['itemerr', 'omit', 'syserr', 'notext', 'nonidem', 'http500-otherjson', 'nonjson'])(
    'rig h1: denies a Pod whose image cannot be pinned: %s',
    async (word) => {
      const { admitted: ok, message } = await create(pod('bad', { containers: [{ name: 'web', image: `toy.local/${word}:1` }] }));
      expect({ ok, message }).toEqual({ ok: false, message: expect.stringContaining('failed to resolve external data placeholders') });
    },
  );

  it('rig h3: denies a Pod whose provider is slower than its timeout, where the webhook waits longer', async () => {
    const { admitted: ok, message } = await create(pod('slow', { containers: [{ name: 'web', image: 'toy.local/slow5000:1' }] }));
    expect({ ok, message }).toEqual({ ok: false, message: expect.stringContaining('context deadline exceeded') });
  });

  it('leaves a Pod as it is that is only labelled, whatever its tags', async () => {
    const labelled = admitted(await label('older'));
    expect(labelled.spec).toMatchObject({ containers: [{ image: 'toy.local/older:1' }] });
  });

  describe('with ephemeral containers', () => {
    beforeAll(async () => {
      admitted(await cluster.client.create(pod('debugged', { containers: [{ name: 'web', image: 'toy.local/debugged:1' }] })));
      await applyPolicies(cluster.client, gatekeeper.pods, objectsOf('ephemeral-containers.yaml'));
      await seeSubresource('pods/ephemeralcontainers');
    });

    it('rig i3: pins them where the mutating webhook sees them', async () => {
      const made = admitted(await debug('debugged', 'shell', 'toy.local/shell:1'));
      expect(made.spec).toMatchObject({ ephemeralContainers: [{ image: `toy.local/shell:1${PINNED}` }] });
    });

    it('can no longer change a Pod that had one by a tag before, which is why they are pinned only where asked', async () => {
      const { admitted: ok, status, message } = await label('older');
      expect({ ok, status, message }).toEqual({
        ok: false,
        status: 422,
        message: expect.stringContaining('pod updates may not change fields'),
      });
    });
  });

  function label(name: string) {
    return cluster.client.patch({ kind: 'Pod', name }, { metadata: { labels: { seen: 'yes' } } }, { dryRun: true });
  }

  /** As Gatekeeper's chart has it, and its plain manifest has not. */
  async function seeSubresource(resource: string): Promise<void> {
    const target = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      name: 'gatekeeper-mutating-webhook-configuration',
    };
    const { webhooks = [] } = (await cluster.client.get<Configuration>(target)) ?? {};
    const seeing = webhooks.map((webhook) => ({
      ...webhook,
      rules: webhook.rules.map((rule) => ({ ...rule, resources: [...rule.resources, resource] })),
    }));
    admitted(await cluster.client.patch(target, { webhooks: seeing }));
    await eventually(`seen: ${resource}`, async () => {
      const { object } = await debug('debugged', 'probe', 'toy.local/probe:1', true);
      return JSON.stringify(object).includes(`toy.local/probe:1${PINNED}`) || undefined;
    });
  }
});
