import type { FactCache } from '../lib/facts.ts';
import type { RevocationPort } from '../lib/revocation.ts';
import type { Descriptor, Referrer } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Reference, Repository } from '../oci/reference.ts';

export type { Attestation, AttestationSignature, AttestationSource, AttestedImage, Vulnerability } from './attestation.ts';
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

/** Whose words a rule is declared in. */
export type Family = 'ratify' | 'kritis' | 'countersign';

interface AnyRule {
  readonly name: string;
  readonly family: Family;
  /** The word of the settings for rules of its sort, such as `acr`. Default: the family. */
  readonly group?: string;
  /** Where it looks the image up, and reads what is attached to it. Default: the engine's. */
  readonly store?: Store;
  /** What it demands of is told by the reference and the namespace alone: nothing is read for it. */
  covers(request: Request): boolean;
}

/** A rule over what is attached to the image in the registry: its verifiers' reports, judged by its enforcer. */
export interface ReferrerRule extends AnyRule {
  readonly verifiers: readonly Verifier[];
  readonly enforcer: PolicyEnforcer;
}

/** A rule that looks for its evidence itself. */
export interface EvidenceRule extends AnyRule {
  /** Never rejects but for what `reasonOf` knows: a failure of a port, the deadline. */
  judge(input: EvidenceInput): Promise<Evaluation>;
}

/** A condition that an image must satisfy where it covers it. */
export type Rule = ReferrerRule | EvidenceRule;

export interface EvidenceInput {
  readonly request: Request;
  /** The image as the registry has it, resolved once for all rules that read the same store; rejects with a `StoreError`, or `NO_STORE` where none answers for it. */
  readonly subject: () => Promise<Subject>;
  readonly ports: Omit<Ports, 'store'>;
  /** The rule's, else the engine's; undefined where there is none. */
  readonly store: Store | undefined;
  /** Signatures tried at most. */
  readonly maxSignatures: number;
  readonly onBug: ((error: unknown) => void) | undefined;
}

/** What one rule came to, and what it was judged by. */
export interface Evaluation {
  readonly decision: Decision;
  readonly reports: readonly VerifierReport[];
  /** The earliest instant at which the decision may change, beside what the reports say. */
  readonly validUntil?: Date;
  /** What is to be told whenever this is answered. */
  readonly records?: readonly AuditRecord[];
}

/** An exemption that was used, a refusal that was let pass, a refusal that somebody wants to hear of. */
export interface AuditRecord {
  /** A word of docs/outcomes.md, such as `BreakGlass` or `FailedKritisAdmission`. */
  readonly event: string;
  /** The object that it is about, such as `Exception hotfix`. */
  readonly object: string;
  /** One line. */
  readonly message: string;
}

/** Something declared that satisfies rules without their evidence. */
export interface Exemption {
  /** The object that declares it, such as `AdmissionAllowlist allow-acs-images`. */
  readonly name: string;
  /** Whether it satisfies `rule`. */
  exempts(rule: Rule): boolean;
  /** Decided on the text as asked. */
  covers(request: Request, now: Date): { readonly reason: Reason; readonly record?: AuditRecord; readonly validUntil?: Date } | undefined;
  /** Why it does not satisfy any more what it once did, for whoever wonders; undefined: it never did, or does still. */
  lapsed?(request: Request, now: Date): string | undefined;
}

/** What one rule that covered the image said. */
export interface RuleVerdict extends Decision {
  readonly name: string;
  readonly family: Family;
  /** The word by which an Exception names rules of its sort; absent: the family's. */
  readonly group?: string;
  /** Name of the exemption that satisfied it. */
  readonly exemption?: string;
}

/** One namespace's view of the declared objects; immutable. */
export interface Engine {
  /** Hash of the objects and of the key material that the namespace sees. */
  readonly revision: string;
  /** Default: none. */
  readonly exemptions?: readonly Exemption[];
  readonly rules: readonly Rule[];
  /** Undefined where no usable Store is declared. */
  readonly store: Store | undefined;
  /** What is answered where no rule covers the request; a reason: *misconfigured*. Default: refused with `NOT_COVERED`, *misconfigured* without any rule. */
  readonly uncovered?: 'accept' | 'refuse' | Reason;
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
  /** Every rule that covered the image, and what it said. */
  readonly rules: readonly RuleVerdict[];
  readonly records: readonly AuditRecord[];
  readonly revision: string;
  /** The earliest instant at which something that this rests on may change. */
  readonly validUntil?: Date;
}

/** What one key provider gives, in its order; immutable. */
export interface KeyMaterial {
  /** DER. */
  readonly certificates: readonly Uint8Array[];
  /** Absent: none. */
  readonly keys?: readonly PublicKeyMaterial[];
  /** Where it comes from, for people to read; absent where it stands in the declaration itself. */
  readonly sources?: readonly KeySource[];
}

/** A public key; name and version are empty where its source has none. */
export interface PublicKeyMaterial {
  readonly name: string;
  readonly version: string;
  /** DER of a SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /**
   * Asks the service that keeps the key whether it made `signature` over `bytes`; absent: that is verified here. Rejects where nothing can be
   * said, with what `reasonOf` knows: never false for that.
   */
  readonly verify?: (bytes: Uint8Array, signature: Uint8Array, algorithm: string, signal: AbortSignal) => Promise<boolean>;
}

/** One thing that a provider was told to fetch. What is not enabled is known of, and gives nothing. */
export interface KeySource {
  readonly holds: 'certificate' | 'key';
  readonly name: string;
  readonly version: string;
  readonly enabled: boolean;
  /** How many of the certificates, or keys, are its own; they stand in the order of the sources. */
  readonly count: number;
}

export interface KeyProvider {
  readonly name: string;
  readonly type: string;
  /** How often to fetch where the declaration does not say, in milliseconds; absent: once. */
  readonly refreshMs?: number;
  /**
   * Rejects with `ConfigProblem` for what is there and cannot be used, `KEY_PROVIDER_MISSING` for what is gone for certain; with
   * anything else where that could not be found out.
   */
  fetch(signal: AbortSignal): Promise<KeyMaterial>;
}

/** A Secret of the cluster. */
export interface SecretData {
  readonly type: string;
  /** Changes whenever the Secret does. */
  readonly version: string;
  readonly data: ReadonlyMap<string, Uint8Array>;
}

/** What adapters read of a cluster. Rejects where that could not be found out; undefined: there is none. */
export interface ClusterReader {
  secret(namespace: string, name: string, signal: AbortSignal): Promise<SecretData | undefined>;
  /** Names of the Secrets that a service account pulls images with, in its namespace. */
  imagePullSecrets(namespace: string, serviceAccount: string, signal: AbortSignal): Promise<readonly string[] | undefined>;
}

/** A user name and password, or an identity token, for one registry. */
export type Credential = { readonly username: string; readonly password: string } | { readonly identityToken: string };

/** Finds the credential for a registry host; undefined where none is declared (then anonymous). */
export interface CredentialProvider {
  readonly type: string;
  get(registry: string, signal: AbortSignal): Promise<Credential | undefined>;
}
