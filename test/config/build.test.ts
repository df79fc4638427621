import { describe, expect, it } from '@jest/globals';
import { type Build, buildSnapshot } from '../../src/config/build.ts';
import { loadFiles } from '../../src/config/files.ts';
import type { Engine } from '../../src/engine/types.ts';
import { answers, certificateStore, deps, folder, keys, object, policy, referrerRules, smallKinds, store, verifier } from './world.ts';

async function build(...objects: readonly string[]): Promise<Build> {
  const { resources } = await loadFiles(await folder({ 'all.yaml': objects.join('') }));
  return buildSnapshot(resources, smallKinds, deps);
}

const names = (engine: Engine) =>
  referrerRules(engine)
    .flatMap((rule) => rule.verifiers.map(({ name }) => name))
    .join(' ');
const BASE = [store('shelf'), verifier('cluster')];
const BROKEN = object('NamespacedVerifier', 'team/broken', { name: 'echo', artifactTypes: 'a/b', parameters: { mood: 'bad' } });

describe('a view', () => {
  it.each<[string, readonly string[], string | undefined, string]>([
    ['the cluster for a key without a namespace', [verifier('team/own')], undefined, 'cluster'],
    ['the cluster for a namespace that declares nothing', [verifier('team/own')], 'other', 'cluster'],
    ['the cluster for a namespace with only a Store of its own', [store('team/own')], 'team', 'cluster'],
    ['its own verifiers and no other', [verifier('team/own'), verifier('team/also')], 'team', 'also own'],
    ['its own good verifiers beside a broken one', [verifier('team/own'), BROKEN], 'team', 'own'],
    ['the cluster for a namespace whose name begins alike', [verifier('team/own')], 'team-a', 'cluster'],
    ['the cluster for a namespace named like a member of every object', [verifier('team/own')], '__proto__', 'cluster'],
    ['the cluster for the empty namespace', [verifier('team/own')], '', 'cluster'],
  ])('is %s', async (_case, objects, namespace, expected) => {
    const { snapshot } = await build(...BASE, ...objects);
    expect(names(snapshot.for(namespace))).toBe(expected);
  });

  it.each<[string, readonly string[], string | undefined, string, RegExp]>([
    ['no Store', [verifier('cluster')], undefined, 'NO_STORE', /^no Store is declared/],
    ['no Verifier', [store('shelf')], undefined, 'NO_VERIFIER', /^no Verifier is declared/],
    ['nothing at all', [], 'team', 'NO_STORE', /^no Store is declared/],
    [
      'a namespace whose only verifier is invalid',
      [...BASE, BROKEN],
      'team',
      'NO_VERIFIER',
      /NamespacedVerifier team\/broken: spec\.parameters\.mood: expected a good mood/,
    ],
    [
      'a namespace whose only store is of an unknown type',
      [...BASE, object('NamespacedStore', 'team/odd', { name: 'odd' })],
      'team',
      'NO_STORE',
      /NamespacedStore team\/odd: spec\.name: unknown store "odd"; expected shelf/,
    ],
    [
      'a namespace whose policy has another name',
      [...BASE, policy('team/mine')],
      'team',
      'CONFIG_INVALID',
      /NamespacedPolicy team\/mine: metadata\.name: metadata\.name must be ratify-policy/,
    ],
    [
      'a cluster whose policy is of an unknown type',
      [...BASE, object('Policy', 'ratify-policy', { type: 'rego-policy', parameters: {} })],
      undefined,
      'CONFIG_INVALID',
      /unknown policy "rego-policy"; expected config-policy/,
    ],
    ['a namespace with a Verifier whose document has a slip', [...BASE, slip('team')], 'team', 'NO_VERIFIER', /cannot be read/],
  ])('is misconfigured with %s', async (_case, objects, namespace, code, message) => {
    const { snapshot } = await build(...objects);
    const engine = snapshot.for(namespace);
    expect(engine.misconfigured?.code).toBe(code);
    expect(engine.misconfigured?.message).toMatch(message);
    expect(engine.rules).toEqual([]);
  });

  it('does not make another namespace misconfigured', async () => {
    const { snapshot, usable } = await build(...BASE, BROKEN);
    expect([snapshot.for('other').misconfigured, usable]).toEqual([undefined, true]);
  });

  it('is not usable when nothing can be decided for anybody', async () => {
    expect((await build(store('shelf'))).usable).toBe(false);
  });

  it.each([['config-policy'], ['configpolicy'], ['ConfigPolicy'], ['CONFIG-POLICY']])('takes the policy type %s', async (type) => {
    const { snapshot, diagnostics } = await build(...BASE, object('Policy', 'ratify-policy', { type, parameters: {} }));
    expect([diagnostics, snapshot.for(undefined).rules[0]?.name]).toEqual([[], 'ratify-policy']);
  });

  it('is config-policy with its defaults where no Policy is declared', async () => {
    const { snapshot } = await build(...BASE);
    expect(snapshot.for(undefined).rules[0]).toMatchObject({ name: 'default', enforcer: { type: 'config-policy' } });
  });
});

