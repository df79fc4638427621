import type { ClusterReader, SecretData } from '../../src/engine/types.ts';

/** A Secret with these members. */
export function secretOf(members: Readonly<Record<string, string>>, version = '7', type = 'Opaque'): SecretData {
  return { type, version, data: new Map(Object.entries(members).map(([name, text]) => [name, Buffer.from(text)])) };
}

/** A cluster with these Secrets (`namespace/name`) and service accounts; what is an error is thrown. */
export function clusterOf(
  secrets: Readonly<Record<string, SecretData | Error>>,
  accounts: Readonly<Record<string, readonly string[] | Error>> = {},
): ClusterReader & { readonly asked: string[] } {
  const asked: string[] = [];
  const find = <T>(table: Readonly<Record<string, T | Error>>, key: string): T | undefined => {
    asked.push(key);
    const found = table[key];
    if (found instanceof Error) throw found;
    return found;
  };
  return {
    asked,
    secret: async (namespace, name) => find(secrets, `${namespace}/${name}`),
    imagePullSecrets: async (namespace, name) => find(accounts, `${namespace}/${name}`),
  };
}
