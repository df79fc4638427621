import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { type AlibabaOptions, createAlibabaClient } from '../../src/cloud/alibaba.ts';
import { CodedError } from '../../src/lib/errors.ts';
import { type FakeAlibabaOptions, KEY, startFakeAlibaba } from '../fakes/alibaba.ts';
import type { ApiFault, FakeApi } from '../fakes/api.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-alibaba-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const secretFolder = (name: string, members: Readonly<Record<string, string>>): string => {
  mkdirSync(join(folder, name), { recursive: true });
  for (const [member, text] of Object.entries(members)) writeFileSync(join(folder, name, member), text);
  return join(folder, name);
};

const ENV = { ALIBABA_CLOUD_ACCESS_KEY_ID: KEY.accessKeyId, ALIBABA_CLOUD_ACCESS_KEY_SECRET: KEY.accessKeySecret };
const ROLE = { roleArn: 'acs:ram::1:role/countersign', oidcProviderArn: 'acs:ram::1:oidc-provider/ack', oidcToken: 'a.service.account' };
const never = new AbortController().signal;

describe('the APIs of Alibaba Cloud', () => {
  let fake: FakeApi;
  afterEach(() => fake.close());

  const start = async (options: FakeAlibabaOptions = {}): Promise<FakeApi> => {
    fake = await startFakeAlibaba({ kms: { k: { versions: [] } }, ...options });
    return fake;
  };
  const clientOf = (options: Partial<AlibabaOptions> = {}) =>
    createAlibabaClient({ timeoutSeconds: 0.5, env: {}, stsEndpoint: fake.origin, ...options });
  const call = { action: 'DescribeKey', version: '2016-01-20', parameters: { KeyId: 'k' }, maxBytes: 64 * 1024 };
  const ask = async (client = clientOf({ env: ENV }), signal = never): Promise<string> => {
    try {
      return [...(await client.call({ ...call, endpoint: fake.origin }, signal)).keys()].join(' ');
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return `${error.code}: ${error.message}`;
    }
  };
  const GOOD = 'RequestId KeyMetadata';
  const actions = () => fake.calls.map(({ url, headers }) => url.searchParams.get('Action') ?? headers['x-acs-action']);

  it('take an access key of the environment, with its signature in a header and no secret anywhere', async () => {
    await start();
    expect(await ask()).toBe(GOOD);
    expect(JSON.stringify(fake.calls)).not.toContain(KEY.accessKeySecret);
    expect(fake.calls[0]?.url.search).toBe('?KeyId=k');
  });

  it('take a temporary access key of the environment with its token', async () => {
    await start({ accessKeys: { [KEY.accessKeyId]: { secret: KEY.accessKeySecret, token: 'temporary' } } });
    expect(await ask(clientOf({ env: { ...ENV, ALIBABA_CLOUD_SECURITY_TOKEN: 'temporary' } }))).toBe(GOOD);
    expect(await ask()).toMatch(/^DENIED: .*InvalidSecurityToken/);
  });

  it('take an access key out of a mounted Secret, read anew for each request', async () => {
    await start();
    const client = clientOf({ accessKeyFolder: secretFolder('key', { accessKeyId: KEY.accessKeyId, accessKeySecret: 'old' }) });
    expect(await ask(client)).toMatch(/^DENIED: .*SignatureDoesNotMatch/);
    secretFolder('key', { accessKeySecret: `${KEY.accessKeySecret}\n` });
    expect(await ask(client)).toBe(GOOD);
  });

  it.each<[string, () => Partial<AlibabaOptions>, RegExp]>([
    ['no key at all', () => ({}), /^CREDENTIALS_INVALID: no access key of Alibaba Cloud/],
    ['half a key', () => ({ env: { ALIBABA_CLOUD_ACCESS_KEY_ID: 'x' } }), /^CREDENTIALS_INVALID: expected ALIBABA_CLOUD_ACCESS_KEY_ID and/],
    ['the other half', () => ({ env: { ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'x' } }), /^CREDENTIALS_INVALID: .*both/],
    ['a key id of two lines', () => ({ env: { ...ENV, ALIBABA_CLOUD_ACCESS_KEY_ID: 'a\r\nb' } }), /^CREDENTIALS_INVALID/],
    ['a folder that is not there', () => ({ accessKeyFolder: join(folder, 'none'), env: ENV }), /^ABSENT: .*accessKeyId is not there$/],
    [
      'a folder with an empty key',
      () => ({ accessKeyFolder: secretFolder('empty', { accessKeyId: '' }) }),
      /^CREDENTIALS_INVALID: .*accessKeyId/,
    ],
    ['half of RRSA', () => ({ env: { ALIBABA_CLOUD_ROLE_ARN: 'x' } }), /^CREDENTIALS_INVALID: RRSA needs/],
    ['half of RRSA in the settings', () => ({ roleArn: 'x', env: ENV }), /^CREDENTIALS_INVALID: RRSA needs/],
  ])('are not asked with %s', async (_case, options, message) => {
    await start();
    expect(await ask(clientOf(options()))).toMatch(message);
    expect(fake.calls).toEqual([]);
  });

  it.each<[string, ApiFault, RegExp]>([
    ['401', { status: 401, body: {} }, /^DENIED: DescribeKey at 127.0.0.1:\d+ answered 401$/],
    ['403', { status: 403, body: { Code: 'Forbidden.RAM', Message: 'no' } }, /^DENIED: .* answered 403: Forbidden.RAM, no$/],
    ['404', { status: 404, body: '' }, /^NOT_FOUND: .* answered 404$/],
    ['404 for the key', { status: 404, body: { Code: 'InvalidAccessKeyId.NotFound' } }, /^DENIED: /],
    ['429', { status: 429, body: {} }, /^THROTTLED: .* answered 429$/],
    ['throttling with 400', { status: 400, body: { Code: 'Throttling.User' } }, /^THROTTLED: .*Throttling.User/],
    ['throttling with 503', { status: 503, body: { Code: 'Throttling' } }, /^THROTTLED: /],
    ['400', { status: 400, body: { Code: 'InvalidParameter' } }, /^INVALID: /],
    ['500', { status: 500, body: { Code: 'InternalFailure' } }, /^UNREACHABLE: /],
    ['a code that is none', { status: 403, body: { Code: 'a\nb' } }, /^DENIED: .* answered 403$/],
    ['a message with control characters', { status: 403, body: { Code: 'X', Message: 'a\nb' } }, /answered 403: X, a\?b$/],
    ['nothing', { silent: true }, /^UNREACHABLE: .* did not answer within 0.5 s$/],
    ['half', { cutAfter: 4 }, /^UNREACHABLE: /],
    ['no JSON', { body: '<Error/>' }, /^INVALID: .*something else than JSON/],
    ['a list', { body: '[]' }, /^INVALID: .*something else than an object$/],
    ['too much', { body: `{"a":"${'x'.repeat(64 * 1024)}"}` }, /^INVALID: .*is longer than 65536 bytes/],
  ])('say what is wrong where they answer %s', async (_case, fault, message) => {
    await start();
    fake.fault(fault);
    expect(await ask()).toMatch(message);
  });

  it('are asked once more after 429, with another nonce', async () => {
    await start();
    fake.fault({ status: 429 }, 1);
    expect(await ask()).toBe(GOOD);
    expect(new Set(fake.calls.map(({ headers }) => headers['x-acs-signature-nonce'])).size).toBe(2);
  });

  it('are left at the deadline', async () => {
    await start();
    fake.fault({ silent: true });
    await expect(ask(undefined, AbortSignal.timeout(100))).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  const rrsa = (name = 'token', text: string = ROLE.oidcToken): Readonly<Record<string, string>> => ({
    ALIBABA_CLOUD_ROLE_ARN: ROLE.roleArn,
    ALIBABA_CLOUD_OIDC_PROVIDER_ARN: ROLE.oidcProviderArn,
    ALIBABA_CLOUD_OIDC_TOKEN_FILE: file(name, text),
  });

  it('take what STS gives for the token of a service account, once for all calls at a time and after', async () => {
    await start({ sts: ROLE });
    const client = clientOf({ env: rrsa() });
    expect(await Promise.all([ask(client), ask(client), ask(client)])).toEqual([GOOD, GOOD, GOOD]);
    expect(await ask(client)).toBe(GOOD);
    expect(actions().filter((action) => action === 'AssumeRoleWithOIDC')).toHaveLength(1);
    expect(fake.calls[0]?.url.search).not.toContain(ROLE.oidcToken);
    expect(fake.calls[0]?.headers.authorization).toBeUndefined();
  });

  it('take a role of the settings before a key of the environment', async () => {
    await start({ sts: ROLE });
    const { roleArn, oidcProviderArn } = ROLE;
    expect(await ask(clientOf({ env: ENV, roleArn, oidcProviderArn, oidcTokenFile: file('t', ROLE.oidcToken) }))).toBe(GOOD);
    expect(actions()).toEqual(['AssumeRoleWithOIDC', 'DescribeKey']);
  });

  it('get a new key shortly before the old one ends, by the token as it is then', async () => {
    await start({ sts: ROLE });
    let now = Date.now();
    const client = clientOf({ env: rrsa('rotating', 'expired'), clock: { now: () => now, monotonic: () => now } });
    expect(await ask(client)).toMatch(/^DENIED: STS of Alibaba Cloud at .*AuthenticationFail.OIDCToken.Invalid/);
    rrsa('rotating');
    expect(await ask(client)).toBe(GOOD);
    now += 10 * 60_000;
    await ask(client);
    now += 46 * 60_000;
    await ask(client);
    expect(actions().filter((action) => action === 'AssumeRoleWithOIDC')).toHaveLength(3);
  });

  it('take the old key to its end while STS is down, and no longer', async () => {
    await start({ sts: { ...ROLE, lifetime: 200 } });
    let now = Date.now();
    const client = clientOf({ env: rrsa(), clock: { now: () => now, monotonic: () => now } });
    expect(await ask(client)).toBe(GOOD);
    fake.fault({ status: 500 }, undefined, ({ url }) => url.searchParams.get('Action') === 'AssumeRoleWithOIDC');
    expect(await ask(client)).toBe(GOOD);
    now += 201_000;
    expect(await ask(client)).toMatch(/^UNREACHABLE: STS of Alibaba Cloud/);
  });

  it('are asked with a new key where they did not take the old one', async () => {
    await start({ sts: ROLE });
    const client = clientOf({ env: rrsa() });
    await ask(client);
    fake.fault({ status: 400, body: { Code: 'InvalidSecurityToken.Expired' } }, 1);
    expect(await ask(client)).toMatch(/^DENIED: /);
    expect(await ask(client)).toBe(GOOD);
    expect(actions().filter((action) => action === 'AssumeRoleWithOIDC')).toHaveLength(2);
  });

  it.each<[string, ApiFault, RegExp]>([
    ['403', { status: 403, body: { Code: 'NoPermission' } }, /^DENIED: /],
    ['404', { status: 404, body: { Code: 'EntityNotExist.Role' } }, /^DENIED: /],
    ['429', { status: 429, body: { Code: 'Throttling.User' } }, /^THROTTLED: /],
    ['500', { status: 500, body: { Code: 'InternalError' } }, /^UNREACHABLE: /],
    ['nothing', { silent: true }, /^UNREACHABLE: .*did not answer within/],
    ['no JSON', { body: '<Credentials/>' }, /^INVALID: /],
    ['no credentials', { body: {} }, /^INVALID: .*without a usable Expiration$/],
    ['half of them', { body: { Credentials: { Expiration: '2999-01-01T00:00:00Z', AccessKeyId: 'x' } } }, /usable AccessKeySecret$/],
    [
      'what has expired',
      { body: { Credentials: { Expiration: '2020-01-01T00:00:00Z', AccessKeyId: 'x', AccessKeySecret: 'y', SecurityToken: 'z' } } },
      /^INVALID: .*has expired already/,
    ],
  ])('are not asked where STS answers %s', async (_case, fault, message) => {
    await start({ sts: ROLE });
    fake.fault(fault);
    expect(await ask(clientOf({ env: rrsa() }))).toMatch(message);
    expect(actions()).not.toContain('DescribeKey');
  });

  it.each<[string, () => Readonly<Record<string, string>>, RegExp]>([
    ['is not there', () => ({ ...rrsa(), ALIBABA_CLOUD_OIDC_TOKEN_FILE: join(folder, 'none') }), /^ABSENT: /],
    ['is empty', () => rrsa('empty-token', ''), /^CREDENTIALS_INVALID: expected .*empty-token/],
  ])('are not asked where the file of the token %s', async (_case, env, message) => {
    await start({ sts: ROLE });
    expect(await ask(clientOf({ env: env() }))).toMatch(message);
    expect(fake.calls).toEqual([]);
  });
});
