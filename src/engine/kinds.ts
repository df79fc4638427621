import type { z } from 'zod';
import type { CredentialProvider, FactCache, KeyMaterial, KeyProvider, PolicyEnforcer, Store, Verifier } from './types.ts';

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

export interface StoreInputs {
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
export type KeyProviderKind<P = unknown> = Kind<P, object, KeyProvider>;
export type CredentialKind<P = unknown> = Kind<P, object, CredentialProvider>;
export type EnforcerKind<P = unknown> = Kind<P, object, PolicyEnforcer>;

/** The types that configuration may name; `config/kinds.ts` has ours, a caller may pass its own. */
export interface Kinds {
  readonly verifiers: Readonly<Record<string, VerifierKind>>;
  readonly stores: Readonly<Record<string, StoreKind>>;
  readonly keyProviders: Readonly<Record<string, KeyProviderKind>>;
  readonly credentials: Readonly<Record<string, CredentialKind>>;
  readonly enforcers: Readonly<Record<string, EnforcerKind>>;
  /** The stores of one view as one, that remembers what it read in `facts` (tags and referrers for `freshnessMs`). */
  readonly combineStores: (stores: readonly Store[], facts: FactCache, freshnessMs: number) => Store;
}

// The parameters' type is bound inside the object; the table forgets it. Sound because `create` only ever gets what the object's own schema parsed.
const erase = <P, Input, Made>(kind: Kind<P, Input, Made>) => kind as unknown as Kind<unknown, Input, Made>;

export const defineVerifier = <P>(kind: VerifierKind<P>): VerifierKind => erase(kind);
export const defineStore = <P>(kind: StoreKind<P>): StoreKind => erase(kind);
export const defineKeyProvider = <P>(kind: KeyProviderKind<P>): KeyProviderKind => erase(kind);
export const defineCredentials = <P>(kind: CredentialKind<P>): CredentialKind => erase(kind);
export const defineEnforcer = <P>(kind: EnforcerKind<P>): EnforcerKind => erase(kind);
