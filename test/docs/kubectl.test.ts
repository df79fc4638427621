import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { buildSnapshot } from '../../src/config/build.ts';
import { loadFiles } from '../../src/config/files.ts';
import { kinds } from '../../src/config/kinds.ts';
import { OBJECT_KINDS } from '../../src/config/schema/kinds.ts';
import { loadSettings } from '../../src/config/settings.ts';
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
  const blocks = yamlOf(read('docs/configuration.md'));

  it('shows the settings with the defaults that they have', async () => {
    const shown = blocks.find((block) => block.startsWith('ownNamespace:')) ?? '';
    const path = await folder({ 'settings.yaml': shown });
    expect(await loadSettings(join(path, 'settings.yaml'))).toEqual(await loadSettings());
  });

  const withPem = (block: string) =>
    block.replace(/-----BEGIN CERTIFICATE-----\n\s+\.\.\.\n\s+-----END CERTIFICATE-----/g, PEM.trim().replaceAll('\n', '\n      '));
  const roots = (name: string) =>
    object('KeyManagementProvider', name, { type: 'inline', parameters: { contentType: 'certificate', value: PEM } });
  /** What a block shows, as a whole object: one without a head is the part of a Store. */
  const whole = (block: string) =>
    block.startsWith('spec:') ? `apiVersion: config.ratify.deislabs.io/v1beta1\nkind: Store\nmetadata: { name: x }\n${block}` : block;
  const objects = blocks.map(whole).filter((block) => block.startsWith('apiVersion:'));

  it('shows objects and settings in all its blocks', () => {
    expect(objects.length).toBeGreaterThanOrEqual(8);
    expect(blocks.filter((block) => !objects.includes(whole(block))).map((block) => block.split(':')[0])).toEqual([
      'ownNamespace',
      'servingCertificate',
      'registries',
    ]);
  });

  it.each(objects.map((block) => [/kind: (\w+)\n/.exec(block)?.[1], block] as const))('shows a %s that applies', async (_kind, block) => {
    const cluster = clusterOf({ 'gatekeeper-system/acme-roots': secretOf({ 'root-2025.crt': PEM, 'root-2026.crt': PEM }) });
    const around = ['acme-roots', 'timestamp-roots'].filter((name) => !block.includes(`metadata: { name: ${name} }`)).map(roots);
    const { resources } = await loadFiles(await folder({ 'c.yaml': `${around.join('')}---\n${withPem(block)}` }));
    const { applied, diagnostics } = await buildSnapshot(resources, kinds, { ...deps, cluster });
    expect(diagnostics.map(line).filter((told) => !told.startsWith('note'))).toEqual([]);
    expect(applied).toHaveLength(resources.declared.length);
  });

  it.each(['servingCertificate:', 'registries:'])('shows settings that are taken: %s', async (begin) => {
    const shown = blocks.find((block) => block.startsWith(begin)) ?? '';
    const path = await folder({ 'settings.yaml': shown, 'registry-ca.pem': PEM });
    expect((await loadSettings(join(path, 'settings.yaml'))).warnings).toEqual([]);
  });
});
