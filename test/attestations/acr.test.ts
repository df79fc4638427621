import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { acr } from '../../src/attestations/acr.ts';
import { type FakeAlibabaOptions, KEY, startFakeAlibaba } from '../fakes/alibaba.ts';
import type { ApiCall, ApiFault, FakeApi } from '../fakes/api.ts';
import { genericOccurrence, IMAGE, listed, OTHER_IMAGE, occurrence } from './statements.ts';

const INSTANCE = 'cri-1';
const HOST = 'anolis-registry.cn-zhangjiakou.cr.aliyuncs.com';
const image = (registry = HOST) => ({ repository: { registry, path: 'team/apps/web' } });
const folder = mkdtempSync(join(tmpdir(), 'countersign-acr-'));
beforeAll(() => {
  for (const [name, text] of Object.entries(KEY)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('what Container Registry signed', () => {
  let fake: FakeApi;
  afterEach(() => fake.close());

  const start = async (cr: Partial<NonNullable<FakeAlibabaOptions['cr']>> = {}): Promise<FakeApi> => {
    const instances = [
      { InstanceId: 'cri-0', InstanceName: 'anolis-test' },
      { InstanceId: INSTANCE, InstanceName: 'anolis' },
    ];
    fake = await startFakeAlibaba({ cr: { instances, occurrences: { [INSTANCE]: [occurrence()] }, ...cr } });
    return fake;
  };
  const source = (parameters: object = {}) =>
    acr.create({
      name: 'acr attestations[0]',
      parameters: acr.parameters.parse({ endpoint: fake.origin, accessKeyFolder: folder, timeoutSeconds: 0.5, ...parameters }),
    });
  const isList = ({ headers }: ApiCall) => headers['x-acs-action'] === 'ListMetadataOccurrences';
  const actions = () => fake.calls.map(({ headers }) => headers['x-acs-action']);

  it('is found by the instance that the host names', async () => {
    await start();
    const { found, failure } = await listed(source(), image());
    expect({ names: found.map(({ name }) => name), failure }).toEqual({ names: ['projects/p/occurrences/1'], failure: undefined });
    expect(fake.calls.map(({ url }) => Object.fromEntries(url.searchParams))).toEqual([
      { InstanceName: 'anolis', PageNo: '1', PageSize: '100' },
      {
        InstanceId: INSTANCE,
        RepoNamespaceName: 'team',
        RepoName: 'apps/web',
        Filter: `resource_url="https://${HOST}/team/apps/web@${IMAGE}" AND kind="ATTESTATION"`,
        PageNo: '1',
        PageSize: '100',
      },
    ]);
  });

  it('is found by the host of the VPC, and the instance is looked up once', async () => {
    await start();
    const kept = source();
    await listed(kept, image('anolis-registry-vpc.cn-zhangjiakou.cr.aliyuncs.com'));
    expect((await listed(kept, image())).found).toHaveLength(1);
    expect(actions()).toEqual(['ListInstance', 'ListMetadataOccurrences', 'ListMetadataOccurrences']);
  });

  it('is found by what the settings say of a host', async () => {
    await start();
    const instances = [{ host: 'images.example.com', region: 'cn-hangzhou', instanceId: INSTANCE }];
    expect((await listed(source({ instances }), image('images.example.com'))).found).toHaveLength(1);
    expect(actions()).toEqual(['ListMetadataOccurrences']);
  });

  it.each([
    ['registry.example.com'],
    [`${HOST}.evil.test`],
    ['registry.cn-hangzhou.aliyuncs.com'],
    ['anolis-registry.cn-zhangjiakou.cr.aliyuncs.com:8443'],
  ])('is nothing for an image of %s, and nobody is asked', async (host) => {
    await start();
    expect(await listed(source(), image(host))).toEqual({ found: [] });
    expect(fake.calls).toEqual([]);
  });

  it('is read to the last page, in the spelling of Alibaba Cloud too', async () => {
    const pascal = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(pascal);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value).map(([name, one]) => [`${name.charAt(0).toUpperCase()}${name.slice(1)}`, pascal(one)]),
      );
    };
    const all = ['a', 'b', 'c', 'd', 'e'].map((name) => pascal(occurrence({ name })));
    await start({ occurrences: { [INSTANCE]: all }, pageSize: 2 });
    const { found, failure } = await listed(source(), image());
    expect({ names: found.map(({ name }) => name), failure }).toEqual({ names: ['a', 'b', 'c', 'd', 'e'], failure: undefined });
  });

  it('is about the image alone, whatever is listed beside it', async () => {
    await start({ occurrences: { [INSTANCE]: [occurrence({}, { digest: OTHER_IMAGE }), occurrence({ name: 'mine' })] } });
    expect((await listed(source(), image())).found.map(({ name }) => name)).toEqual(['mine']);
  });

  it('is nothing where the list is empty', async () => {
    await start({ occurrences: { [INSTANCE]: [] } });
    expect(await listed(source(), image())).toEqual({ found: [] });
  });

  it('does not hide a good statement behind one that cannot be read', async () => {
    await start({ occurrences: { [INSTANCE]: [genericOccurrence({ signatures: [] }), occurrence({ name: 'good' })] } });
    const { found, failure } = await listed(source(), image());
    expect({ names: found.map(({ name }) => name), code: failure?.code }).toEqual({ names: ['good'], code: 'ATTESTATIONS_INVALID' });
  });

  const page = (over: object) => ({ body: { IsSuccess: true, Code: 'success', TotalCount: 1, Occurrences: [], ...over } });

  it.each<[string, ApiFault, string, RegExp]>([
    ['401', { status: 401, body: '' }, 'ATTESTATIONS_DENIED', /ListMetadataOccurrences at .* answered 401$/],
    ['403', { status: 403, body: { Code: 'NoPermission', Message: 'no' } }, 'ATTESTATIONS_DENIED', /NoPermission, no$/],
    ['404', { status: 404, body: { Code: 'INSTANCE_NOT_EXIST' } }, 'ATTESTATIONS_INVALID', /INSTANCE_NOT_EXIST/],
    ['429', { status: 429, body: '' }, 'ATTESTATIONS_THROTTLED', /answered 429$/],
    ['throttling in its own words', { status: 400, body: { Code: 'Throttling.User' } }, 'ATTESTATIONS_THROTTLED', /Throttling\.User/],
    ['500', { status: 500, body: '' }, 'ATTESTATIONS_UNREACHABLE', /answered 500$/],
    ['nothing', { silent: true }, 'ATTESTATIONS_UNREACHABLE', /did not answer within 0\.5 s$/],
    ['half', { cutAfter: 10 }, 'ATTESTATIONS_UNREACHABLE', /cannot be reached/],
    ['no JSON', { body: '<xml/>' }, 'ATTESTATIONS_INVALID', /something else than JSON/],
    ['no list', { body: { TotalCount: 0 } }, 'ATTESTATIONS_INVALID', /without a list of occurrences$/],
    ['a list that is none', page({ Occurrences: {} }), 'ATTESTATIONS_INVALID', /without a list of occurrences$/],
    ['two lists', page({ occurrences: [] }), 'ATTESTATIONS_INVALID', /has both occurrences and Occurrences$/],
    ['no total', page({ TotalCount: undefined }), 'ATTESTATIONS_INVALID', /without TotalCount$/],
    ['a total that is none', page({ TotalCount: '1' }), 'ATTESTATIONS_INVALID', /without TotalCount$/],
    ['fewer than it says there are', page({}), 'ATTESTATIONS_INVALID', /ended after 0 of 1 occurrences$/],
    ['no success', page({ IsSuccess: false, Code: 'WRONG' }), 'ATTESTATIONS_INVALID', /did not succeed: "WRONG"$/],
  ])('A0.8 is unavailable, not nothing, where the list of it is answered with %s', async (_case, fault, code, message) => {
    await start();
    fake.fault(fault, undefined, isList);
    const { found, failure } = await listed(source(), image());
    expect({ found, failure }).toEqual({ found: [], failure: { code, message: expect.stringMatching(message) } });
    expect(failure?.message).not.toMatch(/not attested/);
  });

  it('A0.8 is unavailable where its pages have no end', async () => {
    await start();
    fake.fault(page({ TotalCount: 5000, Occurrences: [occurrence()] }), undefined, isList);
    const { found, failure } = await listed(source(), image());
    expect({ found: found.length, failure }).toEqual({
      found: 10,
      failure: { code: 'ATTESTATIONS_INVALID', message: expect.stringMatching(/more than 10 pages/) },
    });
  });

  it.each<[string, ApiFault, string, RegExp]>([
    ['403', { status: 403, body: { Code: 'NoPermission' } }, 'ATTESTATIONS_DENIED', /ListInstance at .*NoPermission/],
    ['500', { status: 500 }, 'ATTESTATIONS_UNREACHABLE', /ListInstance at .* answered 500/],
    ['no instances', { body: { Instances: [] } }, 'ATTESTATIONS_DENIED', /no instance "anolis" in cn-zhangjiakou/],
    [
      'two of one name',
      { body: { Instances: ['a', 'b'].map((InstanceId) => ({ InstanceId, InstanceName: 'anolis' })) } },
      'ATTESTATIONS_DENIED',
      /several instances "anolis"/,
    ],
    ['one without an id', { body: { Instances: [{ InstanceName: 'anolis' }] } }, 'ATTESTATIONS_DENIED', /no instance "anolis"/],
    ['no list', { body: {} }, 'ATTESTATIONS_INVALID', /ListInstance answered without a list of instances$/],
  ])('A0.8 is unavailable, not nothing, where the look-up of the instance is answered with %s', async (_case, fault, code, message) => {
    await start();
    fake.fault(fault);
    expect(await listed(source(), image())).toEqual({ found: [], failure: { code, message: expect.stringMatching(message) } });
  });

  it('A0.8 is unavailable without credentials', async () => {
    await start();
    expect((await listed(source({ accessKeyFolder: join(folder, 'none') }), image())).failure?.code).toBe('ATTESTATIONS_DENIED');
    expect(fake.calls).toEqual([]);
  });

  it.each<[string, object]>([
    ['an endpoint over plain HTTP', { endpoint: 'http://cr.test' }],
    ['an endpoint that is none', { endpoint: 'cr.test' }],
    ['a region that leads elsewhere', { instances: [{ host: 'a', region: 'x.evil.test/', instanceId: 'i' }] }],
    ['an instance without an id', { instances: [{ host: 'a', region: 'b' }] }],
  ])('does not take the parameters with %s', async (_case, parameters) => {
    await start();
    expect(acr.parameters.safeParse(parameters).success).toBe(false);
  });
});
