import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RevocationFetchError } from '../../src/lib/revocation.ts';
import { createRevocationNetwork, type RevocationNetwork } from '../../src/lib/revocation-network.ts';

const never = new AbortController().signal;
const seen: { method: string; url: string; type: string | undefined; body: Buffer; cookie: string | undefined }[] = [];
let host = '';
let network: RevocationNetwork;

const PAGES: Readonly<Record<string, (answer: ServerResponse, query: string) => void>> = {
  '/away': (answer, query) => answer.writeHead(302, { location: decodeURIComponent(query) }).end(),
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
  '/to-kubelet': (answer) => answer.writeHead(302, { location: 'http://o.example.test:10250/pods' }).end(),
  '/gzip': (answer) => answer.writeHead(200, { 'content-encoding': 'gzip' }).end('list'),
  '/endless': (answer) => {
    const more = (): void => void (answer.destroyed || answer.write(Buffer.alloc(65_536), () => setImmediate(more)));
    more();
  },
  '/large': (answer) => answer.end(Buffer.alloc(20_481)),
  '/just': (answer) => answer.end(Buffer.alloc(20_480)),
  '/huge': (answer) => answer.end(Buffer.alloc(32 * 1024 * 1024)),
  '/half': (answer) => answer.writeHead(200, { 'content-length': 9 }).write('half'),
};

const server = createServer((request: IncomingMessage, answer) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { url = '', method = '', headers } = request;
    seen.push({ method, url, type: headers['content-type'], body: Buffer.concat(chunks), cookie: headers.authorization ?? headers.cookie });
    const page = PAGES[url.replace(/^(\/[a-z-]+).*/, '$1')];
    if (page === undefined) answer.writeHead(404).end();
    else page(answer, url.split('?')[1] ?? '');
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
    ['A-U-04: a status that is not 200', '/teapot', 'answered 418; expected 200'],
    ['A-U-04: a status that is nearly 200', '/created', 'answered 201; expected 200'],
    ['A-U-04: redirects without end', '/loop', 'more than 3 redirects'],
    ['A-U-01: a redirect to https', '/to-https', 'protocol https: is not supported'],
    ['A-U-01: a redirect to a file', '/to-file', 'protocol file: is not supported'],
    ['A-U-01: a redirect to where clouds keep credentials', '/to-metadata', 'never connected to'],
    ['A-U-01: a redirect to a private address', '/to-private', 'a private address'],
    ['A-U-01: a redirect to another port', '/to-kubelet', 'port 10250 is not asked; expected 80'],
    ['A-U-04: an answer that is compressed', '/gzip', 'has a Content-Encoding'],
    ['A-U-04: a list of 32 MiB', '/huge', 'is longer than 33554431 bytes'],
  ])('refuses %s', async (_case, path, message) => {
    const failed = network.fetchCrl(`http://${host}${path}`, never);
    await expect(failed).rejects.toBeInstanceOf(RevocationFetchError);
    await expect(failed).rejects.toThrow(message);
  });

  it.each(['/large', '/endless'])('372 A-U-04: reads no more than 20,480 bytes of an OCSP response (%s)', async (path) => {
    await expect(network.fetchOcsp(`http://${host}${path}`, new Uint8Array(300), never)).rejects.toThrow('is longer than 20480 bytes');
  });

  it('356 A-U-04: waits 2 s for a responder that says nothing, and no longer', async () => {
    await expect(network.fetchOcsp(`http://${host}/silent`, new Uint8Array(300), never)).rejects.toThrow('no answer within 2000 ms');
  });

  it.each([
    ['361, 384 https', 'https://o.example.test/'],
    ['384 ldap', 'ldap://c.example.test/cn=x'],
    ['376 what is no URL', 'http://[::1'],
    ['376 nothing', ''],
    ['A-U-01: user information', 'http://user:pw@o.example.com/'],
    ['A-U-01: this machine', 'http://127.0.0.1/'],
    ['A-U-01: this machine in IPv6', 'http://[::ffff:127.0.0.1]/'],
    ['A-U-01: a private address', 'http://10.1.2.3/'],
    ['A-U-01: where clouds keep credentials', 'http://169.254.169.254/'],
    ['A-U-01: a name of this machine', 'http://localhost/'],
    ['A-U-01: this machine as a number', 'http://2130706433/'],
    ['this machine in hexadecimal', 'http://0x7f000001/'],
    ['this machine in octal', 'http://0177.0.0.01/'],
    ['this machine in two parts', 'http://127.1/'],
    ['this machine with a dot at the end', 'http://127.0.0.1./'],
    ['this machine in wide digits', 'http://１２７.0.0.1/'],
    ['this machine in an escaped form', 'http://%31%32%37.0.0.1/'],
    ['this machine behind NAT64', 'http://[64:ff9b::7f00:1]/'],
    ['this machine behind 6to4', 'http://[2002:7f00:1::]/'],
    ['this machine, IPv6', 'http://[::1]/'],
    ['every machine', 'http://0/'],
    ['a private address as a number', 'http://167837955/'],
    ['a private address in hexadecimal parts', 'http://0xa.0x1.0x2.0x3/'],
    ['a unique local address', 'http://[fd12:3456:789a::1]/'],
    ['a link-local address, IPv6', 'http://[fe80::1]/'],
    ['a link-local address, mapped', 'http://[::ffff:169.254.169.254]/'],
    ['a link-local address as a number', 'http://2852039166/'],
    ["an address of a provider's services", 'http://100.100.100.200/'],
    ['a name without a dot', 'http://ocsp/'],
    ['a Service', 'http://ocsp.pki.svc/'],
    ['a Service in full', 'http://ocsp.pki.svc.cluster.local/'],
    ['a Service with a dot at the end', 'http://ocsp.pki.svc.cluster.local./'],
    ['a Service in capitals', 'http://OCSP.PKI.SVC.Cluster.Local/'],
    ['user information without a password', 'http://user@o.example.com/'],
    ['A-U-01: a file', 'file:///etc/passwd'],
    ['A-U-01: where clouds keep credentials, in IPv6', 'http://[fd00:ec2::254]/'],
  ])('does not ask %s', async (_case, url) => {
    const before = seen.length;
    // Nobody listens at some of them either: the reason has to be ours.
    const ours = /^leads to |is a name inside a network|protocol .* is not supported|is no URL|user information/;
    for (const asking of [network.fetchCrl(url, never), network.fetchOcsp(url, new Uint8Array(9), never)]) {
      await expect(asking).rejects.toBeInstanceOf(RevocationFetchError);
      await expect(asking).rejects.toThrow(ours);
    }
    expect(seen.length).toBe(before);
  });

  it.each([
    ['of SSH', 22],
    ['of HTTPS', 443],
    ['of an API server', 6443],
    ['of a kubelet', 10250],
  ])('A-U-01: does not ask at the port %s', async (_case, port) => {
    const message = `port ${port} is not asked; expected 80, or the host among those that are allowed`;
    await expect(network.fetchCrl(`http://o.example.test:${port}/`, never)).rejects.toThrow(message);
    await expect(network.fetchOcsp(`http://o.example.test:${port}/`, new Uint8Array(9), never)).rejects.toThrow(message);
  });

  it('A-U-01: does not ask this machine by default, nor link-local addresses whatever is allowed', async () => {
    const guarded = createRevocationNetwork();
    await expect(guarded.fetchCrl('http://127.0.0.1/list', never)).rejects.toThrow('a loopback address');
    await expect(guarded.fetchCrl(`http://${host}/list`, never)).rejects.toThrow(/port \d+ is not asked; expected 80/);
    await guarded.close();
    const open = createRevocationNetwork({ allowedHosts: ['169.254.169.254'] });
    await expect(open.fetchCrl('http://169.254.169.254/', never)).rejects.toThrow('never connected to');
    await open.close();
  });

  it('leaves with its caller', async () => {
    await expect(network.fetchCrl(`http://${host}/list`, AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
  });
});

