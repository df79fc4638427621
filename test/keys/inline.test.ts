import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { inline } from '../../src/keys/inline.ts';
import { pki } from '../pki.ts';

const root = pki.root();
const leaf = root.leaf();
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PUBLIC = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const PRIVATE = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const create = (parameters: unknown) => inline.create({ name: 'roots', parameters: inline.parameters.parse(parameters) });
const certificates = async (value: string, contentType = 'certificate') =>
  (await create({ contentType, value }).fetch(new AbortController().signal)).certificates.map((der) => Buffer.from(der).toString('base64'));
const base64 = (der: Uint8Array) => Buffer.from(der).toString('base64');

describe('an inline key provider', () => {
  it.each<[string, string, readonly Uint8Array[]]>([
    ['one certificate', root.pem, [root.cert]],
    ['a chain, in its order', leaf.pem + root.pem, [leaf.cert, root.cert]],
    ['a certificate folded onto one line', root.pem.replaceAll('\n', ' '), [root.cert]],
    ['Windows line ends', root.pem.replaceAll('\n', '\r\n'), [root.cert]],
    ['certificates beside a public key', PUBLIC + root.pem, [root.cert]],
  ])('gives %s', async (_case, value, expected) => {
    expect(await certificates(value)).toEqual(expected.map(base64));
  });

  it('keeps a public key for verifiers that take one, and gives no certificates for it', async () => {
    const material = await create({ contentType: 'key', value: PUBLIC }).fetch(new AbortController().signal);
    expect(material.certificates).toEqual([]);
    expect(material.keys?.map(({ name, version, spki }) => [name, version, base64(spki)])).toEqual([
      ['', '', base64(publicKey.export({ type: 'spki', format: 'der' }))],
    ]);
  });

  it.each<[string, string, string, RegExp]>([
    ['no PEM', 'certificate', 'hello', /no certificates found in the pem block/],
    ['a public key for a certificate', 'certificate', PUBLIC, /no certificates found in the pem block/],
    ['text after the last block', 'certificate', `${root.pem}junk`, /failed to decode pem block/],
    ['a block that is cut short', 'certificate', root.pem.slice(0, -30), /failed to decode pem block/],
    ['a block that is no certificate inside', 'certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', /./],
    [
      'a second certificate that is none',
      'certificate',
      `${root.pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      /^certificate 2 of 2: /,
    ],
    ['a private key beside a certificate', 'certificate', PRIVATE + root.pem, /private key/],
    ['a private key for a public one', 'key', PRIVATE, /expected a public key, found a private key/],
    ['a certificate text for a key', 'key', 'hello', /error parsing public key/],
  ])('refuses %s', (_case, contentType, value, message) => {
    expect(() => create({ contentType, value })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', path: 'spec.parameters.value', message: expect.stringMatching(message) }),
    );
  });

  it('never repeats a private key', () => {
    const attempts = [() => create({ contentType: 'certificate', value: PRIVATE }), () => create({ contentType: 'key', value: PRIVATE })];
    const secret = PRIVATE.split('\n')[1] ?? '';
    for (const attempt of attempts) expect(attempt).not.toThrow(secret);
  });

  it.each<[string, unknown]>([
    ['no contentType', { value: root.pem }],
    ['another contentType', { contentType: 'Certificate', value: root.pem }],
    ['no value', { contentType: 'certificate' }],
    ['an empty value', { contentType: 'certificate', value: '' }],
    ['more than 1 MiB', { contentType: 'certificate', value: 'x'.repeat(1024 * 1024 + 1) }],
  ])('does not take %s', (_case, parameters) => {
    expect(inline.parameters.safeParse(parameters).success).toBe(false);
  });
});
