const MAX_LENGTH = 8 * 1024;
const LINK = /[ \t,]*<([^<>\s]*)>((?:[ \t]*;[ \t]*[A-Za-z0-9!#$&+.^_`|~*-]+(?:=(?:"[^"\\]*"|[^\s",;<>"]+))?)*)[ \t]*(?=,|$)/y;
const RELATION = /;[ \t]*rel=(?:"([^"]*)"|([^\s",;]+))/i;

/**
 * The target of the first link with relation `next` (RFC 8288), resolved against `base`; undefined if there is none.
 *
 * @throws {TypeError} If the header is malformed, or the target is no URL.
 */
export function nextLink(header: string | undefined, base: URL): URL | undefined {
  if (header === undefined) return undefined;
  if (header.length > MAX_LENGTH) throw new TypeError(`Link is longer than ${MAX_LENGTH} characters`);
  const link = new RegExp(LINK);
  while (link.lastIndex < header.length) {
    const [, target = '', parameters = ''] = link.exec(header) ?? [undefined];
    if (link.lastIndex === 0) throw new TypeError('Link is malformed');
    const [, quoted, token = ''] = RELATION.exec(parameters) ?? [];
    if ((quoted ?? token).toLowerCase().split(' ').includes('next')) return new URL(target, base);
  }
  return undefined;
}
