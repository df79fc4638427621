import type { AdapterInputs, Kinds, RegistrySettings, VerifierInputs } from '../engine/kinds.ts';
import { quoted } from '../engine/reason.ts';
import type { ClusterReader, CredentialProvider, KeyMaterial, KeyProvider, PolicyEnforcer, Store, Verifier } from '../engine/types.ts';
import { durationMs } from '../lib/duration.ts';
import { hashOf } from './canonical.ts';
import type { KeyFetcher } from './key-sources.ts';
import { checkObject, type ObjectCheck } from './object-check.ts';
import { isMap } from './objects.ts';
import { type Declared, type Diagnostic, identity, type ObjectPath } from './resources.ts';
import { kindOf } from './schema/check.ts';
import { certificateStoreSpec, keyManagementProviderSpec, policySpec, storeSpec, verifierSpec } from './schema/kinds.ts';

export interface CompileDeps {
  readonly kinds: Kinds;
  readonly registries: RegistrySettings;
  /** Stores made before, by what they were made of: their connections and tokens outlive a change of other objects. */
  readonly stores: Map<string, Store>;
  readonly keys: KeyFetcher;
  readonly ownNamespace: string;
  readonly cluster?: ClusterReader;
}

/** What one object on its own came to. */
export type Made =
  | { readonly role: 'store'; readonly store: Store; readonly key: string }
  | { readonly role: 'keyProvider'; readonly material: KeyMaterial; readonly source: KeySource }
  | { readonly role: 'policy'; readonly enforcer: PolicyEnforcer }
  | { readonly role: 'family'; readonly part: unknown }
  | {
      readonly role: 'verifier';
      readonly type: string;
      readonly artifactTypes: readonly string[];
      create(keys: VerifierInputs['keyMaterial']): Promise<Verifier>;
    };

/** Where the material of a key provider comes from, again and again. */
export interface KeySource {
  /** Under which it is fetched. */
  readonly id: string;
  readonly provider: KeyProvider;
  readonly refreshMs: number | undefined;
}

export interface Compiled {
  readonly declared: Declared;
  /** Changes with what is declared. */
  readonly essence: string;
  /** Absent for an object that cannot apply. */
  readonly made: Made | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Under which a key provider's material is fetched; absent for anything else, and where its declaration came to nothing. */
  readonly keySource?: string;
}

/** Only the policy of this name applies, as in Ratify. */
const POLICY_NAME = 'ratify-policy';

/**
 * Checks one object against the schemas of its kind and type and makes what it declares. Never rejects.
 *
 * @param before - What the same object came to before, with the same `deps`: it is made again only where it was no good, and key
 *   material is taken as it is now.
 */
export async function compile(declared: Declared, deps: CompileDeps, before?: Compiled): Promise<Compiled> {
  const again = before?.declared === declared ? await reuse(before, deps) : undefined;
  if (again !== undefined) return again;
  const object = checkObject(declared);
  let made: Made | undefined;
  let keySource: string | undefined;
  if (!declared.broken) {
    try {
      made = await make(object, deps, (id) => {
        keySource = id;
      });
    } catch (error) {
      object.problem(error);
    }
  }
  return {
    declared,
    essence: hashOf([identity(declared), declared.object.spec]),
    made: object.failed() ? undefined : made,
    diagnostics: object.diagnostics,
    ...(keySource === undefined ? {} : { keySource }),
  };
}

async function reuse(before: Compiled, { keys }: CompileDeps): Promise<Compiled | undefined> {
  const { made } = before;
  if (made?.role !== 'keyProvider') return made === undefined ? undefined : before;
  const { id, provider, refreshMs } = made.source;
  const material = await keys.material(id, provider, refreshMs).catch(() => undefined);
  if (material === undefined) return undefined;
  return material === made.material ? before : { ...before, made: { ...made, material } };
}

/** The name under which others refer to an object: `name`, or `namespace/name`. */
export function qualifiedName(declared: Declared): string {
  return declared.namespace === undefined ? declared.name : `${declared.namespace}/${declared.name}`;
}

