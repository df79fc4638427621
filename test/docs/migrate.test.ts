import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { buildSnapshot } from '../../src/config/build.ts';
import { loadFiles } from '../../src/config/files.ts';
import { kinds } from '../../src/config/kinds.ts';
import { OBJECT_KINDS } from '../../src/config/schema/kinds.ts';
import { deps, folder, line, object } from '../config/world.ts';
import { clusterOf } from '../keys/world.ts';
import { pki } from '../pki.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/migrate-from-ratify.md'), 'utf8');
const [, TABLE = ''] = /^## Fields of Ratify's objects\n(.*)/ms.exec(PAGE) ?? [];
const PEM = pki.root().pem;
const NOTATION = 'application/vnd.cncf.notary.signature';
const DOCUMENT = {
  version: '1.0',
  trustPolicies: [
    {
      name: 'default',
      registryScopes: ['*'],
      signatureVerification: { level: 'strict' },
      trustStores: ['ca:certs'],
      trustedIdentities: ['*'],
    },
  ],
};
const TRUST = { verificationCertStores: { ca: { certs: ['roots'] } }, trustPolicyDoc: DOCUMENT };
const ROOTS = object('KeyManagementProvider', 'roots', { type: 'inline', parameters: { contentType: 'certificate', value: PEM } });

type Here = 'as it is' | 'none' | 'warning' | 'error';

const store = (over: object) => ({ kind: 'Store', spec: { name: 'oras', ...over } });
const authProvider = (name: string) => store({ parameters: { authProvider: { name } } });
const verifier = (over: object) => ({ kind: 'Verifier', spec: { name: 'notation', artifactTypes: NOTATION, parameters: TRUST, ...over } });
const policy = (type: string, parameters: object) => ({ kind: 'Policy', name: 'ratify-policy', spec: { type, parameters } });
const keys = (type: string, over: object = {}) => ({
  kind: 'KeyManagementProvider',
  spec: { type, parameters: { contentType: 'certificate', value: PEM }, ...over },
});
const certificateStore = (provider: string, parameters: object) => ({ kind: 'CertificateStore', spec: { provider, parameters } });

/** What an object with a field of Ratify's comes to, and the words of the page that say so. */
const FIELDS: readonly (readonly [words: string, here: Here, { readonly kind: string; readonly name?: string; readonly spec: object }])[] =
  [
    ['`name`', 'as it is', store({})],
    ["a plugin's is an error", 'error', store({ name: 'my-store' })],
    ['`parameters.useHttp`', 'warning', store({ parameters: { useHttp: true } })],
    ['`dockerConfig`', 'as it is', authProvider('dockerConfig')],
    ['`k8Secrets`', 'as it is', authProvider('k8Secrets')],
    ['`azureWorkloadIdentity`', 'error', authProvider('azureWorkloadIdentity')],
    ['`azureManagedIdentity`', 'error', authProvider('azureManagedIdentity')],
    ['`awsEcrBasic`', 'error', authProvider('awsEcrBasic')],
    ['`alibabacloudAcrBasic`', 'error', authProvider('alibabacloudAcrBasic')],
    ['`parameters.cosignEnabled`', 'none', store({ parameters: { cosignEnabled: true } })],
    ['`parameters.cacheEnabled`', 'none', store({ parameters: { cacheEnabled: true } })],
    ['`parameters.ttl`', 'none', store({ parameters: { ttl: 10 } })],
    ['`parameters.localCachePath`', 'none', store({ parameters: { localCachePath: '/tmp/x' } })],
    ['`version`', 'none', store({ version: '1.0.0' })],
    ['`address`', 'none', store({ address: '/plugins' })],
    ['`source`', 'none', store({ source: { artifact: 'r.io/plugin:1' } })],
    ['`name`, `type`', 'as it is', verifier({ type: 'notation', name: 'mine' })],
    ['`cosign`', 'error', verifier({ name: 'cosign' })],
    ['blanks around a comma', 'as it is', verifier({ artifactTypes: `a/b , ${NOTATION}` })],
    [
      'both forms of the first',
      'as it is',
      verifier({ parameters: { verificationCertStores: { certs: ['roots'] }, trustPolicyDoc: DOCUMENT } }),
    ],
    ['`parameters.verificationCerts`', 'warning', verifier({ parameters: { ...TRUST, verificationCerts: ['/certs'] } })],
    ['`version`, `address`, `source`', 'none', verifier({ version: '1.0.0', address: '/p', source: { artifact: 'r.io/p:1' } })],
    ['`config-policy`', 'as it is', policy('config-policy', { artifactVerificationPolicies: { default: 'any' } })],
    ['`rego-policy` is an error', 'error', policy('rego-policy', { policy: 'package ratify.policy', passthroughEnabled: true })],
    ['other than `any` and `all` is an error', 'error', policy('config-policy', { artifactVerificationPolicies: { default: 'some' } })],
    ['`parameters.contentType`', 'as it is', keys('inline')],
    ['`refreshInterval`', 'as it is', keys('inline', { refreshInterval: '1m' })],
    ['`azurekeyvault` is an error', 'error', keys('azurekeyvault', { parameters: { vaultURI: 'v', tenantID: 't', clientID: 'c' } })],
    ['`provider`, `parameters.value`', 'as it is', certificateStore('inline', { value: PEM })],
    ['`inline`; `azurekeyvault` is an error', 'error', certificateStore('azurekeyvault', { vaultURI: 'v' })],
  ];

describe('the table of fields in docs/migrate-from-ratify.md', () => {
  it.each(FIELDS)('says of %s what it comes to: %s', async (words, here, { kind, name = 'x', spec }) => {
    expect(TABLE).toContain(words);
    const qualified = kind === 'CertificateStore' ? `gatekeeper-system/${name}` : name;
    const { resources } = await loadFiles(await folder({ 'c.yaml': ROOTS + object(kind, qualified, spec) }));
    const { diagnostics } = await buildSnapshot(resources, kinds, { ...deps, cluster: clusterOf({}) });
    const told = diagnostics.filter((one) => one.severity !== 'note').map(line);
    if (here === 'as it is' || here === 'none') expect(told).toEqual([]);
    else expect(told).toEqual(expect.arrayContaining([expect.stringMatching(new RegExp(`^${here} `))]));
    if (here === 'warning') expect(told.filter((one) => one.startsWith('error'))).toEqual([]);
  });

  it('has every field that the definitions have', () => {
    for (const { kind, plural } of OBJECT_KINDS.filter(({ group }) => group === 'config.ratify.deislabs.io')) {
      expect(TABLE).toContain(kind);
      const { spec } = parse(readFileSync(join(ROOT, `crds/config.ratify.deislabs.io_${plural}.yaml`), 'utf8'));
      const { properties } = spec.versions.find(({ storage }: { storage: boolean }) => storage).schema.openAPIV3Schema.properties.spec;
      const { properties: status } = spec.versions.find(({ storage }: { storage: boolean }) => storage).schema.openAPIV3Schema.properties
        .status;
      for (const field of Object.keys(properties)) expect(TABLE).toMatch(new RegExp(`\`(?:parameters|${field})(?:\`|\\.)`));
      for (const field of Object.keys(status)) expect(TABLE).toContain(`\`status.${field}\``);
    }
  });
});
