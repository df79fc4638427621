import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { issueProviderCertificate, writeFiles } from './cluster/certificates.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { onFreePorts } from './free-port.ts';

export interface ProductOptions {
  /** For its certificates. */
  readonly folder: string;
  readonly log?: string;
  /** Where its declarations come from: `--config PATH`, `--kube`. */
  readonly from: readonly string[];
  /** PEM of the CA by which it knows Gatekeeper. */
  readonly clientCa: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** `countersign serve` as the chart runs it, on loopback. */
export interface Product {
  readonly address: string;
  readonly admin: string;
  /** PEM of the CA of its certificate. */
  readonly ca: string;
  /** What it has in memory now. */
  residentMiB(): number;
  /** Replaces the files of its client CA while it runs. */
  setClientCa(pem: string): void;
  output(): string;
  /** Resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Starts it again where it was. */
  start(): Promise<void>;
}

const CHECKOUT = join(import.meta.dirname, '../..');
/** It lets go of its callers and of what is in flight first. */
const GONE_WITHIN_MS = 15_000;

export async function startProduct(options: ProductOptions): Promise<Product> {
  const certificate = issueProviderCertificate();
  const { ca, cert, key } = certificate;
  const files = writeFiles(join(options.folder, 'product'), { 'tls.crt': cert, 'tls.key': key, 'client-ca.crt': options.clientCa });
  const tls = ['--tls-cert', files['tls.crt'], '--tls-key', files['tls.key'], '--client-ca', files['client-ca.crt']];
  let daemon: Daemon | undefined;
  const launch = (listen: string, admin: string): Promise<Daemon> =>
    startDaemon({
      name: 'countersign',
      bin: process.execPath,
      args: [
        '--max-semi-space-size=2',
        join(CHECKOUT, 'src/main.ts'),
        'serve',
        ...options.from,
        '--listen',
        listen,
        '--admin',
        admin,
        ...tls,
        ...(options.flags ?? []),
      ],
      ...(options.log === undefined ? {} : { log: options.log }),
      ...(options.env === undefined ? {} : { env: options.env }),
      goneWithinMs: GONE_WITHIN_MS,
      ready: async (output) => output().includes('"msg":"ready"'),
    });
  const { address, admin } = await onFreePorts(async (next) => {
    const chosen = { address: `127.0.0.1:${await next()}`, admin: `127.0.0.1:${await next()}` };
    daemon = await launch(chosen.address, chosen.admin);
    return chosen;
  });
  return {
    address,
    admin,
    ca,
    residentMiB: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon?.pid}/status`, 'utf8'))?.[1]) / 1024,
    setClientCa: (pem) => writeFiles(join(options.folder, 'product'), { 'client-ca.crt': pem }),
    output: () => daemon?.output() ?? '',
    async stop() {
      const code = await daemon?.stop();
      daemon = undefined;
      return code ?? null;
    },
    async start() {
      daemon = await launch(address, admin);
    },
  };
}
