import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { GATEKEEPER_NAMESPACE } from './cluster/certificates.ts';
import { applyDefinitions } from './cluster/definitions.ts';
import { admitted, type KubeObject } from './cluster/kube-client.ts';
import { createServiceAccount } from './cluster/service-account.ts';
import type { Cluster } from './cluster.ts';
import type { ProductOptions } from './product.ts';

/** What is declared to the product, and the door that it comes in by. */
export interface Declarations {
  readonly door: Pick<ProductOptions, 'from' | 'env'>;
  /** Declares the objects, over others of the same names. */
  apply(objects: readonly KubeObject[]): Promise<void>;
}

const ACCOUNT = 'countersign';
const GROUPS = ['config.ratify.deislabs.io', 'countersign.dev', 'kritis.grafeas.io'];

/** In a file that the product watches. */
export function declareInFiles(folder: string): Declarations {
  const path = join(folder, 'declarations');
  mkdirSync(path, { recursive: true });
  return {
    door: { from: ['--config', path] },
    async apply(objects) {
      writeFileSync(join(path, 'declared.yaml'), objects.map((object) => stringify(object)).join('---\n'));
    },
  };
}

/** In the cluster, which the product follows by an account of its own. @param rights - What binds it. Default: every object that it knows. */
export async function declareInCluster(cluster: Cluster, rights: readonly KubeObject[] = RIGHTS): Promise<Declarations> {
  const { client } = cluster;
  await applyDefinitions(client, join(import.meta.dirname, '../../crds'));
  const { kubeconfig } = await createServiceAccount(cluster, GATEKEEPER_NAMESPACE, ACCOUNT);
  for (const object of rights) admitted(await client.apply(object));
  return {
    door: { from: ['--kube'], env: { KUBECONFIG: kubeconfig } },
    async apply(objects) {
      for (const object of objects) admitted(await client.apply(object));
    },
  };
}

const RIGHTS: readonly KubeObject[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: ACCOUNT },
    rules: [
      { apiGroups: GROUPS, resources: ['*'], verbs: ['list', 'watch'] },
      { apiGroups: GROUPS, resources: ['*/status'], verbs: ['patch'] },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: ACCOUNT },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: ACCOUNT },
    subjects: [{ kind: 'ServiceAccount', namespace: GATEKEEPER_NAMESPACE, name: ACCOUNT }],
  },
];
