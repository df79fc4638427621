import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../wait.ts';
import { admitted, type KubeClient, type KubeObject, type Target } from './kube-client.ts';

interface Definition extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Installs the kinds that the YAML files of a folder define, one each, and waits until each is served. */
export async function applyDefinitions(client: KubeClient, folder: string): Promise<void> {
  const texts = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  const definitions = texts.map((yaml) => ({ name: nameOf(yaml), yaml }));
  await Promise.all(definitions.map(async ({ name, yaml }) => admitted(await client.applyYaml(definition(name), yaml))));
  await Promise.all(definitions.map(({ name }) => established(client, name)));
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

function nameOf(yaml: string): string {
  const [, name] = /^ {2}name: (\S+)$/m.exec(yaml) ?? [];
  if (name === undefined) throw new Error(`a definition without a name: ${yaml.slice(0, 200)}`);
  return name;
}
