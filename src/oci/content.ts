import type { Descriptor } from './descriptor.ts';
import { digestAlgorithm, digestOf, isDigest } from './digest.ts';
import { ContentError } from './errors.ts';

/**
 * Whether content may be fetched by this descriptor at all.
 *
 * @throws {ContentError} `CONTENT_INVALID` for a digest or size that is none, or more bytes than `maxBytes`.
 */
export function checkDescriptor({ digest, size }: Descriptor, maxBytes: number, registry: string): void {
  const fail = (why: string): never => {
    throw new ContentError('CONTENT_INVALID', why, { registry });
  };
  // It becomes part of a path: what is no digest must not get there, whoever made the descriptor.
  if (!isDigest(digest)) fail('a descriptor without a digest');
  if (!Number.isSafeInteger(size) || size < 0) fail(`${digest} has no size in bytes`);
  if (size > maxBytes) fail(`${digest} has ${size} bytes; expected at most ${maxBytes}`);
}

/**
 * Whether `content`, bytes or the number of them that was announced, is what the descriptor says.
 *
 * @throws {ContentError} `CONTENT_TRUNCATED` if it is shorter, `CONTENT_INVALID` if it is longer or other content.
 */
export function checkContent(content: Uint8Array | number, { digest, size }: Descriptor, registry: string): void {
  const length = typeof content === 'number' ? content : content.length;
  if (length < size) throw new ContentError('CONTENT_TRUNCATED', `${digest} ended after ${length} of ${size} bytes`, { registry, digest });
  if (length > size) throw new ContentError('CONTENT_INVALID', `${digest} is longer than the expected ${size} bytes`, { registry, digest });
  if (typeof content === 'number' || digestOf(content, digestAlgorithm(digest)) === digest) return;
  throw new ContentError('CONTENT_INVALID', `bytes sent for ${digest} have another digest`, { registry, digest });
}
