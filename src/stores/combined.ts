import type { Reference, Repository, Store } from '../engine/types.ts';
import { CodedError } from '../lib/errors.ts';

/** No declared store answers for a registry. */
class NoStoreError extends CodedError {
  readonly code = 'NO_STORE';
}

/** What is known for certain of an image that is not there or is bad; every other failure may pass, and so says more. */
const DEFINITIVE: readonly string[] = ['IMAGE_NOT_FOUND', 'CONTENT_INVALID', 'TOO_MANY_REFERRERS'];

/**
 * Several stores as one. Those that answer for one registry by name come before those that answer for any, else in
 * their order; the first that has what is asked for gives it. Referrers are read where the subject itself is.
 *
 * If none has it, the failure is one that may pass if there was such a one, else that of the first store.
 *
 * @throws {NoStoreError} If none answers for the registry.
 */
export function combineStores(stores: readonly Store[]): Store {
  // No registry has the empty name: who answers for it answers for any.
  const ordered = [...stores.filter((store) => !store.answersFor('')), ...stores.filter((store) => store.answersFor(''))];

  const answering = (registry: string): readonly Store[] => {
    const found = ordered.filter((store) => store.answersFor(registry));
    if (found.length === 0) throw new NoStoreError(`no Store answers for ${registry}; expected one of type oras, or one that names it`);
    return found;
  };
  const first = async <T>({ registry }: Repository, signal: AbortSignal, ask: (store: Store) => Promise<T>): Promise<T> => {
    const failures: unknown[] = [];
    for (const store of answering(registry)) {
      try {
        return await ask(store);
      } catch (error) {
        signal.throwIfAborted();
        failures.push(error);
      }
    }
    throw failures.find((error) => !isDefinitive(error)) ?? failures[0];
  };
  /** The store that has the subject; not asked if there is only one. */
  const home = async (reference: Reference, signal: AbortSignal): Promise<Store | undefined> => {
    const found = answering(reference.registry);
    if (found.length === 1) return found[0];
    return await first(reference, signal, (store) => store.resolve(reference, signal).then(() => store));
  };

  return {
    answersFor: (registry) => ordered.some((store) => store.answersFor(registry)),
    resolve: (reference, signal) => first(reference, signal, (store) => store.resolve(reference, signal)),
    async *listReferrers(subject, artifactTypes, signal) {
      const { registry, path } = subject.repository;
      const store = await home({ registry, path, digest: subject.descriptor.digest }, signal);
      if (store !== undefined) yield* store.listReferrers(subject, artifactTypes, signal);
    },
    fetchManifest: (repository, descriptor, signal) =>
      first(repository, signal, (store) => store.fetchManifest(repository, descriptor, signal)),
    fetchBlob: (repository, descriptor, signal) => first(repository, signal, (store) => store.fetchBlob(repository, descriptor, signal)),
  };
}

function isDefinitive(error: unknown): boolean {
  return error instanceof CodedError && DEFINITIVE.includes(error.code);
}
