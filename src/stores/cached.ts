import type { Descriptor, FactCache, Reference, Referrer, Repository, Store, Subject } from '../engine/types.ts';
import { joinKey } from '../lib/cache.ts';
import { type Clock, systemClock } from '../lib/clock.ts';

/** A descriptor asked for by digest does not change; a registry that once told a wrong media type for it is asked again after this. */
const DIGEST_LIFE_MS = 10 * 60_000;

/**
 * `store`, remembering in `facts` what it answered: tags and referrers for `freshnessMs`, content for ever. What failed is not kept.
 *
 * Every key names the repository: that one repository has a digest, or may be read, says nothing about another, and nobody is given
 * another's failure. Referrers are kept as whole lists: a page alone cannot be gone on from, and nearly every list is one page.
 */
export function cachedStore(store: Store, facts: FactCache, freshnessMs: number, clock: Clock = systemClock): Store {
  // Counted from before the question: the answer may be as old as that.
  const until = (lifeMs: number) => new Date(clock.now() + lifeMs);

  const content = (kind: 'manifest' | 'blob', fetch: Store['fetchBlob']): Store['fetchBlob'] => {
    return (repository, descriptor, signal) =>
      facts.remember(`store.${kind}`, contentKey(repository, descriptor), signal, async (own) => {
        const value = await fetch(repository, descriptor, own);
        return { value, bytes: value.byteLength };
      });
  };

  return {
    answersFor: (registry) => store.answersFor(registry),
    resolve: (reference, signal) =>
      facts.remember('store.resolve', referenceKey(reference), signal, async (own) => {
        const validUntil = until(reference.digest === undefined ? freshnessMs : DIGEST_LIFE_MS);
        const descriptor = await store.resolve(reference, own);
        // A verdict that rests on a tag ends with what is known of the tag, not later by its own count.
        const value = reference.digest === undefined ? { ...descriptor, freshUntil: validUntil } : descriptor;
        return { value, bytes: costOf(value), validUntil };
      }),
    async *listReferrers(subject, artifactTypes, signal) {
      yield* await facts.remember('store.referrers', referrersKey(subject, artifactTypes), signal, async (own) => {
        const validUntil = until(freshnessMs);
        const value: (readonly Referrer[])[] = [];
        for await (const page of store.listReferrers(subject, artifactTypes, own)) value.push(page);
        return { value, bytes: costOf(value), validUntil };
      });
    },
    fetchManifest: content('manifest', (repository, descriptor, signal) => store.fetchManifest(repository, descriptor, signal)),
    fetchBlob: content('blob', (repository, descriptor, signal) => store.fetchBlob(repository, descriptor, signal)),
  };
}

function referenceKey({ registry, path, tag = '', digest }: Reference): string {
  return joinKey(digest === undefined ? [registry, path, 'tag', tag] : [registry, path, 'digest', digest]);
}

function referrersKey({ repository, descriptor }: Subject, artifactTypes: readonly string[]): string {
  return joinKey([repository.registry, repository.path, descriptor.digest, ...[...artifactTypes].sort()]);
}

/** Size and media type with the digest: the store checked all three. */
function contentKey({ registry, path }: Repository, { digest, size, mediaType }: Descriptor): string {
  return joinKey([registry, path, digest, String(size), mediaType]);
}

/** About what plain data holds in memory: its JSON in UTF-16. */
function costOf(value: Descriptor | readonly (readonly Referrer[])[]): number {
  return 2 * JSON.stringify(value).length;
}
