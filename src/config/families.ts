import type { z } from 'zod';
import { ConfigProblem, EvaluationError } from '../engine/errors.ts';
import type { FamilyObject, Kinds, RuleFamily } from '../engine/kinds.ts';
import type { AttestationSource, Exemption, KeyMaterial, Reason, Rule, Store } from '../engine/types.ts';
import { hashOf } from './canonical.ts';
import type { Compiled } from './compile.ts';
import type { KeyTable, Viewer } from './key-table.ts';
import { check } from './schema/check.ts';
import { unknownKeys } from './schema/unknown-keys.ts';
import { type Settings, SettingsError } from './settings.ts';

/** What the settings say of a family. */
export interface FamilyOptions {
  readonly settings: unknown;
  readonly sources: readonly AttestationSource[];
  /** Changes with what the settings say. */
  readonly revision: string;
}

/** What the families beside Ratify's come to for one viewer. */
export interface FamiliesView {
  readonly rules: readonly Rule[];
  readonly exemptions: readonly Exemption[];
  /** Undefined where no family is declared that has something to say of it. */
  readonly uncovered: 'accept' | 'refuse' | undefined;
  /** Whether any object of a family is declared, for whomever. */
  readonly declared: boolean;
  readonly revision: unknown;
}

export interface ClusterStores {
  readonly revision: string;
  /** Made where a rule is to read it. */
  readonly store: () => Store | undefined;
}

export interface FamiliesWorld {
  readonly compiled: readonly Compiled[];
  readonly keys: KeyTable;
  readonly kinds: Kinds;
  /** By the family's name; absent: the defaults. */
  readonly families?: ReadonlyMap<string, FamilyOptions>;
}

/**
 * @param ofCluster - What the cluster's Stores come to where the viewer has others: rules that the cluster declares look images up there, since a
 *   namespace's own Store may say what it likes of a tag.
 */
export function viewFamilies(viewer: Viewer, world: FamiliesWorld, ofCluster?: ClusterStores): FamiliesView {
  const views = world.kinds.families.map((family) => viewFamily(family, viewer, world, ofCluster)).filter((view) => view !== undefined);
  const speaking = views.map(({ family }) => family.uncovered).filter((says) => says !== 'nothing');
  const rules = views.flatMap((view) => view.rules);
  return {
    rules,
    exemptions: views.flatMap(({ exemptions }) => exemptions),
    uncovered: speaking.length === 0 ? undefined : speaking.includes('refuse') ? 'refuse' : 'accept',
    declared: views.length > 0,
    revision: views.map(({ family, revision }) => [family.name, revision]),
  };
}

interface FamilyView {
  readonly family: RuleFamily;
  readonly rules: readonly Rule[];
  readonly exemptions: readonly Exemption[];
  readonly revision: unknown;
}

/** Undefined where nobody declares anything of the family. */
function viewFamily(
  family: RuleFamily,
  viewer: Viewer,
  { compiled, keys, kinds, families }: FamiliesWorld,
  ofCluster: ClusterStores | undefined,
): FamilyView | undefined {
  const partKinds = family.parts.map(({ kind }) => kind);
  const all = compiled.filter(({ declared }) => declared.role === 'family' && partKinds.includes(declared.kind));
  if (all.length === 0) return undefined;
  if (family.namespaced && viewer.kind === 'none') return withoutNamespace(family);
  const namespace = viewer.kind === 'namespace' ? viewer.name : undefined;
  const seen = all
    .filter(({ declared }) => declared.namespace === undefined || declared.namespace === namespace)
    .sort((a, b) => (a.declared.name < b.declared.name ? -1 : 1));
  const options = families?.get(family.name) ?? defaultOptions(family, kinds);
  const used = new Map<string, readonly string[] | string>();
  const { rules, exemptions } = family.build({
    namespace,
    objects: (kind) => seen.filter(({ declared }) => declared.kind === kind).map(objectOf),
    keyMaterial: (name) => materialOf(name, viewer, keys, used),
    settings: options.settings,
    sources: options.sources,
  });
  const objects = seen.map(({ declared, essence, made }) => [declared.kind, essence, made !== undefined]);
  const store = family.namespaced || rules.length === 0 ? undefined : ofCluster?.store();
  const revision = hashOf([options.revision, objects, [...used], store === undefined ? null : (ofCluster?.revision ?? null)]);
  return { family, rules: store === undefined ? rules : rules.map((rule) => ({ ...rule, store })), exemptions, revision };
}

