// @rig helm
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { ensureTools } from '../rig/build.ts';
import { CHART, createHelm, type Helm, one } from './helm.ts';

const BUILD_WITHIN_MS = 20 * 60_000;
const CERTIFICATE = String(parse(readFileSync(join(CHART, 'samples/minimal.yaml'), 'utf8')).notationCerts[0]);
const TOO_SHORT = 'expected at least 3 seconds for validation and 2 for mutation';

type Values = Readonly<Record<string, unknown>>;

const tls = (given: Values): Values => ({ provider: { tls: given } });
const statement = (rest: Values): Values => ({
  notationCerts: [CERTIFICATE],
  notation: { trustPolicies: [{ name: 'default', ...rest }] },
});

describe('the chart refuses', () => {
  let helm: Helm;

  beforeAll(async () => {
    helm = createHelm((await ensureTools(['helm'], console.log)).helm);
  }, BUILD_WITHIN_MS);

  afterAll(() => helm?.dispose());

  it.each<[what: string, values: Values, message: string]>([
    ['a value that it does not know', { replicas: 2 }, "additional properties 'replicas' not allowed"],
    ['one deeper down', { provider: { enableMutations: true } }, "additional properties 'enableMutations' not allowed"],
    [
      '69: a webhook that waits less than 3 s, so that a Provider would wait for nothing',
      { webhookTimeoutSeconds: 2 },
      'webhookTimeoutSeconds',
    ],
    ['times of Ratify that leave too little for validation', { provider: { timeout: { validationTimeoutSeconds: 2 } } }, TOO_SHORT],
    ['times of Ratify that leave too little for mutation', { provider: { timeout: { mutationTimeoutSeconds: 1 } } }, TOO_SHORT],
    ['a lifetime in days', { provider: { cache: { ttl: '1d' } } }, 'ttl'],
    ['the image of Ratify', { image: { repository: 'registry.example.com/notaryproject/ratify' } }, "is Ratify's image"],
    ['half a digest', { image: { digest: 'sha256:short' } }, 'digest'],
    ['a certificate without its authority', tls({ existingSecret: 'x' }), 'provider.tls.cabundle: expected the authority'],
    ['a certificate without its key', tls({ crt: CERTIFICATE, cabundle: CERTIFICATE }), 'provider.tls.key: expected the key'],
    [
      'an authority that is none',
      tls({ existingSecret: 'x', cabundle: 'bm90IHBlbQ==' }),
      'expected certificates in PEM, or base64 of that',
    ],
    ['a certificate of its own making that nobody renews', tls({ source: 'countersign', days: 0 }), 'days'],
    [
      'a certificate of its own making before a Gatekeeper whose Providers it does not know',
      { ...tls({ source: 'countersign' }), gatekeeper: { version: '3.10.0' } },
      'provider.tls.source: expected another than countersign',
    ],
    ['cert-manager without an issuer', tls({ source: 'certManager', cabundle: CERTIFICATE }), 'expected the name of an issuer'],
    ['a signer that is no certificate', { notationCerts: ['not a certificate'] }, 'notationCerts[0]: expected certificates in PEM'],
    ['signers whom nobody asks', { notationCerts: [CERTIFICATE], notation: { enabled: false } }, 'notation.enabled: expected true'],
    ['a level that there is none of', statement({ level: 'lax' }), 'level'],
    ['B6 a trust store of no list', statement({ trustStores: ['ca:unknownCert'] }), 'Unknown trust store reference: unknownCert'],
    ['one beyond the list', statement({ trustStores: ['ca:notationCerts[1]'] }), 'Unknown trust store reference: notationCerts[1]'],
    ['one by no number', statement({ trustStores: ['ca:notationCerts[x]'] }), 'Unknown trust store reference: notationCerts[x]'],
    ['one with something behind', statement({ trustStores: ['ca:notationCerts[0] '] }), 'Unknown trust store reference: notationCerts[0] '],
    ['one in a vault', statement({ trustStores: ['ca:AzureKeyVault'] }), 'Unknown trust store reference: AzureKeyVault'],
    ['one of a type that there is none of', statement({ trustStores: ['CA:notationCerts[0]'] }), 'Unknown certificate type: CA'],
    [
      'A4.3 credentials of ACR without an instance',
      { oras: { authProviders: { alibabacloudAcrBasicEnabled: true } } },
      'alibabacloudAcrConfig.defaultInstanceId: expected the ID of an ACR instance',
    ],
    [
      'two sources of credentials',
      { oras: { authProviders: { k8secretsEnabled: true, awsEcrBasicEnabled: true } } },
      'oras.authProviders: expected at most one, found k8Secrets, awsEcrBasic',
    ],
    ['reports of vulnerabilities, which nobody would verify', { vulnerabilityreport: { enabled: true } }, 'vulnerabilityreport.enabled: '],
    ['bills of materials, likewise', { sbom: { enabled: true } }, 'sbom.enabled: this version does not verify it'],
    ['a policy in Rego, likewise', { policy: { useRego: true } }, 'policy.useRego: this version decides by'],
    ['a vault that is not read', { azurekeyvault: { enabled: true } }, 'azurekeyvault.enabled: this version does not read Azure Key Vault'],
    ['no account of its own and none named', { serviceAccount: { create: false } }, 'serviceAccount.name: expected the name'],
    ['Secrets of every namespace', { rbac: { secretNamespaces: ['*'] } }, 'secretNamespaces'],
  ])('%s', async (_, values, message) => {
    expect(await helm.refusal({ values })).toContain(message);
  });

  it('a namespace where Gatekeeper’s Secret cannot be mounted, unless its authority is given', async () => {
    expect(await helm.refusal({ namespace: 'trust' })).toContain('give its ca.crt as clientAuth.ca');
    const objects = await helm.render({ namespace: 'trust', values: { clientAuth: { ca: CERTIFICATE } } });
    expect(one(objects, 'ConfigMap').data['client-ca.crt']).toBe(`${CERTIFICATE.trim()}\n`);
  });
});
