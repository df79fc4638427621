import { describe, expect, it } from '@jest/globals';
import type { Referrer, Repository, Store, Subject } from '../../src/engine/types.ts';
import { validate } from '../../src/engine/validate.ts';
import { createFactCache } from '../../src/lib/cache.ts';
import { RegistryError } from '../../src/oci/errors.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { cachedStore } from '../../src/stores/cached.ts';
import {
  artifact,
  engine,
  IMAGE,
  NOTATION,
  NOW,
  ports,
  reportOn,
  request,
  rule,
  SBOM,
  type Tree,
  treeStore,
  verifier,
} from '../engine/world.ts';

const never = new AbortController().signal;
const FRESH_MS = 10_000;
const A: Repository = { registry: 'registry.example.test', path: 'a' };
const B: Repository = { registry: 'registry.example.test', path: 'b' };
const good = artifact('good');

/** A cached store over a tree, with a clock that moves only when told to and what the inner store was asked. */
function cached(tree: Tree = {}, over: Partial<Store> = {}) {
  let passed = 1_000;
  const clock = { now: () => NOW.getTime() + passed, monotonic: () => passed };
  const inner = treeStore(tree, over);
  const facts = createFactCache({ maxBytes: 1e6, clock });
  return {
    store: cachedStore(inner, facts, FRESH_MS, clock),
    counts: (port: string) => inner.calls.filter(([called]) => called === port).length,
    pass: (ms: number) => {
      passed += ms;
    },
  };
}

async function list(store: Store, types: readonly string[] = [NOTATION], repository = A): Promise<readonly (readonly Referrer[])[]> {
  const subject: Subject = { repository, descriptor: IMAGE };
  const pages: (readonly Referrer[])[] = [];
  for await (const page of store.listReferrers(subject, types, never)) pages.push(page);
  return pages;
}

const down = () => new RegistryError('REGISTRY_UNREACHABLE', 'connection refused', { registry: 'registry.example.test' });

/** Fails the first time, then gives `value`. */
function failsOnce<T>(value: T): () => Promise<T> {
  let calls = 0;
  return async () => {
    calls += 1;
    if (calls === 1) throw down();
    return value;
  };
}

