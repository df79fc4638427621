import { constants, verify, X509Certificate } from 'node:crypto';
import type { FactCache } from '../../src/lib/facts.ts';
import { createTrustStore, parseTrustPolicyDocument, selectTrustPolicy, verifySignature } from '../../src/notation/index.ts';
import type { VerificationOutcome } from '../../src/notation/types.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { isDigest } from '../../src/oci/digest.ts';
import * as der from '../der-writer.ts';
import type { Random } from '../oracle/random.ts';
import { type Issued, signatureAlgorithm } from '../pki.ts';
import { SUBJECT } from '../sign.ts';
import type { Materials } from './materials.ts';
import { mutant } from './mutate.ts';
import { mutateDer } from './mutate-der.ts';
import { partsOf } from './signed.ts';
import type { Execution } from './target.ts';
import type { World } from './world.ts';

export const NOW = new Date('2025-06-01T00:00:00Z');
const REFERENCE = `registry.example.test/app@${SUBJECT.digest}`;
const POLICY = {
  name: 'fuzz',
  registryScopes: ['*'],
  signatureVerification: { level: 'strict' },
  trustStores: ['ca:acme', 'signingAuthority:acme'],
  trustedIdentities: ['x509.subject: C=US, ST=WA, O=Notary'],
};

/** Verifies envelopes as a request would, by a strict policy that trusts these roots. What counts as accepted is the step of integrity. */
export async function createVerifier(mediaType: string, anchors: readonly Uint8Array[], watch: Materials['watch']) {
  const policy = selectTrustPolicy(parseTrustPolicyDocument({ version: '1.0', trustPolicies: [POLICY] }), REFERENCE);
  const trustStore = await createTrustStore(
    new Map([
      ['ca:acme', anchors],
      ['signingAuthority:acme', anchors],
    ]),
  );
  const { signal } = new AbortController();
  const subject = subjectDescriptor();
  const facts = createFacts();
  return async (envelope: Uint8Array): Promise<Execution<VerificationOutcome>> => {
    const before = watch.checks;
    const outcome = await verifySignature({
      envelope,
      mediaType,
      subject,
      policy,
      trustStore,
      now: NOW,
      facts,
      signal,
    });
    const reached = watch.checks > before;
    return outcome.envelope === undefined ? { outcome: 'refused', reached } : { outcome: 'accepted', reached, value: outcome };
  };
}

/** The artifact that the envelopes are of. */
export function subjectDescriptor(): Descriptor {
  const { digest } = SUBJECT;
  if (!isDigest(digest)) throw new Error(`${digest} is no digest`);
  return { ...SUBJECT, digest };
}

const MAX_FACTS = 4096;

const KEPT: ReadonlySet<string> = new Set(['notation.certificate', 'notation.chain', 'notation.signedBy']);

/** Keeps what is known of certificates and chains, which come again and again, and nothing of inputs, which do not. */
export function createFacts(): FactCache {
  const kept = new Map<string, unknown>();
  return {
    remember: async <T>(kind: string, key: string, signal: AbortSignal, load: (signal: AbortSignal) => Promise<{ readonly value: T }>) => {
      if (!KEPT.has(kind)) return (await load(signal)).value;
      const name = `${kind} ${key}`;
      // A kind of facts has one type.
      if (kept.has(name)) return kept.get(name) as T;
      if (kept.size >= MAX_FACTS) kept.clear();
      const { value } = await load(signal);
      kept.set(name, value);
      return value;
    },
  };
}

/** The chain of the signer, mostly as it is: one certificate changed, a changed leaf that its issuer signed, another order, more or fewer. */
export function bentChain(signer: Issued, world: World, random: Random): readonly Uint8Array[] {
  const { chain } = signer;
  const at = random.below(chain.length);
  const [leaf = new Uint8Array(), ...authorities] = chain;
  switch (random.below(16)) {
    case 0:
      return chain.map((certificate, i) => (i === at ? mutant({ seeds: [certificate] }, [mutateDer], random) : certificate));
    case 1:
    case 2:
      return [resigned(leaf, world.intermediate, random), ...authorities];
    case 3:
      return chain.filter((_, i) => i !== at);
    case 4:
      return [...chain, chain[at] ?? leaf];
    case 5:
      return chain.toReversed();
    default:
      return chain;
  }
}

function resigned(certificate: Uint8Array, issuer: Issued, random: Random): Uint8Array {
  const { identifier, sign } = signatureAlgorithm('auto', issuer.key);
  const [tbs = new Uint8Array()] = partsOf(certificate);
  const changed = mutant({ seeds: [tbs] }, [mutateDer], random);
  return der.sequence(changed, identifier, der.bitString(sign(changed, issuer.privateKey)));
}

/** What a second reader, with nothing of ours in it, found in an envelope. */
export interface SecondReading {
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[];
  /** Name in JWS, number in COSE. */
  readonly algorithm: unknown;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly payload: Uint8Array;
  /** Milliseconds. */
  readonly expiry: number | undefined;
}

const HASHES: Readonly<Record<string, string>> = {
  ...{ PS256: 'sha256', PS384: 'sha384', PS512: 'sha512', ES256: 'sha256', ES384: 'sha384', ES512: 'sha512' },
  ...{ '-37': 'sha256', '-38': 'sha384', '-39': 'sha512', '-7': 'sha256', '-35': 'sha384', '-36': 'sha512' },
};
const ECDSA = { dsaEncoding: 'ieee-p1363' } as const;
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

/** Why an envelope should not have been accepted; undefined: it is as good as it was taken for. */
export function secondProblem(reading: SecondReading, { error }: VerificationOutcome, anchors: readonly Uint8Array[]): string | undefined {
  const chain = reading.chain.map((certificate) => new X509Certificate(certificate));
  const [leaf] = chain;
  if (leaf === undefined) return 'no certificate';
  const hash = HASHES[String(reading.algorithm)];
  if (hash === undefined) return `algorithm ${String(reading.algorithm)}`;
  const key = leaf.publicKey;
  const scheme = key.asymmetricKeyType === 'ec' ? ECDSA : PSS;
  if (!verify(hash, reading.signed, { key, ...scheme }, reading.signature)) return 'not signed by its first certificate';
  const unsigned = chain.findIndex((certificate, i) => !certificate.verify((chain[i + 1] ?? certificate).publicKey));
  if (unsigned >= 0) return `certificate ${unsigned} is not signed by the next one`;
  if (error !== undefined) return undefined;
  const trusted = reading.chain.some((certificate) => anchors.some((anchor) => Buffer.from(anchor).equals(certificate)));
  if (!trusted) return 'verified without a trusted certificate';
  if (reading.expiry !== undefined && !(reading.expiry > NOW.getTime())) return 'verified although it has expired';
  if (chain.some(({ validFromDate, validToDate }) => NOW < validFromDate || NOW > validToDate))
    return 'verified although a certificate has expired';
  const { targetArtifact } = JSON.parse(Buffer.from(reading.payload).toString());
  const same = (['mediaType', 'digest', 'size'] as const).every((name) => targetArtifact[name] === SUBJECT[name]);
  return same ? undefined : 'verified for another artifact';
}

const NONE = -62_135_596_800;

/** The lines that the reference's reader gives of an envelope. */
export function saysOf({ envelope }: VerificationOutcome): readonly string[] {
  if (envelope === undefined) return [];
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const { payloadContentType, payload, signingScheme, expiry, signature } = envelope;
  return [payloadContentType, hex(payload), signingScheme, String(expiry?.seconds ?? NONE), hex(signature)];
}
