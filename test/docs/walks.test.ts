import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const BLOCK = /^```(sh|text)\n(.*?)^```$/gms;
const MARK = '--- end of a block ---\n';

interface Step {
  readonly command: string;
  readonly printed: string;
  /** Lines of the text block after it; each stands in what is printed. */
  readonly promised: readonly string[];
}

/** Runs the commands of a page in one shell, in an empty folder. */
function walk(page: string): readonly Step[] {
  const blocks = [...readFileSync(join(ROOT, page), 'utf8').matchAll(BLOCK)].map(([, language, text = '']) => ({ language, text }));
  const commands = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text);
  const countersign = `countersign() { '${process.execPath}' '${join(ROOT, 'src/main.ts')}' "$@"; }\n`;
  const script = commands.map((command) => `${command}\nprintf -- '${MARK.replace('\n', '\\n')}'\n`).join('');
  const folder = mkdtempSync(join(tmpdir(), 'countersign-walk-'));
  try {
    const { stdout } = spawnSync('sh', ['-c', `${countersign}${script}`], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: '/nonexistent', NO_COLOR: '1' },
    });
    const printed = stdout.split(MARK);
    const after = blocks.flatMap(({ language }, index) => (language === 'sh' ? [blocks[index + 1]] : []));
    return commands.map((command, index) => ({
      command,
      printed: printed[index] ?? '',
      promised: after[index]?.language === 'text' ? after[index].text.trim().split('\n') : [],
    }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.each(['docs/from-acr.md', 'docs/from-oke.md'])('%s', (page) => {
  it('prints what it says, from the first command to the last', () => {
    const steps = walk(page);
    for (const { printed, promised } of steps) for (const line of promised) expect(printed).toContain(line);
    // Every verdict that a page asks for is one that it shows.
    for (const { command, promised } of steps) expect(command.includes('countersign verify')).toBe(promised.length > 0);
    expect(steps.filter(({ promised }) => promised.length > 0).length).toBeGreaterThanOrEqual(4);
  }, 120_000);
});
