import type { Attestation, AttestationSource, AttestedImage } from '../../src/engine/types.ts';
import { CodedError } from '../../src/lib/errors.ts';
import { type Digest, digestOf } from '../../src/oci/digest.ts';

export const IMAGE: Digest = digestOf(Buffer.from('an image'));
export const OTHER_IMAGE: Digest = digestOf(Buffer.from('another image'));
export const base64 = (content: string | Uint8Array): string => Buffer.from(content).toString('base64');

/** `{a: {b: 1}}` with the members of `over` in place of its own; undefined takes one away. */
type Members = Readonly<Record<string, unknown>>;

/** An occurrence of Grafeas v1beta1 with one signature over `payload`. */
export function occurrence(over: Members = {}, { digest = IMAGE, payload = 'payload', keyId = 'key-1' } = {}): Members {
  return {
    name: 'projects/p/occurrences/1',
    resource: { uri: `https://registry.test/team/app@${digest}` },
    noteName: 'projects/p/notes/built',
    kind: 'ATTESTATION',
    attestation: { attestation: { genericSignedAttestation: generic({}, payload, keyId) } },
    ...over,
  };
}

export function generic(over: Members = {}, payload = 'payload', keyId = 'key-1'): Members {
  return {
    contentType: 'SIMPLE_SIGNING_JSON',
    serializedPayload: base64(payload),
    signatures: [{ signature: base64('a signature'), publicKeyId: keyId }],
    ...over,
  };
}

/** An occurrence whose attestation is a generic one with these members. */
export const genericOccurrence = (over: Members): Members =>
  occurrence({ attestation: { attestation: { genericSignedAttestation: generic(over) } } });

/** An occurrence whose attestation is an OpenPGP message with these members. */
export const pgpOccurrence = (over: Members = {}): Members =>
  occurrence({
    attestation: {
      attestation: {
        pgpSignedAttestation: { signature: '-----BEGIN PGP MESSAGE-----', contentType: 'SIMPLE_SIGNING_JSON', pgpKeyId: 'ABCD', ...over },
      },
    },
  });

/** An image signature as OCI Artifacts lists it. */
export function imageSignature(over: Members = {}, imageDigest: string = IMAGE): Members {
  return {
    compartmentId: 'ocid1.compartment.oc1..c',
    id: 'ocid1.containersignature.oc1..s',
    imageId: 'ocid1.containerimage.oc1..i',
    kmsKeyId: 'ocid1.key.oc1..k',
    kmsKeyVersionId: 'ocid1.keyversion.oc1..v',
    message: base64(JSON.stringify({ imageDigest })),
    signature: base64('a signature'),
    signingAlgorithm: 'SHA_256_RSA_PKCS_PSS',
    ...over,
  };
}

/** A statement in the words of simple signing, as Grafeas keeps it about the image that `uri` names. */
export function occurrenceOf({ name, payload, signatures }: Attestation, uri: string, noteName: string): Members {
  const signed = signatures.map(({ keyId, signature }) => ({ signature: base64(signature), publicKeyId: keyId }));
  const attestation = { contentType: 'SIMPLE_SIGNING_JSON', serializedPayload: base64(payload), signatures: signed };
  return {
    name,
    resource: { uri },
    noteName,
    kind: 'ATTESTATION',
    attestation: { attestation: { genericSignedAttestation: attestation } },
  };
}

/** A statement in the words of OCI Vault, as OCI Artifacts lists it. */
export function imageSignatureOf({ name, payload, signatures: [signed] }: Attestation): Members {
  return imageSignature({
    id: name,
    kmsKeyId: signed?.keyId,
    kmsKeyVersionId: signed?.keyVersion,
    message: base64(payload),
    signature: base64(signed?.signature ?? ''),
    signingAlgorithm: signed?.algorithm,
  });
}

/** What came of asking a source to the end: the statements, and how it ended. */
export async function listed(
  source: AttestationSource,
  image: Partial<AttestedImage> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<{ readonly found: readonly Attestation[]; readonly failure?: { readonly code: string; readonly message: string } }> {
  const found: Attestation[] = [];
  const about = { repository: { registry: 'registry.test', path: 'team/app' }, digest: IMAGE, store: undefined, ...image };
  try {
    for await (const page of source.list(about, signal)) found.push(...page);
    return { found };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { found, failure: { code: error.code, message: error.message } };
  }
}
