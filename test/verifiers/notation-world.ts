import { ConfigProblem } from '../../src/engine/errors.ts';
import type { Referrer, Store, Verifier, VerifierReport } from '../../src/engine/types.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { notation } from '../../src/verifiers/notation.ts';
import { deps } from '../config/world.ts';
import { tsaAuthority, tsaRoot } from '../notation/timestamp-world.ts';
import { pki } from '../pki.ts';
import { SUBJECT, signJws } from '../sign.ts';

export const TYPE = 'application/vnd.cncf.notary.signature';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const NOW = new Date('2025-06-01T00:00:00Z');
export const root = pki.root();
export const leaf = root.leaf();
export const stranger = pki.root().leaf();
export const selfSigned = pki.selfSigned();
const MATERIAL: Readonly<Record<string, readonly Uint8Array[]>> = {
  roots: [root.cert],
  leaf: [leaf.cert],
  mixed: [leaf.cert, root.cert],
  self: [selfSigned.cert],
  stranger: stranger.chain.slice(1),
  none: [],
  garbage: [Uint8Array.of(1, 2, 3)],
  clock: [tsaRoot.cert],
  clockAuthority: tsaAuthority.chain,
};

export interface Statement {
  readonly level?: string;
  readonly scopes?: readonly string[];
  readonly stores?: readonly string[];
  readonly identities?: readonly string[];
  readonly override?: Readonly<Record<string, string>>;
  readonly verifyTimestamp?: string;
}

export const statement = ({
  level = 'strict',
  scopes = ['*'],
  stores = ['ca:acme'],
  identities = ['*'],
  override,
  verifyTimestamp,
}: Statement) => ({
  name: 'default',
  registryScopes: scopes,
  signatureVerification: { level, ...(override && { override }), ...(verifyTimestamp && { verifyTimestamp }) },
  ...(level === 'skip' ? {} : { trustStores: stores, trustedIdentities: identities }),
});

export async function create(
  parameters: Readonly<Record<string, unknown>>,
  policy: Statement = {},
  artifactTypes = [TYPE],
): Promise<Verifier> {
  return notation.create({
    name: 'v',
    artifactTypes,
    parameters: notation.parameters.parse({
      verificationCertStores: { ca: { acme: ['roots'] } },
      trustPolicyDoc: { version: '1.0', trustPolicies: [statement(policy)] },
      ...parameters,
    }),
    keyMaterial: (name) => {
      const certificates = MATERIAL[name];
      if (certificates === undefined)
        throw new ConfigProblem('KEY_PROVIDER_MISSING', 'spec.parameters', `key provider ${name} is not there`);
      return { certificates };
    },
  });
}

export interface Signature {
  readonly envelope?: Uint8Array;
  readonly mediaType?: string;
  /** Members over the manifest; undefined takes one away. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly store?: Partial<Store>;
}

/** A signature in a store that holds its manifest and envelope, and nothing else. */
export function signature({
  envelope = signJws({ signer: leaf }),
  mediaType = 'application/jose+json',
  manifest = {},
  store = {},
}: Signature) {
  const blob = { mediaType, digest: digestOf(envelope), size: envelope.length };
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: TYPE,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(Buffer.from('{}')), size: 2 },
    layers: [blob],
    subject: SUBJECT,
    ...manifest,
  });
  const bytes = Buffer.from(text);
  const referrer: Referrer = { mediaType: MANIFEST, digest: digestOf(bytes), size: bytes.length, artifactType: TYPE };
  const asked: string[] = [];
  const port: Store = {
    answersFor: () => true,
    resolve: () => Promise.reject(new Error('nobody asks')),
    listReferrers: async function* () {},
    fetchManifest: async () => {
      asked.push('manifest');
      return bytes;
    },
    fetchBlob: async () => {
      asked.push('blob');
      return envelope;
    },
    ...store,
  };
  return { referrer, store: port, asked };
}

export async function verify(
  verifier: Verifier,
  { referrer, store }: ReturnType<typeof signature>,
  signal = deps.signal,
  repository = { registry: 'registry.example.test', path: 'app' },
): Promise<VerifierReport> {
  const descriptor = { mediaType: MANIFEST, digest: digestFor(SUBJECT.digest), size: SUBJECT.size };
  return verifier.verify({
    request: { reference: { ...repository, tag: 'v1' }, text: 'registry.example.test/app:v1', attributes: new Map() },
    subject: { repository, descriptor },
    referrer,
    ports: { store, facts: deps.facts, now: NOW, signal },
  });
}

export function digestFor(text: string): `sha256:${string}` {
  return `sha256:${text.slice(7)}`;
}

export const verdict = ({ outcome, reason }: VerifierReport) => `${outcome} ${reason.code}`;
