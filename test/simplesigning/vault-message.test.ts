import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JsonError, parseJson } from '../../src/lib/json.ts';
import { loadPublicKey } from '../../src/simplesigning/keys.ts';
import { type ImageSignature, readImageSignature, verifyImageSignature } from '../../src/simplesigning/vault-message.ts';
import { type KeyName, type Method, Signers } from './openssl.ts';
import { DIGEST, OTHER_DIGEST, outcomeOf, SIGNAL } from './world.ts';

const signers = new Signers();
const KEY_ID = 'ocid1.key.oc1.phx.exampleuniqueid';
const VERSION = 'ocid1.keyversion.oc1.phx.exampleuniqueid';
const MESSAGE = {
  description: 'signed by the build',
  imageDigest: DIGEST,
  kmsKeyId: KEY_ID,
  kmsKeyVersionId: VERSION,
  metadata: '{"buildNumber":"105"}',
  region: 'us-phoenix-1',
  repositoryName: 'project01/nginx-lb',
  signingAlgorithm: 'SHA_256_RSA_PKCS_PSS',
};
const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64');

interface Options {
  /** Members in place of those of the message. */
  readonly message?: object;
  /** In place of the message as it stands. */
  readonly text?: string;
  readonly signer?: KeyName;
  readonly method?: Method;
  readonly envelope?: Partial<ImageSignature>;
}

function signed({
  message,
  text = JSON.stringify({ ...MESSAGE, ...message }),
  signer = 'rsa2048',
  method = 'pss-sha256-32',
  envelope,
}: Options = {}): ImageSignature {
  return {
    compartmentId: 'ocid1.compartment.oc1..exampleuniqueid',
    imageId: 'ocid1.containerimage.oc1.phx.exampleuniqueid',
    kmsKeyId: KEY_ID,
    kmsKeyVersionId: VERSION,
    message: base64(text),
    signature: base64(signers.sign(signer, method, new Uint8Array(Buffer.from(text)))),
    signingAlgorithm: 'SHA_256_RSA_PKCS_PSS',
    ...envelope,
  };
}

async function judge(signature: ImageSignature, key: KeyName = 'rsa2048', id = KEY_ID): Promise<string> {
  return outcomeOf(await verifyImageSignature(loadPublicKey(signers.publicKey(key), id), signature, DIGEST, SIGNAL));
}

const algorithm = (label: string) => ({ message: { signingAlgorithm: label }, envelope: { signingAlgorithm: label } });

