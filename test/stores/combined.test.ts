import { describe, expect, it } from '@jest/globals';
import type { Referrer, Store } from '../../src/engine/types.ts';
import { CodedError } from '../../src/lib/errors.ts';
import { digestOf, RegistryError } from '../../src/oci/index.ts';
import { combineStores } from '../../src/stores/combined.ts';
import { bytesOf, MANIFEST, SIGNATURE } from '../fakes/registry.ts';
import { failure, never } from '../oci/world.ts';

const REGISTRY = 'registry.example';
const REFERENCE = { registry: REGISTRY, path: 'team/app', tag: 'v1' };
const descriptorOf = (name: string) => ({ mediaType: MANIFEST, digest: digestOf(bytesOf(name)), size: name.length });
const SUBJECT = { repository: REFERENCE, descriptor: descriptorOf('image') };

/** A store whose every answer tells its name; with a `code`, it fails instead. */
function storeOf(name: string, registry: string, code?: RegistryError['code']): Store {
  const answer = async <T>(value: T): Promise<T> => {
    if (code !== undefined) throw new RegistryError(code, `${name} failed`, { registry });
    return value;
  };
  return {
    answersFor: (host) => registry === '*' || host === registry,
    resolve: () => answer(descriptorOf(name)),
    async *listReferrers() {
      yield [await answer({ ...descriptorOf(name), artifactType: SIGNATURE })];
    },
    fetchManifest: () => answer(bytesOf(name)),
    fetchBlob: () => answer(bytesOf(name)),
  };
}

const any = (name: string, code?: RegistryError['code']) => storeOf(name, '*', code);
const exact = (name: string, code?: RegistryError['code']) => storeOf(name, REGISTRY, code);
const resolved = async (stores: readonly Store[]) => (await combineStores(stores).resolve(REFERENCE, never)).digest;
const nameOf = (name: string) => descriptorOf(name).digest;

async function listed(stores: readonly Store[]): Promise<readonly Referrer[]> {
  const found: Referrer[] = [];
  for await (const page of combineStores(stores).listReferrers(SUBJECT, [], never)) found.push(...page);
  return found;
}

describe('several stores as one', () => {
  it('answer for what one of them answers for', () => {
    expect(combineStores([exact('a')]).answersFor(REGISTRY)).toBe(true);
    expect(combineStores([exact('a')]).answersFor('other.example')).toBe(false);
    expect(combineStores([exact('a'), any('b')]).answersFor('other.example')).toBe(true);
    expect(combineStores([]).answersFor(REGISTRY)).toBe(false);
  });

  it.each<[string, readonly Store[], string]>([
    ['the first', [any('a'), any('b')], 'a'],
    ['the one that names the registry', [any('a'), exact('b')], 'b'],
    ['the next where the first does not have it', [exact('a', 'IMAGE_NOT_FOUND'), any('b')], 'b'],
    ['the next where the first denies', [any('a', 'REGISTRY_DENIED'), any('b')], 'b'],
    ['the only one for that registry', [storeOf('a', 'other.example'), any('b')], 'b'],
  ])('give what %s has', async (_, stores, name) => {
    const combined = combineStores(stores);
    expect(await resolved(stores)).toBe(nameOf(name));
    expect((await listed(stores)).map(({ digest }) => digest)).toEqual([nameOf(name)]);
    expect(await combined.fetchManifest(REFERENCE, SUBJECT.descriptor, never)).toEqual(bytesOf(name));
    expect(await combined.fetchBlob(REFERENCE, SUBJECT.descriptor, never)).toEqual(bytesOf(name));
  });

  it.each<[string, readonly Store[], string]>([
    ['that it is not there, where none has it', [any('a', 'IMAGE_NOT_FOUND'), any('b', 'IMAGE_NOT_FOUND')], 'IMAGE_NOT_FOUND'],
    ['that it cannot be told, where one cannot', [any('a', 'IMAGE_NOT_FOUND'), any('b', 'REGISTRY_UNREACHABLE')], 'REGISTRY_UNREACHABLE'],
    ['that it is denied, where one denies', [any('a', 'REGISTRY_DENIED'), any('b', 'IMAGE_NOT_FOUND')], 'REGISTRY_DENIED'],
    ['that there is no store for the registry', [storeOf('a', 'other.example')], 'NO_STORE'],
    ['that there is no store', [], 'NO_STORE'],
  ])('say %s', async (_, stores, code) => {
    expect(await failure(resolved(stores))).toMatchObject({ code });
    expect(await failure(listed(stores))).toMatchObject({ code });
    expect(await failure(combineStores(stores).fetchBlob(REFERENCE, SUBJECT.descriptor, never))).toMatchObject({ code });
  });

  it('say that the first cannot tell, whatever the next has', async () => {
    // Else whoever can make one store fail for a moment chooses which store's signatures count.
    const stores = [any('a', 'REGISTRY_UNREACHABLE'), any('b')];
    expect(await failure(resolved(stores))).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(await failure(listed(stores))).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
  });

  it('read content by digest from whichever has it', async () => {
    const stores = combineStores([any('a', 'REGISTRY_UNREACHABLE'), any('b')]);
    expect(await stores.fetchBlob(REFERENCE, SUBJECT.descriptor, never)).toEqual(bytesOf('b'));
  });

  it('do not ask the next for a caller that has left', async () => {
    const caller = new AbortController();
    const leaving: Store = {
      ...any('a'),
      resolve: async () => {
        caller.abort(new Error('left'));
        throw new (class extends CodedError {
          readonly code = 'IMAGE_NOT_FOUND';
        })('gone');
      },
    };
    await expect(combineStores([leaving, any('b')]).resolve(REFERENCE, caller.signal)).rejects.toThrow('left');
  });
});
