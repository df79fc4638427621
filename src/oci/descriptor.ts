import type { Digest } from './digest.ts';

/** Names content by type, digest and size; OCI image-spec v1.1.1, "Descriptors". */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number /* bytes */;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A descriptor out of a referrers list; an entry without an artifact type has the empty string. */
export type Referrer = Descriptor & { readonly artifactType: string };

/** Whether two descriptors name the same content: media type, digest and size, byte for byte. */
export function sameContent(a: Descriptor, b: Descriptor): boolean {
  return a.mediaType === b.mediaType && a.digest === b.digest && a.size === b.size;
}
