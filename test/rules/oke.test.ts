import { describe, expect, it } from '@jest/globals';
import type { Attestation, AttestationSource, Verdict } from '../../src/engine/types.ts';
import { RegistryError } from '../../src/oci/errors.ts';
import type { KeyName, Method } from '../simplesigning/openssl.ts';
import { type Asked, ask, brief, DIGEST, declare, family, OTHER_DIGEST, pem, shelf, source, unreachable, vault } from './signing-world.ts';

const REPOSITORY = 'localhost:5000/ansh81vru1zp/project01/app';
const PINNED = `${REPOSITORY}@${DIGEST}`;
const TAGGED = `${REPOSITORY}:latest`;
const IMAGES = { [TAGGED]: DIGEST, 'elsewhere.test/team/app:v1': DIGEST, [`${REPOSITORY}:other`]: OTHER_DIGEST };
const BREAK_GLASS = 'oracle.image-policy.k8s.io/break-glass';
const KEY = { id: 'rsa2048', pem: pem('rsa2048') };

const policy = (over: object = {}, name = 'cluster') =>
  family('ImageVerificationPolicy', name, { enabled: true, registries: ['localhost:5000'], keys: [KEY], ...over });
const signed = (over: Partial<Parameters<typeof vault>[0]> = {}) => vault({ key: 'rsa2048', ...over });
const accepts = ['accepted', 'VERIFIED'];
const keys = (count: number) => Array.from({ length: count }, (_, index) => ({ id: `ocid1.key.${index}`, pem: pem('rsa2048') }));

async function verdictOf(statements: readonly Attestation[], over: Partial<Asked> = {}): Promise<Verdict> {
  return (await ask({ declared: policy(), image: PINNED, images: IMAGES, sources: [source(statements)], ...over })).verdict;
}

/** A source that nobody may ask. */
const forbidden: AttestationSource = {
  name: 'forbidden',
  list: () => {
    throw new Error('was asked');
  },
};

describe('the keys of an ImageVerificationPolicy', () => {
  it('A3.1 may be five', async () => {
    const statement = signed({ keyId: 'ocid1.key.4' });
    expect(brief(await verdictOf([statement], { declared: policy({ keys: keys(5) }) }))).toEqual(accepts);
  });

  it('A3.1 may not be six, and the limit is named', async () => {
    const { verdict, told } = await ask({
      declared: policy({ keys: keys(6) }),
      image: PINNED,
      sources: [source([signed({ keyId: 'ocid1.key.4' })])],
    });
    expect(brief(verdict)).toEqual(['misconfigured', 'CONFIG_INVALID']);
    expect(told).toEqual([
      expect.stringMatching(/^error .* spec\.keys CONFIG_INVALID: expected at most 5 keys, the limit of OKE, found 6;/),
    ]);
  });

  it('A3.1 may be more without compatibility', async () => {
    const declared = policy({ keys: keys(50), compatibility: false });
    expect(brief(await verdictOf([signed({ keyId: 'ocid1.key.49' })], { declared }))).toEqual(accepts);
  });

  it('A3.1 are counted by their ids: versions of one key are one', async () => {
    const versions = Array.from({ length: 8 }, () => KEY);
    expect(brief(await verdictOf([signed()], { declared: policy({ keys: versions }) }))).toEqual(accepts);
  });

  it('A3.2 need not all have signed, and a signature by a foreign key is told of', async () => {
    const declared = policy({
      keys: [
        { id: 'Y', pem: pem('rsa3072') },
        { id: 'Z', pem: pem('rsa2048') },
      ],
    });
    const verdict = await verdictOf([signed({ key: 'other2048', keyId: 'X' }), signed({ key: 'rsa3072', keyId: 'Y' })], { declared });
    expect(brief(verdict)).toEqual(accepts);
    expect(verdict.reports.map(({ outcome, reason, detail }) => [detail?.keyId, outcome, reason.code])).toEqual([
      ['Y', 'accepted', 'VERIFIED'],
      ['X', 'refused', 'SIGNER_UNTRUSTED'],
    ]);
  });

  it.each<[string, object]>([
    ['one on an elliptic curve', { id: 'k', pem: pem('p256') }],
    ['an Ed25519 key', { id: 'k', pem: pem('ed25519') }],
    ['one without an id', { pem: pem('rsa2048') }],
    ['one without a public key', { id: 'k' }],
    ['one with a member that nobody knows', { ...KEY, keyVersion: 'v1' }],
    ['one with an empty list of versions', { ...KEY, keyVersions: [] }],
  ])('cannot be %s', async (_, key) => {
    const { verdict, told } = await ask({ declared: policy({ keys: [key] }), image: PINNED, sources: [source([signed()])] });
    expect(brief(verdict)).toEqual(['misconfigured', 'CONFIG_INVALID']);
    expect(told).toEqual([expect.stringContaining('spec.keys[0]')]);
  });

  it('count in the versions that are listed', async () => {
    const declared = policy({ keys: [{ ...KEY, keyVersions: ['rsa2048-v1'] }] });
    expect(brief(await verdictOf([signed()], { declared }))).toEqual(accepts);
    expect(brief(await verdictOf([signed({ keyVersion: 'rsa2048-v2' })], { declared }))).toEqual(['refused', 'KEY_VERSION_UNTRUSTED']);
  });

  it('must be said, if only that there are none', async () => {
    const declared = family('ImageVerificationPolicy', 'cluster', { registries: ['localhost:5000'] });
    expect(brief(await verdictOf([signed()], { declared }))).toEqual(['misconfigured', 'CONFIG_INVALID']);
  });
});

