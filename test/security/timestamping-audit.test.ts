/**
 * Every finding of Quarkslab's audit of timestamping and revocation lists (January 2025) that is about something that we have too; catalogue.ts
 * lists them all.
 */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { createRevocationNetwork } from '../../src/lib/revocation-network.ts';
import { createTrustStore } from '../../src/notation/trust-store.ts';
import type { TrustStoreType } from '../../src/notation/types.ts';
import * as cbor from '../cbor-writer.ts';
import * as der from '../der-writer.ts';
import { stamped, TSA, tsa, tsaAuthority, tsaRoot } from '../notation/timestamp-world.ts';
import { judge, network, root as notationRoot, type Setting, leaf as signer, verify } from '../notation/world.ts';
import { never } from '../oci/world.ts';
import { OID, pki } from '../pki.ts';
import { AT, ocspResponse, responders } from '../revocation-answers.ts';
import { signCose, signJws } from '../sign.ts';
import { timestamping } from '../timestamp-token.ts';
import { DECLARED, openGate, openScene } from './gate.ts';
import { inSource } from './sources.ts';

describe('Quarkslab, audit of timestamping and revocation lists, 2025', () => {
  const OCSP = 'http://o.test/';
  const asked = { extensions: { [OID.authorityInfoAccess]: { value: responders(OCSP) } } };
  const authority = tsaRoot.leaf(timestamping(asked));
  const middle = tsaRoot.intermediate({ subject: [['CN', 'TSA Middle']], ...asked });
  const below = middle.leaf(timestamping());
  const NONCE = der.integer(0x1234567890abcdefn);

  it.each([
    ['the authority', authority, tsaRoot, authority],
    ['an authority above it', below, tsaRoot, middle],
  ])(
    'Quarkslab MEDIUM-5, CVE-2024-56138: a timestamp is refused when %s is revoked, whatever is said of revocation',
    async (_case, by, issuer, of) => {
      const answer = (status: 'good' | 'revoked') => network({ [OCSP]: ocspResponse({ certificate: of.cert, issuer, status }) }).port;
      const envelope = stamped({ tsa: by });
      expect(await judge(envelope, { ...TSA, revocation: answer('good') })).toBe('PASS');
      for (const override of [{}, { revocation: 'skip' }, { revocation: 'log' }] as const) {
        const setting: Setting = { ...TSA, ...(Object.keys(override).length === 0 ? {} : { override }), revocation: answer('revoked') };
        expect(await judge(envelope, setting)).toBe('authenticTimestamp CERTIFICATE_REVOKED');
      }
    },
  );

  it('Quarkslab LOW-11, CVE-2024-51491: revocation lists are kept in memory alone, so that no disk decides', () => {
    const writes = inSource(/\b(?:writeFile|appendFile|createWriteStream|mkdtemp|mkdir|rename|copyFile|symlink)(?:Sync)?\(/g);
    expect(writes.map((found) => found.split(' ', 1)[0])).toEqual(['cli/demo-tls.ts', 'cli/demo-tls.ts']);
  });

  it('Quarkslab INFO-1, INFO-2: a nonce in a token neither breaks it nor makes it good', async () => {
    expect(await judge(stamped({ more: [NONCE] }), TSA)).toBe('PASS');
    expect(await judge(stamped({ more: [NONCE], message: Uint8Array.of(1) }), TSA)).toBe('authenticTimestamp TIMESTAMP_INVALID');
  });

  it.each([
    '',
    'http://',
    'https://c.test/list',
    'ftp://c.test/list',
    'ldap://c.test/cn=x',
    'file:///list',
    'javascript:0',
    'http://u:p@c.invalid/',
    'c.test/list',
    '//c.test/list',
    'http://[::1',
    'http://c.invalid:99999/',
  ])('Quarkslab INFO-3: %j is no address of a list or a responder', async (url) => {
    const guarded = createRevocationNetwork();
    await expect(guarded.fetchCrl(url, never)).rejects.toMatchObject({ code: 'REVOCATION_UNREACHABLE' });
    await expect(guarded.fetchOcsp(url, Uint8Array.of(1), never)).rejects.toMatchObject({ code: 'REVOCATION_UNREACHABLE' });
    await guarded.close();
  });

  it.each([
    'http:///list',
    'http:/list',
    'http:list',
    'http:\\\\list',
    'http://\\list',
    'HTTP:///list',
    ' http:///list',
    'http://?list',
    'http://#list',
  ])('Quarkslab INFO-3: %j names no host, and none is made of its path', async (url) => {
    const guarded = createRevocationNetwork();
    await expect(guarded.fetchCrl(url, never)).rejects.toThrow(/names no host|is no URL/);
    await guarded.close();
  });

  it.each<[string, (bend: (signature: Uint8Array) => Uint8Array) => Uint8Array]>([
    ['a payload that is none', (bendSignature) => signJws({ signer, payload: '{"targetArtifact":[]}', bendSignature })],
    ['an unknown scheme', (bendSignature) => signJws({ signer, scheme: 'x', bendSignature })],
    ['no crit', (bendSignature) => signJws({ signer, crit: undefined, bendSignature })],
    ['a chain that breaks the rules', (bendSignature) => signJws({ signer, chain: [signer.cert], bendSignature })],
    ['an unknown scheme in COSE', (bendSignature) => signCose({ signer, scheme: 'x', bendSignature })],
    ['another content type in COSE', (bendSignature) => signCose({ signer, contentType: 'text/plain', bendSignature })],
    [
      'a time that is none in COSE',
      (bendSignature) =>
        signCose({
          signer,
          bendSignature,
          bendProtected: (entries) => entries.map((entry, place) => (place === 4 ? [entry[0], cbor.text('x')] : entry)),
        }),
    ],
  ])('Quarkslab INFO-4, INFO-7: the signature is looked at before %s', async (_case, make) => {
    const good = await judge(make((bytes) => bytes));
    expect(good).not.toBe('PASS');
    expect(good).not.toBe('integrity SIGNATURE_INVALID');
    expect(await judge(make((bytes) => bytes.map((byte) => byte ^ 1)))).toBe('integrity SIGNATURE_INVALID');
  });

  it.each<[string, Parameters<typeof stamped>[0], RegExp]>([
    ['no signed attributes', { bendAttributes: () => [] }, /attribute not found/],
    ['no content type among them', { bendAttributes: (list) => list.slice(1) }, /invalid content type: attribute not found/],
    ['content of another type', { contentType: '1.2.840.113549.1.7.1' }, /unexpected content type/],
    ['no signers', { bendSignerInfo: () => [] }, /signerInfo not found/],
  ])('Quarkslab INFO-6: a token with %s is refused for just that', async (_case, options, message) => {
    const { error } = await verify(stamped(options), TSA);
    expect(error).toMatchObject({ code: 'TIMESTAMP_INVALID', outcome: 'refused', message: expect.stringMatching(message) });
  });

  it.each<[string, TrustStoreType, readonly Uint8Array[], boolean]>([
    ['a root in tsa', 'tsa', [tsaRoot.cert], true],
    ['an intermediate in tsa', 'tsa', [tsaAuthority.cert], false],
    ['a root and an intermediate in tsa', 'tsa', [tsaRoot.cert, tsaAuthority.cert], false],
    ['an authority’s own certificate in tsa', 'tsa', [tsa.cert], false],
    ['a self-signed leaf in tsa', 'tsa', [pki.selfSigned().cert], false],
    ['a leaf in ca', 'ca', [signer.cert], false],
    ['an intermediate in ca', 'ca', [notationRoot.intermediate().cert], true],
    ['nothing in ca', 'ca', [], false],
  ])('Quarkslab INFO-8: a trust store is judged when it is loaded: %s', async (_case, type, certificates, isGood) => {
    const store = await createTrustStore(new Map([[`${type}:x` as const, certificates]]));
    if (isGood) expect(store.getCertificates(type, 'x').size).toBe(certificates.length);
    else expect(() => store.getCertificates(type, 'x')).toThrow(expect.objectContaining({ code: 'TRUST_STORE_INVALID' }));
  });

  it('Quarkslab INFO-9, A-S-36: Gatekeeper is told what of a good signature cannot be revoked', async () => {
    const gate = await openGate();
    await gate.declare(DECLARED);
    const scene = await openScene();
    const { response } = await gate.answer(scene.byTag);
    await Promise.all([gate.close(), scene.fake.close()]);
    expect(response.items?.[0]?.value).toMatchObject({ isSuccess: true });
    expect(response.items?.[0]?.value.verifierReports[0].trace.at(-1)).toEqual({
      step: 'revocation',
      action: 'enforce',
      error: null,
      note: 'certificate "CN=leaf,O=Notary,L=Seattle,ST=WA,C=US" cannot be revoked, as it names neither an OCSP responder nor a list',
    });
  });

  it('Quarkslab INFO-9: likewise of a timestamp', async () => {
    const noteOf = async (by: typeof tsa, answers = {}) => {
      const { error, validations } = await verify(stamped({ tsa: by }), { ...TSA, revocation: network(answers).port });
      expect(error).toBeUndefined();
      return validations.find(({ type }) => type === 'authenticTimestamp')?.note;
    };
    expect(await noteOf(tsa)).toBe('certificate "CN=TSA" cannot be revoked, as it names neither an OCSP responder nor a list (and 1 more)');
    expect(await noteOf(authority, { [OCSP]: ocspResponse({ certificate: authority.cert, issuer: tsaRoot }) })).toBeUndefined();
  });

  it.each([201, 202, 203, 204, 206, 300, 304, 400, 404, 500])(
    'Quarkslab INFO-10: status %d brings neither a list nor an answer',
    async (status) => {
      const server = await serving((_request, answer) =>
        answer.writeHead(status).end(status === 204 || status === 304 ? undefined : 'list'),
      );
      const open = createRevocationNetwork({ allowedHosts: [server.host] });
      for (const fetched of [
        open.fetchCrl(`http://${server.host}/`, never),
        open.fetchOcsp(`http://${server.host}/`, new Uint8Array(300), never),
      ]) {
        await expect(fetched).rejects.toThrow(`answered ${status}; expected 200`);
      }
      await open.close();
      await server.close();
    },
  );

  it.each<[string, Parameters<typeof stamped>[0]]>([
    ['empty', { imprint: new Uint8Array() }],
    ['cut short', { imprint: new Uint8Array(31) }],
    ['longer than the hash', { imprint: new Uint8Array(33) }],
    ['by a hash that is broken', { imprintHash: 'sha1' }],
  ])('Quarkslab imprint length: a token whose message imprint is %s is refused', async (_case, options) => {
    expect(await judge(stamped(options), TSA)).toBe('authenticTimestamp TIMESTAMP_INVALID');
  });

  it('Quarkslab revocation time: a revocation counts though the timestamp is from before it', async () => {
    const envelope = stamped({ tsa: authority, genTime: new Date(AT.getTime() - 30 * 86_400_000) });
    const { port } = network({ [OCSP]: ocspResponse({ certificate: authority.cert, issuer: tsaRoot, status: 'revoked' }) });
    expect(await judge(envelope, { ...TSA, revocation: port })).toBe('authenticTimestamp CERTIFICATE_REVOKED');
  });
});

async function serving(listener: RequestListener): Promise<{ host: string; close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a server on a port has an address of this shape
  return {
    host: `127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
