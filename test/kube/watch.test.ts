import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OBJECT_KINDS } from '../../src/config/schema/kinds.ts';
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts';
import type { ReflectorTimes } from '../../src/kube/reflector.ts';
import { type ClusterWatch, watchCluster } from '../../src/kube/watch.ts';
import { FakeApiServer, type Fault, refuse } from '../fakes/api-server.ts';
import { collection, recordedLog, resource, until } from './world.ts';

const STORES = collection('Store');
const TENANTS = collection('NamespacedStore');
const store = (name: string, type = 'oras') => resource('Store', name, { name: type });

let server: FakeApiServer;
let client: KubeClient;
let watch: ClusterWatch;
let changes: number;
let logged: Record<string, unknown>[];

const follow = (times: Partial<ReflectorTimes> = {}) => {
  const { log, lines } = recordedLog();
  logged = lines;
  watch = watchCluster({
    client,
    ownNamespace: 'gatekeeper-system',
    log,
    onChange: () => {
      changes += 1;
    },
    times: { minPauseMs: 5, maxPauseMs: 40, absentMs: 20, ...times },
  });
  return until('the first list', () => watch.isSynced());
};
const names = () =>
  watch.loaded().resources.declared.map(({ namespace, name }) => (namespace === undefined ? name : `${namespace}/${name}`));
const becomes = (...expected: string[]) => until(`expected ${expected}`, () => JSON.stringify(names()) === JSON.stringify(expected));
const stores =
  (fault: Fault): Fault =>
  (seen, res) =>
    seen.path === STORES && fault(seen, res);
const watches = (seen: { query: Readonly<Record<string, string>> }) => seen.query.watch === 'true';
/** Does it so many times, then leaves requests to the server. */
const times = (count: number, fault: Fault): Fault => {
  let left = count;
  return (seen, res) => left-- > 0 && fault(seen, res);
};

beforeEach(async () => {
  server = await FakeApiServer.start();
  client = createKubeClient({ env: { KUBECONFIG: server.kubeconfig } });
  changes = 0;
});

afterEach(async () => {
  await watch.close();
  await client.close();
  await server.dispose();
});

