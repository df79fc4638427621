import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Attestation } from '../../src/engine/types.ts';
import { loadPublicKey } from '../../src/simplesigning/keys.ts';
import { hasGpg, makePgpMaterial, type PgpMaterial } from '../simplesigning/gpg.ts';
import type { KeyName, Method } from '../simplesigning/openssl.ts';
import { DIGEST as SIGNED_DIGEST, REPOSITORY as SIGNED_REPOSITORY } from '../simplesigning/world.ts';
import {
  attestation,
  authority,
  brief,
  DIGEST,
  gate,
  IMAGE,
  KEY_ID,
  listing,
  object,
  policy,
  REPOSITORY,
  signers,
} from './kritis-world.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const upstream = (publicKeys: readonly unknown[], over: object = {}): string =>
  object('AttestationAuthority', 'demo-aa', { noteReference: 'projects/p/notes/n', publicKeys, ...over }) + policy();
const pkix = (key: KeyName, signatureAlgorithm: string, keyId?: string) => ({
  keyType: 'PKIX',
  ...(keyId !== undefined && { keyId }),
  pkixPublicKey: { publicKeyPem: signers.publicKey(key), signatureAlgorithm },
});
const judge = async (yaml: string, found: readonly Attestation[], key = `[default]${IMAGE}`): Promise<string> =>
  brief(await (await gate(yaml, [listing(found)])).ask(key));
/** What is wrong with the authority. */
const problems = async (yaml: string): Promise<readonly string[]> =>
  (await gate(yaml)).diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(({ code, path, message }) => `${code} ${path}: ${message}`);

describe('an AttestationAuthority of kritis-validation-hook', () => {
  it.each<[KeyName, Method]>([
    ['rsa2048', 'pkcs1-sha256'],
    ['rsa2048', 'pss-sha256-32'],
    ['rsa3072', 'pkcs1-sha256'],
    ['rsa4096', 'pss-sha256-32'],
    ['p256', 'ecdsa-sha256'],
    ['p256k', 'ecdsa-sha256'],
  ])('takes what the key service signs with %s: %s', async (key, method) => {
    expect(await judge(authority({ key }) + policy(), [attestation({ key, method })])).toBe('accepted VERIFIED');
  });

  it.each<[KeyName, Method, string]>([
    ['rsa2048', 'pkcs1-sha1', 'SIGNATURE_INVALID'],
    ['rsa2048', 'pkcs1-sha512', 'SIGNATURE_INVALID'],
    ['rsa2048', 'pss-sha512-64', 'SIGNATURE_INVALID'],
    ['rsa2048', 'pss-sha256-0', 'ALGORITHM_MISMATCH'],
    ['p256', 'ecdsa-sha512', 'SIGNATURE_INVALID'],
  ])('takes nothing else by %s: %s', async (key, method, code) => {
    expect(await judge(authority({ key }) + policy(), [attestation({ key, method })])).toBe(`refused ${code}`);
  });

  it('may have its key folded over lines, and no id but the hash of the key', async () => {
    const data = base64(signers.publicKey('rsa2048')).replace(/.{76}/g, '$&\n');
    const { id } = loadPublicKey(signers.publicKey('rsa2048'));
    const yaml = object('AttestationAuthority', 'demo-aa', { publicKeyData: data }) + policy();
    expect(await judge(yaml, [attestation({ keyId: id, note: 'any' })])).toBe('accepted VERIFIED');
    expect(await judge(yaml, [attestation({ keyId: KEY_ID })])).toBe('refused KEY_ID_MISMATCH');
  });

  it.each<[string, object, string]>([
    ['no key', { noteReference: 'namespaces/demo-aa' }, 'CONFIG_INVALID spec: expected publicKeyData or publicKeys, found no key at all'],
    ['an empty key', { publicKeyData: '', publicKeyId: KEY_ID }, 'CONFIG_INVALID spec: '],
    ['an empty list of keys', { publicKeys: [] }, 'CONFIG_INVALID spec: '],
    ['a key that is masked', { publicKeyData: 'LS0tLS1CRUdJTiBQ***' }, 'CONFIG_INVALID spec.publicKeyData: '],
    ['a key in PEM', { publicKeyData: signers.publicKey('rsa2048') }, 'CONFIG_INVALID spec.publicKeyData: '],
    ['a private key', { publicKeyData: base64(signers.privateKey('rsa2048')) }, 'CONFIG_INVALID spec.publicKeyData: '],
    [
      'two keys in one',
      { publicKeyData: base64(signers.publicKey('rsa2048') + signers.publicKey('p256')) },
      'CONFIG_INVALID spec.publicKeyData: ',
    ],
    [
      'a curve that the key service has not',
      { publicKeyData: base64(signers.publicKey('p384')) },
      'CONFIG_INVALID spec.publicKeyData: expected a key that',
    ],
    ['Ed25519', { publicKeyData: base64(signers.publicKey('ed25519')) }, 'CONFIG_INVALID spec.publicKeyData: expected a key that'],
    ['a number for a key', { publicKeyData: 1 }, 'CONFIG_INVALID spec.publicKeyData: '],
  ])('cannot be used with %s', async (_, spec, expected) => {
    const yaml = object('AttestationAuthority', 'demo-aa', spec) + policy();
    expect(await problems(yaml)).toEqual([expect.stringContaining(expected)]);
    expect(await judge(yaml, [attestation()])).toBe('misconfigured CONFIG_INVALID');
  });

  it('never shows a private key that stands where a public one belongs', async () => {
    const [, line = ''] = signers.privateKey('rsa2048').split('\n');
    const yaml = object('AttestationAuthority', 'demo-aa', { publicKeyData: base64(signers.privateKey('rsa2048')) });
    expect(JSON.stringify(await problems(yaml))).not.toContain(line);
  });

  it('has fields that nobody knows named', async () => {
    const { diagnostics } = await gate(authority().replace('spec:', 'spec:\n  privateKeySecretName: x'));
    expect(diagnostics).toMatchObject([{ severity: 'warning', code: 'UNKNOWN_FIELD', path: 'spec.privateKeySecretName' }]);
  });
});

