import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../src/oci/index.ts';
import { bytesOf, type Fault, INDEX, MANIFEST, SIGNATURE } from '../fakes/registry.ts';
import { ENVELOPE, failure, listAll, never, openWorld, type World } from './world.ts';

const REFERRERS = /^GET .*referrers/;
const TAG = /^GET .*manifests\/sha256-/;
const SBOM = 'application/spdx+json';

const indexOf = (manifests: unknown, change: object = {}) => JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests, ...change });
const entry = (change: object = {}) => ({
  mediaType: MANIFEST,
  digest: digestOf(bytesOf('x')),
  size: 1,
  artifactType: SIGNATURE,
  ...change,
});
const entries = (count: number) => Array.from({ length: count }, (_, at) => entry({ digest: digestOf(bytesOf(String(at))) }));
const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('referrers by the API', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
    world.fake.push.referrer('team/app', world.image.digest, entry({ artifactType: SBOM }));
  });
  afterEach(() => world.close());

  it('of one type are asked for by that type', async () => {
    expect(await listAll(world, [SIGNATURE])).toEqual([{ ...world.signature, artifactType: SIGNATURE }]);
    expect(world.fake.requests.map(({ url }) => url)).toEqual([
      `/v2/team/app/referrers/${world.image.digest}?artifactType=${encodeURIComponent(SIGNATURE)}`,
    ]);
  });

  it.each([
    ['of all types', [], 2],
    ['of any type', ['*'], 2],
    ['of any type and one', [SIGNATURE, '*'], 2],
    ['of several types', [SIGNATURE, SBOM], 2],
    ['of several types, one of them there', [SIGNATURE, 'text/plain'], 1],
  ])('%s are asked for once, unfiltered', async (_, types, count) => {
    expect(await listAll(world, types)).toHaveLength(count);
    expect(world.fake.requests.map(({ url }) => url)).toEqual([`/v2/team/app/referrers/${world.image.digest}`]);
  });

  it.each<[string, Fault]>([
    ['20: does not filter and says so', {}],
    ['21, A-R-25: says that it filtered and did not', { headers: { 'oci-filters-applied': 'artifactType' } }],
  ])('are filtered here where the registry %s', async (_, fault) => {
    const lax = await openWorld({ filters: false });
    lax.fake.push.referrer('team/app', lax.image.digest, entry({ artifactType: SBOM }));
    lax.fake.fault(REFERRERS, fault);
    expect(await listAll(lax, [SIGNATURE])).toEqual([{ ...lax.signature, artifactType: SIGNATURE }]);
    await lax.close();
  });

  it('are none where there are none', async () => {
    expect(await listAll(world, ['text/plain'])).toEqual([]);
  });

  it('are told once each', async () => {
    world.fake.fault(REFERRERS, { body: indexOf([entry(), entry(), entry({ digest: digestOf(bytesOf('y')) })]) });
    expect(await listAll(world, [SIGNATURE])).toHaveLength(2);
  });

  it('may have a Content-Type with parameters', async () => {
    world.fake.fault(REFERRERS, { headers: { 'content-type': `${INDEX}; charset=utf-8` } });
    expect(await listAll(world, [SIGNATURE])).toHaveLength(1);
  });

  it('without an artifact type have the empty one', async () => {
    world.fake.fault(REFERRERS, { body: indexOf([entry({ artifactType: undefined })]) });
    expect(await listAll(world)).toMatchObject([{ artifactType: '' }]);
    expect(await listAll(world, [SIGNATURE])).toEqual([]);
  });

  it('A-R-35: keep nothing of urls and data', async () => {
    world.fake.fault(REFERRERS, { body: indexOf([entry({ urls: ['http://169.254.169.254/'], data: 'e30=' })]) });
    expect(await listAll(world)).toEqual([entry()]);
  });

  it('A-R-37: have annotations whose names are only names', async () => {
    const annotations = '{"__proto__":"x","constructor":"y"}';
    world.fake.fault(REFERRERS, { body: indexOf([entry({ annotations: 'HERE' })]).replace('"HERE"', annotations) });
    const [referrer] = await listAll(world);
    expect(JSON.stringify(referrer?.annotations)).toBe(annotations);
  });

  it.each<[string, Fault, string]>([
    ['18: 500', { status: 500 }, 'REGISTRY_UNREACHABLE'],
    ['17: 404 with NAME_UNKNOWN', { status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' }, 'IMAGE_NOT_FOUND'],
    ['403', { status: 403 }, 'REGISTRY_DENIED'],
    ['400', { status: 400 }, 'REGISTRY_UNREACHABLE'],
    ['204', { status: 204 }, 'REGISTRY_UNREACHABLE'],
    ['no JSON', { body: '<html>' }, 'CONTENT_INVALID'],
    ['nothing', { body: '' }, 'CONTENT_INVALID'],
    ['a cut', { cutAfter: 30 }, 'CONTENT_TRUNCATED'],
    ['A-R-20: a page over 4 MiB', { body: indexOf([], { x: 'y'.repeat(4 * 1024 * 1024) }) }, 'CONTENT_INVALID'],
    ['A-R-20: an endless page', { endless: true, body: ' '.repeat(65_536) }, 'CONTENT_INVALID'],
    ['A-R-20: more than 1,000 entries', { body: indexOf(entries(1001)) }, 'TOO_MANY_REFERRERS'],
    ['A-R-32: a duplicate key', { body: indexOf([]).replace('"schemaVersion":2', '"schemaVersion":2,"manifests":[]') }, 'CONTENT_INVALID'],
    ['A-R-32: a byte order mark', { body: `\ufeff${indexOf([])}` }, 'CONTENT_INVALID'],
    ['A-R-32: trailing bytes', { body: `${indexOf([])}{}` }, 'CONTENT_INVALID'],
    ['A-R-32: a comment', { body: `/* */${indexOf([])}` }, 'CONTENT_INVALID'],
    ['A-R-32: NaN', { body: indexOf([]).replace('2', 'NaN') }, 'CONTENT_INVALID'],
    ['A-R-32: keys in another case', { body: indexOf([entry({ digest: undefined, Digest: digestOf(bytesOf('x')) })]) }, 'CONTENT_INVALID'],
    ['A-R-33: deep nesting', { body: indexOf([], { x: 0 }).replace('"x":0', `"x":${deep(100_000)}`) }, 'CONTENT_INVALID'],
    ['schemaVersion 1', { body: indexOf([], { schemaVersion: 1 }) }, 'CONTENT_INVALID'],
    ['schemaVersion "2"', { body: indexOf([], { schemaVersion: '2' }) }, 'CONTENT_INVALID'],
    ['another mediaType inside', { body: indexOf([], { mediaType: MANIFEST }) }, 'CONTENT_INVALID'],
    ['no manifests', { body: indexOf(undefined) }, 'CONTENT_INVALID'],
    ['manifests that are no array', { body: indexOf({ length: 0 }) }, 'CONTENT_INVALID'],
    ['a null entry', { body: indexOf([null]) }, 'CONTENT_INVALID'],
    ['a digest of md5', { body: indexOf([entry({ digest: `md5:${'0'.repeat(32)}` })]) }, 'CONTENT_INVALID'],
    ['a digest in upper case', { body: indexOf([entry({ digest: `sha256:${'A'.repeat(64)}` })]) }, 'CONTENT_INVALID'],
    ['a digest that is a path', { body: indexOf([entry({ digest: 'sha256:../../../../etc/passwd' })]) }, 'CONTENT_INVALID'],
    ['no mediaType', { body: indexOf([entry({ mediaType: undefined })]) }, 'CONTENT_INVALID'],
    ['a mediaType with a newline', { body: indexOf([entry({ mediaType: 'a/b\nx: y' })]) }, 'CONTENT_INVALID'],
    ['an artifactType that is a number', { body: indexOf([entry({ artifactType: 1 })]) }, 'CONTENT_INVALID'],
    ['A-R-37: an annotation that is a number', { body: indexOf([entry({ annotations: { a: 1 } })]) }, 'CONTENT_INVALID'],
    ['A-R-37: a long annotation', { body: indexOf([entry({ annotations: { a: 'x'.repeat(100_000) } })]) }, 'CONTENT_INVALID'],
    [
      'A-R-37: many annotations',
      { body: indexOf([entry({ annotations: Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`a${at}`, ''])) })]) },
      'CONTENT_INVALID',
    ],
    ...['-1', '"1"', '1.5', '1e3', '1e400', '9007199254740993', '4611686018427387904', 'null'].map((size): [string, Fault, string] => [
      `a size of ${size}`,
      { body: indexOf([entry()]).replace('"size":1', `"size":${size}`) },
      'CONTENT_INVALID',
    ]),
  ])('are refused: %s', async (_, fault, code) => {
    world.fake.fault(REFERRERS, fault);
    expect(await failure(listAll(world, [SIGNATURE]))).toMatchObject({ code });
    expect(world.fake.requests.filter(({ url }) => url.includes('manifests'))).toEqual([]);
  });
});

