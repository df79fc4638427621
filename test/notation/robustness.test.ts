import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FactCache } from '../../src/lib/facts.ts';
import type { EnvelopeContent } from '../../src/notation/types.ts';
import * as cbor from '../cbor-writer.ts';
import * as der from '../der-writer.ts';
import { pki } from '../pki.ts';
import { SUBJECT, signCose, signJws } from '../sign.ts';
import { COSE, facts, intermediate, JWS, judge, leaf, rewrite, root, verdict, verify } from './world.ts';

const MiB = 1024 * 1024;
const jws = signJws({ signer: leaf });
const cose = signCose({ signer: leaf });
/** `value` spread over an RSA SubjectPublicKeyInfo. */
const rsaInfo = (modulus: bigint, exponent: bigint) =>
  der.sequence(
    der.sequence(der.oid('1.2.840.113549.1.1.1'), der.NULL),
    der.bitString(der.sequence(der.integer(modulus), der.integer(exponent))),
  );
const strangers = Array.from({ length: 11 }, () => pki.selfSigned().cert);

describe('an envelope that is too much', () => {
  it.each<[string, () => Uint8Array, string, string]>([
    ['412 10,000 lists in each other', () => Buffer.from('['.repeat(10_000) + ']'.repeat(10_000)), JWS, 'integrity ENVELOPE_INVALID'],
    [
      '412 the same in the unprotected header',
      () =>
        rewrite(signJws({ signer: leaf, header: { x: 'deep' } }), (text) =>
          text.replace('"deep"', '['.repeat(10_000) + ']'.repeat(10_000)),
        ),
      JWS,
      'integrity ENVELOPE_INVALID',
    ],
    [
      '413 A-S-16 11 certificates in x5c',
      () => signJws({ signer: leaf, chain: [...leaf.chain, ...strangers] }),
      JWS,
      'integrity ENVELOPE_INVALID',
    ],
    [
      '413 10,000 certificates in x5c',
      () => signJws({ signer: leaf, header: { x5c: Array(10_000).fill(Buffer.from(leaf.cert).toString('base64')) } }),
      JWS,
      'integrity ENVELOPE_INVALID',
    ],
    [
      '413 10,000 certificates in x5chain',
      () =>
        signCose({
          signer: leaf,
          bendUnprotected: () => [[cbor.int(33), cbor.array(...Array(10_000).fill(cbor.bytes(Uint8Array.of(1))))]],
        }),
      COSE,
      'integrity ENVELOPE_INVALID',
    ],
    [
      '414 A-S-04 a modulus of 64 kbit',
      () => signJws({ signer: root.leaf({ spki: rsaInfo(2n ** 65535n + 1n, 65537n) }) }),
      JWS,
      'integrity CERTIFICATE_CHAIN_INVALID',
    ],
    [
      '414 A-S-03 a huge public exponent',
      () => signJws({ signer: root.leaf({ spki: rsaInfo(2n ** 2047n + 1n, 2n ** 2046n + 1n) }) }),
      JWS,
      'integrity CERTIFICATE_CHAIN_INVALID',
    ],
    [
      'A-S-03 the public exponent 1',
      () => signJws({ signer: root.leaf({ spki: rsaInfo(2n ** 2047n + 1n, 1n) }) }),
      JWS,
      'integrity CERTIFICATE_CHAIN_INVALID',
    ],
    [
      'A-S-04 a modulus of 16384 bits',
      () => signJws({ signer: root.leaf({ spki: rsaInfo(2n ** 16383n + 1n, 65537n) }) }),
      JWS,
      'integrity CERTIFICATE_CHAIN_INVALID',
    ],
    ['more than 4 MiB of JWS', () => rewrite(jws, (text) => `${text}${' '.repeat(4 * MiB)}`), JWS, 'integrity ENVELOPE_INVALID'],
    ['more than 4 MiB of COSE', () => new Uint8Array(4 * MiB + 1), COSE, 'integrity ENVELOPE_INVALID'],
  ])('is refused: %s', async (_case, envelope, mediaType, expected) => {
    expect(await judge(envelope(), { mediaType })).toBe(expected);
  });

  it('is none with white space up to 4 MiB', async () => {
    expect(await judge(rewrite(jws, (text) => text + ' '.repeat(4 * MiB - text.length)))).toBe('PASS');
  });
});

