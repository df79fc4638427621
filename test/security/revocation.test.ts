import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type LookupFunction, type Server as TcpServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createRevocationNetwork, type RevocationNetwork } from '../../src/lib/revocation-network.ts';
import * as der from '../der-writer.ts';
import { never } from '../oci/world.ts';
import { authorityName, extendedKeyUsage, extensionOf, type Issued, OID, pki } from '../pki.ts';
import {
  distributionPoints,
  entry,
  generalizedTime,
  INVALIDITY_DATE,
  type OcspOptions,
  ocspResponse,
  revocationList,
} from '../revocation-answers.ts';
import { type JwsOptions, SIGNING_AUTHORITY, signJws } from '../sign.ts';
import { type Gate, KEYS, openGate, openScene, POLICY, root, type Scene, STORE, stranger, verifierWith } from './gate.ts';

const HOUR = 3_600_000;
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const later = (hours: number) => new Date(Date.now() + hours * HOUR);

/** Answers of the responder and of the server of lists, by path; absent: 404. */
const pages = new Map<string, (answer: ServerResponse) => void>();
const seen: string[] = [];
const server = createServer((request: IncomingMessage, answer) => {
  const { url = '' } = request;
  seen.push(url);
  const page = [...pages].find(([path]) => url.startsWith(path))?.[1];
  if (page === undefined) answer.writeHead(404).end();
  else page(answer);
});

let gate: Gate;
let scene: Scene;
let network: RevocationNetwork;
let origin = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a server on a port has an address of this shape
  origin = `http://127.0.0.1:${port}`;
  network = createRevocationNetwork({ allowedHosts: [`127.0.0.1:${port}`] });
  gate = await openGate({ revocation: network, settings: { validating: { webhookMs: 30_000, providerMs: 29_000, deadlineMs: 25_000 } } });
  scene = await openScene();
});
afterAll(async () => {
  await Promise.all([gate.close(), scene.fake.close(), network.close()]);
  server.closeAllConnections();
  server.close();
});
beforeEach(async () => {
  await gate.declare(declared());
  pages.clear();
  seen.length = 0;
});

const declared = (statement: object = {}) => [
  STORE,
  KEYS,
  verifierWith(
    { trustStores: ['ca:acme', 'signingAuthority:acme'], ...statement },
    { verificationCertStores: { ca: { acme: ['roots'] }, signingAuthority: { acme: ['roots'] } } },
  ),
  POLICY,
];
const access = (...accesses: readonly (readonly [method: string, url: string])[]) => ({
  [OID.authorityInfoAccess]: {
    value: der.sequence(...accesses.map(([method, url]) => der.sequence(der.oid(method), der.tlv(0x86, Buffer.from(url))))),
  },
});
const OCSP = '1.3.6.1.5.5.7.48.1';
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';
const responderAt = (path: string) => access([OCSP, `${origin}${path}`]);
const listAt = (path: string) => ({ [OID.crlDistributionPoints]: { value: distributionPoints(`${origin}${path}`) } });

let images = 0;
/** What is said of an image signed by `signer`. */
async function judged(signer: Issued, options: Partial<JwsOptions> = {}): Promise<string> {
  images += 1;
  const image = scene.fake.pushImage({ name: `image ${images}`, tag: `t${images}` });
  scene.fake.pushSignature({ subject: image, envelope: signJws({ signer, subject: image, ...options }) });
  return gate.ask(`${scene.fake.host}/team/app@${image.digest}`);
}
const bytes = (path: string, body: Uint8Array | string) => void pages.set(path, (answer) => answer.end(body));
const fresh = { thisUpdate: later(-1), nextUpdate: later(1) };

