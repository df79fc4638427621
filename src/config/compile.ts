import type { Kinds, RegistrySettings, VerifierInputs } from '../engine/kinds.ts';
import { quoted } from '../engine/reason.ts';
import type { CredentialProvider, KeyMaterial, PolicyEnforcer, Store, Verifier } from '../engine/types.ts';
import { hashOf } from './canonical.ts';
import { checkObject, type ObjectCheck } from './object-check.ts';
import { isMap } from './objects.ts';
import type { Declared, Diagnostic, ObjectPath } from './resources.ts';
import { kindOf } from './schema/check.ts';
import { certificateStoreSpec, keyManagementProviderSpec, policySpec, storeSpec, verifierSpec } from './schema/kinds.ts';

export interface CompileDeps {
  readonly kinds: Kinds;
  readonly registries: RegistrySettings;
  /** Stores made before, by what they were made of: their connections and tokens outlive a change of other objects. */
  readonly stores: Map<string, Store>;
  readonly signal: AbortSignal;
}

/** What one object on its own came to. */
export type Made =
  | { readonly role: 'store'; readonly store: Store; readonly key: string }
  | { readonly role: 'keyProvider'; readonly material: KeyMaterial }
  | { readonly role: 'policy'; readonly enforcer: PolicyEnforcer }
  | {
      readonly role: 'verifier';
      readonly type: string;
      readonly artifactTypes: readonly string[];
      create(keys: VerifierInputs['keyMaterial']): Promise<Verifier>;
    };

export interface Compiled {
  readonly declared: Declared;
  /** Absent for an object that cannot apply. */
  readonly made: Made | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Only the policy of this name applies, as in Ratify. */
const POLICY_NAME = 'ratify-policy';
const GO_DURATION = /^(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+$/;

/** Checks one object against the schemas of its kind and type and makes what it declares. Never rejects. */
export async function compile(declared: Declared, deps: CompileDeps): Promise<Compiled> {
  const object = checkObject(declared);
  let made: Made | undefined;
  if (!declared.broken) {
    try {
      made = await make(object, deps);
    } catch (error) {
      object.problem(error);
    }
  }
  return { declared, made: object.failed() ? undefined : made, diagnostics: object.diagnostics };
}

/** The name under which others refer to an object: `name`, or `namespace/name`. */
export function qualifiedName(declared: Declared): string {
  return declared.namespace === undefined ? declared.name : `${declared.namespace}/${declared.name}`;
}

async function make(object: ObjectCheck, deps: CompileDeps): Promise<Made | undefined> {
  object.nameUnknownFields();
  switch (object.declared.role) {
    case 'store':
      return makeStore(object, deps);
    case 'verifier':
      return makeVerifier(object, deps.kinds);
    case 'policy':
      return makePolicy(object, deps.kinds);
    case 'keyProvider':
      return makeKeyProvider(object, deps);
  }
}

function makeStore(object: ObjectCheck, { kinds, registries, stores }: CompileDeps): Made | undefined {
  const spec = object.spec(storeSpec);
  if (spec === undefined) return undefined;
  const kind = object.kindOf(kinds.stores, spec.name, ['spec', 'name'], 'store');
  const { authProvider, ...own } = spec.parameters ?? {};
  const credentials = makeCredentials(object, kinds, authProvider);
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
  const store = known ?? kind.create({ name: qualifiedName(object.declared), parameters: parameters.value, credentials, registries });
  stores.set(key, store);
  return { role: 'store', store, key };
}

const DEFAULT_CREDENTIALS = { name: 'dockerConfig' };

function makeCredentials(object: ObjectCheck, kinds: Kinds, declared: unknown): CredentialProvider | undefined {
  const at: ObjectPath = ['spec', 'parameters', 'authProvider'];
  const provider = declared ?? DEFAULT_CREDENTIALS;
  if (!isMap(provider)) return object.fail(at, `expected a map, found ${kindOf(provider)}`);
  const { name = DEFAULT_CREDENTIALS.name, ...parameters } = provider;
  if (typeof name !== 'string') return object.fail([...at, 'name'], `expected a string, found ${kindOf(name)}`);
  const kind = object.kindOf(kinds.credentials, name, [...at, 'name'], 'authProvider');
  if (kind === undefined) return undefined;
  const parsed = object.parameters(kind.parameters, parameters, [], at);
  return parsed && kind.create({ name: qualifiedName(object.declared), parameters: parsed.value });
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

/** `config-policy`, `configpolicy` and `ConfigPolicy` are one type, as in Ratify. */
function policyType(type: string): string {
  return type.toLowerCase().replaceAll('-', '');
}

async function makeKeyProvider(object: ObjectCheck, { kinds, signal }: CompileDeps): Promise<Made | undefined> {
  const certificateStore = object.declared.kind === 'CertificateStore';
  const source = certificateStore ? certificateStoreSource(object) : keyManagementSource(object);
  if (source === undefined) return undefined;
  const kind = object.kindOf(kinds.keyProviders, source.type, ['spec', certificateStore ? 'provider' : 'type'], 'key provider');
  const parameters = kind && object.parameters(kind.parameters, source.parameters, []);
  if (kind === undefined || parameters === undefined) return undefined;
  const provider = kind.create({ name: qualifiedName(object.declared), parameters: parameters.value });
  return { role: 'keyProvider', material: await provider.fetch(signal) };
}

interface KeySource {
  readonly type: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

function keyManagementSource(object: ObjectCheck): KeySource | undefined {
  const spec = object.spec(keyManagementProviderSpec);
  if (spec?.refreshInterval !== undefined && spec.refreshInterval !== '' && !GO_DURATION.test(spec.refreshInterval)) {
    object.warn(['spec', 'refreshInterval'], `expected a duration such as 1h30m, found ${quoted(spec.refreshInterval)}; fetched once`);
  }
  return spec;
}

/** A CertificateStore holds certificates only, and does not say so. */
function certificateStoreSource(object: ObjectCheck): KeySource | undefined {
  const spec = object.spec(certificateStoreSpec);
  return spec && { type: spec.provider.trim().toLowerCase(), parameters: { ...spec.parameters, contentType: 'certificate' } };
}
