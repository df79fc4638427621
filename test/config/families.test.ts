import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { familiesOf } from '../../src/config/families.ts';
import { kinds } from '../../src/config/kinds.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { folder } from './world.ts';

async function familiesFrom(text: string) {
  return familiesOf(await loadSettings(join(await folder({ 'settings.yaml': text }), 'settings.yaml')), kinds);
}

/** The settings of families that there are. */
const NAMES = kinds.families.map(({ name }) => name).filter((name) => name !== 'exceptions');

describe('what the settings say of families', () => {
  it('is, where they say nothing, that statements are looked for beside the image', async () => {
    const families = await familiesFrom('');
    for (const { name } of kinds.families) {
      expect(families.get(name)?.sources.map((source) => source.name.split(' ')[0])).toEqual(['referrers']);
    }
  });

  it.each(NAMES)('is where statements for %s are looked for', async (name) => {
    const families = await familiesFrom(`${name}: { attestations: [{ type: directory, path: /statements }, { type: referrers }] }`);
    expect(families.get(name)?.sources.map((source) => source.name.split(' ')[0])).toEqual(['directory', 'referrers']);
  });

  it.each(
    NAMES.flatMap((name) =>
      [
        ['attestations: here', /expected a list of sources/],
        ['attestations: [{ type: nowhere }]', /attestations\[0\]\.type: expected directory or /],
        ['attestations: [{}]', /attestations\[0\]\.type/],
        ['attestations: [{ type: constructor }]', /attestations\[0\]\.type/],
        ['attestations: [{ type: directory }]', /attestations\[0\]\.path: expected a string, found nothing/],
        ['attestations: [{ type: directory, path: 7 }]', /attestations\[0\]\.path/],
        [
          'attestations: [{ type: referrers }, { type: directory, path: /a, recursive: true }]',
          /attestations\[1\]\.recursive: nobody knows/,
        ],
        ['dryrun: true', /dryrun: nobody knows this setting/],
      ].map(([text, message]) => [name, text as string, message as RegExp] as const),
    ),
  )('is an error for %s: %s', async (name, text, message) => {
    await expect(familiesFrom(`${name}: { ${text} }`)).rejects.toThrow(message);
    await expect(familiesFrom(`${name}: { ${text} }`)).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
  });
});
