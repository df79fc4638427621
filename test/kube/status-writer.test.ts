import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ObjectState } from '../../src/config/engines.ts';
import type { KeyState } from '../../src/config/key-sources.ts';
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts';
import { createStatusWriter, type StatusTimes, type StatusWriter } from '../../src/kube/status-writer.ts';
import { type ClusterWatch, watchCluster } from '../../src/kube/watch.ts';
import { FakeApiServer, refuse, type Stored } from '../fakes/api-server.ts';
import { collection, recordedLog, resource, until } from './world.ts';

const STORES = collection('Store');
const KEYS = collection('KeyManagementProvider');

/** One replica: a watch and a writer of its own. */
interface Replica {
  readonly watch: ClusterWatch;
  readonly writer: StatusWriter;
  readonly log: Record<string, unknown>[];
  /** What became of everything that it sees now. */
  apply(over?: (state: ObjectState) => ObjectState): void;
  close(): Promise<void>;
}

let server: FakeApiServer;
let client: KubeClient;
let replicas: Replica[];
let clock: { at: number };
let keys: Map<string, KeyState>;

beforeEach(async () => {
  server = await FakeApiServer.start();
  client = createKubeClient({ env: { KUBECONFIG: server.kubeconfig } });
  replicas = [];
  clock = { at: Date.parse('2026-05-01T12:00:00Z') };
  keys = new Map();
});

afterEach(async () => {
  for (const replica of replicas) await replica.close();
  await client.close();
  await server.dispose();
});

async function replica(times: Partial<StatusTimes> = {}): Promise<Replica> {
  const { log, lines } = recordedLog();
  const watch = watchCluster({ client, ownNamespace: 'gatekeeper-system', log, onChange: () => undefined, times: { minPauseMs: 5 } });
  await until('the first list', () => watch.isSynced());
  const now = () => clock.at;
  const writer = createStatusWriter({
    client,
    watch,
    keys: (source) => keys.get(source),
    log,
    clock: { now, monotonic: now },
    times: { sweepMs: 100_000, retryMs: 10, ...times },
  });
  const made: Replica = {
    watch,
    writer,
    log: lines,
    apply: (over = (state) => state) =>
      writer.update(
        watch
          .loaded()
          .resources.declared.map((declared) =>
            over({ declared, inForce: 'this', diagnostics: [], ...(declared.role === 'keyProvider' ? { keySource: declared.name } : {}) }),
          ),
      ),
    close: async () => {
      await writer.close();
      await watch.close();
    },
  };
  replicas.push(made);
  return made;
}

const put = (name: string, spec: unknown = { name: 'oras' }) => server.put(STORES, resource('Store', name, spec));
const statusOf = (name: string, at = STORES) => server.get(at, name)?.status as Stored | undefined;
const patches = () => server.seen.filter(({ method }) => method === 'PATCH');
const settle = (ms = 80) => new Promise((resolve) => setTimeout(resolve, ms));
const failing = (state: ObjectState): ObjectState => ({
  ...state,
  inForce: 'nothing',
  diagnostics: [{ severity: 'error', file: 'cluster', path: 'spec', code: 'CONFIG_INVALID', message: 'no good' }],
});

