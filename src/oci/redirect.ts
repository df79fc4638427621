import { RegistryError } from './errors.ts';
import { urlText } from './text.ts';

/** Where the next request goes, and whether it still goes to the registry: once left, it is not come back to. */
export interface Hop {
  readonly url: URL;
  readonly isHome: boolean;
}

const MAX_LOCATION_LENGTH = 8 * 1024;
const STATUSES: readonly number[] = [301, 302, 303, 307, 308];

export function isRedirect(status: number): boolean {
  return STATUSES.includes(status);
}

/**
 * The hop that a `Location` leads to (RFC 9110, 10.2.2).
 *
 * @throws {RegistryError} `REGISTRY_UNREACHABLE` for one that is missing or malformed, another scheme, user information, or HTTPS left for HTTP.
 */
export function nextHop({ url, isHome }: Hop, location: string | undefined, registry: string): Hop {
  const fail = (why: string): never => {
    throw new RegistryError('REGISTRY_UNREACHABLE', `${registry} redirects ${why}`, { registry });
  };
  if (location === undefined || location.length > MAX_LOCATION_LENGTH || !URL.canParse(location, url.href)) return fail('nowhere');
  const next = new URL(location, url.href);
  next.hash = '';
  if (next.protocol !== 'https:' && next.protocol !== url.protocol) return fail(`from ${url.protocol} to ${next.protocol.slice(0, 20)}`);
  if (next.username !== '' || next.password !== '') return fail(`to ${urlText(next)} with user information`);
  return { url: next, isHome: isHome && next.origin === url.origin };
}