/** Resolves every name to the first, then the second, … of these addresses, and tells what it was asked. */
function namesAt(...addresses: readonly string[]) {
  const asked: string[] = [];
  const lookup: LookupFunction = (hostname, _options, callback) => {
    const address = addresses[Math.min(asked.length, addresses.length - 1)] ?? '';
    asked.push(hostname);
    callback(null, [{ address, family: address.includes(':') ? 6 : 4 }]);
  };
  return { asked, lookup };
}

describe('a name that stands in a certificate', () => {
  const port = () => host.split(':')[1];
  const ask = async (url: string, lookup: LookupFunction, allowedHosts: readonly string[] = []) => {
    const own = createRevocationNetwork({ allowedHosts, http: { lookup } });
    try {
      return Buffer.from(await own.fetchCrl(url, never)).toString();
    } finally {
      await own.close();
    }
  };

  it.each([
    '127.0.0.1',
    '10.0.0.7',
    '192.168.0.1',
    '34.118.224.9',
    '::1',
    'fd00::1',
    'fe80::1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '169.254.169.254',
  ])('is not asked where it leads to %s', async (address) => {
    const { lookup } = namesAt(address);
    const before = seen.length;
    await expect(ask('http://o.example.com/list', lookup)).rejects.toThrow(/^leads to /);
    expect(seen.length).toBe(before);
  });

  it('is not asked where one of its addresses is private, whatever the others are', async () => {
    const lookup: LookupFunction = (_hostname, _options, callback) =>
      callback(null, [
        { address: '192.0.2.1', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]);
    await expect(ask('http://o.example.com/list', lookup)).rejects.toThrow('leads to a loopback address');
  });

  it('is asked at the address that was looked at, without another look-up that might say another', async () => {
    const { asked, lookup } = namesAt('127.0.0.1', '10.0.0.7');
    expect(await ask(`http://o.example.com:${port()}/list`, lookup, ['o.example.com'])).toBe('list');
    expect(asked).toEqual(['o.example.com']);
  });

  it('is looked at again for each connection: what was public a moment ago may not be now', async () => {
    const { asked, lookup } = namesAt('127.0.0.1', '169.254.169.254');
    const own = createRevocationNetwork({ allowedHosts: ['o.example.com'], http: { lookup } });
    await own.fetchCrl(`http://o.example.com:${port()}/list`, never);
    server.closeAllConnections();
    await expect(own.fetchCrl(`http://o.example.com:${port()}/list`, never)).rejects.toThrow('never connected to');
    expect(asked).toHaveLength(2);
    await own.close();
  });

  it('is looked up without the search domains of a cluster, unless it is allowed', async () => {
    const { asked, lookup } = namesAt('10.0.0.7');
    await expect(ask('http://kubernetes.default/', lookup)).rejects.toThrow('leads to a private address');
    await expect(ask('http://o.example.com./', lookup)).rejects.toThrow('leads to a private address');
    expect(asked).toEqual(['kubernetes.default.', 'o.example.com.']);
  });

  it.each([
    ['a Service', 'ocsp.pki.svc'],
    ['a name without a dot', 'ocsp'],
  ])('is asked at a private address where it is allowed: %s', async (_case, name) => {
    const { asked, lookup } = namesAt('127.0.0.1');
    expect(await ask(`http://${name}:${port()}/list`, lookup, [name])).toBe('list');
    expect(await ask(`http://${name}:${port()}/list`, lookup, [`${name}:${port()}`])).toBe('list');
    expect(await ask(`http://${name}.:${port()}/list`, lookup, [name])).toBe('list');
    expect(asked).toEqual([name, name, `${name}.`]);
  });

  it.each([
    ['another port', 'o.example.com:1', /^port \d+ is not asked/],
    ['the usual port', 'o.example.com:80', /^port \d+ is not asked/],
    ['a name that it ends with', 'example.com', /^port \d+ is not asked/],
  ])('is not asked at a port of its own where only %s is allowed', async (_case, allowed, message) => {
    const { lookup } = namesAt('127.0.0.1');
    await expect(ask(`http://o.example.com:${port()}/list`, lookup, [allowed])).rejects.toThrow(message);
  });

  it.each(['example.com', 'o.example.co', 'xo.example.com', 'o.example.com:81'])(
    'is not asked at a private address where only %s is allowed',
    async (allowed) => {
      const { lookup } = namesAt('127.0.0.1');
      await expect(ask('http://o.example.com/list', lookup, [allowed])).rejects.toThrow('leads to a loopback address');
    },
  );

  it('is allowed with the usual port where the address has none', async () => {
    const { asked, lookup } = namesAt('127.0.0.1');
    const outcome = await ask('http://o.example.com/list', lookup, ['o.example.com:80']).catch(String);
    expect(outcome).not.toContain('leads to');
    expect(asked).toEqual(['o.example.com']);
  });

  it.each([
    ['a private address', 'http://10.0.0.1/list', 'leads to a private address'],
    ['this machine at another port', 'http://127.0.0.1:1/list', 'port 1 is not asked'],
    ['this machine', 'http://localtest.example.com@127.0.0.1/', 'user information'],
    ['this machine as a number', 'http://2130706433/list', 'leads to a loopback address'],
    ['a Service', 'http://ocsp.pki.svc/list', 'is a name inside a network'],
    ['user information', 'http://u:p@o.example.com/list', 'user information'],
    ['a link-local address behind NAT64', 'http://[64:ff9b::a9fe:a9fe]/', 'never connected to'],
  ])('is not followed to %s', async (_case, location, message) => {
    await expect(network.fetchCrl(`http://${host}/away?${encodeURIComponent(location)}`, never)).rejects.toThrow(message);
  });
});

describe('an answer', () => {
  it.each([['half of one', '/half', 'no answer within 2000 ms']])('of %s is none', async (_case, path, message) => {
    await expect(network.fetchOcsp(`http://${host}${path}`, new Uint8Array(300), never)).rejects.toThrow(message);
  });

  it('356 is none where nobody listens', async () => {
    const own = createRevocationNetwork({ allowedHosts: ['127.0.0.1'] });
    await expect(own.fetchCrl('http://127.0.0.1:1/', never)).rejects.toThrow('ECONNREFUSED');
    await own.close();
  });

  it('cannot be longer than 32 MiB, whether it says so first or not', async () => {
    await expect(network.fetchCrl(`http://${host}/endless`, never)).rejects.toThrow('is longer than 33554431 bytes');
  });
});
