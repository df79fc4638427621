import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { object } from '../config/world.ts';
import * as der from '../der-writer.ts';
import { type Issued, pki, toPem } from '../pki.ts';
import { signJws } from '../sign.ts';
import { CMS, type TokenOptions, timestamping, timestampToken } from '../timestamp-token.ts';
import { type Gate, KEYS, openGate, openScene, POLICY, root, type Scene, STORE, verifierWith } from './gate.ts';

const at = (text: string) => new Date(`${text}Z`);
const GEN_TIME = at('2025-03-01T12:00:00');
const clock = pki.root({ subject: [['CN', 'Clock']] });
const tsa = clock.leaf(timestamping());
/** Valid when the tokens were made, and expired since: without a good timestamp it signs nothing. */
const expired = root.leaf({ notBefore: at('2025-01-01T00:00:00'), notAfter: at('2025-05-01T00:00:00') });
const ending = root.leaf({ notBefore: at('2025-01-01T00:00:00'), notAfter: GEN_TIME });
const beginning = root.leaf({ notBefore: GEN_TIME, notAfter: at('2025-05-01T00:00:00') });

let gate: Gate;
let scene: Scene;
beforeAll(async () => {
  gate = await openGate({ settings: { validating: { webhookMs: 30_000, providerMs: 29_000, deadlineMs: 25_000 } } });
  const clocks = object('KeyManagementProvider', 'clocks', {
    type: 'inline',
    parameters: { contentType: 'certificate', value: toPem(clock.cert) },
  });
  const stores = { verificationCertStores: { ca: { acme: ['roots'] }, tsa: { clock: ['clocks'] } } };
  await gate.declare([STORE, KEYS, clocks, verifierWith({ trustStores: ['ca:acme', 'tsa:clock'] }, stores), POLICY]);
  scene = await openScene();
});
afterAll(async () => {
  expect(gate.provider.log.join('').match(/an error of ours/g)).toBeNull();
  await Promise.all([gate.close(), scene.fake.close()]);
});

let images = 0;
async function judged(options: Partial<TokenOptions> | undefined, signer: Issued = expired): Promise<string> {
  images += 1;
  const image = scene.fake.pushImage({ name: `image ${images}`, tag: `t${images}` });
  const token = (message: Uint8Array) => timestampToken({ tsa, message, genTime: GEN_TIME, ...options });
  const envelope = signJws({ signer, subject: image, ...(options === undefined ? {} : { timestampSignature: token }) });
  scene.fake.pushSignature({ subject: image, envelope });
  return gate.ask(`${scene.fake.host}/team/app@${image.digest}`);
}
const broken = (bytes: Uint8Array) => bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1);
const seconds = (count: number) => ({ accuracy: der.sequence(der.integer(count)) });

describe('a timestamp', () => {
  it('makes a signature good whose certificate has expired since', async () => {
    expect(await judged({})).toBe('accepted VERIFIED');
    expect(await judged(seconds(3600))).toBe('accepted VERIFIED');
    // The reference takes other zones than UTC; what counts is the instant.
    expect(await judged({ genTimeText: '20250301123000+0100' }, ending)).toBe('accepted VERIFIED');
  });

  it.each<[string, Partial<TokenOptions> | undefined, string, Issued?]>([
    ['A-S-29 that is not there', undefined, 'TIMESTAMP_MISSING'],
    ['A-S-31 over another signature', { message: Uint8Array.of(1, 2, 3) }, 'TIMESTAMP_INVALID'],
    ['A-S-31 by SHA-1', { imprintHash: 'sha1' }, 'TIMESTAMP_INVALID'],
    ['A-S-31 over half of a digest', { imprint: new Uint8Array(16) }, 'TIMESTAMP_INVALID'],
    ['A-S-31 over nothing', { imprint: new Uint8Array() }, 'TIMESTAMP_INVALID'],
    ['A-S-32 after the certificate', { genTime: at('2025-06-01T00:00:00') }, 'TIMESTAMP_INVALID'],
    ['A-S-32 before the certificate', { genTime: at('2024-12-31T23:59:59') }, 'TIMESTAMP_INVALID'],
    ['A-S-32 that may be after the certificate', seconds(1), 'TIMESTAMP_INVALID', ending],
    ['A-S-32 that may be before the certificate', seconds(1), 'TIMESTAMP_INVALID', beginning],
    ['A-S-32 of the accuracy that a policy means', { policy: '0.4.0.2023.1.1' }, 'TIMESTAMP_INVALID', ending],
    ['A-S-32 of an accuracy beyond all times', { accuracy: der.sequence(der.integer(2n ** 62n)) }, 'TIMESTAMP_INVALID'],
    ['A-S-32 of a negative accuracy', { accuracy: der.sequence(der.tlv(0x02, Uint8Array.of(0xff))) }, 'TIMESTAMP_INVALID'],
    [
      'A-S-32 at a time in another zone that is after the certificate in UTC',
      { genTimeText: '20250301113000-0100' },
      'TIMESTAMP_INVALID',
      ending,
    ],
    ['A-S-32 at a time in another zone that is before it', { genTimeText: '20250301123000+0100' }, 'TIMESTAMP_INVALID', beginning],
    ['A-S-32 at a time in no zone', { genTimeText: '20250301120000' }, 'TIMESTAMP_INVALID'],
    ['A-S-32 at a time that is none', { genTimeText: '20250230120000Z' }, 'TIMESTAMP_INVALID'],
    ['A-S-33 by two signers, both bad', { bendSignerInfo: (info) => [broken(info), broken(info)] }, 'TIMESTAMP_INVALID'],
    ['A-S-33 without signed attributes', { bendAttributes: () => [] }, 'TIMESTAMP_INVALID'],
    ['A-S-33 that does not say which certificate signed it', { bendAttributes: (list) => list.slice(0, 2) }, 'TIMESTAMP_INVALID'],
    [
      'A-S-33 of an indefinite length',
      { bend: (bytes) => der.concat([Uint8Array.of(0x30, 0x80), bytes.subarray(4), new Uint8Array(2)]) },
      'TIMESTAMP_INVALID',
    ],
    [
      'A-S-33 whose digest is not the one that was signed',
      { digest: 'sha512', signatureAlgorithm: der.sequence(der.oid('1.2.840.10045.4.3.2')) },
      'TIMESTAMP_INVALID',
    ],
    ['A-S-33 with the certificates of others alone', { certificates: [clock.cert, root.cert, expired.cert] }, 'TIMESTAMP_INVALID'],
    ['A-S-33 whose signature was changed', { bendSignature: broken }, 'TIMESTAMP_INVALID'],
    ['A-S-33 with content of another type', { contentType: CMS.data }, 'TIMESTAMP_INVALID'],
    ['A-S-33 by the signer of the image', { tsa: expired }, 'TIMESTAMP_INVALID'],
    ['A-S-33 by a clock of somebody else', { tsa: pki.root({ subject: [['CN', 'Clock']] }).leaf(timestamping()) }, 'TIMESTAMP_INVALID'],
    ['A-S-33 of garbage', { bend: () => Uint8Array.of(0xde, 0xad) }, 'TIMESTAMP_INVALID'],
    ['A-S-33 of more than 64 KiB', { bend: (bytes) => der.concat([bytes, new Uint8Array(65_536)]) }, 'TIMESTAMP_INVALID'],
  ])('is refused: %s', async (_case, options, code, signer = expired) => {
    expect(await judged(options, signer)).toBe(`refused ${code}`);
  });
});
