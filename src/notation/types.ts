import type { FactCache } from '../lib/facts.ts';
import type { Instant } from '../lib/instant.ts';
import type { RevocationPort } from '../lib/revocation.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Certificate, Name } from '../x509/types.ts';
import type { NotationError } from './errors.ts';

export const SIGNATURE_ARTIFACT_TYPE = 'application/vnd.cncf.notary.signature';
export const PAYLOAD_MEDIA_TYPE = 'application/vnd.cncf.notary.payload.v1+json';
export const JWS_MEDIA_TYPE = 'application/jose+json';
export const COSE_MEDIA_TYPE = 'application/cose';

export type TrustStoreType = 'ca' | 'signingAuthority' | 'tsa';
export type SigningScheme = 'notary.x509' | 'notary.x509.signingAuthority';
export type VerificationLevelName = 'strict' | 'permissive' | 'audit' | 'skip' | 'custom';
export type ValidationType = 'integrity' | 'authenticity' | 'authenticTimestamp' | 'expiry' | 'revocation';
export type ValidationAction = 'enforce' | 'log' | 'skip';

/** Certificates of one trust store by fingerprint (SHA-256 of the DER, lower-case hex). */
export type TrustAnchors = ReadonlyMap<string, Certificate>;

/** Trust anchors by store. */
export interface TrustStore {
  /** @throws {NotationError} `TRUST_STORE_INVALID` if the store is absent, empty or unreadable. */
  getCertificates(type: TrustStoreType, name: string): TrustAnchors;
}

export interface SignatureVerification {
  readonly level: Exclude<VerificationLevelName, 'custom'>;
  readonly override: Readonly<Partial<Record<ValidationType, ValidationAction>>>;
  readonly verifyTimestamp: 'always' | 'afterCertExpiry';
}

/** One statement of a trust policy document (trust-store-trust-policy, "Trust Policy"). */
export interface TrustPolicy {
  readonly name: string;
  readonly registryScopes: readonly string[];
  readonly signatureVerification: SignatureVerification;
  readonly trustStores: readonly `${TrustStoreType}:${string}`[];
  readonly trustedIdentities: readonly string[];
}

export interface TrustPolicyDocument {
  readonly version: '1.0';
  readonly trustPolicies: readonly TrustPolicy[];
}

export interface VerificationLevel {
  readonly name: VerificationLevelName;
  readonly actions: Readonly<Record<ValidationType, ValidationAction>>;
}

/** What verifying one signature takes. */
export interface VerifyInput {
  readonly envelope: Uint8Array;
  readonly mediaType: string;
  /** The artifact as resolved; the signed payload must name exactly it. */
  readonly subject: Descriptor;
  readonly policy: TrustPolicy;
  readonly trustStore: TrustStore;
  readonly now: Date;
  readonly facts: FactCache;
  /** Absent: what can be revoked is of unknown status. */
  readonly revocation?: RevocationPort;
  readonly signal: AbortSignal;
  /** Pairs that must have been signed with it. Optional. */
  readonly userMetadata?: Readonly<Record<string, string>>;
}

/** What an envelope says, after its signature, headers and chain have been found good (the integrity step). */
export interface EnvelopeContent {
  readonly payload: Uint8Array;
  readonly payloadContentType: string;
  /** Leaf first, root last; valid for code signing, no clock involved. */
  readonly certificateChain: readonly Certificate[];
  readonly signingScheme: SigningScheme;
  /** Claimed (notary.x509) or authentic (signingAuthority). */
  readonly signingTime: Instant;
  readonly expiry: Instant | undefined;
  readonly extendedAttributes: readonly ExtendedAttribute[];
  readonly signature: Uint8Array;
  readonly timestampSignature: Uint8Array | undefined;
  readonly signingAgent: string | undefined;
}

export interface ExtendedAttribute {
  readonly key: string | number | bigint;
  readonly critical: boolean;
  readonly value: unknown;
}

export interface ValidationResult {
  readonly type: ValidationType;
  readonly action: ValidationAction;
  readonly error?: NotationError;
  /** What is to be known though it is no failure. */
  readonly note?: string;
}

/** A timestamp countersignature that was found good. */
export interface Timestamp {
  /** When the token was made, by the authority's clock, and how far that may be off. */
  readonly time: Instant;
  readonly accuracy: Instant;
  /** Subject of the authority's certificate. */
  readonly authority: Name;
}

/** All that verifying one signature found. `error` is what failed it; absent means that the signature is good. */
export interface VerificationOutcome {
  readonly level: VerificationLevel;
  /** Name of the trust policy statement that applied. */
  readonly policy: string;
  /** In the order of the steps; skipped steps included, steps not reached left out. */
  readonly validations: readonly ValidationResult[];
  readonly error?: NotationError;
  readonly envelope?: EnvelopeContent;
  /** Where a countersignature was demanded and is good. */
  readonly timestamp?: Timestamp;
  /** The earliest instant at which a good result may turn bad by the clock alone; absent where none is known. */
  readonly validUntil?: Date;
}
