import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Engines } from '../../src/config/engines.ts';
import { type Loaded, loadFiles } from '../../src/config/files.ts';
import { answers, deps, folder, keys, line, object, referrerRules, smallKinds, store, verifier } from './world.ts';

/** Writes each state of the files, applies it, and gives the verifiers of the cluster or the namespace after each. */
async function through(namespace: string | undefined, ...states: readonly Readonly<Record<string, string>>[]): Promise<readonly string[]> {
  const path = await folder({});
  const engines = new Engines(smallKinds, deps);
  const seen: string[] = [];
  for (const state of states) {
    for (const [name, text] of Object.entries(state)) await writeFile(join(path, name), text);
    await engines.apply(await loadFiles(path));
    const engine = engines.current().for(namespace);
    seen.push(
      engine.misconfigured?.code ??
        Object.entries(await answers(engine))
          .map((entry) => entry.join('='))
          .join(' '),
    );
  }
  return seen;
}

const GOOD = verifier('v', { keys: ['one'] });
const BASE = [store('shelf'), keys('one'), keys('two')].join('');
const BROKEN = verifier('v', { mood: 'bad' });
const SLIP = '---\napiVersion: config.ratify.deislabs.io/v1beta1\nkind: Verifier\nmetadata: { name: v }\nspec: [\n';
const NAMELESS = object('Verifier', '', { name: 'echo', artifactTypes: 'a/b' });

