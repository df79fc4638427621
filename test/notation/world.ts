import { createFactCache } from '../../src/lib/cache.ts';
import type { FactCache } from '../../src/lib/facts.ts';
import { RevocationFetchError, type RevocationPort } from '../../src/lib/revocation.ts';
import { createTrustStore, parseTrustPolicyDocument, selectTrustPolicy, verifySignature } from '../../src/notation/index.ts';
import type { TrustPolicy, TrustStore, TrustStoreType, VerificationOutcome } from '../../src/notation/types.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { type Digest, isDigest } from '../../src/oci/digest.ts';
import { type KeyKind, pki } from '../pki.ts';
import { SUBJECT } from '../sign.ts';

export const NOW = new Date('2025-06-01T00:00:00Z');
export const JWS = 'application/jose+json';
export const COSE = 'application/cose';
export const REFERENCE = `registry.example.test/app@${SUBJECT.digest}`;

export const root = pki.root();
export const intermediate = root.intermediate();
export const leaf = intermediate.leaf();
export const stranger = pki.root().leaf();

export interface Setting {
  readonly mediaType?: string;
  readonly subject?: { readonly mediaType: string; readonly digest: string; readonly size: number };
  readonly level?: string;
  readonly override?: Readonly<Record<string, string>>;
  readonly verifyTimestamp?: string;
  readonly stores?: readonly string[];
  readonly identities?: readonly string[];
  /** Certificates by store; default: the root in `ca:acme` and `signingAuthority:acme`. */
  readonly anchors?: Readonly<Record<string, readonly Uint8Array[]>>;
  readonly trustStore?: TrustStore;
  readonly now?: Date;
  readonly facts?: FactCache;
  /** Default: nobody can be asked. */
  readonly revocation?: RevocationPort;
  readonly signal?: AbortSignal;
  readonly userMetadata?: Readonly<Record<string, string>>;
}

export const anchors = { 'ca:acme': [root.cert], 'signingAuthority:acme': [root.cert] };
export const bothStores = ['ca:acme', 'signingAuthority:acme'];
export const facts = () => createFactCache({ maxBytes: 64 * 1024 * 1024 });

/** A document with one statement. */
export function document({ level = 'strict', override, verifyTimestamp, stores = bothStores, identities = ['*'] }: Setting) {
  return {
    version: '1.0',
    trustPolicies: [
      {
        name: 'test',
        registryScopes: ['*'],
        signatureVerification: { level, ...(override && { override }), ...(verifyTimestamp && { verifyTimestamp }) },
        ...(level === 'skip' ? {} : { trustStores: stores, trustedIdentities: identities }),
      },
    ],
  };
}

export function policyOf(setting: Setting): TrustPolicy {
  return selectTrustPolicy(parseTrustPolicyDocument(document(setting)), REFERENCE);
}

export async function verify(envelope: Uint8Array, setting: Setting = {}): Promise<VerificationOutcome> {
  // Keys of the three types by construction.
  const stores = new Map(Object.entries(setting.anchors ?? anchors) as [`${TrustStoreType}:${string}`, readonly Uint8Array[]][]);
  return verifySignature({
    envelope,
    mediaType: setting.mediaType ?? mediaTypeOf(envelope),
    subject: descriptor(setting.subject ?? SUBJECT),
    policy: policyOf(setting),
    trustStore: setting.trustStore ?? (await createTrustStore(stores)),
    now: setting.now ?? NOW,
    facts: setting.facts ?? facts(),
    ...(setting.revocation && { revocation: setting.revocation }),
    signal: setting.signal ?? new AbortController().signal,
    ...(setting.userMetadata && { userMetadata: setting.userMetadata }),
  });
}

/** `PASS`, or the step that failed (`payload` after the last one) with its code. */
export function verdict({ error, validations }: VerificationOutcome): string {
  if (error === undefined) return 'PASS';
  const failed = validations.find((validation) => validation.error === error);
  return `${failed?.type ?? 'payload'} ${error.code}`;
}

export async function judge(envelope: Uint8Array, setting: Setting = {}): Promise<string> {
  return verdict(await verify(envelope, setting));
}

export function descriptor({ mediaType, digest, size }: { mediaType: string; digest: string; size: number }): Descriptor {
  return { mediaType, digest: digestOf(digest), size };
}

export function digestOf(text: string): Digest {
  if (!isDigest(text)) throw new Error(`${text} is no digest`);
  return text;
}

/** A network with these answers by URL, none of which is kept, and what was asked of it. */
export function network(answers: Readonly<Record<string, Uint8Array | undefined>>) {
  const asked: string[] = [];
  const answer = async (url: string): Promise<Uint8Array> => {
    asked.push(url);
    const body = answers[url];
    if (body === undefined) throw new RevocationFetchError('cannot be reached');
    return body;
  };
  const port: RevocationPort = {
    fetchOcsp: answer,
    fetchCrl: answer,
    answers: { remember: async (_kind, _key, signal, load) => (await load(signal)).value },
  };
  return { port, asked };
}

/** Edits the members of a JSON envelope. */
export function edit(envelope: Uint8Array, change: (members: Record<string, unknown>) => unknown): Uint8Array {
  const members = JSON.parse(Buffer.from(envelope).toString());
  return Buffer.from(JSON.stringify(change(members) ?? members));
}

/** Edits the text of an envelope. */
export function rewrite(envelope: Uint8Array, change: (text: string) => string): Uint8Array {
  return Buffer.from(change(Buffer.from(envelope).toString()));
}

export const KEY_KINDS: readonly KeyKind[] = ['RSA-2048', 'RSA-3072', 'RSA-4096', 'EC-256', 'EC-384', 'EC-521'];

function mediaTypeOf(envelope: Uint8Array): string {
  return envelope[0] === 0xd2 ? COSE : JWS;
}
