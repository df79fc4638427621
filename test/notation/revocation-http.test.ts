import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createRevocationNetwork, type RevocationNetwork } from '../../src/lib/revocation-network.ts';
import { checkRevocation } from '../../src/notation/revocation.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { type CertificateOptions, type Issued, OID, pki } from '../pki.ts';
import { AT, distributionPoints, entry, manyEntries, ocspResponse, responders, revocationList } from '../revocation-answers.ts';
import { signJws } from '../sign.ts';
import { turnsDuring } from '../turns.ts';
import { verify } from './world.ts';

const HOUR = 3_600_000;
const later = (hours: number): Date => new Date(AT.getTime() + hours * HOUR);
const root = pki.root();

type Page = (answer: ServerResponse, request: IncomingMessage) => void;
const pages = new Map<string, Page>();
const asked: string[] = [];
const server = createServer((request, answer) => {
  const name = request.url?.split('/')[1] ?? '';
  asked.push(`${request.method} /${name}`);
  const page = pages.get(name);
  if (page === undefined) answer.writeHead(404).end();
  else page(answer, request);
});
let host = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server on a port has an address of this shape.
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
});

beforeEach(() => {
  pages.clear();
  asked.length = 0;
});

const at = (name: string): string => `http://${host}/${name}`;
const sends =
  (body: Uint8Array): Page =>
  (answer) =>
    answer.end(body);
const status =
  (code: number): Page =>
  (answer) =>
    answer.writeHead(code).end();
const silent: Page = () => undefined;

/** A certificate that names these responders and lists. */
function leafAsking(ocsp: readonly string[], crl: readonly string[], options: CertificateOptions = {}): Issued {
  return root.leaf({
    ...options,
    extensions: {
      ...(ocsp.length === 0 ? {} : { [OID.authorityInfoAccess]: { value: responders(...ocsp) } }),
      ...(crl.length === 0 ? {} : { [OID.crlDistributionPoints]: { value: distributionPoints(...crl) } }),
    },
  });
}

/** The network at a time that passes when it is told to. */
function networkAt(hours: number, allowedHosts: readonly string[] = [host, '127.0.0.1:1']) {
  let passed = 0;
  const clock = { now: () => later(hours).getTime() + passed, monotonic: () => passed };
  const pass = (ms: number): void => {
    passed += ms;
  };
  return { network: createRevocationNetwork({ allowedHosts, clock }), now: () => new Date(clock.now()), pass };
}

async function ask(leaf: Issued, port: RevocationNetwork, now: Date) {
  const chain = leaf.chain.map((bytes) => parseCertificate(bytes));
  return checkRevocation({ chain, purpose: 'codeSigning', now, port, signal: new AbortController().signal });
}

async function verdict(leaf: Issued, allowedHosts?: readonly string[]): Promise<string> {
  const { network, now } = networkAt(1, allowedHosts);
  try {
    const { error } = await ask(leaf, network, now());
    return error === undefined ? 'PASS' : `${error.code} ${error.message.replace(/^.* status is unknown: \S+ /, '')}`;
  } finally {
    await network.close();
  }
}

const answered = (leaf: Issued, options: Partial<Parameters<typeof ocspResponse>[0]> = {}) =>
  sends(ocspResponse({ certificate: leaf.cert, issuer: root, ...options }));
const listing = (...entries: readonly Uint8Array[]) => sends(revocationList({ issuer: root, entries }));
const REVOKED = /^CERTIFICATE_REVOKED /;
const unknown = (why: string) => expect.stringMatching(new RegExp(`^REVOCATION_UNKNOWN .*${why}`));

