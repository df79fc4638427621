import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { issueAuthority } from '../../src/x509/issue.ts';

export const GATEKEEPER_NAME = 'gatekeeper-webhook-service.gatekeeper-system.svc';

interface Item {
  readonly key: string;
  readonly error?: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the test asserts on is the shape itself
  readonly value?: any;
}

export interface ProviderAnswer {
  readonly status: number;
  readonly apiVersion: string;
  readonly kind: string;
  readonly response: { readonly idempotent?: boolean; readonly items?: readonly Item[]; readonly systemError?: string };
}

/** `countersign serve` as a process of its own, on loopback, asked over mutual TLS as Gatekeeper asks. */
export interface RunningProvider {
  readonly address: string;
  readonly admin: string;
  readonly pid: number;
  readonly log: readonly string[];
  ask(path: string, keys: readonly unknown[]): Promise<ProviderAnswer>;
  stop(): Promise<number | null>;
}

/** Starts `serve` on `config` (a path, if any) with certificates issued on the spot; extra arguments are appended. */
export async function startProvider(
  config: string | undefined,
  extra: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<RunningProvider> {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-e2e-'));
  const authority = await issueAuthority({ commonName: 'e2e-ca' });
  const serving = await authority.issue({
    commonName: 'provider',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    usages: ['serverAuth'],
  });
  const client = await authority.issue({ commonName: GATEKEEPER_NAME, dnsNames: [GATEKEEPER_NAME], usages: ['serverAuth', 'clientAuth'] });
  const file = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const tls = [
    '--tls-cert',
    file('tls.crt', serving.certPem),
    '--tls-key',
    file('tls.key', serving.keyPem),
    '--client-ca',
    file('ca.crt', authority.certPem),
  ];
  const child = spawn(
    process.execPath,
    [
      'src/main.ts',
      'serve',
      ...(config === undefined ? [] : ['--config', config]),
      '--listen',
      '127.0.0.1:0',
      '--admin',
      '127.0.0.1:0',
      ...tls,
      ...extra,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], cwd: join(import.meta.dirname, '../..'), env: { ...process.env, ...env } },
  );
  const log: string[] = [];
  const ready = await readyLine(child, log);
  const agent = new Agent({ keepAlive: true, ca: authority.certPem, cert: client.certPem, key: client.keyPem, minVersion: 'TLSv1.3' });
  return {
    ...ready,
    pid: child.pid ?? -1,
    log,
    ask: (path, keys) => post(agent, ready.address, path, keys),
    stop: async () => {
      agent.destroy();
      const code = await stopped(child);
      rmSync(dir, { recursive: true, force: true });
      return code;
    },
  };
}

function readyLine(child: ChildProcess, log: string[]): Promise<{ address: string; admin: string }> {
  return new Promise((resolve, reject) => {
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.on('close', (code) => reject(new Error(`serve ended with ${code} before it was ready: ${errors}${log.join('\n')}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      log.push(line);
      const entry: unknown = line.startsWith('{') ? JSON.parse(line) : undefined;
      if (isReady(entry)) resolve({ address: entry.address, admin: entry.admin });
    });
  });
}

function isReady(entry: unknown): entry is { msg: 'ready'; address: string; admin: string } {
  return typeof entry === 'object' && entry !== null && 'msg' in entry && entry.msg === 'ready';
}

function stopped(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.on('close', resolve);
    child.kill('SIGTERM');
  });
}

function post(agent: Agent, address: string, path: string, keys: readonly unknown[]): Promise<ProviderAnswer> {
  const body = JSON.stringify({ apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'ProviderRequest', request: { keys } });
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(`https://${address}${path}`, { method: 'POST', agent, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => {
          resolve({ status: answer.statusCode ?? 0, ...JSON.parse(Buffer.concat(chunks).toString('utf8')) });
        });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
