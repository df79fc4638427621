import { describe, expect, it } from '@jest/globals';
import { SUBJECT, signCose, signJws } from '../sign.ts';
import { judge, leaf } from './world.ts';

const jws = (payload: string) => signJws({ signer: leaf, payload });
const cose = (payload: string) => signCose({ signer: leaf, payload });
const target = (members: Readonly<Record<string, unknown>>) => JSON.stringify({ targetArtifact: { ...SUBJECT, ...members } });
/** Payload text with `size` as it is written. */
const size = (text: string) => target({}).replace(`"size":${SUBJECT.size}`, `"size":${text}`);
const MISMATCH = 'payload PAYLOAD_MISMATCH';
const INVALID = 'payload PAYLOAD_INVALID';

describe('a signed payload', () => {
  it.each<[string, string]>([
    ['189 members that are not known', target({ foo: 1 }).replace('{', '{"bar":[],')],
    ['annotations', target({ annotations: { 'io.cncf.notary.x': 'y' } })],
    ['an annotation of null', target({ annotations: { a: null } })],
    ['annotations of null', target({ annotations: null })],
    [
      'members that are not compared',
      target({ artifactType: 'x', urls: ['https://x', null], data: 'e30=', platform: { os: 'linux', 'os.features': ['a'] } }),
    ],
    ['such members of null', target({ artifactType: null, urls: null, data: null, platform: null })],
    ['white space around it', ` ${target({})}\n`],
  ])('is good with %s', async (_case, payload) => {
    expect(await judge(jws(payload))).toBe('PASS');
    expect(await judge(cose(payload))).toBe('PASS');
  });

  it.each<[string, string, string]>([
    ['181 A-S-12 another digest', target({ digest: `sha256:${'0'.repeat(64)}` }), MISMATCH],
    ['181 the digest in upper case', target({ digest: SUBJECT.digest.toUpperCase() }), MISMATCH],
    ['A-S-12 another mediaType', target({ mediaType: 'application/vnd.docker.distribution.manifest.v2+json' }), MISMATCH],
    ['182 A-S-12 a size one more', target({ size: SUBJECT.size + 1 }), MISMATCH],
    ['a negative size', target({ size: -SUBJECT.size }), MISMATCH],
    ['190 null', 'null', MISMATCH],
    ['190 {}', '{}', MISMATCH],
    ['targetArtifact null', '{"targetArtifact":null}', MISMATCH],
    ['no digest', target({ digest: undefined }), MISMATCH],
    ['184 size 528.0', size('528.0'), INVALID],
    ['184 size 5.28e2', size('5.28e2'), INVALID],
    ['184 size as text', size('"528"'), INVALID],
    ['a size beyond 64 bits', size('9223372036854775808000'), INVALID],
    ['size true', size('true'), INVALID],
    ['188 an annotation that is a number', target({ annotations: { a: 1 } }), INVALID],
    ['annotations in a list', target({ annotations: [] }), INVALID],
    ['a digest that is a number', target({ digest: 1 }), INVALID],
    ['targetArtifact in a list', '{"targetArtifact":[]}', INVALID],
    ['urls that are text', target({ urls: 'x' }), INVALID],
    ['data as octets in a list', target({ data: [123, 125] }), INVALID],
    ['data that is not base64', target({ data: '*' }), INVALID],
    ['platform that is text', target({ platform: 'linux' }), INVALID],
    ['platform.os that is a number', target({ platform: { os: 1 } }), INVALID],
    ['artifactType that is a number', target({ artifactType: 1 }), INVALID],
    ['D6 digest in another case', target({ Digest: SUBJECT.digest }), INVALID],
    ['D6 targetArtifact in another case', target({}).replace('{', '{"TargetArtifact":{},'), INVALID],
    ['105 text after it', `${target({})} {}`, INVALID],
  ])('is refused with %s', async (_case, payload, expected) => {
    expect(await judge(jws(payload))).toBe(expected);
    expect(await judge(cose(payload))).toBe(expected);
  });

  it('185 is compared without rounding sizes', async () => {
    const subject = { ...SUBJECT, size: 9007199254740992 };
    expect(await judge(jws(size('9007199254740993')), { subject })).toBe(MISMATCH);
    expect(await judge(jws(size('9007199254740992')), { subject })).toBe('PASS');
  });

  it('is refused where the size is -0, also of an empty artifact', async () => {
    const subject = { ...SUBJECT, size: 0 };
    expect(await judge(jws(size('-0')), { subject })).toBe(MISMATCH);
    expect(await judge(jws(size('0')), { subject })).toBe('PASS');
  });

  it('186 D6 is refused with a digest twice', async () => {
    const twice = target({}).replace('"digest"', `"digest":"sha256:${'0'.repeat(64)}","digest"`);
    expect(await judge(jws(twice))).toBe('integrity SIGNATURE_INVALID');
    expect(await judge(cose(twice))).toBe(INVALID);
  });

  it.each([['strict'], ['permissive'], ['audit']])('192 is compared at level %s', async (level) => {
    expect(await judge(jws(target({ size: 1 })), { level })).toBe(MISMATCH);
    expect(await judge(cose('[]'), { level })).toBe(INVALID);
  });

  it.each([['__proto__'], ['constructor'], ['toString']])('189 may have members called %s', async (name) => {
    expect(await judge(jws(target({}).replace('{', `{"${name}":{},`)))).toBe('PASS');
  });
});

describe('required metadata', () => {
  const envelope = signJws({ signer: leaf, subject: { ...SUBJECT, annotations: { buildId: '123', empty: '' } } });

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ['193 that is signed', { buildId: '123' }, 'PASS'],
    ['193 of an empty value that is signed', { empty: '' }, 'PASS'],
    ['of no pairs', {}, 'PASS'],
    ['193 with another value', { buildId: '321' }, 'payload METADATA_MISMATCH'],
    ['193 with a missing key', { other: '123' }, 'payload METADATA_MISMATCH'],
    ['193 in another case', { BuildId: '123' }, 'payload METADATA_MISMATCH'],
    ['with one of two missing', { buildId: '123', other: '' }, 'payload METADATA_MISMATCH'],
    ['194 called __proto__', JSON.parse('{"__proto__":"x"}'), 'payload METADATA_MISMATCH'],
    ['194 called constructor', { constructor: 'x' } as unknown as Record<string, string>, 'payload METADATA_MISMATCH'],
  ])('%s decides', async (_case, userMetadata, expected) => {
    expect(await judge(envelope, { userMetadata })).toBe(expected);
  });

  it('is what is named where the descriptor is wrong too', async () => {
    expect(await judge(envelope, { userMetadata: { a: 'b' }, subject: { ...SUBJECT, size: 1 } })).toBe('payload METADATA_MISMATCH');
  });

  it('is not looked for at level skip', async () => {
    expect(await judge(envelope, { userMetadata: { a: 'b' }, level: 'skip' })).toBe('PASS');
  });
});
