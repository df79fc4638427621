import { join } from 'node:path';
import type { Cluster } from '../cluster.ts';
import { writeFiles } from './certificates.ts';
import { admitted, type KubeObject } from './kube-client.ts';

interface TokenRequest extends KubeObject {
  readonly status?: { readonly token: string };
}

export interface ServiceAccount {
  /** `token`, `ca.crt` and `namespace`, as a Pod finds them mounted, and a `kubeconfig` for outside of one. */
  readonly folder: string;
  readonly kubeconfig: string;
}

/** Makes a service account, which RBAC has given nothing yet, and the files that its Pods would find. */
export async function createServiceAccount(cluster: Cluster, namespace: string, name: string): Promise<ServiceAccount> {
  admitted(await cluster.client.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } }));
  const target = { kind: 'ServiceAccount', namespace, name, subresource: 'token' };
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 24 * 3600 } };
  const { status } = admitted(await cluster.client.post(target, request)) as TokenRequest; // what the subresource gives
  const folder = join(cluster.folder, 'service-accounts', namespace, name);
  const token = status?.token ?? '';
  const files = writeFiles(folder, {
    token,
    'ca.crt': cluster.ca,
    namespace,
    kubeconfig: kubeconfigIn(folder, cluster.url, token),
  });
  return { folder, kubeconfig: files.kubeconfig };
}

function kubeconfigIn(folder: string, url: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'rig', cluster: { server: url, 'certificate-authority': join(folder, 'ca.crt') } }],
    users: [{ name: 'account', user: { token } }],
    contexts: [{ name: 'rig', context: { cluster: 'rig', user: 'account' } }],
    'current-context': 'rig',
  });
}
