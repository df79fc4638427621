import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** How private an address is: from anywhere, in this network, on this machine, and never to be connected to. */
export type Reach = keyof typeof RANK;

const RANK = { public: 0, private: 1, loopback: 2, never: 3 } as const;

/** The first that holds an address decides (IANA special-purpose registries, and where clouds answer with credentials). */
const RANGES: Readonly<Record<Exclude<Reach, 'public'>, readonly string[]>> = {
  never: [
    '0.0.0.0/8',
    '169.254.0.0/16',
    '100.100.100.200/32',
    '168.63.129.16/32',
    '192.0.0.192/32',
    '224.0.0.0/4',
    '240.0.0.0/4',
    '::/128',
    'fe80::/10',
    'fd00:ec2::254/128',
    'fd20:ce::254/128',
    'ff00::/8',
  ],
  loopback: ['127.0.0.0/8', '::1/128'],
  private: [
    '10.0.0.0/8',
    // Google's, and where GKE puts the Services of a cluster unless told otherwise.
    '34.118.224.0/20',
    '100.64.0.0/10',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '64:ff9b:1::/48',
    '2001::/32',
    'fc00::/7',
    'fec0::/10',
  ],
};
const LISTS = [list('never'), list('loopback'), list('private')] as const;
/** The only IPv6 addresses given out so far. */
const GLOBAL_UNICAST = rangesOf(['2000::/3']);

/** How private the IP address `text` is; what is no address is `never`. */
export function reachOf(text: string): Reach {
  const address = canonical(text);
  if (address === undefined) return 'never';
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const found = LISTS.find(({ ranges }) => ranges.check(address, family));
  if (found !== undefined) return found.reach;
  return family === 'ipv4' || GLOBAL_UNICAST.check(address, family) ? 'public' : 'never';
}

/** Last labels of names that no public name has: RFC 6761, 6762, 7686, 8375, 9476, and what networks and clusters use of themselves. */
const INSIDE: ReadonlySet<string> = new Set([
  ...['alt', 'arpa', 'corp', 'home', 'internal', 'intranet', 'invalid', 'lan', 'local', 'localdomain', 'localhost', 'onion'],
  ...['private', 'svc', 'test'],
]);

/** Whether the host of a URL looks like one of the public network: an IP address, or a name of several labels whose last is no internal one. */
export function looksPublic(hostname: string): boolean {
  if (hostname.startsWith('[')) return true;
  const labels = hostname.replace(/\.$/, '').split('.');
  return labels.length > 1 && !INSIDE.has(labels.at(-1) ?? '');
}

/** Whether an address of reach `found` may be connected to from where `limit` is the most private that may be reached. */
export function isWithin(found: Reach, limit: Exclude<Reach, 'never'>): boolean {
  return RANK[found] <= RANK[limit];
}

/** The less private of two. */
export function lessPrivate(a: Reach, b: Reach): Reach {
  return RANK[a] < RANK[b] ? a : b;
}

function list(reach: Exclude<Reach, 'public'>): { readonly reach: Reach; readonly ranges: BlockList } {
  return { reach, ranges: rangesOf(RANGES[reach]) };
}

function rangesOf(texts: readonly string[]): BlockList {
  const ranges = new BlockList();
  for (const text of texts) {
    const [network = '', prefix] = text.split('/');
    ranges.addSubnet(network, Number(prefix), isIPv4(network) ? 'ipv4' : 'ipv6');
  }
  return ranges;
}

/** The one spelling of an address; of an IPv6 address that stands for an IPv4 address, that. */
function canonical(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const [address = ''] = text.split('%');
  if (!isIPv6(address)) return undefined;
  const shortest = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const groups = groupsOf(shortest);
  const at = embeddedAt(groups);
  if (at === undefined) return shortest;
  const [upper = 0, lower = 0] = groups.slice(at, at + 2);
  return [upper >> 8, upper & 255, lower >> 8, lower & 255].join('.');
}

/** The eight numbers of an IPv6 address that has no dots in it. */
function groupsOf(address: string): readonly number[] {
  const [before, after] = address.split('::').map((side) => (side === '' ? [] : side.split(':')));
  const zeros = Array.from({ length: 8 - (before?.length ?? 0) - (after?.length ?? 0) }, () => '0');
  return [...(before ?? []), ...zeros, ...(after ?? [])].map((group) => Number.parseInt(group, 16));
}

/** What stands before the IPv4 address: compatible, mapped, translated (RFC 2765), NAT64, 6to4. */
const BEFORE_IPV4: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0xffff],
  [0, 0, 0, 0, 0xffff, 0],
  [0x64, 0xff9b, 0, 0, 0, 0],
  [0x2002],
];

function embeddedAt(groups: readonly number[]): number | undefined {
  // `::` and `::1` are no IPv4 addresses.
  if (groups.slice(0, 7).every((group) => group === 0)) return undefined;
  return BEFORE_IPV4.find((prefix) => prefix.every((group, i) => groups[i] === group))?.length;
}