describe('an ImageVerificationPolicy without keys', () => {
  const declared = policy({ keys: [] });
  it.each([
    ['signed', [signed()]],
    ['unsigned', []],
  ])('A3.3 lets %s images run, and says that it verifies nothing', async (_, statements) => {
    const { verdict, told } = await ask({ declared, image: PINNED, images: IMAGES, sources: [source(statements)] });
    expect(brief(verdict)).toEqual(['accepted', 'VERIFIES_NOTHING']);
    expect(verdict.records).toEqual([
      {
        event: 'VerifiesNothing',
        object: 'ImageVerificationPolicy cluster',
        message: 'ImageVerificationPolicy cluster is enabled but verifies nothing: it lists no keys',
      },
    ]);
    expect(told).toEqual([expect.stringMatching(/^warning .* spec\.keys CONFIG_HINT: enabled but verifies nothing/)]);
  });

  it('A3.3 still takes no tags', async () => {
    expect(brief(await verdictOf([], { declared, image: TAGGED }))).toEqual(['refused', 'TAG_REFERENCE']);
  });

  it('A3.3 lets nothing run that another policy refuses', async () => {
    const verdict = await verdictOf([], { declared: `${declared}${policy({}, 'second')}` });
    expect(brief(verdict)).toEqual(['refused', 'NO_SIGNATURES']);
  });
});

