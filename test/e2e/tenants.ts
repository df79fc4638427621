import { generateKeyPairSync } from 'node:crypto';
import type { KubeObject } from '../rig/cluster/kube-client.ts';

const API = 'config.ratify.deislabs.io/v1beta1';

/** An object of a tenant. */
export function tenantObject(kind: string, namespace: string, name: string, spec: unknown): KubeObject {
  return { apiVersion: API, kind, metadata: { namespace, name }, spec };
}

const SKIP = {
  version: '1.0',
  trustPolicies: [{ name: 'all', registryScopes: ['*'], signatureVerification: { level: 'skip' } }],
};

/** What a tenant declares who wants everything to pass: its own Policy, its own Store, and a Verifier that looks at nothing. */
export function permissive(namespace: string): readonly KubeObject[] {
  return [
    tenantObject('NamespacedPolicy', namespace, 'ratify-policy', {
      type: 'config-policy',
      parameters: { artifactVerificationPolicies: { default: 'any' } },
    }),
    tenantObject('NamespacedStore', namespace, 'own', { name: 'oras', parameters: { useHttp: true } }),
    tenantObject('NamespacedVerifier', namespace, 'own', {
      name: 'notation',
      artifactTypes: 'application/vnd.cncf.notary.signature',
      parameters: { verificationCertStores: {}, trustPolicyDoc: SKIP },
    }),
  ];
}

const PRIVATE_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
/** A part of it that nobody may repeat. */
export const OF_PRIVATE_KEY = PRIVATE_KEY.split('\n')[1] ?? '';

/** What a tenant may not declare, and what its status says. */
export const FORBIDDEN: readonly (readonly [what: string, kind: string, spec: unknown, says: string])[] = [
  [
    "A-T-03 keys out of another namespace's Secret",
    'NamespacedKeyManagementProvider',
    { type: 'secret', parameters: { name: 'gatekeeper-webhook-server-cert', namespace: 'gatekeeper-system', key: 'tls.crt' } },
    'expected a Secret of namespace team-b, where the object is; found "gatekeeper-system"',
  ],
  [
    'A-T-03 keys out of a file of the provider',
    'NamespacedKeyManagementProvider',
    { type: 'file', parameters: { path: '/etc/countersign/tls/tls.crt' } },
    'files may be named by objects of the cluster only',
  ],
  [
    "A-T-03 another namespace's pull secret",
    'NamespacedStore',
    {
      name: 'oras',
      parameters: { authProvider: { name: 'k8Secrets', secrets: [{ secretName: 'registry', namespace: 'gatekeeper-system' }] } },
    },
    'expected a Secret of namespace team-b, where the Store is; found "gatekeeper-system"',
  ],
  [
    'A-T-23 parameters with a member of every object',
    'NamespacedKeyManagementProvider',
    { type: 'inline', parameters: JSON.parse('{"__proto__": {"contentType": "certificate"}, "value": "x"}') },
    'CONFIG_INVALID',
  ],
  [
    'A-T-25 a private key',
    'NamespacedKeyManagementProvider',
    { type: 'inline', parameters: { contentType: 'certificate', value: PRIVATE_KEY } },
    'private key',
  ],
  [
    'A-T-25 a text that is no certificate',
    'NamespacedKeyManagementProvider',
    { type: 'inline', parameters: { contentType: 'certificate', value: 'no certificate' } },
    'no certificates found in the pem block',
  ],
];
