import { basename } from 'node:path';
import type { Kinds } from '../engine/kinds.ts';
import { quoted, reason } from '../engine/reason.ts';
import type { Engine, FactCache, PolicyEnforcer, Reason, Rule, Store, Verifier } from '../engine/types.ts';
import { hashOf } from './canonical.ts';
import type { Compiled } from './compile.ts';
import { type ClusterStores, type FamiliesView, type FamilyOptions, viewFamilies } from './families.ts';
import type { KeyTable, Viewer } from './key-table.ts';
import type { Role } from './resources.ts';
import type { VerifierViews } from './verifier-views.ts';

/** Everything that views are made from. */
export interface World {
  readonly compiled: readonly Compiled[];
  readonly verifiers: ReadonlyMap<Compiled, VerifierViews>;
  readonly kinds: Kinds;
  readonly facts: FactCache;
  readonly freshnessMs: number;
  readonly floor?: boolean;
  readonly keys: KeyTable;
  readonly families?: ReadonlyMap<string, FamilyOptions>;
  readonly uncovered?: 'accept' | 'refuse';
  /** A file that declares nobody knows what; undefined: there is none. */
  readonly unread?: string | undefined;
}

/** Objects by role and namespace, in the order of their names. */
type Index = ReadonlyMap<Role, ReadonlyMap<string | undefined, readonly Compiled[]>>;
type Indexed = World & { readonly index: Index };

/** The engines of every namespace that declares something, of those that do not, and of keys without a namespace. */
export interface Views {
  readonly engines: ReadonlyMap<string, Engine>;
  readonly any: Engine;
  readonly none: Engine;
}

