import { createHmac, createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../src/oci/digest.ts';
import * as cbor from '../cbor-writer.ts';
import * as der from '../der-writer.ts';
import { extendedKeyUsage, type Issued, keyUsage, OID, pki } from '../pki.ts';
import { type CoseOptions, type JwsOptions, PAYLOAD_TYPE, SIGNING_AUTHORITY, type SubjectDescriptor, signCose, signJws } from '../sign.ts';
import { DECLARED, type Gate, leaf, openGate, openScene, root, type Scene, stranger } from './gate.ts';

const SCHEME = 'io.cncf.notary.signingScheme';
const PURPOSE = '1.3.6.1.5.5.7.3';
const MIB = 1024 * 1024;
const COSE = 'application/cose';
const rsa = root.leaf({ key: 'RSA-2048' });

let gate: Gate;
let scene: Scene;
beforeAll(async () => {
  gate = await openGate({ settings: { validating: { webhookMs: 30_000, providerMs: 29_000, deadlineMs: 25_000 } } });
  await gate.declare(DECLARED);
  scene = await openScene();
});
afterAll(async () => {
  expect(gate.provider.log.join('').match(/an error of ours/g)).toBeNull();
  expect(await gate.ask(scene.byTag)).toBe('accepted VERIFIED');
  await Promise.all([gate.close(), scene.fake.close()]);
});

type Make = (subject: SubjectDescriptor) => Uint8Array;
const jws =
  (options: Partial<JwsOptions> | ((subject: SubjectDescriptor) => Partial<JwsOptions>)): Make =>
  (subject) =>
    signJws({ signer: leaf, subject, ...(typeof options === 'function' ? options(subject) : options) });
const cose =
  (options: Partial<CoseOptions>): Make =>
  (subject) =>
    signCose({ signer: leaf, subject, ...options });
const edited =
  (change: (members: Record<string, string>) => unknown): Make =>
  (subject) => {
    const members = JSON.parse(Buffer.from(signJws({ signer: leaf, subject })).toString());
    return Buffer.from(JSON.stringify(change(members)));
  };
const rewritten =
  (change: (text: string) => string): Make =>
  (subject) =>
    Buffer.from(change(Buffer.from(signJws({ signer: leaf, subject })).toString()));
const signedBy = (signer: Issued): Make => jws({ signer });
const usages = (...oids: string[]) => ({ extensions: { [OID.extendedKeyUsage]: { value: extendedKeyUsage(...oids) } } });
const target = (subject: SubjectDescriptor, change: object) => JSON.stringify({ targetArtifact: { ...subject, ...change } });
const put = (key: number | string, value: Uint8Array) => (entries: readonly cbor.Entry[]) =>
  [...entries, [typeof key === 'number' ? cbor.int(key) : cbor.text(key), value]] as readonly cbor.Entry[];

const hmac: Make = (subject) => {
  const { protected: header, payload, ...rest } = JSON.parse(Buffer.from(signJws({ signer: leaf, subject, alg: 'HS256' })).toString());
  const key = createPublicKey(leaf.privateKey).export({ type: 'spki', format: 'der' });
  const signature = createHmac('sha256', key).update(`${header}.${payload}`).digest('base64url');
  return Buffer.from(JSON.stringify({ ...rest, protected: header, payload, signature }));
};
/** ECDSA's r and s as DER, as most libraries write them. */
const asDer = (raw: Uint8Array) => {
  const integer = (bytes: Uint8Array) => der.integer(BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
  return der.sequence(integer(raw.subarray(0, 32)), integer(raw.subarray(32)));
};
const shuffled = root.intermediate();

describe('an envelope', () => {
  it.each<[string, Make, string, string?]>([
    ['no bytes that mean anything', () => Uint8Array.of(0xde, 0xad), 'ENVELOPE_INVALID'],
    ['an empty object', () => Buffer.from('{}'), 'ENVELOPE_INVALID'],
    ['10,000 lists in each other', () => Buffer.from('['.repeat(10_000)), 'ENVELOPE_INVALID'],
    ['A-S-01 alg none', jws({ alg: 'none', bendSignature: () => new Uint8Array() }), 'SIGNATURE_INVALID'],
    ['A-S-01 alg HS256 with the public key as the secret', hmac, 'SIGNATURE_INVALID'],
    ['A-S-01 alg RS256', jws({ signer: rsa, alg: 'RS256' }), 'SIGNATURE_INVALID'],
    ['A-S-03 RSA of 1024 bits', jws({ signer: root.leaf({ key: 'RSA-1024' }), signAs: 'RSA-2048' }), 'CERTIFICATE_CHAIN_INVALID'],
    ['A-S-05 an ECDSA signature in DER', jws({ bendSignature: asDer }), 'SIGNATURE_INVALID'],
    ['A-S-05 r and s of nothing but zeros', jws({ bendSignature: (raw) => new Uint8Array(raw.length) }), 'SIGNATURE_INVALID'],
    [
      'A-S-07 compact serialization',
      edited(({ protected: header, payload, signature }) => `${header}.${payload}.${signature}`),
      'ENVELOPE_INVALID',
    ],
    ['A-S-07 a list of signatures', edited(({ signature, ...rest }) => ({ ...rest, signatures: [{ signature }] })), 'ENVELOPE_INVALID'],
    ['A-S-07 a list of signatures beside a good one', edited((members) => ({ ...members, signatures: [] })), 'ENVELOPE_INVALID'],
    [
      'A-S-07 a key of its own',
      jws({ signer: stranger, protectedHeader: { jwk: createPublicKey(stranger.privateKey).export({ format: 'jwk' }) } }),
      'SIGNER_UNTRUSTED',
    ],
    [
      'A-S-07 where to fetch a key',
      jws({ signer: stranger, protectedHeader: { jku: 'http://169.254.169.254/', x5u: 'file:///x' } }),
      'SIGNER_UNTRUSTED',
    ],
    ['A-S-08 no crit', jws({ crit: undefined }), 'ENVELOPE_INVALID'],
    ['A-S-08 crit that names what is not there', jws({ crit: [SCHEME, 'x'] }), 'ENVELOPE_INVALID'],
    [
      'A-S-08 a critical attribute that nobody knows',
      jws({ crit: [SCHEME, 'x'], protectedHeader: { x: 1 } }),
      'CRITICAL_ATTRIBUTE_UNKNOWN',
    ],
    ['A-S-09 a member twice', rewritten((text) => text.replace('{', '{"payload":"e30",')), 'ENVELOPE_INVALID'],
    ['A-S-09 a signature with padding', edited((members) => ({ ...members, signature: `${members.signature}==` })), 'SIGNATURE_INVALID'],
    ['more than 4 MiB', rewritten((text) => text + ' '.repeat(4 * MIB)), 'ENVELOPE_INVALID'],
    ['A-S-12 another digest', jws((subject) => ({ payload: target(subject, { digest: digestOf(Buffer.from('x')) }) })), 'PAYLOAD_MISMATCH'],
    ['A-S-12 another media type', jws((subject) => ({ payload: target(subject, { mediaType: 'text/plain' }) })), 'PAYLOAD_MISMATCH'],
    ['A-S-12 another size', jws((subject) => ({ payload: target(subject, { size: 1 }) })), 'PAYLOAD_MISMATCH'],
    ['A-S-12 no artifact', jws({ payload: '{}' }), 'PAYLOAD_MISMATCH'],
    ['A-S-12 a payload that is half JSON', jws({ payload: '{"targetArtifact":{}} {}' }), 'PAYLOAD_INVALID'],
    ['A-S-13 another content type', jws({ contentType: 'application/json' }), 'ENVELOPE_INVALID'],
    ['A-S-16 no certificates', jws({ chain: [] }), 'ENVELOPE_INVALID'],
    ['A-S-16 a chain without its root', jws({ chain: [leaf.cert] }), 'CERTIFICATE_CHAIN_INVALID'],
    ['A-S-16 a chain with two roots', jws({ chain: [...leaf.chain, root.cert] }), 'CERTIFICATE_CHAIN_INVALID'],
    [
      'A-S-16 a chain in another order',
      jws({ signer: shuffled.leaf(), chain: [shuffled.leaf().cert, root.cert, shuffled.cert] }),
      'SIGNATURE_INVALID',
    ],
    ['A-S-16 a chain of eleven', jws({ chain: [...Array(10).fill(leaf.cert), root.cert] }), 'ENVELOPE_INVALID'],
    ['A-S-17 a leaf that is an authority', signedBy(root.intermediate()), 'CERTIFICATE_CHAIN_INVALID'],
    ['A-S-17 a leaf without keyUsage', signedBy(root.leaf({ extensions: { [OID.keyUsage]: undefined } })), 'CERTIFICATE_CHAIN_INVALID'],
    [
      'A-S-17 a leaf whose keyUsage is not critical',
      signedBy(root.leaf({ extensions: { [OID.keyUsage]: { value: keyUsage(0) } } })),
      'CERTIFICATE_CHAIN_INVALID',
    ],
    [
      'A-S-17 a leaf that may sign certificates',
      signedBy(root.leaf({ extensions: { [OID.keyUsage]: { critical: true, value: keyUsage(0, 5) } } })),
      'CERTIFICATE_CHAIN_INVALID',
    ],
    ['A-S-19 the certificate of a TLS server', signedBy(root.leaf(usages(`${PURPOSE}.1`))), 'CERTIFICATE_CHAIN_INVALID'],
    ['A-S-19 a certificate for everything', signedBy(root.leaf(usages('2.5.29.37.0'))), 'CERTIFICATE_CHAIN_INVALID'],
    [
      'A-S-20 an intermediate without basicConstraints',
      signedBy(root.intermediate({ extensions: { [OID.basicConstraints]: undefined } }).leaf()),
      'CERTIFICATE_CHAIN_INVALID',
    ],
    ['A-S-20 a leaf that issued another', signedBy(root.leaf().leaf()), 'CERTIFICATE_CHAIN_INVALID'],
    ['A-S-21 a root of the same name', signedBy(pki.root().leaf()), 'SIGNER_UNTRUSTED'],
    [
      'A-S-21 a root of the same name and key in another certificate',
      signedBy(pki.root({ privateKey: root.privateKey }).leaf()),
      'SIGNER_UNTRUSTED',
    ],
    ['A-S-23 a leaf signed with SHA-1', signedBy(root.leaf({ signatureAlgorithm: 'sha1' })), 'CERTIFICATE_CHAIN_INVALID'],
    [
      'A-S-23 a chain signed with MD5',
      signedBy(pki.root({ key: 'RSA-2048' }).leaf({ signatureAlgorithm: 'md5' })),
      'CERTIFICATE_CHAIN_INVALID',
    ],
    ['A-S-27 an expired certificate', signedBy(root.leaf({ notAfter: new Date('2025-01-02T00:00:00Z') })), 'CERTIFICATE_EXPIRED'],
    [
      'A-S-27 a certificate of the future',
      signedBy(root.leaf({ notBefore: new Date('2043-01-01T00:00:00Z') })),
      'CERTIFICATE_NOT_YET_VALID',
    ],
    ['A-S-28 an expiry that has passed', jws({ expiry: new Date('2025-01-02T00:00:00Z') }), 'SIGNATURE_EXPIRED'],
    ['A-S-28 an expiry that is no date', jws({ protectedHeader: { 'io.cncf.notary.expiry': 'never' } }), 'ENVELOPE_INVALID'],
    [
      'A-S-29 a time of signing inside the validity of an expired certificate',
      jws({ signer: root.leaf({ notAfter: new Date('2025-01-02T00:00:00Z') }), time: new Date('2024-06-01T00:00:00Z') }),
      'CERTIFICATE_EXPIRED',
    ],
    [
      'A-S-29 a time that an authority is said to have given',
      jws({ signer: root.leaf({ notAfter: new Date('2025-01-02T00:00:00Z') }), scheme: SIGNING_AUTHORITY }),
      'SIGNER_UNTRUSTED',
    ],
    [
      'A-S-39 a verification plugin',
      jws({ crit: [SCHEME, 'io.cncf.notary.verificationPlugin'], protectedHeader: { 'io.cncf.notary.verificationPlugin': 'x' } }),
      'PLUGIN_REQUIRED',
    ],
    [
      'A-S-39 a verification plugin that is not critical',
      jws({ protectedHeader: { 'io.cncf.notary.verificationPlugin': 'x' } }),
      'PLUGIN_REQUIRED',
    ],
    ['A-S-40 an unknown scheme', jws({ scheme: 'notary.x509.v2' }), 'ENVELOPE_INVALID'],
    ['a stranger', signedBy(stranger), 'SIGNER_UNTRUSTED'],
    ['a stranger who is his own authority', signedBy(pki.selfSigned()), 'SIGNER_UNTRUSTED'],
    ['a signature by another key', jws({ signer: { ...leaf, privateKey: stranger.privateKey } }), 'SIGNATURE_INVALID'],
    ['JWS that is said to be COSE', jws({}), 'ENVELOPE_INVALID', COSE],
    ['COSE that is said to be JWS', cose({}), 'ENVELOPE_INVALID', 'application/jose+json'],
    ['COSE, A-S-01 alg HMAC', cose({ alg: 5 }), 'SIGNATURE_INVALID', COSE],
    [
      'COSE, A-S-08 an empty crit',
      cose({ bendProtected: (entries) => entries.map((entry, at) => (at === 1 ? [entry[0], cbor.array()] : entry)) }),
      'ENVELOPE_INVALID',
      COSE,
    ],
    ['COSE, A-S-11 no tag', cose({ prefix: Uint8Array.of(0x84) }), 'ENVELOPE_INVALID', COSE],
    ['COSE, A-S-11 COSE_Sign', cose({ prefix: Uint8Array.of(0xd8, 0x62, 0x84) }), 'ENVELOPE_INVALID', COSE],
    ['COSE, A-S-11 a label twice', cose({ bendProtected: put(3, cbor.text(PAYLOAD_TYPE)) }), 'ENVELOPE_INVALID', COSE],
    [
      'COSE, A-S-11 a detached payload',
      cose({ bendMessage: (items) => items.map((item, at) => (at === 2 ? cbor.NULL : item)) }),
      'SIGNATURE_INVALID',
      COSE,
    ],
    ['COSE, A-S-11 a map without end', cose({ rawProtected: Uint8Array.of(0xbf, 0xff) }), 'ENVELOPE_INVALID', COSE],
    ['COSE, an array that announces 2^40 items', cose({ bendProtected: put('x', cbor.head(4, 2n ** 40n)) }), 'ENVELOPE_INVALID', COSE],
    ['COSE by a stranger', cose({ signer: stranger }), 'SIGNER_UNTRUSTED', COSE],
    [
      'COSE, A-S-12 of another image',
      (subject) => signCose({ signer: leaf, payload: target(subject, { size: 2 }) }),
      'PAYLOAD_MISMATCH',
      COSE,
    ],
  ])('is refused: %s', async (name, make, code, mediaType = 'application/jose+json') => {
    const repository = 'team/hostile';
    const image = scene.fake.pushImage({ repository, tag: 'x', name });
    scene.fake.pushSignature({ repository, subject: image, envelope: make(image), mediaType });
    expect(await gate.ask(`${scene.fake.host}/${repository}@${image.digest}`)).toBe(`refused ${code}`);
  });
});
