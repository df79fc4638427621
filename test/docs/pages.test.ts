import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { loadSettings } from '../../src/config/settings.ts';
import { commandsOf, yamlOf } from './blocks.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const PAGES = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(ROOT, 'docs')).map((file) => `docs/${file}`)].filter((file) =>
  file.endsWith('.md'),
);
const OPERATORS_PAGES = [
  'docs/kubectl.md',
  'docs/install.md',
  'docs/policies.md',
  'docs/migrate-from-ratify.md',
  'docs/troubleshooting.md',
  'docs/from-acr.md',
  'docs/from-oke.md',
];
const documents = (file: string): readonly unknown[] => parseAllDocuments(read(file)).map((document) => document.toJS());

describe('the pages', () => {
  it.each(PAGES)('%s leads to files that are there', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => path);
    expect(links.filter((path) => !existsSync(join(ROOT, dirname(page), path)))).toEqual([]);
  });

  it.each(OPERATORS_PAGES)('%s names only codes that docs/errors.md has', (page) => {
    const known = read('docs/errors.md');
    const named = [...read(page).matchAll(/`([A-Z]{2,}(?:_[A-Z]+)+)`/g)].map(([, code = '']) => code);
    expect(named.filter((code) => !known.includes(`\`${code}\``) && !code.startsWith('RATIFY_'))).toEqual([]);
  });

  it.each(OPERATORS_PAGES)('%s names only files of the checkout in its commands', (page) => {
    const files = commandsOf(read(page)).flatMap((command) => command.match(/(?:policies|helm)\/[\w./-]+/g) ?? []);
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  it.each(OPERATORS_PAGES)('%s names only metrics that there are', (page) => {
    const metrics = read('src/server/metrics.ts');
    const named = [...read(page).matchAll(/\bcountersign_[a-z_]+/g)].map(([name]) => name);
    expect(named.filter((name) => !metrics.includes(`'${name}'`))).toEqual([]);
  });

  it.each(OPERATORS_PAGES)('%s gives countersign only options that it has', (page) => {
    for (const command of commandsOf(read(page)).filter((line) => line.startsWith('countersign '))) {
      const help = read(`test/cli/help-${command.split(' ')[1]}.txt`);
      for (const [option] of command.matchAll(/--[a-z-]+/g)) expect(help).toContain(option);
    }
  });
});

describe('docs/policies.md', () => {
  it('shows the sample that tells outcomes apart as it is', () => {
    const [shown] = yamlOf(read('docs/policies.md'));
    expect(parseAllDocuments(shown ?? '').map((document) => document.toJS())).toEqual(
      documents('policies/verified-images/samples/outage-warns.yaml'),
    );
  });

  it('shows the exemptions of the sample as they are', () => {
    const [, shown] = yamlOf(read('docs/policies.md'));
    const [sample] = documents('policies/verified-images/samples/exemptions.yaml') as { spec: { parameters: { exemptions: unknown } } }[];
    expect(parse(shown ?? '').parameters.exemptions).toEqual(sample?.spec.parameters.exemptions);
  });

  it.each(['verified-images', 'digest-only'])('has a row for each parameter of %s', (policy) => {
    const template = parse(read(`policies/${policy}/template.yaml`));
    const rows = read('docs/policies.md');
    for (const name of Object.keys(template.spec.crd.spec.validation.openAPIV3Schema.properties))
      expect(rows).toContain(`| \`${name}\` | `);
  });
});

describe('docs/install.md', () => {
  it('says how long a verdict lasts at most, as the settings have it', async () => {
    const { freshnessMs, verdictTtl } = await loadSettings();
    const gatekeeper = [0, 60, 180];
    expect(parse(read('helm/gatekeeper-values.yaml')).externaldataProviderResponseCacheTTL).toBe('1m');
    const within = (what: string, ms: number) => `| ${what} | ${gatekeeper.map((seconds) => `${ms / 1000 + seconds} s`).join(' | ')} |`;
    const page = read('docs/install.md');
    expect(page).toContain(within('signed, and still denied', freshnessMs + verdictTtl.refusedMs));
    expect(page).toContain(within('signature removed, and still admitted by tag', 2 * freshnessMs));
    expect(page).toContain(within('signature removed, and still admitted by digest', freshnessMs + verdictTtl.acceptedMs));
    expect(page).toContain(within('signer no more trusted here, and still admitted', 1000));
  });
});

describe('docs/troubleshooting.md', () => {
  it('has what /readyz can say', () => {
    const source = ['src/server/serve.ts', 'src/kube/cluster.ts'].map(read).join('\n');
    const [, table = ''] = /^## A Pod is not ready\n(.*?)^## /ms.exec(read('docs/troubleshooting.md')) ?? [];
    const reasons = [...table.matchAll(/^\| `([^`]*)` \|/gm)].map(([, reason = '']) => reason);
    expect(reasons).toHaveLength(5);
    for (const reason of reasons)
      for (const part of reason.split(/KIND|\bN\b/).filter((piece) => piece !== '')) expect(source).toContain(part);
  });
});
