import type { Reference, Repository, Store } from '../engine/types.ts';
import { CodedError } from '../lib/errors.ts';

/** No declared store answers for a registry. */
class NoStoreError extends CodedError {
  readonly code = 'NO_STORE';
}

/**
 * What lets the next store be asked: the first has no such image, or its credential is not the one for it. Any other failure may pass, and
 * what another store would say meanwhile is not what the first one would have said.
 */
const ASK_NEXT: readonly string[] = ['IMAGE_NOT_FOUND', 'REGISTRY_DENIED'];
/** What is known for certain of an image that is not there or is bad; every other failure may pass, and so says more. */
const DEFINITIVE: readonly string[] = ['IMAGE_NOT_FOUND', 'CONTENT_INVALID', 'TOO_MANY_REFERRERS'];

/**
 * Several stores as one. Those that answer for one registry by name come before those that answer for any, else in
 * their order; the first that has what is asked for gives it. Referrers are read where the subject itself is. A store that cannot tell
 * whether it has an image ends the search: its answer may be the one that counts.
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
  const first = async <T>(
    { registry }: Repository,
    signal: AbortSignal,
    ask: (store: Store) => Promise<T>,
    mayAskNext: (error: unknown) => boolean = () => true,
  ): Promise<T> => {
    const failures: unknown[] = [];
    for (const store of answering(registry)) {
      try {
        return await ask(store);
      } catch (error) {
        signal.throwIfAborted();
        if (!mayAskNext(error)) throw error;
        failures.push(error);
      }
    }
    throw failures.find((error) => !isOneOf(DEFINITIVE, error)) ?? failures[0];
  };
  const firstThatHas = <T>(reference: Reference, signal: AbortSignal, ask: (store: Store) => Promise<T>): Promise<T> =>
    first(reference, signal, ask, (error) => isOneOf(ASK_NEXT, error));
  /** The store that has the subject; not asked if there is only one. */
  const home = async (reference: Reference, signal: AbortSignal): Promise<Store | undefined> => {
    const found = answering(reference.registry);
    if (found.length === 1) return found[0];
    return await firstThatHas(reference, signal, (store) => store.resolve(reference, signal).then(() => store));
  };

  return {
    answersFor: (registry) => ordered.some((store) => store.answersFor(registry)),
    resolve: (reference, signal) => firstThatHas(reference, signal, (store) => store.resolve(reference, signal)),
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

function isOneOf(codes: readonly string[], error: unknown): boolean {
  return error instanceof CodedError && codes.includes(error.code);
}
