import { describe, expect, it } from '@jest/globals';
import { parseChallenge } from '../../src/oci/challenge.ts';
import type { RegistryClientOptions, RegistryCredential } from '../../src/oci/index.ts';
import { isSameSite } from '../../src/oci/site.ts';
import { type FakeAuth, SIGNATURE, startFakeRegistry } from '../fakes/registry.ts';
import { failure, listAll, never, openWorld, type World } from './world.ts';

const USER = { username: 'robot', password: 's3cret:with colon' };
const BASIC = `Basic ${Buffer.from(`${USER.username}:${USER.password}`).toString('base64')}`;
const credentialed = (credential: RegistryCredential | undefined, more: RegistryClientOptions = {}): RegistryClientOptions => ({
  ...more,
  credentials: async () => credential,
});
const resolve = ({ registry, byTag }: World) => registry.resolve(byTag, never);
const authorizations = ({ fake }: World) => fake.requests.map(({ kind, headers }) => [kind, headers.authorization]);

describe('authorization', () => {
  it.each<[string, FakeAuth, RegistryCredential | undefined]>([
    ['Basic', { kind: 'basic', ...USER }, USER],
    ['an anonymous token', { kind: 'bearer' }, undefined],
    ['a token for a password', { kind: 'bearer', ...USER }, USER],
    ['an access_token', { kind: 'bearer', ...USER, member: 'access_token' }, USER],
    ['a token for an identity token', { kind: 'bearer', identityToken: 'refresh me' }, { identityToken: 'refresh me' }],
  ])('by %s opens the registry', async (_, auth, credential) => {
    const world = await openWorld({ auth }, credentialed(credential));
    expect(await resolve(world)).toEqual(world.image);
    expect(await listAll(world, [SIGNATURE])).toHaveLength(1);
    await world.close();
  });

  it.each<[string, FakeAuth, RegistryCredential | undefined]>([
    ['Basic without a credential', { kind: 'basic', ...USER }, undefined],
    ['Basic with another password', { kind: 'basic', ...USER }, { ...USER, password: 'x' }],
    ['Basic with an identity token', { kind: 'basic', ...USER }, { identityToken: 'x' }],
    ['a token without a credential', { kind: 'bearer', ...USER }, undefined],
    ['a token with another password', { kind: 'bearer', ...USER }, { ...USER, password: 'x' }],
    ['a token with another identity token', { kind: 'bearer', identityToken: 'x' }, { identityToken: 'y' }],
  ])('by %s is denied', async (_, auth, credential) => {
    const world = await openWorld({ auth }, credentialed(credential));
    const { code, message } = await failure(resolve(world));
    expect(code).toBe('REGISTRY_DENIED');
    expect(message).not.toContain(USER.password);
    await world.close();
  });

  it('sends no credential before it is asked', async () => {
    const world = await openWorld({}, credentialed(USER));
    await resolve(world);
    expect(authorizations(world)).toEqual([['manifest', undefined]]);
    await world.close();
  });

  it('asks for one token for all requests to a repository', async () => {
    const world = await openWorld({ auth: { kind: 'bearer', expiresIn: 300 } });
    await Promise.all(Array.from({ length: 8 }, () => resolve(world)));
    await listAll(world, [SIGNATURE]);
    expect(world.fake.requests.filter(({ kind }) => kind === 'token')).toHaveLength(1);
    world.fake.takeRequests();
    await resolve(world);
    expect(world.fake.requests.map(({ kind }) => kind)).toEqual(['manifest']);
    await world.close();
  });

  it('asks for a token of another repository without being told to', async () => {
    const world = await openWorld({ auth: { kind: 'bearer' } });
    await resolve(world);
    world.fake.pushImage({ repository: 'team/other' });
    world.fake.takeRequests();
    await world.registry.resolve({ ...world.byTag, path: 'team/other' }, never);
    expect(world.fake.requests.map(({ kind }) => kind)).toEqual(['token', 'manifest']);
    await world.close();
  });

  it.each([
    ['for a minute where the answer does not say', undefined, 49, 51],
    ['as long as the answer says, less 10 s', 300, 289, 291],
  ])('keeps a token %s', async (_, expiresIn, before, after) => {
    let now = 0;
    const auth: FakeAuth = { kind: 'bearer', ...(expiresIn === undefined ? {} : { expiresIn }) };
    const world = await openWorld({ auth }, { clock: { now: () => 0, monotonic: () => now } });
    await resolve(world);
    for (const [seconds, kinds] of [
      [before, ['manifest']],
      [after, ['token', 'manifest']],
    ] as const) {
      now = seconds * 1000;
      world.fake.takeRequests();
      await resolve(world);
      expect(world.fake.requests.map(({ kind }) => kind)).toEqual(kinds);
    }
    await world.close();
  });

  it('A-R-47: replaces a token that is revoked, once', async () => {
    const world = await openWorld({ auth: { kind: 'bearer', expiresIn: 300 } });
    await resolve(world);
    world.fake.revokeTokens();
    world.fake.takeRequests();
    expect(await resolve(world)).toEqual(world.image);
    expect(world.fake.requests.map(({ kind }) => kind)).toEqual(['other', 'token', 'manifest']);
    await world.close();
  });

  it('A-R-39: gives up after one fresh token', async () => {
    const world = await openWorld({ auth: { kind: 'bearer', expiresIn: 300 } });
    await resolve(world);
    const headers = { 'www-authenticate': `Bearer realm="${world.fake.origin}/token"` };
    world.fake.fault(/manifests/, { status: 401, headers });
    world.fake.takeRequests();
    expect(await failure(resolve(world))).toMatchObject({ code: 'REGISTRY_DENIED' });
    expect(world.fake.requests.map(({ kind }) => kind)).toEqual(['manifest', 'token', 'manifest']);
    await world.close();
  });

  it('A-R-19: asks for our scope, whatever the challenge says', async () => {
    const world = await openWorld({ auth: { kind: 'bearer', scope: 'repository:other:push,pull,delete' } });
    await resolve(world);
    const token = world.fake.requests.find(({ kind }) => kind === 'token');
    expect(new URL(token?.url ?? '', world.fake.origin).searchParams.getAll('scope')).toEqual(['repository:team/app:pull']);
    await world.close();
  });
});

