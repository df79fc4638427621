import { constants, createHash, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { reasonOf } from '../../src/engine/outcomes.ts';
import type { PublicKeyMaterial } from '../../src/engine/types.ts';
import { alibabaKms, digestParameter } from '../../src/keys/alibaba-kms.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { loadPublicKey } from '../../src/simplesigning/keys.ts';
import { verifyDetached } from '../../src/simplesigning/verify.ts';
import { type FakeKmsVersion, KEY, startFakeAlibaba } from '../fakes/alibaba.ts';
import type { ApiCall, ApiFault, FakeApi } from '../fakes/api.ts';

const never = new AbortController().signal;
const DIGEST = `sha256:${'a'.repeat(64)}` as const;
const PAYLOAD = Buffer.from(
  JSON.stringify({
    critical: {
      identity: { 'docker-reference': 'registry.test/team/app' },
      image: { 'docker-manifest-digest': DIGEST },
      type: 'atomic container signature',
    },
    optional: {},
  }),
);
const EXPECTED = {
  reference: parseReference(`registry.test/team/app@${DIGEST}`),
  digest: DIGEST,
  identity: { compare: 'ignored' },
} as const;

const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsa3072 = generateKeyPairSync('rsa', { modulusLength: 3072 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p256k = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });

const PADDINGS: Readonly<Record<string, object>> = {
  RSA_PSS_SHA_256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  RSA_PKCS1_SHA_256: { padding: constants.RSA_PKCS1_PADDING },
  ECDSA_SHA_256: {},
};
const signed = (key: KeyObject, algorithm: string, bytes: Buffer = PAYLOAD) => sign('sha256', bytes, { key, ...PADDINGS[algorithm] });

/** A version whose key the KMS has: it is asked about digests, and knows the one of `PAYLOAD`. */
const version = (name: string, { publicKey }: { publicKey: KeyObject }): FakeKmsVersion => ({
  version: name,
  publicKey: pem(publicKey),
  verify: (algorithm, digest, signature) =>
    digest.equals(createHash('sha256').update(PAYLOAD).digest()) &&
    PADDINGS[algorithm] !== undefined &&
    (publicKey.asymmetricKeyType === 'rsa') === algorithm.startsWith('RSA') &&
    verify('sha256', PAYLOAD, { key: publicKey, ...PADDINGS[algorithm] }, signature),
});

const folder = mkdtempSync(join(tmpdir(), 'countersign-kms-'));
beforeAll(() => {
  for (const [name, text] of Object.entries(KEY)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("keys of Alibaba Cloud's KMS", () => {
  let fake: FakeApi;
  afterEach(() => fake.close());

  const KMS = {
    'key-rsa': { versions: [version('v1', rsa), version('v2', rsa3072)] },
    'key-p256': { versions: [version('e1', p256)] },
    'key-p256k': { versions: [version('k1', p256k)] },
    'key-off': { state: 'Disabled', versions: [version('v1', rsa)] },
    'key-gone': { state: 'PendingDeletion', versions: [version('v1', rsa)] },
  };
  const start = async (kms: Parameters<typeof startFakeAlibaba>[0]['kms'] = KMS): Promise<FakeApi> => {
    fake = await startFakeAlibaba({ kms });
    return fake;
  };
  const provider = (keys: readonly object[], parameters: object = {}) =>
    alibabaKms.create({
      name: 'kms',
      parameters: alibabaKms.parameters.parse({ keys, endpoint: fake.origin, accessKeyFolder: folder, timeoutSeconds: 0.5, ...parameters }),
    });
  const isAction = (action: string) => (call: ApiCall) => call.headers['x-acs-action'] === action;
  const actions = () => fake.calls.map(({ headers }) => headers['x-acs-action']);

  it('are fetched by id and version, with both as their names', async () => {
    await start();
    const { keys, certificates, sources } = await provider([
      { id: 'key-rsa', version: 'v2' },
      { id: 'key-p256', version: 'e1' },
    ]).fetch(never);
    expect(certificates).toEqual([]);
    expect(keys).toEqual([
      { name: 'key-rsa', version: 'v2', spki: rsa3072.publicKey.export({ type: 'spki', format: 'der' }) },
      { name: 'key-p256', version: 'e1', spki: p256.publicKey.export({ type: 'spki', format: 'der' }) },
    ]);
    expect(sources).toEqual([
      { holds: 'key', name: 'key-rsa', version: 'v2', enabled: true, count: 1 },
      { holds: 'key', name: 'key-p256', version: 'e1', enabled: true, count: 1 },
    ]);
    expect(provider([{ id: 'key-rsa' }]).refreshMs).toBe(60_000);
  });

  it('are fetched with all their versions where none is named', async () => {
    await start();
    const { keys = [] } = await provider([{ id: 'key-rsa' }]).fetch(never);
    expect(keys.map(({ name, version: of }) => [name, of])).toEqual([
      ['key-rsa', 'v1'],
      ['key-rsa', 'v2'],
    ]);
  });

  it.each(['key-off', 'key-gone'])('give nothing once they are not enabled any more: %s', async (id) => {
    await start();
    const { keys, sources } = await provider([{ id: 'key-rsa', version: 'v1' }, { id }]).fetch(never);
    expect(keys?.map(({ name }) => name)).toEqual(['key-rsa']);
    expect(sources?.[1]).toEqual({ holds: 'key', name: id, version: '', enabled: false, count: 0 });
    await expect(provider([{ id }]).fetch(never)).rejects.toMatchObject({ code: 'KEY_PROVIDER_MISSING' });
  });

  const fetched = (parameters: object = {}) => provider([{ id: 'key-rsa', version: 'v1' }], parameters).fetch(never);

  it('are gone for certain only where KMS says so itself', async () => {
    await start({});
    await expect(fetched()).rejects.toMatchObject({
      code: 'KEY_PROVIDER_MISSING',
      message: expect.stringMatching(/^key "key-rsa": .*KeyNotFound/),
    });
  });

  it.each<[string, string, ApiFault, RegExp]>([
    ['401', 'GetPublicKey', { status: 401, body: '' }, /answered 401$/],
    ['403', 'DescribeKey', { status: 403, body: { Code: 'Forbidden.NoPermission' } }, /Forbidden\.NoPermission$/],
    ['404', 'GetPublicKey', { status: 404, body: '' }, /answered 404$/],
    ['404 for the access key', 'DescribeKey', { status: 404, body: { Code: 'InvalidAccessKeyId.NotFound' } }, /InvalidAccessKeyId/],
    ['429', 'GetPublicKey', { status: 429, body: { Code: 'Rejected.Throttling' } }, /Rejected\.Throttling$/],
    ['500', 'GetPublicKey', { status: 500, body: '' }, /answered 500$/],
    ['nothing', 'GetPublicKey', { silent: true }, /did not answer within 0\.5 s$/],
    ['half', 'GetPublicKey', { cutAfter: 20 }, /cannot be reached/],
    ['no JSON', 'GetPublicKey', { body: '<xml/>' }, /something else than JSON/],
    ['no state', 'DescribeKey', { body: { KeyMetadata: {} } }, /without KeyMetadata\.KeyState$/],
    ['no key', 'GetPublicKey', { body: { KeyVersionId: 'v1' } }, /without a public key$/],
    ['another version', 'GetPublicKey', { body: { KeyVersionId: 'v2', PublicKey: pem(rsa.publicKey) } }, /another version$/],
    ['a key that is none', 'GetPublicKey', { body: { KeyVersionId: 'v1', PublicKey: 'hello' } }, /cannot be used/],
    [
      'a private key',
      'GetPublicKey',
      { body: { KeyVersionId: 'v1', PublicKey: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() } },
      /without a public key$/,
    ],
  ])('are unavailable, not gone, where KMS answers %s', async (_case, action, fault, message) => {
    await start();
    fake.fault(fault, undefined, isAction(action));
    await expect(fetched()).rejects.toMatchObject({ code: 'KEY_PROVIDER_UNAVAILABLE', message: expect.stringMatching(message) });
  });

  it.each<[string, object]>([
    ['no list', { TotalCount: 0 }],
    ['no total', { KeyVersions: { KeyVersion: [] } }],
    ['fewer than it says there are', { TotalCount: 3, KeyVersions: { KeyVersion: [{ KeyVersionId: 'v1' }] } }],
    ['one without an id', { TotalCount: 1, KeyVersions: { KeyVersion: [{}] } }],
  ])('are unavailable where the list of versions is answered with %s', async (_case, body) => {
    await start();
    fake.fault({ body }, undefined, isAction('ListKeyVersions'));
    await expect(provider([{ id: 'key-rsa' }]).fetch(never)).rejects.toMatchObject({ code: 'KEY_PROVIDER_UNAVAILABLE' });
  });

  it("A-T-03 are not for objects of a tenant: the credentials are the operator's", async () => {
    await start();
    const parameters = alibabaKms.parameters.parse({ keys: [{ id: 'k' }], region: 'cn-hangzhou' });
    const create = () => alibabaKms.create({ name: 'x', parameters, home: { namespace: 'team', confined: true } });
    expect(create).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', path: 'spec.type' }));
  });

  it.each<[string, object]>([
    ['no keys', { keys: [], region: 'a' }],
    ['neither region nor endpoint', { keys: [{ id: 'a' }] }],
    ['a region that leads elsewhere', { keys: [{ id: 'a' }], region: 'x.evil.test/' }],
    ['an endpoint over plain HTTP', { keys: [{ id: 'a' }], endpoint: 'http://kms.test' }],
    ['an endpoint with a password', { keys: [{ id: 'a' }], endpoint: 'https://a@kms.test' }],
    ['a key without an id', { keys: [{}], region: 'a' }],
    ['an access key in plain sight', { keys: 'a', accessKeyId: 'x', region: 'a' }],
    ['another way to verify', { keys: [{ id: 'a' }], region: 'a', verification: 'none' }],
  ])('are not declared with %s', async (_case, parameters) => {
    await start();
    expect(alibabaKms.parameters.safeParse(parameters).success).toBe(false);
  });

  it('A2.9 are asked about digests in the encoding of the published example', async () => {
    await start();
    expect(digestParameter(Buffer.from('Hello world'))).toBe('ZOyIygCyaOW6GjVnihtTFtIS9PNmskdyMlNKiuyjfzw=');
  });

  const keyOf = async (id: string, of: string, verification: 'local' | 'remote') => {
    const { keys = [] } = await provider([{ id, version: of }], { verification }).fetch(never);
    const [material] = keys;
    if (material === undefined) throw new Error('no key');
    return asKey(material);
  };
  const asKey = ({ name, spki, verify: remote }: PublicKeyMaterial) => {
    const text = `-----BEGIN PUBLIC KEY-----\n${Buffer.from(spki).toString('base64')}\n-----END PUBLIC KEY-----\n`;
    return remote === undefined ? loadPublicKey(text, name) : { id: name, verify: remote };
  };

  type Row = readonly [what: string, id: string, of: string, signature: Buffer, label: string, payload: Buffer, code: string | undefined];
  const changed = Buffer.from(PAYLOAD.toString().replace('team/app', 'team/evil'));
  const ROWS: readonly Row[] = [
    ['A2.1 RSA-PSS', 'key-rsa', 'v1', signed(rsa.privateKey, 'RSA_PSS_SHA_256'), 'RSA_PSS_SHA_256', PAYLOAD, undefined],
    ['A2.2 PKCS #1', 'key-rsa', 'v1', signed(rsa.privateKey, 'RSA_PKCS1_SHA_256'), 'RSA_PKCS1_SHA_256', PAYLOAD, undefined],
    ['A2.6 RSA 3072', 'key-rsa', 'v2', signed(rsa3072.privateKey, 'RSA_PSS_SHA_256'), 'RSA_PSS_SHA_256', PAYLOAD, undefined],
    ['A2.6 P-256', 'key-p256', 'e1', signed(p256.privateKey, 'ECDSA_SHA_256'), 'ECDSA_SHA_256', PAYLOAD, undefined],
    ['A2.6 P-256K', 'key-p256k', 'k1', signed(p256k.privateKey, 'ECDSA_SHA_256'), 'ECDSA_SHA_256', PAYLOAD, undefined],
    ['A2.2 PSS as PKCS #1', 'key-rsa', 'v1', signed(rsa.privateKey, 'RSA_PSS_SHA_256'), 'RSA_PKCS1_SHA_256', PAYLOAD, 'refused'],
    ['A2.2 PKCS #1 as PSS', 'key-rsa', 'v1', signed(rsa.privateKey, 'RSA_PKCS1_SHA_256'), 'RSA_PSS_SHA_256', PAYLOAD, 'refused'],
    ['another key', 'key-rsa', 'v1', signed(rsa3072.privateKey, 'RSA_PSS_SHA_256'), 'RSA_PSS_SHA_256', PAYLOAD, 'refused'],
    ['a changed payload', 'key-rsa', 'v1', signed(rsa.privateKey, 'RSA_PSS_SHA_256'), 'RSA_PSS_SHA_256', changed, 'refused'],
    ['no signature', 'key-rsa', 'v1', Buffer.alloc(0), 'RSA_PSS_SHA_256', PAYLOAD, 'refused'],
    ['A2.6 SM2', 'key-p256', 'e1', signed(p256.privateKey, 'ECDSA_SHA_256'), 'SM2DSA', PAYLOAD, 'refused'],
    ['RSA for a curve', 'key-p256', 'e1', signed(p256.privateKey, 'ECDSA_SHA_256'), 'RSA_PSS_SHA_256', PAYLOAD, 'refused'],
    ["another system's label", 'key-rsa', 'v1', signed(rsa.privateKey, 'RSA_PSS_SHA_256'), 'SHA_256_RSA_PKCS_PSS', PAYLOAD, 'local only'],
  ];

  it.each(ROWS)('A2.7 give the same verdict here and in KMS: %s', async (_what, id, of, signature, algorithm, payload, problem) => {
    await start();
    const statement = { keyId: id, payload, signature, algorithm };
    const local = await verifyDetached(await keyOf(id, of, 'local'), statement, EXPECTED, never);
    const remote = await verifyDetached(await keyOf(id, of, 'remote'), statement, EXPECTED, never);
    // KMS knows its own labels alone: what it does not know it cannot vouch for.
    expect([local.ok, remote.ok]).toEqual([problem !== 'refused', problem === undefined]);
  });

  it('A2.7 are asked for a verdict with their id, their version, and the digest', async () => {
    await start();
    const key = await keyOf('key-rsa', 'v1', 'remote');
    const signature = signed(rsa.privateKey, 'RSA_PSS_SHA_256');
    expect(await key.verify(PAYLOAD, signature, 'RSA_PSS_SHA_256', never)).toBe(true);
    expect(Object.fromEntries(fake.calls.at(-1)?.url.searchParams ?? [])).toEqual({
      KeyId: 'key-rsa',
      KeyVersionId: 'v1',
      Algorithm: 'RSA_PSS_SHA_256',
      Digest: digestParameter(PAYLOAD),
      Value: signature.toString('base64'),
    });
  });

  it.each(['SM2DSA', '', 'RSA_PSS_SHA_512', 'ECDSA_SHA_384', 'rsa_pss_sha_256'])(
    'A2.6 are not asked about the algorithm %j',
    async (algorithm) => {
      await start();
      const key = await keyOf('key-rsa', 'v1', 'remote');
      const before = fake.calls.length;
      expect(await key.verify(PAYLOAD, signed(rsa.privateKey, 'RSA_PSS_SHA_256'), algorithm, never)).toBe(false);
      expect(fake.calls).toHaveLength(before);
    },
  );

  it('A2.7 are asked once more after 429, inside the time there is', async () => {
    await start();
    const key = await keyOf('key-rsa', 'v1', 'remote');
    fake.fault({ status: 429, body: { Code: 'Rejected.Throttling' } }, 1);
    expect(await key.verify(PAYLOAD, signed(rsa.privateKey, 'RSA_PSS_SHA_256'), 'RSA_PSS_SHA_256', never)).toBe(true);
    expect(actions().filter((action) => action === 'AsymmetricVerify')).toHaveLength(2);
  });

  it.each<[string, ApiFault]>([
    ['401', { status: 401, body: '' }],
    ['403', { status: 403, body: { Code: 'Forbidden.NoPermission' } }],
    ['404', { status: 404, body: '' }],
    ['429', { status: 429, body: { Code: 'Rejected.Throttling' } }],
    ['500', { status: 500, body: '' }],
    ['nothing', { silent: true }],
    ['half', { cutAfter: 20 }],
    ['no JSON', { body: 'true' }],
    ['no value', { body: { KeyVersionId: 'v1' } }],
    ['a text for a value', { body: { KeyVersionId: 'v1', Value: 'true' } }],
    ['a number for a value', { body: { KeyVersionId: 'v1', Value: 1 } }],
    ['another version', { body: { KeyVersionId: 'v2', Value: true } }],
    ['no version', { body: { Value: true } }],
    ['two values', { body: '{"KeyVersionId":"v1","Value":false,"Value":true}' }],
  ])('A2.7 make it unavailable, not refused, where KMS answers %s', async (_case, fault) => {
    await start();
    const key = await keyOf('key-rsa', 'v1', 'remote');
    fake.fault(fault);
    const verdict = key.verify(PAYLOAD, signed(rsa.privateKey, 'RSA_PSS_SHA_256'), 'RSA_PSS_SHA_256', never);
    const error: unknown = await verdict.then(
      (value) => value,
      (reason: unknown) => reason,
    );
    expect(reasonOf(error)).toMatchObject({ outcome: 'unavailable', reason: { code: 'KEY_PROVIDER_UNAVAILABLE' } });
  });

  it('A2.7 are left at the deadline', async () => {
    await start();
    const key = await keyOf('key-rsa', 'v1', 'remote');
    fake.fault({ silent: true });
    const late = AbortSignal.timeout(100);
    await expect(key.verify(PAYLOAD, Buffer.alloc(256), 'RSA_PSS_SHA_256', late)).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
