import { buildSnapshot } from '../../src/config/build.ts';
import { loadFiles } from '../../src/config/files.ts';
import { kinds } from '../../src/config/kinds.ts';
import type { Descriptor, Verdict } from '../../src/engine/types.ts';
import { type ValidateOptions, validate } from '../../src/engine/validate.ts';
import { createFactCache } from '../../src/lib/cache.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { deps, folder, object } from '../config/world.ts';
import { type FakeRegistry, type FakeRegistryOptions, MANIFEST, REPOSITORY, SIGNATURE, startFakeRegistry } from '../fakes/registry.ts';
import { pki } from '../pki.ts';
import { type JwsOptions, signJws } from '../sign.ts';

const NOW = new Date('2025-06-01T00:00:00Z');
const root = pki.root();
export const leaf = root.leaf();
export const stranger = pki.root().leaf();
export const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(Buffer.from('{}')), size: 2 };

/** Trusts one root for every repository; one good signature is enough. */
const TRUST = [
  object('KeyManagementProvider', 'roots', { type: 'inline', parameters: { contentType: 'certificate', value: root.pem } }),
  object('Store', 'registries', { name: 'oras', parameters: { useHttp: true } }),
  object('Policy', 'ratify-policy', { type: 'config-policy', parameters: { artifactVerificationPolicies: { default: 'any' } } }),
].join('');
const STRICT = { signatureVerification: { level: 'strict' }, trustStores: ['ca:acme'], trustedIdentities: ['*'] };

/** A registry with one image, and all that is declared to trust one root there. */
export interface World {
  readonly fake: FakeRegistry;
  readonly image: Descriptor;
  /** `registry/repository`. */
  readonly name: string;
  /** An envelope about the image. */
  sign(options?: Partial<JwsOptions>): Uint8Array;
  /** Pushes and lists a manifest that names `envelope`, with members over a good one's; undefined takes one away. */
  attach(envelope: Uint8Array, attached?: Attached): Descriptor;
  /** The whole verdict on the image by digest, or on `text`. */
  ask(text?: string, options?: ValidateOptions): Promise<Verdict>;
}

export interface WorldOptions extends FakeRegistryOptions {
  /** Members of the trust policy statement. Default: level strict, the root, any identity. */
  readonly statement?: Readonly<Record<string, unknown>>;
}

interface Attached {
  readonly members?: Readonly<Record<string, unknown>>;
  /** Over the descriptor of the envelope. */
  readonly layer?: Readonly<Record<string, unknown>>;
  readonly mediaType?: string;
  /** Over the entry in the list of referrers. */
  readonly entry?: Readonly<Record<string, unknown>>;
  /** Bytes of the manifest instead. */
  readonly manifest?: (good: string) => Uint8Array | string;
}

/** Opens a world for as long as `use` takes. */
export async function inWorld<T>(use: (world: World) => Promise<T>, options: WorldOptions = {}): Promise<T> {
  const fake = await startFakeRegistry(options);
  try {
    return await use(await worldOf(fake, options.statement ?? STRICT));
  } finally {
    await fake.close();
  }
}

async function worldOf(fake: FakeRegistry, statement: Readonly<Record<string, unknown>>): Promise<World> {
  const image = fake.pushImage();
  const name = `${fake.host}/${REPOSITORY}`;
  const trustPolicyDoc = { version: '1.0', trustPolicies: [{ name: 'all', registryScopes: ['*'], ...statement }] };
  const verifier = {
    name: 'notation',
    artifactTypes: SIGNATURE,
    parameters: { verificationCertStores: { ca: { acme: ['roots'] } }, trustPolicyDoc },
  };
  const { resources } = await loadFiles(await folder({ 'trust.yaml': TRUST + object('Verifier', 'notation', verifier) }), deps);
  const { snapshot, diagnostics } = await buildSnapshot(resources, kinds, deps);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('; '));
  return {
    fake,
    image,
    name,
    sign: (bent = {}) => signJws({ signer: leaf, subject: image, ...bent }),
    attach: (envelope, attached = {}) => attach(fake, image, envelope, attached),
    ask: (text = `${name}@${image.digest}`, validateOptions = {}) => {
      const request = { reference: parseReference(text), text, attributes: new Map() };
      const ports = { facts: createFactCache({ maxBytes: 1e7 }), now: NOW, signal: AbortSignal.timeout(20_000) };
      return validate(snapshot.for(undefined), request, ports, undefined, validateOptions);
    },
  };
}

function attach(fake: FakeRegistry, image: Descriptor, envelope: Uint8Array, attached: Attached): Descriptor {
  const { mediaType = MANIFEST, members = {}, layer = {}, entry = {}, manifest = (good: string) => good } = attached;
  const { digest, size } = fake.push.blob(REPOSITORY, envelope);
  const content = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    artifactType: SIGNATURE,
    config: EMPTY,
    layers: [{ mediaType: 'application/jose+json', digest, size, ...layer }],
    subject: image,
    ...members,
  });
  const descriptor = fake.push.manifest({ content: manifest(content), mediaType });
  fake.push.referrer(REPOSITORY, image.digest, { ...descriptor, artifactType: SIGNATURE, ...entry });
  return descriptor;
}
