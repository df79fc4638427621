// @rig olareg, notation, cluster, gatekeeper
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PushedImage } from '../rig/signed-images.ts';
import { createNamespaces, pod } from '../rig/workloads.ts';
import { startWorld, type World } from '../rig/world.ts';
import { readObjects } from './policies.ts';

const BUILD_WITHIN_MS = 60 * 60_000;

/** By template: what its namespaces are, what it asks for an image, and what it says of one that is unsigned. */
const LIBRARY = [
  {
    file: 'default.yaml',
    namespaces: ['default'],
    key: (_: string, image: string) => image,
    says: (key: string) => ({ begin: 'Time=', contain: `, failed to verify the artifact: ${key}, trace-id: ` }),
    errors: true,
  },
  {
    file: 'multi-tenancy.yaml',
    namespaces: ['default', 'new-namespace'],
    key: (namespace: string, image: string) => `[${namespace}]${image}`,
    says: (key: string) => ({ begin: 'Time=', contain: `, failed to verify the artifact: ${key}, trace-id: ` }),
    errors: true,
  },
  {
    file: 'notation.yaml',
    namespaces: ['default'],
    key: (_: string, image: string) => image,
    says: (key: string) => ({
      begin: 'signature verification failed for all signatures associated with ',
      contain: `associated with ${key}`,
    }),
    errors: false,
  },
] as const;

describe('the constraint templates of Ratify', () => {
  let world: World;
  let signed: PushedImage;
  let unsigned: PushedImage;

  beforeAll(async () => {
    world = await startWorld({ onProgress: console.log });
    signed = await world.images.pushSigned('library:signed');
    unsigned = await world.images.push('library:unsigned');
    await createNamespaces(world.cluster.client, 'new-namespace');
  }, BUILD_WITHIN_MS);

  afterAll(() => world?.stop());

  const create = (namespace: string, ...images: readonly string[]) =>
    world.cluster.client.create(pod(namespace, 'case', ...images), { dryRun: true });

  // Each takes the place of the one before, as the second does that has the first one's kind.
  describe.each(LIBRARY)('$file', ({ file, namespaces, key, says, errors }) => {
    beforeAll(() => world.declare(...readObjects(`test/e2e/ratify-library/${file}`)));
    afterAll(async () => {
      for (const { apiVersion, kind, metadata } of [...readObjects(`test/e2e/ratify-library/${file}`)].reverse())
        await world.cluster.client.delete({ apiVersion, kind, name: metadata.name ?? '' });
    });

    it.each(namespaces)('admits a signed image in %s, by tag and by digest', async (namespace) => {
      expect(await create(namespace, signed.reference)).toMatchObject({ admitted: true });
      expect(await create(namespace, `${signed.reference}@${signed.digest}`)).toMatchObject({ admitted: true });
    });

    it.each(namespaces)('denies an unsigned image in %s in its own words', async (namespace) => {
      const { admitted: ok, message } = await create(namespace, signed.reference, unsigned.reference);
      const { begin, contain } = says(key(namespace, unsigned.reference));
      expect({ ok, message }).toEqual({ ok: false, message: expect.stringContaining(`] ${begin}`) });
      expect(message).toContain(contain);
    });

    it(
      errors ? 'denies what is no reference' : 'has the hole that it has: what is no reference is an error, at which it does not look',
      async () => {
        const { admitted: ok, message } = await create('default', 'registry.example.com/UPPER:1');
        if (errors)
          expect({ ok, message }).toEqual({ ok: false, message: expect.stringContaining('Error validating one or more images: ') });
        else expect(ok).toBe(true);
      },
    );

    it('denies what could not be found out, with a system error', async () => {
      const { admitted: ok, message } = await create('default', 'localhost:1/not/there:1');
      expect({ ok, message }).toEqual({ ok: false, message: expect.stringContaining('System error calling external data provider: ') });
      expect(message).toContain('unavailable REGISTRY_UNREACHABLE');
    });
  });
});
