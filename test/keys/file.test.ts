import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { file } from '../../src/keys/file.ts';
import { pki } from '../pki.ts';

const [one, two] = [pki.root(), pki.root()];
const signal = new AbortController().signal;
const base64 = (der: Uint8Array) => Buffer.from(der).toString('base64');

describe('a key provider over files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-keys-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const fetched = (path: string, contentType = 'certificate') =>
    file.create({ name: 'x', parameters: file.parameters.parse({ path, contentType }) }).fetch(signal);

  it('gives the certificates of one file, with a version that follows its content', async () => {
    const path = write('roots.txt', one.pem);
    const first = await fetched(path);
    expect(first.certificates.map(base64)).toEqual([base64(one.cert)]);
    write('roots.txt', two.pem);
    const second = await fetched(path);
    expect(second.certificates.map(base64)).toEqual([base64(two.cert)]);
    expect(second.sources?.[0]?.version).not.toBe(first.sources?.[0]?.version);
  });

  it('gives those of a folder by name, and leaves other files alone', async () => {
    write('b.crt', two.pem);
    write('a.pem', one.pem);
    write('.hidden.crt', 'no PEM');
    write('README', 'no PEM');
    write('tls.key', 'no PEM');
    const { certificates, sources } = await fetched(folder);
    expect(certificates.map(base64)).toEqual([one.cert, two.cert].map(base64));
    expect(sources?.map(({ name }) => name)).toEqual([join(folder, 'a.pem'), join(folder, 'b.crt')]);
  });

  it('follows a symbolic link that is swapped', async () => {
    write('v1', one.pem);
    write('v2', two.pem);
    const link = join(folder, 'current');
    symlinkSync('v1', link);
    expect((await fetched(link)).certificates.map(base64)).toEqual([base64(one.cert)]);
    unlinkSync(link);
    symlinkSync('v2', link);
    expect((await fetched(link)).certificates.map(base64)).toEqual([base64(two.cert)]);
  });

  it.each<[string, () => string, string, RegExp]>([
    ['a path that is not there', () => join(folder, 'none'), 'KEY_PROVIDER_MISSING', /none is not there$/],
    ['an empty folder', () => folder, 'KEY_PROVIDER_MISSING', /has no file \*\.crt/],
    ['a device', () => '/dev/zero', 'CONFIG_INVALID', /expected a file or a folder/],
    ['more than 1 MiB', () => write('big.crt', 'x'.repeat(1024 * 1024 + 1)), 'CONFIG_INVALID', /at most 1048576 bytes/],
    ['no PEM', () => write('a.crt', 'hello'), 'CONFIG_INVALID', /a\.crt: no certificates found/],
  ])('refuses %s', async (_case, path, code, message) => {
    await expect(fetched(path())).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('does not wait for a pipe that nobody writes to', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(fetched(pipe)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it("A-T-03 refuses an object of a tenant: files are the operator's", () => {
    const create = () =>
      file.create({ name: 'x', parameters: file.parameters.parse({ path: '/etc' }), home: { namespace: 'team', confined: true } });
    expect(create).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', path: 'spec.type' }));
  });
});
