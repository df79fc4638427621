// @rig cluster
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FAMILY_KINDS } from '../../src/config/schema/families.ts';
import { OBJECT_KINDS } from '../../src/config/schema/kinds.ts';
import { objectsOf } from '../docs/blocks.ts';
import { admitted, type KubeObject, targetOf } from '../rig/cluster/kube-client.ts';
import { type Cluster, startCluster } from '../rig/cluster.ts';
import { eventually } from '../rig/wait.ts';
import { createNamespaces } from '../rig/workloads.ts';
import { applyDefinitions, kubectl } from './rig.ts';

const BUILD_WITHIN_MS = 40 * 60_000;
const GROUP = 'config.ratify.deislabs.io';
const BETA = `${GROUP}/v1beta1`;
const ALPHA = `${GROUP}/v1alpha1`;

const TRUST_POLICY = {
  version: '1.0',
  trustPolicies: [
    {
      name: 'default',
      registryScopes: ['*'],
      signatureVerification: { level: 'strict', override: { revocation: 'log' }, verifyTimestamp: 'afterCertExpiry' },
      trustStores: ['ca:certs', 'tsa:t'],
      trustedIdentities: ['x509.subject: C=US, ST=WA, O=acme'],
    },
  ],
};

type Row = readonly [what: string, apiVersion: string, kind: string, namespace: string | undefined, spec: unknown];

/** What Ratify's pages declare: kind, where, spec. */
const TAKEN: readonly Row[] = [
  [
    'a Store with everything that there is',
    BETA,
    'Store',
    undefined,
    {
      name: 'oras',
      version: '1.0.0',
      address: '/plugins',
      source: { artifact: 'registry.example.com/plugin:v1', authProvider: { name: 'azureWorkloadIdentity', deep: { er: [1] } } },
      parameters: {
        cacheEnabled: true,
        ttl: 10,
        cosignEnabled: true,
        useHttp: true,
        authProvider: { name: 'k8Secrets', serviceAccountName: 'ratify-admin', secrets: [{ secretName: 's', namespace: 'ns' }] },
      },
    },
  ],
  ['a Store without parameters', BETA, 'Store', undefined, { name: 'dynamic' }],
  ['a Store with an empty name', BETA, 'Store', undefined, { name: '' }],
  ['a Store in a namespace', BETA, 'NamespacedStore', 'team', { name: 'oras', parameters: { anything: [{ at: 'all' }] } }],
  [
    'a Verifier with trust stores by type',
    BETA,
    'Verifier',
    undefined,
    {
      name: 'notation',
      type: 'notation',
      artifactTypes: 'application/vnd.cncf.notary.signature',
      parameters: { verificationCertStores: { ca: { certs: ['kmp', 'ns/kmp'] }, tsa: { t: ['tsa'] } }, trustPolicyDoc: TRUST_POLICY },
    },
  ],
  [
    'a Verifier with trust stores as they were before',
    BETA,
    'Verifier',
    undefined,
    {
      name: 'notation',
      artifactTypes: 'application/vnd.cncf.notary.signature',
      parameters: {
        verificationCerts: ['/usr/local/ratify-certs'],
        verificationCertStores: { certs: ['certstore-inline'] },
        trustPolicyDoc: TRUST_POLICY,
      },
    },
  ],
  [
    'a Verifier for cosign',
    BETA,
    'NamespacedVerifier',
    'team',
    {
      name: 'cosign',
      artifactTypes: 'application/vnd.dev.cosign.artifact.sig.v1+json',
      parameters: {
        trustPolicies: [
          { name: 'default', version: '1.0.0', scopes: ['*'], keys: [{ provider: 'kmp', name: 'k', version: '1' }], tLogVerify: false },
        ],
      },
    },
  ],
  ['a Verifier with no artifact types in it', BETA, 'Verifier', undefined, { name: 'x', artifactTypes: '' }],
  [
    'a Policy',
    BETA,
    'Policy',
    undefined,
    { type: 'config-policy', parameters: { artifactVerificationPolicies: { default: 'all', 'a/b': 'any' } } },
  ],
  [
    'a Policy in Rego',
    BETA,
    'Policy',
    undefined,
    { type: 'rego-policy', parameters: { policy: 'package ratify.policy\n', passthroughEnabled: false } },
  ],
  ['a Policy without a type', BETA, 'NamespacedPolicy', 'team', { parameters: {} }],
  ['a Policy without anything', BETA, 'Policy', undefined, {}],
  [
    'a KeyManagementProvider over a vault',
    BETA,
    'KeyManagementProvider',
    undefined,
    {
      type: 'azurekeyvault',
      refreshInterval: '1m',
      parameters: {
        vaultURI: 'https://v.vault.azure.net/',
        tenantID: 't',
        clientID: 'c',
        certificates: [{ name: 'c1', version: '1' }],
        keys: [{ name: 'k1' }],
      },
    },
  ],
  [
    'a KeyManagementProvider inline',
    BETA,
    'NamespacedKeyManagementProvider',
    'team',
    { type: 'inline', parameters: { contentType: 'key', value: 'PEM' } },
  ],
  ['a KeyManagementProvider without a type', BETA, 'KeyManagementProvider', undefined, { refreshInterval: '' }],
  [
    'a CertificateStore over a vault',
    BETA,
    'CertificateStore',
    'team',
    {
      provider: 'azurekeyvault',
      parameters: { vaultURI: 'v', tenantID: 't', clientID: 'c', certificates: 'array:\n  - |\n    certificateName: n\n' },
    },
  ],
  ['a CertificateStore without a provider', BETA, 'CertificateStore', 'team', { parameters: { value: 'PEM' } }],
  ['B7 a Store of the older version', ALPHA, 'Store', undefined, { name: 'oras', parameters: { useHttp: true } }],
  ['B7 a Verifier of the older version', ALPHA, 'Verifier', undefined, { name: 'notation', artifactTypes: 'a/b', parameters: { x: 1 } }],
  ['B7 a Policy of the older version', ALPHA, 'Policy', undefined, { parameters: { artifactVerificationPolicies: { default: 'any' } } }],
  ['B7 a CertificateStore of the older version', ALPHA, 'CertificateStore', 'team', { provider: 'inline', parameters: { value: 'PEM' } }],
];