describe('a certificate that was revoked', () => {
  it('A-S-35: is refused: the leaf, by its responder and by its list', async () => {
    const byOcsp = root.leaf({ extensions: responderAt('/ocsp') });
    bytes('/ocsp', ocspResponse({ certificate: byOcsp.cert, issuer: root, status: 'revoked', ...fresh }));
    expect(await judged(byOcsp)).toBe('refused CERTIFICATE_REVOKED');
    const byList = root.leaf({ extensions: listAt('/list') });
    bytes('/list', revocationList({ issuer: root, entries: [entry(byList.cert)], ...fresh }));
    expect(await judged(byList)).toBe('refused CERTIFICATE_REVOKED');
  });

  it('A-S-35: is refused: an intermediate', async () => {
    const intermediate = root.intermediate({ extensions: responderAt('/ocsp') });
    bytes('/ocsp', ocspResponse({ certificate: intermediate.cert, issuer: root, status: 'revoked', ...fresh }));
    expect(await judged(intermediate.leaf())).toBe('refused CERTIFICATE_REVOKED');
  });

  it('A-S-35: counts from its date of invalidity on where the time of signing is certain, and always where it is only claimed', async () => {
    const signer = root.leaf({ extensions: responderAt('/ocsp') });
    const since = extensionOf(INVALIDITY_DATE, generalizedTime(new Date('2025-03-01T00:00:00Z')));
    bytes('/ocsp', ocspResponse({ certificate: signer.cert, issuer: root, status: 'revoked', extensions: [since], ...fresh }));
    const certain = (time: string) => ({ scheme: SIGNING_AUTHORITY, time: new Date(time) });
    expect(await judged(signer, certain('2025-02-28T23:59:59Z'))).toBe('accepted VERIFIED');
    expect(await judged(signer, certain('2025-03-01T00:00:00Z'))).toBe('refused CERTIFICATE_REVOKED');
    expect(await judged(signer, { time: new Date('2025-02-28T23:59:59Z') })).toBe('refused CERTIFICATE_REVOKED');
  });

  it('A-S-47: is refused under any beside one that nobody can judge, and not accepted', async () => {
    const revoked = root.leaf({ extensions: responderAt('/ocsp') });
    bytes('/ocsp', ocspResponse({ certificate: revoked.cert, issuer: root, status: 'revoked', ...fresh }));
    const unknown = root.leaf({ extensions: responderAt('/nobody') });
    const image = scene.fake.pushImage({ name: 'revoked and unknown', tag: 'both' });
    for (const signer of [revoked, unknown]) scene.fake.pushSignature({ subject: image, envelope: signJws({ signer, subject: image }) });
    expect(await gate.ask(`${scene.fake.host}/team/app@${image.digest}`)).toBe('unavailable REVOCATION_UNKNOWN');
  });
});

