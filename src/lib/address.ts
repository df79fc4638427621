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
    '100.64.0.0/10',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '64:ff9b:1::/48',
    'fc00::/7',
    'fec0::/10',
  ],
};
const LISTS = [list('never'), list('loopback'), list('private')] as const;

/** IPv6 addresses that stand for the IPv4 address in their last 32 bits: mapped, compatible, NAT64. */
const EMBEDS_IPV4 = /^(?:::|::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** How private the IP address `text` is; what is no address is `never`. */
export function reachOf(text: string): Reach {
  const address = canonical(text);
  if (address === undefined) return 'never';
  const found = LISTS.find(({ ranges }) => ranges.check(address, isIPv4(address) ? 'ipv4' : 'ipv6'));
  return found?.reach ?? 'public';
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
  const ranges = new BlockList();
  for (const range of RANGES[reach]) {
    const [network = '', prefix] = range.split('/');
    ranges.addSubnet(network, Number(prefix), isIPv4(network) ? 'ipv4' : 'ipv6');
  }
  return { reach, ranges };
}

function canonical(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const [address = ''] = text.split('%');
  if (!isIPv6(address)) return undefined;
  const shortest = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = EMBEDS_IPV4.exec(shortest) ?? [];
  if (high === undefined || low === undefined) return shortest;
  const [upper, lower] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [upper >> 8, upper & 255, lower >> 8, lower & 255].join('.');
}
