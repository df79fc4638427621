import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { kritis } from '../../src/rules/kritis.ts';

jest.setTimeout(120_000);

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/from-kritis.md'), 'utf8');
const dir = mkdtempSync(join(tmpdir(), 'countersign-from-kritis-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** The page's shell blocks with the text that each of them prints. */
function steps(): readonly { readonly commands: string; readonly prints: string }[] {
  const blocks = [...PAGE.matchAll(/^```(sh|text)\n(.*?)^```$/gms)].map(([, language, text = '']) => ({ language, text }));
  return blocks.flatMap(({ language, text }, index) => {
    const next = blocks[index + 1];
    return language === 'sh' ? [{ commands: text, prints: next?.language === 'text' ? next.text : '' }] : [];
  });
}

describe('docs/from-kritis.md', () => {
  it('has commands that print what it says that they print', () => {
    const bin = join(dir, 'bin');
    const work = join(dir, 'work');
    mkdirSync(bin);
    mkdirSync(work);
    const executable = join(bin, 'countersign');
    writeFileSync(executable, `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'src/main.ts')}" "$@"\n`);
    chmodSync(executable, 0o755);
    const found = steps();
    expect(found.length).toBeGreaterThan(5);
    // One shell for all of them: later blocks use what earlier ones set.
    const script = found.map(({ commands }, index) => `echo "step ${index}"\n${commands}`).join('\n');
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`, NO_COLOR: '1' };
    const printed = execFileSync('bash', ['-eu', '-c', script], { cwd: work, env, encoding: 'utf8' });
    const expected = found.map(({ prints }, index) => `step ${index}\n${prints}`).join('');
    expect(printed).toBe(expected);
  });

  it('has a row for each setting of kritis', () => {
    const names = Object.keys(kritis.settings.parse({}) as object);
    expect(names.length).toBe(3);
    for (const name of [...names, 'attestations']) expect(PAGE).toContain(`| \`kritis.${name}\` | `);
  });

  it('names only codes that docs/errors.md has', () => {
    const known = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
    const named = [...PAGE.matchAll(/\b([A-Z]{2,}(?:_[A-Z]+)+)\b/g)]
      .map(([, code = '']) => code)
      .filter((code) => code !== 'SIMPLE_SIGNING_JSON');
    expect(named.filter((code) => !known.includes(`\`${code}\``))).toEqual([]);
  });
});
