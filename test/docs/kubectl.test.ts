import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { buildSnapshot } from '../../src/config/build.ts';
import { loadFiles } from '../../src/config/files.ts';
import { kinds } from '../../src/config/kinds.ts';
import { OBJECT_KINDS } from '../../src/config/schema/kinds.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { deps, folder, line } from '../config/world.ts';
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

  it.each([
    ['acme-roots', 'inline'],
    ['acme-rotated', 'secret'],
    ['private-registries', 'k8Secrets'],
  ])('shows an object %s that applies', async (name) => {
    const shown = blocks.find((block) => block.includes(`name: ${name} }`)) ?? '';
    const text = shown.replace(
      /-----BEGIN CERTIFICATE-----\n\s+\.\.\.\n\s+-----END CERTIFICATE-----/g,
      PEM.trim().replaceAll('\n', '\n      '),
    );
    const cluster = clusterOf({ 'gatekeeper-system/acme-roots': secretOf({ 'root-2026.crt': PEM }) });
    const { resources } = await loadFiles(await folder({ 'c.yaml': text }));
    const { applied, diagnostics } = await buildSnapshot(resources, kinds, { ...deps, cluster });
    expect(diagnostics.map(line).filter((told) => !told.startsWith('note'))).toEqual([]);
    expect(applied.map((one) => one.name)).toContain(name);
  });
});
