import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { issueAuthority } from '../src/x509/issue.ts';
import type { Target } from './load.ts';
import { type Measured, startMeasured } from './processes.ts';

const GATEKEEPER_NAME = 'gatekeeper-webhook-service.gatekeeper-system.svc';

/** Certificates and files for one bench run; `serve` and the bare server get the same. */
export interface Bench {
  readonly dir: string;
  readonly tls: Omit<Target, 'url'>;
  readonly paths: { readonly cert: string; readonly key: string; readonly ca: string };
  /** Writes a file, in a folder if the name has one, and gives its path. */
  write(name: string, text: string): string;
  dispose(): void;
}

export async function createBench(): Promise<Bench> {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const write = (name: string, text: string): string => {
    const path = join(dir, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const authority = await issueAuthority({ commonName: 'bench-ca' });
  const serving = await authority.issue({
    commonName: 'provider',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    usages: ['serverAuth'],
  });
  const client = await authority.issue({ commonName: GATEKEEPER_NAME, dnsNames: [GATEKEEPER_NAME], usages: ['clientAuth'] });
  return {
    dir,
    tls: { ca: authority.certPem, cert: client.certPem, key: client.keyPem },
    paths: { cert: write('tls.crt', serving.certPem), key: write('tls.key', serving.keyPem), ca: write('ca.crt', authority.certPem) },
    write,
    dispose: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Starts `serve` on a configuration; logs go nowhere but to the reader of the ready line. */
export function startServe(bench: Bench, config: string, extra: readonly string[] = []): Promise<Measured> {
  const { cert, key, ca } = bench.paths;
  const args = ['serve', '--config', config, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
  return startMeasured(
    ['--max-semi-space-size=2', 'src/main.ts'],
    [...args, '--tls-cert', cert, '--tls-key', key, '--client-ca', ca, ...extra],
    readyAddress,
  );
}

export function startBare(bench: Bench, answer: string): Promise<Measured> {
  const { cert, key, ca } = bench.paths;
  return startMeasured(['bench/bare-server.ts'], [cert, key, ca, bench.write('answer.json', answer)], (line) => line);
}

export interface Trust {
  readonly rootPem: string;
  /** Namespaces with a Verifier of their own. Default: none. */
  readonly namespaces?: readonly string[];
  /** PEM of the root of a timestamping authority; timestamps are demanded then. Default: none. */
  readonly tsaPem?: string;
  /** PEM of more certificates that are trusted, each text in a provider of its own. Default: none. */
  readonly others?: readonly string[];
}

/** Objects in Ratify's YAML. */
export function trustObjects({ rootPem, namespaces = [], tsaPem, others = [] }: Trust): readonly string[] {
  const verifier = {
    name: 'notation',
    artifactTypes: 'application/vnd.cncf.notary.signature',
    parameters: {
      verificationCertStores: {
        ca: { bench: ['bench-root', ...others.map((_, index) => `bench-${index}`)] },
        ...(tsaPem === undefined ? {} : { tsa: { bench: ['bench-tsa'] } }),
      },
      trustPolicyDoc: {
        version: '1.0',
        trustPolicies: [
          {
            name: 'bench',
            registryScopes: ['*'],
            signatureVerification: { level: 'strict' },
            trustStores: ['ca:bench', ...(tsaPem === undefined ? [] : ['tsa:bench'])],
            trustedIdentities: ['*'],
          },
        ],
      },
    },
  };
  const object = (kind: string, name: string, spec: unknown, namespace?: string): string =>
    JSON.stringify({
      apiVersion: 'config.ratify.deislabs.io/v1beta1',
      kind,
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
      spec,
    });
  const inline = (name: string, value: string): string =>
    object('KeyManagementProvider', name, { type: 'inline', parameters: { contentType: 'certificate', value } });
  return [
    inline('bench-root', rootPem),
    ...(tsaPem === undefined ? [] : [inline('bench-tsa', tsaPem)]),
    ...others.map((pem, index) => inline(`bench-${index}`, pem)),
    object('Store', 'registries', { name: 'oras', parameters: { useHttp: true } }),
    object('Policy', 'ratify-policy', { type: 'config-policy', parameters: { artifactVerificationPolicies: { default: 'any' } } }),
    object('Verifier', 'notation', verifier),
    ...namespaces.map((namespace) => object('NamespacedVerifier', 'notation', verifier, namespace)),
  ];
}

export function trustConfig(trust: Trust): string {
  return trustObjects(trust).join('\n---\n');
}

function readyAddress(line: string): string | undefined {
  const entry: unknown = line.startsWith('{') ? JSON.parse(line) : undefined;
  return typeof entry === 'object' && entry !== null && 'msg' in entry && entry.msg === 'ready' && 'address' in entry
    ? String(entry.address)
    : undefined;
}
