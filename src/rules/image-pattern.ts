import type { Reference } from '../engine/types.ts';

/** Which images are meant: a repository, in which `*` stands for any part of one segment and a last `**` for all segments from there on, and perhaps a tag or a digest. */
export interface ImagePattern {
  readonly segments: readonly string[];
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const SEGMENT = /^[a-z0-9*](?:[a-z0-9._*-]*[a-z0-9*])?$/;
const HOST = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^sha(?:256|384|512):[0-9a-f]{64,128}$/;
const MAX_LENGTH = 512;

/**
 * Reads `registry.example.com/team/app`, `registry.example.com/team/**`, `…/app:1.2`, `…/app@sha256:…`. The registry stands in full and without
 * a wildcard: what begins like a name may belong to somebody else.
 *
 * @returns what is wrong with it, as text, where it is no pattern.
 */
export function parseImagePattern(text: string): ImagePattern | string {
  if (text.length > MAX_LENGTH) return `expected at most ${MAX_LENGTH} characters`;
  const [name = '', digest, ...more] = text.split('@');
  if (more.length > 0 || (digest !== undefined && !DIGEST.test(digest))) return 'expected sha256:… after @';
  const colon = name.indexOf(':', name.indexOf('/') + 1);
  const hasTag = name.includes('/') && colon !== -1;
  const tag = hasTag ? name.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) return 'expected a tag after :';
  const [host = '', ...segments] = (hasTag ? name.slice(0, colon) : name).split('/');
  if (!HOST.test(host) || segments.length === 0)
    return 'expected registry/repository with the registry in full, such as registry.example.com/team/app';
  for (const [index, segment] of segments.entries()) {
    const isRest = segment === '**' && index === segments.length - 1;
    if (!isRest && (segment.includes('**') || !SEGMENT.test(segment)))
      return 'expected lower-case path segments, * within one, ** as the last';
  }
  return { segments: [host, ...segments], tag, digest };
}

/** Whether `reference` is meant: its repository fits, and so do its tag and digest where the pattern has one. */
export function matchesImage({ segments, tag, digest }: ImagePattern, reference: Reference): boolean {
  if (tag !== undefined && reference.tag !== tag) return false;
  if (digest !== undefined && reference.digest !== digest) return false;
  const found = [reference.registry, ...reference.path.split('/')];
  const isOpen = segments.at(-1) === '**';
  const fixed = isOpen ? segments.slice(0, -1) : segments;
  if (isOpen ? found.length <= fixed.length : found.length !== fixed.length) return false;
  return fixed.every((segment, index) => matchesSegment(segment, found[index] ?? ''));
}

/** Linear: each part between wildcards is looked for once, from where the one before ended. */
function matchesSegment(pattern: string, text: string): boolean {
  const [first = '', ...others] = pattern.split('*');
  const last = others.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const part of others) {
    const found = text.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
