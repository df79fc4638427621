// @rig cluster
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issueServingCertificate } from '../../src/cli/serving-certificate.ts';
import { createKubeClient } from '../../src/kube/client.ts';
import { keepServingCertificate } from '../../src/kube/serving-certificate.ts';
import { createServiceAccount } from '../rig/cluster/service-account.ts';
import { type Cluster, startCluster } from '../rig/cluster.ts';
import { eventually } from '../rig/wait.ts';
import { createNamespaces } from '../rig/workloads.ts';
import { apply } from './rig.ts';
import { recordedLog } from './world.ts';

const BUILD_WITHIN_MS = 40 * 60_000;
const OWN = 'gatekeeper-system';
const RBAC = 'rbac.authorization.k8s.io';
const EXTERNAL = 'externaldata.gatekeeper.sh';
const DAY_MS = 86_400_000;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
  await createNamespaces(cluster.client, OWN);
}, BUILD_WITHIN_MS);
afterAll(() => cluster?.stop());

/** Only that Provider objects are there: Gatekeeper's own definition says the same of what is used here. */
async function declareProvider(name: string): Promise<void> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  await apply(cluster, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `providers.${EXTERNAL}` },
    spec: {
      group: EXTERNAL,
      scope: 'Cluster',
      names: { kind: 'Provider', listKind: 'ProviderList', plural: 'providers', singular: 'provider' },
      versions: [{ name: 'v1beta1', served: true, storage: true, schema }],
    },
  });
  const spec = { url: 'https://countersign.gatekeeper-system.svc:6001', timeout: 2 };
  await eventually('a Provider', () => apply(cluster, { apiVersion: `${EXTERNAL}/v1beta1`, kind: 'Provider', metadata: { name }, spec }));
}

/** An account that may read and change that one Secret and that one Provider, and create nothing. */
async function accountFor(secret: string, provider: string): Promise<string> {
  const account = await createServiceAccount(cluster, OWN, 'serving');
  const subjects = [{ kind: 'ServiceAccount', name: 'serving', namespace: OWN }];
  const metadata = { name: 'serving' };
  const secrets = [{ apiGroups: [''], resources: ['secrets'], resourceNames: [secret], verbs: ['get', 'update'] }];
  const providers = [{ apiGroups: [EXTERNAL], resources: ['providers'], resourceNames: [provider], verbs: ['get', 'patch'] }];
  await apply(cluster, { apiVersion: `${RBAC}/v1`, kind: 'Role', metadata: { ...metadata, namespace: OWN }, rules: secrets });
  await apply(cluster, { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata, rules: providers });
  const role = (kind: string) => ({ roleRef: { apiGroup: RBAC, kind, name: 'serving' }, subjects });
  await apply(cluster, { apiVersion: `${RBAC}/v1`, kind: 'RoleBinding', metadata: { ...metadata, namespace: OWN }, ...role('Role') });
  await apply(cluster, { apiVersion: `${RBAC}/v1`, kind: 'ClusterRoleBinding', metadata, ...role('ClusterRole') });
  return account.kubeconfig;
}

describe('a serving certificate before a real API server', () => {
  it('is put into an empty Secret, is one for two replicas, and is renewed with both authorities in the Provider', async () => {
    await declareProvider('countersign-provider');
    await apply(cluster, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'serving', namespace: OWN } });
    const kubeconfig = await accountFor('serving', 'countersign-provider');
    const clock = { at: Date.now() };
    const client = createKubeClient({ env: { KUBECONFIG: kubeconfig } });
    const { log, lines } = recordedLog();
    const keep = () =>
      keepServingCertificate({
        client,
        namespace: OWN,
        secret: 'serving',
        hosts: ['countersign.gatekeeper-system.svc'],
        providers: ['countersign-provider'],
        days: 90,
        issue: issueServingCertificate,
        log,
        clock: { now: () => clock.at, monotonic: () => clock.at },
        times: { lookMs: 50 },
      });
    const bundle = async (): Promise<readonly string[]> => {
      const found = await cluster.client.get({ apiVersion: `${EXTERNAL}/v1beta1`, kind: 'Provider', name: 'countersign-provider' });
      const text = Buffer.from((found?.spec as { caBundle?: string } | undefined)?.caBundle ?? '', 'base64').toString('utf8');
      return text.match(/-----BEGIN[\s\S]*?END CERTIFICATE-----/g) ?? [];
    };
    const all = await Promise.all([keep(), keep()]);
    try {
      const [first] = all.map((one) => one.current().cert);
      await eventually('one certificate', async () => (new Set(all.map((one) => one.current().cert)).size === 1 ? true : undefined));
      expect(await bundle()).toHaveLength(1);
      clock.at += 61 * DAY_MS;
      await eventually('both authorities', async () => ((await bundle()).length === 2 ? true : undefined));
      clock.at += 10 * 60_000;
      await eventually('the new certificate', async () => (all.every((one) => one.current().cert !== first) ? true : undefined));
      expect(new Set(all.map((one) => one.current().cert)).size).toBe(1);
      clock.at += DAY_MS + 60_000;
      const [last = ''] = await eventually('one authority', async () => {
        const found = await bundle();
        return found.length === 1 ? found : undefined;
      });
      expect(new X509Certificate(all[0]?.current().cert ?? '').verify(new X509Certificate(last).publicKey)).toBe(true);
      expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
    } finally {
      for (const one of all) await one.close();
      await client.close();
    }
  });
});
