import { z } from 'zod';
import { defineKeyProvider } from '../engine/kinds.ts';
import { contentType, MAX_CHARACTERS, readMaterial } from './material.ts';

const parameters = z.object({
  contentType: contentType.describe('What `value` holds.'),
  value: z.string().min(1).max(MAX_CHARACTERS).describe('PEM: certificates, or one public key.'),
});

/**
 * Certificates, or a public key, written in the declaration itself.
 *
 * @throws {ConfigProblem} `CONFIG_INVALID` for a value that is not PEM of that kind, or that holds a private key.
 */
export const inline = defineKeyProvider({
  type: 'inline',
  parameters,
  create: ({ name, parameters: { contentType: holds, value } }) => {
    const material = readMaterial(value, holds, { at: 'spec.parameters.value', label: '', name: '', version: '' });
    return { name, type: 'inline', fetch: async () => material };
  },
});
