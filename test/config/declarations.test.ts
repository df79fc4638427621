import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { buildSnapshot } from '../../src/config/build.ts';
import { loadFiles } from '../../src/config/files.ts';
import { kinds } from '../../src/config/kinds.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { readPemCertificates } from '../../src/x509/pem.ts';
import { pki } from '../pki.ts';
import { deps, folder, line, referrerRules } from './world.ts';

const AKS = join(import.meta.dirname, 'aks');
const PEM = pki.root().pem;

async function build(text: string) {
  const { resources, diagnostics } = await loadFiles(await folder({ 'c.yaml': text }));
  const built = await buildSnapshot(resources, kinds, deps);
  return { ...built, told: [...diagnostics, ...built.diagnostics].map(line) };
}

describe("the verify-config.yaml of AKS's documentation (A1.3, A1.4)", () => {
  it('applies without an edit, with a note on the newer kind', async () => {
    const { resources, diagnostics } = await loadFiles(AKS);
    const built = await buildSnapshot(resources, kinds, deps);
    expect([...diagnostics, ...built.diagnostics].map(line)).toEqual([
      'note verify-config.yaml:2 kind CONFIG_HINT: CertificateStore is deprecated; KeyManagementProvider holds the same certificates',
    ]);
    for (const namespace of [undefined, 'default', 'gatekeeper-system']) {
      const engine = built.snapshot.for(namespace);
      expect(engine.misconfigured).toBeUndefined();
      expect(referrerRules(engine).map(({ verifiers }) => verifiers.map(({ name, type }) => `${name} ${type}`))).toEqual([
        ['verifier-notary-inline notation'],
      ]);
    }
  });

  it('holds the certificate that ends on 2033-06-26', async () => {
    const text = await readFile(join(AKS, 'verify-config.yaml'), 'utf8');
    const pem = /-----BEGIN[\s\S]*END CERTIFICATE-----/.exec(text)?.[0] ?? '';
    const [der = new Uint8Array()] = readPemCertificates(pem);
    expect(parseCertificate(der).notAfter.toISOString()).toBe('2033-06-26T05:28:32.000Z');
  });

  it.each<[string, (text: string) => string, number]>([
    [
      'its certificate store in the newer spelling',
      (text) =>
        text.replace('certs: # name', 'ca:\n        certs: # name').replace('        - certstore-inline', '          - certstore-inline'),
      1,
    ],
    ['the old version of the API', (text) => text.replaceAll('v1beta1', 'v1alpha1'), 4],
    ['Windows line ends', (text) => text.replaceAll('\n', '\r\n'), 1],
  ])('applies with %s', async (_case, edit, notes) => {
    const text = await readFile(join(AKS, 'verify-config.yaml'), 'utf8');
    const { told, usable } = await build(edit(text));
    expect(told.filter((one) => !one.startsWith('note'))).toEqual([]);
    expect([told.length, usable]).toEqual([notes, true]);
  });
});

const API = 'apiVersion: config.ratify.deislabs.io/v1beta1';
const STORE = `${API}
kind: Store
metadata: { name: s }
spec:
  name: oras
`;
const PROVIDER = `${API}
kind: KeyManagementProvider
metadata: { name: roots }
spec:
  type: inline
  parameters:
    contentType: certificate
    value: ${JSON.stringify(PEM)}
`;
const VERIFIER = `${API}
kind: Verifier
metadata: { name: v }
spec:
  name: notation
  artifactTypes: application/vnd.cncf.notary.signature
  parameters:
    verificationCertStores:
      ca:
        acme: [roots]
    trustPolicyDoc:
      version: "1.0"
      trustPolicies:
        - name: default
          registryScopes: ["*"]
          signatureVerification: { level: strict }
          trustStores: ["ca:acme"]
          trustedIdentities: ["*"]
`;
const POLICY = `${API}
kind: Policy
metadata: { name: ratify-policy }
spec:
  type: config-policy
  parameters:
    artifactVerificationPolicies: { default: all }
`;
const edit = (text: string, from: string | RegExp, to: string) => {
  const edited = text.replace(from, () => to);
  if (edited === text) throw new Error(`nothing to edit: ${from}`);
  return edited;
};
const alone = (text: string) => [text];
/** The key provider first, on eight lines, and a document marker: what follows begins at line 10. */
const withKeys = (text: string) => [PROVIDER, text];

