import { describe, expect, it } from '@jest/globals';
import { type Build, buildSnapshot } from '../../src/config/build.ts';
import { loadFiles } from '../../src/config/files.ts';
import { kinds } from '../../src/config/kinds.ts';
import type { ClusterReader, Engine } from '../../src/engine/types.ts';
import { clusterOf, secretOf } from '../keys/world.ts';
import { pki } from '../pki.ts';
import { answers, deps, folder, keys, line, object, policy, referrerRules, smallKinds, store, verifier } from './world.ts';

async function build(floor: boolean, ...objects: readonly string[]): Promise<Build> {
  const { resources } = await loadFiles(await folder({ 'all.yaml': objects.join('') }));
  return buildSnapshot(resources, smallKinds, { ...deps, floor });
}

const rules = (engine: Engine) => referrerRules(engine).map(({ name, verifiers }) => `${name}: ${verifiers.map((one) => one.name)}`);
const CLUSTER = [store('shelf'), keys('root'), verifier('cluster', { keys: ['root'] })];

describe('the floor', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['a Verifier of its own', [verifier('team/own')], ['default: own', 'cluster default: cluster']],
    ['a Policy of its own', [policy('team/ratify-policy')], ['ratify-policy: cluster', 'cluster default: cluster']],
    ['a Store of its own', [store('team/own')], ['default: cluster', 'cluster default: cluster']],
    ['keys of its own alone', [keys('team/own')], ['default: cluster']],
    ['nothing', [], ['default: cluster']],
  ])('A-T-01 adds what the cluster asks to a namespace with %s', async (_case, objects, expected) => {
    const { snapshot } = await build(true, ...CLUSTER, ...objects);
    expect(rules(snapshot.for('team'))).toEqual(expected);
  });

  it('is off by default: a namespace with a Verifier of its own has no other', async () => {
    const { snapshot } = await build(false, ...CLUSTER, verifier('team/own'));
    expect(rules(snapshot.for('team'))).toEqual(['default: own']);
  });

  it('reads with the Stores of the cluster what the cluster asks, so that a namespace can hide nothing', async () => {
    const { snapshot } = await build(true, ...CLUSTER, store('team/own', { registry: 'r' }));
    const [own, floor] = referrerRules(snapshot.for('team'));
    expect(own?.store).toBeUndefined();
    expect(floor?.store).toBe(snapshot.for(undefined).store);
    expect(snapshot.for('team').store).not.toBe(floor?.store);
  });

  it('leaves keys without a namespace and other namespaces as they are', async () => {
    const { snapshot } = await build(true, ...CLUSTER, verifier('team/own'));
    for (const namespace of [undefined, 'other']) expect(rules(snapshot.for(namespace))).toEqual(['default: cluster']);
  });

  it('makes a namespace misconfigured where the cluster declares nothing that decides', async () => {
    const { snapshot } = await build(true, store('team/s'), verifier('team/own'));
    expect(snapshot.for('team').misconfigured).toEqual({
      code: 'NO_STORE',
      message: 'tenancy.floor is on, and of the cluster: no Store is declared; declare one in the namespace or for the cluster',
    });
  });

  it("lets a Verifier of the cluster use the namespace's keys where it names them, as without a floor", async () => {
    const cluster = verifier('cluster', { keys: ['team/own'] });
    const { snapshot } = await build(true, store('shelf'), cluster, keys('team/own', 'word'), verifier('team/own'));
    expect(await answers(snapshot.for('team'))).toMatchObject({ cluster: 'word' });
  });

  it("changes the revision of the namespaces that it holds for when the cluster's objects change, and of no other", async () => {
    const objects = [...CLUSTER, verifier('team/own'), store('lone/s'), verifier('lone/v')];
    const before = (await build(false, ...objects)).snapshot;
    const withFloor = (await build(true, ...objects)).snapshot;
    const changed = (await build(true, ...objects, verifier('more'))).snapshot;
    expect(withFloor.for('team').revision).not.toBe(before.for('team').revision);
    expect(changed.for('team').revision).not.toBe(withFloor.for('team').revision);
    expect(withFloor.for('other').revision).toBe(before.for('other').revision);
  });
});

