import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { ConfigProblem } from '../engine/errors.ts';
import type { KeyMaterial } from '../engine/types.ts';
import { errorText } from '../lib/errors.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { readPemCertificates } from '../x509/pem.ts';

/** What a text or a file of a provider holds. */
export const contentType = z.enum(['certificate', 'key']);
export type ContentType = z.infer<typeof contentType>;

/** Where a text came from: `at` is the path in the declaration that it answers for. */
export interface Source {
  readonly at: string;
  /** Put before messages; empty where the text stands in the declaration. */
  readonly label: string;
  readonly name: string;
  readonly version: string;
}

/** Longest text of one source. */
export const MAX_CHARACTERS = 1024 * 1024;

/**
 * Reads PEM: certificates, or one public key.
 *
 * @throws {ConfigProblem} `CONFIG_INVALID` for a text that is not of that kind or holds a private key, which is never repeated.
 */
export function readMaterial(text: string, holds: ContentType, source: Source): Required<Pick<KeyMaterial, 'certificates' | 'keys'>> {
  return holds === 'certificate'
    ? { certificates: readCertificates(text, source), keys: [] }
    : { certificates: [], keys: [readKey(text, source)] };
}

function readCertificates(text: string, source: Source): readonly Uint8Array[] {
  const certificates = attempt(source, () => readPemCertificates(text));
  for (const [index, der] of certificates.entries()) {
    attempt(source, () => parseCertificate(der), certificates.length === 1 ? '' : `certificate ${index + 1} of ${certificates.length}: `);
  }
  return certificates;
}

function readKey(text: string, source: Source): NonNullable<KeyMaterial['keys']>[number] {
  // Node would take the public half of a private key without a word.
  if (text.includes('PRIVATE KEY-----')) {
    throw new ConfigProblem('CONFIG_INVALID', source.at, `${source.label}expected a public key, found a private key`);
  }
  const key = attempt(source, () => createPublicKey(text), 'error parsing public key: ');
  const { name, version } = source;
  return { name, version, spki: key.export({ type: 'spki', format: 'der' }) };
}

function attempt<T>({ at, label }: Source, read: () => T, prefix = ''): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigProblem('CONFIG_INVALID', at, `${label}${prefix}${errorText(error)}`, { cause: error });
  }
}