describe('a token server', () => {
  it.each([
    ['over 64 KiB', { body: JSON.stringify({ token: 'x', padding: 'y'.repeat(70_000) }) }],
    ['that is no JSON', { body: 'token' }],
    ['without a token', { body: '{}' }],
    ['with an empty token', { body: '{"token":""}' }],
    ['with a token that is a number', { body: '{"token":1}' }],
    ['with a line break in the token', { body: '{"token":"a\\r\\nx: y"}' }],
    ['with two tokens', { body: '{"token":"a","token":"b"}' }],
    ['that is empty', { body: '' }],
    ['that is a redirect', { status: 302, headers: { location: '/elsewhere' } }],
    ['that is a 404', { status: 404 }],
    ['that is a 500', { status: 500 }],
  ])('whose answer is one %s leaves it unavailable', async (_, fault) => {
    const world = await openWorld({ auth: { kind: 'bearer' } });
    world.fake.fault(/token/, fault);
    expect(await failure(resolve(world))).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    await world.close();
  });

  it.each([
    ['that answers 403', 403, 'REGISTRY_DENIED'],
    ['that answers 429', 429, 'REGISTRY_THROTTLED'],
  ])('%s is told apart', async (_, status, code) => {
    const world = await openWorld({ auth: { kind: 'bearer' } });
    world.fake.fault(/token/, { status });
    expect(await failure(resolve(world))).toMatchObject({ code });
    await world.close();
  });

  it('that fails is asked once more, and no more', async () => {
    const world = await openWorld({ auth: { kind: 'bearer' } });
    world.fake.fault(/token/, { status: 500 });
    await failure(resolve(world));
    expect(world.fake.requests.filter(({ kind }) => kind === 'token')).toHaveLength(2);
    world.fake.mend();
    world.fake.fault(/token/, { status: 500 }, 1);
    expect(await resolve(world)).toEqual(world.image);
    await world.close();
  });

  it('A-R-16: of another site gets no credential', async () => {
    const [stranger, world] = await strangers(credentialed(USER));
    await failure(resolve(world));
    expect(stranger.requests.length).toBeGreaterThan(0);
    expect(stranger.requests.map(({ headers, body, url }) => [headers.authorization, body, url.includes('s3cret')])).toEqual(
      stranger.requests.map(() => [undefined, '', false]),
    );
    await Promise.all([stranger.close(), world.close()]);
  });

  it('A-R-16: of another site gets no identity token', async () => {
    const [stranger, world] = await strangers(credentialed({ identityToken: 'refresh me' }));
    await failure(resolve(world));
    expect(stranger.requests.map(({ method, body }) => [method, body])).toEqual(stranger.requests.map(() => ['GET', '']));
    await Promise.all([stranger.close(), world.close()]);
  });

  it('of another site gets the credential where the settings name it', async () => {
    const [stranger, world] = await strangers(credentialed(USER, { tokenServers: () => ['localhost'] }));
    await failure(resolve(world));
    expect(stranger.requests[0]?.headers.authorization).toBe(BASIC);
    await Promise.all([stranger.close(), world.close()]);
  });

  /** A registry at 127.0.0.1 whose token server is at localhost: another site, as far as names tell. */
  async function strangers(options: RegistryClientOptions) {
    const stranger = await startFakeRegistry();
    const realm = `${stranger.origin.replace('127.0.0.1', 'localhost')}/token`;
    return [stranger, await openWorld({ auth: { kind: 'bearer', ...USER, realm } }, options)] as const;
  }

  it.each([
    ['of a file', 'file:///etc/passwd'],
    ['of another scheme', 'ftp://127.0.0.1/token'],
    ['with user information', 'http://u:p@127.0.0.1:1/token'],
    ['that is relative', '/token'],
    ['that is empty', ''],
    ['with a fragment', 'http://127.0.0.1:1/token#x'],
  ])('A-R-17: at a realm %s is not asked', async (_, realm) => {
    const world = await openWorld({ auth: { kind: 'bearer', realm } }, credentialed(USER));
    expect(await failure(resolve(world))).toMatchObject({ code: 'REGISTRY_DENIED' });
    expect(world.fake.requests).toHaveLength(1);
    await world.close();
  });

  it('A-R-16: at the metadata service is not connected to', async () => {
    const world = await openWorld({ auth: { kind: 'bearer', realm: 'http://169.254.169.254/token' } }, credentialed(USER));
    expect(await failure(resolve(world))).toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('never connected to'),
    });
    await world.close();
  });
});

