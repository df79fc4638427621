import type { LookupFunction } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../src/oci/index.ts';
import { issueAuthority } from '../../src/x509/issue.ts';
import { type FakeRegistry, startFakeRegistry } from '../fakes/registry.ts';
import { ENVELOPE, failure, never, openWorld, type World } from './world.ts';

const USER = { username: 'robot', password: 's3cret' };
const fetchEnvelope = ({ registry, byTag }: World) =>
  registry.fetchBlob(byTag, { mediaType: 'application/jose+json', digest: digestOf(ENVELOPE), size: ENVELOPE.length }, never);
const redirect = (world: World, location: string, status = 307) => world.fake.fault(/blobs/, { status, headers: { location } });

/** Names become these addresses, in turn; the last stays. */
function lookupOf(...addresses: readonly string[]): LookupFunction {
  let at = 0;
  return (_hostname, _options, callback) => {
    const address = addresses[Math.min(at++, addresses.length - 1)] ?? '';
    callback(null, [{ address, family: address.includes(':') ? 6 : 4 }]);
  };
}

describe('a redirect', () => {
  let world: World;
  let elsewhere: FakeRegistry;
  beforeEach(async () => {
    world = await openWorld({ auth: { kind: 'basic', ...USER } }, { credentials: async () => USER });
    elsewhere = await startFakeRegistry();
    elsewhere.push.blob('team/app', ENVELOPE);
  });
  afterEach(() => Promise.all([world.close(), elsewhere.close()]));

  const elsewhereUrl = () => `${elsewhere.origin}/v2/team/app/blobs/${digestOf(ENVELOPE)}`;

  it.each([301, 302, 303, 307, 308])('by %d to another origin is followed, without Authorization (A-R-15)', async (status) => {
    redirect(world, elsewhereUrl(), status);
    expect(Buffer.from(await fetchEnvelope(world))).toEqual(Buffer.from(ENVELOPE));
    const [{ headers } = { headers: {} }] = elsewhere.requests;
    expect(headers).not.toHaveProperty('authorization');
    expect(headers).not.toHaveProperty('cookie');
  });

  it('within the registry keeps Authorization', async () => {
    world.fake.fault(/blobs/, { status: 307, headers: { location: `/v2/team/app/blobs/${digestOf(ENVELOPE)}?again` } }, 2);
    await fetchEnvelope(world);
    expect(world.fake.requests.at(-1)?.headers.authorization).toMatch(/^Basic /);
  });

  it('back to the registry from elsewhere has no Authorization', async () => {
    redirect(world, elsewhereUrl());
    elsewhere.fault(/./, { status: 307, headers: { location: `${world.fake.origin}/v2/team/app/manifests/v1` } });
    await failure(fetchEnvelope(world));
    expect(world.fake.requests.at(-1)?.headers).not.toHaveProperty('authorization');
  });

  it('A-R-15: to where 401 is answered is not authorized there', async () => {
    redirect(world, elsewhereUrl());
    elsewhere.fault(/./, { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } });
    expect(await failure(fetchEnvelope(world))).toMatchObject({ code: 'REGISTRY_DENIED' });
    expect(elsewhere.requests).toHaveLength(1);
  });

  it('A-R-01: to other bytes is refused', async () => {
    redirect(world, elsewhereUrl());
    elsewhere.fault(/./, { body: '{"payload":"e31"}' });
    expect(await failure(fetchEnvelope(world))).toMatchObject({ code: 'CONTENT_INVALID' });
  });

  it('after three is not followed', async () => {
    await fetchEnvelope(world);
    world.fake.takeRequests();
    redirect(world, `/v2/team/app/blobs/${digestOf(ENVELOPE)}`);
    expect(await failure(fetchEnvelope(world))).toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('more than 3'),
    });
    expect(world.fake.requests).toHaveLength(4);
  });

  it.each([
    ['A-R-13: a file', 'file:///etc/passwd'],
    ['A-R-13: data', 'data:application/json,{}'],
    ['A-R-13: FTP', 'ftp://127.0.0.1/x'],
    ['nowhere', ''],
    ['no URL', 'http://['],
    ['user information', 'http://u:p@127.0.0.1:1/x'],
    ['A-R-11: the metadata service', 'http://169.254.169.254/latest'],
    ['A-R-11: the metadata service, as a number', 'http://2852039166/latest'],
    ['A-R-11: the metadata service, mapped', 'http://[::ffff:169.254.169.254]/latest'],
    ['A-R-11: a link-local address', 'http://[fe80::1]/x'],
    ['A-R-11: no address', 'http://0.0.0.0/x'],
    ['A-R-11: a multicast address', 'http://224.0.0.1/x'],
    ["A-R-11: Alibaba Cloud's metadata service", 'http://100.100.100.200/latest'],
  ])('to %s is not followed', async (_, location) => {
    world.fake.fault(/blobs/, { status: 307, headers: { location: location === '' ? undefined : location } });
    const { code, message } = await failure(fetchEnvelope(world));
    expect(code).toBe('REGISTRY_UNREACHABLE');
    expect(message).not.toContain('u:p');
  });
});

