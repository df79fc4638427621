import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { fileFailure, readFileWithin } from '../../src/lib/read-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-files-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

describe('reading a file of limited size', () => {
  it('gives a file of exactly that size, through a link too', async () => {
    writeFileSync(at('a'), '12345');
    symlinkSync('a', at('link'));
    expect(Buffer.from(await readFileWithin(at('a'), 5)).toString()).toBe('12345');
    expect(Buffer.from(await readFileWithin(at('link'), 5)).toString()).toBe('12345');
  });

  it.each<[string, () => string, string, RegExp]>([
    ['a byte more', () => at('a'), 'OVERLONG', /a is longer than 4 bytes$/],
    ['no file', () => at('none'), 'ABSENT', /none is not there$/],
    ['a folder', () => folder, 'UNREADABLE', /is no regular file$/],
    ['a device without an end', () => '/dev/zero', 'UNREADABLE', /is no regular file$/],
    [
      'a pipe that nobody writes to',
      () => {
        execFileSync('mkfifo', [at('pipe')]);
        return at('pipe');
      },
      'UNREADABLE',
      /is no regular file$/,
    ],
    ['a file below a file', () => join(at('a'), 'b'), 'ABSENT', /is not there$/],
    ['a name that no file can have', () => at('x\0y'), 'UNREADABLE', /cannot be read/],
  ])('refuses %s', async (_case, path, code, message) => {
    writeFileSync(at('a'), '12345');
    await expect(readFileWithin(path(), 4)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it.each([
    ['EACCES', 'DENIED'],
    ['EPERM', 'DENIED'],
    ['ENOENT', 'ABSENT'],
    ['EIO', 'UNREADABLE'],
  ])('tells %s as %s', (code, expected) => {
    expect(fileFailure(Object.assign(new Error('no'), { code }), '/x').code).toBe(expected);
  });
});
