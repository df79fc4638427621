import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RevocationFetchError } from '../../src/lib/revocation.ts';
import { createRevocationNetwork, type RevocationNetwork } from '../../src/lib/revocation-network.ts';

const never = new AbortController().signal;
const seen: { method: string; url: string; type: string | undefined; body: Buffer; cookie: string | undefined }[] = [];
let host = '';
let network: RevocationNetwork;

const PAGES: Readonly<Record<string, (answer: ServerResponse) => void>> = {
  '/list': (answer) => answer.end('list'),
  '/broken': (answer) => answer.writeHead(500).end(),
  '/silent': () => undefined,
  '/teapot': (answer) => answer.writeHead(418).end(),
  '/created': (answer) => answer.writeHead(201).end('list'),
  '/to-list': (answer) => answer.writeHead(302, { location: '/list' }).end(),
  '/kept': (answer) => answer.writeHead(307, { location: '/list' }).end(),
  '/loop': (answer) => answer.writeHead(302, { location: '/loop' }).end(),
  '/to-https': (answer) => answer.writeHead(302, { location: `https://${host}/list` }).end(),
  '/to-file': (answer) => answer.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  '/to-metadata': (answer) => answer.writeHead(302, { location: 'http://169.254.169.254/latest' }).end(),
  '/to-private': (answer) => answer.writeHead(302, { location: 'http://10.0.0.1/list' }).end(),
  '/large': (answer) => answer.end(Buffer.alloc(20_481)),
  '/just': (answer) => answer.end(Buffer.alloc(20_480)),
  '/huge': (answer) => answer.end(Buffer.alloc(32 * 1024 * 1024)),
};

const server = createServer((request: IncomingMessage, answer) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { url = '', method = '', headers } = request;
    seen.push({ method, url, type: headers['content-type'], body: Buffer.concat(chunks), cookie: headers.authorization ?? headers.cookie });
    const page = PAGES[url.replace(/^(\/[a-z-]+).*/, '$1')];
    if (page === undefined) answer.writeHead(404).end();
    else page(answer);
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server on a port has an address of this shape.
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  network = createRevocationNetwork({ allowedHosts: [host] });
});

afterAll(async () => {
  await network.close();
  server.close();
  server.closeAllConnections();
});

describe('the network of responders and lists', () => {
  it('asks a responder by GET, with the request in base64 in the path', async () => {
    const request = Uint8Array.of(0xfb, 0xff, 0xfe);
    expect(Buffer.from(await network.fetchOcsp(`http://${host}/list/`, request, never)).toString()).toBe('list');
    expect(seen.at(-1)).toMatchObject({ method: 'GET', url: '/list/%2B%2F%2F%2B', cookie: undefined });
  });

  it('asks by POST where the request is long', async () => {
    const request = new Uint8Array(300).fill(7);
    await network.fetchOcsp(`http://${host}/list`, request, never);
    expect(seen.at(-1)).toMatchObject({ method: 'POST', url: '/list', type: 'application/ocsp-request', body: Buffer.from(request) });
  });

  it.each(['/list', '/to-list', '/kept', '/just'])('reads %s', async (path) => {
    expect((await network.fetchCrl(`http://${host}${path}`, never)).length).toBeGreaterThan(0);
  });

  it('sends a POST on where the method is kept, and nowhere else', async () => {
    const request = new Uint8Array(300);
    expect(Buffer.from(await network.fetchOcsp(`http://${host}/kept`, request, never)).toString()).toBe('list');
    await expect(network.fetchOcsp(`http://${host}/to-list`, request, never)).rejects.toThrow('a POST was redirected with status 302');
  });

  it.each([
    ['356 a server that fails', '/broken', 'answered 500; expected 200'],
    ['356 what is not there', '/nothing', 'answered 404; expected 200'],
    ['a status that is not 200', '/teapot', 'answered 418; expected 200'],
    ['a status that is nearly 200', '/created', 'answered 201; expected 200'],
    ['redirects without end', '/loop', 'more than 3 redirects'],
    ['a redirect to https', '/to-https', 'protocol https: is not supported'],
    ['a redirect to a file', '/to-file', 'protocol file: is not supported'],
    ['a redirect to where clouds keep credentials', '/to-metadata', 'never connected to'],
    ['a redirect to a private address', '/to-private', 'a private address'],
    ['a list of 32 MiB', '/huge', 'is longer than 33554431 bytes'],
  ])('refuses %s', async (_case, path, message) => {
    const failed = network.fetchCrl(`http://${host}${path}`, never);
    await expect(failed).rejects.toBeInstanceOf(RevocationFetchError);
    await expect(failed).rejects.toThrow(message);
  });

  it('356 waits for no answer without end', async () => {
    const hasty = createRevocationNetwork({ allowedHosts: [host], http: { headersMs: 50 } });
    await expect(hasty.fetchOcsp(`http://${host}/silent`, new Uint8Array(300), never)).rejects.toBeInstanceOf(RevocationFetchError);
    await expect(hasty.fetchCrl(`http://${host}/silent`, never)).rejects.toBeInstanceOf(RevocationFetchError);
    await hasty.close();
  });

  it('356 fails where nobody listens', async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(gone.address() as AddressInfo).port}`;
    await new Promise((resolve) => gone.close(resolve));
    const lonely = createRevocationNetwork({ allowedHosts: [address] });
    await expect(lonely.fetchOcsp(`http://${address}/`, new Uint8Array(300), never)).rejects.toBeInstanceOf(RevocationFetchError);
    await lonely.close();
  });

  it('372 reads no more than 20,480 bytes of an OCSP response', async () => {
    await expect(network.fetchOcsp(`http://${host}/large`, new Uint8Array(300), never)).rejects.toThrow('is longer than 20480 bytes');
  });

  it.each([
    ['361, 384 https', 'https://o.example.test/'],
    ['384 ldap', 'ldap://c.example.test/cn=x'],
    ['376 what is no URL', 'http://[::1'],
    ['376 nothing', ''],
    ['user information', 'http://user:pw@o.example.test/'],
    ['this machine', 'http://127.0.0.1:1/'],
    ['this machine in IPv6', 'http://[::ffff:127.0.0.1]:1/'],
    ['a private address', 'http://10.1.2.3/'],
    ['a link-local address', 'http://169.254.169.254/'],
    ['a name of this machine', 'http://localhost:1/'],
  ])('does not ask %s', async (_case, url) => {
    const before = seen.length;
    await expect(network.fetchCrl(url, never)).rejects.toBeInstanceOf(RevocationFetchError);
    await expect(network.fetchOcsp(url, new Uint8Array(9), never)).rejects.toBeInstanceOf(RevocationFetchError);
    expect(seen.length).toBe(before);
  });

  it('does not ask this machine by default, nor link-local addresses whatever is allowed', async () => {
    const guarded = createRevocationNetwork();
    await expect(guarded.fetchCrl(`http://${host}/list`, never)).rejects.toThrow('a loopback address');
    await guarded.close();
    const open = createRevocationNetwork({ allowedHosts: ['169.254.169.254'] });
    await expect(open.fetchCrl('http://169.254.169.254/', never)).rejects.toThrow('never connected to');
    await open.close();
  });

  it('leaves with its caller', async () => {
    await expect(network.fetchCrl(`http://${host}/list`, AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
  });
});
