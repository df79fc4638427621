import { describe, expect, it } from '@jest/globals';
import type { RegistrySettings } from '../../src/engine/kinds.ts';
import type { Credential } from '../../src/engine/types.ts';
import { oras } from '../../src/stores/registry.ts';
import { REPOSITORY, startFakeRegistry } from '../fakes/registry.ts';
import { failure, never } from '../oci/world.ts';

const USER = { username: 'robot', password: 's3cret' };
const settings = (plainHttp: boolean): RegistrySettings => ({ plainHttp, ca: () => undefined, tokenServers: () => [] });
const make = (parameters: object, plainHttp: boolean, credential?: Credential) =>
  oras.create({
    name: 'store-oras',
    parameters: oras.parameters.parse(parameters),
    credentials: { type: 'fixed', get: async () => credential },
    registries: settings(plainHttp),
  });

describe('the oras store', () => {
  it.each([
    ['useHttp', { useHttp: true }, false],
    ['--plain-http', {}, true],
  ])('speaks plain HTTP by %s, with the credentials of its provider', async (_, parameters, plainHttp) => {
    const fake = await startFakeRegistry({ auth: { kind: 'basic', ...USER } });
    const image = fake.pushImage();
    const reference = { registry: fake.host, path: REPOSITORY, tag: 'v1' };
    expect(await make(parameters, plainHttp, USER).resolve(reference, never)).toEqual(image);
    expect(await failure(make(parameters, plainHttp).resolve(reference, never))).toMatchObject({ code: 'REGISTRY_DENIED' });
    await fake.close();
  });

  it('speaks TLS otherwise, to loopback too', async () => {
    const fake = await startFakeRegistry();
    const reference = { registry: fake.host, path: REPOSITORY, tag: 'x127.0.0.1' };
    expect(await failure(make({}, false).resolve(reference, never))).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(fake.requests).toEqual([]);
    await fake.close();
  });

  it('answers for every registry', () => {
    expect(make({}, false).answersFor('registry.example')).toBe(true);
  });

  it("takes the parameters of Ratify's chart", () => {
    const parameters = { cosignEnabled: true, useHttp: false, cacheEnabled: true, ttl: 10, localCachePath: '/tmp/x' };
    expect(oras.parameters.parse(parameters)).toEqual(parameters);
  });

  it.each([{ useHttp: 'true' }, { cosignEnabled: 1 }, { ttl: -1 }, { ttl: '10' }, { cacheEnabled: null }])(
    'does not take %j',
    (parameters) => {
      expect(oras.parameters.safeParse(parameters).success).toBe(false);
    },
  );
});
