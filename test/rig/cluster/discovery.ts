import type { Answer, Target } from './kube-client.ts';

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Where objects of a kind are, as the API server itself says. */
export interface Discovery {
  /** Path of the collection; without a namespace, of that in all namespaces. */
  collection(target: Omit<Target, 'name' | 'subresource'>): Promise<string>;
}

export function createDiscovery(get: (path: string) => Promise<Answer>): Discovery {
  const known = new Map<string, readonly Resource[]>();
  const find = async (base: string, kind: string): Promise<Resource> => {
    // A kind that is not known may have been defined since.
    const found =
      known.get(base)?.find((resource) => resource.kind === kind) ?? (await fetchResources(base)).find((one) => one.kind === kind);
    if (found === undefined) throw new Error(`the API server has no ${kind} under ${base}`);
    return found;
  };
  const fetchResources = async (base: string): Promise<readonly Resource[]> => {
    const { status, body } = await get(base);
    if (status !== 200) throw new Error(`the API server answered ${status} to ${base}`);
    const resources = (body as { resources: readonly Resource[] }).resources.filter(({ name }) => !name.includes('/'));
    known.set(base, resources);
    return resources;
  };
  return {
    async collection({ apiVersion = 'v1', kind, namespace }) {
      const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
      const { name, namespaced } = await find(base, kind);
      return namespaced && namespace !== undefined ? `${base}/namespaces/${namespace}/${name}` : `${base}/${name}`;
    },
  };
}
