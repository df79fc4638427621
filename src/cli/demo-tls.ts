import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueAuthority } from '../x509/issue.ts';

const GATEKEEPER = 'gatekeeper-webhook-service.gatekeeper-system.svc';
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const ANSWER_WITHIN_MS = 15_000;

/** Throwaway certificates in a folder of their own, and a caller that holds Gatekeeper's. */
export interface DemoTls {
  readonly directory: string;
  readonly files: {
    readonly tlsCert: string;
    readonly tlsKey: string;
    readonly clientCa: string;
    readonly clientCert: string;
    readonly clientKey: string;
  };
  readonly clientName: string;
  /** Asks as Gatekeeper does; resolves with the parsed answer. */
  ask(address: string, path: string, keys: readonly string[]): Promise<unknown>;
  dispose(): Promise<void>;
}

export async function createDemoTls(): Promise<DemoTls> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-demo-'));
  const authority = await issueAuthority({ commonName: 'countersign demo' });
  const serving = await authority.issue({
    commonName: 'countersign',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    usages: ['serverAuth'],
  });
  const client = await authority.issue({ commonName: GATEKEEPER, dnsNames: [GATEKEEPER], usages: ['serverAuth', 'clientAuth'] });
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const files = {
    tlsCert: await write('tls.crt', serving.certPem),
    tlsKey: await write('tls.key', serving.keyPem),
    clientCa: await write('ca.crt', authority.certPem),
    clientCert: await write('client.crt', client.certPem),
    clientKey: await write('client.key', client.keyPem),
  };
  const agent = new Agent({ keepAlive: true, ca: authority.certPem, cert: client.certPem, key: client.keyPem, minVersion: 'TLSv1.3' });
  return {
    directory,
    files,
    clientName: GATEKEEPER,
    ask: (address, path, keys) => post(agent, new URL(path, `https://${address}`), keys),
    dispose: async () => {
      agent.destroy();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function post(agent: Agent, url: URL, keys: readonly string[]): Promise<unknown> {
  const body = JSON.stringify({ apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'ProviderRequest', request: { keys } });
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers, timeout: ANSWER_WITHIN_MS }, (answer) => {
      const chunks: Buffer[] = [];
      let length = 0;
      answer.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) answer.destroy(new Error(`expected an answer of at most ${MAX_ANSWER_BYTES} bytes`));
        else chunks.push(chunk);
      });
      answer.on('error', reject).on('end', () => {
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
        } catch (error) {
          reject(error);
        }
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`expected an answer within ${ANSWER_WITHIN_MS} ms`)));
    sent.on('error', reject).end(body);
  });
}