/** What an object may read beside its parameters: a tenant's is confined to its namespace. */
function inputsOf({ namespace }: Declared, { ownNamespace, cluster }: CompileDeps): AdapterInputs {
  const home = { namespace: namespace ?? ownNamespace, confined: namespace !== undefined && namespace !== ownNamespace };
  return { home, ...(cluster === undefined ? {} : { cluster }) };
}

type OnKeySource = (id: string) => void;

async function make(object: ObjectCheck, deps: CompileDeps, onKeySource: OnKeySource): Promise<Made | undefined> {
  object.nameUnknownFields();
  switch (object.declared.role) {
    case 'store':
      return makeStore(object, deps);
    case 'verifier':
      return makeVerifier(object, deps.kinds);
    case 'policy':
      return makePolicy(object, deps.kinds);
    case 'keyProvider':
      return makeKeyProvider(object, deps, onKeySource);
    case 'family':
      return makePart(object, deps.kinds);
  }
}

function makeStore(object: ObjectCheck, deps: CompileDeps): Made | undefined {
  const { kinds, registries, stores } = deps;
  const spec = object.spec(storeSpec);
  if (spec === undefined) return undefined;
  const kind = object.kindOf(kinds.stores, spec.name, ['spec', 'name'], 'store');
  const { authProvider, ...own } = spec.parameters ?? {};
  const inputs = inputsOf(object.declared, deps);
  const credentials = makeCredentials(object, kinds, authProvider, inputs);
  if (kind === undefined || credentials === undefined) return undefined;
  const key = hashOf([kind.type, qualifiedName(object.declared), spec.parameters ?? {}]);
  const known = stores.get(key);
  // `authProvider` is spoken for; a store that has it in its own schema gets it too.
  const parameters = object.parameters(kind.parameters, authProvider === undefined ? own : { ...own, authProvider }, [
    'authProvider',
    'name',
  ]);
  if (parameters === undefined) return undefined;
  for (const { path, message } of kind.hints?.(parameters.value) ?? []) object.warn(['spec', 'parameters', ...path], message);
  const store =
    known ?? kind.create({ name: qualifiedName(object.declared), parameters: parameters.value, credentials, registries, ...inputs });
  stores.set(key, store);
  return { role: 'store', store, key };
}

const DEFAULT_CREDENTIALS = { name: 'dockerConfig' };

function makeCredentials(object: ObjectCheck, kinds: Kinds, declared: unknown, inputs: AdapterInputs): CredentialProvider | undefined {
  const at: ObjectPath = ['spec', 'parameters', 'authProvider'];
  const provider = declared ?? DEFAULT_CREDENTIALS;
  if (!isMap(provider)) return object.fail(at, `expected a map, found ${kindOf(provider)}`);
  const { name = DEFAULT_CREDENTIALS.name, ...parameters } = provider;
  if (typeof name !== 'string') return object.fail([...at, 'name'], `expected a string, found ${kindOf(name)}`);
  const kind = object.kindOf(kinds.credentials, name, [...at, 'name'], 'authProvider');
  if (kind === undefined) return undefined;
  const parsed = object.parameters(kind.parameters, parameters, [], at);
  return parsed && kind.create({ name: qualifiedName(object.declared), parameters: parsed.value, ...inputs });
}

function makeVerifier(object: ObjectCheck, kinds: Kinds): Made | undefined {
  const spec = object.spec(verifierSpec);
  if (spec === undefined) return undefined;
  const typed = spec.type !== undefined && spec.type !== '';
  const kind = object.kindOf(kinds.verifiers, typed ? (spec.type ?? '') : spec.name, ['spec', typed ? 'type' : 'name'], 'verifier');
  const artifactTypes = spec.artifactTypes
    .split(',')
    .map((type) => type.trim())
    .filter((type) => type !== '');
  if (artifactTypes.length === 0) return object.fail(['spec', 'artifactTypes'], 'expected artifact types separated by commas, found none');
  const parameters = kind && object.parameters(kind.parameters, spec.parameters ?? {}, []);
  if (kind === undefined || parameters === undefined) return undefined;
  for (const { path, message } of kind.hints?.(parameters.value) ?? []) object.warn(['spec', 'parameters', ...path], message);
  const name = object.declared.name;
  return {
    role: 'verifier',
    type: kind.type,
    artifactTypes,
    create: async (keyMaterial) => kind.create({ name, parameters: parameters.value, artifactTypes, keyMaterial }),
  };
}