describe('an AttestationAuthority of upstream kritis', () => {
  it.each<[KeyName, string, Method]>([
    ['rsa2048', 'rsa-pss-2048-sha256', 'pss-sha256-32'],
    ['rsa3072', 'rsa-sign-pkcs1-3072-sha256', 'pkcs1-sha256'],
    ['rsa4096', 'rsa-sign-pkcs1-4096-sha512', 'pkcs1-sha512'],
    ['p256', 'ecdsa-p256-sha256', 'ecdsa-sha256'],
    ['p384', 'ECDSA-P384-SHA384', 'ecdsa-sha384'],
  ])('takes a signature by %s with %s', async (key, algorithm, method) => {
    const found = attestation({ key, method, keyId: 'https://example.test/keys/1' });
    expect(await judge(upstream([pkix(key, algorithm, 'https://example.test/keys/1')]), [found])).toBe('accepted VERIFIED');
  });

  it.each<[KeyName, string, Method, string]>([
    ['rsa2048', 'rsa-pss-2048-sha256', 'pkcs1-sha256', 'ALGORITHM_MISMATCH'],
    ['rsa2048', 'rsa-sign-pkcs1-2048-sha256', 'pss-sha256-32', 'ALGORITHM_MISMATCH'],
    ['rsa4096', 'rsa-sign-pkcs1-4096-sha512', 'pkcs1-sha256', 'SIGNATURE_INVALID'],
    ['p256', 'ecdsa-p256-sha256', 'ecdsa-sha384', 'SIGNATURE_INVALID'],
  ])('takes no other by %s with %s: %s', async (key, algorithm, method, code) => {
    expect(await judge(upstream([pkix(key, algorithm, 'k')]), [attestation({ key, method, keyId: 'k' })])).toBe(`refused ${code}`);
  });

  it('takes any of its keys, old or new, each for its own id', async () => {
    const yaml = upstream([pkix('rsa2048', 'rsa-sign-pkcs1-2048-sha256', 'old'), pkix('p256', 'ecdsa-p256-sha256', 'new')]);
    expect(await judge(yaml, [attestation({ keyId: 'old' })])).toBe('accepted VERIFIED');
    expect(await judge(yaml, [attestation({ key: 'p256', method: 'ecdsa-sha256', keyId: 'new' })])).toBe('accepted VERIFIED');
    expect(await judge(yaml, [attestation({ keyId: 'new' })])).toMatch(/^refused (SIGNATURE_INVALID|ALGORITHM_MISMATCH)$/);
    expect(await judge(yaml, [attestation({ keyId: 'gone' })])).toBe('refused KEY_ID_MISMATCH');
  });

  it('takes any of two keys that share an id', async () => {
    const yaml = upstream([pkix('other2048', 'rsa-sign-pkcs1-2048-sha256', 'k'), pkix('rsa2048', 'rsa-sign-pkcs1-2048-sha256', 'k')]);
    expect(await judge(yaml, [attestation({ keyId: 'k' })])).toBe('accepted VERIFIED');
  });

  it.each<[string, unknown, string]>([
    [
      'an algorithm that nobody knows',
      pkix('rsa2048', 'none'),
      'spec.publicKeys[0].pkixPublicKey.signatureAlgorithm: expected rsa-pss-2048-sha256',
    ],
    ['an algorithm of another system', pkix('rsa2048', 'RSA_PKCS1_SHA_256'), 'spec.publicKeys[0].pkixPublicKey.signatureAlgorithm: '],
    ['an algorithm for another size', pkix('rsa2048', 'rsa-pss-4096-sha256'), 'spec.publicKeys[0].pkixPublicKey.signatureAlgorithm: '],
    ['an algorithm for another kind of key', pkix('p256', 'rsa-pss-2048-sha256'), 'spec.publicKeys[0].pkixPublicKey.signatureAlgorithm: '],
    [
      'no algorithm',
      { keyType: 'PKIX', pkixPublicKey: { publicKeyPem: signers.publicKey('p256') } },
      'spec.publicKeys[0].pkixPublicKey.signatureAlgorithm: ',
    ],
    ['a key type without a key', { keyType: 'PKIX' }, 'spec.publicKeys[0].pkixPublicKey: '],
    ['the other type', { ...pkix('p256', 'ecdsa-p256-sha256'), keyType: 'PGP' }, 'spec.publicKeys[0].asciiArmoredPgpPublicKey: '],
    ['an unknown type', { ...pkix('p256', 'ecdsa-p256-sha256'), keyType: 'JWT' }, 'spec.publicKeys[0].keyType: '],
    ['no type', { pkixPublicKey: pkix('p256', 'ecdsa-p256-sha256').pkixPublicKey }, 'spec.publicKeys[0].keyType: '],
  ])('cannot be used with %s, also beside a good key', async (_, key, expected) => {
    const good = pkix('rsa2048', 'rsa-sign-pkcs1-2048-sha256', KEY_ID);
    const yaml = upstream([key, good]);
    expect(await problems(yaml)).toEqual([expect.stringContaining(`CONFIG_INVALID ${expected}`)]);
    expect(await judge(yaml, [attestation()])).toBe('misconfigured CONFIG_INVALID');
  });
});

