import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadFiles } from '../../src/config/files.ts';
import { identity, objectName } from '../../src/config/resources.ts';
import { watchFiles } from '../../src/config/watch.ts';
import { folder, line, store, verifier } from './world.ts';

const load = async (files: Readonly<Record<string, string>>) => loadFiles(await folder(files));
const API = 'apiVersion: config.ratify.deislabs.io/v1beta1';
const STORE = `${API}\nkind: Store\nmetadata: { name: s }\nspec: { name: oras }\n`;

describe('the files of a configuration', () => {
  it.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
    ['documents of one file', { 'a.yaml': `${STORE}---\n${STORE.replace('name: s', 'name: t')}` }, ['Store s', 'Store t']],
    [
      'YAML and JSON files by name, and no others',
      { 'b.yml': store('b'), 'a.json': store('a').slice(4), 'c.txt': store('c'), 'd.yaml.bak': store('d') },
      ['Store a', 'Store b'],
    ],
    ['an empty file', { 'a.yaml': '' }, []],
    ['empty documents', { 'a.yaml': `---\n---\n# nothing\n---\n${STORE}---\n` }, ['Store s']],
    [
      'a Kubernetes List',
      {
        'a.yaml': `apiVersion: v1\nkind: List\nitems:\n- ${STORE.trim().replaceAll('\n', '\n  ')}\n- ${STORE.trim().replaceAll('\n', '\n  ').replace('name: s', 'name: t')}\n`,
      },
      ['Store s', 'Store t'],
    ],
    [
      'a list of one kind, as kubectl writes it',
      {
        'a.json': JSON.stringify({
          apiVersion: 'config.ratify.deislabs.io/v1beta1',
          kind: 'StoreList',
          items: [JSON.parse(store('s').slice(4))],
        }),
      },
      ['Store s'],
    ],
    [
      'a namespaced object without a namespace as our own',
      { 'a.yaml': STORE.replace('Store', 'CertificateStore') },
      ['CertificateStore gatekeeper-system/s'],
    ],
    ['anchors and aliases', { 'a.yaml': `${STORE.replace('{ name: s }', '&m { name: s }')}status: *m\n` }, ['Store s']],
    ['Windows line ends and a byte order mark', { 'a.yaml': `\ufeff${STORE.replaceAll('\n', '\r\n')}` }, ['Store s']],
  ])('may hold %s', async (_case, files, expected) => {
    const { resources, diagnostics } = await load(files);
    expect(resources.declared.map(objectName)).toEqual(expected);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(resources.brokenFiles.size).toBe(0);
  });

  it('may be one file', async () => {
    const { resources } = await loadFiles(join(await folder({ 'one.yaml': STORE, 'two.yaml': STORE }), 'one.yaml'));
    expect(resources.declared.map(objectName)).toEqual(['Store s']);
  });

  it('put namespaced objects into the namespace that is set as our own', async () => {
    const { resources } = await loadFiles(await folder({ 'a.yaml': STORE.replace('Store', 'NamespacedStore') }), { ownNamespace: 'ours' });
    expect(resources.declared.map(objectName)).toEqual(['NamespacedStore ours/s']);
  });

  it.each<[string, string, string]>([
    [
      'an unrelated kind',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: m }\n',
      'note a.yaml:2 kind UNRELATED_KIND: "ConfigMap" of "v1" is not a kind that is read here; ignored',
    ],
    [
      'the old version',
      STORE.replace('v1beta1', 'v1alpha1'),
      'note a.yaml:1 apiVersion CONFIG_HINT: v1alpha1 of the Store API has been deprecated; please migrate to v1beta1',
    ],
    [
      'a CertificateStore',
      STORE.replace('Store', 'CertificateStore'),
      'note a.yaml:2 kind CONFIG_HINT: CertificateStore is deprecated; KeyManagementProvider holds the same certificates',
    ],
    [
      'a namespace on a cluster kind',
      STORE.replace('name: s', 'name: s, namespace: n'),
      'warning a.yaml:3 metadata.namespace CONFIG_HINT: Store is for the whole cluster, its namespace has no effect; NamespacedStore is for one',
    ],
  ])('tell about %s', async (_case, text, expected) => {
    const { diagnostics } = await load({ 'a.yaml': text });
    expect(diagnostics.map(line)).toEqual([expected]);
  });

  it('apply the earlier of two objects of one identity, and name it at the later', async () => {
    const { resources, diagnostics } = await load({ 'a.yaml': STORE, 'b.yaml': `# later\n${STORE.replace('v1beta1', 'v1alpha1')}` });
    expect(resources.declared).toHaveLength(1);
    expect(diagnostics.map(line)).toContainEqual(
      expect.stringMatching(/^error b\.yaml:4 metadata\.name CONFIG_INVALID: declared twice: already at .*a\.yaml:3; ignored$/),
    );
  });

  it('keep objects of one name apart by kind and namespace', async () => {
    const { resources, diagnostics } = await load({ 'a.yaml': store('x') + store('a/x') + store('b/x') + verifier('x') });
    expect([new Set(resources.declared.map(identity)).size, diagnostics]).toEqual([4, []]);
  });

  it.each<[string, string, string, readonly string[]]>([
    [
      'a list for a document',
      '- a\n- b\n',
      'error a.yaml:1  CONFIG_INVALID: expected an object with apiVersion and kind, found a list',
      [],
    ],
    ['a text for a document', 'hello\n', 'error a.yaml:1  CONFIG_INVALID: expected an object with apiVersion and kind, found a string', []],
    ['no apiVersion', 'kind: Store\n', 'error a.yaml:1 apiVersion CONFIG_INVALID: expected a string, found nothing', []],
    ['a kind that is a number', `${API}\nkind: 7\n`, 'error a.yaml:2 kind CONFIG_INVALID: expected a string, found a number', []],
    [
      'a kind of ours with a slip',
      STORE.replace('Store', 'Sotre'),
      'error a.yaml:2 kind CONFIG_INVALID: unknown kind "Sotre" of config.ratify.deislabs.io; expected Store, NamespacedStore, Verifier, NamespacedVerifier, Policy, NamespacedPolicy, KeyManagementProvider, NamespacedKeyManagementProvider, CertificateStore',
      [],
    ],
    [
      'a version that is not ours',
      STORE.replace('v1beta1', 'v2'),
      'error a.yaml:1 apiVersion CONFIG_INVALID: unknown version "v2"; expected v1beta1 or v1alpha1',
      ['Store s'],
    ],
    [
      'no metadata',
      STORE.replace('metadata: { name: s }\n', ''),
      'error a.yaml:1 metadata CONFIG_INVALID: expected a map, found nothing',
      ['Store (unnamed)'],
    ],
    [
      'no name',
      STORE.replace('name: s', ''),
      'error a.yaml:3 metadata.name CONFIG_INVALID: expected lower-case letters, digits, - and . between them, found nothing',
      ['Store (unnamed)'],
    ],
    [
      'a name with a slash',
      STORE.replace('name: s', 'name: a/b'),
      'error a.yaml:3 metadata.name CONFIG_INVALID: expected lower-case letters, digits, - and . between them, found "a/b"',
      ['Store (unnamed)'],
    ],
    [
      'a name with a line break',
      STORE.replace('name: s', 'name: "a\\nb"'),
      'error a.yaml:3 metadata.name CONFIG_INVALID: expected lower-case letters, digits, - and . between them, found "a\\u{a}b"',
      ['Store (unnamed)'],
    ],
    [
      'a namespace that is none',
      STORE.replace('Store', 'NamespacedStore').replace('name: s', 'name: s, namespace: A'),
      'error a.yaml:3 metadata.namespace CONFIG_INVALID: expected lower-case letters, digits, - and . between them, found "A"',
      [],
    ],
    [
      'a key that is there twice',
      STORE.replace('name: s', 'name: s, name: t'),
      'error a.yaml:3  CONFIG_INVALID: not YAML: Map keys must be unique',
      ['Store t'],
    ],
    [
      'a quote that is not closed',
      STORE.replace('name: oras', 'name: "oras'),
      'error a.yaml:5  CONFIG_INVALID: not YAML: Missing closing "quote',
      ['Store s'],
    ],
    [
      'a tab for an indent',
      `${API}\nkind: Store\nmetadata:\n\tname: s\n`,
      'error a.yaml:4  CONFIG_INVALID: not YAML: Tabs are not allowed as indentation',
      ['Store (unnamed)'],
    ],
    [
      'an alias that leads nowhere',
      STORE.replace('{ name: oras }', '*gone'),
      'error a.yaml:1  CONFIG_INVALID: not YAML: Unresolved alias',
      [],
    ],
    [
      'an item of a List that is no object',
      'apiVersion: v1\nkind: List\nitems:\n- 1\n',
      'error a.yaml:4  CONFIG_INVALID: expected an object in the list, found a number',
      [],
    ],
  ])('refuse %s', async (_case, text, expected, declared) => {
    const { resources, diagnostics } = await load({ 'a.yaml': text });
    expect(diagnostics.map(line)[0]).toContain(expected);
    expect(resources.declared.map(objectName)).toEqual(declared);
    expect(resources.declared.every(({ broken }) => broken)).toBe(true);
  });

  it('apply a good object of the name that a broken document seems to have', async () => {
    const { resources } = await load({ 'a.yaml': `${STORE.replace('name: oras', 'name: "oras')}`, 'b.yaml': STORE });
    expect(resources.declared.map(({ broken }) => broken)).toEqual([false]);
  });

  it('let other objects of the file go while a name is doubled in one whose identity is known', async () => {
    const { resources } = await load({ 'a.yaml': STORE.replace('spec: { name: oras }', 'spec: { name: oras, name: oras }') });
    expect(resources.declared.map(({ broken }) => broken)).toEqual([true]);
    expect(resources.brokenFiles.size).toBe(0);
  });

  it('apply the other documents of a file with a broken one', async () => {
    const { resources } = await load({ 'a.yaml': `${STORE}---\nkind: [\n---\n${STORE.replace('name: s', 'name: t')}` });
    expect(resources.declared.filter(({ broken }) => !broken).map(objectName)).toEqual(['Store s', 'Store t']);
    expect(resources.brokenFiles.size).toBe(1);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['of more than 4 MiB', `#${'x'.repeat(4 * 1024 * 1024)}`, /expected at most 4194304 bytes, found 4194305/],
    ['of more than 10,000 documents', '---\n1\n'.repeat(10_001), /expected at most 10000 documents/],
    ['that is not UTF-8', Uint8Array.of(0x61, 0xff), /expected UTF-8/],
    ['whose aliases unfold without end', bomb(), /Excessive alias count/],
    [
      'that is nested a hundred deep',
      STORE.replace('{ name: oras }', '['.repeat(100) + ']'.repeat(100)),
      /expected at most 64 levels of nesting/,
    ],
    ['that is nested by the ten thousand', `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`, /YAML/],
  ])('refuse a file %s, and read the next', async (_case, bytes, message) => {
    const path = await folder({ 'b.yaml': STORE });
    await writeFile(join(path, 'a.yaml'), bytes);
    const { resources, diagnostics } = await loadFiles(path);
    expect(diagnostics.map(line)).toContainEqual(expect.stringMatching(message));
    expect(resources.declared.map(objectName)).toContain('Store s');
    expect([...resources.brokenFiles]).toEqual([join(path, 'a.yaml')]);
  });

  it('reject a path that is not there', async () => {
    await expect(loadFiles('/nowhere/at/all')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('/nowhere/at/all: cannot be read'),
    });
  });

  it('leave every prototype alone', async () => {
    const text = `${STORE}__proto__: { polluted: 1 }\nconstructor: { prototype: { polluted: 1 } }\n`;
    const { resources } = await load({
      'a.yaml': text,
      'b.json': store('t').slice(4).replace('"spec"', '"__proto__":{"polluted":1},"spec"'),
    });
    expect([resources.declared.length, 'polluted' in {}]).toEqual([2, false]);
  });
});