function slip(namespace: string): string {
  return `---\napiVersion: config.ratify.deislabs.io/v1beta1\nkind: NamespacedVerifier\nmetadata: {name: own, namespace: ${namespace}}\nspec:\n  name: "unclosed\n`;
}

const own = (name: string, ...named: readonly string[]) => verifier(name, { keys: named });

describe('the name of a key provider', () => {
  it.each<[string, readonly string[], string | undefined, string]>([
    ['is the cluster KeyManagementProvider', [own('v', 'k'), keys('k')], undefined, 'k'],
    ['is the cluster KeyManagementProvider for every namespace', [own('v', 'k'), keys('k')], 'team', 'k'],
    ['is the CertificateStore in our own namespace', [own('v', 'k'), certificateStore('k', 'old')], undefined, 'old'],
    ['is the CertificateStore in our own namespace, whatever namespace asks', [own('v', 'k'), certificateStore('k', 'old')], 'team', 'old'],
    [
      'is the CertificateStore that says it is in our own namespace',
      [own('v', 'k'), certificateStore('gatekeeper-system/k', 'old')],
      'a',
      'old',
    ],
    ['prefers the KeyManagementProvider', [own('v', 'k'), keys('k', 'new'), certificateStore('k', 'old')], undefined, 'new'],
    [
      'takes the CertificateStore where the KeyManagementProvider has no certificates',
      [own('v', 'k'), keys('k', ''), certificateStore('k', 'old')],
      undefined,
      'old',
    ],
    ['is of the namespace that asks', [own('v', 'team/k'), keys('team/k', 'theirs')], 'team', 'theirs'],
    ['is a CertificateStore of the namespace that asks', [own('v', 'team/k'), certificateStore('team/k', 'theirs')], 'team', 'theirs'],
    [
      'is any CertificateStore for a key without a namespace',
      [own('v', 'team/k'), certificateStore('team/k', 'theirs')],
      undefined,
      'theirs',
    ],
    ['is the cluster KeyManagementProvider in a NamespacedVerifier', [own('team/v', 'k'), keys('k')], 'team', 'k'],
    ['is of its namespace in a NamespacedVerifier', [own('team/v', 'team/k'), keys('team/k', 'theirs')], 'team', 'theirs'],
  ])('%s', async (_case, objects, namespace, expected) => {
    const { snapshot } = await build(store('shelf'), ...objects);
    expect(await answers(snapshot.for(namespace))).toEqual({ v: expected });
  });

  const FORBIDDEN = 'misconfigured KEY_PROVIDER_MISSING: key provider team/k may be used from namespace team only; asked from';
  it.each<[string, readonly string[], string | undefined, string]>([
    ['leads nowhere', [own('v', 'k')], undefined, 'misconfigured KEY_PROVIDER_MISSING: key provider k is not there; declare'],
    [
      'is not a CertificateStore of the namespace that asks',
      [own('v', 'k'), certificateStore('team/k')],
      'team',
      'misconfigured KEY_PROVIDER_MISSING: key provider k is not there',
    ],
    [
      'is not a NamespacedKeyManagementProvider',
      [own('v', 'k'), keys('team/k')],
      'team',
      'misconfigured KEY_PROVIDER_MISSING: key provider k is not there',
    ],
    [
      'of a namespace is not for another',
      [own('v', 'team/k'), keys('team/k'), verifier('other/x')],
      'elsewhere',
      `${FORBIDDEN} another namespace`,
    ],
    [
      'of a namespace is not for another that has a view',
      [own('v', 'team/k'), keys('team/k'), store('other/x')],
      'other',
      `${FORBIDDEN} namespace other`,
    ],
    ['of a namespace is not for a key without one', [own('v', 'team/k'), keys('team/k')], undefined, `${FORBIDDEN} no namespace`],
    [
      'of a namespace is not for a NamespacedVerifier of another',
      [own('other/v', 'team/k'), keys('team/k')],
      'other',
      `${FORBIDDEN} namespace other`,
    ],
    [
      'does not reach a CertificateStore from a NamespacedVerifier',
      [own('team/v', 'k'), certificateStore('k')],
      'team',
      'misconfigured KEY_PROVIDER_MISSING: key provider k is not there',
    ],
    [
      'with two slashes leads nowhere',
      [own('v', 'team/k/x'), keys('team/k')],
      'team',
      'misconfigured KEY_PROVIDER_MISSING: key provider team/k/x is not there',
    ],
    [
      'of an invalid provider is not passed over for a CertificateStore',
      [own('v', 'k'), object('KeyManagementProvider', 'k', { type: 'vault', parameters: {} }), certificateStore('k')],
      undefined,
      'misconfigured KEY_PROVIDER_MISSING: KeyManagementProvider k of the cluster cannot be used: unknown key provider "vault"; expected words',
    ],
  ])('%s', async (_case, objects, namespace, expected) => {
    const { snapshot } = await build(store('shelf'), ...objects);
    expect((await answers(snapshot.for(namespace))).v).toContain(expected);
  });

  it('that leads nowhere is told with the line where it is written', async () => {
    const { diagnostics } = await build(store('shelf'), own('v', 'k'));
    expect(diagnostics).toEqual([
      expect.objectContaining({
        severity: 'error',
        line: 4,
        path: 'spec.parameters.keys[0]',
        code: 'KEY_PROVIDER_MISSING',
        object: 'Verifier v',
      }),
    ]);
  });
});

