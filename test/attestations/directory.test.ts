import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { directory } from '../../src/attestations/directory.ts';
import { imageSignature, listed, OTHER_IMAGE, occurrence } from './statements.ts';

describe('statements in a folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-statements-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (name: string, document: unknown): void =>
    writeFileSync(join(folder, name), typeof document === 'string' ? document : JSON.stringify(document));
  const source = (path = folder) =>
    directory.create({ name: 'directory attestations[0]', parameters: directory.parameters.parse({ path }) });

  it('gives what is about the image, by the names of the files', async () => {
    write('b.json', occurrence({ name: 'second' }));
    write('a.json', { occurrences: [occurrence({ name: 'first' }), occurrence({}, { digest: OTHER_IMAGE })] });
    write('c.json', { items: [imageSignature({ id: 'third' })] });
    write('.hidden.json', 'no JSON');
    write('README', 'no JSON');
    const { found, failure } = await listed(source());
    expect(found.map(({ name }) => name)).toEqual(['first', 'second', 'third']);
    expect(failure).toBeUndefined();
  });

  it('finds a statement for a copy of the image in another repository', async () => {
    write('a.json', occurrence());
    const { found } = await listed(source(), { repository: { registry: 'mirror.test', path: 'copy' } });
    expect(found).toHaveLength(1);
  });

  it('A0.13 A3.11 reads anew each time: a file that was deleted is gone, one that is new is there', async () => {
    const kept = source();
    write('a.json', occurrence());
    expect((await listed(kept)).found).toHaveLength(1);
    rmSync(join(folder, 'a.json'));
    expect(await listed(kept)).toEqual({ found: [] });
    write('b.json', occurrence());
    expect((await listed(kept)).found).toHaveLength(1);
  });

  it('takes an empty folder for an answer: nothing is attested', async () => {
    expect(await listed(source())).toEqual({ found: [] });
  });

  it('follows the links that a mounted ConfigMap consists of', async () => {
    mkdirSync(join(folder, '..data'));
    writeFileSync(join(folder, '..data', 'a.json'), JSON.stringify(occurrence()));
    symlinkSync('..data/a.json', join(folder, 'a.json'));
    expect((await listed(source())).found).toHaveLength(1);
  });

  it.each<[string, () => string, string, RegExp]>([
    ['is not there', () => join(folder, 'none'), 'ATTESTATIONS_UNREACHABLE', /none" is not there$/],
    [
      'is a file',
      () => {
        write('a.json', occurrence());
        return join(folder, 'a.json');
      },
      'ATTESTATIONS_UNREACHABLE',
      /is not there$/,
    ],
    [
      'has too many files',
      () => {
        for (let index = 0; index <= 1000; index++) write(`${index}.json`, '');
        return folder;
      },
      'ATTESTATIONS_INVALID',
      /has 1001 files \*\.json; expected at most 1000$/,
    ],
    [
      'has too many bytes',
      () => {
        const large = `"${'x'.repeat(4 * 1024 * 1024 - 2)}"`;
        for (let index = 0; index <= 8; index++) write(`${index}.json`, large);
        return folder;
      },
      'ATTESTATIONS_INVALID',
      /more than 33554432 bytes in all$/,
    ],
  ])('A0.8 a folder that %s is unavailable, not an image without statements', async (_case, path, code, message) => {
    const { found, failure } = await listed(source(path()));
    expect({ found, failure }).toEqual({ found: [], failure: { code, message: expect.stringMatching(message) } });
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ['is no JSON', (path) => writeFileSync(path, '{'), /^b\.json: not JSON/],
    ['is cut short', (path) => writeFileSync(path, JSON.stringify(occurrence()).slice(0, -20)), /^b\.json: not JSON/],
    ['is too large', (path) => writeFileSync(path, 'x'.repeat(4 * 1024 * 1024 + 1)), /^b\.json is longer than 4194304 bytes/],
    ['is a folder', (path) => mkdirSync(path), /^b\.json is no regular file/],
    ['is a pipe that nobody writes to', (path) => execFileSync('mkfifo', [path]), /^b\.json is no regular file/],
    ['is a link that leads nowhere', (path) => symlinkSync('nowhere', path), /^b\.json is not there/],
    ['has no signatures', (path) => writeFileSync(path, JSON.stringify(occurrence({ attestation: {} }))), /attestation\.attestation/],
  ])('a file that %s hides no other, and is not passed over either', async (_case, make, message) => {
    write('a.json', occurrence({ name: 'before' }));
    make(join(folder, 'b.json'));
    write('c.json', occurrence({ name: 'after' }));
    const { found, failure } = await listed(source());
    expect(found.map(({ name }) => name)).toEqual(['before', 'after']);
    expect(failure).toEqual({ code: 'ATTESTATIONS_INVALID', message: expect.stringMatching(message) });
    expect(failure?.message).toContain('mend or delete it in');
  });

  it('counts further problems', async () => {
    for (const name of ['a', 'b', 'c']) write(`${name}.json`, '{');
    expect((await listed(source())).failure?.message).toMatch(/^a\.json: not JSON: .*, and 2 more; mend or delete it in "/);
  });

  it('stops at the deadline', async () => {
    write('a.json', occurrence());
    await expect(listed(source(), {}, AbortSignal.abort(new DOMException('late', 'TimeoutError')))).rejects.toThrow('late');
  });

  it.each([[{}], [{ path: '' }], [{ path: 7 }]])('does not take the parameters %j', (parameters) => {
    expect(directory.parameters.safeParse(parameters).success).toBe(false);
  });

  it('has nothing about another image', async () => {
    write('a.json', occurrence({}, { digest: OTHER_IMAGE }));
    expect(await listed(source())).toEqual({ found: [] });
    expect((await listed(source(), { digest: OTHER_IMAGE })).found).toHaveLength(1);
  });
});