describe('a chain that breaks a rule', () => {
  it.each<[string, readonly Uint8Array[]]>([
    ['198 its authorities reversed', [leaf.cert, ...leaf.chain.slice(1).toReversed()]],
    ['200 A-S-16 without its root', leaf.chain.slice(0, -1)],
    ['201 A-S-16 with its root twice', [...leaf.chain, root.cert]],
    ['202 A-S-16 with an unrelated certificate after the root', [...leaf.chain, ...strangers.slice(0, 1)]],
    ['A-S-16 without its intermediate', [leaf.cert, root.cert]],
    ['204 under another root of the same name', [leaf.cert, intermediate.cert, pki.root().cert]],
    ['the leaf alone', [leaf.cert]],
  ])('is refused for integrity: %s', async (_case, chain) => {
    expect(await judge(signJws({ signer: leaf, chain }))).toBe('integrity CERTIFICATE_CHAIN_INVALID');
    expect(await judge(signCose({ signer: leaf, chain }))).toBe('integrity CERTIFICATE_CHAIN_INVALID');
  });

  it('198 is refused for integrity when it is reversed, as the first certificate did not sign', async () => {
    expect(await judge(signJws({ signer: leaf, chain: leaf.chain.toReversed() }))).toBe('integrity SIGNATURE_INVALID');
  });

  it.each([['RSA-1024'], ['RSA-2056'], ['EC-224'], ['Ed25519']] as const)('217 A-S-03 is refused for a leaf with %s', async (key) => {
    const signer = root.leaf({ key });
    expect(await judge(signJws({ signer, signAs: 'RSA-2048' }))).toMatch(/^integrity/);
  });
});

/** Counts what had to be found out. */
function counted(): { readonly cache: FactCache; readonly loads: string[] } {
  const inner = facts();
  const loads: string[] = [];
  return {
    loads,
    cache: {
      remember: (kind, key, signal, load) =>
        inner.remember(kind, key, signal, (own) => {
          loads.push(kind);
          return load(own);
        }),
    },
  };
}

describe('what was found out once', () => {
  it('is not found out again for the same envelope', async () => {
    const { cache, loads } = counted();
    await verify(jws, { facts: cache });
    loads.length = 0;
    expect(await judge(jws, { facts: cache })).toBe('PASS');
    expect(loads).toEqual([]);
  });

  it('leaves one signature to be checked for a new envelope over a known chain', async () => {
    const { cache, loads } = counted();
    await verify(jws, { facts: cache });
    expect(loads.filter((kind) => kind === 'notation.certificate')).toHaveLength(leaf.chain.length);
    loads.length = 0;
    expect(await judge(signJws({ signer: leaf, time: new Date('2025-02-02T00:00:00Z') }), { facts: cache })).toBe('PASS');
    expect(await judge(cose, { facts: cache })).toBe('PASS');
    expect(loads).toEqual(['notation.envelope', 'notation.envelope']);
  });

  it('is known of bad envelopes too', async () => {
    const { cache, loads } = counted();
    const bad = signJws({ signer: leaf, crit: [] });
    expect(await judge(bad, { facts: cache })).toBe('integrity ENVELOPE_INVALID');
    expect(await judge(bad, { facts: cache })).toBe('integrity ENVELOPE_INVALID');
    expect(loads.filter((kind) => kind === 'notation.envelope')).toHaveLength(1);
  });

  it('is judged anew by the clock, the policy and the artifact', async () => {
    const { cache } = counted();
    const envelope = signJws({ signer: leaf, expiry: new Date('2025-08-01T00:00:00Z') });
    expect(await judge(envelope, { facts: cache })).toBe('PASS');
    expect(await judge(envelope, { facts: cache, now: new Date('2025-09-01T00:00:00Z') })).toBe('expiry SIGNATURE_EXPIRED');
    expect(await judge(envelope, { facts: cache, stores: ['ca:acme'], anchors: { 'ca:acme': [pki.root().cert] } })).toBe(
      'authenticity SIGNER_UNTRUSTED',
    );
    expect(await judge(envelope, { facts: cache, subject: { ...SUBJECT, size: 1 } })).toBe('payload PAYLOAD_MISMATCH');
    expect(await judge(envelope, { facts: cache, mediaType: COSE })).toBe('integrity ENVELOPE_INVALID');
    expect(await judge(envelope, { facts: cache })).toBe('PASS');
  });

  it('does not change with the bytes it was read from', async () => {
    const { cache } = counted();
    const bytes = Uint8Array.from(cose);
    const before = await verify(bytes, { facts: cache });
    const payload = Buffer.from(before.envelope?.payload ?? []).toString();
    bytes.fill(0);
    expect(Buffer.from(before.envelope?.payload ?? []).toString()).toBe(payload);
    expect(await judge(cose, { facts: cache })).toBe('PASS');
  });

  it('is not kept of media types that nobody knows', async () => {
    const { cache, loads } = counted();
    expect(await judge(jws, { facts: cache, mediaType: 'x'.repeat(10_000) })).toBe('integrity ENVELOPE_INVALID');
    expect(loads).toEqual([]);
  });

  it('is not the end of a caller that gave up', async () => {
    const { cache } = counted();
    const abort = new AbortController();
    abort.abort(new Error('given up'));
    await expect(verify(jws, { facts: cache, signal: abort.signal })).rejects.toThrow('given up');
    expect(await judge(jws, { facts: cache })).toBe('PASS');
  });

  it('416 gives each of many at once its own verdict', async () => {
    const { cache } = counted();
    const bad = signJws({ signer: leaf, bendSignature: (bytes) => bytes.toReversed() });
    const verdicts = await Promise.all(Array.from({ length: 20 }, (_, i) => judge(i === 7 ? bad : jws, { facts: cache })));
    expect(verdicts).toEqual(Array.from({ length: 20 }, (_, i) => (i === 7 ? 'integrity SIGNATURE_INVALID' : 'PASS')));
  });
});

