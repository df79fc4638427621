import { createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { ociSignatures } from '../../src/attestations/oci-signatures.ts';
import { issueAuthority } from '../../src/x509/issue.ts';
import type { ApiFault, FakeApi } from '../fakes/api.ts';
import { type FakeOciOptions, startFakeOci } from '../fakes/oci.ts';
import { IMAGE, imageSignature, listed, OTHER_IMAGE } from './statements.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-oci-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const fixture = (name: string) => readFileSync(join(import.meta.dirname, `../fixtures/keys/${name}.pem`), 'utf8');

const COMPARTMENT = 'ocid1.compartment.oc1..c';
const KEY_ID = 'ocid1.tenancy.oc1..t/ocid1.user.oc1..u/20:3b';
const KEY_FILE = file('key.pem', fixture('rsa-2048'));
const CONFIG = `[DEFAULT]\ntenancy=ocid1.tenancy.oc1..t\nuser=ocid1.user.oc1..u\nfingerprint=20:3b\nkey_file=${KEY_FILE}\n`;
const configFile = file('config', CONFIG);

describe('image signatures in OCI', () => {
  let fake: FakeApi;
  afterEach(() => fake.close());

  const start = async (options: Partial<FakeOciOptions> = {}): Promise<FakeApi> => {
    const keys = { [KEY_ID]: createPublicKey(fixture('rsa-2048')) };
    fake = await startFakeOci({ compartmentId: COMPARTMENT, signatures: { [IMAGE]: [imageSignature()] }, keys, ...options });
    return fake;
  };
  const source = (parameters: object = {}) =>
    ociSignatures.create({
      name: 'oci-signatures attestations[0]',
      parameters: ociSignatures.parameters.parse({ compartmentId: COMPARTMENT, url: fake.origin, configFile, ...parameters }),
    });

  it('are asked for by compartment and digest, in a signed request', async () => {
    await start();
    const { found, failure } = await listed(source());
    expect(failure).toBeUndefined();
    expect(found).toEqual([
      {
        name: 'ocid1.containersignature.oc1..s',
        format: 'vault',
        payload: Buffer.from(JSON.stringify({ imageDigest: IMAGE })),
        signatures: [
          {
            keyId: 'ocid1.key.oc1..k',
            keyVersion: 'ocid1.keyversion.oc1..v',
            algorithm: 'SHA_256_RSA_PKCS_PSS',
            signature: Buffer.from('a signature'),
          },
        ],
      },
    ]);
    expect(fake.calls.map(({ url }) => `${url.pathname}${url.search}`)).toEqual([
      `/20160918/container/imageSignatures?compartmentId=${COMPARTMENT}&imageDigest=${encodeURIComponent(IMAGE)}&limit=100`,
    ]);
  });

  it('are read page by page, as they are wanted', async () => {
    const all = Array.from({ length: 7 }, (_, index) => imageSignature({ id: `s${index}` }));
    await start({ signatures: { [IMAGE]: all }, pageSize: 3 });
    const { found } = await listed(source());
    expect([found.map(({ name }) => name), fake.calls.length]).toEqual([['s0', 's1', 's2', 's3', 's4', 's5', 's6'], 3]);
    const image = { repository: { registry: 'phx.ocir.io', path: 'ns/app' }, digest: IMAGE, store: undefined };
    for await (const page of source().list(image, new AbortController().signal)) {
      expect(page).toHaveLength(3);
      break;
    }
    expect(fake.calls).toHaveLength(4);
  });

  it('are handed on whatever their messages say, for the rule to compare', async () => {
    await start({ signatures: { [IMAGE]: [imageSignature({}, OTHER_IMAGE)] } });
    expect((await listed(source())).found).toHaveLength(1);
  });

  it('are looked for below the compartment too, where that is said', async () => {
    await start();
    await listed(source({ compartmentIdInSubtree: true }));
    expect(fake.calls[0]?.url.searchParams.get('compartmentIdInSubtree')).toBe('true');
  });

  it('are none where OCI lists none', async () => {
    await start({ signatures: {} });
    expect(await listed(source())).toEqual({ found: [] });
  });

  it('hide no other where one cannot be read, which is told of at the end', async () => {
    await start({ signatures: { [IMAGE]: [imageSignature({ kmsKeyId: 7, id: 'broken' }), imageSignature()] } });
    expect(await listed(source())).toMatchObject({
      found: [{ format: 'vault' }],
      failure: { code: 'ATTESTATIONS_INVALID', message: expect.stringContaining('broken: expected kmsKeyId to be a string') },
    });
  });

  it('are asked for with the key that is there now', async () => {
    await start();
    const kept = source({ configFile: file('rotated', CONFIG.replace(KEY_FILE, file('rotated.pem', fixture('rsa-3072')))) });
    expect((await listed(kept)).failure).toEqual({
      code: 'ATTESTATIONS_DENIED',
      message: "OCI's Artifacts API answered 401: NotAuthenticated: the signature does not verify",
    });
    file('rotated.pem', fixture('rsa-2048'));
    expect((await listed(kept)).found).toHaveLength(1);
  });

  it('are asked for under the roots of the settings', async () => {
    const authority = await issueAuthority({ commonName: 'oci-test' });
    const serving = await authority.issue({
      commonName: 'oci',
      dnsNames: ['localhost'],
      ipAddresses: ['127.0.0.1'],
      usages: ['serverAuth'],
    });
    await start({ tls: { key: serving.keyPem, cert: serving.certPem } });
    expect((await listed(source({ caFile: file('ca.pem', authority.certPem) }))).found).toHaveLength(1);
    expect((await listed(source())).failure?.code).toBe('ATTESTATIONS_UNREACHABLE');
  });

  it.each<[string, string, RegExp]>([
    ['is not there', 'nowhere', /is not there/],
    ['has no such profile', 'config', /has no profile GATE/],
  ])('cannot be asked for where the configuration %s', async (_, name, message) => {
    await start();
    const { failure } = await listed(source({ configFile: join(folder, name), profile: 'GATE' }));
    expect(failure).toEqual({ code: 'ATTESTATIONS_DENIED', message: expect.stringMatching(message) });
    expect(fake.calls).toEqual([]);
  });

  it('cannot be asked for without a region or a url', async () => {
    await start();
    expect((await listed(source({ url: undefined }))).failure).toEqual({
      code: 'ATTESTATIONS_DENIED',
      message: 'expected a region in the settings or the profile, found none',
    });
  });

  it.each<[string, ApiFault, string, RegExp]>([
    ['401', { status: 401 }, 'ATTESTATIONS_DENIED', /answered 401$/],
    ['403', { status: 403 }, 'ATTESTATIONS_DENIED', /answered 403$/],
    ['404', { status: 404 }, 'ATTESTATIONS_INVALID', /answered 404$/],
    [
      '404 of what may not be seen',
      { status: 404, body: { code: 'NotAuthorizedOrNotFound', message: 'm' } },
      'ATTESTATIONS_DENIED',
      /404: NotAuthorizedOrNotFound: m$/,
    ],
    [
      '429',
      { status: 429, body: { code: 'TooManyRequests', message: 'm' } },
      'ATTESTATIONS_THROTTLED',
      /answered 429: TooManyRequests: m$/,
    ],
    [
      '500',
      { status: 500, body: { code: 'InternalServerError', message: 'm' } },
      'ATTESTATIONS_UNREACHABLE',
      /answered 500: InternalServerError/,
    ],
    ['503 in HTML', { status: 503, body: '<html>' }, 'ATTESTATIONS_UNREACHABLE', /answered 503$/],
    ['a redirect', { status: 302, headers: { location: '/' } }, 'ATTESTATIONS_INVALID', /answered 302$/],
    ['nothing', { silent: true }, 'ATTESTATIONS_UNREACHABLE', /did not answer within 0\.3 s$/],
    ['half an answer, and no more', { hangAfter: 20 }, 'ATTESTATIONS_UNREACHABLE', /did not answer within 0\.3 s$/],
    ['half an answer, and leaves', { cutAfter: 20 }, 'ATTESTATIONS_UNREACHABLE', /cannot be reached: ended early/],
    ['no JSON', { body: '<html>' }, 'ATTESTATIONS_INVALID', /something else than JSON/],
    ['a list', { body: [] }, 'ATTESTATIONS_INVALID', /something else than a collection of signatures$/],
    ['a collection without items', { body: {} }, 'ATTESTATIONS_INVALID', /something else than a collection of signatures$/],
    ['items that are none', { body: { items: null } }, 'ATTESTATIONS_INVALID', /something else than a collection of signatures$/],
    ['pages without end', { headers: { 'opc-next-page': '1' }, body: { items: [] } }, 'ATTESTATIONS_INVALID', /more than 10 pages/],
    [
      'an endless page token',
      { headers: { 'opc-next-page': 'x'.repeat(5000) }, body: { items: [] } },
      'ATTESTATIONS_INVALID',
      /opc-next-page of 5000/,
    ],
    ['5 MiB', { body: `"${'x'.repeat(5 * 1024 * 1024)}"` }, 'ATTESTATIONS_INVALID', /is longer than 4194304 bytes/],
  ])('A3.4 are unavailable, and not none, where OCI answers %s', async (_, fault, code, message) => {
    await start();
    fake.fault(fault);
    const { found, failure } = await listed(source({ timeoutSeconds: 0.3 }));
    expect([found, failure]).toEqual([[], { code, message: expect.stringMatching(message) }]);
  });

  it('are asked for once more after one 429, in a request that is signed anew', async () => {
    await start();
    fake.fault({ status: 429 }, 1);
    expect((await listed(source())).found).toHaveLength(1);
    expect(fake.calls).toHaveLength(2);
  });

  it('are no answer in part: what the first page had counts, the failure of the second is told', async () => {
    await start({ signatures: { [IMAGE]: [imageSignature(), imageSignature()] }, pageSize: 1 });
    fake.fault({ status: 500 }, Number.POSITIVE_INFINITY, ({ url }) => url.searchParams.has('page'));
    expect(await listed(source())).toMatchObject({ found: [{ format: 'vault' }], failure: { code: 'ATTESTATIONS_UNREACHABLE' } });
  });

  it.each<[string, object]>([
    ['a compartment that is no OCID', { compartmentId: '../secrets' }],
    ['plain HTTP to another machine', { url: 'http://registry.example.com' }],
    ['a URL with a password', { url: 'https://u:p@registry.example.com' }],
    ['a region that leads elsewhere', { region: 'evil.test' }],
  ])('cannot be declared with %s', async (_, parameters) => {
    await start();
    expect(() => source(parameters)).toThrow();
  });
});
