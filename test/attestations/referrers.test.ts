import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IMAGE_SIGNATURE_TYPE, OCCURRENCE_TYPE, referrers } from '../../src/attestations/referrers.ts';
import type { Descriptor, Store } from '../../src/engine/types.ts';
import { createRegistry, RegistryClient } from '../../src/oci/index.ts';
import { type FakeRegistry, MANIFEST, REPOSITORY, startFakeRegistry } from '../fakes/registry.ts';
import { imageSignature, listed, OTHER_IMAGE, occurrence } from './statements.ts';

const JSON_TYPE = 'application/json';

describe('statements beside the image', () => {
  let fake: FakeRegistry;
  let store: Store;
  let image: Descriptor;
  beforeEach(async () => {
    fake = await startFakeRegistry();
    const client = new RegistryClient({ plainHttp: true, limits: { retryMs: 0 } });
    store = { answersFor: (registry) => registry === fake.host, ...createRegistry(client) };
    image = fake.pushImage();
  });
  afterEach(() => fake.close());

  const attach = (document: unknown, artifactType = OCCURRENCE_TYPE): Descriptor =>
    fake.pushSignature({
      subject: image,
      artifactType,
      mediaType: JSON_TYPE,
      envelope: Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)),
    });
  const source = (parameters: unknown = {}) =>
    referrers.create({ name: 'referrers attestations[0]', parameters: referrers.parameters.parse(parameters) });
  const ask = (over: object = {}) =>
    listed(source(), { repository: { registry: fake.host, path: REPOSITORY }, digest: image.digest, store, ...over });
  const names = async () => (await ask()).found.map(({ name }) => name);

  it('gives occurrences and image signatures, and leaves other artifacts unread', async () => {
    attach(occurrence({ name: 'first' }, { digest: image.digest }));
    attach(imageSignature({ id: 'second' }), IMAGE_SIGNATURE_TYPE);
    const other = attach('a Notation signature', 'application/vnd.cncf.notary.signature');
    expect(await names()).toEqual(['first', 'second']);
    expect(fake.requests.some(({ url }) => url.includes(other.digest))).toBe(false);
  });

  it('believes the registry about what a statement is attached to: what was signed decides', async () => {
    attach(occurrence({ name: 'elsewhere' }, { digest: OTHER_IMAGE }));
    attach(imageSignature({ id: 'A3.8' }, OTHER_IMAGE), IMAGE_SIGNATURE_TYPE);
    expect(await names()).toEqual(['elsewhere', 'A3.8']);
  });

  it('reads other artifact types where the settings say so', async () => {
    attach(occurrence({ name: 'mine' }), 'application/vnd.example+json');
    attach(occurrence({ name: 'not asked for' }));
    const image_ = { repository: { registry: fake.host, path: REPOSITORY }, digest: image.digest, store };
    const { found } = await listed(source({ artifactTypes: ['application/vnd.example+json'] }), image_);
    expect(found.map(({ name }) => name)).toEqual(['mine']);
  });

  it('takes an image without referrers for an answer: nothing is attested', async () => {
    expect(await ask()).toEqual({ found: [] });
  });

  it('reads an artifact once, however often it is listed', async () => {
    const descriptor = attach(occurrence());
    fake.push.referrer(REPOSITORY, image.digest, { ...descriptor, artifactType: OCCURRENCE_TYPE });
    expect((await ask()).found).toHaveLength(1);
  });

  const attachManifest = (content: object): void => {
    const descriptor = fake.push.manifest({
      content: { schemaVersion: 2, mediaType: MANIFEST, artifactType: OCCURRENCE_TYPE, ...content },
    });
    fake.push.referrer(REPOSITORY, image.digest, { ...descriptor, artifactType: OCCURRENCE_TYPE });
  };
  const layer = () => fake.push.blob(REPOSITORY, Buffer.from(JSON.stringify(occurrence())), JSON_TYPE);

  it.each<[string, () => void, RegExp]>([
    ['is no JSON', () => void attach('{'), /not JSON/],
    ['is no statement', () => void attach({}), /attestation\.attestation/],
    ['has no layer', () => attachManifest({ layers: [] }), /expected its manifest to have one layer/],
    ['has no list of layers', () => attachManifest({}), /expected its manifest to have one layer/],
    ['has two layers', () => attachManifest({ layers: [layer(), layer()] }), /expected its manifest to have one layer/],
    ['has a layer that is no descriptor', () => attachManifest({ layers: [{}] }), /layers\[0\]/],
    ['is too large', () => attachManifest({ layers: [{ ...layer(), size: 4 * 1024 * 1024 + 1 }] }), /expected at most 4194304/],
    ['says another size', () => attachManifest({ layers: [{ ...layer(), size: 3 }] }), /sha256:/],
    [
      'is about another image',
      () => attachManifest({ layers: [layer()], subject: { mediaType: MANIFEST, digest: OTHER_IMAGE, size: 7 } }),
      /its manifest is about another image/,
    ],
  ])('an artifact that %s hides no other, and is not passed over either', async (_case, make, message) => {
    attach(occurrence({ name: 'before' }));
    make();
    attach(occurrence({ name: 'after' }));
    const { found, failure } = await ask();
    expect(found.map(({ name }) => name)).toEqual(['before', 'after']);
    expect(failure).toEqual({ code: 'ATTESTATIONS_INVALID', message: expect.stringMatching(message) });
  });

  it.each<[string, object, string]>([
    ['404', { status: 404 }, 'ATTESTATIONS_UNREACHABLE'],
    ['403', { status: 403 }, 'ATTESTATIONS_DENIED'],
    ['429', { status: 429 }, 'ATTESTATIONS_THROTTLED'],
    ['500', { status: 500 }, 'ATTESTATIONS_UNREACHABLE'],
    ['half of it', { cutAfter: 10 }, 'ATTESTATIONS_UNREACHABLE'],
  ])('A0.8 a statement for which the registry answers %s hides no other, and is not passed over either', async (_case, fault, code) => {
    const bad = attach(occurrence({ name: 'bad' }));
    attach(occurrence({ name: 'good' }));
    fake.fault(new RegExp(`GET .*/manifests/${bad.digest}`), fault);
    const { found, failure } = await ask();
    expect({ names: found.map(({ name }) => name), code: failure?.code }).toEqual({ names: ['good'], code });
  });

  it.each<[string, object, string]>([
    ['403', { status: 403 }, 'ATTESTATIONS_DENIED'],
    ['429', { status: 429 }, 'ATTESTATIONS_THROTTLED'],
    ['500', { status: 500 }, 'ATTESTATIONS_UNREACHABLE'],
    ['no index', { body: 'hello' }, 'ATTESTATIONS_INVALID'],
    ['half of it', { cutAfter: 5 }, 'ATTESTATIONS_UNREACHABLE'],
  ])('A0.8 a registry that answers %s for the referrers is unavailable, not one without statements', async (_case, fault, code) => {
    attach(occurrence());
    fake.fault(/GET .*\/referrers\//, fault);
    const { found, failure } = await ask();
    expect({ found, code: failure?.code }).toEqual({ found: [], code });
  });

  it('A0.8 a registry that is down is unavailable', async () => {
    await fake.close();
    expect((await ask()).failure?.code).toBe('REGISTRY_UNREACHABLE');
    fake = await startFakeRegistry();
  });

  it('A0.8 a registry that is slow runs into the deadline', async () => {
    attach(occurrence());
    fake.fault(/GET .*\/referrers\//, { silent: true });
    const image_ = { repository: { registry: fake.host, path: REPOSITORY }, digest: image.digest, store };
    await expect(listed(source(), image_, AbortSignal.timeout(200))).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('gives up after fifty artifacts that it cannot read', async () => {
    for (let index = 0; index <= 60; index++) attach(`${index}: `);
    const { found, failure } = await ask();
    expect({ found, code: failure?.code }).toEqual({ found: [], code: 'ATTESTATIONS_INVALID' });
    expect(fake.requests.filter(({ url }) => url.includes('/blobs/'))).toHaveLength(51);
  });

  it.each([
    ['without a Store', () => ({ store: undefined })],
    ['where no Store answers for the registry', () => ({ repository: { registry: 'other.test', path: 'app' } })],
  ])('says NO_STORE %s', async (_case, over) => {
    attach(occurrence());
    expect((await ask(over())).failure?.code).toBe('NO_STORE');
  });

  it('says that the image is unknown where it is', async () => {
    expect((await ask({ digest: OTHER_IMAGE })).failure?.code).toBe('IMAGE_NOT_FOUND');
  });

  it.each([[{ artifactTypes: [] }], [{ artifactTypes: 'a/b' }], [{ artifactTypes: [''] }]])(
    'does not take the parameters %j',
    (parameters) => {
      expect(referrers.parameters.safeParse(parameters).success).toBe(false);
    },
  );
});