const KRITIS = 'kritis.grafeas.io/v1beta1';
const isOfFamily = (apiVersion: string, kind: string) => FAMILY_KINDS.some((one) => apiVersion.startsWith(one.group) && one.kind === kind);

/** What our pages declare of other families, and what upstream kritis does. */
const OF_FAMILIES: readonly Row[] = [
  ...['configuration', 'from-acr', 'from-kritis', 'from-oke'].flatMap((page) =>
    objectsOf(readFileSync(join(import.meta.dirname, `../../docs/${page}.md`), 'utf8'))
      .filter(({ apiVersion, kind }) => isOfFamily(apiVersion, kind))
      .map(
        ({ apiVersion, kind, metadata, spec }): Row => [
          `${kind} ${metadata.name} of ${page}.md`,
          apiVersion,
          kind,
          metadata.namespace,
          spec,
        ],
      ),
  ),
  [
    'an AttestationAuthority of upstream',
    KRITIS,
    'AttestationAuthority',
    'team',
    {
      noteReference: 'projects/p/notes/n',
      publicKeys: [
        { keyType: 'PGP', keyId: 'ABCD', asciiArmoredPgpPublicKey: 'UEdQ' },
        { keyType: 'PKIX', keyId: 'k', pkixPublicKey: { publicKeyPem: 'PEM', signatureAlgorithm: 'ecdsa-p256-sha256' } },
      ],
    },
  ],
  [
    'a GenericAttestationPolicy with an allowlist of its own',
    KRITIS,
    'GenericAttestationPolicy',
    'team',
    { attestationAuthorityNames: [], admissionAllowlistPatterns: [{ namePattern: 'registry.example.com/team/*' }] },
  ],
  [
    'an ImageSecurityPolicy of upstream',
    KRITIS,
    'ImageSecurityPolicy',
    'team',
    {
      imageAllowlist: ['registry.example.com/app'],
      packageVulnerabilityRequirements: {
        maximumSeverity: 'MEDIUM',
        maximumFixUnavailableSeverity: 'ALLOW_ALL',
        allowlistCVEs: ['projects/goog-vulnz/notes/CVE-2017-1000082'],
      },
    },
  ],
  [
    'an ImageVerificationPolicy without keys',
    'countersign.dev/v1alpha1',
    'ImageVerificationPolicy',
    undefined,
    { enabled: true, keys: [] },
  ],
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
  await createNamespaces(cluster.client, 'team');
  await applyDefinitions(cluster);
}, BUILD_WITHIN_MS);
afterAll(() => cluster?.stop());

let count = 0;
function objectOf(apiVersion: string, kind: string, namespace: string | undefined, spec: unknown): KubeObject {
  count += 1;
  return { apiVersion, kind, metadata: { name: `x${count}`, ...(namespace === undefined ? {} : { namespace }) }, spec };
}