describe('a registry over TLS', () => {
  const NAME = 'registry.example';

  async function tlsWorld(lookup: LookupFunction = lookupOf('127.0.0.1'), trusted = true) {
    const authority = await issueAuthority({ commonName: 'roots of the test' });
    const { certPem: cert, keyPem: key } = await authority.issue({
      commonName: NAME,
      dnsNames: [NAME, 'cdn.example'],
      ipAddresses: ['127.0.0.1'],
      usages: ['serverAuth'],
    });
    return await openWorld({ tls: { cert, key } }, { lookup, ca: () => (trusted ? authority.certPem : undefined) });
  }

  it('is trusted by the roots declared for it', async () => {
    const world = await tlsWorld();
    expect(await world.registry.resolve(world.byTag, never)).toEqual(world.image);
    await world.close();
  });

  it('is not trusted without them', async () => {
    const world = await tlsWorld(lookupOf('127.0.0.1'), false);
    expect(await failure(world.registry.resolve(world.byTag, never))).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(world.fake.requests).toEqual([]);
    await world.close();
  });

  it('A-R-43: is not trusted under a name that its certificate has not', async () => {
    const world = await tlsWorld();
    const registry = world.fake.host.replace('127.0.0.1', 'other.example');
    expect(await failure(world.registry.resolve({ ...world.byTag, registry }, never))).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(world.fake.requests).toEqual([]);
    await world.close();
  });

  it('is not spoken to over plain HTTP', async () => {
    const plain = await openWorld({}, { plainHttp: false });
    expect(await failure(plain.registry.resolve(plain.byTag, never))).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(plain.fake.requests).toEqual([]);
    await plain.close();
  });

  it('A-R-13: does not lead to plain HTTP', async () => {
    const world = await tlsWorld();
    const plain = await startFakeRegistry();
    redirect(world, plain.origin);
    expect(await failure(fetchEnvelope(world))).toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('from https: to http:'),
    });
    expect(plain.connections().accepted).toBe(0);
    await Promise.all([world.close(), plain.close()]);
  });

  it('A-R-17: does not have a token server over plain HTTP', async () => {
    const world = await tlsWorld();
    world.fake.fault(/./, { status: 401, headers: { 'www-authenticate': 'Bearer realm="http://127.0.0.1:1/token"' } });
    expect(await failure(world.registry.resolve(world.byTag, never))).toMatchObject({ code: 'REGISTRY_DENIED' });
    await world.close();
  });

  // Loopback stands for where the registry may be; a name of it that leads further in is a redirect's.
  it.each([
    ['A-R-11: at 169.254.169.254', ['127.0.0.1', '169.254.169.254']],
    ['A-R-12: at fd00:ec2::254', ['127.0.0.1', 'fd00:ec2::254']],
  ])('does not lead to a name %s', async (_, addresses) => {
    const world = await tlsWorld(lookupOf(...addresses));
    const named = { ...world.byTag, registry: world.fake.host.replace('127.0.0.1', NAME) };
    world.fake.fault(/blobs/, { status: 307, headers: { location: 'https://cdn.example/x' } });
    const descriptor = { mediaType: 'application/jose+json', digest: digestOf(ENVELOPE), size: ENVELOPE.length };
    expect(await failure(world.registry.fetchBlob(named, descriptor, never))).toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('never connected to'),
    });
    await world.close();
  });
});
