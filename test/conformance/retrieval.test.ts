import type { OutgoingHttpHeaders } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { Verdict } from '../../src/engine/types.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { bytesOf, type Fault, INDEX, REPOSITORY, SIGNATURE } from '../fakes/registry.ts';
import { signCose } from '../sign.ts';
import { EMPTY, inWorld, leaf, stranger, type World, type WorldOptions } from './world.ts';

const MIB = 1024 * 1024;
const HEAD = /^HEAD .*manifests/;
const REFERRERS = /^GET .*referrers/;
const OTHER = digestOf(bytesOf('other'));
const THUMBPRINTS = 'io.cncf.notary.x509chain.thumbprint#S256';
const ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';
const headers = (over: OutgoingHttpHeaders): Fault => ({ headers: over });
const SKIP: WorldOptions = { statement: { signatureVerification: { level: 'skip' } } };
const short = ({ outcome, reason }: Verdict): string => `${outcome} ${reason.code}`;

/** What happens between an image without signatures and the question. */
type Arrange = (world: World) => void;
const good: Arrange = ({ attach, sign }) => void attach(sign());
const bad: Arrange = ({ attach, sign }) => void attach(sign({ signer: stranger }));
const all =
  (...steps: readonly Arrange[]): Arrange =>
  (world) => {
    for (const step of steps) step(world);
  };
const fault =
  (match: RegExp, what: Fault): Arrange =>
  ({ fake }) =>
    fake.fault(match, what);
const times = (count: number, step: (at: number) => Arrange): Arrange => all(...Array.from({ length: count }, (_, at) => step(at)));
/** A signature by a stranger, told apart from others by when it was made. */
const badAt =
  (at: number): Arrange =>
  ({ attach, sign }) =>
    void attach(sign({ signer: stranger, time: new Date(1_700_000_000_000 + at * 1000) }));
const pad = (text: string, size: number): string => text + ' '.repeat(size - text.length);

function verdict(arrange: Arrange, options: WorldOptions = {}): Promise<Verdict> {
  return inWorld(async (world) => {
    arrange(world);
    return await world.ask();
  }, options);
}

