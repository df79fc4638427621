import type { LookupFunction } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isWithin, lessPrivate, looksPublic, reachOf } from '../../src/lib/address.ts';
import { createHttpClient, type HttpClient, type HttpRequest } from '../../src/lib/http.ts';
import { type FakeRegistry, startFakeRegistry } from '../fakes/registry.ts';

const never = new AbortController().signal;

describe('an address', () => {
  it.each([
    ['public', '8.8.8.8', '172.15.255.255', '172.32.0.1', '100.63.0.1', '2606:4700::1', '::ffff:808:808', '64:ff9b::808:808'],
    [
      'private',
      '10.0.0.1',
      '172.16.0.1',
      '192.168.1.1',
      '100.64.0.1',
      '198.18.0.1',
      'fd00::1',
      'fc00::1',
      '::ffff:10.0.0.1',
      '64:ff9b::a00:1',
    ],
    ['loopback', '127.0.0.1', '127.255.0.1', '::1', '::ffff:7f00:1', '::ffff:127.0.0.1', '0:0:0:0:0:ffff:7f00:1', '::127.0.0.1'],
    ['never', '169.254.169.254', '::ffff:a9fe:a9fe', 'fe80::1', 'fe80::1%eth0', '0.0.0.0', '::', '224.0.0.1', 'ff02::1', '255.255.255.255'],
    ['never', '100.100.100.200', '168.63.129.16', 'fd00:ec2::254', '::ffff:0.0.0.0', 'localhost', '', '127.1', '1.2.3.4.5'],
    ['public', '2a00::1', '2002:808:808::1', '::ffff:0:808:808', '::808:808', '34.118.240.1', '34.118.223.255'],
    ['private', '2002:a00:1::1', '2002:c0a8:101::', '::ffff:0:a00:1', '::a00:1', '2001::1', '34.118.224.1', '64:ff9b:1::808:808'],
    ['loopback', '2002:7f00:1::', '64:ff9b::7f00:1', '::ffff:0:127.0.0.1', '64:ff9b::127.0.0.1'],
    ['never', '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::', '::5', '4000::1', '100::1', '5f00::1', 'fe80::', 'febf::1', '::ffff:0:0'],
  ])('is %s: %s and so on', (reach, ...addresses) => {
    expect(addresses.map((address) => [address, reachOf(address)])).toEqual(addresses.map((address) => [address, reach]));
  });

  it('may be reached from where addresses are as private or more', () => {
    const limits = ['public', 'private', 'loopback'] as const;
    expect(limits.map((limit) => (['public', 'private', 'loopback', 'never'] as const).map((found) => isWithin(found, limit)))).toEqual([
      [true, false, false, false],
      [true, true, false, false],
      [true, true, true, false],
    ]);
    expect(lessPrivate('private', 'public')).toBe('public');
  });
});

describe('a host name', () => {
  it.each([
    'o.example.com',
    'o.example.com.',
    'svc.example.com',
    'local.example.com',
    '192.0.2.1',
    '[2001:db8::1]',
    'xn--bcher-kva.example.com',
  ])('looks public: %s', (name) => expect(looksPublic(name)).toBe(true));

  it.each([
    'localhost',
    'localhost.',
    'kubernetes',
    'ocsp.pki.svc',
    'ocsp.pki.svc.',
    'ocsp.pki.svc.cluster.local',
    'ocsp.pki.svc.cluster.local.',
    'a.b.localhost',
    'printer.local',
    'metadata.google.internal',
    'router.home.arpa',
    'hidden.onion',
    '.',
    '',
  ])('looks like one inside a network: %s', (name) => expect(looksPublic(name)).toBe(false));
});

