import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { object } from '../config/world.ts';
import { SIGNATURE } from '../fakes/registry.ts';
import { pki } from '../pki.ts';
import { signJws } from '../sign.ts';
import { DECLARED, type Gate, KEYS, leaf, openGate, openScene, POLICY, root, type Scene, STATEMENT, STORE, verifierWith } from './gate.ts';

let gate: Gate;
let scene: Scene;
beforeAll(async () => {
  gate = await openGate({ settings: { validating: { webhookMs: 30_000, providerMs: 29_000, deadlineMs: 25_000 } } });
  scene = await openScene();
  scene.fake.pushImage({ name: 'unsigned', tag: 'unsigned' });
});
afterAll(async () => {
  expect(gate.provider.log.join('').match(/an error of ours/g)).toBeNull();
  await Promise.all([gate.close(), scene.fake.close()]);
});

type Documents = readonly (string | Uint8Array)[];
const withVerifier = (statement: object = {}, parameters: object = {}, spec: object = {}): Documents => [
  STORE,
  KEYS,
  verifierWith(statement, parameters, spec),
  POLICY,
];
const withKeys = (value: string, contentType = 'certificate'): Documents => [
  STORE,
  object('KeyManagementProvider', 'roots', { type: 'inline', parameters: { contentType, value } }),
  verifierWith(),
  POLICY,
];
const withStore = (spec: object): Documents => [object('Store', 'registry', spec), ...DECLARED.slice(1)];
const withPolicy = (policies: unknown, name = 'ratify-policy', type = 'config-policy'): Documents => [
  ...DECLARED.slice(0, 3),
  object('Policy', name, { type, parameters: { artifactVerificationPolicies: policies } }),
];
const document = (change: object): object => ({ trustPolicyDoc: { version: '1.0', trustPolicies: [STATEMENT], ...change } });
const edited = (from: string | RegExp, to: string): Documents => DECLARED.map((text) => text.replace(from, to));
const slip = (kind: string, namespace: string) =>
  `apiVersion: config.ratify.deislabs.io/v1beta1\nkind: ${kind}\nmetadata: { name: x, namespace: ${namespace} }\nspec: {}\nspec: {}\n`;