export async function buildViews(declared: World): Promise<Views> {
  const world: Indexed = { ...declared, index: indexOf(declared.compiled) };
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

async function buildView(viewer: Viewer, world: Indexed): Promise<Engine> {
  const own = await buildSide(viewer, world, (role) => seen(world, viewer, role));
  const floor = await buildFloor(viewer, world);
  const misconfigured = own.misconfigured ?? floor?.misconfigured;
  const ratify: Ratify = {
    revision: floor === undefined ? own.revision : hashOf([own.revision, floor.revision]),
    store: own.store,
    rules: misconfigured === undefined ? [own, floor].flatMap((side) => side?.rule ?? []) : [],
    misconfigured,
  };
  const families = viewFamilies(viewer, world, clusterStores(viewer, world));
  if (!families.declared) return engineOf(ratify, world.uncovered);
  const speaks = (['verifier', 'policy'] as const).some((role) => seen(world, viewer, role).length > 0) || floor !== undefined;
  return join(ratify, speaks, families, world);
}

/** What the cluster's Stores come to, for a namespace with Stores of its own. */
function clusterStores(viewer: Viewer, world: Indexed): ClusterStores | undefined {
  if (viewer.kind !== 'namespace' || ofNamespace(world, 'store', viewer.name).length === 0) return undefined;
  const declared = ofNamespace(world, 'store', undefined);
  return { revision: hashOf(usableOf(declared).map(({ essence }) => essence)), store: () => combined(declared, world) };
}

/** What the objects of Ratify's kinds come to. */
interface Ratify {
  readonly revision: string;
  readonly store: Store | undefined;
  readonly rules: readonly Rule[];
  readonly misconfigured: Reason | undefined;
}

function engineOf({ revision, store, rules, misconfigured }: Ratify, uncovered: World['uncovered']): Engine {
  return { revision, store, rules, ...(uncovered && { uncovered }), ...(misconfigured && { misconfigured }) };
}

/** Ratify's objects beside those of other families: a Store alone demands nothing, it only says where images are read. */
function join(ratify: Ratify, speaks: boolean, families: FamiliesView, world: World): Engine {
  const { misconfigured, store } = ratify;
  const own = !speaks ? [] : misconfigured === undefined ? ratify.rules : [unusable(misconfigured)];
  const uncovered = uncoveredOf(speaks ? 'refuse' : families.uncovered, world);
  const rules = [...own, ...families.rules];
  return {
    revision: hashOf([ratify.revision, speaks, families.revision, uncovered ?? null]),
    store,
    exemptions: families.exemptions,
    rules,
    ...(uncovered && { uncovered }),
    // What only exempts from rules is none, and decides nothing.
    ...(rules.length === 0 && uncovered === undefined && misconfigured !== undefined && { misconfigured }),
  };
}

/** What the setting says outweighs what the declared objects do; where those say nothing, nothing is decided. */
function uncoveredOf(says: 'accept' | 'refuse' | undefined, { uncovered: setting, unread }: World): Engine['uncovered'] {
  if (says === undefined) return undefined;
  if (setting !== undefined) return setting;
  if (says === 'refuse' || unread === undefined) return says;
  const file = quoted(basename(unread), 80);
  return reason('CONFIG_INVALID', `a part of ${file} cannot be read: what it declares may cover the image; mend the file`);
}

/** Stands for rules that cannot be used: other families' may still refuse. */
function unusable(why: Reason): Rule {
  const decision = { outcome: 'misconfigured', reason: why } as const;
  return { name: 'ratify-policy', family: 'ratify', covers: () => true, judge: async () => ({ decision, reports: [] }) };
}

/** The cluster's objects beside a namespace's own: they must accept too, with what the cluster's Stores read. */
async function buildFloor(viewer: Viewer, world: Indexed): Promise<Side | undefined> {
  if (world.floor !== true || viewer.kind !== 'namespace') return undefined;
  const declared = (role: Role) => ofNamespace(world, role, viewer.name).length > 0;
  if (!(['store', 'verifier', 'policy'] as const).some(declared)) return undefined;
  const side = await buildSide(viewer, world, (role) => ofNamespace(world, role, undefined));
  const { rule, store, misconfigured } = side;
  return {
    ...side,
    ...(rule && store && { rule: { ...rule, name: `cluster ${rule.name}`, store } }),
    ...(misconfigured && {
      misconfigured: reason(misconfigured.code, `tenancy.floor is on, and of the cluster: ${misconfigured.message}`),
    }),
  };
}

/** What objects of one scope come to for a viewer. */
interface Side {
  readonly revision: string;
  readonly store: Store | undefined;
  readonly rule?: Rule;
  readonly misconfigured?: Reason;
}

async function buildSide(viewer: Viewer, world: Indexed, objects: (role: Role) => readonly Compiled[]): Promise<Side> {
  const stores = objects('store');
  const verifiers = objects('verifier');
  const policies = objects('policy');
  const views: { verifier: Verifier; keys: unknown }[] = [];
  for (const compiled of usableOf(verifiers)) {
    const view = await world.verifiers.get(compiled)?.for(viewer);
    if (view !== undefined) views.push(view);
  }
  const enforcer = enforcerOf(policies, world.kinds);
  const misconfigured = nothingToDecide(stores, verifiers, policies, enforcer);
  const revision = hashOf({
    stores: usableOf(stores).map(({ essence }) => essence),
    verifiers: usableOf(verifiers).map(({ essence }, index) => [essence, views[index]?.keys ?? null]),
    policies: usableOf(policies).map(({ essence }) => essence),
    misconfigured: misconfigured ?? null,
  });
  const side = { revision, store: combined(stores, world) };
  if (misconfigured !== undefined || enforcer === undefined) return { ...side, ...(misconfigured && { misconfigured }) };
  const rule: Rule = {
    name: policies.length === 0 ? 'default' : 'ratify-policy',
    family: 'ratify',
    covers: () => true,
    verifiers: views.map(({ verifier }) => verifier),
    enforcer,
  };
  return { ...side, rule };
}

function combined(stores: readonly Compiled[], { kinds, facts, freshnessMs }: World): Store | undefined {
  const used = usableOf(stores).flatMap(({ made }) => (made?.role === 'store' ? [made] : []));
  if (used.length === 0) return undefined;
  const scope = hashOf(used.map(({ key }) => key));
  return kinds.combineStores(
    used.map((made) => made.store),
    scopedFacts(facts, scope),
    freshnessMs,
  );
}

/** The objects of a role that a viewer has: which verifier is asked first does not depend on files or on the API server. */
function seen(world: Indexed, viewer: Viewer, role: Role): readonly Compiled[] {
  const own = viewer.kind === 'namespace' ? ofNamespace(world, role, viewer.name) : [];
  return own.length > 0 ? own : ofNamespace(world, role, undefined);
}

function ofNamespace({ index }: Indexed, role: Role, namespace: string | undefined): readonly Compiled[] {
  return index.get(role)?.get(namespace) ?? [];
}

function indexOf(compiled: readonly Compiled[]): Index {
  const sorted = [...compiled].sort((a, b) => (a.declared.name < b.declared.name ? -1 : 1));
  const byRole = Map.groupBy(sorted, ({ declared }) => declared.role);
  return new Map([...byRole].map(([role, objects]) => [role, Map.groupBy(objects, ({ declared }) => declared.namespace)]));
}

function usableOf(compiled: readonly Compiled[]): readonly Compiled[] {
  return compiled.filter(({ made }) => made !== undefined);
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
