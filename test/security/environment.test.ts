import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { folder, object } from '../config/world.ts';
import { startFakeRegistry } from '../fakes/registry.ts';
import { pki } from '../pki.ts';
import { serverPair } from '../server/tls-files.ts';
import { DECLARED, openScene } from './gate.ts';

const ROOT = join(import.meta.dirname, '../..');
const IMAGE_FLAGS: readonly string[] = JSON.parse(
  /^ENTRYPOINT (.*)$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))?.[1] ?? '[]',
).filter((word: string) => word.startsWith('--'));

/** What `countersign` says with these variables in its environment. */
async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['src/main.ts', ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: '/nonexistent', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stdout, stderr };
}

describe('the environment', () => {
  it('A-U-07: sends nothing to a proxy that it names', async () => {
    let caught = 0;
    const proxy = createTcpServer((socket) => {
      caught += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo; // a server on a port has an address of this shape
    const url = `http://127.0.0.1:${port}`;
    const scene = await openScene();
    const config = await folder(Object.fromEntries(DECLARED.map((text, n) => [`${n}.yaml`, text])));
    const env = {
      HTTP_PROXY: url,
      HTTPS_PROXY: url,
      ALL_PROXY: url,
      http_proxy: url,
      https_proxy: url,
      NO_PROXY: '',
      NODE_USE_ENV_PROXY: '1',
    };
    const { code, stdout } = await run(['verify', scene.byTag, '--config', config], env);
    expect({ code, caught, first: stdout.split(' ', 1)[0] }).toEqual({ code: 0, caught: 0, first: 'ACCEPTED' });
    await scene.fake.close();
    proxy.close();
  });

  it('A-U-07: does not make certificates of registries unchecked', async () => {
    const authority = pki.root();
    const fake = await startFakeRegistry({ tls: serverPair(authority) });
    fake.pushImage({ tag: 'v1' });
    const config = await folder({ 'a.yaml': [object('Store', 'registry', { name: 'oras' }), ...DECLARED.slice(1)].join('') });
    const { code, stdout } = await run(['verify', `${fake.host}/team/app:v1`, '--config', config], { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    expect({ code, said: stdout.split('\n').slice(0, 2).join(' ') }).toEqual({
      code: 2,
      said: expect.stringMatching(/^UNAVAILABLE .* REGISTRY_UNREACHABLE: .*certificate/),
    });
    expect(fake.requests).toEqual([]);
    await fake.close();
  });

  it('A-U-07: keeps it from serving where it asks for unchecked certificates', async () => {
    const args = ['serve', '--config', '/nonexistent', '--tls-cert', 'a', '--tls-key', 'b', '--client-ca', 'c'];
    const { code, stderr } = await run(args, { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    expect(code).toBe(3);
    expect(stderr).toMatch(/^countersign: MISUSE: NODE_TLS_REJECT_UNAUTHORIZED=0 asks for connections without a check/);
  });

  it('A-C-20: a signal opens no debugger in the image', async () => {
    expect(IMAGE_FLAGS).toContain('--disable-sigusr1');
    const script = 'process.stdout.write("up"); setInterval(() => undefined, 1000)';
    const child = spawn(process.execPath, [...IMAGE_FLAGS, '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGUSR1');
    const signal = await new Promise((resolve) => {
      child.on('close', (_code, by) => resolve(by));
      setTimeout(() => child.kill('SIGTERM'), 300).unref();
    });
    expect(stderr).not.toContain('Debugger listening');
    expect(['SIGUSR1', 'SIGTERM']).toContain(signal);
  });

  it('A-C-20: the second port has no page that shows a heap, a profile or a verdict', () => {
    const health = readFileSync(join(ROOT, 'src/server/health.ts'), 'utf8');
    expect([...health.matchAll(/case '([^']+)'/g)].map(([, path]) => path)).toEqual(['/healthz', '/readyz', '/metrics']);
  });
});
