import { admitted, type KubeClient, type KubeObject } from './cluster/kube-client.ts';

/** A Pod with a container for each image: `c0`, `c1`, … */
export function pod(namespace: string, name: string, ...images: readonly string[]): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name }, spec: podSpec(images) };
}

export function deployment(namespace: string, name: string, ...images: readonly string[]): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec(images) } },
  };
}

export async function createNamespaces(client: KubeClient, ...names: readonly string[]): Promise<void> {
  await Promise.all(names.map(async (name) => admitted(await client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }))));
}

function podSpec(images: readonly string[]): unknown {
  return { containers: images.map((image, index) => ({ name: `c${index}`, image })) };
}