describe('a cached store', () => {
  it('answers for the registries that the store answers for', () => {
    const { store } = cached({}, { answersFor: (registry) => registry === 'one.example.test' });
    expect([store.answersFor('one.example.test'), store.answersFor('two.example.test')]).toEqual([true, false]);
  });

  it('says until when a tag may be believed, and lets no later caller believe it longer', async () => {
    const { store, pass } = cached();
    const tag = parseReference('registry.example.test/a:v1');
    const first = await store.resolve(tag, never);
    pass(FRESH_MS - 1);
    expect((await store.resolve(tag, never)).freshUntil).toEqual(first.freshUntil);
    expect(first.freshUntil).toEqual(new Date(NOW.getTime() + 1_000 + FRESH_MS));
    expect(await store.resolve(parseReference(`registry.example.test/a@${IMAGE.digest}`), never)).toEqual(IMAGE);
  });

  it.each([
    ['a tag within the freshness', ':v1', FRESH_MS - 1, 1],
    ['a tag after the freshness', ':v1', FRESH_MS, 2],
    ['a digest long after', `@${IMAGE.digest}`, 20 * FRESH_MS, 1],
    ['a digest after ten minutes', `@${IMAGE.digest}`, 10 * 60_000, 2],
  ])('resolves %s as often as it must', async (_, end, ms, times) => {
    const { store, counts, pass } = cached();
    const reference = parseReference(`registry.example.test/a${end}`);
    expect(await store.resolve(reference, never)).toMatchObject(IMAGE);
    pass(ms);
    expect(await store.resolve(reference, never)).toMatchObject(IMAGE);
    expect(counts('resolve')).toBe(times);
  });

  it('counts the freshness of a tag from the question, not from the answer', async () => {
    let asked = 0;
    const slow = cached(
      {},
      {
        resolve: async () => {
          asked += 1;
          slow.pass(FRESH_MS - 1);
          return IMAGE;
        },
      },
    );
    const reference = parseReference('registry.example.test/a:v1');
    await slow.store.resolve(reference, never);
    slow.pass(1);
    await slow.store.resolve(reference, never);
    expect(asked).toBe(2);
  });

  it.each([
    ['registry.example.test/a:v1', 'registry.example.test/a:v2'],
    ['registry.example.test/a:v1', 'registry.example.test/b:v1'],
    ['registry.example.test/a:v1', 'other.example.test/a:v1'],
    [`registry.example.test/a@${IMAGE.digest}`, `registry.example.test/b@${IMAGE.digest}`],
    [`registry.example.test/a@${IMAGE.digest}`, 'registry.example.test/a:v1'],
    ['registry.example.test/a/b:v1', 'registry.example.test/a:b'],
  ])('does not take %s for %s', async (one, other) => {
    const { store, counts } = cached();
    await store.resolve(parseReference(one), never);
    await store.resolve(parseReference(other), never);
    expect(counts('resolve')).toBe(2);
  });

  it.each([
    ['within the freshness', FRESH_MS - 1, 1],
    ['after it', FRESH_MS, 2],
  ])('lists referrers %s as often as it must, page by page as they came', async (_, ms, times) => {
    const pages = [[good], [artifact('b'), artifact('c')]];
    const { store, counts, pass } = cached({ image: pages });
    expect(await list(store)).toEqual(pages);
    pass(ms);
    expect(await list(store)).toEqual(pages);
    expect(counts('list')).toBe(times);
  });

  it('remembers that there are none', async () => {
    const { store, counts } = cached();
    expect(await list(store)).toEqual([]);
    await list(store);
    expect(counts('list')).toBe(1);
  });

  it('takes types in another order for the same list, and other types for another', async () => {
    const { store, counts } = cached({ image: [[good]] });
    for (const types of [[NOTATION, SBOM], [SBOM, NOTATION], [NOTATION], []]) await list(store, types);
    expect(counts('list')).toBe(3);
  });

  it('lists for each repository by itself, though the digest is the same', async () => {
    const { store, counts } = cached({ image: [[good]] });
    await list(store, [NOTATION], A);
    await list(store, [NOTATION], B);
    expect(counts('list')).toBe(2);
  });

  it('keeps nothing of a list that ends in an error', async () => {
    const { store, counts } = cached({ image: [[good], down()] });
    await expect(list(store)).rejects.toThrow('connection refused');
    await expect(list(store)).rejects.toThrow('connection refused');
    expect(counts('list')).toBe(2);
  });

  it.each(['fetchManifest', 'fetchBlob'] as const)('fetches content once by %s', async (fetch) => {
    const { store, counts, pass } = cached();
    const first = await store[fetch](A, good, never);
    pass(3_600_000);
    expect(await store[fetch](A, good, never)).toBe(first);
    expect(counts('manifest') + counts('blob')).toBe(1);
  });

  it.each([
    ['another repository, which may not have it', B, good],
    ['another size, which it has not', A, { ...good, size: good.size + 1 }],
    ['another media type, which it has not', A, { ...good, mediaType: 'application/json' }],
    ['another digest', A, artifact('other')],
  ])('asks the store again for %s', async (_, repository, descriptor) => {
    const { store, counts } = cached();
    await store.fetchManifest(A, good, never);
    await store.fetchManifest(repository, descriptor, never);
    expect(counts('manifest')).toBe(2);
  });

  it('does not take a manifest for a blob', async () => {
    const { store, counts } = cached();
    await store.fetchManifest(A, good, never);
    await store.fetchBlob(A, good, never);
    expect([counts('manifest'), counts('blob')]).toEqual([1, 1]);
  });

  it('keeps no failure of any port', async () => {
    const bytes = Buffer.from('x');
    const { store } = cached({}, { resolve: failsOnce(IMAGE), fetchManifest: failsOnce(bytes), fetchBlob: failsOnce(bytes) });
    const ask = [
      () => store.resolve(parseReference('registry.example.test/a:v1'), never),
      () => store.fetchManifest(A, good, never),
      () => store.fetchBlob(A, good, never),
    ];
    for (const port of ask) {
      await expect(port()).rejects.toThrow('connection refused');
      await expect(port()).resolves.toBeDefined();
    }
  });

  it('lets a caller leave without ending the load that others wait for', async () => {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    const { store } = cached({}, { fetchBlob: () => promise });
    const leaving = new AbortController();
    const left = store.fetchBlob(A, good, leaving.signal);
    const staying = store.fetchBlob(A, good, never);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    resolve(Buffer.from('x'));
    expect(await staying).toEqual(Buffer.from('x'));
  });

  it('asks the registry once for what a thousand concurrent evaluations of a cold image need', async () => {
    const { store, counts } = cached({ image: [[good]] });
    const reading = verifier({
      judge: async ({ referrer, subject, ports: { store: read, signal } }) => {
        await read.fetchManifest(subject.repository, referrer, signal);
        await read.fetchBlob(subject.repository, referrer, signal);
        return reportOn(referrer, 'accepted');
      },
    });
    const gate = engine(store, { rules: [rule({ verifiers: [reading] })] });
    const verdicts = await Promise.all(Array.from({ length: 1_000 }, () => validate(gate, request('registry.example.test/a:v1'), ports())));
    expect(new Set(verdicts.map(({ outcome }) => outcome))).toEqual(new Set(['accepted']));
    expect(['resolve', 'list', 'page', 'manifest', 'blob'].map(counts)).toEqual([1, 1, 1, 1, 1]);
  });
});
