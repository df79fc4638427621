import type { Digest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import type { Store } from './types.ts';

/** A signed statement about an image, as it was found: nothing of it is believed yet. */
export interface Attestation {
  /** Where it was found, for people to read: the name of an occurrence, a file, a digest. */
  readonly name: string;
  /** A simple-signing payload, an OpenPGP message that holds one, or a message that OCI Vault signed. */
  readonly format: 'simple-signing' | 'pgp' | 'vault';
  /** The note that it is filed under; absent where its source has none. */
  readonly note?: string;
  /** The bytes that were signed; of `pgp` the message with its signature. */
  readonly payload: Uint8Array;
  /** Of `pgp` the one whose fingerprint the source gives, without bytes of its own. */
  readonly signatures: readonly AttestationSignature[];
}

export interface AttestationSignature {
  readonly keyId: string;
  readonly signature: Uint8Array;
  /** As its source names them; absent where it does not. */
  readonly algorithm?: string;
  readonly keyVersion?: string;
}

/** The image that statements are wanted about. */
export interface AttestedImage {
  readonly repository: Repository;
  readonly digest: Digest;
  /** The engine's Store; undefined where there is none. */
  readonly store: Store | undefined;
}

/** A vulnerability of an image, as a scanner filed it. */
export interface Vulnerability {
  /** The note that it is filed under, such as `projects/goog-vulnz/notes/CVE-2017-1000082`. */
  readonly cve: string;
  /** `MINIMAL`, `LOW`, `MEDIUM`, `HIGH` or `CRITICAL`; anything else is taken for the worst. */
  readonly severity: string;
  readonly isFixAvailable: boolean;
}

/** Where signed statements are kept. */
export interface AttestationSource {
  readonly name: string;
  /**
   * Statements about an image, a page at a time. Rejects with a `SourceError` where that could not be found out; nothing at all is an answer.
   * What is there and cannot be read hides nothing else: everything else comes first, then `ATTESTATIONS_INVALID`.
   */
  list(image: AttestedImage, signal: AbortSignal): AsyncIterable<readonly Attestation[]>;
  /**
   * Known vulnerabilities of an image, a page at a time, in the same way; what cannot be read is a `SourceError`, never passed over. Nothing at all:
   * clean, or never scanned. Absent: nothing is known of vulnerabilities here.
   */
  vulnerabilities?(image: AttestedImage, signal: AbortSignal): AsyncIterable<readonly Vulnerability[]>;
}
