import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { ConfigProblem } from '../engine/errors.ts';
import { defineKeyProvider } from '../engine/kinds.ts';
import type { KeyMaterial } from '../engine/types.ts';
import { errorText } from '../lib/errors.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { readPemCertificates } from '../x509/pem.ts';

const MAX_CHARACTERS = 1024 * 1024;
const VALUE = 'spec.parameters.value';

const parameters = z.object({
  contentType: z.enum(['certificate', 'key']).describe('What `value` holds.'),
  value: z.string().min(1).max(MAX_CHARACTERS).describe('PEM: certificates, or one public key.'),
});

/**
 * Certificates written in the declaration itself. `contentType: key` is read as in Ratify, and gives no certificates.
 *
 * @throws {ConfigProblem} `CONFIG_INVALID` for a value that is not PEM of that kind, or that holds a private key.
 */
export const inline = defineKeyProvider({
  type: 'inline',
  parameters,
  create: ({ name, parameters: { contentType, value } }) => {
    const material = contentType === 'certificate' ? readCertificates(value) : readKey(value);
    return { name, type: 'inline', fetch: async () => material };
  },
});

function readCertificates(value: string): KeyMaterial {
  const certificates = attempt(() => readPemCertificates(value));
  for (const [index, der] of certificates.entries()) {
    attempt(() => parseCertificate(der), certificates.length === 1 ? '' : `certificate ${index + 1} of ${certificates.length}: `);
  }
  return { certificates };
}

function readKey(value: string): KeyMaterial {
  // Node would take the public half of a private key without a word.
  if (value.includes('PRIVATE KEY-----')) throw new ConfigProblem('CONFIG_INVALID', VALUE, 'expected a public key, found a private key');
  attempt(() => createPublicKey(value), 'error parsing public key: ');
  return { certificates: [] };
}

function attempt<T>(read: () => T, prefix = ''): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigProblem('CONFIG_INVALID', VALUE, `${prefix}${errorText(error)}`, { cause: error });
  }
}
