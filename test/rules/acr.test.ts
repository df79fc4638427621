import { describe, expect, it } from '@jest/globals';
import type { Attestation, AttestationSource, Verdict } from '../../src/engine/types.ts';
import { RegistryError } from '../../src/oci/errors.ts';
import type { KeyName, Method } from '../simplesigning/openssl.ts';
import { type Asked, ask, brief, DIGEST, declare, family, OTHER_DIGEST, pem, shelf, simple, source, unreachable } from './signing-world.ts';

const HOST = 'acme-registry.cn-hangzhou.cr.aliyuncs.com';
const VPC = 'acme-registry-vpc.cn-hangzhou.cr.aliyuncs.com';
const REPOSITORY = `${HOST}/ns-a/app`;
const V1 = `${REPOSITORY}:v1`;
const BY_DIGEST = `${REPOSITORY}@${DIGEST}`;
const IMAGES = {
  [`${REPOSITORY}:v1`]: DIGEST,
  [`${REPOSITORY}:v2`]: DIGEST,
  [`${REPOSITORY}:moved`]: OTHER_DIGEST,
  [`${HOST}/ns-b/app:v1`]: DIGEST,
  [`${HOST}/ns-a/other:v1`]: DIGEST,
  [`${HOST}:443/ns-a/app:v1`]: DIGEST,
  [`${VPC}/ns-a/app:v1`]: DIGEST,
  'mirror.test:5000/elsewhere/copy:one': DIGEST,
};
const PSS: Method = 'pss-sha256-32';
const PKCS1: Method = 'pkcs1-sha256';

const rule = (over: object = {}, name = 'prod') =>
  family('ImageSigningRule', name, {
    registries: [HOST],
    algorithm: 'RSA_PSS_SHA_256',
    keys: [{ id: 'rsa2048', pem: pem('rsa2048') }],
    ...over,
  });
const signed = (over: Partial<Parameters<typeof simple>[0]> = {}) => simple({ key: 'rsa2048', method: PSS, reference: V1, ...over });
const accepts = ['accepted', 'VERIFIED'];

async function verdictOf(statements: readonly Attestation[], over: Partial<Asked> = {}): Promise<Verdict> {
  return (await ask({ declared: rule(), image: V1, images: IMAGES, sources: [source(statements)], ...over })).verdict;
}