describe('an ImageVerificationPolicy', () => {
  it('is no rule where it is not enabled', async () => {
    const { verdict, told } = await ask({ declared: policy({ enabled: false, keys: [] }), image: TAGGED, sources: [forbidden] });
    expect([brief(verdict), verdict.rules, told]).toEqual([['accepted', 'NOT_COVERED'], [], []]);
  });

  it('A3.4 makes images unavailable where signatures cannot be read', async () => {
    const verdict = await verdictOf([], { sources: [source([], unreachable)] });
    expect(brief(verdict)).toEqual(['unavailable', 'ATTESTATIONS_UNREACHABLE']);
    expect(verdict.reason.message).not.toMatch(/attested|signature/);
  });

  it('A3.4 makes images unavailable where the registry does not answer', async () => {
    const error = new RegistryError('REGISTRY_UNREACHABLE', 'connection refused', { registry: 'localhost:5000' });
    expect(brief(await verdictOf([signed()], { store: shelf({}, error) }))).toEqual(['unavailable', 'REGISTRY_UNREACHABLE']);
  });

  it('A3.5 refuses a tag and suggests the digest', async () => {
    const verdict = await verdictOf([signed()], { image: TAGGED });
    expect(brief(verdict)).toEqual(['refused', 'TAG_REFERENCE']);
    expect(verdict.reason.message).toBe(`named by tag latest; use ${PINNED}`);
  });

  it('A3.5 refuses a tag whose digest cannot be found out', async () => {
    const verdict = await verdictOf([signed()], { image: TAGGED, store: shelf({}, unreachable) });
    expect(brief(verdict)).toEqual(['refused', 'TAG_REFERENCE']);
    expect(verdict.reason.message).toBe('named by tag latest; name it by its digest, @sha256:...');
  });

  it('takes a digest with a tag beside it', async () => {
    expect(brief(await verdictOf([signed()], { image: `${TAGGED}@${DIGEST}` }))).toEqual(accepts);
  });

  it.each([
    ['A3.7 another registry', 'elsewhere.test/team/app:v1', {}],
    ['another port', 'localhost:5001/ansh81vru1zp/project01/app:v1', {}],
    ['a registry that has the host in its path', 'evil.test/localhost/app:v1', { registries: ['localhost'] }],
    ['a host that only ends like it', 'notocir.io/x/y:v1', { registries: ['*.ocir.io'] }],
    ['a host below another', 'phx.ocir.io.evil.test/x/y:v1', { registries: ['*.ocir.io'] }],
  ])('does not cover %s: it runs, and nothing is asked', async (_, image, over) => {
    const store = shelf(IMAGES);
    const { verdict } = await ask({ declared: policy(over), image, store, sources: [forbidden] });
    expect([brief(verdict), verdict.rules, store.asked]).toEqual([['accepted', 'NOT_COVERED'], [], []]);
  });

  it.each([
    'phx.ocir.io/ansh81vru1zp/project01/app',
    'us-phoenix-1.ocir.io/ansh81vru1zp/project01/app',
    'PHX.ocir.io/ansh81vru1zp/project01/app',
    'phx.ocir.io:443/ansh81vru1zp/project01/app',
    'phx.ocir.io:8443/ansh81vru1zp/project01/app',
    'ocir.us-phoenix-1.oci.oraclecloud.com/ansh81vru1zp/project01/app',
  ])('covers OCIR by whatever name where it names no registry: %s', async (repository) => {
    const declared = family('ImageVerificationPolicy', 'cluster', { keys: [KEY] });
    expect(brief(await verdictOf([], { declared, image: `${repository}:v1` }))).toEqual(['refused', 'TAG_REFERENCE']);
  });

  it('has other names of OCIR hinted at where it names one of them', async () => {
    expect((await declare(policy({ registries: ['phx.ocir.io'] }))).told).toEqual([
      expect.stringContaining('spec.registries[0] CONFIG_HINT'),
    ]);
    expect((await declare(policy({ registries: ['*.ocir.io', 'localhost:5000'] }))).told).toEqual([]);
  });

  it('that cannot be used is about its own registries as far as they can be read', async () => {
    const broken = { keys: keys(6) };
    expect(brief(await verdictOf([], { declared: policy(broken), image: 'elsewhere.test/team/app:v1' }))).toEqual([
      'accepted',
      'NOT_COVERED',
    ]);
    for (const registries of [['localhost:5000', 'NOT A HOST'], [], 'localhost:5000']) {
      const verdict = await verdictOf([], { declared: policy({ ...broken, registries }), image: 'elsewhere.test/team/app:v1' });
      expect(brief(verdict)).toEqual(['misconfigured', 'CONFIG_INVALID']);
    }
  });
});