function bomb(): string {
  const levels = ['a: &a [x,x,x,x,x,x,x,x,x]'];
  for (let level = 1; level < 9; level += 1) {
    const [name, before] = [String.fromCharCode(97 + level), String.fromCharCode(96 + level)];
    levels.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`);
  }
  return levels.join('\n');
}

describe('a watch', () => {
  const STATES: [string, (path: string) => Promise<void>][] = [
    ['a file is written over', (path) => writeFile(join(path, 'live/a.yaml'), 'changed')],
    ['a file is written over with as many bytes', (path) => writeFile(join(path, 'live/a.yaml'), 'firsT')],
    ['a file comes', (path) => writeFile(join(path, 'live/b.yaml'), 'more')],
    ['a file goes', (path) => rm(join(path, 'live/a.yaml'))],
    [
      'a file is renamed over',
      async (path) => {
        await writeFile(join(path, 'next'), 'next!');
        await rename(join(path, 'next'), join(path, 'live/a.yaml'));
      },
    ],
    ['the folder goes', (path) => rm(join(path, 'live'), { recursive: true })],
  ];

  it.each(STATES)('tells that %s', async (_case, change) => {
    const path = await folder({});
    await mkdir(join(path, 'live'));
    await writeFile(join(path, 'live/a.yaml'), 'first');
    await told(join(path, 'live'), () => change(path));
  });

  it('tells that the link of a mounted ConfigMap was swapped', async () => {
    const path = await folder({});
    for (const version of ['v1', 'v2']) {
      await mkdir(join(path, version));
      await writeFile(join(path, version, 'a.yaml'), version);
    }
    await symlink('v1', join(path, '..data'));
    await symlink('..data/a.yaml', join(path, 'a.yaml'));
    await told(path, async () => {
      await symlink('v2', join(path, '..data_tmp'));
      await rename(join(path, '..data_tmp'), join(path, '..data'));
    });
  });

  it('tells nothing when only the times of a file change, and stops when it is closed', async () => {
    const path = await folder({ 'a.yaml': 'same' });
    const told: string[] = [];
    const watch = watchFiles(path, () => void told.push('told'), { intervalMs: 5 });
    await writeFile(join(path, 'a.yaml'), 'same');
    await watch.close();
    await writeFile(join(path, 'a.yaml'), 'other');
    await watch.close();
    expect(told).toEqual([]);
  });
});

/** Resolves when a watch of `path` has told of `change`; else the test runs into its time limit. */
async function told(path: string, change: () => Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch = watchFiles(path, resolve, { intervalMs: 5 });
  await watch.ready;
  await change();
  await promise;
  await watch.close();
}
