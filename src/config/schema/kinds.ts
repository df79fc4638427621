import { z } from 'zod';
import type { Role } from '../resources.ts';
import { FAMILY_KINDS } from './families.ts';

const GROUP = 'config.ratify.deislabs.io';

/** A kind of object: cluster and namespaced kinds are rows of one list, and share the schema of their `spec`. */
export interface ObjectKind {
  readonly group: string;
  /** The first is stored; the others are deprecated, and served where `serves` says so. All are read from files. */
  readonly versions: readonly [string, ...string[]];
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly role: Role;
  readonly namespaced: boolean;
  /** Of a cluster kind: whether it only lets images run, so that a namespace in its metadata, which narrows nothing, is an error. */
  readonly exempts?: boolean;
  /** Versions beside the stored one that the API server serves. Default: none. */
  readonly serves?: readonly string[];
  /** Free of transforms: custom resource definitions are written from it. */
  readonly spec: z.ZodType;
  /** Fields of `spec` without which the API server takes no object; what else the schema demands is told in the status, as in Ratify. */
  readonly required: readonly string[];
  /** One sentence for `kubectl explain`. */
  readonly description: string;
}

const parameters = z.record(z.string(), z.unknown()).describe('Parameters of the type; docs/configuration.md lists them.');
const plugin = {
  version: z.string().optional().describe('Version of the plugin protocol.'),
  address: z.string().optional().describe('Directory of plugins; plugins are not run.'),
  source: z
    .object({
      artifact: z.string().optional().describe('Reference of the artifact.'),
      authProvider: z.looseObject({}).optional().describe('Credentials for its registry.'),
    })
    .optional()
    .describe('Artifact that holds a plugin; plugins are not downloaded.'),
  parameters: parameters.optional(),
};

export const storeSpec = z.object({ name: z.string().min(1).describe('Type of the store.'), ...plugin });
export const verifierSpec = z.object({
  name: z.string().min(1).describe('Type of the verifier, unless `type` is set.'),
  artifactTypes: z.string().min(1).describe('Artifact types to verify, separated by commas; `*` is every type.'),
  type: z.string().optional().describe('Type of the verifier.'),
  ...plugin,
});
export const policySpec = z.object({ type: z.string().min(1).describe('Type of the policy.'), parameters });
export const keyManagementProviderSpec = z.object({
  type: z.string().min(1).describe('Type of the provider.'),
  refreshInterval: z.string().optional().describe('How often to fetch again, such as `1h30m`; empty: as often as suits the type.'),
  parameters,
});
export const certificateStoreSpec = z.object({
  provider: z.string().min(1).describe('Type of the provider.'),
  parameters: z.record(z.string(), z.string()).describe('Parameters of the type, all of them text.'),
});

const store = {
  role: 'store',
  spec: storeSpec,
  required: ['name'],
  description: 'Where images and what is attached to them are read.',
} as const;
const verifier = {
  role: 'verifier',
  spec: verifierSpec,
  required: ['artifactTypes', 'name'],
  description: 'Which artifacts are checked, how, and against which trust.',
} as const;
const policy = {
  role: 'policy',
  spec: policySpec,
  required: [],
  description: 'How many of the reports about an image must be good. Its name must be ratify-policy.',
} as const;
const keys = {
  role: 'keyProvider',
  spec: keyManagementProviderSpec,
  required: [],
  description: 'Certificates and public keys that Verifiers name.',
} as const;
const certificateStore = {
  role: 'keyProvider',
  spec: certificateStoreSpec,
  required: [],
  description: 'Certificates that Verifiers name. Deprecated: KeyManagementProvider holds the same.',
} as const;

const ratify = { group: GROUP, versions: ['v1beta1', 'v1alpha1'] } as const;
/** Ratify's API server serves v1alpha1 of its older kinds. */
const cluster = { ...ratify, namespaced: false, serves: ['v1alpha1'] } as const;
const namespaced = { ...ratify, namespaced: true } as const;

/** Ratify's kinds, as Ratify has them. */
const RATIFY_KINDS: readonly ObjectKind[] = [
  { kind: 'Store', plural: 'stores', shortName: 'rstore', ...store, ...cluster },
  { kind: 'NamespacedStore', plural: 'namespacedstores', shortName: 'nstore', ...store, ...namespaced },
  { kind: 'Verifier', plural: 'verifiers', shortName: 'rver', ...verifier, ...cluster },
  { kind: 'NamespacedVerifier', plural: 'namespacedverifiers', shortName: 'nver', ...verifier, ...namespaced },
  { kind: 'Policy', plural: 'policies', shortName: 'rpol', ...policy, ...cluster },
  { kind: 'NamespacedPolicy', plural: 'namespacedpolicies', shortName: 'npol', ...policy, ...namespaced },
  { kind: 'KeyManagementProvider', plural: 'keymanagementproviders', shortName: 'kmp', ...keys, ...ratify, namespaced: false },
  { kind: 'NamespacedKeyManagementProvider', plural: 'namespacedkeymanagementproviders', shortName: 'nkmp', ...keys, ...namespaced },
  {
    kind: 'CertificateStore',
    plural: 'certificatestores',
    shortName: 'certstore',
    ...certificateStore,
    ...namespaced,
    serves: ['v1alpha1'],
  },
];

/** Every kind of object that is read. */
export const OBJECT_KINDS: readonly ObjectKind[] = [...RATIFY_KINDS, ...FAMILY_KINDS];
