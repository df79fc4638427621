import type { Kinds, RegistrySettings } from '../engine/kinds.ts';
import { reason } from '../engine/reason.ts';
import type { Engine, FactCache, PolicyEnforcer, Reason, Rule, Snapshot, Store, Verifier } from '../engine/types.ts';
import { hashOf } from './canonical.ts';
import { type Compiled, compile } from './compile.ts';
import { type KeyTable, keyTable, type Viewer } from './key-table.ts';
import { diagnosticOf, problemOf } from './object-check.ts';
import { type Declared, type Diagnostic, identity, type ObjectPath, type ResourceSet, type Role } from './resources.ts';
import { type VerifierViews, verifierViews } from './verifier-views.ts';

export interface BuildDeps {
  /** Facts outlive snapshots; what stores remember is kept apart by the Store objects that read it. */
  readonly facts: FactCache;
  readonly registries: RegistrySettings;
  readonly ownNamespace: string;
  /** How long tags and lists of referrers are believed, in milliseconds. */
  readonly freshnessMs: number;
  readonly signal: AbortSignal;
  /** Stores by what they were made of, to be used again: pass the same map to each build. Optional. */
  readonly stores?: Map<string, Store>;
}

export interface Build {
  readonly snapshot: Snapshot;
  readonly diagnostics: readonly Diagnostic[];
  /** Whether there is a namespace, or the cluster, for which something can be decided. */
  readonly usable: boolean;
  /** The objects that apply. */
  readonly applied: readonly Declared[];
  /** Which of `BuildDeps.stores` are in use. */
  readonly usedStores: ReadonlySet<string>;
}

/** Everything that views are made from. */
interface World {
  readonly compiled: readonly Compiled[];
  readonly verifiers: ReadonlyMap<Compiled, VerifierViews>;
  readonly kinds: Kinds;
  readonly deps: BuildDeps;
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
  const diagnostics: Diagnostic[] = [];
  const first = await Promise.all(
    resources.declared.map((declared) => compile(declared, { kinds, registries: deps.registries, stores, signal: deps.signal })),
  );
  // What was cut short is no fault of an object.
  deps.signal.throwIfAborted();
  const keys = keyTable(first, deps.ownNamespace);
  const verifiers = new Map<Compiled, VerifierViews>();
  const compiled: Compiled[] = [];
  for (const candidate of first) {
    const { object, views } = await tryVerifier(candidate, keys);
    compiled.push(object);
    if (views !== undefined) verifiers.set(object, views);
    diagnostics.push(...object.diagnostics);
  }
  const { engines, any, none } = await buildViews({ compiled, verifiers, kinds, deps });
  return {
    snapshot: {
      for: (namespace) => (namespace === undefined || namespace === '' ? none : (engines.get(namespace) ?? any)),
    },
    diagnostics,
    usable: [none, any, ...engines.values()].some((engine) => engine.misconfigured === undefined),
    applied: compiled.filter(({ made }) => made !== undefined).map(({ declared }) => declared),
    usedStores: new Set(compiled.flatMap(({ made }) => (made?.role === 'store' ? [made.key] : []))),
  };
}

