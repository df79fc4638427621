import type { Kinds, RegistrySettings } from '../engine/kinds.ts';
import type { ClusterReader, FactCache, Snapshot, Store } from '../engine/types.ts';
import { type Compiled, compile } from './compile.ts';
import type { FamilyOptions } from './families.ts';
import { fetchOnce, type KeyFetcher } from './key-sources.ts';
import { type KeyTable, keyTable } from './key-table.ts';
import { diagnosticOf, problemOf } from './object-check.ts';
import type { Declared, Diagnostic, ObjectPath, ResourceSet } from './resources.ts';
import { type VerifierView, type VerifierViews, verifierViews } from './verifier-views.ts';
import { buildViews } from './views.ts';

export interface BuildDeps {
  /** Facts outlive snapshots; what stores remember is kept apart by the Store objects that read it. */
  readonly facts: FactCache;
  readonly registries: RegistrySettings;
  readonly ownNamespace: string;
  /** How long tags and lists of referrers are believed, in milliseconds. */
  readonly freshnessMs: number;
  /** Whether the cluster's objects must accept too where a namespace has its own. Default false. */
  readonly floor?: boolean;
  /** What the settings say of the families beside Ratify's, by their names. Default: nothing. */
  readonly families?: ReadonlyMap<string, FamilyOptions>;
  /** What is answered for an image that no rule covers. Default: what the families that are declared say. */
  readonly uncovered?: 'accept' | 'refuse';
  /** Broken files that were read whole before, and whose objects of then are still in force. Default: none. */
  readonly readBefore?: ReadonlySet<string>;
  /** What Secrets are read from; absent: there is no cluster. */
  readonly cluster?: ClusterReader;
  /** Where key material comes from. Default: each build fetches it. */
  readonly keys?: KeyFetcher;
  readonly signal: AbortSignal;
  /** Stores by what they were made of, to be used again: pass the same map to each build. Optional. */
  readonly stores?: Map<string, Store>;
  /** What objects came to before, to be used again where they are the same: pass the same map to each build with the same kinds. Optional. */
  readonly known?: Map<Declared, Known>;
}

/** What one object came to, and the verifiers that were made of it. */
export interface Known {
  readonly compiled: Compiled;
  readonly views: VerifierView[];
}

export interface Build {
  readonly snapshot: Snapshot;
  readonly diagnostics: readonly Diagnostic[];
  /** Whether there is a namespace, or the cluster, for which something can be decided. */
  readonly usable: boolean;
  /** What became of each object, in the order in which they are declared. */
  readonly objects: readonly Compiled[];
  /** The objects that apply. */
  readonly applied: readonly Declared[];
  /** Which of `BuildDeps.stores` are in use. */
  readonly usedStores: ReadonlySet<string>;
}

/**
 * Makes the engines of all namespaces out of what is declared. An object that cannot be used is a diagnostic, and stops no other.
 *
 * For each kind a namespace with any object of its own uses its own, else the cluster's; keys without a namespace use the cluster's.
 * An object of its own that is invalid counts as one: a namespace whose only Verifier is broken is *misconfigured*, and does not fall
 * back to the cluster's, which may ask for less. The cluster likewise: its broken Policy is not the same as none.
 */
export async function buildSnapshot(resources: ResourceSet, kinds: Kinds, deps: BuildDeps): Promise<Build> {
  const stores = deps.stores ?? new Map<string, Store>();
  const known = deps.known ?? new Map<Declared, Known>();
  const diagnostics: Diagnostic[] = [];
  const compileDeps = { ...deps, kinds, stores, keys: deps.keys ?? fetchOnce(deps.signal) };
  const first = await Promise.all(
    resources.declared.map(async (declared) => {
      const before = known.get(declared);
      const compiled = await compile(declared, compileDeps, before?.compiled);
      known.set(declared, { compiled, views: before?.views ?? [] });
      return compiled;
    }),
  );
  // What was cut short is no fault of an object.
  deps.signal.throwIfAborted();
  const keys = keyTable(first, deps.ownNamespace);
  const verifiers = new Map<Compiled, VerifierViews>();
  const compiled: Compiled[] = [];
  for (const candidate of first) {
    const { object, views } = await tryVerifier(candidate, keys, known.get(candidate.declared)?.views ?? []);
    compiled.push(object);
    if (views !== undefined) verifiers.set(object, views);
    diagnostics.push(...object.diagnostics);
  }
  const unread = [...resources.brokenFiles].find((file) => deps.readBefore?.has(file) !== true);
  const { engines, any, none } = await buildViews({ ...deps, compiled, verifiers, keys, kinds, unread });
  return {
    snapshot: {
      for: (namespace) => (namespace === undefined || namespace === '' ? none : (engines.get(namespace) ?? any)),
    },
    diagnostics,
    usable: [none, any, ...engines.values()].some((engine) => engine.misconfigured === undefined),
    objects: compiled,
    applied: compiled.filter(({ made }) => made !== undefined).map(({ declared }) => declared),
    usedStores: new Set(compiled.flatMap(({ made }) => (made?.role === 'store' ? [made.key] : []))),
  };
}

/** Makes a verifier once where it is at home: what fails then is a fault of the object itself. */
async function tryVerifier(
  candidate: Compiled,
  keys: KeyTable,
  ready: VerifierView[],
): Promise<{ object: Compiled; views: VerifierViews | undefined }> {
  const { declared, made } = candidate;
  if (made?.role !== 'verifier') return { object: candidate, views: undefined };
  const views = verifierViews(candidate, made, keys, ready);
  try {
    const { lookups } = await views.home();
    const problems = [...lookups].flatMap(([name, lookup]) => {
      if (!('problem' in lookup)) {
        const message = `key provider ${name} gives no certificates`;
        return lookup.material.certificates.length > 0
          ? []
          : [diagnosticOf(declared, 'warning', 'TRUST_STORE_INVALID', pathOf(declared.object, name), message)];
      }
      // Named by a Verifier of the cluster, a namespace's provider is there for those who ask from that namespace.
      const severity = declared.namespace === undefined && name.includes('/') ? 'warning' : 'error';
      return [diagnosticOf(declared, severity, lookup.problem.code, pathOf(declared.object, name), lookup.problem.message)];
    });
    return { object: { ...candidate, diagnostics: [...candidate.diagnostics, ...problems] }, views };
  } catch (error) {
    return {
      object: { ...candidate, made: undefined, diagnostics: [...candidate.diagnostics, problemOf(declared, error)] },
      views: undefined,
    };
  }
}

/** Where in the parameters a key provider is named. */
function pathOf(object: unknown, name: string): ObjectPath {
  const search = (value: unknown, at: ObjectPath): ObjectPath | undefined => {
    if (value === name) return at;
    if (typeof value !== 'object' || value === null) return undefined;
    for (const [key, item] of Object.entries(value)) {
      const found = search(item, [...at, Array.isArray(value) ? Number(key) : key]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const spec = typeof object === 'object' && object !== null && 'spec' in object ? object.spec : undefined;
  const parameters = typeof spec === 'object' && spec !== null && 'parameters' in spec ? spec.parameters : undefined;
  return search(parameters, ['spec', 'parameters']) ?? ['spec', 'parameters'];
}
