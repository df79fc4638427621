import { X509Certificate } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { object } from '../config/world.ts';
import { bytesOf, type Fault, INDEX, MANIFEST, SIGNATURE } from '../fakes/registry.ts';
import { OID } from '../pki.ts';
import { responders } from '../revocation-answers.ts';
import { type JwsOptions, signJws } from '../sign.ts';
import { DECLARED, type Gate, leaf, openGate, openScene, root, type Scene, stranger } from './gate.ts';

const ANY = /./;
const HEAD = /^HEAD /;
const IMAGE = /manifests\/v1/;
const REFERRERS = /referrers/;
const ENVELOPE = /^GET .*blobs/;
const MIB = 1024 * 1024;

let gate: Gate;
let hasty: Gate;
let scene: Scene;
beforeAll(async () => {
  // Long enough on a busy machine; what is slow on purpose is asked of the other one.
  gate = await openGate({ settings: { validating: { webhookMs: 30_000, providerMs: 29_000, deadlineMs: 25_000 } } });
  hasty = await openGate({ settings: { validating: { webhookMs: 3000, providerMs: 2000, deadlineMs: 300 } } });
  for (const one of [gate, hasty]) await one.declare(DECLARED);
});
afterAll(async () => {
  expect(gate.provider.log.join('').match(/an error of ours/g)).toBeNull();
  await Promise.all([gate.close(), hasty.close()]);
});
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.fake.close());

const indexOf = (manifests: unknown, change: object = {}) => JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests, ...change });
const entry = (change: object = {}) => ({
  mediaType: MANIFEST,
  digest: digestOf(bytesOf('x')),
  size: 1,
  artifactType: SIGNATURE,
  ...change,
});
const crowd = (count: number) => Array.from({ length: count }, (_, at) => entry({ digest: digestOf(bytesOf(String(at))) }));
const raw = (head: string, body = '') => ({ raw: `HTTP/1.1 ${head}\r\n\r\n${body}` });
/** Only the image's own bytes tell what it is. */
const described = (fault: Fault) => (fake: Scene['fake']) => {
  fake.fault(IMAGE, fault);
  fake.fault(HEAD, { status: 405 });
};
const at =
  (match: RegExp, fault: Fault) =>
  (fake: Scene['fake']): void =>
    fake.fault(match, fault);

/** The signature's manifest instead of the good one, listed as it stands. */
const manifest =
  (change: (good: { readonly layers: readonly Descriptor[] }) => unknown) =>
  (fake: Scene['fake'], { image, envelope }: Scene): void => {
    const layer = fake.push.blob('team/app', envelope, 'application/jose+json');
    const { mediaType, digest, size } = image;
    const good = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType: SIGNATURE,
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(bytesOf('{}')), size: 2 },
      layers: [layer],
      subject: { mediaType, digest, size },
    };
    const pushed = fake.push.manifest({ content: change(good) });
    fake.fault(REFERRERS, { body: indexOf([{ ...pushed, artifactType: SIGNATURE }]) });
  };

/** So many signatures of a stranger, listed before the good one if there is one (`annotations` are its own). */
const flood =
  (count: number, annotations?: Readonly<Record<string, string>>) =>
  (fake: Scene['fake'], { image, envelope }: Scene): void => {
    const listed = Array.from({ length: count }, (_, n) => {
      const time = new Date(1_735_689_600_000 + n * 1000);
      return fake.pushSignature({ subject: image, envelope: signJws({ signer: stranger, subject: image, time }) });
    });
    const good = fake.pushSignature({ subject: image, envelope, ...(annotations === undefined ? {} : { annotations }) });
    const last = annotations === undefined ? [] : [{ ...good, annotations }];
    fake.fault(REFERRERS, { body: indexOf([...listed, ...last].map((one) => ({ ...one, artifactType: SIGNATURE }))) });
  };