describe('pages of referrers', () => {
  it('24: are followed', async () => {
    const world = await openWorld({ pageSize: 1 });
    const second = world.fake.pushSignature({ subject: world.image, envelope: bytesOf('second') });
    expect((await listAll(world, [SIGNATURE])).map(({ digest }) => digest)).toEqual([world.signature.digest, second.digest]);
    expect(world.fake.requests).toHaveLength(2);
    await world.close();
  });

  it.each<[string, (world: World) => string]>([
    ['V-ORAS-04: to itself', ({ image }) => `/v2/team/app/referrers/${image.digest}`],
    ['25: without end', ({ image }) => `/v2/team/app/referrers/${image.digest}?from=0`],
  ])('are at most 10 where Link leads %s', async (_, target) => {
    const world = await openWorld();
    world.fake.fault(REFERRERS, { headers: { link: `<${target(world)}>; rel="next"` }, body: indexOf([]) });
    expect(await failure(listAll(world, [SIGNATURE]))).toMatchObject({ code: 'TOO_MANY_REFERRERS' });
    expect(world.fake.requests).toHaveLength(10);
    await world.close();
  });

  it.each([
    ['to the metadata service', '<http://169.254.169.254/latest/meta-data>; rel="next"'],
    ['to another port', '<http://127.0.0.1:1/v2/x>; rel="next"'],
    ['to another host by //', '<//localhost/v2/x>; rel="next"'],
    ['to another scheme', '<https://127.0.0.1/v2/x>; rel="next"'],
    ['to a file', '<file:///etc/passwd>; rel="next"'],
    ['with user information', '<http://u:p@HOST/v2/x>; rel="next"'],
    ['malformed', '</v2/x; rel="next"'],
    ['to no URL', '<http://[>; rel="next"'],
  ])('V-ORAS-03: are refused where Link leads %s', async (_, link) => {
    const world = await openWorld();
    world.fake.fault(REFERRERS, { headers: { link: link.replace('HOST', world.fake.host) } });
    expect(await failure(listAll(world, [SIGNATURE]))).toMatchObject({ code: 'CONTENT_INVALID' });
    expect(world.fake.requests).toHaveLength(1);
    await world.close();
  });

  it.each(['</v2/x>; rel="prev"', '</v2/x>', '</v2/x>; title="next"'])('end where Link is %s', async (link) => {
    const world = await openWorld();
    world.fake.fault(REFERRERS, { headers: { link } });
    expect(await listAll(world, [SIGNATURE])).toHaveLength(1);
    await world.close();
  });

  it.each<[string, Fault, string]>([
    ['404', { status: 404 }, 'REGISTRY_UNREACHABLE'],
    ['no index', { headers: { 'content-type': 'application/json' } }, 'CONTENT_INVALID'],
    ['no JSON', { body: '[' }, 'CONTENT_INVALID'],
  ])('are refused all together where the second is %s', async (_, fault, code) => {
    const world = await openWorld({ pageSize: 1 });
    world.fake.pushSignature({ subject: world.image, envelope: bytesOf('second') });
    world.fake.fault(/from=1/, fault);
    expect(await failure(listAll(world, [SIGNATURE]))).toMatchObject({ code });
    await world.close();
  });
});