describe('what a responder answers', () => {
  const delegate = (usage: string | undefined, from = root) =>
    from.leaf({
      subject: authorityName('Responder'),
      extensions: { [OID.extendedKeyUsage]: usage === undefined ? undefined : { value: extendedKeyUsage(usage) } },
    });
  const by = (signer: Issued) => ({ signer, certificates: [signer.cert] });

  it.each<[string, () => Partial<OcspOptions>, string]>([
    ['good', () => ({}), 'accepted VERIFIED'],
    ['good, by a delegate', () => by(delegate(OCSP_SIGNING)), 'accepted VERIFIED'],
    ['A-S-37: about another serial number', () => ({ serial: Uint8Array.of(1) }), 'unavailable REVOCATION_UNKNOWN'],
    ['A-S-37: about another issuer', () => ({ about: pki.root() }), 'unavailable REVOCATION_UNKNOWN'],
    ['A-S-37: that has ended, replayed', () => ({ thisUpdate: later(-48), nextUpdate: later(-24) }), 'unavailable REVOCATION_UNKNOWN'],
    ['A-S-37: without an end', () => ({ nextUpdate: undefined }), 'unavailable REVOCATION_UNKNOWN'],
    ['A-S-37: of the future', () => ({ thisUpdate: later(1), nextUpdate: later(2) }), 'unavailable REVOCATION_UNKNOWN'],
    ['A-S-37: that it does not know', () => ({ status: 'unknown' }), 'unavailable REVOCATION_UNKNOWN'],
    ['A-S-37: by somebody else', () => ({ signer: stranger }), 'unavailable REVOCATION_UNKNOWN'],
    ['A-S-37: by a delegate without the purpose', () => by(delegate(undefined)), 'unavailable REVOCATION_UNKNOWN'],
    ['A-S-37: by a delegate for code signing', () => by(delegate(OID.codeSigning)), 'unavailable REVOCATION_UNKNOWN'],
    ['A-S-37: by a delegate of another authority', () => by(delegate(OCSP_SIGNING, pki.root())), 'unavailable REVOCATION_UNKNOWN'],
    ['A-S-37: signed with SHA-1', () => ({ weak: true }), 'unavailable REVOCATION_UNKNOWN'],
  ])('%s', async (_case, options, expected) => {
    const signer = root.leaf({ extensions: responderAt('/ocsp') });
    bytes('/ocsp', ocspResponse({ certificate: signer.cert, issuer: root, ...fresh, ...options() }));
    expect(await judged(signer)).toBe(expected);
  });

  it.each<[string, (answer: ServerResponse) => void]>([
    ['A-S-37, A-U-04: of 21 KB', (answer) => answer.end(Buffer.alloc(21_000))],
    ['A-U-04: without end', (answer) => endless(answer)],
    ['A-U-04: compressed', (answer) => answer.writeHead(200, { 'content-encoding': 'gzip' }).end('x')],
    ['A-U-04: a way to cloud metadata', (answer) => answer.writeHead(302, { location: 'http://169.254.169.254/' }).end()],
    ['A-U-05: the page of a captive portal', (answer) => answer.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>')],
    ['A-U-05: nothing', (answer) => answer.end()],
    ['an error', (answer) => answer.writeHead(500).end()],
  ])('is worth nothing: %s', async (_case, page) => {
    pages.set('/ocsp', page);
    pages.set('/spoilt', page);
    expect(await judged(root.leaf({ extensions: responderAt('/ocsp') }))).toBe('unavailable REVOCATION_UNKNOWN');
    expect(await judged(root.leaf({ extensions: { ...responderAt('/ocsp'), ...listAt('/spoilt') } }))).toBe(
      'unavailable REVOCATION_UNKNOWN',
    );
  });
});

describe('whom a certificate may make us ask', () => {
  it.each(['strict', 'permissive', 'audit'])('A-U-01: nobody, before its chain leads to a trusted root, at level %s', async (level) => {
    await gate.declare(declared({ signatureVerification: { level } }));
    const unknown = pki.root();
    const signer = unknown.intermediate({ extensions: listAt('/list') }).leaf({ extensions: responderAt('/ocsp') });
    expect(await judged(signer)).toBe(level === 'audit' ? 'accepted VERIFIED' : 'refused SIGNER_UNTRUSTED');
    expect(seen).toEqual([]);
  });

  it('A-U-01: nobody, before the signature is good', async () => {
    const signer = root.leaf({ extensions: responderAt('/ocsp') });
    expect(await judged({ ...signer, privateKey: stranger.privateKey })).toBe('refused SIGNATURE_INVALID');
    expect(seen).toEqual([]);
  });

  it.each([
    'file:///etc/passwd',
    'ldap://127.0.0.1/cn=x',
    'http://169.254.169.254/latest',
    'http://10.0.0.1/',
    'http://localhost/',
    'http://[::1]/',
  ])('A-U-01: not %s, also of a trusted signer', async (url) => {
    expect(await judged(root.leaf({ extensions: access([OCSP, url]) }))).toBe('unavailable REVOCATION_UNKNOWN');
    expect(seen).toEqual([]);
  });

  it('A-U-01: not another port of this machine than the one that is allowed', async () => {
    const other = createServer((request, answer) => {
      seen.push(`other ${request.url}`);
      answer.end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo; // a server on a port has an address of this shape
    expect(await judged(root.leaf({ extensions: access([OCSP, `http://127.0.0.1:${port}/`]) }))).toBe('unavailable REVOCATION_UNKNOWN');
    pages.set('/ocsp', (answer) => answer.writeHead(302, { location: `http://127.0.0.1:${port}/` }).end());
    expect(await judged(root.leaf({ extensions: responderAt('/ocsp') }))).toBe('unavailable REVOCATION_UNKNOWN');
    expect(seen.filter((url) => url.startsWith('other'))).toEqual([]);
    other.close();
  });

  it('A-U-03: no address of an issuer’s certificate', async () => {
    const issuers = access([CA_ISSUERS, `${origin}/issuer.crt`]);
    const good = root.intermediate({ extensions: issuers }).leaf({ extensions: issuers });
    expect(await judged(good)).toBe('accepted VERIFIED');
    expect(await judged(good, { chain: good.chain.slice(0, 1) })).toBe('refused CERTIFICATE_CHAIN_INVALID');
    expect(seen).toEqual([]);
  });
});

describe('how names become addresses', () => {
  const PUBLIC = '203.0.113.1';
  const resolving = (answers: readonly (readonly string[])[]): LookupFunction & { asked: () => number } => {
    let count = 0;
    const lookup: LookupFunction = (_name, _options, callback) => {
      const found = answers[Math.min(count, answers.length - 1)] ?? [];
      count += 1;
      callback(
        null,
        found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    };
    return Object.assign(lookup, { asked: () => count });
  };

  it.each<[string, readonly string[]]>([
    ['a service of the cluster', ['10.96.0.1']],
    ['this machine', ['127.0.0.1']],
    ['a thousand public addresses and this machine', [...Array(1000).fill(PUBLIC), '127.0.0.1']],
    ['this machine, mapped into IPv6', ['::ffff:127.0.0.1']],
    ['cloud metadata', ['169.254.169.254']],
  ])('A-U-08: a name that leads to %s is not connected to', async (_case, addresses) => {
    const guarded = createRevocationNetwork({ http: { lookup: resolving([addresses]) } });
    await expect(guarded.fetchCrl('http://crl.example/', never)).rejects.toThrow(/leads to/);
    await guarded.close();
  });

  it('A-U-08: what was looked up is what is connected to, and is looked up once', async () => {
    const listener: TcpServer = createTcpServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlist'));
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as AddressInfo; // a server on a port has an address of this shape
    // The second answer would be refused: nobody is to ask a second time between the check and the connection.
    const lookup = resolving([['127.0.0.1'], ['169.254.169.254']]);
    const open = createRevocationNetwork({ allowedHosts: ['crl.example'], http: { lookup } });
    expect(Buffer.from(await open.fetchCrl(`http://crl.example:${port}/`, never)).toString()).toBe('list');
    expect(lookup.asked()).toBe(1);
    await open.close();
    listener.close();
  });
});

function endless(answer: ServerResponse): void {
  const more = (): void => {
    if (!answer.destroyed) answer.write(Buffer.alloc(65_536), () => setImmediate(more));
  };
  more();
}