describe('the break-glass annotation', () => {
  it.each([
    ['an unsigned image', PINNED],
    ['an image by its tag', TAGGED],
  ])('A3.6 with the value true lets %s run, reads nothing, and is told of', async (_, image) => {
    const store = shelf(IMAGES);
    const { verdict } = await ask({
      declared: policy(),
      image,
      store,
      sources: [forbidden],
      namespace: 'shop',
      attributes: { [BREAK_GLASS]: 'true' },
    });
    expect([brief(verdict), store.asked]).toEqual([['accepted', 'BREAK_GLASS'], []]);
    expect(verdict.records).toEqual([
      { event: 'BreakGlass', object: 'ImageVerificationPolicy cluster', message: expect.stringContaining('in namespace shop') },
    ]);
    expect(verdict.rules).toMatchObject([
      { name: 'ImageVerificationPolicy cluster', exemption: `${BREAK_GLASS} of ImageVerificationPolicy cluster` },
    ]);
  });

  it.each(['false', 'True', 'TRUE', '1', '', ' true', 'true '])(
    'A3.6 with the value %j is not honoured, and the reason says why',
    async (value) => {
      const verdict = await verdictOf([], { attributes: { [BREAK_GLASS]: value } });
      expect([brief(verdict), verdict.records]).toEqual([['refused', 'NO_SIGNATURES'], []]);
      expect(verdict.reason.message).toMatch(/; break-glass annotation is ".*" and not "true": not honoured$/);
    },
  );

  it('A3.6 is not there where the Pod does not have it: nothing is said of it', async () => {
    const verdict = await verdictOf([], { attributes: { 'oracle.image-policy.k8s.io/break-glas': 'true' } });
    expect(brief(verdict)).toEqual(['refused', 'NO_SIGNATURES']);
    expect(verdict.reason.message).not.toContain('break-glass');
  });

  it('is not honoured without compatibility', async () => {
    const declared = policy({ compatibility: false });
    expect(brief(await verdictOf([], { declared, attributes: { [BREAK_GLASS]: 'true' } }))).toEqual(['refused', 'NO_SIGNATURES']);
  });

  it('does not mend a policy that cannot be used', async () => {
    const declared = policy({ keys: keys(6) });
    expect(brief(await verdictOf([], { declared, attributes: { [BREAK_GLASS]: 'true' } }))).toEqual(['misconfigured', 'CONFIG_INVALID']);
  });

  it('satisfies no rule of another family', async () => {
    const rule = family('ImageSigningRule', 'acr', { registries: ['localhost:5000'], algorithm: 'RSA_PSS_SHA_256', keys: [KEY] });
    const verdict = await verdictOf([], { declared: `${policy()}${rule}`, attributes: { [BREAK_GLASS]: 'true' } });
    expect(brief(verdict)).toEqual(['refused', 'NO_SIGNATURES']);
    expect(verdict.rules.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['ImageSigningRule acr', 'refused'],
      ['ImageVerificationPolicy cluster', 'accepted'],
    ]);
  });
});

