import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { descriptorOf, FakeStoreError, snapshotOf } from './fake-engine.ts';
import { MUTATE, startTestProvider, type TestProvider } from './running-provider.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
let provider: TestProvider;
beforeAll(async () => {
  provider = await startTestProvider({ settings: { mutating: { webhookMs: 2000, providerMs: 1000, deadlineMs: 200 } } });
});
afterAll(() => provider.close());
beforeEach(() => {
  provider.world.resolved.length = 0;
  provider.world.behaviours.clear();
  provider.use(snapshotOf(provider.world.engine()));
});

describe.each([[MUTATE], ['/countersign/v1/mutate'], ['/ratify/gatekeeper/v2/mutate']])('%s', (path) => {
  it.each([
    ['reg.test/app:1', `reg.test/app:1@${descriptorOf('app').digest}`],
    ['59: nginx', `docker.io/library/nginx:latest@${descriptorOf('library/nginx').digest}`],
    ['acme/app', `docker.io/acme/app:latest@${descriptorOf('acme/app').digest}`],
    ['localhost/app', `localhost/app:latest@${descriptorOf('app').digest}`],
    ['REG.test:5000/app:v1', `reg.test:5000/app:v1@${descriptorOf('app').digest}`],
  ])('pins %s and keeps its tag', async (title, value) => {
    const key = title.replace(/^\d+: /, '');
    const { status, response } = await provider.ask([key], path);
    expect(status).toBe(200);
    expect(response).toEqual({ idempotent: true, systemError: '', items: [{ key, value }] });
  });

  it.each([[`reg.test/app@${DIGEST}`], [`nginx:1@${DIGEST}`]])('57: gives %s back without asking a registry', async (key) => {
    expect((await provider.ask([key], path)).response.items).toEqual([{ key, value: key }]);
    expect(provider.world.resolved).toEqual([]);
  });
});

describe('/mutate', () => {
  it('57: gives what it pinned back the second time', async () => {
    const first = (await provider.ask(['nginx'], MUTATE)).response.items?.[0]?.value;
    expect((await provider.ask([first], MUTATE)).response.items).toEqual([{ key: first, value: first }]);
  });

  it.each([
    ['58: nothing', ''],
    ['58: what names no image', ':x'],
    ['61: a service account', 'system:serviceaccount:team:name'],
    ['S-12: a namespace in brackets', '[other]reg.test/app:1'],
    ['S-12: a namespace before a digest', `[other]reg.test/app@${DIGEST}`],
    ['a control character', 'app\u0007'],
    ['10: 64 KiB', 'a'.repeat(65_536)],
  ])('has an error for %s and pins the others', async (_case, key) => {
    const { response } = await provider.ask([key, 'reg.test/app:1'], MUTATE);
    expect(response.systemError).toBe('');
    expect(response.items?.[0]).toEqual({ key, error: expect.stringMatching(/^INVALID_REFERENCE: /) });
    expect(response.items?.[1]?.value).toContain('reg.test/app:1@sha256:');
    expect(provider.world.resolved).toHaveLength(1);
  });

  it.each([['REGISTRY_UNREACHABLE'], ['REGISTRY_DENIED'], ['IMAGE_NOT_FOUND'], ['TRUST_STORE_INVALID']])(
    '51: has %s as that item’s error and no systemError',
    async (code) => {
      provider.world.behaviours.set('down', () => Promise.reject(new FakeStoreError(code, 'it went wrong')));
      const { response } = await provider.ask(['reg.test/down:1', 'reg.test/app:1'], MUTATE);
      expect(response.systemError).toBe('');
      expect(response.items?.[0]).toEqual({ key: 'reg.test/down:1', error: `${code}: it went wrong` });
      expect(response.items?.[1]).toHaveProperty('value');
    },
  );

  it('has the deadline as the error of what was too slow', async () => {
    provider.world.behaviours.set('slow', () => new Promise(() => undefined));
    const { response } = await provider.ask(['reg.test/app:1', 'slow.test/slow:1'], MUTATE);
    expect(response.items?.[0]).toHaveProperty('value');
    expect(response.items?.[1]).toEqual({ key: 'slow.test/slow:1', error: 'DEADLINE_EXCEEDED: no digest within 200 ms; ask again' });
  });

  it('has an error of ours without its text', async () => {
    provider.world.behaviours.set('app', () => Promise.reject(new TypeError('secret detail')));
    const { response } = await provider.ask(['reg.test/app:1'], MUTATE);
    expect(response.items).toEqual([{ key: 'reg.test/app:1', error: 'INTERNAL: an error of ours; the log has it' }]);
  });

  it('is misconfigured where the cluster has no Store, but for what has a digest already', async () => {
    provider.use(snapshotOf(provider.world.engine('none', { store: undefined })));
    const { response } = await provider.ask(['reg.test/app:1', `reg.test/app@${DIGEST}`], MUTATE);
    expect(response.items?.[0]?.error).toMatch(/^NO_STORE: /);
    expect(response.items?.[1]).toHaveProperty('value');
  });

  it('asks the cluster’s view and verifies nothing', async () => {
    const asked: (string | undefined)[] = [];
    const engine = provider.world.engine();
    provider.use({
      for: (namespace) => {
        asked.push(namespace);
        return engine;
      },
    });
    expect((await provider.ask(['reg.test/unsigned:1'], MUTATE)).response.items?.[0]).toHaveProperty('value');
    expect(asked).toEqual([undefined]);
  });
});
