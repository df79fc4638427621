import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageSignatureOf, occurrenceOf } from '../attestations/statements.ts';
import { LayoutWriter } from '../fixtures/layout-writer.ts';
import type { KubeObject } from '../rig/cluster/kube-client.ts';
import { tinyImage } from '../rig/images.ts';
import { pem, simple, vault } from '../rules/signing-world.ts';

/** Hosts of the documents, some letters of which they mask. */
export const ANOLIS = 'anolis-registry.cn-zhangjiakou.cr.aliyuncs.com';
export const DEMO = 'kritis-demo.cn-hangzhou.cr.aliyuncs.com';
export const ACME = 'acme-registry.cn-hangzhou.cr.aliyuncs.com';
export const OCIR = 'phx.ocir.io';

/** In place of those that the documents mask. */
const KRITIS_KEY = { key: 'rsa2048', id: 'key-4a2ef103-5aa3-4220-89ec-0123456789ab' } as const;
const ACR_KEY = { key: 'rsa3072', id: 'key-hzz62f1cb66fa42qo' } as const;
const VAULT_KEY = { key: 'rsa2048', id: 'ocid1.key.oc1.phx.exampleuniqueID' } as const;

/** A file of kritis-validation-hook's document, with a key and its id where they are masked. */
export function kritisDocument(file: string): string {
  return readFileSync(join(import.meta.dirname, 'kritis', file), 'utf8')
    .replace('LS0tLS1CRUdJTiBQ***', Buffer.from(pem(KRITIS_KEY.key)).toString('base64'))
    .replace('key-4a2ef103-5aa3-4220-****', KRITIS_KEY.id);
}

/** A policy of OKE with one key of OCI Vault. */
export const OKE_POLICY: KubeObject = {
  apiVersion: 'countersign.dev/v1alpha1',
  kind: 'ImageVerificationPolicy',
  metadata: { name: 'cluster' },
  spec: { enabled: true, keys: [{ id: VAULT_KEY.id, pem: pem(VAULT_KEY.key) }] },
};

/** A signing rule of an ACR instance for one of its namespaces. */
export const ACR_RULE: KubeObject = {
  apiVersion: 'countersign.dev/v1alpha1',
  kind: 'ImageSigningRule',
  metadata: { name: 'prod' },
  spec: {
    registries: [ACME],
    namespaces: ['prod'],
    mode: 'Default',
    algorithm: 'RSA_PSS_SHA_256',
    keys: [{ id: ACR_KEY.id, pem: pem(ACR_KEY.key) }],
  },
};

/** Signed statements in a folder for each family, which is what the settings name. */
export interface Statements {
  /** Attests by kritis' authority of the document. */
  attest(repository: string, digest: string): void;
  withdraw(digest: string): void;
  /** Signs as ACR does at a push. */
  signTag(reference: string, digest: string): void;
  /** Signs by OCI Vault. */
  signByVault(repository: string, digest: string): void;
  /** The settings that name the folders. */
  settings(kritis?: object): string;
}

export function statementsIn(folder: string): Statements {
  const of = (family: string) => join(folder, family);
  for (const family of ['kritis', 'acr', 'oke']) mkdirSync(of(family));
  const file = (family: string, digest: string) => join(of(family), `${digest.slice('sha256:'.length)}.json`);
  const keep = (family: string, digest: string, content: object) => writeFileSync(file(family, digest), JSON.stringify(content));
  return {
    attest: (repository, digest) => {
      const signed = simple({ ...keyOf(KRITIS_KEY), method: 'pkcs1-sha256', reference: repository, digest });
      keep('kritis', digest, occurrenceOf(signed, `https://${repository}@${digest}`, 'namespaces/demo-aa'));
    },
    withdraw: (digest) => rmSync(file('kritis', digest)),
    signTag: (reference, digest) => {
      const signed = simple({ ...keyOf(ACR_KEY), method: 'pss-sha256-32', reference, digest });
      keep('acr', digest, occurrenceOf(signed, `https://${reference.slice(0, reference.lastIndexOf(':'))}@${digest}`, 'acr'));
    },
    signByVault: (repositoryName, digest) => keep('oke', digest, imageSignatureOf(vault({ ...keyOf(VAULT_KEY), repositoryName, digest }))),
    settings: (kritis = {}) => {
      const from = (family: string) => ({ attestations: [{ type: 'directory', path: of(family) }] });
      const verdicts = { acceptedSeconds: 0, refusedSeconds: 0 };
      return JSON.stringify({ kritis: { ...from('kritis'), ...kritis }, acr: from('acr'), oke: from('oke'), verdicts });
    },
  };
}

const keyOf = ({ key, id }: { readonly key: 'rsa2048' | 'rsa3072'; readonly id: string }) => ({ key, keyId: id });

/** Images of a registry that is none: a layout on disk, and the Store that reads it. Digests are by `REPOSITORY:TAG`. */
export async function layoutOf(
  folder: string,
  registry: string,
  names: readonly string[],
): Promise<{ readonly store: KubeObject; readonly digests: Readonly<Record<string, string>> }> {
  const path = join(folder, registry);
  const images = names.map((name) => [`${registry}/${name}`, tinyImage(name)] as const);
  const writer = new LayoutWriter();
  for (const [reference, image] of images) writer.addImage(image, reference);
  await writer.write(path);
  return {
    store: {
      apiVersion: 'config.ratify.deislabs.io/v1beta1',
      kind: 'Store',
      metadata: { name: registry },
      spec: { name: 'oci-layout', parameters: { path, registry } },
    },
    digests: Object.fromEntries(images.map(([reference, { descriptor }]) => [reference, descriptor.digest])),
  };
}