describe('an OpenPGP attestation', () => {
  const material: PgpMaterial = hasGpg()
    ? makePgpMaterial()
    : JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/pgp/material.json'), 'utf8'));
  const { keys, fingerprints, messages } = material;
  const pgp = (name: keyof typeof keys, keyId?: string) => ({
    keyType: 'PGP',
    asciiArmoredPgpPublicKey: base64(keys[name]),
    ...(keyId !== undefined && { keyId }),
  });
  const message = (name: keyof typeof messages, keyId: string): Attestation => ({
    name: 'projects/p/occurrences/2',
    format: 'pgp',
    note: 'projects/p/notes/n',
    payload: Buffer.from(messages[name]),
    signatures: [{ keyId, signature: new Uint8Array() }],
  });
  const KEY = `[default]${SIGNED_REPOSITORY}@${SIGNED_DIGEST}`;
  const BOTH = upstream([pgp('rsa', fingerprints.rsa), pgp('ed')]);

  it('A0.10 is good by either of the keys, old or new', async () => {
    expect(await judge(BOTH, [message('rsa', fingerprints.rsa)], KEY)).toBe('accepted VERIFIED');
    expect(await judge(BOTH, [message('ed', fingerprints.ed)], KEY)).toBe('accepted VERIFIED');
  });

  it('A0.10 is good by the key of the flat form', async () => {
    const yaml = object('AttestationAuthority', 'demo-aa', { publicKeyData: base64(keys.rsa) }) + policy();
    expect(await judge(yaml, [message('rsa', fingerprints.rsa)], KEY)).toBe('accepted VERIFIED');
  });

  it.each<[string, keyof typeof messages, string, string]>([
    ['by a key that is not listed', 'subkey', fingerprints.subkey, 'KEY_ID_MISMATCH'],
    ['with the fingerprint in small letters', 'rsa', fingerprints.rsa.toLowerCase(), 'KEY_ID_MISMATCH'],
    ['with a short id', 'rsa', fingerprints.rsa.slice(-16), 'KEY_ID_MISMATCH'],
    ['with the fingerprint of the other key', 'rsa', fingerprints.ed, 'SIGNATURE_INVALID'],
    ['that is signed as text', 'text', fingerprints.rsa, 'ATTESTATION_INVALID'],
    ['whose signature stands alone', 'detached', fingerprints.rsa, 'ATTESTATION_INVALID'],
    ['with SHA-1', 'sha1', fingerprints.rsa, 'ALGORITHM_UNSUPPORTED'],
    ['with something else inside', 'garbage', fingerprints.rsa, 'PAYLOAD_INVALID'],
  ])('A0.10 is refused %s', async (_, name, keyId, code) => {
    expect(await judge(BOTH, [message(name, keyId)], KEY)).toBe(`refused ${code}`);
  });

  it('A0.10 is refused for another image', async () => {
    const found = [message('rsa', fingerprints.rsa)];
    expect(await judge(BOTH, found, `[default]${REPOSITORY}@${SIGNED_DIGEST}`)).toBe('refused PAYLOAD_REPOSITORY_MISMATCH');
    expect(await judge(BOTH, found, `[default]${SIGNED_REPOSITORY}@${DIGEST}`)).toBe('refused PAYLOAD_DIGEST_MISMATCH');
  });

  it.each<[string, keyof typeof messages & keyof typeof keys, string]>([
    ['has expired', 'expiring', 'KEY_EXPIRED'],
    ['is revoked', 'revoked', 'KEY_REVOKED'],
  ])('A0.10 is refused by a key that %s', async (_, name, code) => {
    expect(await judge(upstream([pgp(name)]), [message(name, fingerprints[name as keyof typeof fingerprints])], KEY)).toBe(
      `refused ${code}`,
    );
  });

  it.each<[string, object, string]>([
    ['an id that is not its fingerprint', pgp('rsa', fingerprints.ed), 'expected the key with fingerprint'],
    ['two keys in one', { keyType: 'PGP', asciiArmoredPgpPublicKey: base64(keys.both) }, ''],
    ['a secret key', { keyType: 'PGP', asciiArmoredPgpPublicKey: base64(keys.secret) }, 'private'],
    ['an armored text as it is', { keyType: 'PGP', asciiArmoredPgpPublicKey: keys.rsa }, 'base64'],
  ])('cannot be verified by an authority with %s', async (_, key, why) => {
    const [problem = '', ...more] = await problems(upstream([key]));
    expect(more).toEqual([]);
    expect(problem).toMatch(/^CONFIG_INVALID spec\.publicKeys\[0\]\.asciiArmoredPgpPublicKey: /);
    expect(problem).toContain(why);
  });
});
