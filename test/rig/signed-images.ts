import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createAuthority } from '../fixtures/demo-certificates.ts';
import { ensureTools } from './build.ts';
import { type Image, tinyImage } from './images.ts';
import { createNotation } from './notation.ts';
import { startOlareg } from './registries.ts';
import { registryClient } from './registry-client.ts';

export interface PushedImage {
  /** `HOST/REPOSITORY:TAG`. */
  readonly reference: string;
  readonly digest: string;
}

/** A registry on loopback, and a signer of whom a declaration says that he is trusted. */
export interface SignedImages {
  readonly host: string;
  /** Folder with the declaration of whom to trust, as `serve --config` takes it. */
  readonly declarations: string;
  /** Pushes an image of its own to `REPOSITORY:TAG`. */
  push(name: string, image?: Image): Promise<PushedImage>;
  /** Signs by the trusted signer, with the real notation. */
  sign(image: PushedImage): Promise<void>;
  pushSigned(name: string): Promise<PushedImage>;
  /** Declares that another signer is trusted, and this one no more. */
  distrust(): Promise<void>;
  /** The registry alone. */
  stopRegistry(): Promise<unknown>;
  stop(): Promise<void>;
}

const SIGNER = 'C=US, ST=WA, O=Rig';

export async function startSignedImages(folder: string, onProgress?: (line: string) => void): Promise<SignedImages> {
  const bin = await ensureTools(['olareg', 'notation'], onProgress);
  const authority = await createAuthority(`${SIGNER}, CN=root`);
  const key = await authority.issue('ec', `${SIGNER}, CN=signer`);
  const declarations = join(folder, 'declarations');
  mkdirSync(declarations, { recursive: true });
  writeFileSync(join(declarations, 'trust.yaml'), trustIn(authority.rootPem));
  const registry = await startOlareg({ bin: bin.olareg });
  const notation = await createNotation({ bin: bin.notation });
  const client = registryClient(registry.host);

  const push: SignedImages['push'] = async (name, image = tinyImage(name)) => {
    const [repository = '', tag = ''] = name.split(':');
    await client.push(repository, image, tag);
    return { reference: `${registry.host}/${name}`, digest: image.descriptor.digest };
  };
  const sign: SignedImages['sign'] = ({ reference, digest }) =>
    notation.sign({
      reference: `${reference.slice(0, reference.lastIndexOf(':'))}@${digest}`,
      key,
      format: 'jws',
      forceReferrersTag: false,
      plainHttp: true,
    });
  return {
    host: registry.host,
    declarations,
    push,
    sign,
    async pushSigned(name) {
      const image = await push(name);
      await sign(image);
      return image;
    },
    async distrust() {
      const stranger = await createAuthority(`${SIGNER}, CN=another root`);
      writeFileSync(join(declarations, 'trust.yaml'), trustIn(stranger.rootPem));
    },
    stopRegistry: registry.stop,
    async stop() {
      await Promise.all([registry.stop(), notation.dispose()]);
    },
  };
}

/** What an operator declares in Ratify's words: a root, the registry, and Notation's rules. */
function trustIn(rootPem: string): string {
  const apiVersion = 'config.ratify.deislabs.io/v1beta1';
  const trustPolicies = [
    {
      name: 'rig',
      registryScopes: ['*'],
      signatureVerification: { level: 'strict' },
      trustStores: ['ca:rig'],
      trustedIdentities: [`x509.subject: ${SIGNER}`],
    },
  ];
  return [
    {
      apiVersion,
      kind: 'KeyManagementProvider',
      metadata: { name: 'rig-root' },
      spec: { type: 'inline', parameters: { contentType: 'certificate', value: rootPem } },
    },
    { apiVersion, kind: 'Store', metadata: { name: 'registries' }, spec: { name: 'oras', parameters: { useHttp: true } } },
    {
      apiVersion,
      kind: 'Verifier',
      metadata: { name: 'notation' },
      spec: {
        name: 'notation',
        artifactTypes: 'application/vnd.cncf.notary.signature',
        parameters: { verificationCertStores: { ca: { rig: ['rig-root'] } }, trustPolicyDoc: { version: '1.0', trustPolicies } },
      },
    },
  ]
    .map((object) => stringify(object))
    .join('---\n');
}
