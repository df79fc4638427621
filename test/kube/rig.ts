import { join } from 'node:path';
import { OBJECT_KINDS } from '../../src/config/schema/kinds.ts';
import { admitted, type KubeObject } from '../rig/cluster/kube-client.ts';
import { createServiceAccount } from '../rig/cluster/service-account.ts';
import type { Cluster } from '../rig/cluster.ts';
import { eventually } from '../rig/wait.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Applies the definitions as an operator does, and waits until the API server serves all of them. */
export async function applyDefinitions(cluster: Cluster): Promise<void> {
  await kubectl(cluster, 'apply', '--server-side', '-f', join(ROOT, 'crds'));
  for (const { plural, group, versions } of OBJECT_KINDS) {
    await eventually(`${plural} served`, async () => {
      const { status } = await cluster.client.request('GET', `/apis/${group}/${versions[0]}/${plural}`);
      return status === 200 ? true : undefined;
    });
  }
}

/** Runs kubectl; fails with what it said. */
export async function kubectl(cluster: Cluster, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(...args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** A service account of the product with the rights that the chart gives; the path of its kubeconfig. */
export async function createAccount(cluster: Cluster, namespace: string): Promise<string> {
  const account = await createServiceAccount(cluster, namespace, 'countersign');
  const plurals = OBJECT_KINDS.map(({ plural }) => plural);
  const groups = [...new Set(OBJECT_KINDS.map(({ group }) => group))];
  const rules = [
    { apiGroups: groups, resources: plurals, verbs: ['get', 'list', 'watch'] },
    { apiGroups: groups, resources: plurals.map((plural) => `${plural}/status`), verbs: ['get', 'patch', 'update'] },
  ];
  await apply(cluster, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'countersign' }, rules });
  await apply(cluster, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'countersign' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'countersign' },
    subjects: [{ kind: 'ServiceAccount', name: 'countersign', namespace }],
  });
  return account.kubeconfig;
}

/** Lets the product's account read Secrets of a namespace. */
export async function allowSecrets(cluster: Cluster, namespace: string, accountNamespace: string): Promise<void> {
  const metadata = { name: 'countersign-secrets', namespace };
  const rules = [{ apiGroups: [''], resources: ['secrets', 'serviceaccounts'], verbs: ['get'] }];
  await apply(cluster, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules });
  await apply(cluster, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'countersign-secrets' },
    subjects: [{ kind: 'ServiceAccount', name: 'countersign', namespace: accountNamespace }],
  });
}

export async function apply(cluster: Cluster, object: Record<string, unknown>): Promise<KubeObject> {
  return admitted(await cluster.client.apply(object as unknown as KubeObject));
}
