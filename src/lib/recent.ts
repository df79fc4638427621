import { LRUCache } from 'lru-cache';

/** The entries used last, at most so many; the others are forgotten. */
export interface Recent<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  values(): IterableIterator<V>;
}

/** @param onForget - Told of an entry that makes room for another or is deleted. */
export function createRecent<V extends object>(max: number, onForget?: (value: V) => void): Recent<V> {
  const entries = new LRUCache<string, V>({ max, ...(onForget === undefined ? {} : { dispose: onForget }) });
  return {
    get: (key) => entries.get(key),
    set: (key, value) => void entries.set(key, value),
    delete: (key) => void entries.delete(key),
    values: () => entries.values(),
  };
}