describe('the revision of a view', () => {
  const OBJECTS = [store('shelf'), own('v', 'k'), keys('k'), verifier('team/own'), own('other/own', 'other/k'), keys('other/k')];
  const revisions = async (...objects: readonly string[]) => {
    const { snapshot } = await build(...objects);
    return [undefined, 'nobody', 'team', 'other'].map((namespace) => snapshot.for(namespace).revision);
  };

  it.each<[string, readonly string[], readonly boolean[]]>([
    ['nothing', OBJECTS, [false, false, false, false]],
    ['the order of the objects', OBJECTS.toReversed(), [false, false, false, false]],
    ['a verifier of the cluster', [...OBJECTS, verifier('more')], [true, true, false, false]],
    ['a verifier of one namespace', [...OBJECTS, verifier('team/more')], [false, false, true, false]],
    ['a namespace that is new', [...OBJECTS, verifier('new/own')], [false, false, false, false]],
    ['key material of the cluster', OBJECTS.map((text) => text.replace('"material":"k"', '"material":"K"')), [true, true, false, false]],
    ['key material of one namespace', OBJECTS.map((text) => text.replace('other/k"}', 'other/K"}')), [false, false, false, true]],
    ['a key provider that nobody names', [...OBJECTS, keys('unused')], [false, false, false, false]],
    ['the policy of the cluster', [...OBJECTS, policy('ratify-policy')], [true, true, true, true]],
    [
      'the store of the cluster',
      OBJECTS.map((text) => text.replace('"parameters":{}}}\n', '"parameters":{},"version":"1"}}\n')),
      [true, true, true, true],
    ],
  ])('with a change of %s changes for those who see it', async (_case, objects, changed) => {
    const before = await revisions(...OBJECTS);
    const after = await revisions(...objects);
    expect(after.map((revision, index) => revision !== before[index])).toEqual(changed);
  });

  it('is shared with the engine by namespaces that declare nothing', async () => {
    const { snapshot } = await build(...OBJECTS);
    expect(snapshot.for('nobody')).toBe(snapshot.for('somebody'));
  });
});

describe('what stores remember', () => {
  it('is kept apart for sets of stores that differ, and together for the same', async () => {
    const kindsAsked: string[] = [];
    const kinds = {
      ...smallKinds,
      combineStores: (_stores: readonly unknown[], facts: typeof deps.facts) => {
        void facts.remember('tag', 'k', deps.signal, async () => ({ value: 1, bytes: 1 }));
        return { ...smallKinds.combineStores([], facts, 0) };
      },
    };
    const facts = {
      remember: async <T>(kind: string, _key: string, signal: AbortSignal, load: (signal: AbortSignal) => Promise<{ value: T }>) => {
        kindsAsked.push(kind);
        return (await load(signal)).value;
      },
    };
    const { resources } = await loadFiles(await folder({ 'all.yaml': [...BASE, store('team/own'), verifier('other/own')].join('') }));
    await buildSnapshot(resources, kinds, { ...deps, facts });
    expect(kindsAsked).toHaveLength(4);
    expect(new Set(kindsAsked).size).toBe(2);
  });
});