describe('12.1 reference, resolve, retrieval', () => {
  it.each<[string, Arrange, string, WorldOptions?]>([
    ['1 a digest with one good signature', good, 'accepted VERIFIED'],
    ['nothing attached', () => undefined, 'refused NO_SIGNATURES'],
    [
      '9 a HEAD that names another digest than was asked for',
      all(good, fault(HEAD, headers({ 'docker-content-digest': OTHER }))),
      'refused CONTENT_INVALID',
    ],
    ['10 a HEAD that names no digest', all(good, fault(HEAD, headers({ 'docker-content-digest': undefined }))), 'accepted VERIFIED'],
    ['12 a HEAD without a length', all(good, fault(HEAD, headers({ 'content-length': undefined }))), 'accepted VERIFIED'],
    ['13 a HEAD with another length than was signed', all(good, fault(HEAD, headers({ 'content-length': 7 }))), 'refused PAYLOAD_MISMATCH'],
    ['14 a HEAD with another type than was signed', all(good, fault(HEAD, headers({ 'content-type': INDEX }))), 'refused PAYLOAD_MISMATCH'],
    ['16 no referrers API, and the signature under the tag', good, 'accepted VERIFIED', { referrersApi: false }],
    [
      '17 no such name for the referrers API',
      all(good, fault(REFERRERS, { status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' })),
      'refused IMAGE_NOT_FOUND',
      { referrersApi: false },
    ],
    [
      '18 a referrers API that fails',
      all(good, fault(REFERRERS, { status: 500 })),
      'unavailable REGISTRY_UNREACHABLE',
      { referrersApi: false },
    ],
    [
      '20 a list of everything that says so',
      all(({ fake, image }) => fake.push.referrer(REPOSITORY, image.digest, { ...image, artifactType: 'application/spdx+json' }), good),
      'accepted VERIFIED',
      { filters: false },
    ],
    [
      '21 a list of everything that says it is filtered',
      all(
        ({ fake, image }) => fake.push.referrer(REPOSITORY, image.digest, { ...image, artifactType: 'application/spdx+json' }),
        good,
        fault(REFERRERS, headers({ 'oci-filters-applied': 'artifactType' })),
      ),
      'accepted VERIFIED',
      { filters: false },
    ],
    [
      '22 a legacy signature under the tag whose entry has no type',
      ({ attach, sign }) =>
        void attach(sign(), {
          members: { artifactType: undefined, config: { ...EMPTY, mediaType: SIGNATURE } },
          entry: { artifactType: undefined },
        }),
      'refused NO_SIGNATURES',
      { referrersApi: false },
    ],
    ['24 the good signature on the second page', all(bad, good), 'accepted VERIFIED', { pageSize: 1 }],
    [
      '25 pages without end or entries',
      fault(REFERRERS, {
        headers: { link: '</v2/team/app/referrers/x>; rel="next"' },
        body: JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] }),
      }),
      'refused TOO_MANY_REFERRERS',
    ],
    ['26 as many bad signatures as are tried', times(50, badAt), 'refused SIGNER_UNTRUSTED'],
    ['26 one more than are tried, and that one good', all(times(50, badAt), good), 'refused TOO_MANY_SIGNATURES'],
    ['level skip, and a signature that is none', ({ attach }) => void attach(bytesOf('x')), 'accepted SKIPPED', SKIP],
    ['level skip, and nothing attached', () => undefined, 'refused NO_SIGNATURES', SKIP],
    ['28 a bad signature before a good one', all(bad, good), 'accepted VERIFIED'],
  ])('%s', async (_case, arrange, expected, options = {}) => {
    expect(short(await verdict(arrange, options))).toBe(expected);
  });

  it('2 a tag is resolved first, and everything else is asked for by digest', () =>
    inWorld(async (world) => {
      good(world);
      const found = await world.ask(`${world.name}:v1`);
      expect([short(found), found.digest]).toEqual(['accepted VERIFIED', world.image.digest]);
      expect(world.fake.requests.filter(({ url }) => url.includes('/v1')).map(({ method }) => method)).toEqual(['HEAD']);
    }));

  it('2 a tag that is moved to an image without signatures is that image', () =>
    inWorld(async (world) => {
      good(world);
      const unsigned = world.fake.pushImage({ name: 'unsigned' });
      const found = await world.ask(`${world.name}:v1`);
      expect([short(found), found.digest]).toEqual(['refused NO_SIGNATURES', unsigned.digest]);
    }));

  it('28, 29 of two good signatures the first alone is read', () =>
    inWorld(async (world) => {
      const first = world.attach(world.sign());
      world.attach(world.sign({ time: new Date('2025-02-02T00:00:00Z') }));
      const found = await world.ask();
      expect(found.reports.map(({ artifact }) => artifact.digest)).toEqual([first.digest]);
      expect(world.fake.requests.filter(({ kind }) => kind === 'blob')).toHaveLength(1);
    }));

  it.each([0, -1, Number.NaN])('30 with %d signatures to be tried nothing is decided, and nothing is asked', (maxSignatures) =>
    inWorld(async (world) => {
      good(world);
      expect(short(await world.ask(undefined, { maxSignatures }))).toBe('misconfigured CONFIG_INVALID');
      expect(world.fake.requests).toEqual([]);
    }),
  );
});

