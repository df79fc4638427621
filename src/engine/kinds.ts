import type { z } from 'zod';
import type {
  AttestationSource,
  ClusterReader,
  CredentialProvider,
  Exemption,
  FactCache,
  Family,
  KeyMaterial,
  KeyProvider,
  PolicyEnforcer,
  Reason,
  Rule,
  Store,
  Verifier,
} from './types.ts';

/** A `type` of a declared object: its parameters' schema and how to make it. Thrown `ConfigProblem`s become *misconfigured*. */
interface Kind<P, Input, Made> {
  readonly type: string;
  readonly parameters: z.ZodType<P>;
  create(input: Input & { readonly name: string; readonly parameters: P }): Made;
}

export interface VerifierInputs {
  readonly artifactTypes: readonly string[];
  /** Material of the key provider or certificate store of that name as this object may see it; throws `ConfigProblem` if there is none. */
  readonly keyMaterial: (name: string) => KeyMaterial;
}

/** Where an object is declared, and what it may name because of that. */
export interface Home {
  /** Where names without a namespace are looked up. */
  readonly namespace: string;
  /** Whether the object is a tenant's: it may name what is in that namespace and nothing else, and nothing of this machine. */
  readonly confined: boolean;
}

/** Of whatever reads something beside its parameters. */
export interface AdapterInputs {
  /** Absent: the operator's own, on a command line. */
  readonly home?: Home;
  /** Absent: there is no cluster to read. */
  readonly cluster?: ClusterReader;
}

export interface StoreInputs extends AdapterInputs {
  /** The credentials that the object's `authProvider` names. */
  readonly credentials: CredentialProvider;
  readonly registries: RegistrySettings;
}

/** How registries are reached, from the settings and the command line. */
export interface RegistrySettings {
  /** Whether every registry is spoken to over plain HTTP (`--plain-http`). */
  readonly plainHttp: boolean;
  /** PEM of additional roots for this registry host; undefined: the system's. */
  readonly ca: (registry: string) => string | undefined;
  /** Hosts beside the registry's own site that may be handed its credentials in exchange for a token. */
  readonly tokenServers: (registry: string) => readonly string[];
  /** Requests under way at one time of each Store, for one registry and in all. Default 8 and 64. */
  readonly concurrency?: { readonly perRegistry: number; readonly total: number };
}

/** Something in the parameters that applies, and that an operator should know of: it is allowed, and not what one would choose. */
export interface ParameterHint {
  /** From the parameters down. */
  readonly path: readonly (string | number)[];
  /** Absent: nobody knows the field. */
  readonly message?: string;
}

interface WithHints<P> {
  /** Optional. */
  hints?(parameters: P): readonly ParameterHint[];
}

/** A verifier may need a moment to compile its trust anchors. */
export type VerifierKind<P = unknown> = Kind<P, VerifierInputs, Verifier | Promise<Verifier>> & WithHints<P>;
export type StoreKind<P = unknown> = Kind<P, StoreInputs, Store> & WithHints<P>;
export type KeyProviderKind<P = unknown> = Kind<P, AdapterInputs, KeyProvider>;
export type CredentialKind<P = unknown> = Kind<P, AdapterInputs, CredentialProvider>;
export type EnforcerKind<P = unknown> = Kind<P, object, PolicyEnforcer>;
export type AttestationKind<P = unknown> = Kind<P, object, AttestationSource>;

/** A kind of object that a family is declared by. */
export interface PartKind<Spec = unknown, Part = unknown> {
  readonly kind: string;
  /** Free of transforms: the custom resource definition is written from it. */
  readonly spec: z.ZodType<Spec>;
  /** What the object declares, by itself. @throws {ConfigProblem} with the path of what cannot be used. */
  create(input: { readonly name: string; readonly namespace: string | undefined; readonly spec: Spec }): Part | Promise<Part>;
  /** Whether its last good form stays in force when an edit breaks it. Default: it does. */
  readonly keepsLastGood?: boolean;
  /** What applies, and is not what one would choose; paths from `spec` down. */
  hints?(spec: Spec): readonly ParameterHint[];
}

