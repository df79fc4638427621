import { describe, expect, it } from '@jest/globals';
import { type Key, loadPublicKey } from '../../src/simplesigning/keys.ts';
import type { DetachedAttestation } from '../../src/simplesigning/verify.ts';
import { signatureProblem, verifyDetached } from '../../src/simplesigning/verify.ts';
import { type Method, Signers } from './openssl.ts';
import { DIGEST, expected, OTHER_DIGEST, outcomeOf, payloadBytes, payloadText, REPOSITORY, SIGNAL } from './world.ts';

const signers = new Signers();
const ID = 'key-4a2ef103-5aa3-4220-89ec-0123456789ab';
const KEY = loadPublicKey(signers.publicKey('rsa2048'), ID);

function attestation(payload = payloadBytes(), method: Method = 'pkcs1-sha256', algorithm = 'RSA_PKCS1_SHA_256'): DetachedAttestation {
  return { keyId: ID, payload, signature: signers.sign('rsa2048', method, payload), algorithm };
}

async function judge(given: DetachedAttestation, key: Key = KEY): Promise<string> {
  return outcomeOf(await verifyDetached(key, given, expected(), SIGNAL));
}

/** A key that says what it is told to, and keeps what it was asked. */
function service(answer: () => Promise<boolean>): Key & { readonly asked: Uint8Array[] } {
  const asked: Uint8Array[] = [];
  return {
    id: ID,
    asked,
    verify: (bytes) => {
      asked.push(bytes);
      return answer();
    },
  };
}

describe('a detached attestation', () => {
  it.each(['true', 1, {}, 'false', undefined, null])('is not good where a service answers %j', async (answer) => {
    // What is written to the type and what comes over a network may differ.
    const key = service(async () => answer as unknown as boolean);
    expect(await judge(attestation(), key)).toBe('SIGNATURE_INVALID');
  });

  it('A0.2 A2.2 is good by its key', async () => {
    expect(await verifyDetached(KEY, attestation(), expected(), SIGNAL)).toMatchObject({ ok: true, payload: { manifestDigest: DIGEST } });
  });

  it('A2.1 is good with RSASSA-PSS and a salt of 32 bytes', async () => {
    expect(await judge(attestation(payloadBytes(), 'pss-sha256-32', 'RSA_PSS_SHA_256'))).toBe('ok');
  });

  it('A0.7 is refused with four codes for four faults', async () => {
    const foreign = loadPublicKey(signers.publicKey('other2048'), ID);
    const codes = [
      await judge(attestation(), foreign),
      await judge(attestation(payloadBytes({ digest: OTHER_DIGEST }))),
      await judge(attestation(payloadBytes({ reference: 'registry.example.test/team/other' }))),
      await judge(attestation(payloadBytes({ type: 'cosign container image signature' }))),
    ];
    expect(codes).toEqual(['SIGNATURE_INVALID', 'PAYLOAD_DIGEST_MISMATCH', 'PAYLOAD_REPOSITORY_MISMATCH', 'PAYLOAD_TYPE_MISMATCH']);
  });

  it('A2.2 is refused as an algorithm mismatch under the label of the other padding', async () => {
    const pss = await verifyDetached(KEY, attestation(payloadBytes(), 'pss-sha256-32'), expected(), SIGNAL);
    const pkcs1 = await verifyDetached(KEY, attestation(payloadBytes(), 'pkcs1-sha256', 'RSA_PSS_SHA_256'), expected(), SIGNAL);
    for (const result of [pss, pkcs1]) {
      expect(result).toMatchObject({
        ok: false,
        outcome: 'refused',
        reason: { code: 'ALGORITHM_MISMATCH', message: expect.stringContaining('algorithm mismatch') },
      });
    }
  });

  it.each([
    ['other white space', `${payloadText()} `],
    ['another order', JSON.stringify({ optional: {}, critical: JSON.parse(payloadText()).critical })],
    ['another digest', payloadText({ digest: OTHER_DIGEST })],
  ])('is refused over the same words with %s', async (_, text) => {
    expect(await judge({ ...attestation(), payload: new Uint8Array(Buffer.from(text)) })).toBe('SIGNATURE_INVALID');
  });

  it.each([ID.toUpperCase(), `${ID} `, ID.slice(4), '', KEY.id.replace('key-', 'key_')])('is refused with the id %j', async (keyId) => {
    expect(await judge({ ...attestation(), keyId })).toBe('KEY_ID_MISMATCH');
  });

  it('is not read before it is verified', async () => {
    expect(await judge({ ...attestation(), payload: new Uint8Array(Buffer.from('not JSON')) })).toBe('SIGNATURE_INVALID');
    expect(await judge(attestation(new Uint8Array(Buffer.from('not JSON'))))).toBe('PAYLOAD_INVALID');
  });

  it('is refused unverified if its payload is too large', async () => {
    const key = service(() => Promise.resolve(true));
    expect(await judge({ ...attestation(), payload: new Uint8Array(65_537) }, key)).toBe('PAYLOAD_INVALID');
    expect(key.asked).toEqual([]);
  });
});

describe('a key that is a service', () => {
  it('A2.7 decides over the exact bytes', async () => {
    const good = service(() => Promise.resolve(true));
    expect(await judge(attestation(), good)).toBe('ok');
    expect(good.asked).toEqual([payloadBytes()]);
    expect(
      await judge(
        attestation(),
        service(() => Promise.resolve(false)),
      ),
    ).toBe('SIGNATURE_INVALID');
  });

  it('does not make another image good', async () => {
    const key = service(() => Promise.resolve(true));
    expect(outcomeOf(await verifyDetached(key, attestation(), expected(`${REPOSITORY}2@${DIGEST}`), SIGNAL))).toBe(
      'PAYLOAD_REPOSITORY_MISMATCH',
    );
  });

  it('A2.7 is heard when it cannot answer', async () => {
    const problem = new Error('throttled');
    await expect(
      judge(
        attestation(),
        service(() => Promise.reject(problem)),
      ),
    ).rejects.toBe(problem);
  });

  it('A2.6 is not asked about an algorithm that is not known', async () => {
    const key = service(() => Promise.resolve(true));
    const given = { bytes: payloadBytes(), signature: new Uint8Array(64), algorithm: 'SM2DSA' };
    expect(await signatureProblem(key, given, SIGNAL)).toMatchObject({
      outcome: 'refused',
      reason: { code: 'ALGORITHM_UNSUPPORTED', message: 'unsupported algorithm "SM2DSA"' },
    });
    expect(key.asked).toEqual([]);
  });
});