describe('what a registry answers', () => {
  it('is accepted when it is all good', async () => {
    expect(await gate.ask(scene.byTag)).toBe('accepted VERIFIED');
    expect(await gate.ask(scene.byDigest)).toBe('accepted VERIFIED');
  });

  it.each<[string, (fake: Scene['fake'], scene: Scene) => void, string]>([
    ['404 for the tag', at(IMAGE, { status: 404 }), 'refused IMAGE_NOT_FOUND'],
    ['A-R-39: 401 without a challenge', at(ANY, { status: 401 }), 'unavailable REGISTRY_DENIED'],
    ['A-R-39: 403', at(ANY, { status: 403 }), 'unavailable REGISTRY_DENIED'],
    ['43: 429 for an hour', at(ANY, { status: 429, headers: { 'retry-after': '3600' } }), 'unavailable REGISTRY_THROTTLED'],
    ['500', at(ANY, { status: 500 }), 'unavailable REGISTRY_UNREACHABLE'],
    ['A-R-40: 204', described({ status: 204 }), 'unavailable REGISTRY_UNREACHABLE'],
    ['A-R-40: 206', described({ status: 206 }), 'unavailable REGISTRY_UNREACHABLE'],
    ['A-R-40: 304', described({ status: 304 }), 'unavailable REGISTRY_UNREACHABLE'],
    ['A-R-40: 200 with nothing in it', described({ body: '' }), 'refused CONTENT_INVALID'],
    [
      'A-R-31: a manifest that is JSON and no more',
      described({ headers: { 'content-type': 'application/json' } }),
      'refused CONTENT_INVALID',
    ],
    [
      'A-R-31: a Docker manifest of schema 1',
      described({ headers: { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' } }),
      'refused CONTENT_INVALID',
    ],
    ['A-R-01: an image whose bytes have another digest', described({ body: '{}' }), 'refused CONTENT_INVALID'],
    ['compressed bytes', described({ headers: { 'content-encoding': 'gzip' } }), 'refused CONTENT_INVALID'],
    ['an image without end', described({ endless: true, body: ' '.repeat(65_536) }), 'refused CONTENT_INVALID'],
    ['A-R-04: an image that is cut short', described({ cutAfter: 20 }), 'unavailable CONTENT_TRUNCATED'],
    ['A-R-09: a megabyte of headers', at(ANY, raw(`200 OK\r\nx: ${'y'.repeat(MIB)}`)), 'unavailable REGISTRY_UNREACHABLE'],
    ['A-R-09: a header with a NUL', at(ANY, raw('200 OK\r\nx\0y: z')), 'unavailable REGISTRY_UNREACHABLE'],
    [
      'A-R-05: a length and chunks',
      described(raw('200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked', '0\r\n\r\n')),
      'unavailable REGISTRY_UNREACHABLE',
    ],
    ['another protocol', at(ANY, { raw: 'SSH-2.0-OpenSSH\r\n' }), 'unavailable REGISTRY_UNREACHABLE'],
    ['nothing, and hangs up', at(ANY, { raw: '' }), 'unavailable REGISTRY_UNREACHABLE'],
    [
      'A-R-11: a way to cloud metadata',
      at(ANY, { status: 307, headers: { location: 'http://169.254.169.254/' } }),
      'unavailable REGISTRY_UNREACHABLE',
    ],
    ['A-R-13: a way to a file', at(ANY, { status: 302, headers: { location: 'file:///etc/passwd' } }), 'unavailable REGISTRY_UNREACHABLE'],
    ['a way in circles', at(ANY, { status: 302, headers: { location: '/v2/x' } }), 'unavailable REGISTRY_UNREACHABLE'],
    ['no referrers', at(REFERRERS, { body: indexOf([]) }), 'refused NO_SIGNATURES'],
    [
      'A-R-25: referrers of another type that it says are filtered',
      at(REFERRERS, { body: indexOf([entry({ artifactType: 'text/plain' })]) }),
      'refused NO_SIGNATURES',
    ],
    [
      'referrers that are HTML, and no tag',
      at(REFERRERS, { headers: { 'content-type': 'text/html' }, body: '<html>' }),
      'refused NO_SIGNATURES',
    ],
    ['referrers that are no JSON', at(REFERRERS, { body: '<html>' }), 'refused CONTENT_INVALID'],
    ['500 for referrers', at(REFERRERS, { status: 500 }), 'unavailable REGISTRY_UNREACHABLE'],
    ['referrers that are cut short', at(REFERRERS, { cutAfter: 10 }), 'unavailable CONTENT_TRUNCATED'],
    ['A-R-32: a member twice', at(REFERRERS, { body: indexOf([]).replace('{', '{"manifests":[],') }), 'refused CONTENT_INVALID'],
    ['A-R-32: a byte order mark', at(REFERRERS, { body: `\ufeff${indexOf([])}` }), 'refused CONTENT_INVALID'],
    ['A-R-32: two documents', at(REFERRERS, { body: `${indexOf([])}${indexOf([])}` }), 'refused CONTENT_INVALID'],
    [
      'A-R-33: lists in lists',
      at(REFERRERS, { body: indexOf([], { x: [] }).replace('[]}', `${'['.repeat(MIB)}`) }),
      'refused CONTENT_INVALID',
    ],
    ['A-R-20: 1,001 referrers', at(REFERRERS, { body: indexOf(crowd(1001)) }), 'refused TOO_MANY_REFERRERS'],
    ['A-R-20: more than 4 MiB of referrers', at(REFERRERS, { body: indexOf([], { x: 'y'.repeat(4 * MIB) }) }), 'refused CONTENT_INVALID'],
    [
      'V-ORAS-04: a next page that is the same page',
      at(REFERRERS, { headers: { link: '<?x>; rel="next"' }, body: indexOf([]) }),
      'refused TOO_MANY_REFERRERS',
    ],
    [
      'V-ORAS-03: a next page elsewhere',
      at(REFERRERS, { headers: { link: '<http://169.254.169.254/>; rel="next"' } }),
      'refused CONTENT_INVALID',
    ],
    [
      'V-ORAS-05: a size of 2^62',
      at(REFERRERS, { body: indexOf([entry()]).replace('"size":1', '"size":4611686018427387904') }),
      'refused CONTENT_INVALID',
    ],
    ['a digest that is a path', at(REFERRERS, { body: indexOf([entry({ digest: 'sha256:../../x' })]) }), 'refused CONTENT_INVALID'],
    [
      'A-R-37: 300 annotations',
      at(REFERRERS, { body: indexOf([entry({ annotations: Object.fromEntries(crowd(300).map((_, n) => [`a${n}`, ''])) })]) }),
      'refused CONTENT_INVALID',
    ],
    ['a signature that is listed and not there', at(REFERRERS, { body: indexOf([entry()]) }), 'unavailable REGISTRY_UNREACHABLE'],
    ['A-R-36: a signature of no envelope', manifest((good) => ({ ...good, layers: [] })), 'refused ENVELOPE_INVALID'],
    [
      'A-R-36: a signature of two envelopes',
      manifest((good) => ({ ...good, layers: [...good.layers, ...good.layers] })),
      'refused ENVELOPE_INVALID',
    ],
    ['A-R-24: a signature attached to another image', manifest((good) => ({ ...good, subject: entry() })), 'refused ENVELOPE_INVALID'],
    [
      'A-R-36: an envelope of another type',
      manifest((good) => ({ ...good, layers: [{ ...good.layers[0], mediaType: 'text/plain' }] })),
      'refused ENVELOPE_INVALID',
    ],
    ['A-R-36: an envelope of 32 MiB', manifest((good) => ({ ...good, layers: [entry({ size: 32 * MIB })] })), 'refused ENVELOPE_INVALID'],
    ['a signature that is no manifest', manifest(() => 'hello'), 'refused ENVELOPE_INVALID'],
    [
      'A-R-01: another envelope than the digest says',
      (fake, { envelope }) => fake.fault(ENVELOPE, { body: ' '.repeat(envelope.length) }),
      'refused CONTENT_INVALID',
    ],
    ['A-R-04: an envelope that is longer than it says', at(ENVELOPE, { endless: true }), 'refused CONTENT_INVALID'],
    ['an envelope that is not there', at(ENVELOPE, { status: 404 }), 'unavailable REGISTRY_UNREACHABLE'],
    ['an envelope that is cut short', at(ENVELOPE, { cutAfter: 100 }), 'unavailable CONTENT_TRUNCATED'],
    ['A-R-21: sixty signatures of strangers and no other', flood(60), 'refused TOO_MANY_SIGNATURES'],
    ['A-R-21: sixty signatures of strangers before the good one', flood(60, {}), 'refused TOO_MANY_SIGNATURES'],
  ])('%s', async (_case, spoil, expected) => {
    spoil(scene.fake, scene);
    expect(await gate.ask(scene.byTag)).toBe(expected);
  });

  it('A-R-21: finds the good signature among 900 of strangers where it names a trusted certificate', async () => {
    const thumbprint = new X509Certificate(root.cert).fingerprint256.replaceAll(':', '').toLowerCase();
    flood(900, { 'io.cncf.notary.x509chain.thumbprint#S256': JSON.stringify([thumbprint]) })(scene.fake, scene);
    expect(await gate.ask(scene.byTag)).toBe('accepted VERIFIED');
    expect(scene.fake.requests.filter(({ kind }) => kind === 'blob')).toHaveLength(1);
  });

  it.each<[string, RegExp, Fault]>([
    ['A-R-08: nothing at all', ANY, { silent: true }],
    ['A-R-07: an image byte by byte', IMAGE, { hangAfter: 1 }],
    ['A-R-07: referrers that stop half way', REFERRERS, { hangAfter: 10 }],
    ['A-R-07: an envelope that stops half way', ENVELOPE, { hangAfter: 10 }],
  ])('is not waited for: %s', async (_case, match, fault) => {
    if (match === IMAGE) scene.fake.fault(HEAD, { status: 405 });
    scene.fake.fault(match === IMAGE ? /^GET .*manifests/ : match, fault);
    expect(await hasty.ask(scene.byTag)).toBe('unavailable DEADLINE_EXCEEDED');
  });

  it('A-R-08: is not waited for where it accepts a connection and speaks no TLS', async () => {
    const mute = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as AddressInfo; // a server on a port has an address of this shape
    await hasty.declare([object('Store', 'registry', { name: 'oras' }), ...DECLARED.slice(1)]);
    expect(await hasty.ask(`127.0.0.1:${port}/team/app:v1`)).toBe('unavailable DEADLINE_EXCEEDED');
    await hasty.declare(DECLARED);
    mute.close();
  });

  it.each([
    ['A-R-29, V-KYV-01: an unsigned image after the signed one', (scene: Scene, other: Descriptor) => [scene.image, other]],
    ['A-R-29: the signed image after an unsigned one', (scene: Scene, other: Descriptor) => [other, scene.image]],
  ])('is taken once: %s', async (_case, order) => {
    const other = scene.fake.pushImage({ name: 'unsigned' });
    const [first, second] = order(scene, other);
    for (const [image, times] of [
      [second, 9],
      [first, 1],
    ] as const) {
      if (image === undefined) continue;
      scene.fake.fault(IMAGE, { headers: { 'docker-content-digest': image.digest, 'content-length': image.size } }, times);
    }
    const { response } = await gate.answer(scene.byTag);
    const signed = first === scene.image;
    expect(response.items?.[0]?.value).toMatchObject({ isSuccess: signed, digest: first?.digest });
    expect(scene.fake.requests.filter(({ method }) => method === 'HEAD')).toHaveLength(1);
  });

  it('A-R-28: is accepted for the digest that the tag meant, which the answer states', async () => {
    const { response } = await gate.answer(scene.byTag);
    expect(response.items?.[0]?.value).toMatchObject({ isSuccess: true, digest: scene.image.digest, validUntil: expect.any(String) });
    const moved = scene.fake.pushImage({ name: 'unsigned', tag: scene.tag });
    const again = await gate.answer(`[team]${scene.byTag}`);
    expect(again.response.items?.[0]?.value).toMatchObject({ isSuccess: false, digest: moved.digest, reason: { code: 'NO_SIGNATURES' } });
  });

  it.each<[string, Partial<JwsOptions>, string]>([
    ['that has expired since', { expiry: new Date('2025-02-01T00:00:00Z') }, 'refused SIGNATURE_EXPIRED'],
    [
      'whose certificate has expired since',
      { signer: root.leaf({ notAfter: new Date('2025-02-01T00:00:00Z') }) },
      'refused CERTIFICATE_EXPIRED',
    ],
  ])('A-R-48: is refused where a mirror lists only the old signature, %s', async (_case, options, expected) => {
    const image = scene.fake.pushImage({ name: 'old', tag: 'old' });
    scene.fake.pushSignature({ subject: image, envelope: signJws({ signer: leaf, subject: image, ...options }) });
    expect(await gate.ask(`${scene.fake.host}/team/app:old`)).toBe(expected);
  });

  it('A-R-48: is unavailable where a mirror keeps a signature whose revocation cannot be looked up any more', async () => {
    const ocsp = responders('http://ocsp.invalid:81/');
    const signer = root.leaf({ extensions: { [OID.authorityInfoAccess]: { value: ocsp } } });
    const image = scene.fake.pushImage({ name: 'old', tag: 'old' });
    scene.fake.pushSignature({ subject: image, envelope: signJws({ signer, subject: image }) });
    expect(await gate.ask(`${scene.fake.host}/team/app:old`)).toBe('unavailable REVOCATION_UNKNOWN');
  });
});