describe('a tenant', () => {
  const PEM = pki.root().pem;
  const SECRETS = { 'team-b/roots': secretOf({ 'ca.crt': PEM }), 'team-a/roots': secretOf({ 'ca.crt': PEM }) };
  const provider = (qualified: string, type: string, parameters: unknown) =>
    object('NamespacedKeyManagementProvider', qualified, { type, parameters });
  const tenantStore = (parameters: unknown) => object('NamespacedStore', 'team-a/s', { name: 'oras', parameters });
  const told = async (text: string, cluster: ClusterReader = clusterOf(SECRETS)) => {
    const { resources } = await loadFiles(await folder({ 'c.yaml': text }));
    const built = await buildSnapshot(resources, kinds, { ...deps, cluster });
    return { told: built.diagnostics.map(line), applied: built.applied.map(({ name }) => name), snapshot: built.snapshot };
  };

  it.each<[string, string, string]>([
    [
      "A-T-03 another namespace's Secret for keys",
      provider('team-a/k', 'secret', { name: 'roots', namespace: 'team-b' }),
      'error c.yaml:2 spec.parameters.namespace CONFIG_INVALID: expected a Secret of namespace team-a, where the object is; found "team-b"',
    ],
    [
      'A-T-03 a file of the provider for keys',
      provider('team-a/k', 'file', { path: '/var/run/secrets/kubernetes.io/serviceaccount/token' }),
      'error c.yaml:2 spec.type CONFIG_INVALID: files may be named by objects of the cluster only; expected inline or secret',
    ],
    [
      'A-T-03 a file of the provider in the older spelling',
      object('CertificateStore', 'team-a/k', { provider: 'file', parameters: { path: '/etc/passwd' } }),
      'error c.yaml:2 spec.type CONFIG_INVALID: files may be named by objects of the cluster only; expected inline or secret',
    ],
    [
      "A-T-03 another namespace's pull secret",
      tenantStore({ authProvider: { name: 'k8Secrets', secrets: [{ secretName: 'p', namespace: 'team-b' }] } }),
      'error c.yaml:2 spec.parameters.authProvider.secrets[0].namespace CONFIG_INVALID: expected a Secret of namespace team-a, where the Store is; found "team-b"',
    ],
    [
      "A-T-03 a credentials file of the provider's",
      tenantStore({ authProvider: { name: 'dockerConfig', configPath: '/home/other/config.json' } }),
      'error c.yaml:2 spec.parameters.authProvider.configPath CONFIG_INVALID: files may be named by objects of the cluster only; expected k8Secrets with Secrets of the namespace',
    ],
  ])('cannot name %s', async (_case, text, expected) => {
    const found = await told(text);
    expect([found.told.filter((one) => !one.startsWith('note')), found.applied]).toEqual([[expected], []]);
  });

  it('can name the Secrets of its namespace', async () => {
    const found = await told(provider('team-a/k', 'secret', { name: 'roots' }));
    expect([found.told, found.applied]).toEqual([[], ['k']]);
  });

  it('in our own namespace is the operator, whose objects name what they like', async () => {
    const found = await told(provider('gatekeeper-system/k', 'secret', { name: 'roots', namespace: 'team-b' }));
    expect([found.told, found.applied]).toEqual([[], ['k']]);
  });

  it("cannot use another namespace's keys", async () => {
    const other = provider('team-b/k', 'inline', { contentType: 'certificate', value: PEM });
    const text = other + object('NamespacedVerifier', 'team-a/v', notation('team-b/k'));
    const found = await told(text);
    expect(found.told).toEqual([
      'error c.yaml:4 spec.parameters.verificationCertStores.ca.s[0] KEY_PROVIDER_MISSING: key provider team-b/k may be used from namespace team-b only; asked from namespace team-a',
    ]);
  });

  it.each<[string, string]>([
    ['A-T-23 members that every object has', '{"__proto__":{"type":"inline"},"constructor":{"prototype":{}}}'],
    ['A-T-23 a text of more than a MiB', JSON.stringify({ contentType: 'certificate', value: 'x'.repeat(1024 * 1024 + 1) })],
    ['A-T-25 more than a thousand certificates', JSON.stringify({ contentType: 'certificate', value: PEM.repeat(1001) })],
    ['A-T-25 text after the last certificate', JSON.stringify({ contentType: 'certificate', value: `${PEM}junk` })],
  ])('is told what is wrong with %s, and nobody else is touched', async (_case, parameters) => {
    const text = `---\n{"apiVersion":"config.ratify.deislabs.io/v1beta1","kind":"NamespacedKeyManagementProvider","metadata":{"name":"k","namespace":"team-a"},"spec":{"type":"inline","parameters":${parameters}}}\n`;
    const found = await told(text + provider('team-b/k', 'inline', { contentType: 'certificate', value: PEM }));
    expect(found.applied).toEqual(['k']);
    expect(found.told.some((one) => one.startsWith('error'))).toBe(true);
  });

  it.each<[string, (text: string) => string]>([
    ['a scope', (text) => text.replace('"*"', JSON.stringify('a-'.repeat(50_000)))],
    ['a scope with a registry', (text) => text.replace('"*"', JSON.stringify(`r.io/${'a/'.repeat(50_000)}!`))],
    ['an identity', (text) => text.replace(/(trustedIdentities.*)"\*"/, `$1${JSON.stringify(`x509.subject: ${'CN=a+'.repeat(20_000)}`)}`)],
    ['a list of artifact types', (text) => text.replace(/(artifactTypes":)"[^"]*"/, `$1${JSON.stringify('a ,'.repeat(50_000))}`)],
  ])('A-T-24 takes no time with %s that is made to take it', async (_case, bend) => {
    const own = object('NamespacedKeyManagementProvider', 'team-a/k', {
      type: 'inline',
      parameters: { contentType: 'certificate', value: PEM },
    });
    const good = object('NamespacedVerifier', 'team-a/v', notation('team-a/k'));
    const bent = bend(good);
    expect(bent.length).toBeGreaterThan(good.length + 50_000);
    const startedAt = performance.now();
    await told(own + bent);
    expect(performance.now() - startedAt).toBeLessThan(3000);
  });

  it('A-T-27 that deletes its Policy has the one of the cluster, never none', async () => {
    const objects = [store('shelf'), verifier('cluster'), policy('ratify-policy')];
    const withOwn = await build(false, ...objects, policy('team/ratify-policy', { artifactVerificationPolicies: { default: 'any' } }));
    const without = await build(false, ...objects);
    expect(referrerRules(withOwn.snapshot.for('team'))[0]?.enforcer).not.toBe(referrerRules(without.snapshot.for('team'))[0]?.enforcer);
    expect(rules(without.snapshot.for('team'))).toEqual(['ratify-policy: cluster']);
  });

  it('A-T-28 does not collide with another whose namespace and name read the same together', async () => {
    const found = await told(
      ['a/b-c', 'a-b/c'].map((name) => provider(name, 'inline', { contentType: 'certificate', value: PEM })).join('') +
        object('NamespacedVerifier', 'a/v', notation('a/b-c')) +
        object('NamespacedVerifier', 'a-b/v', notation('a/b-c')),
    );
    expect(found.told).toEqual([expect.stringContaining('may be used from namespace a only; asked from namespace a-b')]);
  });
});

function notation(key: string): unknown {
  return {
    name: 'notation',
    artifactTypes: 'application/vnd.cncf.notary.signature',
    parameters: {
      verificationCertStores: { ca: { s: [key] } },
      trustPolicyDoc: {
        version: '1.0',
        trustPolicies: [
          {
            name: 'p',
            registryScopes: ['*'],
            signatureVerification: { level: 'strict' },
            trustStores: ['ca:s'],
            trustedIdentities: ['*'],
          },
        ],
      },
    },
  };
}

describe('rules of the cluster beside Stores of a namespace', () => {
  const policyObject = `---\n${JSON.stringify({ apiVersion: 'countersign.dev/v1alpha1', kind: 'ImageVerificationPolicy', metadata: { name: 'oke' }, spec: { keys: [] } })}\n`;
  const plain = (kind: string, name: string, metadata: object = {}) =>
    `---\n${JSON.stringify({ apiVersion: 'config.ratify.deislabs.io/v1beta1', kind, metadata: { name, ...metadata }, spec: { name: 'oras' } })}\n`;
  const built = async (yaml: string) => {
    const { resources } = await loadFiles(await folder({ 'all.yaml': yaml }));
    return (await buildSnapshot(resources, kinds, deps)).snapshot;
  };
  const storesOf = (snapshot: Build['snapshot'], namespace: string) => {
    const { store: own, rules: found } = snapshot.for(namespace);
    return found.map((rule) => (rule.store === undefined || rule.store === own ? 'its own' : 'the cluster'));
  };

  it('look images up where the cluster does', async () => {
    const snapshot = await built(policyObject + plain('Store', 's') + plain('NamespacedStore', 's', { namespace: 'team' }));
    expect([storesOf(snapshot, 'team'), storesOf(snapshot, 'other')]).toEqual([['the cluster'], ['its own']]);
  });

  it('are others when the cluster has another Store', async () => {
    const own = policyObject + plain('NamespacedStore', 's', { namespace: 'team' });
    const revisions = [own, own + plain('Store', 's'), own + plain('Store', 's') + plain('Store', 't')].map(async (yaml) => {
      return (await built(yaml)).for('team').revision;
    });
    expect(new Set(await Promise.all(revisions)).size).toBe(3);
  });
});
