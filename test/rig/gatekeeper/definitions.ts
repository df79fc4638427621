import { admitted, type KubeClient, type KubeObject, type Target } from '../cluster/kube-client.ts';
import { eventually } from '../wait.ts';
import { readDefinitions } from './module.ts';

interface Definition extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Installs Gatekeeper's kinds and waits until each is served. */
export async function applyDefinitions(client: KubeClient): Promise<void> {
  const definitions = [...readDefinitions()];
  await Promise.all(definitions.map(async ([name, yaml]) => admitted(await client.applyYaml(definition(name), yaml))));
  await Promise.all(definitions.map(([name]) => established(client, name)));
}

/** Waits until a kind is served. */
export async function established(client: KubeClient, name: string): Promise<void> {
  await eventually(`established: ${name}`, async () => {
    const conditions = (await client.get<Definition>(definition(name)))?.status?.conditions ?? [];
    return conditions.some(({ type, status }) => type === 'Established' && status === 'True') || undefined;
  });
}

function definition(name: string): Target {
  return { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name };
}
