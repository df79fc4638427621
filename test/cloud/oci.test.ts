import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { isOciRegion, readOciIdentity } from '../../src/cloud/oci-config.ts';
import { ociSigningString, signOciGet } from '../../src/cloud/oci-signature.ts';
import { CodedError } from '../../src/lib/errors.ts';
import { folder } from '../config/world.ts';

const KEY = readFileSync(join(import.meta.dirname, '../fixtures/keys/rsa-2048.pem'), 'utf8');
const FULL = {
  user: 'ocid1.user.oc1..u',
  fingerprint: '20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34',
  tenancy: 'ocid1.tenancy.oc1..t',
  region: 'us-phoenix-1',
};

const ini = (entries: Readonly<Record<string, string>>, profile = 'DEFAULT') =>
  `[${profile}]\n${Object.entries(entries)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')}`;

/** Writes a configuration and its key, and reads a profile of it. */
async function read(text: (keyFile: string) => string, { key = KEY, profile }: { key?: string; profile?: string } = {}) {
  const path = await folder({ 'key.pem': key });
  const keyFile = join(path, 'key.pem');
  const configFile = join(await folder({ config: text(keyFile) }), 'config');
  return await readOciIdentity({ configFile, profile });
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error('it was read'),
    (thrown: unknown) => thrown,
  );
  return error instanceof CodedError ? `${error.code}: ${error.message}` : String(error);
}

describe("the configuration of Oracle's SDKs", () => {
  it('says who signs, and with which key', async () => {
    const identity = await read((key_file) => `# comment\n\n${ini({ ...FULL, key_file })}; another\n`);
    expect(identity.keyId).toBe(`${FULL.tenancy}/${FULL.user}/${FULL.fingerprint}`);
    expect([identity.region, identity.key.asymmetricKeyType]).toEqual(['us-phoenix-1', 'rsa']);
  });

  it('has profiles, which take from DEFAULT what they lack', async () => {
    const text = (key_file: string) => `${ini({ ...FULL, key_file })}\r\n${ini({ user: 'ocid1.user.oc1..other' }, 'GATE')}`;
    expect((await read(text, { profile: 'GATE' })).keyId).toBe(`${FULL.tenancy}/ocid1.user.oc1..other/${FULL.fingerprint}`);
  });

  it('opens an encrypted key with its pass phrase, and none without', async () => {
    const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' } as const;
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: options,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const text = (more: object) => (key_file: string) => ini({ ...FULL, key_file, ...more });
    expect((await read(text({ pass_phrase: 'open sesame' }), { key: privateKey })).key.type).toBe('private');
    expect(await failure(read(text({}), { key: privateKey }))).toMatch(/^CREDENTIALS_INVALID: .*key\.pem: expected a private key in PEM/);
    expect(await failure(read(text({ pass_phrase: 'wrong' }), { key: privateKey }))).not.toContain('wrong');
  });

  it.each<[string, (keyFile: string) => string, RegExp]>([
    ['lacks the user', (key_file) => ini({ ...FULL, key_file, user: '' }), /expected user in profile DEFAULT, found nothing/],
    ['lacks the key', () => ini(FULL), /expected key_file in profile DEFAULT/],
    ['names a key that is not there', () => ini({ ...FULL, key_file: '/nowhere/key.pem' }), /^ABSENT: \/nowhere\/key\.pem is not there/],
    [
      'has a user that would end its parameter',
      (key_file) => ini({ ...FULL, key_file, user: 'u",x="' }),
      /expected user of profile DEFAULT to be an OCID/,
    ],
    ['has a region that leads elsewhere', (key_file) => ini({ ...FULL, key_file, region: 'evil.test/' }), /expected a region/],
    ['has a session token', (key_file) => ini({ ...FULL, key_file, security_token_file: '/t' }), /session tokens are not supported/],
    ['has no profile', (key_file) => ini({ ...FULL, key_file }, 'OTHER'), /has no profile DEFAULT/],
    ['has entries before any profile', (key_file) => `user=u\n${ini({ ...FULL, key_file })}`, /config:1: expected \[PROFILE\]/],
    ['is no such file', () => '{"user": "u"}', /config:1: expected \[PROFILE\]/],
    ['has 100 KiB', () => `[DEFAULT]\n${'#'.repeat(100 * 1024)}`, /^OVERLONG/],
  ])('cannot be used where it %s', async (_, text, message) => {
    expect(await failure(read(text))).toMatch(message);
  });

  it('takes no key but RSA', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(await failure(read((key_file) => ini({ ...FULL, key_file }), { key }))).toContain('expected an RSA key, found ed25519');
  });

  it.each(['us-phoenix-1', 'ap-tokyo-1', 'us-gov-ashburn-1'])('knows %s for a region', (region) => expect(isOciRegion(region)).toBe(true));
  it.each(['', 'phx', 'us-phoenix-1.evil.test', 'us phoenix', 'US-PHOENIX-1', `a-${'b'.repeat(300)}`])('knows %j for none', (region) =>
    expect(isOciRegion(region)).toBe(false),
  );
});

describe('a signed request', () => {
  const DATE = 'Thu, 05 Jan 2014 21:31:40 GMT';
  const DOCUMENTED = new URL(
    'https://iaas.us-phoenix-1.oraclecloud.com/20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&displayName=TeamXInstances',
  );

  it("signs what Oracle's documentation shows", () => {
    expect(ociSigningString(DOCUMENTED, DATE)).toBe(
      [
        `date: ${DATE}`,
        '(request-target): get /20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&displayName=TeamXInstances',
        'host: iaas.us-phoenix-1.oraclecloud.com',
      ].join('\n'),
    );
  });

  it('has the fields by which that is told, and verifies', async () => {
    const { key, keyId } = await read((key_file) => ini({ ...FULL, key_file }));
    const url = new URL('https://127.0.0.1:8443/20160918/x?y=z');
    const headers = signOciGet({ key, keyId }, url, new Date('2026-05-01T12:00:00Z'));
    expect(headers.date).toBe('Fri, 01 May 2026 12:00:00 GMT');
    const [, signature = ''] = /signature="([^"]*)"$/.exec(headers.authorization ?? '') ?? [];
    expect(headers.authorization).toBe(
      `Signature version="1",keyId="${keyId}",algorithm="rsa-sha256",headers="date (request-target) host",signature="${signature}"`,
    );
    const signed = 'date: Fri, 01 May 2026 12:00:00 GMT\n(request-target): get /20160918/x?y=z\nhost: 127.0.0.1:8443';
    expect(verify('sha256', Buffer.from(signed), createPublicKey(KEY), Buffer.from(signature, 'base64'))).toBe(true);
  });
});