function materialOf(name: string, viewer: Viewer, keys: KeyTable, used: Map<string, readonly string[] | string>): KeyMaterial {
  const found = keys.lookup(name, viewer, true);
  used.set(name, 'problem' in found ? found.problem.message : found.fingerprints);
  if ('problem' in found) throw found.problem;
  return found.material;
}

function objectOf({ declared, made, diagnostics }: Compiled): FamilyObject {
  const { name, namespace } = declared;
  if (made?.role === 'family') return { name, namespace, part: made.part, problem: undefined };
  const error = diagnostics.find(({ severity }) => severity === 'error');
  const problem: Reason = { code: error?.code ?? 'CONFIG_INVALID', message: error?.message ?? 'its document cannot be read' };
  return { name, namespace, part: undefined, problem, spec: declared.object.spec };
}

function defaultOptions(family: RuleFamily, kinds: Kinds): FamilyOptions {
  return familyOptions(family, {}, kinds);
}

/** What is declared in namespaces cannot be told of a key that names none. */
function withoutNamespace(family: RuleFamily): FamilyView {
  const rule: Rule = {
    name: family.name,
    family: family.family,
    covers: () => true,
    judge: () =>
      Promise.reject(
        new EvaluationError('NAMESPACE_REQUIRED', `policies of ${family.name} belong to namespaces; expected [namespace]image as the key`),
      ),
  };
  return { family, rules: [rule], exemptions: [], revision: 'without a namespace' };
}

/** Where statements are looked for unless the settings say: beside the image. */
const BESIDE_THE_IMAGE = 'referrers';

/**
 * What the settings say of every family.
 *
 * @throws {SettingsError} naming the setting that is wrong.
 */
export function familiesOf({ families }: Settings, kinds: Kinds): ReadonlyMap<string, FamilyOptions> {
  return new Map(
    kinds.families.map((family) => {
      try {
        return [family.name, familyOptions(family, families[family.name] ?? {}, kinds)];
      } catch (error) {
        if (!(error instanceof ConfigProblem)) throw error;
        throw new SettingsError(`settings: ${[family.name, error.path].filter((part) => part !== '').join('.')}: ${error.message}`);
      }
    }),
  );
}

/** @throws {ConfigProblem} for settings that the family, or a source of it, does not take; `path` is from the family's settings down. */
function familyOptions(family: RuleFamily, declared: Readonly<Record<string, unknown>>, kinds: Kinds): FamilyOptions {
  const usual = Object.hasOwn(kinds.attestations, BESIDE_THE_IMAGE) ? [{ type: BESIDE_THE_IMAGE }] : [];
  const { attestations = usual, ...own } = declared;
  const settings = parse(family.settings, own, '');
  if (!Array.isArray(attestations)) throw new ConfigProblem('CONFIG_INVALID', 'attestations', 'expected a list of sources');
  return {
    settings,
    sources: attestations.map((source: unknown, index) => sourceOf(source, `attestations[${index}]`, kinds)),
    revision: hashOf([family.name, declared]),
  };
}

function sourceOf(declared: unknown, at: string, kinds: Kinds): AttestationSource {
  const { type, ...parameters } = typeof declared === 'object' && declared !== null ? (declared as Readonly<Record<string, unknown>>) : {};
  const kind = typeof type === 'string' && Object.hasOwn(kinds.attestations, type) ? kinds.attestations[type] : undefined;
  if (kind === undefined) {
    throw new ConfigProblem('CONFIG_INVALID', `${at}.type`, `expected ${Object.keys(kinds.attestations).join(' or ')}`);
  }
  return kind.create({ name: `${kind.type} ${at}`, parameters: parse(kind.parameters, parameters, at) });
}

function parse<T>(schema: z.ZodType<T>, value: unknown, at: string): T {
  const path = at === '' ? [] : [at];
  // A slip in a name would leave a default in force where something else was meant: who may be asked, and with which token.
  const [unknown] = unknownKeys(schema, value, path);
  if (unknown !== undefined) throw new ConfigProblem('CONFIG_INVALID', unknown.map(String).join('.'), 'nobody knows this setting');
  const checked = check(schema, value, path);
  if ('value' in checked) return checked.value;
  const [first] = checked.problems;
  throw new ConfigProblem('CONFIG_INVALID', first?.path.map(String).join('.') ?? at, first?.message ?? 'invalid');
}
