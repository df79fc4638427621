/** A `namePattern` of an AdmissionAllowlist, in the parts between its wildcards. */
export interface NamePattern {
  /** Texts that stand there as they are; between two of them any number of `INNER` characters. */
  readonly literals: readonly string[];
  /** Whether the pattern ends with a wildcard: the rest of the image may be anything without `/`. */
  readonly isOpen: boolean;
}

/** Longest pattern: images are shorter. */
export const MAX_PATTERN = 512;
const INNER = /^[A-Za-z0-9_-]*$/;

/**
 * Reads a pattern of kritis-validation-hook: without `*` it is the image, whole and as written; `*` at the end stands for any characters but
 * `/`; `*` anywhere else for letters, digits, `-` and `_`. Either may stand for nothing.
 */
export function parseNamePattern(text: string): NamePattern {
  const literals = text.split('*');
  const isOpen = literals.length > 1 && literals.at(-1) === '';
  return { literals: isOpen ? literals.slice(0, -1) : literals, isOpen };
}

/**
 * Whether `image`, as it was asked for, fits the pattern; nothing is read into either, such as `docker.io/library`.
 *
 * Each literal is looked for once, from where the one before ended. The first place is as good as any: with a character in it that no wildcard
 * takes there is but one, and without one a later place would only shorten what the next wildcard takes.
 */
export function matchesName({ literals: [first = '', ...others], isOpen }: NamePattern, image: string): boolean {
  const last = isOpen ? undefined : others.pop();
  if (!isOpen && last === undefined) return image === first;
  if (!image.startsWith(first)) return false;
  let at = first.length;
  for (const literal of others) {
    const found = image.indexOf(literal, at);
    if (found === -1 || !INNER.test(image.slice(at, found))) return false;
    at = found + literal.length;
  }
  if (last === undefined) return !image.includes('/', at);
  const end = image.length - last.length;
  return end >= at && image.endsWith(last) && INNER.test(image.slice(at, end));
}

/** Whether `image` fits a `namePattern` of a GenericAttestationPolicy: equal, or with `*` at its end a prefix after which no `/` comes. */
export function matchesPrefix(pattern: string, image: string): boolean {
  if (!pattern.endsWith('*')) return pattern !== '' && image === pattern;
  const prefix = pattern.slice(0, -1);
  return image.startsWith(prefix) && !image.includes('/', prefix.length);
}