describe('an ImageSigningRule with algorithms and keys', () => {
  it.each<[string, KeyName, Method, string]>([
    ['A2.1 accepts RSA-PSS with a salt of 32 bytes', 'rsa2048', PSS, 'RSA_PSS_SHA_256'],
    ['A2.2 accepts RSA PKCS#1', 'rsa2048', PKCS1, 'RSA_PKCS1_SHA_256'],
    ['A2.6 accepts an RSA key of 3072 bits', 'rsa3072', PSS, 'RSA_PSS_SHA_256'],
    ['A2.6 accepts an RSA key of 3072 bits by PKCS#1', 'rsa3072', PKCS1, 'RSA_PKCS1_SHA_256'],
    ['A2.6 accepts a key on P-256', 'p256', 'ecdsa-sha256', 'ECDSA_SHA_256'],
    ['A2.6 accepts a key on P-256K', 'p256k', 'ecdsa-sha256', 'ECDSA_SHA_256'],
  ])('%s', async (_, key, method, algorithm) => {
    const declared = rule({ algorithm, keys: [{ id: 'key-local', pem: pem(key) }] });
    const verdict = await verdictOf([signed({ key, method, keyId: 'key-local' })], { declared });
    expect(brief(verdict)).toEqual(accepts);
    expect(verdict.reports).toMatchObject([
      { verifier: 'ImageSigningRule prod', type: 'acr-signing', outcome: 'accepted', detail: { keyId: 'key-local', signedName: V1 } },
    ]);
  });

  it.each<[string, KeyName, Method, string, string]>([
    ['A2.2 refuses a PSS signature where PKCS#1 is declared', 'rsa2048', PSS, 'RSA_PKCS1_SHA_256', 'ALGORITHM_MISMATCH'],
    ['A2.2 refuses a PKCS#1 signature where PSS is declared', 'rsa2048', PKCS1, 'RSA_PSS_SHA_256', 'ALGORITHM_MISMATCH'],
    ['A2.1 refuses PSS with a salt of 20 bytes', 'rsa2048', 'pss-sha256-20', 'RSA_PSS_SHA_256', 'ALGORITHM_MISMATCH'],
    ['A2.1 refuses PSS over SHA-512', 'rsa2048', 'pss-sha512-64', 'RSA_PSS_SHA_256', 'SIGNATURE_INVALID'],
    ['A2.1 refuses a signature by another key under this id', 'other2048', PSS, 'RSA_PSS_SHA_256', 'SIGNATURE_INVALID'],
  ])('%s', async (_, key, method, algorithm, code) => {
    const verdict = await verdictOf([signed({ key, method, keyId: 'rsa2048' })], { declared: rule({ algorithm }) });
    expect(brief(verdict)).toEqual(['refused', code]);
  });

  it.each<[string, object, string]>([
    ['A2.6 SM2DSA', { algorithm: 'SM2DSA' }, 'spec.algorithm CONFIG_INVALID: unsupported algorithm "SM2DSA": expected RSA_PSS_SHA_256'],
    ['an algorithm of another system', { algorithm: 'SHA_256_RSA_PKCS_PSS' }, 'unsupported algorithm'],
    ['an algorithm in lower case', { algorithm: 'rsa_pss_sha_256' }, 'unsupported algorithm'],
    ['a name that every object has', { algorithm: 'constructor' }, 'unsupported algorithm'],
    [
      'an elliptic key for RSA',
      { keys: [{ id: 'k', pem: pem('p256') }] },
      'spec.keys[0].pem CONFIG_INVALID: algorithm RSA_PSS_SHA_256 takes',
    ],
    ['a private key', { keys: [{ id: 'k', pem: '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n' }] }, 'private key'],
    ['no PEM', { keys: [{ id: 'k', pem: 'not a key' }] }, 'spec.keys[0].pem CONFIG_INVALID'],
    ['a key without an id', { keys: [{ pem: pem('rsa2048') }] }, 'spec.keys[0].id CONFIG_INVALID'],
    ['a key twice said', { keys: [{ id: 'k', pem: pem('rsa2048'), keyProvider: 'p' }] }, 'expected one of pem and keyProvider'],
    ['a key with a member that nobody knows', { keys: [{ id: 'k', pem: pem('rsa2048'), version: '1' }] }, 'spec.keys[0]'],
    ['no keys', { keys: [] }, 'spec.keys CONFIG_INVALID'],
    ['no registries', { registries: [] }, 'spec.registries CONFIG_INVALID'],
    ['a wildcard for the instance', { registries: ['*.cn-hangzhou.cr.aliyuncs.com'] }, 'spec.registries[0] CONFIG_INVALID'],
    ['a path in the host', { registries: [`${HOST}/ns-a`] }, 'spec.registries[0] CONFIG_INVALID'],
    ['a namespace with a path', { namespaces: ['ns-a/app'] }, 'spec.namespaces[0] CONFIG_INVALID'],
    ['a namespace of all segments', { namespaces: ['**'] }, 'spec.namespaces[0] CONFIG_INVALID'],
    ['a repository with a tag', { repositories: ['app:v1'] }, 'spec.repositories[0] CONFIG_INVALID'],
    ['a mode that there is not', { mode: 'Loose' }, 'spec.mode CONFIG_INVALID'],
  ])('cannot be used with %s, says so, and makes its images misconfigured', async (_, over, message) => {
    const { verdict, told } = await ask({ declared: rule(over), image: V1, images: IMAGES, sources: [source([signed()])] });
    expect(brief(verdict)).toEqual(['misconfigured', 'CONFIG_INVALID']);
    expect(verdict.reason.message).toMatch(/^ImageSigningRule prod cannot be used: /);
    expect(told.filter((text) => text.startsWith('error')).join('\n')).toContain(message);
  });

  it('that cannot be used is about its own scope as far as that can be read', async () => {
    const declared = rule({ algorithm: 'SM2DSA', namespaces: ['ns-a'] });
    expect(brief(await verdictOf([], { declared, image: `${HOST}/ns-b/app:v1` }))).toEqual(['refused', 'NOT_COVERED']);
    const unreadable = rule({ algorithm: 'SM2DSA', namespaces: ['NS A'] });
    expect(brief(await verdictOf([], { declared: unreadable, image: 'other.test/x/y:1' }))).toEqual(['misconfigured', 'CONFIG_INVALID']);
  });
});

