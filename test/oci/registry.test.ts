import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../src/oci/index.ts';
import { bytesOf, type Fault, INDEX, MANIFEST, SIGNATURE } from '../fakes/registry.ts';
import { ENVELOPE, failure, listAll, never, openWorld, type World } from './world.ts';

const OTHER = digestOf(bytesOf('other'));
const HEAD = /^HEAD .*manifests/;
const GET = /^GET .*manifests/;

describe('a reference', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  it('by tag is resolved with one HEAD', async () => {
    expect(await world.registry.resolve(world.byTag, never)).toEqual(world.image);
    expect(world.fake.requests.map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('by digest is resolved to that digest', async () => {
    expect(await world.registry.resolve(world.byDigest, never)).toEqual(world.image);
  });

  it('with a tag and a digest is that digest, whatever the tag is (A-T-11)', async () => {
    const found = await world.registry.resolve({ ...world.byDigest, tag: 'unknown' }, never);
    expect(found).toEqual(world.image);
    expect(world.fake.requests.map(({ url }) => url)).toEqual([`/v2/team/app/manifests/${world.image.digest}`]);
  });

  it.each<[string, Fault]>([
    ['10: no Docker-Content-Digest', { headers: { 'docker-content-digest': undefined } }],
    ['12: no Content-Length', { headers: { 'content-length': undefined } }],
    ['no Content-Type', { headers: { 'content-type': undefined } }],
    ['405', { status: 405 }],
    ['404', { status: 404 }],
    ['a digest header that is none', { headers: { 'docker-content-digest': 'sha256:../../x' } }],
  ])('is described by its bytes where HEAD answers with %s', async (_, fault) => {
    world.fake.fault(HEAD, fault);
    expect(await world.registry.resolve(world.byTag, never)).toEqual(world.image);
    expect(world.fake.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });

  it('10: by digest needs no digest header', async () => {
    world.fake.fault(HEAD, { headers: { 'docker-content-digest': undefined } });
    expect(await world.registry.resolve(world.byDigest, never)).toEqual(world.image);
    expect(world.fake.requests).toHaveLength(1);
  });

  it('13, 14: is what HEAD says, for the payload to be compared with', async () => {
    world.fake.fault(HEAD, { headers: { 'content-length': 7, 'content-type': `${INDEX}; charset=utf-8` } });
    expect(await world.registry.resolve(world.byDigest, never)).toEqual({ ...world.image, size: 7, mediaType: INDEX });
  });

  it('A-R-03: is what GET gives, not what HEAD said', async () => {
    world.fake.fault(HEAD, { headers: { 'content-type': undefined, 'docker-content-digest': OTHER } });
    expect(await world.registry.resolve(world.byTag, never)).toEqual(world.image);
  });

  it.each<[string, 'byTag' | 'byDigest', RegExp, Fault, string]>([
    ['9: HEAD with another digest than asked', 'byDigest', HEAD, { headers: { 'docker-content-digest': OTHER } }, 'CONTENT_INVALID'],
    ['A-R-01: GET with other bytes', 'byDigest', GET, { body: '{}' }, 'CONTENT_INVALID'],
    ['A-R-01: GET by tag whose header is of other bytes', 'byTag', GET, { headers: { 'docker-content-digest': OTHER } }, 'CONTENT_INVALID'],
    ['A-R-05: GET cut short', 'byTag', GET, { cutAfter: 20 }, 'CONTENT_TRUNCATED'],
    ['A-R-40: 200 without bytes', 'byTag', GET, { body: '', headers: { 'docker-content-digest': undefined } }, 'CONTENT_INVALID'],
    ['A-R-40: 204', 'byTag', GET, { status: 204 }, 'REGISTRY_UNREACHABLE'],
    ['A-R-40: 206', 'byTag', GET, { status: 206 }, 'REGISTRY_UNREACHABLE'],
    ['A-R-40: 304', 'byTag', GET, { status: 304 }, 'REGISTRY_UNREACHABLE'],
    [
      'A-R-31: schema 1',
      'byTag',
      GET,
      { headers: { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' } },
      'CONTENT_INVALID',
    ],
    ['A-R-31: application/json', 'byTag', GET, { headers: { 'content-type': 'application/json' } }, 'CONTENT_INVALID'],
    ['two media types', 'byTag', GET, { headers: { 'content-type': `${MANIFEST}, ${INDEX}` } }, 'CONTENT_INVALID'],
    ['no media type', 'byTag', GET, { headers: { 'content-type': undefined } }, 'CONTENT_INVALID'],
    ['a Content-Encoding', 'byTag', GET, { headers: { 'content-encoding': 'gzip' } }, 'CONTENT_INVALID'],
    ['endless bytes', 'byTag', GET, { endless: true, body: 'x'.repeat(65_536) }, 'CONTENT_INVALID'],
  ])('is refused: %s', async (_, reference, match, fault, code) => {
    if (match === GET) world.fake.fault(HEAD, { status: 405 });
    world.fake.fault(match, fault);
    expect(await failure(world.registry.resolve(world[reference], never))).toMatchObject({ code });
  });

  it('A-R-31: of a media type that is no image is refused by HEAD alone', async () => {
    world.fake.fault(HEAD, { headers: { 'content-type': 'application/json' } });
    expect(await failure(world.registry.resolve(world.byTag, never))).toMatchObject({ code: 'CONTENT_INVALID' });
    expect(world.fake.requests).toHaveLength(1);
  });

  it('unknown to the registry is not found', async () => {
    expect(await failure(world.registry.resolve({ ...world.byTag, tag: 'v2' }, never))).toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  it.each<[string, Fault, string, number]>([
    ['403', { status: 403 }, 'REGISTRY_DENIED', 1],
    ['status 401 without a challenge', { status: 401 }, 'REGISTRY_DENIED', 1],
    ['429', { status: 429 }, 'REGISTRY_THROTTLED', 2],
    ['status 429 for longer than is waited', { status: 429, headers: { 'retry-after': '3600' } }, 'REGISTRY_THROTTLED', 1],
    ['status 429 until a date', { status: 429, headers: { 'retry-after': 'Fri, 31 Dec 2100 23:59:59 GMT' } }, 'REGISTRY_THROTTLED', 1],
    ['500', { status: 500 }, 'REGISTRY_UNREACHABLE', 2],
    ['503', { status: 503 }, 'REGISTRY_UNREACHABLE', 2],
    ['A-R-09: 1 MB of headers', { raw: `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(1_000_000)}\r\n\r\n` }, 'REGISTRY_UNREACHABLE', 2],
    ['A-R-09: 10,000 headers', { raw: `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(10_000)}\r\n` }, 'REGISTRY_UNREACHABLE', 2],
    ['A-R-09: invalid header bytes', { raw: 'HTTP/1.1 200 OK\r\nx\0y: z\r\n\r\n' }, 'REGISTRY_UNREACHABLE', 2],
    ['no HTTP', { raw: 'hello\r\n\r\n' }, 'REGISTRY_UNREACHABLE', 2],
    ['a closed connection', { raw: '' }, 'REGISTRY_UNREACHABLE', 2],
  ])('is unavailable at %s', async (_, fault, code, requests) => {
    world.fake.fault(/./, fault);
    expect(await failure(world.registry.resolve(world.byTag, never))).toMatchObject({ code });
    expect(world.fake.requests).toHaveLength(requests);
  });

  it.each([429, 500, 503])('survives one %d', async (status) => {
    world.fake.fault(/./, { status }, 1);
    expect(await world.registry.resolve(world.byTag, never)).toEqual(world.image);
  });

  it("A-R-45: is refused in words of ours, not the registry's", async () => {
    const body = `\u001b[31m\n{"errors":[{"code":"DENIED","message":"eyJhbGciOi.eyJzdWIi.c2ln"}]}${'x'.repeat(5_000_000)}`;
    world.fake.fault(/./, { status: 403, body });
    const { message } = await failure(world.registry.resolve(world.byTag, never));
    expect(message).toMatch(/^[\x20-\x7e]{1,200}$/);
    expect(message).not.toContain('eyJ');
  });
});

describe('content', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  const fetchSignature = () => world.registry.fetchManifest(world.byTag, world.signature, never);
  const envelope = () => ({ mediaType: 'application/jose+json', digest: digestOf(ENVELOPE), size: ENVELOPE.length });
  const fetchEnvelope = (change: object = {}) => world.registry.fetchBlob(world.byTag, { ...envelope(), ...change }, never);

  it('is what its descriptor says', async () => {
    expect(digestOf(await fetchSignature())).toBe(world.signature.digest);
    expect(Buffer.from(await fetchEnvelope())).toEqual(Buffer.from(ENVELOPE));
    expect(world.fake.requests.map(({ headers }) => headers.accept)).toEqual([MANIFEST, undefined]);
  });

  it.each<[string, Fault, string]>([
    ['46: other bytes of the same length', { body: 'x' }, 'CONTENT_INVALID'],
    ['A-R-04: longer, by its Content-Length', { body: 'y'.repeat(9999) }, 'CONTENT_INVALID'],
    ['A-R-04: longer, without one', { endless: true, body: 'y'.repeat(500) }, 'CONTENT_INVALID'],
    ['A-R-04: shorter', { body: '{}' }, 'CONTENT_TRUNCATED'],
    ['A-R-05: less than its Content-Length', { cutAfter: 100 }, 'CONTENT_TRUNCATED'],
    ['48: another media type', { headers: { 'content-type': 'application/vnd.docker.distribution.manifest.v2+json' } }, 'CONTENT_INVALID'],
    ['a digest header of something else', { headers: { 'docker-content-digest': OTHER } }, 'CONTENT_INVALID'],
    ['a Content-Encoding', { headers: { 'content-encoding': 'br' } }, 'CONTENT_INVALID'],
    ['204', { status: 204 }, 'REGISTRY_UNREACHABLE'],
    ['206', { status: 206 }, 'REGISTRY_UNREACHABLE'],
    ['404', { status: 404 }, 'IMAGE_NOT_FOUND'],
    [
      'chunks of no number',
      { raw: `HTTP/1.1 200 OK\r\ncontent-type: ${MANIFEST}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n` },
      'CONTENT_TRUNCATED',
    ],
    [
      'A-R-05: a length and chunks',
      { raw: `HTTP/1.1 200 OK\r\ncontent-type: ${MANIFEST}\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n` },
      'REGISTRY_UNREACHABLE',
    ],
  ])('of a manifest is refused: %s', async (_, fault, code) => {
    const { body } = fault;
    const sized = body === 'x' ? { ...fault, body: 'x'.repeat(world.signature.size) } : fault;
    world.fake.fault(GET, sized);
    expect(await failure(fetchSignature())).toMatchObject({ code });
  });

  it.each<[string, object, Fault, string]>([
    ['42: a size smaller than the blob', { size: ENVELOPE.length - 1 }, {}, 'CONTENT_INVALID'],
    ['a size larger than the blob', { size: ENVELOPE.length + 1 }, {}, 'CONTENT_TRUNCATED'],
    ['45: other bytes', {}, { body: '{"payload":"e31"}' }, 'CONTENT_INVALID'],
    ['a blob that is not there', { digest: OTHER }, {}, 'IMAGE_NOT_FOUND'],
    ['endless bytes', {}, { endless: true }, 'CONTENT_INVALID'],
  ])('of a blob is refused: %s', async (_, change, fault, code) => {
    world.fake.fault(/blobs/, fault);
    expect(await failure(fetchEnvelope(change))).toMatchObject({ code });
  });

  it.each([4 * 1024 * 1024 + 1, -1, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])(
    '40, 41, 44: of %d bytes is not asked for',
    async (size) => {
      expect(await failure(fetchEnvelope({ size }))).toMatchObject({ code: 'CONTENT_INVALID' });
      expect(await failure(world.registry.fetchManifest(world.byTag, { ...world.signature, size }, never))).toMatchObject({
        code: 'CONTENT_INVALID',
      });
      expect(world.fake.requests).toEqual([]);
    },
  );

  it('of a digest that is none is not asked for', async () => {
    // What no parser of ours lets through.
    const digest = 'sha256:../../../etc/passwd' as typeof OTHER;
    expect(await failure(fetchEnvelope({ digest }))).toMatchObject({ code: 'CONTENT_INVALID' });
    expect(world.fake.requests).toEqual([]);
  });

  it('A-R-07: that comes too slowly is given up when the caller gives up, and its place is free', async () => {
    const slow = new AbortController();
    world.fake.fault(/blobs/, { hangAfter: 3 }, 20);
    const reasons = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const fetched = world.registry.fetchBlob(world.byTag, envelope(), slow.signal).catch((error: unknown) => error);
        while (world.fake.requests.length < 8) await new Promise(setImmediate);
        slow.abort(new Error('no more time'));
        return await fetched;
      }),
    );
    expect(reasons.map(String)).toEqual(reasons.map(() => 'Error: no more time'));
    world.fake.mend();
    expect(Buffer.from(await fetchEnvelope())).toEqual(Buffer.from(ENVELOPE));
  });

  it('A-R-07: of a caller without a deadline has one all the same', async () => {
    const hasty = await openWorld({}, { limits: { requestMs: 50 } });
    hasty.fake.fault(/./, { silent: true });
    expect(await failure(hasty.registry.resolve(hasty.byTag, never))).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    await hasty.close();
  });

  it('A-R-08: is not waited for without headers', async () => {
    const hasty = await openWorld({}, { limits: { headersMs: 50 } });
    hasty.fake.fault(/./, { silent: true });
    expect(await failure(hasty.registry.resolve(hasty.byTag, never))).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    await hasty.close();
  });

  it('is asked for by 8 requests at a time', async () => {
    world.fake.fault(/blobs/, { hangAfter: 1 });
    const stop = new AbortController();
    const fetches = Array.from({ length: 30 }, () => world.registry.fetchBlob(world.byTag, envelope(), stop.signal).catch(String));
    while (world.fake.requests.length < 8) await new Promise(setImmediate);
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
    expect(world.fake.requests).toHaveLength(8);
    stop.abort(new Error('enough'));
    expect(new Set(await Promise.all(fetches))).toEqual(new Set(['Error: enough']));
  });

  it('is asked for under our name, unencoded', async () => {
    await fetchEnvelope();
    expect(world.fake.requests[0]?.headers).toMatchObject({
      'user-agent': expect.stringMatching(/^countersign\/\d/),
      'accept-encoding': 'identity',
    });
  });
});

describe('a caller that has left already', () => {
  it('is answered with its reason before any request', async () => {
    const world = await openWorld();
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(world.registry.resolve(world.byTag, gone)).rejects.toThrow('gone');
    await expect(listAll(world, [SIGNATURE], gone)).rejects.toThrow('gone');
    expect(world.fake.requests).toEqual([]);
    await world.close();
  });
});