describe('the watch on a cluster', () => {
  it('has what was there, by kind and name', async () => {
    server.put(STORES, store('b'));
    server.put(TENANTS, resource('NamespacedStore', 'team/a', { name: 'oras' }));
    server.put(STORES, store('a'));
    await follow();
    expect(names()).toEqual(['a', 'b', 'team/a']);
  });

  it('follows what comes, changes and goes, and tells each', async () => {
    await follow();
    server.put(STORES, store('a'));
    await becomes('a');
    const before = changes;
    server.put(STORES, store('a', 'oci-layout'));
    await until('a change', () => changes > before);
    expect(watch.loaded().resources.declared[0]?.object.spec).toEqual({ name: 'oci-layout' });
    server.delete(STORES, 'a');
    await becomes();
  });

  it('tells nothing before every kind was listed', async () => {
    const held = Promise.withResolvers<boolean>();
    let hold = true;
    server.faults.push((seen) => hold && seen.path === collection('Policy') && held.promise);
    server.put(STORES, store('a'));
    const synced = follow();
    await until('other kinds', () => watch.health().filter((kind) => kind.synced).length === 8);
    server.put(STORES, store('b'));
    await until('b', () => names().includes('b'));
    expect([changes, watch.isSynced()]).toEqual([0, false]);
    hold = false;
    held.resolve(false);
    await synced;
    expect(changes).toBeGreaterThan(0);
  });

  it('is told nothing by a change of the status, labels or annotations alone', async () => {
    const object = store('a');
    server.put(STORES, object);
    await follow();
    const before = changes;
    const [declared] = watch.loaded().resources.declared;
    server.put(STORES, { ...object, status: { issuccess: true }, metadata: { name: 'a', labels: { x: 'y' } } });
    await until('the newer object', () => watch.entries('Store').get('/a')?.object.status !== undefined);
    expect(changes).toBe(before);
    expect(watch.loaded().resources.declared[0]).toBe(declared);
  });

  it('lists more than a page, all of one instant', async () => {
    for (let index = 0; index < 1203; index += 1) server.put(STORES, store(`s${String(index).padStart(4, '0')}`));
    await follow();
    expect(names().length).toBe(1203);
    const pages = server.seen.filter(({ path, query }) => path === STORES && query.watch === undefined);
    expect(pages.map(({ query }) => [query.limit, query.continue])).toEqual([
      ['500', undefined],
      ['500', '500'],
      ['500', '1000'],
    ]);
  });

  it('begins again from the start when a page has expired, and never shows half a list', async () => {
    for (let index = 0; index < 600; index += 1) server.put(STORES, store(`s${index}`));
    let expired = 0;
    let seenPartly = false;
    server.faults.push(({ query }, res) => {
      if (query.continue === undefined || expired >= 2) return false;
      expired += 1;
      seenPartly ||= names().length > 0;
      refuse(res, 410, 'Expired');
      return true;
    });
    await follow();
    expect([names().length, seenPartly, expired]).toEqual([600, false, 2]);
  });

  it('asks for bookmarks, and goes on from the last one after a dropped stream', async () => {
    server.put(STORES, store('a'));
    await follow();
    await until('all watches', () => server.watching() === OBJECT_KINDS.length);
    server.put(collection('Policy'), resource('Policy', 'ratify-policy', {}));
    await until('the policy', () => watch.entries('Policy').size === 1);
    server.bookmark();
    await new Promise((resolve) => setTimeout(resolve, 50));
    server.seen.length = 0;
    server.endWatches('cut');
    await until('the watch again', () => server.seen.some((seen) => seen.path === STORES && watches(seen)));
    const [again] = server.seen.filter(({ path }) => path === STORES);
    expect([again?.query.allowWatchBookmarks, again?.query.resourceVersion]).toEqual(['true', '102']);
  });

  it('misses nothing that happens while a stream is down', async () => {
    server.put(STORES, store('a'));
    await follow();
    for (const how of ['cut', 'end'] as const) {
      await until('the watches', () => server.watching() === OBJECT_KINDS.length);
      server.endWatches(how);
      server.put(STORES, store(`during-${how}`));
    }
    server.delete(STORES, 'a');
    await becomes('during-cut', 'during-end');
  });

  it('lists again when its place is too old, and lets go of what was deleted meanwhile', async () => {
    server.put(STORES, store('a'));
    server.put(STORES, store('b'));
    await follow();
    await until('the watches', () => server.watching() === OBJECT_KINDS.length);
    server.silently(() => server.delete(STORES, 'a'));
    server.compact();
    server.endWatches('cut');
    await becomes('b');
  });

  it.each<[string, string]>([
    ['an error that is not 410', '{"type":"ERROR","object":{"kind":"Status","code":500,"message":"etcdserver: leader changed"}}\n'],
    ['a line that is no JSON', '{"type":"ADDED","object":\n'],
    ['an event of a type that nobody knows', '{"type":"PAUSED","object":{}}\n'],
    ['an object without a name', '{"type":"ADDED","object":{"metadata":{"uid":"u","resourceVersion":"1"}}}\n'],
    ['a bookmark without a version', '{"type":"BOOKMARK","object":{"metadata":{}}}\n'],
    ['a line that never ends', `{"type":"ADDED","object":{"metadata":{"name":"${'x'.repeat(9 * 1024 * 1024)}`],
  ])('begins again after %s, and keeps what it knows', async (_case, text) => {
    server.put(STORES, store('a'));
    await follow();
    await until('the watches', () => server.watching() === OBJECT_KINDS.length);
    server.tell(STORES, text);
    await until('a failure', () => watch.health().some(({ failures }) => failures > 0));
    expect(names()).toEqual(['a']);
    server.put(STORES, store('b'));
    await becomes('a', 'b');
  });

  it.each<[string, number, string]>([
    ['forbidden', 403, 'Forbidden'],
    ['the API server fails', 500, 'InternalError'],
    ['the API server is overloaded', 429, 'TooManyRequests'],
    ['the API server is not ready', 503, 'ServiceUnavailable'],
  ])('tries again, for ever, where %s, and says so', async (_case, status, reason) => {
    server.put(STORES, store('a'));
    server.faults.push(
      stores(
        times(4, (_seen, res) => {
          refuse(res, status, reason);
          return true;
        }),
      ),
    );
    await follow();
    expect(names()).toEqual(['a']);
    expect(watch.health().find(({ kind }) => kind === 'Store')?.failures).toBe(4);
    expect(logged.filter(({ kind }) => kind === 'Store').map(({ msg }) => msg)).toEqual([
      ...Array<string>(4).fill('the cluster cannot be read; what is known stays in force'),
      'the cluster answers again',
    ]);
  });

  it('waits as long as it is asked to', async () => {
    server.faults.push(
      stores(
        times(1, (_seen, res) => {
          refuse(res, 429, 'TooManyRequests', { 'retry-after': '1' });
          return true;
        }),
      ),
    );
    const startedAt = performance.now();
    await follow({ maxPauseMs: 2000 });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(950);
  });

  it('keeps what it knows while the API server is gone, and says for how long', async () => {
    server.put(STORES, store('a'));
    await follow();
    const port = Number(new URL(server.url).port);
    await server.stop();
    await until('failures', () => watch.health().every(({ failures }) => failures > 1));
    expect(names()).toEqual(['a']);
    const before = watch.health()[0]?.heardAt;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(watch.health()[0]?.heardAt).toBe(before);
    expect(port).toBeGreaterThan(0);
  });

  it('takes a watch for dead that says nothing, not even a bookmark', async () => {
    server.put(STORES, store('a'));
    await follow({ silenceMs: 150 });
    await until('silence', () => watch.health().every(({ failures }) => failures > 0));
    expect(logged.find(({ kind }) => kind === 'Store')?.reason).toBe('the watch of stores was silent for 0.15 s');
    server.put(STORES, store('b'));
    await becomes('a', 'b');
  });

  it('is kept alive by bookmarks alone', async () => {
    await follow({ silenceMs: 1000 });
    for (let round = 0; round < 40; round += 1) {
      server.bookmark();
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    expect(watch.health().map(({ failures }) => failures)).toEqual(OBJECT_KINDS.map(() => 0));
  });

  it('lists again after a while, whatever the watch said', async () => {
    server.put(STORES, store('a'));
    await follow({ relistMs: 50 });
    await until('the watches', () => server.watching() === OBJECT_KINDS.length);
    server.silently(() => server.delete(STORES, 'a'));
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(names()).toEqual(['a']);
    server.endWatches('end');
    await becomes();
  });

  it('takes a kind that the API server does not know for nothing, and notices when it comes', async () => {
    server.unknown.add(STORES);
    await follow();
    expect([names(), watch.health().find(({ kind }) => kind === 'Store')?.absent]).toEqual([[], true]);
    server.unknown.delete(STORES);
    server.put(STORES, store('a'));
    await becomes('a');
  });

  it('lets go of a kind whose definition is deleted, but not at the first word of it', async () => {
    server.put(STORES, store('a'));
    await follow();
    const absent = (): boolean => watch.health().find(({ kind }) => kind === 'Store')?.absent === true;
    const unknown = times(1, (_seen, res) => {
      res.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
      return true;
    });
    server.faults.push(stores(unknown));
    server.endWatches('cut');
    await until('the watches', () => server.watching() === OBJECT_KINDS.length);
    expect([names(), absent()]).toEqual([['a'], false]);
    server.unknown.add(STORES);
    server.endWatches('cut');
    await becomes();
    expect(absent()).toBe(true);
  });

  it('counts an object that is being deleted as gone', async () => {
    server.put(STORES, store('a'));
    await follow();
    server.put(STORES, { ...store('a'), metadata: { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x/y'] } });
    await becomes();
  });

  it('reads a token again that is not taken any more', async () => {
    let now = 0;
    client = createKubeClient({ env: { KUBECONFIG: server.kubeconfig }, monotonic: () => now });
    server.token = 'first-token';
    server.put(STORES, store('a'));
    await follow();
    writeFileSync(join(server.folder, 'token'), 'second-token');
    server.token = 'second-token';
    now = 6000;
    server.endWatches('cut');
    server.put(STORES, store('b'));
    await becomes('a', 'b');
    expect(server.seen.at(-1)?.authorization).toBe('Bearer second-token');
  });

  it('takes the definitions of an object that is invalid, with what is wrong', async () => {
    server.put(STORES, resource('Store', 'deep', { name: 'oras', parameters: JSON.parse(`${'{"a":'.repeat(70)}1${'}'.repeat(70)}`) }));
    await follow();
    expect(watch.loaded().diagnostics.map(({ message }) => message)).toEqual(['expected at most 64 levels of nesting, found more']);
  });
});
