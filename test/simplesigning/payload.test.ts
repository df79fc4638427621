import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonToPlain } from '../../src/lib/json.ts';
import { digestOf } from '../../src/oci/digest.ts';
import type { IdentityRule } from '../../src/simplesigning/payload.ts';
import { parsePayload, payloadProblem } from '../../src/simplesigning/payload.ts';
import { DIGEST, expected, OTHER_DIGEST, outcomeOf, payloadBytes, payloadText, REPOSITORY } from './world.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const CRITICAL = JSON.parse(payloadText()).critical;
const critical = (members: object) => bytes(JSON.stringify({ critical: { ...CRITICAL, ...members } }));

/** The code that the payload gets, or `ok`. */
function judge(payload: Uint8Array, asked?: string, identity?: IdentityRule): string {
  const read = parsePayload(payload);
  return outcomeOf(read.ok ? (payloadProblem(read.payload, expected(asked, identity)) ?? read) : read);
}

describe('a simple-signing payload', () => {
  it('is read member by member', () => {
    const read = parsePayload(payloadBytes({ optional: { creator: 'a', timestamp: 1 } }));
    expect(read).toMatchObject({
      ok: true,
      payload: { dockerReference: REPOSITORY, manifestDigest: DIGEST, type: 'atomic container signature' },
    });
    expect(read.ok && read.payload.optional && jsonToPlain(read.payload.optional)).toMatchObject({ creator: 'a', timestamp: 1 });
  });

  it.each([
    ['without optional', payloadBytes()],
    ['with optional null, as cosign writes it', payloadBytes({ optional: null })],
    ['with white space', bytes(` ${JSON.stringify(JSON.parse(payloadText()), undefined, 2)}\n`)],
    [
      'in another order',
      bytes(JSON.stringify({ optional: {}, critical: { type: CRITICAL.type, image: CRITICAL.image, identity: CRITICAL.identity } })),
    ],
    ['of 64 KiB', bytes(payloadText().padEnd(65_536))],
    ['with an escape', bytes(payloadText().replace('atomic', '\\u0061tomic'))],
  ])('is taken %s', (_, payload) => {
    expect(judge(payload)).toBe('ok');
  });

  it.each<[string, Uint8Array]>([
    ['that is empty', new Uint8Array()],
    ['that is no JSON', bytes('hello')],
    ['that is null', bytes('null')],
    ['that is a list', bytes('[]')],
    ['that is an empty object', bytes('{}')],
    ['with text after it', bytes(`${payloadText()}x`)],
    ['twice', bytes(payloadText().repeat(2))],
    ['with a byte order mark', bytes(`\ufeff${payloadText()}`)],
    ['over 64 KiB', bytes(payloadText().padEnd(65_537))],
    ['that is not UTF-8', Uint8Array.from(payloadBytes({ optional: { a: 'é' } }), (octet) => (octet === 0xc3 ? 0xff : octet))],
    ['with a lone surrogate', bytes(payloadText({ optional: { a: 'x' } }).replace('"x"', '"\\ud800"'))],
    ['with critical twice', bytes(payloadText().replace('{', `{"critical":${JSON.stringify(CRITICAL)},`))],
    [
      'with a digest twice',
      bytes(payloadText().replace('"docker-manifest-digest"', `"docker-manifest-digest":"${OTHER_DIGEST}","docker-manifest-digest"`)),
    ],
    ['with an unknown member', bytes(payloadText().replace('{', '{"signature":"",'))],
    ['with Critical beside critical', bytes(payloadText().replace('{', '{"Critical":{},'))],
    ['with an unknown critical member', critical({ expires: 0 })],
    ['with an unknown member of identity', critical({ identity: { ...CRITICAL.identity, tag: 'v1' } })],
    ['with an unknown member of image', critical({ image: { ...CRITICAL.image, size: 1 } })],
    ['without a type', critical({ type: undefined })],
    ['with a type that is null', critical({ type: null })],
    ['without an identity', critical({ identity: undefined })],
    ['with an identity that is a string', critical({ identity: REPOSITORY })],
    ['with a reference that is a list', critical({ identity: { 'docker-reference': [REPOSITORY] } })],
    ['without an image', critical({ image: undefined })],
    ['with a digest that is a number', critical({ image: { 'docker-manifest-digest': 1 } })],
    ['with a digest in upper case', payloadBytes({ digest: DIGEST.toUpperCase() })],
    ['with a digest without its algorithm', payloadBytes({ digest: DIGEST.slice(7) })],
    ['with an MD5 digest', payloadBytes({ digest: 'md5:d41d8cd98f00b204e9800998ecf8427e' })],
    ['with optional that is a list', payloadBytes({ optional: [] })],
    ['that is deep', payloadBytes({ optional: { a: JSON.parse(`${'['.repeat(20)}${']'.repeat(20)}`) } })],
  ])('is refused %s', (_, payload) => {
    expect(judge(payload)).toBe('PAYLOAD_INVALID');
  });

  it('A0.7 is refused with a code for each thing that differs', () => {
    expect(judge(payloadBytes({ digest: OTHER_DIGEST }))).toBe('PAYLOAD_DIGEST_MISMATCH');
    expect(judge(payloadBytes({ reference: 'registry.example.test/team/other' }))).toBe('PAYLOAD_REPOSITORY_MISMATCH');
    expect(judge(payloadBytes({ type: 'cosign container image signature' }))).toBe('PAYLOAD_TYPE_MISMATCH');
  });

  it('is of the type that was asked for, and of no other', () => {
    const cosign = parsePayload(payloadBytes({ type: 'cosign container image signature' }));
    const atomic = parsePayload(payloadBytes());
    const type = 'cosign container image signature';
    expect(cosign.ok && payloadProblem(cosign.payload, { ...expected(), type })).toBeUndefined();
    expect(atomic.ok && payloadProblem(atomic.payload, { ...expected(), type })).toMatchObject({
      reason: { code: 'PAYLOAD_TYPE_MISMATCH' },
    });
  });

  it.each(['Atomic container signature', 'atomic container signature ', '', 'atomic'])('is refused with type %j', (type) => {
    expect(judge(payloadBytes({ type }))).toBe('PAYLOAD_TYPE_MISMATCH');
  });

  it('is refused for a digest of another algorithm, though it may be of the same image', () => {
    expect(judge(payloadBytes({ digest: digestOf(Buffer.from('the image'), 'sha512') }))).toBe('PAYLOAD_DIGEST_MISMATCH');
  });
});