describe('12.2 signature manifest and blob', () => {
  const attached =
    (...[over, envelope]: [over: Parameters<World['attach']>[1], envelope?: (world: World) => Uint8Array]): Arrange =>
    (world) =>
      void world.attach(envelope?.(world) ?? world.sign(), over);
  const blobs = /^GET .*blobs/;

  it.each<[string, Arrange, string]>([
    ['32 the type of a signature, and an empty config', good, 'accepted VERIFIED'],
    [
      '33 the legacy form',
      attached({ members: { artifactType: undefined, config: { ...EMPTY, mediaType: SIGNATURE } } }),
      'accepted VERIFIED',
    ],
    [
      '34 an OCI artifact manifest',
      (world) => {
        const envelope = world.sign();
        const layer = { mediaType: 'application/jose+json', digest: digestOf(envelope), size: envelope.length };
        world.attach(envelope, { mediaType: ARTIFACT, members: { layers: undefined, config: undefined, blobs: [layer] } });
      },
      'accepted VERIFIED',
    ],
    [
      '38 D25 a subject that is another artifact',
      attached({ members: { subject: { ...EMPTY, digest: OTHER } } }),
      'refused ENVELOPE_INVALID',
    ],
    ['40 a manifest of 4 MiB', attached({ manifest: (text) => pad(text, 4 * MIB) }), 'accepted VERIFIED'],
    ['40 a manifest of a byte more', attached({ manifest: (text) => pad(text, 4 * MIB + 1) }), 'refused CONTENT_INVALID'],
    ['41 an envelope of 4 MiB', attached({}, ({ sign }) => bytesOf(pad(Buffer.from(sign()).toString(), 4 * MIB))), 'accepted VERIFIED'],
    [
      '41 an envelope of a byte more',
      attached({}, ({ sign }) => bytesOf(pad(Buffer.from(sign()).toString(), 4 * MIB + 1))),
      'refused ENVELOPE_INVALID',
    ],
    ['42 a descriptor smaller than its blob', attached({ layer: { size: 100 } }), 'refused CONTENT_INVALID'],
    ['44 a descriptor of negative size', attached({ layer: { size: -1 } }), 'refused ENVELOPE_INVALID'],
    ['45 a blob of other bytes', all(good, fault(blobs, { body: '{}' })), 'unavailable CONTENT_TRUNCATED'],
    [
      '45 a blob of other bytes and the same length',
      (world) => {
        const { length } = world.sign();
        good(world);
        world.fake.fault(blobs, { body: 'x'.repeat(length) });
      },
      'refused CONTENT_INVALID',
    ],
    [
      '46 a manifest of other bytes and the same length',
      (world) => {
        const { digest, size } = world.attach(world.sign());
        world.fake.fault(new RegExp(`^GET .*manifests/${digest}`), { body: 'x'.repeat(size) });
      },
      'refused CONTENT_INVALID',
    ],
    ['48 a Docker manifest', attached({ mediaType: 'application/vnd.docker.distribution.manifest.v2+json' }), 'refused ENVELOPE_INVALID'],
    [
      '49 an envelope said to be a layer of an image',
      attached({ layer: { mediaType: 'application/vnd.oci.image.layer.v1.tar' } }),
      'refused ENVELOPE_INVALID',
    ],
    ['50 COSE said to be JWS', attached({}, ({ image }) => signCose({ signer: leaf, subject: image })), 'refused ENVELOPE_INVALID'],
    ['52 the type of JWS in another case', attached({ layer: { mediaType: 'Application/JOSE+JSON' } }), 'refused ENVELOPE_INVALID'],
    [
      '52 the type of JWS with a parameter',
      attached({ layer: { mediaType: 'application/jose+json; charset=utf-8' } }),
      'refused ENVELOPE_INVALID',
    ],
    ['53 D17 no thumbprints', attached({ members: { annotations: undefined } }), 'accepted VERIFIED'],
    ['53 D17 thumbprints of another chain', attached({ entry: { annotations: { [THUMBPRINTS]: '["00"]' } } }), 'accepted VERIFIED'],
    ['53 D17 thumbprints that are not JSON', attached({ entry: { annotations: { [THUMBPRINTS]: '[' } } }), 'accepted VERIFIED'],
    ['54 a manifest that is not JSON', attached({ manifest: () => 'x' }), 'refused ENVELOPE_INVALID'],
    ['D18 a signature that cannot be had, and a good one', all(attached({ layer: { digest: OTHER } }), good), 'accepted VERIFIED'],
    [
      'D18 a signature that could not be had, and a bad one',
      all(good, bad, ({ fake }) => fake.fault(blobs, { status: 500 }, 2)),
      'unavailable REGISTRY_UNREACHABLE',
    ],
  ])('%s', async (_case, arrange, expected) => {
    expect(short(await verdict(arrange))).toBe(expected);
  });
});
