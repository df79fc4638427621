import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { bodyOf, MUTATE, parseAnswer, startTestProvider, type TestProvider, VERIFY } from './running-provider.ts';

let provider: TestProvider;
beforeAll(async () => {
  provider = await startTestProvider({ limits: { callerTimeoutMs: 300 } });
});
afterAll(() => provider.close());
beforeEach(() => {
  provider.world.resolved.length = 0;
});

const GOOD = bodyOf(['reg.test/app:1']);
const MIB = 1024 * 1024;
const post = (path: string, headers: string, body = GOOD) =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const chunked = (chunks: string, headers = '') =>
  `POST ${VERIFY} HTTP/1.1\r\nHost: localhost\r\n${headers}Transfer-Encoding: chunked\r\n\r\n${chunks}`;
const asChunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

describe('a request that is no evaluation', () => {
  it.each([
    ['19: GET', 'GET', VERIFY, 405, 'METHOD_NOT_ALLOWED: expected POST to'],
    ['19: PUT', 'PUT', VERIFY, 405, 'found PUT'],
    ['19: OPTIONS', 'OPTIONS', VERIFY, 405, 'found OPTIONS'],
    ['19: DELETE on mutate', 'DELETE', MUTATE, 405, 'found DELETE'],
    ['A-C-07: TRACE', 'TRACE', VERIFY, 405, 'found TRACE'],
    ['A-C-07: PATCH', 'PATCH', MUTATE, 405, 'found PATCH'],
    ['19: an unknown path', 'POST', '/verify', 404, 'NOT_FOUND: expected POST to /ratify/gatekeeper/v1/verify'],
    ['the root', 'POST', '/', 404, 'found "/"'],
    ['19: a trailing slash', 'POST', `${VERIFY}/`, 404, 'NOT_FOUND'],
    ['A-C-07: two slashes', 'POST', `/${VERIFY}`, 404, 'NOT_FOUND'],
    ['A-C-07: an encoded slash', 'POST', '/ratify%2fgatekeeper/v1/verify', 404, 'NOT_FOUND'],
    ['A-C-07: another case', 'POST', '/Ratify/gatekeeper/v1/verify', 404, 'NOT_FOUND'],
    ['A-C-07: an escape that is none', 'POST', '/%zz', 404, 'NOT_FOUND'],
    ['a path that goes up', 'POST', '/x/../ratify/gatekeeper/v1/verify', 404, 'NOT_FOUND'],
    ['OPTIONS on an unknown path', 'OPTIONS', '/x', 404, 'NOT_FOUND'],
    ['GET on the path of health', 'GET', '/healthz', 404, 'NOT_FOUND'],
    ['39: GET on the path of metrics', 'GET', '/metrics', 404, 'NOT_FOUND'],
    ['a version that there is not', 'POST', '/ratify/gatekeeper/v3/verify', 404, 'NOT_FOUND'],
    ['a path with quotes', 'POST', '/"x"', 404, `found "/'x'"`],
  ])('%s is answered with a systemError and without items', async (_case, method, path, status, message) => {
    const body = method === 'TRACE' ? undefined : GOOD;
    const answer = await provider.send({ method, path }, body);
    expect({ status: answer.status, kind: answer.kind }).toEqual({ status, kind: 'ProviderResponse' });
    expect(answer.response.systemError).toContain(message);
    expect(answer.response.items).toBeUndefined();
    expect(answer.headers.allow).toBe(status === 405 ? 'POST' : undefined);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(provider.world.resolved).toEqual([]);
  });

  it('19: HEAD is answered 405 without a body', async () => {
    expect(await provider.send({ method: 'HEAD', path: VERIFY })).toMatchObject({ status: 405, text: '', headers: { allow: 'POST' } });
  });

  it.each([
    ['no body', '', 'expected a ProviderRequest as JSON'],
    ['text', 'hello', 'expected a ProviderRequest as JSON'],
    ['6: a number among the keys', bodyOf(['reg.test/app:1', 7]), 'expected request.keys[1] to be a string, found a number'],
    ['5, A-T-07: no keys', bodyOf([]), 'expected at least one image'],
    ['14: another kind', GOOD.replace('ProviderRequest', 'Pod'), 'expected kind'],
    ['14: another version', GOOD.replace('v1beta1', 'v9'), 'expected apiVersion'],
    ['an empty object', '{}', 'expected apiVersion'],
    ['compressed bytes', Buffer.from([0x1f, 0x8b, 8, 0]), 'expected a ProviderRequest as JSON'],
  ])('400: %s', async (_case, body, message) => {
    const answer = await provider.send({ method: 'POST', path: VERIFY }, body);
    expect(answer).toMatchObject({ status: 400, kind: 'ProviderResponse', response: { systemError: expect.stringContaining(message) } });
    expect(answer.response.items).toBeUndefined();
    expect(provider.world.resolved).toEqual([]);
  });

  it.each([
    ['10, 17: 5 MiB in one key', () => provider.send({ method: 'POST', path: VERIFY }, bodyOf(['a'.repeat(5 * MIB)]))],
    ['17: a length that is only said', () => provider.raw(`POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n{`)],
    ['A-C-04: 5 MiB without a length', () => provider.raw(chunked(asChunk('a'.repeat(5 * MIB))))],
    ['A-C-04: a flood of one-byte chunks', () => provider.raw(chunked(asChunk('a').repeat(20_000)))],
  ])('413: %s', async (_case, send) => {
    const sent = await send();
    const answer = typeof sent === 'string' ? parseAnswer(sent) : sent;
    expect(answer).toMatchObject({
      status: 413,
      kind: 'ProviderResponse',
      response: { systemError: expect.stringContaining('BODY_TOO_LARGE') },
    });
    expect(answer.response.items).toBeUndefined();
    expect(provider.world.resolved).toEqual([]);
  });

  it.each([
    ['23: two lengths of two kinds', chunked('0\r\n\r\n', 'Content-Length: 5\r\n'), 400],
    ['two lengths', post(VERIFY, 'Content-Length: 1\r\n'), 400],
    ['a length that is no number', `POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n`, 400],
    ['a negative length', `POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n`, 400],
    ['another transfer coding last', `POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n`, 400],
    ['a chunk length that is no number', chunked('zz\r\n'), 400],
    ['A-C-04: a flood of chunk extensions', chunked(`1;${'x'.repeat(20_000)}\r\n`), 413],
    ['A-C-07: the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['34: bytes that are no HTTP', '\x16\x03\x01hello\r\n\r\n', 400],
    ['a header without a colon', `POST ${VERIFY} HTTP/1.1\r\nHost x\r\n\r\n`, 400],
    ['a line that is folded', `POST ${VERIFY} HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n`, 400],
    ['lines that end in LF alone', `POST ${VERIFY} HTTP/1.1\nHost: x\n\n`, 400],
    ['a blank before the colon', `POST ${VERIFY} HTTP/1.1\r\nHost : x\r\n\r\n`, 400],
    ['a method that there is not', `BREW ${VERIFY} HTTP/1.1\r\nHost: x\r\n\r\n`, 400],
    ['a version that there is not', `POST ${VERIFY} HTTP/9.9\r\nHost: x\r\n\r\n`, 400],
    ['no Host', `POST ${VERIFY} HTTP/1.1\r\nConnection: close\r\n\r\n`, 400],
    ['no Host on another path', 'GET /x HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['headers of 20 KiB', `POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['A-C-07: CONNECT', 'CONNECT reg.test:443 HTTP/1.1\r\nHost: reg.test:443\r\n\r\n', 405],
    ['A-C-07: an expectation', post(VERIFY, 'Expect: miracles\r\nConnection: close\r\n'), 417],
    ['A-C-04: slow headers', `POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nX-Slow: `, 408],
    ['A-C-04: a body that does not come', `POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{`, 408],
    ['a chunked body that does not end', chunked(asChunk(GOOD)), 408],
    ['A-C-07: an absolute form of another path', 'POST https://x/y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
    ['a target that cannot be parsed', 'POST http://[::1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
    ['A-C-07: HTTP/1.0 on another path', 'POST /x HTTP/1.0\r\n\r\n', 404],
    ['A-C-07: an upgrade on another path', 'GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n', 404],
    ['a length of nothing', `POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, 400],
  ])('raw: %s', async (_case, bytes, status) => {
    const answer = parseAnswer(await provider.raw(bytes));
    expect(answer).toMatchObject({
      status,
      kind: 'ProviderResponse',
      response: { systemError: expect.stringMatching(/^[A-Z_]+: [\x20-\x7e]+$/) },
    });
    expect(answer.response.items).toBeUndefined();
    expect(provider.world.resolved).toEqual([]);
  });

  it('A-C-09: a body that ends half way is dropped without an evaluation', async () => {
    const socket = await provider.socket();
    await new Promise<void>((resolve) => {
      socket.on('error', () => undefined).on('close', resolve);
      socket.end(`POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"apiVersion"`);
      socket.resume();
    });
    expect(provider.world.resolved).toEqual([]);
    expect((await provider.ask(['reg.test/app:1'])).response.items).toHaveLength(1);
  });
});

describe('an odd request that is one', () => {
  it.each([
    ['18: no content type', post(VERIFY, 'Connection: close\r\n')],
    ['18: text/plain', post(VERIFY, 'Content-Type: text/plain\r\nConnection: close\r\n')],
    ['18: application/xml', post(VERIFY, 'Content-Type: application/xml\r\nConnection: close\r\n')],
    ['A-C-08: a content type of garbage', post(VERIFY, 'Content-Type: \tapplication/json;;charset=utf-\xff\r\nConnection: close\r\n')],
    ['21: in chunks', chunked(`${asChunk(GOOD.slice(0, 10))}${asChunk(GOOD.slice(10))}0\r\n\r\n`, 'Connection: close\r\n')],
    ['A-C-07: with a trailer', chunked(`${asChunk(GOOD)}0\r\nX-Trailer: y\r\n\r\n`, 'Connection: close\r\nTrailer: X-Trailer\r\n')],
    ['A-C-07: HTTP/1.0', `POST ${VERIFY} HTTP/1.0\r\nContent-Length: ${GOOD.length}\r\n\r\n${GOOD}`],
    ['A-C-07: in absolute form', post(`https://localhost${VERIFY}`, 'Connection: close\r\n')],
    ['19: with a query', post(`${VERIFY}?timeout=2`, 'Connection: close\r\n')],
    ['22: that asks for gzip', post(VERIFY, 'Accept-Encoding: gzip\r\nConnection: close\r\n')],
    ['with a header called __proto__', post(VERIFY, '__proto__: x\r\nConnection: close\r\n')],
  ])('%s is evaluated', async (_case, bytes) => {
    const answer = parseAnswer(await provider.raw(bytes));
    expect(answer).toMatchObject({
      status: 200,
      response: { systemError: '', items: [{ key: 'reg.test/app:1', value: { isSuccess: true } }] },
    });
  });

  it('21: one that waits to be told to go on is told so, and evaluated', async () => {
    const socket = await provider.socket();
    const text = await new Promise<string>((resolve) => {
      let read = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        read += chunk;
        if (read === 'HTTP/1.1 100 Continue\r\n\r\n') socket.write(GOOD);
      });
      socket.on('close', () => resolve(read));
      socket.write(
        `POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: ${GOOD.length}\r\n\r\n`,
      );
    });
    expect(parseAnswer(text.replace('HTTP/1.1 100 Continue\r\n\r\n', '')).response.items).toHaveLength(1);
  });

  it('21: one that would be refused is not told to go on', async () => {
    const text = await provider.raw(`POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n`);
    expect(parseAnswer(text).status).toBe(413);
  });

  it('answers requests sent one behind the other in their order', async () => {
    const one = post(VERIFY, '', bodyOf(['reg.test/one:1']));
    const text = await provider.raw([one, post(VERIFY, 'Connection: close\r\n', bodyOf(['reg.test/two:1']))]);
    expect([...text.matchAll(/"key":"([^"]*)"/g)].map(([, key]) => key)).toEqual(['reg.test/one:1', 'reg.test/two:1']);
  });
});

describe('overload', () => {
  it('42: refuses at once what is beyond the bound, and serves again afterwards', async () => {
    const small = await startTestProvider({ limits: { maxInFlight: 1 } });
    const begun = Promise.withResolvers<void>();
    const hold = Promise.withResolvers<never>();
    small.world.behaviours.set('held', () => {
      begun.resolve();
      return hold.promise;
    });
    const first = small.ask(['reg.test/held:1']);
    await begun.promise;
    const second = await small.ask(['reg.test/app:1']);
    expect(second).toMatchObject({ status: 503, response: { systemError: 'OVERLOADED: too many requests are in flight; ask again' } });
    expect(second.response.items).toBeUndefined();
    expect((await small.readAdmin('/metrics')).text).toContain('countersign_refused_requests_total{code="OVERLOADED"} 1');
    hold.reject(new Error('over'));
    await first;
    expect((await small.ask(['reg.test/app:1'])).status).toBe(200);
    await small.close();
  });

  it('refuses bodies that together would take too much memory', async () => {
    const small = await startTestProvider({ limits: { maxBufferedBytes: 1000 } });
    const answer = await small.send({ method: 'POST', path: VERIFY }, bodyOf(['a'.repeat(5000)]));
    expect(answer).toMatchObject({ status: 503, response: { systemError: expect.stringContaining('OVERLOADED') } });
    expect((await small.ask(['reg.test/app:1'])).status).toBe(200);
    await small.close();
  });
});