describe('the writer of statuses', () => {
  it('writes what became of each object, on top of what it saw and of nothing else', async () => {
    const stored = put('a');
    (await replica()).apply();
    await until('a status', () => statusOf('a') !== undefined);
    expect(statusOf('a')).toMatchObject({ issuccess: true });
    expect(patches().map(({ path, contentType, body }) => [path, contentType, (body as { path: string; value: unknown }[])[0]])).toEqual([
      [
        `${STORES}/a/status`,
        'application/json-patch+json',
        { op: 'replace', path: '/metadata/resourceVersion', value: stored.metadata.resourceVersion },
      ],
    ]);
  });

  it('writes nothing when nothing has changed, however often it is told', async () => {
    put('a');
    const one = await replica();
    one.apply();
    await until('a status', () => one.watch.entries('Store').get('/a')?.object.status !== undefined);
    for (let round = 0; round < 5; round += 1) one.apply();
    await settle();
    expect(patches()).toHaveLength(1);
  });

  it('of several replicas comes to one text, which each of them leaves', async () => {
    for (let index = 0; index < 20; index += 1) put(`s${index}`);
    const all = [await replica(), await replica(), await replica()];
    for (const one of all) one.apply();
    await until('all statuses', () =>
      all.every((one) => [...one.watch.entries('Store').values()].every(({ object }) => object.status !== undefined)),
    );
    await settle(200);
    const before = patches().length;
    for (const one of all) one.apply();
    await settle(200);
    expect(patches()).toHaveLength(before);
    expect(all.map(({ log }) => log.length)).toEqual([0, 0, 0]);
  });

  it('tries again on a conflict with what it sees then', async () => {
    put('a');
    const one = await replica();
    server.silently(() => server.put(STORES, { ...resource('Store', 'a', { name: 'oras' }), status: { issuccess: false } }));
    one.apply();
    await until('a conflict', () => patches().length >= 1);
    expect(statusOf('a')).toEqual({ issuccess: false });
    put('a');
    await until('the status', () => statusOf('a')?.issuccess === true);
    expect(statusOf('a')?.conditions).toHaveLength(1);
  });

  it('writes again when the object does worse, and keeps the time while it stays so', async () => {
    put('a');
    const one = await replica();
    one.apply();
    await until('a status', () => one.watch.entries('Store').get('/a')?.object.status !== undefined);
    clock.at += 3_600_000;
    one.apply(failing);
    await until('the error', () => statusOf('a')?.issuccess === false);
    const [condition] = (statusOf('a')?.conditions ?? []) as { lastTransitionTime: string }[];
    expect(condition).toMatchObject({ status: 'False', reason: 'CONFIG_INVALID', lastTransitionTime: '2026-05-01T13:00:00Z' });
  });

  it('does not fight with somebody who writes something else', async () => {
    put('a');
    const one = await replica();
    one.apply();
    await until('a status', () => one.watch.entries('Store').get('/a')?.object.status !== undefined);
    server.put(STORES, { ...resource('Store', 'a', { name: 'oras' }), status: { issuccess: false, error: 'as another sees it' } });
    await until('their word', () => JSON.stringify(one.watch.entries('Store').get('/a')?.object.status).includes('another'));
    one.apply();
    await settle();
    expect(patches()).toHaveLength(1);
    clock.at += 600_001;
    one.apply();
    await until('our word again', () => statusOf('a')?.issuccess === true);
  });

  it('does not tell an object that was not applied yet what became of the one before', async () => {
    put('a');
    const one = await replica();
    const states = one.watch.loaded().resources.declared.map((declared): ObjectState => ({ declared, inForce: 'this', diagnostics: [] }));
    put('a', { name: 'oci-layout' });
    await until('the newer one', () => JSON.stringify(one.watch.entries('Store').get('/a')?.object).includes('oci-layout'));
    one.writer.update(states);
    await settle();
    expect(patches()).toHaveLength(0);
  });

  it('tells an object that a file declares too', async () => {
    put('a');
    const one = await replica();
    one.apply((state) => ({ ...state, declared: { ...state.declared, origin: { file: 'all.yaml', line: () => 1 } } }));
    await until('a status', () => statusOf('a') !== undefined);
    expect(statusOf('a')?.error).toMatch(/^CONFIG_INVALID: declared in a file/);
  });

  it('lets an object go that is gone', async () => {
    put('a');
    const one = await replica();
    server.silently(() => server.delete(STORES, 'a'));
    one.apply();
    await until('the attempt', () => patches().length === 1);
    await settle();
    expect([patches().length, one.log]).toEqual([1, []]);
  });

  it('says once that it may not write, and does not ask again for a minute', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) put(name);
    server.faults.push((seen, res) => {
      if (seen.method !== 'PATCH') return false;
      refuse(res, 403, 'Forbidden');
      return true;
    });
    const one = await replica();
    one.apply();
    await until('what it says', () => one.log.length > 0);
    // Those that were under way when the first answer came.
    await settle(500);
    expect(patches().length).toBeLessThanOrEqual(4);
    const before = patches().length;
    one.apply();
    await settle();
    expect(patches()).toHaveLength(before);
    server.faults.length = 0;
    clock.at += 61_000;
    one.apply();
    await until('all statuses', () => ['a', 'h'].every((name) => statusOf(name) !== undefined));
  });

  it('tries again where the API server fails', async () => {
    put('a');
    let left = 3;
    server.faults.push((seen, res) => {
      if (seen.method !== 'PATCH' || left-- <= 0) return false;
      refuse(res, 500, 'InternalError');
      return true;
    });
    (await replica()).apply();
    await until('a status', () => statusOf('a') !== undefined);
    expect(patches().length).toBe(4);
  });

  it('writes times of fetches alone every five minutes at most', async () => {
    server.put(KEYS, resource('KeyManagementProvider', 'k', { type: 'inline' }));
    const one = await replica();
    const fetchedNow = () => keys.set('k', { material: { certificates: [] }, fetchedAt: clock.at, triedAt: clock.at, problem: undefined });
    fetchedNow();
    one.apply();
    await until('a status', () => one.watch.entries('KeyManagementProvider').get('/k')?.object.status !== undefined);
    clock.at += 60_000;
    fetchedNow();
    one.writer.fetched('k');
    await settle();
    expect(statusOf('k', KEYS)?.lastfetchedtime).toBe('2026-05-01T12:00:00Z');
    clock.at += 240_000;
    fetchedNow();
    one.writer.fetched('k');
    await until('a newer time', () => statusOf('k', KEYS)?.lastfetchedtime === '2026-05-01T12:05:00Z');
    expect(patches()).toHaveLength(2);
  });

  it('writes at once that a fetch failed', async () => {
    server.put(KEYS, resource('KeyManagementProvider', 'k', { type: 'inline' }));
    const one = await replica();
    const material = { certificates: [] };
    keys.set('k', { material, fetchedAt: clock.at, triedAt: clock.at, problem: undefined });
    one.apply();
    await until('a status', () => one.watch.entries('KeyManagementProvider').get('/k')?.object.status !== undefined);
    const problem = Object.assign(new Error('vault is down'), { code: 'KEY_PROVIDER_UNAVAILABLE' });
    keys.set('k', { material, fetchedAt: clock.at, triedAt: clock.at, problem: problem as unknown as NonNullable<KeyState['problem']> });
    one.writer.fetched('k');
    await until('the failure', () => statusOf('k', KEYS)?.brieferror === 'KEY_PROVIDER_UNAVAILABLE: vault is down');
  });
});
