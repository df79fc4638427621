import type { KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as der from '../der-writer.ts';
import { type CertificateOptions, extendedKeyUsage, type Issued, keyUsage, OID, pki } from '../pki.ts';

export const GATEKEEPER = 'gatekeeper-webhook-service.gatekeeper-system.svc';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** The three files that the provider reads, swapped by symlink as Kubernetes swaps a mounted Secret. */
export interface TlsFolder {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
  swap(files: Pair & { readonly ca: string }): void;
  dispose(): void;
}

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** An authority as Gatekeeper's own controller makes it: RSA, serial number 0. */
export function gatekeeperAuthority(commonName = 'gatekeeper-ca'): Issued {
  return pki.root({
    key: 'RSA-2048',
    serial: Uint8Array.of(0),
    subject: [
      ['O', 'gatekeeper'],
      ['CN', commonName],
    ],
  });
}

/** Gatekeeper's webhook certificate, which is what it shows as a client. */
export function clientPair(
  authority: Pick<Issued, 'leaf'>,
  change: { name?: string; usages?: readonly string[] } & CertificateOptions = {},
): Pair {
  const { name = GATEKEEPER, usages = [SERVER_AUTH, CLIENT_AUTH], ...options } = change;
  return pair(
    authority.leaf({
      key: 'EC-256',
      subject: [['CN', name]],
      ...options,
      extensions: {
        [OID.keyUsage]: { critical: true, value: keyUsage(0) },
        [OID.extendedKeyUsage]: { value: extendedKeyUsage(...usages) },
        [OID.subjectAltName]: { value: der.sequence(dnsName(name)) },
        ...options.extensions,
      },
    }),
  );
}

export const serverAuthOnly = [SERVER_AUTH];

export function serverPair(authority: Issued, options: CertificateOptions = {}): Pair {
  return clientPair(authority, { name: 'localhost', usages: [SERVER_AUTH], ...options });
}

/** Makes the folder; `swap` replaces all files at one instant. */
export function tlsFolder(files: Pair & { readonly ca: string }): TlsFolder {
  const dir = mkdtempSync(join(tmpdir(), 'provider-tls-'));
  let version = 0;
  const swap = ({ cert, key, ca }: Pair & { readonly ca: string }): void => {
    version += 1;
    const target = join(dir, `..${version}`);
    mkdirSync(target);
    writeFileSync(join(target, 'tls.crt'), cert);
    writeFileSync(join(target, 'tls.key'), key, { mode: 0o600 });
    writeFileSync(join(target, 'ca.crt'), ca);
    symlinkSync(target, join(dir, '..next'));
    renameSync(join(dir, '..next'), join(dir, '..data'));
  };
  swap(files);
  for (const name of ['tls.crt', 'tls.key', 'ca.crt']) symlinkSync(join('..data', name), join(dir, name));
  return {
    cert: join(dir, 'tls.crt'),
    key: join(dir, 'tls.key'),
    clientCa: join(dir, 'ca.crt'),
    swap,
    dispose: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function pair({ pem, privateKey }: { readonly pem: string; readonly privateKey: KeyObject }): Pair {
  return { cert: pem, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

function dnsName(name: string): Uint8Array {
  return der.tlv(0x82, Buffer.from(name));
}