/** An object of a family as a viewer sees it. */
export interface FamilyObject<Part = unknown> {
  readonly name: string;
  /** Undefined for cluster kinds. */
  readonly namespace: string | undefined;
  /** Absent for an object that cannot be used: it counts as declared all the same. */
  readonly part: Part | undefined;
  /** Why there is no part. */
  readonly problem: Reason | undefined;
  /** As it was declared, checked by nobody: what an object without a part was about. */
  readonly spec?: unknown;
}

export interface FamilyInputs {
  /** The namespace that is asked from; undefined: one that declares nothing, or none. */
  readonly namespace: string | undefined;
  /** The objects of a kind: the cluster's, or the namespace's, by name. */
  readonly objects: (kind: string) => readonly FamilyObject[];
  /** Material of the key provider of that name as an object of `namespace` may see it. @throws {ConfigProblem} where there is none. */
  readonly keyMaterial: (name: string) => KeyMaterial;
  /** By the family's own schema. */
  readonly settings: unknown;
  /** Where statements are looked for, in their order. */
  readonly sources: readonly AttestationSource[];
}

/** A way of saying which images may run beside Ratify's: its kinds of objects, and the rules that they come to. */
export interface RuleFamily {
  /** Its key in the settings. */
  readonly name: string;
  readonly family: Family;
  readonly parts: readonly PartKind[];
  readonly settings: z.ZodType;
  /** What it says of an image that none of its rules covers; `nothing` where it only adds to other families. */
  readonly uncovered: 'accept' | 'refuse' | 'nothing';
  /** Whether its objects mean something only within a namespace: a key without one is then *misconfigured*. */
  readonly namespaced: boolean;
  build(inputs: FamilyInputs): { readonly rules: readonly Rule[]; readonly exemptions: readonly Exemption[] };
}

/** The types that configuration may name; `config/kinds.ts` has ours, a caller may pass its own. */
export interface Kinds {
  readonly verifiers: Readonly<Record<string, VerifierKind>>;
  readonly stores: Readonly<Record<string, StoreKind>>;
  readonly keyProviders: Readonly<Record<string, KeyProviderKind>>;
  readonly credentials: Readonly<Record<string, CredentialKind>>;
  readonly enforcers: Readonly<Record<string, EnforcerKind>>;
  readonly attestations: Readonly<Record<string, AttestationKind>>;
  readonly families: readonly RuleFamily[];
  /** The stores of one view as one, that remembers what it read in `facts` (tags and referrers for `freshnessMs`). */
  readonly combineStores: (stores: readonly Store[], facts: FactCache, freshnessMs: number) => Store;
}

// The parameters' type is bound inside the object; the table forgets it. Sound because `create` only ever gets what the object's own schema parsed.
const erase = <P, Input, Made>(kind: Kind<P, Input, Made>) => kind as unknown as Kind<unknown, Input, Made>;

export const defineVerifier = <P>(kind: VerifierKind<P>): VerifierKind => erase(kind);
export const defineStore = <P>(kind: StoreKind<P>): StoreKind => erase(kind);
export const defineKeyProvider = <P>(kind: KeyProviderKind<P>): KeyProviderKind => erase(kind);
export const defineCredentials = <P>(kind: CredentialKind<P>): CredentialKind => erase(kind);
export const defineAttestations = <P>(kind: AttestationKind<P>): AttestationKind => erase(kind);
// Bound inside the object likewise: `create` only ever gets what its own schema parsed.
export const definePart = <Spec, Part>(part: PartKind<Spec, Part>): PartKind => part as unknown as PartKind;
export const defineEnforcer = <P>(kind: EnforcerKind<P>): EnforcerKind => erase(kind);