describe('12.12 OCSP over the network', () => {
  it('353 asks by GET, and believes what is good', async () => {
    const leaf = leafAsking([at('ocsp')], []);
    pages.set('ocsp', answered(leaf));
    expect(await verdict(leaf)).toBe('PASS');
    expect(asked).toEqual(['GET /ocsp']);
  });

  it('353 asks by POST where the question is long', async () => {
    const leaf = leafAsking([at('ocsp')], [], { serial: Buffer.alloc(150, 0x11) });
    pages.set('ocsp', (answer, request) => {
      const chunks: Buffer[] = [];
      request
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => {
          const isQuestion =
            request.headers['content-type'] === 'application/ocsp-request' && Buffer.concat(chunks).includes(Buffer.alloc(150, 0x11));
          answer
            .writeHead(isQuestion ? 200 : 400)
            .end(ocspResponse({ certificate: leaf.cert, issuer: root, serial: Buffer.alloc(150, 0x11) }));
        });
    });
    expect(await verdict(leaf)).toBe('PASS');
    expect(asked).toEqual(['POST /ocsp']);
  });

  it('354 refuses what is revoked', async () => {
    const leaf = leafAsking([at('ocsp')], []);
    pages.set('ocsp', answered(leaf, { status: 'revoked' }));
    expect(await verdict(leaf)).toMatch(REVOKED);
  });

  it.each<[string, Page | undefined, string]>([
    ['356 says nothing', silent, 'no answer within 2000 ms'],
    ['356 answers 500', status(500), 'answered 500; expected 200'],
    ['356 answers 404', undefined, 'answered 404; expected 200'],
    ['356 hangs up', (answer) => answer.destroy(), ''],
    ['372 sends more than 20,480 bytes', sends(Buffer.alloc(20_481)), 'is longer than 20480 bytes'],
    ['373 sends a page of HTML', sends(Buffer.from('<html>')), ''],
    ['sends to a private address', (answer) => answer.writeHead(302, { location: 'http://10.0.0.1/' }).end(), 'leads to a private address'],
  ])('knows nothing from a responder that %s, and the list counts where there is one', async (_case, page, why) => {
    if (page !== undefined) pages.set('ocsp', page);
    expect(await verdict(leafAsking([at('ocsp')], []))).toEqual(unknown(why));
    const both = leafAsking([at('ocsp')], [at('crl')]);
    pages.set('crl', listing());
    expect(await verdict(both)).toBe('PASS');
    pages.set('crl', listing(entry(both.cert)));
    expect(await verdict(both)).toMatch(REVOKED);
  });

  it('356 knows nothing where nobody listens', async () => {
    expect(await verdict(leafAsking(['http://127.0.0.1:1/'], []))).toEqual(unknown('.*ECONNREFUSED'));
  });

  it.each(['https://127.0.0.1:1/', 'ldap://127.0.0.1:1/', 'http://[', '', 'http://user@127.0.0.1:1/', 'file:///etc/passwd'])(
    '361 376 asks no responder at %p, but the list if there is one',
    async (url) => {
      expect(await verdict(leafAsking([url], []))).toEqual(unknown(''));
      pages.set('crl', listing());
      expect(await verdict(leafAsking([url], [at('crl')]))).toBe('PASS');
      expect(asked).toEqual(['GET /crl']);
    },
  );

  it('362 asks the second responder where the first is down, and only then', async () => {
    const leaf = leafAsking([at('first'), at('second')], []);
    pages.set('first', status(503));
    pages.set('second', answered(leaf));
    expect(await verdict(leaf)).toBe('PASS');
    pages.set('first', answered(leaf, { status: 'revoked' }));
    expect(await verdict(leaf)).toMatch(REVOKED);
    expect(asked).toEqual(['GET /first', 'GET /second', 'GET /first']);
  });

  it('372 reads no more of an answer than it has to', async () => {
    let written = 0;
    pages.set('ocsp', (answer) => {
      const more = (): void => {
        while (!answer.destroyed && answer.write(Buffer.alloc(65_536))) written += 65_536;
        if (!answer.destroyed) answer.once('drain', more);
      };
      more();
    });
    expect(await verdict(leafAsking([at('ocsp')], []))).toEqual(unknown('is longer than 20480 bytes'));
    expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  it('376 notes at audit what a certificate names that is no URL', async () => {
    const { network, now } = networkAt(1);
    const envelope = signJws({ signer: leafAsking(['http://['], []) });
    const anchors = { 'ca:acme': [root.cert], 'signingAuthority:acme': [root.cert] };
    const outcome = await verify(envelope, { level: 'audit', anchors, revocation: network, now: now() });
    expect(outcome.error).toBeUndefined();
    expect(outcome.validations.at(-1)).toMatchObject({ type: 'revocation', action: 'log', error: { code: 'REVOCATION_UNKNOWN' } });
    await network.close();
  });

  it('asks nobody inside the network who is not allowed by name', async () => {
    pages.set('ocsp', silent);
    expect(await verdict(leafAsking([at('ocsp')], []), [])).toEqual(unknown('port [0-9]+ is not asked'));
    expect(await verdict(leafAsking(['http://127.0.0.1/'], []), [])).toEqual(unknown('leads to a loopback address'));
    expect(await verdict(leafAsking(['http://ocsp.pki.svc/'], []), [])).toEqual(unknown('is a name inside a network'));
    expect(asked).toEqual([]);
  });

  it('asks once for many images at the same time and after one another', async () => {
    const leaf = leafAsking([at('ocsp')], []);
    pages.set('ocsp', answered(leaf));
    const { network, now } = networkAt(1);
    await Promise.all(Array.from({ length: 50 }, () => ask(leaf, network, now())));
    await ask(leaf, network, now());
    expect(asked).toEqual(['GET /ocsp']);
    await network.close();
  });

  it('keeps its answer until nextUpdate where asking again ahead of that comes to nothing', async () => {
    const leaf = leafAsking([at('ocsp')], []);
    pages.set('ocsp', answered(leaf));
    const { network, now, pass } = networkAt(1);
    await ask(leaf, network, now());
    pages.set('ocsp', status(500));
    pass(22 * HOUR);
    expect((await ask(leaf, network, now())).error).toBeUndefined();
    while (asked.length < 2) await new Promise((next) => setImmediate(next));
    expect((await ask(leaf, network, now())).error).toBeUndefined();
    pass(HOUR);
    expect((await ask(leaf, network, now())).error?.code).toBe('REVOCATION_UNKNOWN');
    await network.close();
  });
});

describe('12.13 revocation lists over the network', () => {
  it('378 believes a list that does not name the certificate, and one that does', async () => {
    const leaf = leafAsking([], [at('crl')]);
    pages.set('crl', listing());
    expect(await verdict(leaf)).toBe('PASS');
    pages.set('crl', listing(entry(leaf.cert)));
    expect(await verdict(leaf)).toMatch(REVOKED);
  });

  it.each<[string, string]>([
    ['https', 'https://127.0.0.1:1/'],
    ['ldap', 'ldap://127.0.0.1:1/cn=crl'],
    ['no URL', 'http://['],
    ['nobody listens', 'http://127.0.0.1:1/'],
  ])('384 knows nothing where the list is at an address of %s', async (_case, url) => {
    expect(await verdict(leafAsking([], [url]))).toEqual(unknown(''));
  });

  it('knows nothing from a list of 32 MiB', async () => {
    pages.set('crl', sends(Buffer.alloc(32 * 1024 * 1024)));
    expect(await verdict(leafAsking([], [at('crl')]))).toEqual(unknown('is longer than 33554431 bytes'));
  });

  it('390 392 fetches the delta that a list names, and knows nothing without it', async () => {
    const leaf = leafAsking([], [at('crl')]);
    pages.set('crl', sends(revocationList({ issuer: root, freshest: [at('delta')] })));
    expect(await verdict(leaf)).toEqual(unknown('the delta of the revocation list cannot be had: answered 404; expected 200'));
    pages.set('delta', sends(revocationList({ issuer: root, number: 2, baseNumber: 1 })));
    expect(await verdict(leaf)).toBe('PASS');
    pages.set('delta', sends(revocationList({ issuer: root, number: 2, baseNumber: 1, entries: [entry(leaf.cert)] })));
    expect(await verdict(leaf)).toMatch(REVOKED);
    expect(asked).toEqual(Array(3).fill(['GET /crl', 'GET /delta']).flat());
  });

  it('396 keeps nothing where it could be changed: whoever starts anew asks again', async () => {
    const leaf = leafAsking([], [at('crl')]);
    pages.set('crl', listing());
    for (let i = 0; i < 2; i++) expect(await verdict(leaf)).toBe('PASS');
    expect(asked).toEqual(['GET /crl', 'GET /crl']);
  });

  it('reads a long list while the event loop turns, once for all who ask', async () => {
    const leaf = leafAsking([], [at('crl')]);
    pages.set('crl', listing(manyEntries(100_000), entry(leaf.cert)));
    const { network, now } = networkAt(1);
    const asking = Promise.all(Array.from({ length: 20 }, () => ask(leaf, network, now())));
    // 3.5 MB are joined, hashed and read in a dozen slices at least.
    expect(await turnsDuring(asking)).toBeGreaterThan(12);
    expect((await asking).every(({ error }) => error?.code === 'CERTIFICATE_REVOKED')).toBe(true);
    expect(asked).toEqual(['GET /crl']);
    await network.close();
  });
});