describe('an ImageSigningRule of mode Default', () => {
  it.each<[string, string, Partial<Parameters<typeof simple>[0]>, object]>([
    ['A2.3 accepts the tag that was signed', V1, {}, {}],
    ['A2.3 accepts a digest without a tag, by default', BY_DIGEST, {}, {}],
    ['A2.3 accepts the signed tag beside the digest', `${V1}@${DIGEST}`, {}, { digestReferences: 'refuse' }],
    ['accepts what was signed under the other name of the instance', V1, { reference: `${VPC}/ns-a/app:v1` }, { registries: [HOST, VPC] }],
    ['accepts under the other name of the instance', `${VPC}/ns-a/app:v1`, {}, { registries: [HOST, VPC] }],
    ['accepts under the same name with its port', `${HOST}:443/ns-a/app:v1`, {}, {}],
  ])('%s', async (_, image, over, spec) => {
    expect(brief(await verdictOf([signed(over)], { image, declared: rule(spec) }))).toEqual(accepts);
  });

  it.each<[string, string, Partial<Parameters<typeof simple>[0]>, object, string]>([
    ['A2.3 refuses another tag of the same digest', `${REPOSITORY}:v2`, {}, {}, 'PAYLOAD_TAG_MISMATCH'],
    ['A2.3 refuses a digest without a tag where that is declared', BY_DIGEST, {}, { digestReferences: 'refuse' }, 'PAYLOAD_TAG_MISMATCH'],
    ['A2.3 refuses another tag beside the digest', `${REPOSITORY}:v2@${DIGEST}`, {}, {}, 'PAYLOAD_TAG_MISMATCH'],
    ['A2.3 refuses what was signed without a tag', BY_DIGEST, { reference: REPOSITORY }, {}, 'PAYLOAD_TAG_MISMATCH'],
    ['A2.5 refuses a tag that moved to another digest', `${REPOSITORY}:moved`, {}, {}, 'PAYLOAD_DIGEST_MISMATCH'],
    ['refuses what was signed for another repository', V1, { reference: `${HOST}/ns-a/other:v1` }, {}, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['refuses what was signed in another namespace', V1, { reference: `${HOST}/ns-b/app:v1` }, {}, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['refuses what was signed under a host that is not listed', V1, { reference: `${VPC}/ns-a/app:v1` }, {}, 'PAYLOAD_REPOSITORY_MISMATCH'],
    [
      'refuses another tag under the other name',
      V1,
      { reference: `${VPC}/ns-a/app:v2` },
      { registries: [HOST, VPC] },
      'PAYLOAD_TAG_MISMATCH',
    ],
    ['refuses a name that is none', V1, { reference: 'NOT A NAME' }, {}, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['refuses a payload of another digest', V1, { digest: OTHER_DIGEST }, {}, 'PAYLOAD_DIGEST_MISMATCH'],
    ['refuses a payload of another type', V1, { type: 'cosign container image signature' }, {}, 'PAYLOAD_TYPE_MISMATCH'],
  ])('%s', async (_, image, over, spec, code) => {
    expect(brief(await verdictOf([signed(over)], { image, declared: rule(spec) }))).toEqual(['refused', code]);
  });

  it('A2.3 names the tag that was signed', async () => {
    const { reason } = await verdictOf([signed()], { image: `${REPOSITORY}:v2` });
    expect(reason.message).toBe('signed for tag :v1, and the reference has :v2');
  });
});

describe('an ImageSigningRule of mode Simple', () => {
  const simpleRule = rule({ mode: 'Simple', registries: [HOST, 'mirror.test:5000'] });
  it.each([
    ['A2.4 accepts a copy under another name and tag', 'mirror.test:5000/elsewhere/copy:one'],
    ['A2.4 accepts the copy by its digest', `mirror.test:5000/elsewhere/copy@${DIGEST}`],
    ['accepts whatever tag has the digest', `${REPOSITORY}:v2`],
  ])('%s', async (_, image) => {
    expect(brief(await verdictOf([signed()], { image, declared: simpleRule }))).toEqual(accepts);
  });

  it.each<[string, string, string, string]>([
    [
      'A2.4 the copy by a rule of mode Default',
      'mirror.test:5000/elsewhere/copy:one',
      rule({ registries: [HOST, 'mirror.test:5000'] }),
      'PAYLOAD_REPOSITORY_MISMATCH',
    ],
    ['A2.5 a tag that moved to another digest', `${REPOSITORY}:moved`, simpleRule, 'PAYLOAD_DIGEST_MISMATCH'],
  ])('is no reason to accept %s', async (_, image, declared, code) => {
    expect(brief(await verdictOf([signed()], { image, declared }))).toEqual(['refused', code]);
  });

  it('says that digestReferences means nothing to it', async () => {
    const { told } = await declare(rule({ mode: 'Simple', digestReferences: 'refuse' }));
    expect(told.at(-1)).toContain('spec.digestReferences CONFIG_HINT: has no effect in mode Simple');
  });
});

describe('what an ImageSigningRule covers', () => {
  it.each<[string, object, string]>([
    ['A2.8 a namespace that it names', { namespaces: ['ns-a'] }, V1],
    ['a namespace by a wildcard', { namespaces: ['ns-*'] }, V1],
    ['a repository that it names', { namespaces: ['ns-a'], repositories: ['app'] }, V1],
    ['the instance at any port, where it names none', {}, `${HOST}:8443/ns-a/app:v1`],
    ['a repository of several segments', { repositories: ['deep/**'] }, `${HOST}/ns-a/deep/er/app:v1`],
  ])('is %s', async (_, spec, image) => {
    const images = { ...IMAGES, [image]: DIGEST };
    expect(brief(await verdictOf([signed({ reference: image })], { image, images, declared: rule(spec) }))).toEqual(accepts);
  });

  it.each<[string, object, string]>([
    ['A2.8 another namespace', { namespaces: ['ns-a'] }, `${HOST}/ns-b/app:v1`],
    ['a namespace that begins like it', { namespaces: ['ns-a'] }, `${HOST}/ns-ab/app:v1`],
    ['another repository', { repositories: ['app'] }, `${HOST}/ns-a/other:v1`],
    ['a repository below it', { repositories: ['app'] }, `${HOST}/ns-a/app/deep:v1`],
    ['a repository that ends like it', { repositories: ['app'] }, `${HOST}/ns-a/deep/app:v1`],
    ['another instance', {}, 'acme2-registry.cn-hangzhou.cr.aliyuncs.com/ns-a/app:v1'],
    ['an instance whose name ends like it', {}, `evil-${HOST}/ns-a/app:v1`],
    ['a host below it', {}, `x.${HOST}/ns-a/app:v1`],
    ['a registry that has the host in a path', {}, `evil.test/${HOST}/ns-a/app:v1`],
    ['another port than the one that it names', { registries: ['mirror.test:5000'] }, 'mirror.test:5001/ns-a/app:v1'],
    ['no port where it names one', { registries: ['mirror.test:5000'] }, 'mirror.test/ns-a/app:v1'],
    ['a repository without a namespace', {}, `${HOST}/app:v1`],
  ])('is not %s, which is refused as not covered', async (_, spec, image) => {
    const store = shelf({ ...IMAGES, [image]: DIGEST });
    const verdict = await verdictOf([signed({ reference: image })], { image, store, declared: rule(spec) });
    expect(brief(verdict)).toEqual(['refused', 'NOT_COVERED']);
    expect(verdict.rules).toEqual([]);
    expect(store.asked).toEqual([]);
  });

  it.each<[string, string | undefined, readonly string[]]>([
    ['A2.8 accepts in a Kubernetes namespace that it names', 'ns-a', accepts],
    ['A2.8 does not cover another Kubernetes namespace', 'ns-b', ['refused', 'NOT_COVERED']],
    ['is misconfigured where the key names no namespace', undefined, ['misconfigured', 'NAMESPACE_REQUIRED']],
  ])('%s', async (_, namespace, expected) => {
    const declared = rule({ kubernetesNamespaces: ['ns-a'] });
    const verdict = await verdictOf([signed()], { declared, ...(namespace === undefined ? {} : { namespace }) });
    expect(brief(verdict)).toEqual(expected);
  });

  it('is asked of every rule that covers an image: all of them must accept', async () => {
    const declared = `${rule()}${rule({ keys: [{ id: 'other2048', pem: pem('other2048') }] }, 'audit')}`;
    expect(brief(await verdictOf([signed()], { declared }))).toEqual(['refused', 'SIGNER_UNTRUSTED']);
    const both = [signed(), signed({ key: 'other2048' })];
    expect((await verdictOf(both, { declared })).rules).toMatchObject([
      { name: 'ImageSigningRule audit', family: 'countersign', outcome: 'accepted' },
      { name: 'ImageSigningRule prod', family: 'countersign', outcome: 'accepted' },
    ]);
  });

  it('has the name for the inside of the cloud hinted at', async () => {
    expect((await declare(rule())).told).toEqual([
      expect.stringContaining(`spec.registries[0] CONFIG_HINT: the same instance answers as ${VPC}`),
    ]);
    expect((await declare(rule({ registries: [HOST, VPC] }))).told).toEqual([]);
  });
});

describe('the statements that an ImageSigningRule finds', () => {
  it.each<[string, readonly Attestation[], string]>([
    ['none', [], 'NO_SIGNATURES'],
    ['one by a key that it does not list', [signed({ key: 'other2048' })], 'SIGNER_UNTRUSTED'],
    ['one whose key id differs in case', [signed({ keyId: 'RSA2048' })], 'SIGNER_UNTRUSTED'],
    ['one of another format', [{ ...signed(), format: 'vault' }], 'NO_SIGNATURES'],
    ['one without a signature', [{ ...signed(), signatures: [] }], 'NO_SIGNATURES'],
    ['one with an empty signature', [signed({ signature: new Uint8Array() })], 'SIGNATURE_INVALID'],
    [
      'one whose payload was changed',
      [{ ...signed(), payload: simple({ key: 'rsa2048', method: PSS, reference: `${REPOSITORY}:v1 ` }).payload }],
      'SIGNATURE_INVALID',
    ],
    ['two that are bad', [signed({ key: 'other2048', keyId: 'rsa2048' }), signed({ digest: OTHER_DIGEST })], 'SIGNATURE_INVALID'],
  ])('are refused where there is %s', async (_, statements, code) => {
    expect(brief(await verdictOf(statements))).toEqual(['refused', code]);
  });

  it('are refused where one says another algorithm of itself', async () => {
    const [first] = signed().signatures;
    if (first === undefined) throw new Error('unsigned');
    const statement = { ...signed(), signatures: [{ ...first, algorithm: 'RSA_PKCS1_SHA_256' }] };
    expect(brief(await verdictOf([statement]))).toEqual(['refused', 'ALGORITHM_MISMATCH']);
  });

  it('are good where one of them is, whatever the others are, and all are told of', async () => {
    const verdict = await verdictOf([signed({ key: 'other2048' }), signed({ digest: OTHER_DIGEST }), signed()]);
    expect(brief(verdict)).toEqual(accepts);
    expect(verdict.reports.map(({ reason }) => reason.code)).toEqual(['PAYLOAD_DIGEST_MISMATCH', 'VERIFIED', 'SIGNER_UNTRUSTED']);
  });

  it.each<[string, readonly Attestation[], readonly string[]]>([
    ['unavailable where a source fails', [], ['unavailable', 'ATTESTATIONS_UNREACHABLE']],
    ['unavailable where a source fails after a bad one', [signed({ digest: OTHER_DIGEST })], ['unavailable', 'ATTESTATIONS_UNREACHABLE']],
    ['good where a source fails after a good one', [signed()], accepts],
  ])('are %s', async (_, statements, expected) => {
    expect(brief(await verdictOf([], { sources: [source(statements, unreachable)] }))).toEqual(expected);
  });

  it('are looked for in the next source where one fails', async () => {
    expect(brief(await verdictOf([], { sources: [source([], unreachable), source([signed()])] }))).toEqual(accepts);
    expect(brief(await verdictOf([], { sources: [source([], unreachable), source([])] }))).toEqual([
      'unavailable',
      'ATTESTATIONS_UNREACHABLE',
    ]);
  });

  it('are unavailable where one source fails and another has what cannot be', async () => {
    const refused = new RegistryError('IMAGE_NOT_FOUND', 'no such image', { registry: HOST });
    const sources = [source([], refused), source([], unreachable)];
    expect(brief(await verdictOf([], { sources }))).toEqual(['unavailable', 'ATTESTATIONS_UNREACHABLE']);
    expect(brief(await verdictOf([], { sources: [source([], refused)] }))).toEqual(['refused', 'IMAGE_NOT_FOUND']);
  });

  it('are misconfigured where there is no source to look in', async () => {
    expect(brief(await verdictOf([], { sources: [] }))).toEqual(['misconfigured', 'CONFIG_INVALID']);
  });

  it('are tried up to a bound, beyond which none is good', async () => {
    const bad = Array.from({ length: 3 }, (_, index) => signed({ digest: OTHER_DIGEST, name: `bad ${index}` }));
    expect(brief(await verdictOf([...bad, signed()], { maxSignatures: 3 }))).toEqual(['refused', 'TOO_MANY_SIGNATURES']);
    expect(brief(await verdictOf([...bad, signed()], { maxSignatures: 4 }))).toEqual(accepts);
  });

  it('do not fill that bound where they are by keys that nobody lists', async () => {
    const foreign = Array.from({ length: 60 }, (_, index) => signed({ keyId: `foreign-${index}` }));
    const verdict = await verdictOf([...foreign, signed()], { maxSignatures: 1 });
    expect(brief(verdict)).toEqual(accepts);
    expect(verdict.reports).toHaveLength(21);
  });

  it('are not asked for where the image is not there', async () => {
    const asked: string[] = [];
    const counted: AttestationSource = {
      name: 'counted',
      list: (image, signal) => {
        asked.push(image.digest);
        return source([]).list(image, signal);
      },
    };
    expect(brief(await verdictOf([], { image: `${REPOSITORY}:gone`, sources: [counted] }))).toEqual(['refused', 'IMAGE_NOT_FOUND']);
    expect(asked).toEqual([]);
  });
});

describe('a key provider that an ImageSigningRule names', () => {
  const provider = (name: string, value: string, contentType = 'key') =>
    JSON.stringify({
      apiVersion: 'config.ratify.deislabs.io/v1beta1',
      kind: 'KeyManagementProvider',
      metadata: { name },
      spec: { type: 'inline', parameters: { contentType, value } },
    });
  const named = (...keys: readonly object[]) => rule({ keys });

  it('gives the key, under the id that the rule says', async () => {
    const declared = `${named({ id: 'kms-key', keyProvider: 'kms' })}---\n${provider('kms', pem('rsa2048'))}\n`;
    expect(brief(await verdictOf([signed({ keyId: 'kms-key' })], { declared }))).toEqual(accepts);
  });

  it.each<[string, string, readonly string[]]>([
    ['is not there', '', ['misconfigured', 'KEY_PROVIDER_MISSING']],
    ['holds a key of another kind', `---\n${provider('kms', pem('p256'))}\n`, ['misconfigured', 'CONFIG_INVALID']],
    ['holds another key', `---\n${provider('kms', pem('other2048'))}\n`, ['refused', 'SIGNATURE_INVALID']],
  ])('keeps the image from running where it %s', async (_, more, expected) => {
    const declared = `${named({ id: 'rsa2048', keyProvider: 'kms' })}${more}`;
    expect(brief(await verdictOf([signed()], { declared }))).toEqual(expected);
  });

  it('keeps the image from running where its key has no id', async () => {
    const declared = `${named({ keyProvider: 'kms' })}---\n${provider('kms', pem('rsa2048'))}\n`;
    expect(brief(await verdictOf([signed()], { declared }))).toEqual(['misconfigured', 'CONFIG_INVALID']);
  });

  it('that is not there weighs nothing where another listed key signed', async () => {
    const declared = named({ id: 'gone', keyProvider: 'gone' }, { id: 'rsa2048', pem: pem('rsa2048') });
    expect(brief(await verdictOf([signed()], { declared }))).toEqual(accepts);
    expect(brief(await verdictOf([signed({ digest: OTHER_DIGEST })], { declared }))).toEqual(['misconfigured', 'KEY_PROVIDER_MISSING']);
  });
});
