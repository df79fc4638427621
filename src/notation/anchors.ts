import type { TrustAnchors, TrustPolicy, TrustStore, TrustStoreType } from './types.ts';

/**
 * The anchors of every store of a type that the statement names, each store once. All of them are asked for: one that is broken fails the
 * rest, whatever they hold.
 *
 * @throws {NotationError} `TRUST_STORE_INVALID`
 */
export function anchorsOf({ trustStores }: TrustPolicy, trustStore: TrustStore, type: TrustStoreType): readonly TrustAnchors[] {
  const named = new Set(trustStores.filter((store) => store.startsWith(`${type}:`)));
  return [...named].map((store) => trustStore.getCertificates(type, store.slice(type.length + 1)));
}
