import { z } from 'zod';
import { defineStore } from '../engine/kinds.ts';
import { createRegistry, RegistryClient, type RegistryLimits } from '../oci/index.ts';

const parameters = z.object({
  useHttp: z.boolean().default(false).describe('Speak plain HTTP to every registry of this Store.'),
  cosignEnabled: z.boolean().default(false).describe('Read, and without effect until there is a verifier for cosign signatures.'),
  cacheEnabled: z.boolean().default(true).describe('Read, and without effect: what may be cached always is.'),
  ttl: z.number().min(0).default(10).describe('Read, and without effect: the freshness of referrers is a setting of the whole.'),
  localCachePath: z.string().default('').describe('Read, and without effect: nothing is kept on disk.'),
});

const PLAIN_HTTP = 'plain HTTP: whoever is on the way to a registry reads its credentials, says what a tag means and hides signatures';

/** Ratify's store for registries, whichever host a reference names. */
export const oras = defineStore({
  type: 'oras',
  parameters,
  hints: ({ useHttp }) => (useHttp ? [{ path: ['useHttp'], message: PLAIN_HTTP }] : []),
  create: ({ parameters: { useHttp }, credentials, registries }) => {
    const client = new RegistryClient({
      plainHttp: useHttp || registries.plainHttp,
      ca: registries.ca,
      tokenServers: registries.tokenServers,
      credentials: (registry, signal) => credentials.get(registry, signal),
      ...(registries.concurrency === undefined ? {} : { limits: limitsOf(registries.concurrency) }),
    });
    return { answersFor: () => true, ...createRegistry(client) };
  },
});

function limitsOf({ perRegistry, total }: { readonly perRegistry: number; readonly total: number }): Partial<RegistryLimits> {
  return { registryConcurrency: perRegistry, totalConcurrency: total };
}
