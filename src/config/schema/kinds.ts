import { z } from 'zod';
import type { Role } from '../resources.ts';

export const GROUP = 'config.ratify.deislabs.io';
export const VERSIONS = ['v1beta1', 'v1alpha1'] as const;

/** A kind of object: cluster and namespaced kinds are rows of one list, and share the schema of their `spec`. */
export interface ObjectKind {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly role: Role;
  readonly namespaced: boolean;
  /** Whether the API server serves v1alpha1 too, as Ratify's does. */
  readonly v1alpha1: boolean;
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

const cluster = { namespaced: false, v1alpha1: true } as const;
const namespaced = { namespaced: true, v1alpha1: false } as const;

/** Every kind of the group, as Ratify has them. */
export const OBJECT_KINDS: readonly ObjectKind[] = [
  { kind: 'Store', plural: 'stores', shortName: 'rstore', ...store, ...cluster },
  { kind: 'NamespacedStore', plural: 'namespacedstores', shortName: 'nstore', ...store, ...namespaced },
  { kind: 'Verifier', plural: 'verifiers', shortName: 'rver', ...verifier, ...cluster },
  { kind: 'NamespacedVerifier', plural: 'namespacedverifiers', shortName: 'nver', ...verifier, ...namespaced },
  { kind: 'Policy', plural: 'policies', shortName: 'rpol', ...policy, ...cluster },
  { kind: 'NamespacedPolicy', plural: 'namespacedpolicies', shortName: 'npol', ...policy, ...namespaced },
  { kind: 'KeyManagementProvider', plural: 'keymanagementproviders', shortName: 'kmp', ...keys, ...cluster, v1alpha1: false },
  { kind: 'NamespacedKeyManagementProvider', plural: 'namespacedkeymanagementproviders', shortName: 'nkmp', ...keys, ...namespaced },
  { kind: 'CertificateStore', plural: 'certificatestores', shortName: 'certstore', ...certificateStore, ...namespaced, v1alpha1: true },
];