/** Makes a verifier once where it is at home: what fails then is a fault of the object itself. */
async function tryVerifier(candidate: Compiled, keys: KeyTable): Promise<{ object: Compiled; views: VerifierViews | undefined }> {
  const { declared, made } = candidate;
  if (made?.role !== 'verifier') return { object: candidate, views: undefined };
  const views = verifierViews(candidate, made, keys);
  try {
    const { lookups } = await views.home();
    const problems = [...lookups].flatMap(([name, lookup]) => {
      if (!('problem' in lookup)) {
        const message = `key provider ${name} gives no certificates`;
        return lookup.fingerprints.length > 0
          ? []
          : [diagnosticOf(declared, 'warning', 'TRUST_STORE_INVALID', pathOf(declared.object, name), message)];
      }
      // Named by a Verifier of the cluster, a namespace's provider is there for those who ask from that namespace.
      const severity = declared.namespace === undefined && name.includes('/') ? 'warning' : 'error';
      return [diagnosticOf(declared, severity, lookup.problem.code, pathOf(declared.object, name), lookup.problem.message)];
    });
    return { object: { ...candidate, diagnostics: [...candidate.diagnostics, ...problems] }, views };
  } catch (error) {
    return { object: { declared, made: undefined, diagnostics: [...candidate.diagnostics, problemOf(declared, error)] }, views: undefined };
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

async function buildViews(world: World): Promise<{ engines: ReadonlyMap<string, Engine>; any: Engine; none: Engine }> {
  // Views that see the same are one engine, and share what it keeps.
  const byRevision = new Map<string, Engine>();
  const share = async (viewer: Viewer): Promise<Engine> => {
    const engine = await buildView(viewer, world);
    const known = byRevision.get(engine.revision) ?? engine;
    byRevision.set(engine.revision, known);
    return known;
  };
  const none = await share({ kind: 'none' });
  const any = await share({ kind: 'any' });
  const namespaces = new Set(world.compiled.map(({ declared }) => declared.namespace).filter((namespace) => namespace !== undefined));
  const engines = new Map<string, Engine>();
  for (const name of namespaces) engines.set(name, await share({ kind: 'namespace', name }));
  return { engines, any, none };
}

async function buildView(viewer: Viewer, world: World): Promise<Engine> {
  const stores = seen(world, viewer, 'store');
  const verifiers = seen(world, viewer, 'verifier');
  const policies = seen(world, viewer, 'policy');
  const views: { verifier: Verifier; keys: unknown }[] = [];
  for (const compiled of usableOf(verifiers)) {
    const view = await world.verifiers.get(compiled)?.for(viewer);
    if (view !== undefined) views.push(view);
  }
  const enforcer = enforcerOf(policies, world.kinds);
  const used = usableOf(stores).flatMap(({ made }) => (made?.role === 'store' ? [made] : []));
  const misconfigured = nothingToDecide(stores, verifiers, policies, enforcer);
  const revision = hashOf({
    stores: usableOf(stores).map(essence),
    verifiers: usableOf(verifiers).map((compiled, index) => [essence(compiled), views[index]?.keys ?? null]),
    policies: usableOf(policies).map(essence),
    misconfigured: misconfigured ?? null,
  });
  const scope = hashOf(used.map(({ key }) => key));
  const store = world.kinds.combineStores(
    used.map((made) => made.store),
    scopedFacts(world.deps.facts, scope),
    world.deps.freshnessMs,
  );
  const base = { revision, store: used.length === 0 ? undefined : store };
  if (misconfigured !== undefined || enforcer === undefined) return { ...base, rules: [], ...(misconfigured && { misconfigured }) };
  const rule: Rule = {
    name: policies.length === 0 ? 'default' : 'ratify-policy',
    family: 'ratify',
    covers: () => true,
    verifiers: views.map(({ verifier }) => verifier),
    enforcer,
  };
  return { ...base, rules: [rule] };
}

/** The objects of a role that a viewer has, by name: which verifier is asked first does not depend on files or on the API server. */
function seen({ compiled }: World, viewer: Viewer, role: Role): readonly Compiled[] {
  const of = (namespace: string | undefined) =>
    compiled
      .filter(({ declared }) => declared.role === role && declared.namespace === namespace)
      .sort((a, b) => (a.declared.name < b.declared.name ? -1 : 1));
  const own = viewer.kind === 'namespace' ? of(viewer.name) : [];
  return own.length > 0 ? own : of(undefined);
}

function usableOf(compiled: readonly Compiled[]): readonly Compiled[] {
  return compiled.filter(({ made }) => made !== undefined);
}

function essence({ declared }: Compiled): unknown {
  return [identity(declared), declared.object.spec];
}

/** No Policy at all is `config-policy` with its defaults: every artifact that a verifier takes must be good. */
function enforcerOf(policies: readonly Compiled[], kinds: Kinds): PolicyEnforcer | undefined {
  for (const { made } of policies) if (made?.role === 'policy') return made.enforcer;
  const kind = policies.length === 0 ? kinds.enforcers['config-policy'] : undefined;
  return kind?.create({ name: 'default', parameters: kind.parameters.parse({}) });
}

function nothingToDecide(
  stores: readonly Compiled[],
  verifiers: readonly Compiled[],
  policies: readonly Compiled[],
  enforcer: PolicyEnforcer | undefined,
): Reason | undefined {
  if (usableOf(stores).length === 0) return nothingUsable('NO_STORE', 'Store', stores);
  if (usableOf(verifiers).length === 0) return nothingUsable('NO_VERIFIER', 'Verifier', verifiers);
  return enforcer === undefined ? nothingUsable('CONFIG_INVALID', 'Policy', policies) : undefined;
}

function nothingUsable(code: string, kind: string, declared: readonly Compiled[]): Reason {
  const problem = declared.flatMap(({ diagnostics }) => diagnostics).find(({ severity }) => severity === 'error');
  if (declared.length === 0) return { code, message: `no ${kind} is declared; declare one in the namespace or for the cluster` };
  if (problem === undefined) return { code, message: `no ${kind} is usable: its document cannot be read; mend it` };
  const at = problem.path === '' ? '' : ` ${problem.path}:`;
  return reason(code, `no ${kind} is usable: ${problem.object ?? kind}:${at} ${problem.message}`);
}

/**
 * What one set of stores read is no fact for another: a tenant's own store may answer for a registry that is somebody else's.
 */
function scopedFacts(facts: FactCache, scope: string): FactCache {
  return { remember: (kind, key, signal, load, patience) => facts.remember(`${kind} ${scope}`, key, signal, load, patience) };
}