describe('a challenge', () => {
  const bearer = { scheme: 'bearer', realm: 'https://auth.example/token', service: '' };
  it.each([
    ['Bearer realm="https://auth.example/token"', bearer],
    ['bearer realm="https://auth.example/token",service=reg', { ...bearer, service: 'reg' }],
    ['Bearer Realm = "https://auth.example/token" , SERVICE="a, \\"b\\""', { ...bearer, service: 'a, "b"' }],
    ['Basic', { scheme: 'basic' }],
    ['Basic realm="x", Bearer realm="https://auth.example/token"', { scheme: 'basic' }],
    ['Negotiate, Bearer realm="https://auth.example/token"', bearer],
    ['Negotiate YII=, NTLM, Bearer realm="https://auth.example/token",', bearer],
    ['Bearer scope="x", Basic realm=x', { scheme: 'basic' }],
  ])('%s is understood', (header, challenge) => {
    expect(parseChallenge(header)).toEqual(challenge);
  });

  it.each([
    ['nothing', ''],
    ['no known scheme', 'Digest realm="x"'],
    ['a Bearer without a realm', 'Bearer service="x"'],
    ['a duplicate parameter', 'Bearer realm="https://a",realm="https://b"'],
    ['a duplicate parameter in another case', 'Bearer realm="https://a",REALM="https://b"'],
    ['a line break in a string', 'Bearer realm="https://a\r\nx: y"'],
    ['an open string', 'Bearer realm="https://a'],
    ['no commas', 'Bearer realm="https://a" service="b"'],
    ['a hundred challenges', Array.from({ length: 100 }, () => 'Basic realm=x').join(', ')],
    ['a value of 64 KiB', `Bearer realm="https://${'a'.repeat(65_536)}"`],
    ['octets above ASCII', 'Bearer realm="https://\u00e9"'],
    ['only spaces within a scheme', 'Bearer realm'.repeat(300)],
  ])('A-R-17: of %s is refused', (_, header) => {
    expect(parseChallenge(header)).toBeUndefined();
  });
});

describe('hosts of one site', () => {
  it.each([
    ['registry-1.docker.io', 'auth.docker.io'],
    ['registry.gitlab.com', 'gitlab.com'],
    ['registry.example.co.uk', 'auth.example.co.uk'],
    ['REG.example.com.', 'reg.example.com'],
    ['quay.io', 'auth.quay.io'],
    ['127.0.0.1', '127.0.0.1'],
    ['registry-vpc.cn-hangzhou.aliyuncs.com', 'dockerauth-vpc.cn-hangzhou.aliyuncs.com'],
  ])('are %s and %s', (registry, other) => {
    expect(isSameSite(registry, other)).toBe(true);
  });

  it.each([
    ['registry.example.com', 'auth.example.org'],
    ['registry.example.com', 'example.com.evil.org'],
    ['example.com', 'evilexample.com'],
    ['victim.co.uk', 'evil.co.uk'],
    ['victim.com.cn', 'evil.com.cn'],
    ['victim.azurecr.io', 'evil.azurecr.io'],
    ['victim.github.io', 'evil.github.io'],
    ['1.dkr.ecr.eu-west-1.amazonaws.com', '2.dkr.ecr.eu-west-1.amazonaws.com'],
    ['1.dkr.ecr.eu-west-1.amazonaws.com', 'evil.s3.amazonaws.com'],
    ['registry.cn-hangzhou.aliyuncs.com', 'evil.oss-cn-hangzhou.aliyuncs.com'],
    ['127.0.0.1', '127.0.0.2'],
    ['10.0.0.1', '11.0.0.1'],
    ['[::1]', '[::2]'],
    ['registry.ns.svc.cluster.local', 'evil.other.svc.cluster.local'],
    ['localhost', 'localhost.evil.org'],
    ['a.com', 'b.com'],
  ])('are not %s and %s', (registry, other) => {
    expect(isSameSite(registry, other)).toBe(false);
  });
});
