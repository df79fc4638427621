import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build, parseDockerfile, type Stage } from './dockerfile.ts';

const ROOT = join(import.meta.dirname, '../..');
const BUILD_WITHIN_MS = 300_000;
const { dependencies, devDependencies, scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const instructions = parseDockerfile(join(ROOT, 'Dockerfile'));
const runs = instructions.filter(({ name }) => name === 'RUN').map(({ text }) => text);

/** The packages are those of the checkout, and `node` is the one that runs this. */
function run(command: string, folder: string): boolean {
  if (command.startsWith('npm ci ')) {
    execFileSync('/bin/sh', ['-c', 'cp -al "$0" . 2>/dev/null || cp -a "$0" .', join(ROOT, 'node_modules')], { cwd: folder });
    return true;
  }
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
  execFileSync('/bin/sh', ['-ec', `${command}${command.startsWith('npm ') ? ' --offline' : ''}`], { cwd: folder, env, stdio: 'pipe' });
  return true;
}

describe('the image', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-image-'));
  let image: Stage;

  beforeAll(() => {
    chmodSync(folder, 0o755);
    image = build(instructions, ROOT, folder, run);
  }, BUILD_WITHIN_MS);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Starts it as a container does: its own arguments and environment, as its user where that may be chosen. */
  const start = (...args: readonly string[]) => {
    const [program, ...rest] = [...image.entrypoint, ...args].map((word) => (word.startsWith('/app/') ? join(image.root, word) : word));
    const [uid = 0, gid = 0] = image.user.split(':').map(Number);
    return spawnSync(program === 'node' ? process.execPath : (program ?? ''), rest, {
      cwd: join(image.root, 'app'),
      env: Object.fromEntries(image.env),
      encoding: 'utf8',
      timeout: 60_000,
      ...(process.getuid?.() === 0 ? { uid, gid } : {}),
    });
  };

  it('is compiled by the commands of npm run build', () => {
    const compiled = runs.find((text) => text.includes('/tsc ')) ?? '';
    expect(scripts.build).toBe(`sh .ci/setup && ${compiled.replace(/^node /, 'sh .ci/node/run ')}`);
  });

  it('installs what the lock file says, and no package runs a script', () => {
    expect(runs.filter((text) => text.startsWith('npm '))).toEqual([
      expect.stringMatching(/^npm ci --ignore-scripts /),
      expect.stringMatching(/^npm prune --omit=dev --ignore-scripts /),
    ]);
  });

  it('has one base, which a build argument pins', () => {
    expect(instructions.filter(({ name }) => name === 'FROM').map(({ text }) => text)).toEqual([
      expect.stringMatching(/^\$\{NODE_IMAGE\} AS build$/),
      expect.stringMatching(/^\$\{NODE_IMAGE\}$/),
    ]);
    expect(image.base).toMatch(/^node:24-/);
  });

  it('holds nothing but the compiled product, the packages that it needs and the licence', () => {
    expect(readdirSync(join(image.root, 'app')).sort()).toEqual(['LICENSE', 'dist', 'node_modules', 'package.json']);
    const packages = readdirSync(join(image.root, 'app/node_modules'));
    for (const name of Object.keys(dependencies)) expect(packages).toContain(name.split('/')[0]);
    for (const name of Object.keys(devDependencies).filter((dev) => !dev.startsWith('@'))) expect(packages).not.toContain(name);
  });

  it('has no file that its user could write, and none that it cannot read', () => {
    const [uid] = image.user.split(':').map(Number);
    expect(uid).toBeGreaterThan(10_000);
    const files = readdirSync(join(image.root, 'app'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const modes = files.map((file) => statSync(join(file.parentPath, file.name)).mode);
    expect(modes.every((mode) => (mode & 0o004) !== 0 && (mode & 0o002) === 0)).toBe(true);
  });

  it('starts without a shell', () => {
    for (const { name, text } of instructions.filter((one) => ['ENTRYPOINT', 'CMD'].includes(one.name))) {
      expect([name, JSON.parse(text)]).toEqual([
        name,
        expect.not.arrayContaining([expect.stringMatching(/^(?:\/bin\/)?(?:sh|bash)$|npm/)]),
      ]);
    }
  });

  it('says what it does when it is told nothing', () => {
    expect(start(...image.command)).toMatchObject({ status: 0, stdout: expect.stringContaining('Usage: countersign'), stderr: '' });
  });

  it('knows the options of serve', () => {
    expect(start('serve', '--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('--tls-cert <file>'), stderr: '' });
  });

  it('does its main job: every answer of the demo is the expected one', () => {
    const { status, stderr } = start('demo');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('refuses to serve without certificates', () => {
    expect(start('serve', '--config', '/nowhere')).toMatchObject({ status: 3, stderr: expect.stringContaining('--tls-cert') });
  });
});
