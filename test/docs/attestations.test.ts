import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { buildSnapshot } from '../../src/config/build.ts';
import { loadFiles } from '../../src/config/files.ts';
import { kinds } from '../../src/config/kinds.ts';
import { deps, folder, line } from '../config/world.ts';
import { KEY, startFakeAlibaba } from '../fakes/alibaba.ts';
import { yamlOf } from './blocks.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');
const documented = z.object({
  kritis: z.object({ attestations: z.array(z.looseObject({ type: z.string() })) }),
});
const SHOWN = documented.parse(parse(yamlOf(PAGE).find((block) => block.startsWith('kritis:\n  attestations:')) ?? '')).kritis.attestations;

/** The section under a heading of the page, and what that sends its reader to. */
function sectionOf(heading: string): string {
  const start = PAGE.indexOf(`\n### \`${heading}\``);
  const section = PAGE.slice(start, PAGE.indexOf('\n### ', start + 1));
  const credentials = PAGE.indexOf('#### Credentials of Alibaba Cloud');
  return section.includes('#credentials-of-alibaba-cloud')
    ? section + PAGE.slice(credentials, PAGE.indexOf('\n## ', credentials))
    : section;
}

const namesOf = (schema: z.ZodType): readonly string[] =>
  Object.keys(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }).properties ?? {});

describe('docs/configuration.md', () => {
  it.each(['referrers', 'directory', 'grafeas', 'acr'])('has every parameter of the source %s, in settings that apply', (type) => {
    const kind = kinds.attestations[type];
    const names = kind === undefined ? [] : namesOf(kind.parameters);
    expect(names.length).toBeGreaterThan(0);
    const section = sectionOf(type);
    expect(names.filter((name) => !section.includes(`| \`${name}`))).toEqual([]);
    const { type: _type, ...parameters } = SHOWN.find((shown) => shown.type === type) ?? { type: '' };
    expect(kind?.parameters.safeParse(parameters).success).toBe(true);
  });

  it('has every parameter of the key provider alibabacloudkms', () => {
    const kind = kinds.keyProviders.alibabacloudkms;
    const names = kind === undefined ? [] : namesOf(kind.parameters);
    const section = sectionOf('alibabacloudkms');
    expect(names.filter((name) => !section.includes(`| \`${name}`))).toEqual([]);
  });

  it('shows an object of type alibabacloudkms that applies', async () => {
    const id = 'key-hzz630494463ejqjx0000';
    const publicKey = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const fake = await startFakeAlibaba({ kms: { [id]: { versions: [{ version: '2ab1a983-7072-4bbc-a582-584b5bd80000', publicKey }] } } });
    const shown = yamlOf(PAGE).find((block) => block.includes('name: acr-signing')) ?? '';
    const text = shown
      .replace('region: cn-hangzhou', `endpoint: ${fake.origin}`)
      .replace('/var/run/secrets/alibaba', await folder({ ...KEY }));
    const { resources } = await loadFiles(await folder({ 'c.yaml': text }));
    const { applied, diagnostics } = await buildSnapshot(resources, kinds, deps);
    await fake.close();
    expect(diagnostics.map(line).filter((told) => !told.startsWith('note'))).toEqual([]);
    expect(applied.map(({ name }) => name)).toContain('acr-signing');
    expect(fake.calls.map(({ headers }) => headers['x-acs-action'])).toEqual(['DescribeKey', 'GetPublicKey']);
  });
});
