import { buildSnapshot } from '../../src/config/build.ts';
import { loadFiles } from '../../src/config/files.ts';
import { SourceError } from '../../src/engine/errors.ts';
import type { Kinds } from '../../src/engine/kinds.ts';
import type { Attestation, AttestationSource, Store, Verdict } from '../../src/engine/types.ts';
import { validate } from '../../src/engine/validate.ts';
import { file } from '../../src/keys/file.ts';
import { inline } from '../../src/keys/inline.ts';
import { type Digest, digestOf } from '../../src/oci/digest.ts';
import { RegistryError } from '../../src/oci/errors.ts';
import { parseReference, referenceText, repositoryText } from '../../src/oci/reference.ts';
import { acrRules } from '../../src/rules/acr.ts';
import { okeRules } from '../../src/rules/oke.ts';
import { deps, folder, line, object, smallKinds } from '../config/world.ts';
import { ports } from '../engine/world.ts';
import { type KeyName, type Method, Signers } from '../simplesigning/openssl.ts';
import { payloadBytes } from '../simplesigning/world.ts';

export const DIGEST: Digest = digestOf(Buffer.from('the image'));
export const OTHER_DIGEST: Digest = digestOf(Buffer.from('another image'));

/** Keys and signatures of all tests of a file, each made once. */
export const signers = new Signers();
export const pem = (name: KeyName): string => signers.publicKey(name);

/** Images by `repository:tag` of the registries that a store answers for; every digest of them is there in each repository. */
export type Images = Readonly<Record<string, Digest>>;

/** A registry that has these images, counting what it is asked; one whose `error` is set answers nothing. */
export function shelf(images: Images, error?: Error): Store & { readonly asked: string[] } {
  const asked: string[] = [];
  const refuse = async () => {
    throw new Error('nothing but images is read there');
  };
  return {
    asked,
    answersFor: () => true,
    resolve: async (reference) => {
      asked.push(referenceText(reference));
      if (error !== undefined) throw error;
      const repository = repositoryText(reference);
      const found = Object.entries(images).find(([name, digest]) =>
        reference.digest === undefined
          ? name === `${repository}:${reference.tag}`
          : name.startsWith(`${repository}:`) && digest === reference.digest,
      );
      if (found === undefined) throw new RegistryError('IMAGE_NOT_FOUND', 'no such image', { registry: reference.registry });
      return { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: found[1], size: 9 };
    },
    listReferrers: async function* () {},
    fetchManifest: refuse,
    fetchBlob: refuse,
  };
}

/** A source with these statements, a page each, after which it fails if it has an error. */
export function source(statements: readonly Attestation[], error?: Error, name = 'source'): AttestationSource {
  return {
    name,
    list: async function* () {
      for (const statement of statements) yield [statement];
      if (error !== undefined) throw error;
    },
  };
}

export const unreachable = new SourceError('ATTESTATIONS_UNREACHABLE', 'connection refused');

export interface Asked {
  /** JSON documents, `---` between them. */
  readonly declared: string;
  readonly image: string;
  readonly images?: Images;
  readonly sources?: readonly AttestationSource[];
  readonly store?: Store;
  readonly namespace?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly maxSignatures?: number;
}

const kindsOf = (store: Store): Kinds => ({
  ...smallKinds,
  keyProviders: { inline, file },
  families: [acrRules, okeRules],
  combineStores: () => store,
});

export async function declare(declared: string, sources: readonly AttestationSource[] = [], store: Store = shelf({})) {
  const { resources } = await loadFiles(await folder({ 'all.yaml': `${object('Store', 's', { name: 'shelf' })}${declared}` }));
  const options = { settings: {}, sources, revision: 'r' };
  const families = new Map(['acr', 'oke'].map((name) => [name, options]));
  const { snapshot, diagnostics } = await buildSnapshot(resources, kindsOf(store), { ...deps, families });
  return { snapshot, told: diagnostics.map(line) };
}

/** The verdict on an image by what is declared, and what is told of the declarations. */
export async function ask({
  declared,
  image,
  images = {},
  sources,
  store = shelf(images),
  namespace,
  attributes = {},
  maxSignatures,
}: Asked) {
  const { snapshot, told } = await declare(declared, sources ?? [source([])], store);
  const request = {
    reference: parseReference(image),
    text: image,
    attributes: new Map(Object.entries(attributes)),
    ...(namespace === undefined ? {} : { namespace }),
  };
  const bugs: unknown[] = [];
  const limits = maxSignatures === undefined ? {} : { maxSignatures };
  const verdict = await validate(snapshot.for(namespace), request, ports(), (bug) => bugs.push(bug), limits);
  if (bugs.length > 0) throw bugs[0];
  return { verdict, told };
}

export const brief = ({ outcome, reason: { code } }: Verdict): readonly string[] => [outcome, code];

interface SimpleSigning {
  readonly key: KeyName;
  readonly method: Method;
  readonly keyId?: string;
  readonly reference?: unknown;
  readonly digest?: unknown;
  readonly type?: unknown;
  readonly name?: string;
  /** In place of the payload's. */
  readonly signature?: Uint8Array;
}

/** A statement in the words of simple signing. */
export function simple({
  key,
  method,
  keyId = key,
  reference,
  digest = DIGEST,
  type,
  name = `occurrence by ${key}`,
  signature,
}: SimpleSigning): Attestation {
  const payload = payloadBytes({ reference, digest, ...(type === undefined ? {} : { type }) });
  return { name, format: 'simple-signing', payload, signatures: [{ keyId, signature: signature ?? signers.sign(key, method, payload) }] };
}

export function family(kind: string, name: string, spec: object): string {
  return object(kind, name, spec, 'countersign.dev/v1alpha1');
}

interface VaultSigning {
  readonly key: KeyName;
  readonly method?: Method;
  readonly keyId?: string;
  readonly keyVersion?: string;
  readonly algorithm?: string;
  readonly digest?: unknown;
  readonly repositoryName?: unknown;
  readonly name?: string;
  /** Members in place of the message's. */
  readonly message?: Readonly<Record<string, unknown>>;
  /** What is kept in place of the bytes that were signed. */
  readonly payload?: (signed: string) => string;
  readonly signature?: Uint8Array;
}

/** The message of an OCI image signature, as `oci artifacts container image-signature sign-upload` writes it. */
function vaultMessage({
  key,
  keyId = key,
  keyVersion = `${keyId}-v1`,
  algorithm = 'SHA_256_RSA_PKCS_PSS',
  digest = DIGEST,
  repositoryName = 'project01/app',
  message,
}: VaultSigning): string {
  return JSON.stringify({
    description: '',
    imageDigest: digest,
    kmsKeyId: keyId,
    kmsKeyVersionId: keyVersion,
    metadata: '',
    region: 'us-phoenix-1',
    repositoryName,
    signingAlgorithm: algorithm,
    ...message,
  });
}

/** A statement in the words of OCI Vault. */
export function vault(options: VaultSigning): Attestation {
  const { key, method = 'pss-sha256-32', keyId = key, keyVersion = `${keyId}-v1`, algorithm = 'SHA_256_RSA_PKCS_PSS' } = options;
  const { name = `image signature by ${key}`, payload = (text) => text, signature } = options;
  const message = vaultMessage(options);
  const signed = signature ?? signers.sign(key, method, new Uint8Array(Buffer.from(message)));
  return {
    name,
    format: 'vault',
    payload: new Uint8Array(Buffer.from(payload(message))),
    signatures: [{ keyId, keyVersion, algorithm, signature: signed }],
  };
}
