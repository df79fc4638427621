import { createAuthority } from '../fixtures/demo-certificates.ts';
import { ensureTools } from './build.ts';
import type { KubeObject } from './cluster/kube-client.ts';
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
  /** Whom to trust, as an operator declares it. */
  readonly trust: readonly KubeObject[];
  /** Pushes an image of its own to `REPOSITORY:TAG`. */
  push(name: string, image?: Image): Promise<PushedImage>;
  /** Signs by the trusted signer, with the real notation. */
  sign(image: PushedImage): Promise<void>;
  pushSigned(name: string): Promise<PushedImage>;
  /** The same for another signer, and for this one no more. */
  trustInStranger(): Promise<readonly KubeObject[]>;
  /** The registry alone. */
  stopRegistry(): Promise<unknown>;
  stop(): Promise<void>;
}

const SIGNER = 'C=US, ST=WA, O=Rig';

export async function startSignedImages(onProgress?: (line: string) => void): Promise<SignedImages> {
  const bin = await ensureTools(['olareg', 'notation'], onProgress);
  const authority = await createAuthority(`${SIGNER}, CN=root`);
  const key = await authority.issue('ec', `${SIGNER}, CN=signer`);
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
    trust: trustIn(authority.rootPem),
    push,
    sign,
    async pushSigned(name) {
      const image = await push(name);
      await sign(image);
      return image;
    },
    trustInStranger: async () => trustIn((await createAuthority(`${SIGNER}, CN=another root`)).rootPem),
    stopRegistry: registry.stop,
    async stop() {
      await Promise.all([registry.stop(), notation.dispose()]);
    },
  };
}

/** What an operator declares in Ratify's words: a root, the registry, and Notation's rules. */
function trustIn(rootPem: string): readonly KubeObject[] {
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
  ];
}
