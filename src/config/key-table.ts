import { ConfigProblem } from '../engine/errors.ts';
import type { KeyMaterial } from '../engine/types.ts';
import type { Compiled } from './compile.ts';
import { fingerprintsOf } from './key-sources.ts';
import { identity } from './resources.ts';

/** For whom a view is: keys without a namespace, those of every namespace that declares nothing, or those of one. */
export type Viewer = { readonly kind: 'none' } | { readonly kind: 'any' } | { readonly kind: 'namespace'; readonly name: string };

/** What a name in a verifier leads to. */
export type Lookup = { readonly material: KeyMaterial; readonly fingerprints: readonly string[] } | { readonly problem: ConfigProblem };

/** Key providers and certificate stores, and who may use them. */
export interface KeyTable {
  /** `name` as a verifier of the cluster, or of a namespace, writes it, when a key of `viewer` is asked. */
  lookup(name: string, viewer: Viewer, ofCluster: boolean): Lookup;
}

/**
 * Ratify's names (its documentation, "Key Management Provider": access is decided by the namespace that asks):
 *
 * - `name` is the cluster's KeyManagementProvider, or, in a Verifier of the cluster, else the CertificateStore in our own namespace;
 * - `namespace/name` is that namespace's, for those who ask from there; a key without a namespace reads every CertificateStore.
 *
 * A provider that is declared but invalid is never passed over for another of its name.
 */
export function keyTable(compiled: readonly Compiled[], ownNamespace: string): KeyTable {
  const byIdentity = new Map(compiled.map((one) => [identity(one.declared), one]));
  const find = (kind: string, namespace: string | undefined, name: string) => byIdentity.get(identity({ kind, namespace, name }));

  const bare = (name: string, ofCluster: boolean): Lookup => {
    const provider = find('KeyManagementProvider', undefined, name);
    const store = ofCluster ? find('CertificateStore', ownNamespace, name) : undefined;
    const hint = ofCluster
      ? `declare a KeyManagementProvider ${name}, or a CertificateStore ${name} in namespace ${ownNamespace}`
      : `declare a KeyManagementProvider ${name}; one of a namespace is named namespace/${name}`;
    return first([provider, store]) ?? missing(name, hint);
  };

  const qualified = (text: string, namespace: string, name: string, viewer: Viewer): Lookup => {
    const own = viewer.kind === 'namespace' && viewer.name === namespace;
    const provider = own ? find('NamespacedKeyManagementProvider', namespace, name) : undefined;
    const store = own || viewer.kind === 'none' ? find('CertificateStore', namespace, name) : undefined;
    const found = first([provider, store]);
    if (found !== undefined) return found;
    if (own) return missing(text, `declare a NamespacedKeyManagementProvider ${name} in namespace ${namespace}`);
    return forbidden(text, namespace, viewer);
  };

  return {
    lookup: (name, viewer, ofCluster) => {
      const slash = name.indexOf('/');
      return slash === -1 ? bare(name, ofCluster) : qualified(name, name.slice(0, slash), name.slice(slash + 1), viewer);
    },
  };
}

/** The first that holds certificates; an invalid one stops the search, and one without certificates is taken if there is no other. */
function first(candidates: readonly (Compiled | undefined)[]): Lookup | undefined {
  let empty: Lookup | undefined;
  for (const candidate of candidates) {
    if (candidate === undefined) continue;
    if (candidate.made?.role !== 'keyProvider') return unusable(candidate);
    const { material } = candidate.made;
    const lookup = { material, fingerprints: fingerprintsOf(material) };
    if (material.certificates.length > 0) return lookup;
    empty ??= lookup;
  }
  return empty;
}

const AT = 'spec.parameters';

function unusable({ declared, diagnostics }: Compiled): Lookup {
  const where = declared.namespace === undefined ? 'the cluster' : `namespace ${declared.namespace}`;
  const error = diagnostics.find(({ severity }) => severity === 'error');
  const why = error?.message ?? 'its document cannot be read';
  const code = error?.code === 'KEY_PROVIDER_UNAVAILABLE' ? error.code : 'KEY_PROVIDER_MISSING';
  return { problem: new ConfigProblem(code, AT, `${declared.kind} ${declared.name} of ${where} cannot be used: ${why}`) };
}

function missing(name: string, hint: string): Lookup {
  return { problem: new ConfigProblem('KEY_PROVIDER_MISSING', AT, `key provider ${name} is not there; ${hint}`) };
}

function forbidden(name: string, namespace: string, viewer: Viewer): Lookup {
  const who = viewer.kind === 'namespace' ? `namespace ${viewer.name}` : viewer.kind === 'any' ? 'another namespace' : 'no namespace';
  const message = `key provider ${name} may be used from namespace ${namespace} only; asked from ${who}`;
  return { problem: new ConfigProblem('KEY_PROVIDER_MISSING', AT, message) };
}
