import { z } from 'zod';
import { ConfigProblem } from '../engine/errors.ts';
import { defineVerifier } from '../engine/kinds.ts';
import { reasonOf } from '../engine/outcomes.ts';
import { reason } from '../engine/reason.ts';
import type { Outcome, Reason, Referrer, Verifier, VerifierInput, VerifierReport } from '../engine/types.ts';
import { CodedError, errorText } from '../lib/errors.ts';
import { NotationError } from '../notation/errors.ts';
import { signatureBlob } from '../notation/manifest.ts';
import { levelOf, parseTrustPolicyDocument, selectTrustPolicy } from '../notation/trust-policy.ts';
import { trustPolicyHints } from '../notation/trust-policy-hints.ts';
import type { TrustPolicy, TrustPolicyDocument } from '../notation/types.ts';
import { verifySignature } from '../notation/verify.ts';
import { shortDigest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import { parseReference, repositoryText } from '../oci/reference.ts';
import { failureOf, foldOutcome } from './notation-outcome.ts';
import { compileAnchors, readCertStores, type TrustAnchors } from './notation-trust.ts';

export { failureOf, foldOutcome } from './notation-outcome.ts';

const providers = z.array(z.string().min(1));
const parameters = z.object({
  verificationCertStores: z
    .record(
      z.string(),
      z.union([providers, z.record(z.string(), providers)], {
        error: 'expected a list of key providers, or named stores with such lists',
      }),
    )
    .optional()
    .describe('Trust stores by type (ca, signingAuthority, tsa) and name; without the type: ca.'),
  trustPolicyDoc: z.record(z.string(), z.unknown()).describe('A Notary Project trust policy document, version 1.0.'),
  nestedReferences: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('When set, what is attached to a signature must be good too.'),
});

/**
 * Notary Project signatures (Notation v1), configured as in Ratify.
 *
 * @throws {ConfigProblem} `TRUST_POLICY_INVALID` for a trust policy document that breaks the specification's rules, `CONFIG_INVALID` for
 * certificate stores of neither spelling. A key provider that is not there is no such error: its trust store is *misconfigured* when needed.
 */
export const notation = defineVerifier({
  type: 'notation',
  parameters,
  hints: ({ trustPolicyDoc }) => trustPolicyHints(trustPolicyDoc).map((hint) => ({ ...hint, path: ['trustPolicyDoc', ...hint.path] })),
  create: async ({ name, parameters: declared, artifactTypes, keyMaterial }): Promise<Verifier> => {
    const document = readTrustPolicy(declared.trustPolicyDoc);
    const anchors = await compileAnchors(readCertStores(declared.verificationCertStores ?? {}), keyMaterial);
    return {
      name,
      type: 'notation',
      artifactTypes,
      nested: isSet(declared.nestedReferences),
      canVerify: ({ artifactType }) => artifactTypes.includes('*') || artifactTypes.includes(artifactType),
      rank: (referrer) => (namesAnchor(referrer, anchors) ? -1 : 0),
      verify: async (input) => {
        const found = await verify(input, document, anchors);
        return { verifier: name, type: 'notation', artifact: input.referrer, nested: [], ...found };
      },
    };
  },
});

type Found = Pick<VerifierReport, 'outcome' | 'reason' | 'detail' | 'trace' | 'validUntil'>;

function readTrustPolicy(declared: unknown): TrustPolicyDocument {
  try {
    const document = parseTrustPolicyDocument(declared);
    const spelled = { ...document, trustPolicies: document.trustPolicies.map(withOurSpelling) };
    // Once more, since two scopes may have become one.
    return parseTrustPolicyDocument(spelled);
  } catch (error) {
    throw new ConfigProblem('TRUST_POLICY_INVALID', 'spec.parameters.trustPolicyDoc', errorText(error), { cause: error });
  }
}

/**
 * Scopes as references are spelled here, with the host in lower case and one name for Docker Hub and its images: a scope that could never
 * match would leave its images to the statement for `*`, which may ask for less.
 */
function withOurSpelling(policy: TrustPolicy): TrustPolicy {
  return { ...policy, registryScopes: policy.registryScopes.map(ourSpelling) };
}

const DOCKER_HUB: readonly string[] = ['docker.io', 'index.docker.io'];

function ourSpelling(scope: string): string {
  const slash = Math.max(scope.indexOf('/'), 0);
  const host = scope.slice(0, slash).toLowerCase();
  return DOCKER_HUB.includes(host) ? repositoryText(parseReference(`${host}${scope.slice(slash)}`)) : `${host}${scope.slice(slash)}`;
}

function isSet(nestedReferences: string | readonly string[] | undefined): boolean {
  return [nestedReferences ?? ''].flat().some((type) => type.trim() !== '');
}

async function verify(input: VerifierInput, document: TrustPolicyDocument, anchors: TrustAnchors): Promise<Found> {
  const { subject, ports } = input;
  try {
    const policy = selectTrustPolicy(document, `${repositoryText(subject.repository)}@${subject.descriptor.digest}`);
    if (levelOf(policy).name === 'skip') return skipped(policy);
    const { mediaType, bytes } = await fetchEnvelope(input);
    const { trustStore, problem } = anchors.watch();
    const outcome = await verifySignature({
      envelope: bytes,
      mediaType,
      subject: subject.descriptor,
      policy,
      trustStore,
      now: ports.now,
      facts: ports.facts,
      ...(ports.revocation === undefined ? {} : { revocation: ports.revocation }),
      signal: ports.signal,
    });
    const folded = foldOutcome(outcome);
    // Asked for and not there: no level turns that into an accept, as no level was meant to run without its anchors.
    const missing = problem();
    if (missing !== undefined) return { ...folded, outcome: 'misconfigured', reason: reason(missing.code, missing.message) };
    return { ...folded, ...(outcome.validUntil === undefined ? {} : { validUntil: outcome.validUntil }) };
  } catch (error) {
    ports.signal.throwIfAborted();
    // A defect of ours is no verdict: the engine reports it.
    if (!(error instanceof CodedError)) throw error;
    return { ...failed(error), trace: [] };
  }
}

function skipped(policy: TrustPolicy): Found {
  const level = levelOf(policy);
  return foldOutcome({ level, policy: policy.name, validations: [] });
}

async function fetchEnvelope(input: VerifierInput): Promise<{ mediaType: string; bytes: Uint8Array }> {
  const { subject, referrer, ports } = input;
  const manifest = await fetched(input, ports.store.fetchManifest(subject.repository, referrer, ports.signal));
  const blob = signatureBlob(manifest, referrer.mediaType, subject.descriptor);
  if (blob.size > MAX_ENVELOPE_BYTES) {
    throw new NotationError(
      'ENVELOPE_INVALID',
      `signature envelope too large: expected at most ${MAX_ENVELOPE_BYTES} bytes, found ${blob.size}`,
    );
  }
  return { mediaType: blob.mediaType, bytes: await fetched(input, ports.store.fetchBlob(subject.repository, blob, ports.signal)) };
}

/** What a registry lists and does not have says nothing about the image: it may be there in a moment, or be good. */
async function fetched({ subject, referrer }: VerifierInput, content: Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await content;
  } catch (cause) {
    if (!(cause instanceof CodedError) || cause.code !== 'IMAGE_NOT_FOUND') throw cause;
    const { registry } = subject.repository;
    const what = `${registry} lists signature ${shortDigest(referrer.digest)} and does not have all of it`;
    throw new RegistryError('REGISTRY_UNREACHABLE', `${what}; push it again, or delete it`, { registry }, { cause });
  }
}

const MAX_ENVELOPE_BYTES = 4 * 1024 * 1024;

function failed(error: unknown): { outcome: Outcome; reason: Reason } {
  return error instanceof NotationError ? failureOf(error) : reasonOf(error);
}

const THUMBPRINTS = 'io.cncf.notary.x509chain.thumbprint#S256';
const MAX_HINT_CHARACTERS = 4 * 1024;

/** Whether the signature says of itself that its chain has one of our anchors: reason to look at it first, and no more than that. */
function namesAnchor(referrer: Referrer, { fingerprints }: TrustAnchors): boolean {
  const hint = referrer.annotations?.[THUMBPRINTS];
  if (hint === undefined || hint.length > MAX_HINT_CHARACTERS) return false;
  try {
    const named: unknown = JSON.parse(hint);
    return Array.isArray(named) && named.some((thumbprint) => typeof thumbprint === 'string' && fingerprints.has(thumbprint.toLowerCase()));
  } catch {
    return false;
  }
}