describe('a wrong declaration', () => {
  it.each<[string, readonly string[], string]>([
    [
      'a Store without a spec',
      alone(`${API}\nkind: Store\nmetadata: { name: s }\n`),
      'error c.yaml:1 spec CONFIG_INVALID: expected a map, found nothing',
    ],
    [
      'a Store whose spec is a list',
      alone(edit(STORE, 'spec:\n  name: oras', 'spec: [oras]')),
      'error c.yaml:4 spec CONFIG_INVALID: expected a map, found a list',
    ],
    [
      'a Store without a type',
      alone(edit(STORE, '  name: oras', '  version: 1.0.0')),
      'error c.yaml:4 spec.name CONFIG_INVALID: expected a string, found nothing',
    ],
    [
      'a Store whose type is null',
      alone(edit(STORE, 'oras', 'null')),
      'error c.yaml:5 spec.name CONFIG_INVALID: expected a string, found nothing',
    ],
    [
      'a Store of an unknown type',
      alone(edit(STORE, 'oras', 'orass')),
      'error c.yaml:5 spec.name CONFIG_INVALID: unknown store "orass"; expected oras or oci-layout',
    ],
    [
      'a Store whose type is a member of every object',
      alone(edit(STORE, 'oras', 'constructor')),
      'error c.yaml:5 spec.name CONFIG_INVALID: unknown store "constructor"; expected oras or oci-layout',
    ],
    [
      'a Store with a version that is a number',
      alone(`${STORE}  version: 1.0\n`),
      'error c.yaml:6 spec.version CONFIG_INVALID: expected a string, found a number',
    ],
    [
      'a Store with parameters that are a list',
      alone(`${STORE}  parameters: []\n`),
      'error c.yaml:6 spec.parameters CONFIG_INVALID: expected a map, found a list',
    ],
    [
      'a Store that asks for plain HTTP with a word',
      alone(`${STORE}  parameters:\n    useHttp: "yes"\n`),
      'error c.yaml:7 spec.parameters.useHttp CONFIG_INVALID: expected a boolean, found a string',
    ],
    [
      'a Store with credentials of an unknown source',
      alone(`${STORE}  parameters:\n    authProvider:\n      name: azureWorkloadIdentity\n`),
      'error c.yaml:8 spec.parameters.authProvider.name CONFIG_INVALID: unknown authProvider "azureWorkloadIdentity"; expected dockerConfig',
    ],
    [
      'a Store with credentials that are a text',
      alone(`${STORE}  parameters:\n    authProvider: dockerConfig\n`),
      'error c.yaml:7 spec.parameters.authProvider CONFIG_INVALID: expected a map, found a string',
    ],
    [
      'a layout without a path',
      alone(`${edit(STORE, 'oras', 'oci-layout')}  parameters:\n    registry: r.example\n`),
      'error c.yaml:6 spec.parameters.path CONFIG_INVALID: expected a string, found nothing',
    ],
    [
      'a Verifier of an unknown type',
      withKeys(edit(VERIFIER, 'name: notation', 'name: cosign')),
      'error c.yaml:14 spec.name CONFIG_INVALID: unknown verifier "cosign"; expected notation',
    ],
    [
      'a Verifier whose type overrides its name',
      withKeys(edit(VERIFIER, 'name: notation', 'name: notation\n  type: cosign')),
      'error c.yaml:15 spec.type CONFIG_INVALID: unknown verifier "cosign"; expected notation',
    ],
    [
      'a Verifier without artifact types',
      withKeys(edit(VERIFIER, / {2}artifactTypes.*\n/, '')),
      'error c.yaml:13 spec.artifactTypes CONFIG_INVALID: expected a string, found nothing',
    ],
    [
      'a Verifier whose artifact types are a list',
      withKeys(edit(VERIFIER, /artifactTypes: .*/, 'artifactTypes: [a/b]')),
      'error c.yaml:15 spec.artifactTypes CONFIG_INVALID: expected a string, found a list',
    ],
    [
      'a Verifier whose artifact types are commas',
      withKeys(edit(VERIFIER, /artifactTypes: .*/, 'artifactTypes: " , "')),
      'error c.yaml:15 spec.artifactTypes CONFIG_INVALID: expected artifact types separated by commas, found none',
    ],
    [
      'a Verifier without a trust policy',
      withKeys(edit(VERIFIER, / {4}trustPolicyDoc:[\s\S]*$/, '')),
      'error c.yaml:16 spec.parameters.trustPolicyDoc CONFIG_INVALID: expected a map, found nothing',
    ],
    [
      'a trust policy that is a text',
      withKeys(edit(VERIFIER, /trustPolicyDoc:[\s\S]*$/, 'trustPolicyDoc: all\n')),
      'error c.yaml:20 spec.parameters.trustPolicyDoc CONFIG_INVALID: expected a map, found a string',
    ],
    [
      'a trust policy of another version',
      withKeys(edit(VERIFIER, '"1.0"', '"2.0"')),
      'error c.yaml:20 spec.parameters.trustPolicyDoc TRUST_POLICY_INVALID: ',
    ],
    [
      'a trust policy without statements',
      withKeys(edit(VERIFIER, /trustPolicies:[\s\S]*$/, 'trustPolicies: []\n')),
      'error c.yaml:20 spec.parameters.trustPolicyDoc TRUST_POLICY_INVALID: ',
    ],
    [
      'a trust policy of an unknown level',
      withKeys(edit(VERIFIER, 'strict', 'stricter')),
      'error c.yaml:20 spec.parameters.trustPolicyDoc TRUST_POLICY_INVALID: ',
    ],
    [
      'a trust policy without trust stores',
      withKeys(edit(VERIFIER, '"ca:acme"', '')),
      'error c.yaml:20 spec.parameters.trustPolicyDoc TRUST_POLICY_INVALID: ',
    ],
    [
      'a trust policy with an identity of unknown form',
      withKeys(edit(VERIFIER, 'trustedIdentities: ["*"]', 'trustedIdentities: ["acme"]')),
      'error c.yaml:20 spec.parameters.trustPolicyDoc TRUST_POLICY_INVALID: ',
    ],
    [
      'certificate stores of both spellings',
      withKeys(edit(VERIFIER, '      ca:\n', '      old: [roots]\n      ca:\n')),
      'error c.yaml:17 spec.parameters.verificationCertStores CONFIG_INVALID: the verificationCertStores configuration is invalid: misconfigured with both legacy and new formats: expected ca, signingAuthority, tsa alone, found ca and old',
    ],
    [
      'a certificate store type in lower case',
      withKeys(edit(VERIFIER, '      ca:\n', '      signingauthority:\n')),
      'error c.yaml:17 spec.parameters.verificationCertStores CONFIG_INVALID: the verificationCertStores configuration is invalid: signingauthority: expected a list of key providers',
    ],
    [
      'a certificate store type with a list',
      withKeys(edit(VERIFIER, 'ca:\n        acme: [roots]', 'ca: [roots]')),
      'error c.yaml:17 spec.parameters.verificationCertStores CONFIG_INVALID: the verificationCertStores configuration is invalid: ca: expected named stores',
    ],
    [
      'a certificate store that is a text',
      withKeys(edit(VERIFIER, '[roots]', 'roots')),
      'error c.yaml:18 spec.parameters.verificationCertStores.ca CONFIG_INVALID: expected a list of key providers, or named stores with such lists, found a map',
    ],
    [
      'a key provider that is not there',
      withKeys(edit(VERIFIER, '[roots]', '[roots, rots]')),
      'error c.yaml:19 spec.parameters.verificationCertStores.ca.acme[1] KEY_PROVIDER_MISSING: key provider rots is not there; declare a KeyManagementProvider rots, or a CertificateStore rots in namespace gatekeeper-system',
    ],
    [
      'a Policy of another name',
      alone(edit(POLICY, 'ratify-policy', 'my-policy')),
      'error c.yaml:3 metadata.name CONFIG_INVALID: metadata.name must be ratify-policy, found "my-policy"; not applied',
    ],
    [
      'a Policy without a type',
      alone(edit(POLICY, '  type: config-policy\n', '')),
      'error c.yaml:4 spec.type CONFIG_INVALID: expected a string, found nothing',
    ],
    [
      'a Policy of v1alpha1, whose name was its type',
      alone(edit(edit(POLICY, 'v1beta1', 'v1alpha1'), 'ratify-policy', 'configpolicy')),
      'error c.yaml:3 metadata.name CONFIG_INVALID: metadata.name must be ratify-policy, found "configpolicy"; not applied',
    ],
    [
      'a Policy in Rego',
      alone(edit(POLICY, 'config-policy', 'rego-policy')),
      'error c.yaml:5 spec.type CONFIG_INVALID: unknown policy "rego-policy"; expected config-policy',
    ],
    [
      'a Policy without parameters',
      alone(edit(POLICY, / {2}parameters:[\s\S]*$/, '')),
      'error c.yaml:4 spec.parameters CONFIG_INVALID: expected a map, found nothing',
    ],
    [
      'a Policy that demands a type named __proto__',
      alone(edit(POLICY, 'default: all', 'default: any, __proto__: all')),
      'error c.yaml:7 spec.parameters.artifactVerificationPolicies.__proto__ CONFIG_INVALID: a field cannot be named __proto__',
    ],
    [
      'a trust store named __proto__',
      withKeys(edit(VERIFIER, 'acme: [roots]', '__proto__: [roots]')),
      'error c.yaml:19 spec.parameters.verificationCertStores.ca.__proto__ CONFIG_INVALID: a field cannot be named __proto__',
    ],
    [
      'a __proto__ within a list',
      withKeys(edit(VERIFIER, 'name: default', 'name: default\n          __proto__: {}')),
      'error c.yaml:24 spec.parameters.trustPolicyDoc.trustPolicies[0].__proto__ CONFIG_INVALID: a field cannot be named __proto__',
    ],
    [
      'a key provider of an unknown type',
      alone(edit(PROVIDER, 'inline', 'azurekeyvault')),
      'error c.yaml:5 spec.type CONFIG_INVALID: unknown key provider "azurekeyvault"; expected inline',
    ],
    [
      'a key provider without parameters',
      alone(edit(PROVIDER, / {2}parameters:[\s\S]*$/, '')),
      'error c.yaml:4 spec.parameters CONFIG_INVALID: expected a map, found nothing',
    ],
    [
      'a key provider that does not say what it holds',
      alone(edit(PROVIDER, '    contentType: certificate\n', '')),
      'error c.yaml:6 spec.parameters.contentType CONFIG_INVALID: expected "certificate" or "key", found nothing',
    ],
    [
      'a key provider with certificates that are none',
      alone(edit(PROVIDER, /value: .*/, 'value: hello')),
      'error c.yaml:8 spec.parameters.value CONFIG_INVALID: no certificates found in the pem block',
    ],
    [
      'a certificate store of an unknown provider',
      alone(`${API}\nkind: CertificateStore\nmetadata: { name: c }\nspec: { provider: vault, parameters: {} }\n`),
      'error c.yaml:4 spec.provider CONFIG_INVALID: unknown key provider "vault"; expected inline',
    ],
    [
      'a certificate store whose value is a number',
      alone(`${API}\nkind: CertificateStore\nmetadata: { name: c }\nspec:\n  provider: inline\n  parameters:\n    value: 1\n`),
      'error c.yaml:7 spec.parameters.value CONFIG_INVALID: expected a string, found a number',
    ],
  ])('is told with file, line, path and code: %s', async (_case, documents, expected) => {
    const { told } = await build(documents.join('---\n'));
    const wrong = told.filter((one) => one.startsWith('error'));
    expect(wrong).toHaveLength(1);
    expect(wrong[0]?.slice(0, expected.length)).toBe(expected);
  });

  it.each<[string, readonly string[], string]>([
    ['of the object', alone(`${STORE}extra: 1\n`), 'warning c.yaml:6 extra UNKNOWN_FIELD: unknown field extra has no effect'],
    ['of the spec', alone(`${STORE}  nmae: x\n`), 'warning c.yaml:6 spec.nmae UNKNOWN_FIELD: unknown field spec.nmae has no effect'],
    [
      'of the parameters',
      alone(`${STORE}  parameters:\n    useHTTP: true\n`),
      'warning c.yaml:7 spec.parameters.useHTTP UNKNOWN_FIELD: unknown field spec.parameters.useHTTP has no effect',
    ],
    [
      'of the credentials',
      alone(`${STORE}  parameters:\n    authProvider:\n      clientID: x\n`),
      'warning c.yaml:8 spec.parameters.authProvider.clientID UNKNOWN_FIELD: unknown field spec.parameters.authProvider.clientID has no effect',
    ],
    [
      'of a verifier',
      withKeys(edit(VERIFIER, '    trustPolicyDoc', '    verificationCerts: [/certs]\n    trustPolicyDoc')),
      'warning c.yaml:20 spec.parameters.verificationCerts UNKNOWN_FIELD: unknown field spec.parameters.verificationCerts has no effect',
    ],
    [
      'by the name of every prototype',
      alone(`${STORE}  __proto__: { name: x }\n`),
      'warning c.yaml:6 spec.__proto__ UNKNOWN_FIELD: unknown field spec.__proto__ has no effect',
    ],
    [
      'that is no plain word',
      alone(`${STORE}  "a b": x\n`),
      'warning c.yaml:6 spec["a b"] UNKNOWN_FIELD: unknown field spec["a b"] has no effect',
    ],
  ])('is a warning, and applies, for an unknown field %s', async (_case, documents, expected) => {
    const { told, applied } = await build(documents.join('---\n'));
    expect(told).toEqual([expected]);
    expect(applied).toHaveLength(documents.length);
  });

  it('ADA-NOT-23-4: is a warning, and applies, for a Store that speaks plain HTTP', async () => {
    const { told, applied } = await build(`${STORE}  parameters:\n    useHttp: true\n`);
    expect(told).toEqual([
      expect.stringMatching(/^warning c\.yaml:7 spec\.parameters\.useHttp CONFIG_HINT: plain HTTP: whoever is on the way/),
    ]);
    expect(applied).toHaveLength(1);
  });

  it.each<[string, string]>([['a duration that is none', edit(PROVIDER, '  type: inline', '  refreshInterval: often\n  type: inline')]])(
    'is a warning, and applies, for %s',
    async (_case, text) => {
      const { told, applied } = await build(text);
      expect(told).toEqual([
        'warning c.yaml:5 spec.refreshInterval CONFIG_HINT: expected a duration such as 1h30m, found "often"; fetched as often as suits the type',
      ]);
      expect(applied).toHaveLength(1);
    },
  );

  it('does not keep others from applying', async () => {
    const { applied, usable } = await build(
      [STORE, PROVIDER, VERIFIER, POLICY, edit(STORE, 'name: s', 'name: t').replace('oras', 'x')].join('---\n'),
    );
    expect([applied.length, usable]).toEqual([4, true]);
  });

  it('applies with nothing to tell when nothing is wrong', async () => {
    const { told } = await build([STORE, PROVIDER, VERIFIER, POLICY].join('---\n'));
    expect(told).toEqual([]);
  });
});