describe('what is declared', () => {
  it('accepts a good signature and nothing else when it is all good', async () => {
    await gate.declare(DECLARED);
    expect(await gate.ask(scene.byTag)).toBe('accepted VERIFIED');
    expect(await gate.ask(scene.byTag.replace(scene.tag, 'unsigned'))).toBe('refused NO_SIGNATURES');
  });

  it.each<[string, Documents, string]>([
    ['nothing', [], 'misconfigured NO_STORE'],
    ['a comment', ['# all is well'], 'misconfigured NO_STORE'],
    ['somebody else’s objects', [object('Store', 'registry', { name: 'oras' }, 'example.com/v1')], 'misconfigured NO_STORE'],
    ['a Store alone', [STORE], 'misconfigured NO_VERIFIER'],
    ['no Store', DECLARED.slice(1), 'misconfigured NO_STORE'],
    ['no Verifier', [STORE, KEYS, POLICY], 'misconfigured NO_VERIFIER'],
    ['no key provider', [STORE, verifierWith(), POLICY], 'misconfigured KEY_PROVIDER_MISSING'],
    ['what is no YAML', [...DECLARED.slice(0, 2), '{[', POLICY], 'misconfigured NO_VERIFIER'],
    ['bytes that are no UTF-8', [...DECLARED.slice(0, 2), Uint8Array.of(0xff, 0xfe), POLICY], 'misconfigured NO_VERIFIER'],
    ['a Verifier that is nested without end', [STORE, KEYS, POLICY, `a: ${'['.repeat(20_000)}`], 'misconfigured NO_VERIFIER'],
    [
      'a Verifier with a field twice',
      edited('"spec":{"name":"notation"', '"spec":{"name":"x","name":"notation"'),
      'misconfigured NO_VERIFIER',
    ],
    ['a Verifier of another kind of case', edited('"kind":"Verifier"', '"kind":"verifier"'), 'misconfigured NO_VERIFIER'],
    [
      'a Verifier of a version that there is not',
      edited(/v1beta1","kind":"Verifier"/, 'v9","kind":"Verifier"'),
      'misconfigured NO_VERIFIER',
    ],
    ['a Verifier without a name', edited('"metadata":{"name":"notation"}', '"metadata":{}'), 'misconfigured NO_VERIFIER'],
    ['a Verifier of a type called constructor', withVerifier({}, {}, { type: 'constructor' }), 'misconfigured NO_VERIFIER'],
    ['a Verifier of a type called __proto__', withVerifier({}, {}, { type: '__proto__' }), 'misconfigured NO_VERIFIER'],
    ['a Verifier for no artifact types', withVerifier({}, {}, { artifactTypes: ' , ' }), 'misconfigured NO_VERIFIER'],
    ['a Verifier for other artifact types', withVerifier({}, {}, { artifactTypes: 'application/x' }), 'refused NO_SIGNATURES'],
    ['a trust policy of version 2.0', withVerifier({}, document({ version: '2.0' })), 'misconfigured NO_VERIFIER'],
    ['a trust policy without statements', withVerifier({}, document({ trustPolicies: [] })), 'misconfigured NO_VERIFIER'],
    ['a trust policy that is null', withVerifier({}, { trustPolicyDoc: null }), 'misconfigured NO_VERIFIER'],
    ['a trust policy in text', withVerifier({}, { trustPolicyDoc: '{}' }), 'misconfigured NO_VERIFIER'],
    ['a level that there is not', withVerifier({ signatureVerification: { level: 'none' } }), 'misconfigured NO_VERIFIER'],
    ['a level in capitals', withVerifier({ signatureVerification: { level: 'Skip' } }), 'misconfigured NO_VERIFIER'],
    ['a level called toString', withVerifier({ signatureVerification: { level: 'toString' } }), 'misconfigured NO_VERIFIER'],
    ['no level', withVerifier({ signatureVerification: {} }), 'misconfigured NO_VERIFIER'],
    [
      'an override of integrity',
      withVerifier({ signatureVerification: { level: 'strict', override: { integrity: 'log' } } }),
      'misconfigured NO_VERIFIER',
    ],
    [
      'an override that skips authenticity',
      withVerifier({ signatureVerification: { level: 'strict', override: { authenticity: 'skip' } } }),
      'misconfigured NO_VERIFIER',
    ],
    [
      'an override in another case',
      withVerifier({ signatureVerification: { level: 'strict', Override: {} } }),
      'misconfigured NO_VERIFIER',
    ],
    ['level skip with trust stores', withVerifier({ signatureVerification: { level: 'skip' } }), 'misconfigured NO_VERIFIER'],
    ['no trust stores', withVerifier({ trustStores: [] }), 'misconfigured NO_VERIFIER'],
    ['no identities', withVerifier({ trustedIdentities: [] }), 'misconfigured NO_VERIFIER'],
    ['a scope with a wildcard within', withVerifier({ registryScopes: ['*.example/app'] }), 'misconfigured NO_VERIFIER'],
    ['every scope and another', withVerifier({ registryScopes: ['*', 'reg.example/app'] }), 'misconfigured NO_VERIFIER'],
    [
      'V-NOT-04: an identity in BER',
      withVerifier({ trustedIdentities: ['x509.subject: C=US, ST=WA, O=#04024869'] }),
      'misconfigured NO_VERIFIER',
    ],
    ['an identity that is only a country', withVerifier({ trustedIdentities: ['x509.subject: C=US'] }), 'misconfigured NO_VERIFIER'],
    ['an identity of a kind that nobody knows', withVerifier({ trustedIdentities: ['did:web:example'] }), 'refused IDENTITY_UNTRUSTED'],
    ['another identity', withVerifier({ trustedIdentities: ['x509.subject: C=US, ST=WA, O=Other'] }), 'refused IDENTITY_UNTRUSTED'],
    ['another repository', withVerifier({ registryScopes: ['reg.example/app'] }), 'refused NO_APPLICABLE_POLICY'],
    ['a trust store that is not declared', withVerifier({ trustStores: ['ca:other'] }), 'misconfigured TRUST_STORE_INVALID'],
    ['a trust store of another type', withVerifier({ trustStores: ['signingAuthority:acme'] }), 'refused SIGNER_UNTRUSTED'],
    [
      'a trust store beside one that is not there',
      withVerifier({ trustStores: ['ca:acme', 'ca:other'] }),
      'misconfigured TRUST_STORE_INVALID',
    ],
    [
      'trust stores in both spellings',
      withVerifier({}, { verificationCertStores: { ca: { acme: ['roots'] }, old: ['roots'] } }),
      'misconfigured NO_VERIFIER',
    ],
    [
      'a trust store without providers',
      withVerifier({}, { verificationCertStores: { ca: { acme: [] } } }),
      'misconfigured TRUST_STORE_INVALID',
    ],
    ['a trust store called __proto__', withVerifier({ trustStores: ['ca:__proto__'] }), 'misconfigured TRUST_STORE_INVALID'],
    [
      'a provider called constructor',
      withVerifier({}, { verificationCertStores: { ca: { acme: ['constructor'] } } }),
      'misconfigured KEY_PROVIDER_MISSING',
    ],
    [
      'a provider of another namespace',
      withVerifier({}, { verificationCertStores: { ca: { acme: ['team/roots'] } } }),
      'misconfigured KEY_PROVIDER_MISSING',
    ],
    [
      'nestedReferences, and nothing attached to the signature',
      withVerifier({}, { nestedReferences: SIGNATURE }),
      'refused NESTED_REFUSED',
    ],
    ['keys that are no PEM', withKeys('hello'), 'misconfigured KEY_PROVIDER_MISSING'],
    ['keys that are a certificate cut short', withKeys(root.pem.slice(0, 200)), 'misconfigured KEY_PROVIDER_MISSING'],
    [
      'A-T-25: keys that are private',
      withKeys(String(root.privateKey.export({ type: 'pkcs8', format: 'pem' }))),
      'misconfigured KEY_PROVIDER_MISSING',
    ],
    ['certificates that are said to be a key', withKeys(root.pem, 'key'), 'misconfigured TRUST_STORE_INVALID'],
    ['a leaf for a root', withKeys(leaf.pem), 'misconfigured TRUST_STORE_INVALID'],
    ['the root of somebody else', withKeys(pki.root().pem), 'refused SIGNER_UNTRUSTED'],
    ['A-T-25: 10,000 certificates', withKeys(root.pem.repeat(10_000)), 'misconfigured KEY_PROVIDER_MISSING'],
    ['a Store of a type called constructor', withStore({ name: 'constructor' }), 'misconfigured NO_STORE'],
    ['a Store that speaks plain HTTP by a word', withStore({ name: 'oras', parameters: { useHttp: 'yes' } }), 'misconfigured NO_STORE'],
    [
      'a Store with credentials from nowhere',
      withStore({ name: 'oras', parameters: { authProvider: { name: 'vault' } } }),
      'misconfigured NO_STORE',
    ],
    [
      'a Store of another registry',
      withStore({ name: 'oci-layout', parameters: { path: '/nonexistent', registry: 'reg.example' } }),
      'misconfigured NO_STORE',
    ],
    [
      'a Store over a folder that is not there',
      withStore({ name: 'oci-layout', parameters: { path: '/nonexistent', registry: 'HOST' } }),
      'unavailable REGISTRY_UNREACHABLE',
    ],
    ['a Policy of another name', withPolicy({ default: 'any' }, 'my-policy'), 'misconfigured CONFIG_INVALID'],
    ['a Policy in Rego', withPolicy({ default: 'any' }, 'ratify-policy', 'rego-policy'), 'misconfigured CONFIG_INVALID'],
    ['a Policy that asks for some', withPolicy({ default: 'some' }), 'misconfigured CONFIG_INVALID'],
    ['a Policy that asks for nothing', withPolicy({ default: null }), 'misconfigured CONFIG_INVALID'],
    ['a Policy in a list', withPolicy(['any']), 'misconfigured CONFIG_INVALID'],
    [
      'a Policy that demands what no Verifier takes',
      withPolicy({ [SIGNATURE]: 'any', 'application/spdx+json': 'any' }),
      'refused NO_SIGNATURES',
    ],
    ['a Policy that demands a type called constructor', withPolicy({ [SIGNATURE]: 'any', constructor: 'any' }), 'refused NO_SIGNATURES'],
    [
      'a Policy that demands a type called __proto__',
      withPolicy(JSON.parse(`{"${SIGNATURE}":"any","__proto__":"any"}`)),
      'misconfigured CONFIG_INVALID',
    ],
  ])('never accepts: %s', async (_case, documents, expected) => {
    await gate.declare(documents.map((text) => (typeof text === 'string' ? text.replace('"HOST"', `"${scene.fake.host}"`) : text)));
    expect(await gate.ask(scene.byTag)).toBe(expected);
  });

  it.each<[string, readonly string[], string]>([
    ['a Verifier that is broken', [slip('NamespacedVerifier', 'team')], 'misconfigured NO_VERIFIER'],
    ['a Store that is broken', [slip('NamespacedStore', 'team')], 'misconfigured NO_STORE'],
    ['a Policy that is broken', [slip('NamespacedPolicy', 'team')], 'misconfigured CONFIG_INVALID'],
    [
      'a Verifier for no artifact types',
      [
        verifierWith({}, {}, { artifactTypes: ',' }).replace(
          '"Verifier","metadata":{',
          '"NamespacedVerifier","metadata":{"namespace":"team",',
        ),
      ],
      'misconfigured NO_VERIFIER',
    ],
    [
      'a Verifier that names the keys of another namespace',
      [
        object('NamespacedKeyManagementProvider', 'other/roots', {
          type: 'inline',
          parameters: { contentType: 'certificate', value: root.pem },
        }),
        verifierWith({}, { verificationCertStores: { ca: { acme: ['other/roots'] } } }).replace(
          '"Verifier","metadata":{',
          '"NamespacedVerifier","metadata":{"namespace":"team",',
        ),
      ],
      'misconfigured KEY_PROVIDER_MISSING',
    ],
  ])('does not let a namespace fall back to the cluster’s for %s of its own', async (_case, more, expected) => {
    await gate.declare([...DECLARED, ...more]);
    expect(await gate.ask(`[team]${scene.byTag}`)).toBe(expected);
    expect(await gate.ask(`[other]${scene.byTag}`)).toBe('accepted VERIFIED');
  });

  it('refuses an image without signatures at level skip, and says of one with some that they were not read', async () => {
    const skip = { signatureVerification: { level: 'skip' }, trustStores: undefined, trustedIdentities: undefined };
    await gate.declare(withVerifier(skip));
    expect(await gate.ask(scene.byTag.replace(scene.tag, 'unsigned'))).toBe('refused NO_SIGNATURES');
    expect(await gate.ask(scene.byTag)).toBe('accepted SKIPPED');
  });

  it('A-S-47: counts a signature of one signer for itself alone, under any and under all', async () => {
    const other = pki.root().leaf();
    const image = scene.fake.pushImage({ name: 'two', tag: 'two' });
    for (const signer of [other, leaf]) scene.fake.pushSignature({ subject: image, envelope: signJws({ signer, subject: image }) });
    const key = `${scene.fake.host}/team/app@${image.digest}`;
    await gate.declare(DECLARED);
    expect(await gate.ask(key)).toBe('accepted VERIFIED');
    await gate.declare(withPolicy({ [SIGNATURE]: 'all' }));
    expect(await gate.ask(key)).toBe('refused SIGNER_UNTRUSTED');
  });
});