describe('an image signature of OCI', () => {
  it('is good, and says what remains to be compared', async () => {
    const result = await verifyImageSignature(loadPublicKey(signers.publicKey('rsa2048'), KEY_ID), signed(), DIGEST, SIGNAL);
    expect(result).toEqual({ ok: true, message: MESSAGE });
  });

  it.each<[string, Options, KeyName?]>([
    ['SHA-224', { ...algorithm('SHA_224_RSA_PKCS_PSS'), method: 'pss-sha224-28' }],
    ['SHA-384', { ...algorithm('SHA_384_RSA_PKCS_PSS'), method: 'pss-sha384-48' }],
    ['A3.10 SHA-512 by RSA 4096', { ...algorithm('SHA_512_RSA_PKCS_PSS'), method: 'pss-sha512-64', signer: 'rsa4096' }, 'rsa4096'],
    ['neither description nor metadata', { message: { description: null, metadata: undefined } }],
    ['white space in the message', { text: JSON.stringify(MESSAGE, undefined, 2) }],
    ['another member in the message', { message: { later: 1 } }],
  ])('is good with %s', async (_, options, key = 'rsa2048') => {
    expect(await judge(signed(options), key)).toBe('ok');
  });

  it.each<[string, () => ImageSignature, string, KeyName?]>([
    ['A3.8 for another digest, well signed', () => signed({ message: { imageDigest: OTHER_DIGEST } }), 'PAYLOAD_DIGEST_MISMATCH'],
    ['for no digest', () => signed({ message: { imageDigest: '' } }), 'PAYLOAD_DIGEST_MISMATCH'],
    [
      'A3.9 with the message in another order',
      () => ({ ...signed(), message: base64(JSON.stringify(Object.fromEntries(Object.entries(MESSAGE).reverse()))) }),
      'SIGNATURE_INVALID',
    ],
    [
      'A3.9 with white space in the message',
      () => ({ ...signed(), message: base64(JSON.stringify(MESSAGE, undefined, 1)) }),
      'SIGNATURE_INVALID',
    ],
    [
      'over the base64 of the message',
      () => ({ ...signed({ text: base64(JSON.stringify(MESSAGE)) }), message: signed().message }),
      'SIGNATURE_INVALID',
    ],
    ['A3.2 by another key under this id', () => signed({ signer: 'other2048' }), 'SIGNATURE_INVALID'],
    ['A3.2 by another key under its own id', () => signed({ envelope: { kmsKeyId: `${KEY_ID}2` } }), 'KEY_ID_MISMATCH'],
    ['whose message names another key', () => signed({ message: { kmsKeyId: `${KEY_ID}2` } }), 'KEY_ID_MISMATCH'],
    ['whose message names another key version', () => signed({ message: { kmsKeyVersionId: `${VERSION}2` } }), 'KEY_ID_MISMATCH'],
    ['under another key version', () => signed({ envelope: { kmsKeyVersionId: `${VERSION}2` } }), 'KEY_ID_MISMATCH'],
    [
      'whose message names another algorithm',
      () => signed({ message: { signingAlgorithm: 'SHA_512_RSA_PKCS_PSS' } }),
      'ALGORITHM_MISMATCH',
    ],
    ['with PKCS #1 v1.5', () => signed({ method: 'pkcs1-sha256' }), 'ALGORITHM_MISMATCH'],
    ['with a salt of 20 bytes', () => signed({ method: 'pss-sha256-20' }), 'ALGORITHM_MISMATCH'],
    ['with another hash', () => signed({ method: 'pss-sha512-64' }), 'SIGNATURE_INVALID'],
    [
      'A3.10 by ECDSA',
      () => signed({ ...algorithm('ECDSA_SHA_256'), signer: 'p256', method: 'ecdsa-sha256' }),
      'ALGORITHM_UNSUPPORTED',
      'p256',
    ],
    ['A3.10 by an EC key under an RSA label', () => signed({ signer: 'p256', method: 'ecdsa-sha256' }), 'ALGORITHM_MISMATCH', 'p256'],
    ['under a label of another system', () => signed(algorithm('RSA_PSS_SHA_256')), 'ALGORITHM_UNSUPPORTED'],
    ['under a label of kritis', () => signed(algorithm('rsa-pss-2048-sha256')), 'ALGORITHM_UNSUPPORTED'],
    ['under no label', () => signed(algorithm('')), 'ALGORITHM_UNSUPPORTED'],
    ['with a message that is not base64', () => signed({ envelope: { message: '{}' } }), 'ATTESTATION_INVALID'],
    ['with a signature that is not base64', () => signed({ envelope: { signature: '-_' } }), 'ATTESTATION_INVALID'],
    ['with a signature that is hex', () => signed({ envelope: { signature: 'abc' } }), 'ATTESTATION_INVALID'],
    ['with no signature', () => signed({ envelope: { signature: '' } }), 'SIGNATURE_INVALID'],
    ['with a message over 64 KiB', () => signed({ envelope: { message: 'A'.repeat(90_000) } }), 'ATTESTATION_INVALID'],
    ['over no JSON', () => signed({ text: 'hello' }), 'PAYLOAD_INVALID'],
    ['over a list', () => signed({ text: '[]' }), 'PAYLOAD_INVALID'],
    [
      'over a digest twice',
      () => signed({ text: JSON.stringify(MESSAGE).replace('{', `{"imageDigest":"${OTHER_DIGEST}",`) }),
      'PAYLOAD_INVALID',
    ],
    ['without a digest', () => signed({ message: { imageDigest: undefined } }), 'PAYLOAD_INVALID'],
    ['without a region', () => signed({ message: { region: undefined } }), 'PAYLOAD_INVALID'],
    ['with a repository that is a number', () => signed({ message: { repositoryName: 1 } }), 'PAYLOAD_INVALID'],
    ['with a description that is a list', () => signed({ message: { description: [] } }), 'PAYLOAD_INVALID'],
    ['with metadata that are an object', () => signed({ message: { metadata: {} } }), 'PAYLOAD_INVALID'],
  ])('is refused %s', async (_, signature, code, key = 'rsa2048') => {
    expect(await judge(signature(), key)).toBe(code);
  });

  it('A3.8 says that it is for another digest', async () => {
    const key = loadPublicKey(signers.publicKey('rsa2048'), KEY_ID);
    const result = await verifyImageSignature(key, signed({ message: { imageDigest: OTHER_DIGEST } }), DIGEST, SIGNAL);
    expect(result).toMatchObject({ outcome: 'refused', reason: { message: expect.stringContaining('signature is for another digest') } });
  });
});

const read = (value: unknown) => readImageSignature(parseJson(Buffer.from(JSON.stringify(value))));

describe('reading an image signature', () => {
  it('passes over what the list API adds', () => {
    const signature = signed();
    expect(read({ ...signature, id: 'ocid1.containerimagesignature', lifecycleState: 'AVAILABLE', freeformTags: {} })).toEqual({
      ok: true,
      signature,
    });
  });

  it.each(Object.keys(signed()))('refuses one without %s', (name) => {
    expect(outcomeOf(read({ ...signed(), [name]: undefined }))).toBe('ATTESTATION_INVALID');
    expect(outcomeOf(read({ ...signed(), [name]: 1 }))).toBe('ATTESTATION_INVALID');
  });

  it('reads or refuses any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          expect(outcomeOf(readImageSignature(parseJson(Buffer.from(text))))).toBe('ATTESTATION_INVALID');
        } catch (error) {
          expect(error).toBeInstanceOf(JsonError);
        }
      }),
    );
  });

  it('verifies or refuses any text in its members', async () => {
    const key = loadPublicKey(signers.publicKey('rsa2048'), KEY_ID);
    const member = fc.constantFrom(...Object.keys(signed()).filter((name) => !['compartmentId', 'imageId'].includes(name)));
    await fc.assert(
      fc.asyncProperty(member, fc.oneof(fc.string(), fc.base64String()), async (name, text) => {
        const result = await verifyImageSignature(key, { ...signed(), [name]: text }, DIGEST, SIGNAL);
        expect(result).toMatchObject({ ok: false, outcome: 'refused' });
      }),
    );
  });
});
