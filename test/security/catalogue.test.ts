import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CATALOGUES, type Catalogue } from './catalogue.ts';

const TESTS = join(import.meta.dirname, '..');
const FILES = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  .filter((name) => (name.endsWith('.test.ts') && !name.endsWith('catalogue.test.ts')) || name === join('policies', 'cases.ts'))
  .map((name) => ({ name, text: readFileSync(join(TESTS, name), 'utf8') }));

/** The files with a row for `id`: a text that names it, so that a comment does not count. */
function rowsOf(id: string, { folders, pattern = inText }: Catalogue): readonly string[] {
  return FILES.filter(({ name, text }) => (folders ?? ['']).some((folder) => name.startsWith(folder)) && pattern(id).test(text)).map(
    ({ name }) => name,
  );
}

function inText(id: string): RegExp {
  return new RegExp(`^(?!\\s*(?://|\\*)).*['"\`][^'"\`]*\\b${id}\\b`, 'm');
}

describe.each(CATALOGUES.map((catalogue) => [catalogue.name, catalogue] as const))('%s', (_name, catalogue) => {
  it('has a row for each entry, or a reason for none', () => {
    const missing = catalogue.ids.filter((id) => !Object.hasOwn(catalogue.without, id) && rowsOf(id, catalogue).length === 0);
    expect(missing).toEqual([]);
  });

  it('gives no reason for an entry that it does not have', () => {
    expect(Object.keys(catalogue.without).filter((id) => !catalogue.ids.includes(id))).toEqual([]);
    for (const why of Object.values(catalogue.without)) expect(why.length).toBeGreaterThan(10);
  });
});

it('no row names an attack that is in no list', () => {
  const known = new Set(CATALOGUES.flatMap(({ ids }) => ids));
  const named = FILES.flatMap(({ text }) => [...text.matchAll(/\b(?:A-[RSCTU]-\d+|ADA-[A-Z]+-[\d-]*\d)\b/g)].map(([id]) => id));
  expect(named.length).toBeGreaterThan(300);
  expect([...new Set(named)].filter((id) => !known.has(id))).toEqual([]);
});
