import type { FactCache } from '../lib/facts.ts';
import type { RevocationPort } from '../lib/revocation.ts';
import type { Descriptor, Referrer } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Reference, Repository } from '../oci/reference.ts';

export type { Descriptor, FactCache, Reference, Referrer, Repository };

/** The four answers, kept apart from the registry socket to the exit code (docs/outcomes.md). */
export type Outcome = 'accepted' | 'refused' | 'unavailable' | 'misconfigured';

/** A stable code of docs/errors.md and one ASCII line of at most 230 bytes: what is wrong, what was expected, the fix. */
export interface Reason {
  readonly code: string;
  readonly message: string;
}

/** The artifact that a verdict is about, resolved once a request. */
export interface Subject {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
}

/** What a reference names, and until when that may be believed; absent: as long as the freshness bound says. */
export type Resolved = Descriptor & { readonly freshUntil?: Date };

/** Where images and their signatures are read. Failures reject with a `StoreError`. */
export interface Store {
  /** Whether references of this registry host are answered here. */
  answersFor(registry: string): boolean;
  /** The descriptor of what `reference` names: its digest if it has one, else its tag. */
  resolve(reference: Reference, signal: AbortSignal): Promise<Resolved>;
  /** Referrers of the given artifact types (empty: all), a page at a time, in the registry's order. */
  listReferrers(subject: Subject, artifactTypes: readonly string[], signal: AbortSignal): AsyncIterable<readonly Referrer[]>;
  /** Bytes whose size and digest agree with the descriptor. */
  fetchManifest(repository: Repository, descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array>;
  fetchBlob(repository: Repository, descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array>;
}

/** What is asked: the reference as parsed and as written, where it is asked for, and what the template passed along. */
export interface Request {
  readonly reference: Reference;
  readonly text: string;
  readonly namespace?: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** Everything that does I/O for one evaluation. */
export interface Ports {
  readonly store: Store;
  /** Where it is asked whether certificates were revoked. Absent: that cannot be known. */
  readonly revocation?: RevocationPort;
  readonly facts: FactCache;
  readonly now: Date;
  readonly signal: AbortSignal;
}

export interface VerifierInput {
  readonly request: Request;
  readonly subject: Subject;
  readonly referrer: Referrer;
  readonly ports: Ports;
}

export interface Verifier {
  readonly name: string;
  readonly type: string;
  /** Artifact types to ask the registry for; `*` is every type. */
  readonly artifactTypes: readonly string[];
  /** Whether referrers of a verified referrer must be good too. */
  readonly nested: boolean;
  canVerify(referrer: Referrer): boolean;
  /** Lower comes first: a hint that this referrer is likely to decide, from its descriptor alone. Default 0. */
  rank?(referrer: Referrer): number;
  /** Resolves for every verdict, including a bad signature; rejects only if `signal` aborts. */
  verify(input: VerifierInput): Promise<VerifierReport>;
}

/** A step of a verification as an operator reads it. */
export interface TraceStep {
  readonly step: string;
  readonly action: 'enforce' | 'log' | 'skip';
  readonly error: string | null;
  /** What is to be known though it is no failure. */
  readonly note?: string;
}

export interface VerifierReport {
  readonly verifier: string;
  readonly type: string;
  readonly artifact: Referrer;
  readonly outcome: Outcome;
  readonly reason: Reason;
  /** What the verifier found, as JSON: for Notation the signer's `subject` and `issuer`, the policy, the level and the timestamp. */
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly trace: readonly TraceStep[];
  readonly nested: readonly VerifierReport[];
  readonly validUntil?: Date;
}

export interface Decision {
  readonly outcome: Outcome;
  readonly reason: Reason;
}

export interface PolicyEnforcer {
  readonly type: string;
  /**
   * Decides over the reports so far. With `complete` (no report will follow) there is always a decision; without it,
   * `undefined` means that the next referrer must be looked at. `artifactTypes` are those that reports to come may have; absent,
   * or with `*` in it: any.
   */
  decide(input: {
    readonly request: Request;
    readonly reports: readonly VerifierReport[];
    readonly complete: boolean;
    readonly artifactTypes?: readonly string[];
  }): Decision | undefined;
}

/** One way by which an image can be accepted: its verifiers' reports, judged by its enforcer. */
export interface Rule {
  readonly name: string;
  readonly family: 'ratify';
  covers(request: Request): boolean;
  readonly verifiers: readonly Verifier[];
  readonly enforcer: PolicyEnforcer;
}

/** One namespace's view of the declared objects; immutable. */
export interface Engine {
  /** Hash of the objects and of the key material that the namespace sees. */
  readonly revision: string;
  readonly rules: readonly Rule[];
  /** Undefined where no usable Store is declared. */
  readonly store: Store | undefined;
  /** Why nothing can be decided; every request is then *misconfigured* with this reason. */
  readonly misconfigured?: Reason;
}

/** Everything declared, at one instant; swapped whole. A request takes it once. */
export interface Snapshot {
  for(namespace: string | undefined): Engine;
}

export interface Verdict {
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly reference: Reference;
  readonly digest?: Digest;
  readonly reports: readonly VerifierReport[];
  /** Name of the rule that decided; empty where none did. */
  readonly policy: string;
  readonly revision: string;
  /** The earliest instant at which something that this rests on may change. */
  readonly validUntil?: Date;
}

/** Certificates of one key provider as DER, in its order; immutable. */
export interface KeyMaterial {
  readonly certificates: readonly Uint8Array[];
}

export interface KeyProvider {
  readonly name: string;
  readonly type: string;
  fetch(signal: AbortSignal): Promise<KeyMaterial>;
}

/** A user name and password, or an identity token, for one registry. */
export type Credential = { readonly username: string; readonly password: string } | { readonly identityToken: string };

/** Finds the credential for a registry host; undefined where none is declared (then anonymous). */
export interface CredentialProvider {
  readonly type: string;
  get(registry: string, signal: AbortSignal): Promise<Credential | undefined>;
}