describe('the API server', () => {
  it.each([...TAKEN, ...OF_FAMILIES])('takes %s, and gives it back as it was', async (_what, apiVersion, kind, namespace, spec) => {
    const object = objectOf(apiVersion, kind, namespace, spec);
    const { warnings, ...written } = await cluster.client.create(object);
    admitted({ ...written, warnings });
    expect(warnings).toEqual(apiVersion === ALPHA ? [`v1alpha1 of the ${kind} API has been deprecated. Please migrate to v1beta1.`] : []);
    const stored = apiVersion === ALPHA ? BETA : apiVersion;
    const read = await cluster.client.get({
      apiVersion: stored,
      kind,
      name: object.metadata.name ?? '',
      ...(namespace === undefined ? {} : { namespace }),
    });
    expect(read).toMatchObject({ apiVersion: stored, kind });
    expect(read?.spec).toEqual(spec);
  });

  it.each<[string, string, unknown, RegExp]>([
    ['a Store without a name', 'Store', {}, /spec\.name: Required value/],
    ['a Verifier without artifact types', 'Verifier', { name: 'x' }, /spec\.artifactTypes: Required value/],
    ['a name that is a number', 'Store', { name: 3 }, /spec\.name.* must be of type string/],
    ['parameters that are a list', 'Policy', { type: 'x', parameters: [] }, /spec\.parameters.* must be of type object/],
  ])('does not take %s', async (_what, kind, spec, message) => {
    const { admitted: taken, message: why } = await cluster.client.create(objectOf(BETA, kind, undefined, spec));
    expect([taken, why]).toEqual([false, expect.stringMatching(message)]);
  });

  it('drops what is no field of a spec, and nothing of parameters', async () => {
    const object = objectOf(BETA, 'Store', undefined, { name: 'oras', colour: 'red', parameters: { colour: 'red' } });
    expect(admitted(await cluster.client.create(object)).spec).toEqual({ name: 'oras', parameters: { colour: 'red' } });
  });

  it('keeps status apart from spec: only its own path writes it', async () => {
    const object = objectOf(BETA, 'Store', undefined, { name: 'oras' });
    expect(admitted(await cluster.client.create({ ...object, status: { issuccess: true } })).status).toBeUndefined();
    const target = { apiVersion: BETA, kind: 'Store', name: object.metadata.name ?? '', subresource: 'status' };
    const written = admitted(await cluster.client.patch(target, { status: { issuccess: true }, spec: { name: 'other' } }));
    expect([written.spec, written.status, written.metadata.generation]).toEqual([{ name: 'oras' }, { issuccess: true }, 1]);
  });

  it('has a sample of every kind of other families', () => {
    expect(new Set(OF_FAMILIES.map((row) => row[2]))).toEqual(new Set(FAMILY_KINDS.map(({ kind }) => kind)));
  });

  it.each(FAMILY_KINDS)('keeps the status of a $kind, and shows by its short name whether it is in force', async (row) => {
    const { kind, group, versions, shortName, namespaced } = row;
    const spec = OF_FAMILIES.find((sample) => sample[2] === kind)?.[4];
    const object = objectOf(`${group}/${versions[0]}`, kind, namespaced ? 'team' : undefined, spec);
    admitted(await cluster.client.create(object));
    const conditions = [{ type: 'Ready', status: 'True', reason: 'Applied', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }];
    const status = { issuccess: true, error: '', brieferror: '', conditions };
    const written = admitted(await cluster.client.patch({ ...targetOf(object), subresource: 'status' }, { status }));
    expect([written.status, written.spec, written.metadata.generation]).toEqual([status, spec, 1]);
    // What is offered is told to clients a moment after it is served.
    const where = namespaced ? ['-n', 'team'] : [];
    const shown = await eventually('short names', () => kubectl(cluster, 'get', shortName, object.metadata.name ?? '', ...where));
    expect(shown.split('\n')).toEqual([
      expect.stringMatching(/^NAME +READY +AGE$/),
      expect.stringMatching(new RegExp(`^${object.metadata.name} +True +\\d+s$`)),
      '',
    ]);
  });

  it('explains fields to kubectl, and lists by category and short name', async () => {
    // What is offered is told to clients a moment after it is served.
    const explained = await eventually('short names', () => kubectl(cluster, 'explain', 'kmp.spec.refreshInterval'));
    expect(explained).toContain('How often to fetch again');
    expect(await kubectl(cluster, 'explain', 'verifiers.spec.artifactTypes')).toContain('separated by commas');
    const all = await kubectl(cluster, 'get', 'countersign', '-A', '--no-headers', '-o', 'name');
    for (const { kind, group } of OBJECT_KINDS) expect(all).toContain(`${kind.toLowerCase()}.${group}/`);
  });
});
