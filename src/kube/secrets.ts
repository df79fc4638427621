import type { ClusterReader, SecretData } from '../engine/types.ts';
import { decodeBase64 } from '../lib/base64.ts';
import type { KubeClient } from './client.ts';
import { KubeError } from './errors.ts';
import { member, readKubeObject } from './objects.ts';

/** Reads Secrets and service accounts one by one, by name: nothing is listed, and nothing is kept. */
export function createClusterReader(client: KubeClient): ClusterReader {
  return {
    secret: async (namespace, name, signal) => {
      const found = await readIfThere(client, corePath(namespace, 'secrets', name), signal);
      return found === undefined ? undefined : secretOf(found);
    },
    imagePullSecrets: async (namespace, serviceAccount, signal) => {
      const found = await readIfThere(client, corePath(namespace, 'serviceaccounts', serviceAccount), signal);
      if (found === undefined) return undefined;
      const secrets = member(found, 'imagePullSecrets');
      const names = (Array.isArray(secrets) ? secrets : []).map((one: unknown) => member(one, 'name'));
      return names.filter((name) => typeof name === 'string');
    },
  };
}

/** The path of a namespaced object of the core group. */
export function corePath(namespace: string, plural: string, name: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/${plural}/${encodeURIComponent(name)}`;
}

/** The object; undefined where the API server itself says that there is none, which a gateway in between cannot know. */
export async function readIfThere(client: KubeClient, path: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await client.request({ method: 'GET', path }, signal);
  } catch (error) {
    if (error instanceof KubeError && error.code === 'CLUSTER_NOT_FOUND' && error.reason === 'NotFound') return undefined;
    throw error;
  }
}

function secretOf(value: unknown): SecretData {
  const { metadata } = readKubeObject(value);
  const type = member(value, 'type');
  const data = member(value, 'data') ?? {};
  return {
    type: typeof type === 'string' ? type : '',
    version: metadata.resourceVersion,
    data: new Map(Object.entries(data).map(([name, text]) => [name, bytesOf(text)])),
  };
}

function bytesOf(text: unknown): Uint8Array {
  const bytes = typeof text === 'string' ? decodeBase64(text) : undefined;
  // Without the text: it is a secret.
  if (bytes === undefined) throw new KubeError('CLUSTER_UNREACHABLE', 'expected base64 in the data of a Secret');
  return bytes;
}
