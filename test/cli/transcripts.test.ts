import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = import.meta.dirname;
/** `COUNTERSIGN_TRANSCRIPTS=write` writes what the commands say now; read the difference before you commit it. */
const WRITE = process.env.COUNTERSIGN_TRANSCRIPTS === 'write';

const transcripts = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

/** What differs from one run to the next. */
function steady(text: string): string {
  return text
    .replace(/revision [0-9a-f]{8,64}/g, 'revision REVISION')
    .replace(/"revision": "[0-9a-f]{8,64}"/g, '"revision": "REVISION"')
    .replace(/valid until \d{4}-[0-9T:.-]+Z/g, 'valid until TIME')
    .replace(/"validUntil": "\d{4}-[0-9T:.-]+Z"/g, '"validUntil": "TIME"');
}

function run(command: string): string {
  const argv = command.split(' ').slice(1);
  const { stdout, stderr, status } = spawnSync(process.execPath, ['src/main.ts', ...argv], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: '/nonexistent', NO_COLOR: '1' },
    timeout: 20_000,
  });
  return steady(`$ ${command}\nexit ${status}\n--- stdout\n${stdout}--- stderr\n${stderr}`);
}

describe('the command line', () => {
  it('has transcripts', () => {
    expect(transcripts.length).toBeGreaterThan(0);
  });

  it.each(transcripts)('says what %s says', (name) => {
    const path = join(FOLDER, name);
    const expected = readFileSync(path, 'utf8');
    const command = expected.split('\n', 1)[0]?.slice(2) ?? '';
    const said = run(command);
    if (WRITE) writeFileSync(path, said);
    else expect(said).toBe(expected);
  });
});
