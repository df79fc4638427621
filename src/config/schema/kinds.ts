import { z } from 'zod';
import type { Role } from '../resources.ts';

export const GROUP = 'config.ratify.deislabs.io';
export const VERSIONS = ['v1beta1', 'v1alpha1'] as const;

/** A kind of object: cluster and namespaced kinds are rows of one list, and share the schema of their `spec`. */
export interface ObjectKind {
  readonly kind: string;
  readonly role: Role;
  readonly namespaced: boolean;
  /** Free of transforms: custom resource definitions are written from it. */
  readonly spec: z.ZodType;
}

const parameters = z.record(z.string(), z.unknown());
const plugin = {
  version: z.string().optional().describe('Version of the plugin protocol.'),
  address: z.string().optional().describe('Directory of plugins; plugins are not run.'),
  source: z
    .object({ artifact: z.string().optional(), authProvider: z.looseObject({}).optional() })
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
  refreshInterval: z.string().optional().describe('How often to fetch again, such as `1h30m`; empty: once.'),
  parameters,
});
export const certificateStoreSpec = z.object({
  provider: z.string().min(1).describe('Type of the provider.'),
  parameters: z.record(z.string(), z.string()),
});

/** Every kind of the group, as Ratify has them. */
export const OBJECT_KINDS: readonly ObjectKind[] = [
  { kind: 'Store', role: 'store', namespaced: false, spec: storeSpec },
  { kind: 'NamespacedStore', role: 'store', namespaced: true, spec: storeSpec },
  { kind: 'Verifier', role: 'verifier', namespaced: false, spec: verifierSpec },
  { kind: 'NamespacedVerifier', role: 'verifier', namespaced: true, spec: verifierSpec },
  { kind: 'Policy', role: 'policy', namespaced: false, spec: policySpec },
  { kind: 'NamespacedPolicy', role: 'policy', namespaced: true, spec: policySpec },
  { kind: 'KeyManagementProvider', role: 'keyProvider', namespaced: false, spec: keyManagementProviderSpec },
  { kind: 'NamespacedKeyManagementProvider', role: 'keyProvider', namespaced: true, spec: keyManagementProviderSpec },
  { kind: 'CertificateStore', role: 'keyProvider', namespaced: true, spec: certificateStoreSpec },
];