type Row = readonly [signed: string, asked: string, outcome: string];
const D = `@${DIGEST}`;

describe('the signed name where the repository counts', () => {
  it.each<Row>([
    [REPOSITORY, REPOSITORY + D, 'ok'],
    [REPOSITORY, `${REPOSITORY}:v1${D}`, 'ok'],
    [`${REPOSITORY}:v1`, REPOSITORY + D, 'ok'],
    [`${REPOSITORY}:v1`, `${REPOSITORY}:v2${D}`, 'ok'],
    [REPOSITORY + D, REPOSITORY + D, 'ok'],
    [`${REPOSITORY}:v1${D}`, REPOSITORY + D, 'ok'],
    ['nginx', `docker.io/library/nginx${D}`, 'ok'],
    ['index.docker.io/library/nginx', `nginx${D}`, 'ok'],
    ['REGISTRY.example.test/team/app', REPOSITORY + D, 'ok'],
    [`${REPOSITORY}@${OTHER_DIGEST}`, REPOSITORY + D, 'PAYLOAD_DIGEST_MISMATCH'],
    ['registry.example.test/team/app2', REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['registry.example.test/team', REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['registry.example.test/team/app/x', REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['registry.example.test:443/team/app', REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['evil.example.test/team/app', REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['team/app', REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['nginx', REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['', REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
    [`https://${REPOSITORY}`, REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
    [`${REPOSITORY} `, REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
    [`${REPOSITORY}@sha256:00`, REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['registry.example.test/Team/app', REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
    ['*', REPOSITORY + D, 'PAYLOAD_REPOSITORY_MISMATCH'],
  ])('%j for %s: %s', (signed, asked, outcome) => {
    expect(judge(payloadBytes({ reference: signed }), asked, { compare: 'repository' })).toBe(outcome);
  });
});

describe('the signed name where the tag counts', () => {
  it.each<Row>([
    [`${REPOSITORY}:v1`, `${REPOSITORY}:v1`, 'ok'],
    [`${REPOSITORY}:v1`, `${REPOSITORY}:v1${D}`, 'ok'],
    [`${REPOSITORY}:v1${D}`, `${REPOSITORY}:v1`, 'ok'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1', 'ok'],
    ['nginx:latest', 'nginx', 'ok'],
    [`${REPOSITORY}:v1`, `${REPOSITORY}:v2`, 'PAYLOAD_TAG_MISMATCH'],
    [`${REPOSITORY}:v1`, `${REPOSITORY}:V1`, 'PAYLOAD_TAG_MISMATCH'],
    [`${REPOSITORY}:v1`, `${REPOSITORY}:v2${D}`, 'PAYLOAD_TAG_MISMATCH'],
    [`${REPOSITORY}:v1`, REPOSITORY, 'PAYLOAD_TAG_MISMATCH'],
    [REPOSITORY, `${REPOSITORY}:latest`, 'PAYLOAD_TAG_MISMATCH'],
    ['nginx', 'nginx:latest', 'PAYLOAD_TAG_MISMATCH'],
    ['localhost:5000/app', 'localhost:5000/app:latest', 'PAYLOAD_TAG_MISMATCH'],
    [REPOSITORY + D, `${REPOSITORY}:latest`, 'PAYLOAD_TAG_MISMATCH'],
    ['other.example.test/team/app:v1', `${REPOSITORY}:v1`, 'PAYLOAD_REPOSITORY_MISMATCH'],
    [`${REPOSITORY}2:v1`, `${REPOSITORY}:v1`, 'PAYLOAD_REPOSITORY_MISMATCH'],
  ])('A2.3 %s for %s: %s', (signed, asked, outcome) => {
    for (const withoutTag of ['accept', 'refuse'] as const) {
      expect(judge(payloadBytes({ reference: signed }), asked, { compare: 'tag', withoutTag })).toBe(outcome);
    }
  });

  it('A2.3 need not be that of a reference by digest alone where the rule says so', () => {
    const payload = payloadBytes({ reference: `${REPOSITORY}:v1` });
    expect(judge(payload, REPOSITORY + D, { compare: 'tag', withoutTag: 'accept' })).toBe('ok');
    expect(judge(payload, REPOSITORY + D, { compare: 'tag', withoutTag: 'refuse' })).toBe('PAYLOAD_TAG_MISMATCH');
    expect(judge(payloadBytes(), REPOSITORY + D, { compare: 'tag', withoutTag: 'accept' })).toBe('PAYLOAD_TAG_MISMATCH');
  });

  it('A2.3 is named in the refusal', () => {
    const read = parsePayload(payloadBytes({ reference: `${REPOSITORY}:v1` }));
    const problem = read.ok && payloadProblem(read.payload, expected(`${REPOSITORY}:v2`, { compare: 'tag', withoutTag: 'accept' }));
    expect(problem).toMatchObject({ reason: { message: 'signed for tag :v1, and the reference has :v2' } });
  });

  it('A2.5 does not outweigh the digest', () => {
    const moved = payloadBytes({ reference: `${REPOSITORY}:v1`, digest: OTHER_DIGEST });
    expect(judge(moved, `${REPOSITORY}:v1`, { compare: 'tag', withoutTag: 'accept' })).toBe('PAYLOAD_DIGEST_MISMATCH');
    expect(judge(moved, `${REPOSITORY}:v1`, { compare: 'ignored' })).toBe('PAYLOAD_DIGEST_MISMATCH');
  });
});

describe('the signed name where it is ignored', () => {
  it.each(['', REPOSITORY, 'mirror.example.test/copy:v9', 'no reference at all', '*'])('A2.4 may be %j', (reference) => {
    expect(judge(payloadBytes({ reference }), `mirror.example.test/other:v2`, { compare: 'ignored' })).toBe('ok');
  });

  it('A2.4 does not make another type or digest good', () => {
    expect(judge(payloadBytes({ digest: OTHER_DIGEST }), undefined, { compare: 'ignored' })).toBe('PAYLOAD_DIGEST_MISMATCH');
    expect(judge(payloadBytes({ type: 'x' }), undefined, { compare: 'ignored' })).toBe('PAYLOAD_TYPE_MISMATCH');
  });
});

describe('any payload', () => {
  it('comes out as it went in', () => {
    const digests = fc.uint8Array().map((content) => digestOf(content));
    const text = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(text, digests, text, (reference, digest, type) => {
        const read = parsePayload(payloadBytes({ reference, digest, type }));
        expect(read.ok && read.payload).toEqual({ dockerReference: reference, manifestDigest: digest, type, optional: undefined });
      }),
    );
  });

  it('is read or refused, never anything else', () => {
    const seed = payloadText({ optional: {} });
    const changed = fc.tuple(fc.nat(seed.length), fc.string()).map(([at, text]) => bytes(seed.slice(0, at) + text + seed.slice(at + 1)));
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array(), fc.json().map(bytes), changed),
        fc.constantFrom('repository', 'ignored'),
        (payload, compare) => {
          expect(judge(payload, undefined, { compare })).toMatch(/^(?:ok|PAYLOAD_[A-Z_]+)$/);
        },
      ),
    );
  });
});