describe('the HTTP client', () => {
  let fake: FakeRegistry;
  let http: HttpClient;
  beforeEach(async () => {
    fake = await startFakeRegistry();
    http = createHttpClient({ connectMs: 1000, headersMs: 1000 });
  });
  afterEach(() => Promise.all([http.close(), fake.close()]));

  const request = (change: Partial<HttpRequest> = {}): HttpRequest => ({
    method: 'GET',
    url: new URL(`${fake.origin}/x`),
    headers: {},
    signal: never,
    ...change,
  });
  const read = (change: Partial<HttpRequest> = {}, maxBytes = 1024) =>
    http.exchange(request(change), async (answer) => Buffer.from(await answer.read(maxBytes)).toString());
  const named =
    (...addresses: string[]): LookupFunction =>
    (_hostname, _options, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );

  it('keeps one connection for requests one after another', async () => {
    for (const method of ['HEAD', 'GET', 'HEAD', 'GET'] as const) await read({ method });
    expect(fake.connections().accepted).toBe(1);
  });

  it('frees the connection of an answer that nobody reads', async () => {
    for (let count = 0; count < 20; count++) await http.exchange(request(), async ({ status }) => status);
    expect(fake.connections().open).toBeLessThanOrEqual(8);
    expect(await read()).toContain('NOT_FOUND');
  });

  it('A-R-44: shares no connection between names of one server', async () => {
    const byName = createHttpClient({ lookup: named('127.0.0.1') });
    for (const name of ['a.example', 'b.example']) {
      const url = new URL(fake.origin.replace('127.0.0.1', name));
      await byName.exchange(request({ url }), async ({ reach }) => expect(reach).toBe('loopback'));
    }
    expect(fake.connections().accepted).toBe(2);
    await byName.close();
  });

  it('A-R-41: takes no answer that was sent before the question', async () => {
    const early = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
    fake.fault(/first/, { raw: `${early}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil` });
    await read({ url: new URL(`${fake.origin}/first`) }).catch(() => undefined);
    expect(await read()).not.toBe('evil');
  });

  it.each([100, 65_536, 65_537, 300_000, 5_000_000])('reads %d bytes where that is the limit, and not one byte more', async (size) => {
    fake.fault(/./, { body: 'x'.repeat(size) });
    expect(await read({}, size)).toHaveLength(size);
    await expect(read({}, size - 1)).rejects.toMatchObject({ code: 'OVERLONG' });
  });

  it('takes the answer that comes after others of 1xx', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n';
    fake.fault(/./, { raw: `${early}${early}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok` });
    expect(await read()).toBe('ok');
  });

  it.each([
    ['at once', { body: 'abc' }, 1],
    ['long', { body: 'x'.repeat(1_000_000) }, 2],
    ['endless', { body: 'x'.repeat(100_000), endless: true }, 2],
    ['never there', { body: 'abc', hangAfter: 1 }, 2],
  ] as const)('keeps the connection of an answer that nobody reads only where it is over soon: %s', async (_, fault, connections) => {
    fake.fault(/unread/, fault);
    const url = new URL(`${fake.origin}/unread`);
    expect(await http.exchange(request({ url }), async ({ status }) => status)).toBe(404);
    // No more than a second is spent on it.
    while (fake.connections().open > 0 && connections > 1) await new Promise((resolve) => setTimeout(resolve, 10));
    await read();
    expect(fake.connections().accepted).toBe(connections);
  });

  it('does not pause for ever where an answer is read late', async () => {
    fake.fault(/./, { body: 'x'.repeat(1_000_000) });
    const late = http.exchange(request(), async (answer) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return (await answer.read(1_000_000)).length;
    });
    expect(await late).toBe(1_000_000);
  });

  it('sends a form', async () => {
    await read({ method: 'POST', body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    expect(fake.requests[0]).toMatchObject({
      method: 'POST',
      body: 'a=b',
      headers: { 'accept-encoding': 'identity', 'content-length': '3' },
    });
  });

  it.each([
    ['is cut', { body: 'abc', cutAfter: 1 }, 'TRUNCATED'],
    ['is encoded', { headers: { 'content-encoding': 'gzip' } }, 'ENCODED'],
    ['is encoded twice', { headers: { 'content-encoding': 'identity, gzip' } }, 'ENCODED'],
    ['has too many headers', { raw: `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(10_000)}\r\n` }, 'UNREACHABLE'],
    ['is no HTTP', { raw: 'SSH-2.0-x\r\n' }, 'UNREACHABLE'],
  ])('fails with a code where the answer %s', async (_, fault, code) => {
    fake.fault(/./, fault);
    await expect(read()).rejects.toMatchObject({ code });
  });

  it.each(['file:///etc/passwd', 'data:,x', 'ftp://127.0.0.1/', 'http://u:p@127.0.0.1/', 'http://:p@127.0.0.1/'])(
    'does not go to %s',
    async (url) => {
      await expect(read({ url: new URL(url) })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    },
  );

  it.each([
    ['public', 'http://127.0.0.1:1/'],
    ['private', 'http://127.0.0.1:1/'],
    ['private', 'http://[::1]:1/'],
    ['private', 'http://[::ffff:7f00:1]:1/'],
    ['private', 'http://2130706433:1/'],
    ['public', 'http://10.0.0.1/'],
    ['public', 'http://100.64.0.1/'],
    ['public', 'http://[fd00::1]/'],
    ['loopback', 'http://169.254.169.254/'],
  ] as const)('A-R-11: from where %s addresses may be reached does not connect to %s', async (reach, url) => {
    await expect(read({ reach, url: new URL(url) })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it.each([
    ['127.0.0.1', 'public'],
    ['10.1.2.3', 'public'],
    ['::ffff:127.0.0.1', 'private'],
    ['169.254.169.254', 'loopback'],
  ] as const)('A-R-12: does not connect to a name at %s from where %s addresses may be reached', async (address, reach) => {
    const guarded = createHttpClient({ lookup: named('8.8.8.8', address) });
    const url = new URL(fake.origin.replace('127.0.0.1', 'kubernetes.default.svc'));
    await expect(guarded.exchange(request({ url, reach }), async () => undefined)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(fake.connections().accepted).toBe(0);
    await guarded.close();
  });

  it('A-R-12: uses no connection for a guarded request that an unguarded one opened', async () => {
    const local = createHttpClient({ lookup: named('127.0.0.1') });
    const url = new URL(fake.origin.replace('127.0.0.1', 'registry.example'));
    await local.exchange(request({ url }), async () => undefined);
    await expect(local.exchange(request({ url, reach: 'public' }), async () => undefined)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await local.close();
  });

  it('stops at once when its caller leaves, whatever it waits for', async () => {
    fake.fault(/silent/, { silent: true });
    fake.fault(/hang/, { body: 'abc', hangAfter: 1 });
    for (const path of ['silent', 'hang']) {
      const caller = new AbortController();
      const reading = read({ url: new URL(`${fake.origin}/${path}`), signal: caller.signal });
      const seen = fake.requests.length;
      while (fake.requests.length === seen) await new Promise(setImmediate);
      caller.abort(new Error('left'));
      await expect(reading).rejects.toThrow('left');
    }
  });

  it('stops at once when its caller leaves before there is a connection', async () => {
    const stuck = createHttpClient({ lookup: () => undefined });
    const caller = new AbortController();
    const reading = stuck.exchange(request({ url: new URL('http://stuck.example/'), signal: caller.signal }), async () => undefined);
    caller.abort(new Error('left'));
    await expect(reading).rejects.toThrow('left');
    await stuck.close();
  });

  it('keeps connections to so many origins only', async () => {
    const few = createHttpClient({ lookup: named('127.0.0.1'), maxOrigins: 2 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await few.exchange(request({ url: new URL(fake.origin.replace('127.0.0.1', `${name}.example`)) }), async () => undefined);
    }
    while (fake.connections().open > 2) await new Promise(setImmediate);
    expect(fake.connections()).toEqual({ accepted: 5, open: 2 });
    await few.close();
  });

  it('says that nothing listens', async () => {
    const { origin } = fake;
    await fake.close();
    await expect(read({ url: new URL(origin) })).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    fake = await startFakeRegistry();
  });
});