describe('the engines', () => {
  it('decide nothing before something is declared', () => {
    const engines = new Engines(smallKinds, deps);
    expect([engines.current().for('team').misconfigured?.code, engines.usable()]).toEqual(['NO_VERIFIER', false]);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['keep an object that an edit made invalid', [BASE + GOOD, BASE + BROKEN], ['v=one', 'v=one']],
    ['keep an object through two bad edits', [BASE + GOOD, BASE + BROKEN, BASE + SLIP], ['v=one', 'v=one', 'v=one']],
    ['take the mended object', [BASE + GOOD, BASE + BROKEN, BASE + verifier('v', { keys: ['two'] })], ['v=one', 'v=one', 'v=two']],
    ['let a deleted object go', [BASE + GOOD, BASE], ['v=one', 'NO_VERIFIER']],
    ['let an object go that is deleted after it was broken', [BASE + GOOD, BASE + BROKEN, BASE], ['v=one', 'v=one', 'NO_VERIFIER']],
    ['do not bring back what was deleted', [BASE + GOOD, BASE, BASE + BROKEN], ['v=one', 'NO_VERIFIER', 'NO_VERIFIER']],
    ['count an object that never was good as absent', [BASE + BROKEN, BASE + BROKEN], ['NO_VERIFIER', 'NO_VERIFIER']],
    ['keep an object whose document is not YAML any more', [BASE + GOOD, BASE + SLIP], ['v=one', 'v=one']],
    ['keep an object that lost its name', [BASE + GOOD, BASE + NAMELESS], ['v=one', 'v=one']],
    [
      'keep an object whose file is not UTF-8 any more',
      [BASE + GOOD, `${BASE}${GOOD}\ud800`.replace('\ud800', '---\n\u0000')],
      ['v=one', 'v=one'],
    ],
    ['apply other objects beside a broken one', [BASE + GOOD, BASE + BROKEN + verifier('w', { keys: ['two'] })], ['v=one', 'v=one w=two']],
    ['delete other objects beside a broken one', [BASE + verifier('w', { keys: ['two'] }) + GOOD, BASE + BROKEN], ['v=one w=two', 'v=one']],
    [
      'keep key material that an edit made invalid',
      [BASE + GOOD, BASE.replace('"material":"one"', '"material":1') + GOOD],
      ['v=one', 'v=one'],
    ],
    [
      'let deleted key material go',
      [BASE + GOOD, BASE.replace(keys('one'), '') + GOOD],
      ['v=one', expect.stringContaining('KEY_PROVIDER_MISSING') as unknown as string],
    ],
  ])('%s', async (_case, states, expected) => {
    expect(await through(undefined, ...states.map((text) => ({ 'all.yaml': text })))).toEqual(expected);
  });

  it('keep what another file declares when one is broken, and let it go when its own file says so', async () => {
    const states = [
      { 'a.yaml': BASE, 'b.yaml': GOOD, 'c.yaml': verifier('w') },
      { 'b.yaml': SLIP, 'c.yaml': '' },
    ];
    expect(await through(undefined, ...states)).toEqual(['v=one w=', 'v=one']);
  });

  it('keep a namespace on its own broken verifier, not on the cluster', async () => {
    const states = [
      BASE + verifier('team/v', { keys: ['two'] }) + verifier('c'),
      BASE + verifier('team/v', { mood: 'bad' }) + verifier('c'),
    ];
    expect(await through('team', ...states.map((text) => ({ 'all.yaml': text })))).toEqual(['v=two', 'v=two']);
  });

  it('tell that the last good object stays, beside what is wrong', async () => {
    const path = await folder({ 'all.yaml': BASE + GOOD });
    const engines = new Engines(smallKinds, deps);
    await engines.apply(await loadFiles(path));
    await writeFile(join(path, 'all.yaml'), BASE + BROKEN);
    const { diagnostics } = await engines.apply(await loadFiles(path));
    expect(diagnostics.map(line)).toEqual([
      'error all.yaml:8 spec.parameters.mood TRUST_POLICY_INVALID: expected a good mood',
      'note all.yaml:8  LAST_GOOD: stays in force as it last was good, until it is mended or deleted',
    ]);
  });

  it('apply changes in the order in which they were handed in', async () => {
    const engines = new Engines(smallKinds, deps);
    const states = [GOOD, verifier('v', { keys: ['two'] }), verifier('w', { keys: ['two'] })];
    const loaded = await Promise.all(states.map(async (text) => loadFiles(await folder({ 'all.yaml': BASE + text }))));
    await Promise.all(loaded.map((one) => engines.apply(one)));
    expect(await answers(engines.current().for(undefined))).toEqual({ w: 'two' });
  });

  it('use a Store again that did not change, so that its connections and tokens stay', async () => {
    const engines = new Engines(smallKinds, deps);
    const first = await engines.apply(await loadFiles(await folder({ 'all.yaml': BASE + GOOD })));
    const second = await engines.apply(await loadFiles(await folder({ 'all.yaml': BASE + verifier('w') })));
    const third = await engines.apply(
      await loadFiles(await folder({ 'all.yaml': (BASE + verifier('w')).replace('"parameters":{}', '"parameters":{"registry":"r"}') })),
    );
    const [a, b, c] = [first, second, third].map(({ snapshot }) => snapshot.for(undefined).store);
    expect([a === b, b === c]).toEqual([true, false]);
  });

  describe('over objects that did not change', () => {
    const loaded = async (text: string) => loadFiles(await folder({ 'all.yaml': text }));
    const replacing = async (before: Loaded, name: string, text: string): Promise<Loaded> => {
      const after = (await loaded(text)).resources.declared;
      const kept = before.resources.declared.filter((declared) => declared.name !== name);
      return { ...before, resources: { ...before.resources, declared: [...kept, ...after] } };
    };
    const one = (engines: Engines, name: string, namespace?: string) =>
      referrerRules(engines.current().for(namespace))
        .flatMap(({ verifiers }) => verifiers)
        .find((found) => found.name === name);

    it('make nothing again', async () => {
      const engines = new Engines(smallKinds, deps);
      const first = await loaded(BASE + GOOD + verifier('team/w', { keys: ['two'] }));
      await engines.apply(first);
      const before = [one(engines, 'v'), one(engines, 'w', 'team')];
      await engines.apply(await replacing(first, 'none', keys('three')));
      expect([one(engines, 'v'), one(engines, 'w', 'team')]).toEqual(before);
      expect(one(engines, 'v')).toBe(before[0]);
    });

    it('make a verifier again whose key provider is another, or gone, and no other', async () => {
      const engines = new Engines(smallKinds, deps);
      const first = await loaded(BASE + GOOD + verifier('w', { keys: ['two'] }));
      await engines.apply(first);
      const [v, w] = [one(engines, 'v'), one(engines, 'w')];
      const second = await replacing(first, 'one', keys('one', 'new'));
      await engines.apply(second);
      expect(await answers(engines.current().for(undefined))).toEqual({ v: 'new', w: 'two' });
      expect([one(engines, 'v') === v, one(engines, 'w') === w]).toEqual([false, true]);
      await engines.apply(await replacing(second, 'one', ''));
      expect(await answers(engines.current().for(undefined))).toMatchObject({ v: expect.stringContaining('KEY_PROVIDER_MISSING') });
      await engines.apply(first);
      expect(await answers(engines.current().for(undefined))).toEqual({ v: 'one', w: 'two' });
    });

    it('say again what is wrong with them', async () => {
      const engines = new Engines(smallKinds, deps);
      const first = await loaded(store('shelf') + verifier('v', { keys: ['none'] }) + verifier('w', { mood: 'bad' }));
      const said = (await engines.apply(first)).diagnostics.map(line);
      expect(said).toHaveLength(2);
      expect((await engines.apply(first)).diagnostics.map(line)).toEqual(said);
    });
  });

  it('tell what became of each object', async () => {
    const engines = new Engines(smallKinds, deps);
    await engines.apply(await loadFiles(await folder({ 'all.yaml': BASE + GOOD })));
    const { objects } = await engines.apply(await loadFiles(await folder({ 'all.yaml': BASE + BROKEN + verifier('w', { mood: 'bad' }) })));
    expect(objects.map(({ declared, inForce, diagnostics }) => [declared.name, inForce, diagnostics.length])).toEqual([
      ['shelf', 'this', 0],
      ['one', 'this', 0],
      ['two', 'this', 0],
      ['v', 'lastGood', 1],
      ['w', 'nothing', 1],
    ]);
  });

  it('stay as they are when a rebuild is aborted', async () => {
    const abort = new AbortController();
    const engines = new Engines(
      {
        ...smallKinds,
        combineStores: () => {
          abort.signal.throwIfAborted();
          return smallKinds.combineStores([], deps.facts, 0);
        },
      },
      deps,
    );
    await engines.apply(await loadFiles(await folder({ 'all.yaml': BASE + GOOD })));
    const before = engines.current();
    abort.abort();
    await expect(engines.apply(await loadFiles(await folder({ 'all.yaml': BASE })))).rejects.toThrow('aborted');
    expect(engines.current()).toBe(before);
  });
});