describe('referrers by the tag schema', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld({ referrersApi: false });
  });
  afterEach(() => world.close());

  it('16: are listed where the API is not there', async () => {
    expect(await listAll(world, [SIGNATURE])).toEqual([{ ...world.signature, artifactType: SIGNATURE }]);
    expect(world.fake.requests.map(({ url }) => url)).toEqual([
      expect.stringContaining('/referrers/'),
      `/v2/team/app/manifests/${world.image.digest.replace(':', '-')}`,
    ]);
  });

  it('are listed where the API answers with something else', async () => {
    world.fake.fault(REFERRERS, { status: 200, headers: { 'content-type': 'text/html' } });
    expect(await listAll(world, [SIGNATURE])).toHaveLength(1);
  });

  it('22: of a legacy manifest without artifactType are not signatures', async () => {
    world.fake.fault(TAG, { body: indexOf([entry({ artifactType: undefined })]), headers: { 'docker-content-digest': undefined } });
    expect(await listAll(world, [SIGNATURE])).toEqual([]);
  });

  it('are none where there is no such tag', async () => {
    world.fake.fault(TAG, { status: 404 });
    expect(await listAll(world, [SIGNATURE])).toEqual([]);
  });

  it.each<[string, Fault, string]>([
    ['A-R-27: a manifest', { headers: { 'content-type': MANIFEST } }, 'CONTENT_INVALID'],
    [
      'A-R-27: a manifest said to be an index',
      { body: '{"schemaVersion":2,"layers":[]}', headers: { 'docker-content-digest': undefined } },
      'CONTENT_INVALID',
    ],
    ['A-R-27: 2,000 entries', { body: indexOf(entries(2000)), headers: { 'docker-content-digest': undefined } }, 'TOO_MANY_REFERRERS'],
    ['other bytes than its digest says', { body: indexOf([]) }, 'CONTENT_INVALID'],
    ['a digest header that is none', { headers: { 'docker-content-digest': 'x' } }, 'CONTENT_INVALID'],
    ['500', { status: 500 }, 'REGISTRY_UNREACHABLE'],
    ['204', { status: 204 }, 'REGISTRY_UNREACHABLE'],
  ])('are refused: %s', async (_, fault, code) => {
    world.fake.fault(TAG, fault);
    expect(await failure(listAll(world, [SIGNATURE]))).toMatchObject({ code });
  });

  it('C9: cost one probe of the API, then one request each', async () => {
    await listAll(world, [SIGNATURE]);
    world.fake.takeRequests();
    for (let count = 0; count < 5; count++) expect(await listAll(world, [SIGNATURE])).toHaveLength(1);
    expect(world.fake.requests.map(({ kind }) => kind)).toEqual(Array.from({ length: 5 }, () => 'manifest'));
  });

  it('are asked of the API again where there is no tag, and when the memory of its absence ends', async () => {
    let now = 0;
    const clock = { now: () => 0, monotonic: () => now };
    const aging = await openWorld({ referrersApi: false }, { clock });
    await listAll(aging, [SIGNATURE]);
    aging.fake.fault(TAG, { status: 404 }, 1);
    aging.fake.takeRequests();
    expect(await listAll(aging, [SIGNATURE])).toEqual([]);
    expect(aging.fake.takeRequests().map(({ kind }) => kind)).toEqual(['manifest', 'referrers']);
    now += 5 * 60_000;
    expect(await listAll(aging, [SIGNATURE])).toHaveLength(1);
    expect(aging.fake.requests.map(({ kind }) => kind)).toEqual(['referrers', 'manifest']);
    await aging.close();
  });

  it('A-R-25: are not looked at first where this repository had the API, whatever another repository lacks', async () => {
    const full = await openWorld();
    await listAll(full, [SIGNATURE]);
    const other = full.fake.pushImage({ repository: 'team/other', name: 'other' });
    full.fake.fault(/GET .*team\/other\/referrers/, { status: 404 });
    const repository = { ...full.byTag, path: 'team/other' };
    for await (const page of full.registry.listReferrers({ repository, descriptor: other }, [SIGNATURE], never)) expect(page).toEqual([]);
    full.fake.push.manifest({ tag: full.image.digest.replace(':', '-'), content: indexOf([]), mediaType: INDEX });
    expect(await listAll(full, [SIGNATURE])).toHaveLength(1);
    await full.close();
  });

  it('are not fallen back to where this repository had the API', async () => {
    const full = await openWorld();
    await listAll(full, [SIGNATURE]);
    full.fake.fault(REFERRERS, { status: 404 });
    expect(await failure(listAll(full, [SIGNATURE]))).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    await full.close();
  });
});

describe('a whole verification', () => {
  it('costs four requests', async () => {
    const world = await openWorld();
    const { registry, byTag } = world;
    const image = await registry.resolve(byTag, never);
    const [referrer] = await listAll(world, [SIGNATURE]);
    await registry.fetchManifest(byTag, referrer ?? image, never);
    await registry.fetchBlob(byTag, { mediaType: 'application/jose+json', digest: digestOf(ENVELOPE), size: ENVELOPE.length }, never);
    expect(world.fake.requests.map(({ kind }) => kind)).toEqual(['manifest', 'referrers', 'manifest', 'blob']);
    expect(world.fake.connections().accepted).toBe(1);
    await world.close();
  });
});