function makePolicy(object: ObjectCheck, kinds: Kinds): Made | undefined {
  if (object.declared.name !== POLICY_NAME) {
    return object.fail(['metadata', 'name'], `metadata.name must be ${POLICY_NAME}, found ${quoted(object.declared.name)}; not applied`);
  }
  const spec = object.spec(policySpec);
  if (spec === undefined) return undefined;
  const wanted = policyType(spec.type);
  const type = Object.keys(kinds.enforcers).find((known) => policyType(known) === wanted) ?? spec.type;
  const kind = object.kindOf(kinds.enforcers, type, ['spec', 'type'], 'policy');
  const parameters = kind && object.parameters(kind.parameters, spec.parameters, []);
  if (kind === undefined || parameters === undefined) return undefined;
  return { role: 'policy', enforcer: kind.create({ name: object.declared.name, parameters: parameters.value }) };
}

async function makePart(object: ObjectCheck, kinds: Kinds): Promise<Made | undefined> {
  const { kind, name, namespace } = object.declared;
  const part = kinds.families.flatMap(({ parts }) => parts).find((candidate) => candidate.kind === kind);
  if (part === undefined) return object.fail(['kind'], `nothing here makes use of a ${kind}`);
  const spec = object.spec(part.spec);
  if (spec === undefined) return undefined;
  for (const { path, message } of part.hints?.(spec) ?? []) object.warn(['spec', ...path], message);
  return { role: 'family', part: await part.create({ name, namespace, spec }) };
}

/** `config-policy`, `configpolicy` and `ConfigPolicy` are one type, as in Ratify. */
function policyType(type: string): string {
  return type.toLowerCase().replaceAll('-', '');
}

async function makeKeyProvider(object: ObjectCheck, deps: CompileDeps, onKeySource: OnKeySource): Promise<Made | undefined> {
  const certificateStore = object.declared.kind === 'CertificateStore';
  const source = certificateStore ? certificateStoreSource(object) : keyManagementSource(object);
  if (source === undefined) return undefined;
  const kind = object.kindOf(deps.kinds.keyProviders, source.type, ['spec', certificateStore ? 'provider' : 'type'], 'key provider');
  const parameters = kind && object.parameters(kind.parameters, source.parameters, []);
  if (kind === undefined || parameters === undefined) return undefined;
  const inputs = inputsOf(object.declared, deps);
  const provider = kind.create({ name: qualifiedName(object.declared), parameters: parameters.value, ...inputs });
  const refreshMs = source.refreshMs ?? provider.refreshMs;
  const id = hashOf([identity(object.declared), source.type, source.parameters, refreshMs ?? null]);
  onKeySource(id);
  return { role: 'keyProvider', material: await deps.keys.material(id, provider, refreshMs), source: { id, provider, refreshMs } };
}

interface DeclaredSource {
  readonly type: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly refreshMs?: number;
}

function keyManagementSource(object: ObjectCheck): DeclaredSource | undefined {
  const spec = object.spec(keyManagementProviderSpec);
  if (spec === undefined) return undefined;
  const { type, parameters, refreshInterval = '' } = spec;
  if (refreshInterval === '') return { type, parameters };
  const refreshMs = durationMs(refreshInterval);
  if (refreshMs === undefined) {
    object.warn(
      ['spec', 'refreshInterval'],
      `expected a duration such as 1h30m, found ${quoted(refreshInterval)}; fetched as often as suits the type`,
    );
  }
  return { type, parameters, ...(refreshMs === undefined || refreshMs === 0 ? {} : { refreshMs }) };
}

/** A CertificateStore holds certificates only, and does not say so. */
function certificateStoreSource(object: ObjectCheck): DeclaredSource | undefined {
  const spec = object.spec(certificateStoreSpec);
  return spec && { type: spec.provider.trim().toLowerCase(), parameters: { ...spec.parameters, contentType: 'certificate' } };
}
