import { createPrivateKey, X509Certificate } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { CodedError, errorText } from '../lib/errors.ts';

/** Where PEM comes from: a path, or something under a name that gives it. */
export type PemSource = string | { readonly name: string; read(): string };

/** Where the provider's TLS material lies: PEM files, as a mounted Secret has them, or what is made at run time. */
export interface TlsFiles {
  readonly cert: PemSource;
  readonly key: PemSource;
  /** Authorities of client certificates; absent without client authentication. */
  readonly clientCa?: string;
}

/** What the files hold, checked to belong together. */
export interface Certificates {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  /** When the serving certificate expires. */
  readonly notAfter: Date;
}

/** TLS files that cannot be used. */
export class TlsFilesError extends CodedError {
  readonly code = 'TLS_FILES_INVALID';
}

const MAX_BYTES = 1024 * 1024;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g;

/**
 * Reads certificate, key and client authorities together.
 *
 * @throws {TlsFilesError} if one cannot be read or parsed, if the key is not the certificate's, or if `clientCa` holds no certificate
 *   (Node takes an empty text for the public roots, and garbage for no authority at all).
 */
export async function loadCertificates(files: TlsFiles): Promise<Certificates> {
  return checkCertificates(files, await readFiles(files));
}

/**
 * Looks at the files' content every `intervalMs`, since a mounted Secret changes by a swapped symlink that no file watcher on the file sees.
 * Each new content is handed once to `onChange`, or to `onBroken` if it is not usable; `close` ends it.
 */
export function watchCertificates(
  files: TlsFiles,
  current: Certificates,
  intervalMs: number,
  onChange: (certificates: Certificates) => void,
  onBroken: (error: unknown) => void,
): { close(): void } {
  let seen = contentOf(current);
  let looking = false;
  const look = async () => {
    const read = await readFiles(files).catch((error: unknown) => ({ error }));
    const content = 'error' in read ? errorText(read.error) : contentOf(read);
    if (content === seen) return;
    seen = content;
    try {
      if ('error' in read) throw read.error;
      onChange(checkCertificates(files, read));
    } catch (error) {
      onBroken(error);
    }
  };
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, intervalMs);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

type Texts = Pick<Certificates, 'cert' | 'key' | 'ca'>;

async function readFiles(files: TlsFiles): Promise<Texts> {
  const [cert, key, ca] = await Promise.all([
    readText(files.cert),
    readText(files.key),
    files.clientCa === undefined ? undefined : readText(files.clientCa),
  ]);
  return { cert, key, ...(ca === undefined ? {} : { ca }) };
}

async function readText(source: PemSource): Promise<string> {
  if (typeof source !== 'string') return source.read();
  const path = source;
  try {
    const file = await open(path);
    try {
      const found = await file.stat();
      if (!found.isFile() || found.size > MAX_BYTES) throw new TlsFilesError(`expected ${path} to be a file of at most ${MAX_BYTES} bytes`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof TlsFilesError) throw error;
    throw new TlsFilesError(`${path} cannot be read: ${errorText(error)}`, { cause: error });
  }
}

function checkCertificates(files: TlsFiles, { cert, key, ca }: Texts): Certificates {
  const serving = attempt(`${nameOf(files.cert)} holds no certificate in PEM`, () => new X509Certificate(cert));
  const privateKey = attempt(`${nameOf(files.key)} holds no private key in PEM`, () => createPrivateKey(key));
  if (!serving.checkPrivateKey(privateKey))
    throw new TlsFilesError(`the key in ${nameOf(files.key)} is not the key of the certificate in ${nameOf(files.cert)}`);
  if (ca !== undefined) checkAuthorities(files.clientCa ?? '', ca);
  attempt('the TLS files make no usable TLS context', () => createSecureContext({ cert, key, ca, minVersion: 'TLSv1.3' }));
  return { cert, key, ...(ca === undefined ? {} : { ca }), notAfter: serving.validToDate };
}

function checkAuthorities(path: string, text: string): void {
  const blocks = text.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) throw new TlsFilesError(`expected at least one certificate in PEM in ${path}, found none`);
  for (const block of blocks) attempt(`${path} holds a certificate that cannot be parsed`, () => new X509Certificate(block));
}

function nameOf(source: PemSource): string {
  return typeof source === 'string' ? source : source.name;
}

function attempt<T>(message: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new TlsFilesError(`${message}: ${errorText(error)}`, { cause: error });
  }
}

function contentOf({ cert, key, ca }: Texts): string {
  return JSON.stringify([cert, key, ca ?? null]);
}