/** What was signed, and by whom: all that a good verdict rests on. */
const meaning = (content: EnvelopeContent | undefined) =>
  content && {
    ...content,
    payload: Buffer.from(content.payload).toString('hex'),
    signature: Buffer.from(content.signature).toString('hex'),
    certificateChain: content.certificateChain.map(({ fingerprint }) => fingerprint),
    extendedAttributes: content.extendedAttributes,
    timestampSignature: undefined,
    signingAgent: undefined,
  };

describe.each([
  ['JWS', jws],
  ['COSE', cose],
])('a %s envelope that was changed', (_format, original) => {
  const shared = facts();
  const place = fc.nat({ max: original.length - 1 });
  const change = fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), place, value: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ kind: fc.constant('insert' as const), place, value: fc.nat({ max: 255 }) }),
    fc.record({ kind: fc.constant('remove' as const), place, value: fc.integer({ min: 1, max: 40 }) }),
  );
  const apply = (bytes: Uint8Array, { kind, place: at, value }: { kind: 'flip' | 'insert' | 'remove'; place: number; value: number }) => {
    if (kind === 'flip') return bytes.map((byte, i) => (i === at ? byte ^ value : byte));
    return Uint8Array.from([
      ...bytes.subarray(0, at),
      ...(kind === 'insert' ? [value] : []),
      ...bytes.subarray(kind === 'insert' ? at : at + value),
    ]);
  };

  it('is never good with another meaning, and always gets an outcome', async () => {
    const before = meaning((await verify(original, { facts: shared })).envelope);
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const outcome = await verify(changes.reduce(apply, original), { facts: shared, mediaType: original[0] === 0xd2 ? COSE : JWS });
        if (outcome.error === undefined) expect(meaning(outcome.envelope)).toEqual(before);
        else expect(verdict(outcome)).toMatch(/^(?:integrity|authenticity|payload) /);
      }),
      { numRuns: 300 },
    );
  });

  it('is never good when it is cut short', async () => {
    for (let length = 0; length < original.length; length += 37) {
      const cut = original.subarray(0, length);
      expect(await judge(cut, { facts: shared, mediaType: original[0] === 0xd2 ? COSE : JWS })).toMatch(/^integrity /);
    }
  });
});
