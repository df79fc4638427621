import { describe, expect, it } from '@jest/globals';
import { ociLayout } from '../../src/stores/layout.ts';
import { imageManifest, openLayout } from '../oci/layout-writer.ts';
import { never } from '../oci/world.ts';

const registries = { plainHttp: false, ca: () => undefined, tokenServers: () => [] };
const credentials = { type: 'none', get: async () => undefined };

describe('the oci-layout store', () => {
  it('answers for its registry only, from its folder', async () => {
    const folder = openLayout();
    const image = folder.blob(imageManifest());
    const parameters = ociLayout.parameters.parse({ path: folder.path, registry: 'registry.example:5000' });
    const store = ociLayout.create({ name: 'store', parameters, credentials, registries });
    expect(['registry.example:5000', 'registry.example', 'x.registry.example:5000', ''].map((host) => store.answersFor(host))).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(await store.resolve({ registry: 'registry.example:5000', path: 'any', digest: image.digest }, never)).toEqual(image);
    folder.dispose();
  });

  it.each([
    {},
    { path: '/x' },
    { registry: 'registry.example' },
    { path: '', registry: 'registry.example' },
    { path: '/x', registry: '' },
    { path: '/x', registry: 'Registry.Example' },
    { path: '/x', registry: 'https://registry.example' },
    { path: '/x', registry: 'registry.example/team' },
    { path: '/x', registry: 'registry.example:0443' },
  ])('does not take %j', (parameters) => {
    expect(ociLayout.parameters.safeParse(parameters).success).toBe(false);
  });
});