describe('an image signature of OCI Vault', () => {
  it.each<[string, KeyName, Method, string]>([
    ['A3.10 SHA-512 and 4096 bits', 'rsa4096', 'pss-sha512-64', 'SHA_512_RSA_PKCS_PSS'],
    ['SHA-384 and 3072 bits', 'rsa3072', 'pss-sha384-48', 'SHA_384_RSA_PKCS_PSS'],
    ['SHA-256 and 2048 bits', 'rsa2048', 'pss-sha256-32', 'SHA_256_RSA_PKCS_PSS'],
    ['SHA-224 and 2048 bits', 'rsa2048', 'pss-sha224-28', 'SHA_224_RSA_PKCS_PSS'],
  ])('is good with %s', async (_, key, method, algorithm) => {
    const declared = policy({ keys: [{ id: 'ocid1.key.oc1..one', pem: pem(key) }] });
    const verdict = await verdictOf([vault({ key, method, algorithm, keyId: 'ocid1.key.oc1..one' })], { declared });
    expect(brief(verdict)).toEqual(accepts);
    expect(verdict.reports[0]?.detail).toEqual({
      keyId: 'ocid1.key.oc1..one',
      keyVersion: 'ocid1.key.oc1..one-v1',
      algorithm,
      foundIn: `image signature by ${key}`,
      repositoryName: 'project01/app',
      region: 'us-phoenix-1',
    });
  });

  it.each<[string, Partial<Parameters<typeof vault>[0]>, string]>([
    ['A3.8 for another image', { digest: OTHER_DIGEST }, 'PAYLOAD_DIGEST_MISMATCH'],
    [
      'A3.9 whose members were put in another order',
      { payload: (text) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).toReversed())) },
      'SIGNATURE_INVALID',
    ],
    ['A3.9 with a space more', { payload: (text) => text.replace(',', ', ') }, 'SIGNATURE_INVALID'],
    ['A3.10 that says ECDSA', { algorithm: 'ECDSA_SHA_256' }, 'ALGORITHM_UNSUPPORTED'],
    ['that says PKCS#1', { algorithm: 'SHA_256_RSA_PKCS1_V1_5' }, 'ALGORITHM_UNSUPPORTED'],
    ['that says an algorithm of another system', { algorithm: 'RSA_PSS_SHA_256' }, 'ALGORITHM_UNSUPPORTED'],
    ['made by PKCS#1', { method: 'pkcs1-sha256' }, 'ALGORITHM_MISMATCH'],
    ['with a salt of another length', { method: 'pss-sha256-20' }, 'ALGORITHM_MISMATCH'],
    ['by another key', { key: 'other2048', keyId: 'rsa2048' }, 'SIGNATURE_INVALID'],
    ['of which the bytes are gone', { signature: new Uint8Array() }, 'SIGNATURE_INVALID'],
    ['whose message names another key', { message: { kmsKeyId: 'another' } }, 'KEY_ID_MISMATCH'],
    ['whose message names another version', { message: { kmsKeyVersionId: 'another' } }, 'KEY_ID_MISMATCH'],
    ['whose message names another algorithm', { message: { signingAlgorithm: 'SHA_512_RSA_PKCS_PSS' } }, 'ALGORITHM_MISMATCH'],
    ['whose message has no digest', { message: { imageDigest: undefined } }, 'PAYLOAD_INVALID'],
    ['whose message names no repository', { message: { repositoryName: undefined } }, 'PAYLOAD_INVALID'],
    ['for a repository of another project', { repositoryName: 'project02/app' }, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['for a repository that only ends alike', { repositoryName: 'app' }, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['for a repository with the tenancy before it', { repositoryName: 'ansh81vru1zp/project01/app' }, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['whose message is no JSON', { payload: () => 'hello' }, 'SIGNATURE_INVALID'],
  ])('is refused %s', async (_, over, code) => {
    expect(brief(await verdictOf([signed(over)]))).toEqual(['refused', code]);
  });

  it('A3.8 says so in these words', async () => {
    expect((await verdictOf([signed({ digest: OTHER_DIGEST })])).reason.message).toMatch(
      /^signature is for another digest: expected sha256:/,
    );
  });

  it('A3.8 for one image is none for another of the same repository', async () => {
    const image = `${REPOSITORY}@${OTHER_DIGEST}`;
    expect(brief(await verdictOf([signed()], { image }))).toEqual(['refused', 'PAYLOAD_DIGEST_MISMATCH']);
  });

  it('is refused for an image that is in no tenancy', async () => {
    const verdict = await verdictOf([signed({ repositoryName: 'app' })], {
      image: `localhost:5000/app@${DIGEST}`,
      images: { 'localhost:5000/app:v1': DIGEST },
    });
    expect(brief(verdict)).toEqual(['refused', 'PAYLOAD_REPOSITORY_MISMATCH']);
  });

  it('A3.11 counts for as long as it is there', async () => {
    const kept = [signed()];
    const sources = [source(kept)];
    const { snapshot } = await declare(policy(), sources, shelf(IMAGES));
    expect(snapshot.for(undefined).rules).toHaveLength(1);
    expect(brief(await verdictOf([], { sources }))).toEqual(accepts);
    kept.pop();
    expect(brief(await verdictOf([], { sources }))).toEqual(['refused', 'NO_SIGNATURES']);
  });
});
