import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { buildSnapshot } from '../../src/config/build.ts';
import { familiesOf } from '../../src/config/families.ts';
import { loadFiles } from '../../src/config/files.ts';
import { kinds } from '../../src/config/kinds.ts';
import { OBJECT_KINDS } from '../../src/config/schema/kinds.ts';
import { loadSettings, type Settings } from '../../src/config/settings.ts';
import { deps, folder, line, object } from '../config/world.ts';
import { clusterOf, secretOf } from '../keys/world.ts';
import { pki } from '../pki.ts';
import { yamlOf } from './blocks.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

describe('docs/kubectl.md', () => {
  it('has the short name of every kind', () => {
    for (const { kind, shortName } of OBJECT_KINDS) expect(read('docs/kubectl.md')).toContain(`| ${kind} | \`${shortName}\` |`);
  });

  it('has the endings that messages have', () => {
    const source = read('src/kube/status.ts');
    expect(source).toContain('stays in force as it last was good, until it is mended or deleted');
    expect(source).toContain('what was fetched at ');
  });
});

describe('docs/configuration.md', () => {
  const PEM = pki.root().pem;
  const KEY = String(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }));
  const blocks = yamlOf(read('docs/configuration.md'));

  it('shows the settings with the defaults that they have', async () => {
    const shown = blocks.find((block) => block.startsWith('ownNamespace:')) ?? '';
    const path = await folder({ 'settings.yaml': shown });
    const [loaded, defaults] = [await loadSettings(join(path, 'settings.yaml')), await loadSettings()];
    expect({ ...loaded, families: {} }).toEqual({ ...defaults, families: {} });
    const said = (settings: Settings) =>
      [...familiesOf(settings, kinds)].map(([name, { settings: own, sources }]) => [name, own, sources.map((source) => source.name)]);
    expect(said(loaded)).toEqual(said(defaults));
    expect(Object.keys(loaded.families.kritis ?? {}).sort()).toEqual(['attestations', 'breakGlass', 'dryRun', 'unscanned']);
  });

  const withPem = (block: string) =>
    block
      .replace(/-----BEGIN CERTIFICATE-----\n\s+\.\.\.\n\s+-----END CERTIFICATE-----/g, PEM.trim().replaceAll('\n', '\n      '))
      .replace(/-----BEGIN PUBLIC KEY-----\n\s+\.\.\.\n\s+-----END PUBLIC KEY-----/g, KEY.trim().replaceAll('\n', '\n        '));
  const roots = (name: string) =>
    object('KeyManagementProvider', name, { type: 'inline', parameters: { contentType: 'certificate', value: PEM } });
  /** What a block shows, as a whole object: one without a head is the part of a Store. */
  const whole = (block: string) =>
    block.startsWith('spec:') ? `apiVersion: config.ratify.deislabs.io/v1beta1\nkind: Store\nmetadata: { name: x }\n${block}` : block;
  const settings = blocks.filter((block) => !whole(block).startsWith('apiVersion:'));
  const objects = blocks.map(whole).filter((block) => block.startsWith('apiVersion:'));

  it('shows objects and settings in all its blocks', () => {
    expect(objects.length).toBeGreaterThanOrEqual(8);
    const names = settings.map((block) => block.split(':')[0] ?? '');
    for (const name of ['ownNamespace', 'servingCertificate', 'registries', 'kritis']) expect(names).toContain(name);
  });

  it.each(objects.map((block) => [/kind: (\w+)\n/.exec(block)?.[1], block] as const))('shows a %s that applies', async (_kind, block) => {
    const cluster = clusterOf({ 'gatekeeper-system/acme-roots': secretOf({ 'root-2025.crt': PEM, 'root-2026.crt': PEM }) });
    const around = ['acme-roots', 'timestamp-roots'].filter((name) => !block.includes(`metadata: { name: ${name} }`)).map(roots);
    const { resources } = await loadFiles(await folder({ 'c.yaml': `${around.join('')}---\n${withPem(block)}` }));
    const { applied, diagnostics } = await buildSnapshot(resources, kinds, { ...deps, cluster });
    const told = diagnostics.map(line).filter((one) => !one.startsWith('note'));
    // A cloud cannot be asked here; that its parameters are taken is what the page can be wrong about.
    expect(told.filter((one) => !/KEY_PROVIDER_UNAVAILABLE: key "key-/.test(one))).toEqual([]);
    expect(applied).toHaveLength(resources.declared.length - told.length);
  });

  it.each(settings.map((block) => [block.split(':')[0], block] as const))('shows settings that are taken: %s', async (_name, shown) => {
    const path = await folder({ 'settings.yaml': shown, 'registry-ca.pem': PEM });
    const loaded = await loadSettings(join(path, 'settings.yaml'));
    expect(loaded.warnings).toEqual([]);
    expect(familiesOf(loaded, kinds).size).toBe(kinds.families.length);
  });
});
