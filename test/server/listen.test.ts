import { afterEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/log.ts';
import { serveProvider } from '../../src/server/serve.ts';
import * as der from '../der-writer.ts';
import { OID, pki } from '../pki.ts';
import { bodyOf, startTestProvider, type TestProvider, type TestProviderOptions, VERIFY } from './running-provider.ts';
import { clientPair, gatekeeperAuthority, type Pair, serverAuthOnly, serverPair, tlsFolder } from './tls-files.ts';

const running: TestProvider[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((provider) => provider.close()));
});

async function start(options: TestProviderOptions = {}): Promise<TestProvider> {
  const provider = await startTestProvider(options);
  running.push(provider);
  return provider;
}

const body = bodyOf(['reg.test/app:1']);
/** Asks over a connection of its own, as another client. */
const askAs = (provider: TestProvider, pair: Partial<Pair>) =>
  provider.send({ method: 'POST', path: VERIFY, agent: false, cert: pair.cert, key: pair.key }, body);

/** Asks until the answer is as wanted; the provider looks at its files by itself. */
async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    await new Promise(setImmediate);
  }
}

const day = 86_400_000;
const san = (...names: Uint8Array[]) => ({ [OID.subjectAltName]: { value: der.sequence(...names) } });
const dns = (name: string) => der.tlv(0x82, Buffer.from(name));

describe('the client certificate', () => {
  const other = gatekeeperAuthority('another-ca');

  it.each<[string, string, string, (provider: TestProvider) => Partial<Pair>]>([
    ['A-C-01: none', 'NO_CLIENT_CERTIFICATE', 'found none', () => ({ cert: undefined, key: undefined }) as unknown as Partial<Pair>],
    ['29: of another CA', 'CLIENT_CERTIFICATE_INVALID', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', () => clientPair(other)],
    [
      '29: of another CA of the same name',
      'CLIENT_CERTIFICATE_INVALID',
      'CERT_SIGNATURE_FAILURE',
      () =>
        clientPair(
          pki.root({
            key: 'RSA-2056',
            serial: Uint8Array.of(0),
            subject: [
              ['O', 'gatekeeper'],
              ['CN', 'gatekeeper-ca'],
            ],
          }),
        ),
    ],
    ['29: self-signed', 'CLIENT_CERTIFICATE_INVALID', 'DEPTH_ZERO_SELF_SIGNED_CERT', () => clientPair({ leaf: pki.selfSigned })],
    [
      '29: expired',
      'CLIENT_CERTIFICATE_INVALID',
      'CERT_HAS_EXPIRED',
      (p) => clientPair(p.authority, { notAfter: new Date(Date.now() - day) }),
    ],
    [
      '29: not yet valid',
      'CLIENT_CERTIFICATE_INVALID',
      'CERT_NOT_YET_VALID',
      (p) => clientPair(p.authority, { notBefore: new Date(Date.now() + day) }),
    ],
    ['29: for servers only', 'CLIENT_CERTIFICATE_INVALID', 'INVALID_PURPOSE', (p) => clientPair(p.authority, { usages: serverAuthOnly })],
    ['30: of another name', 'CLIENT_NAME_MISMATCH', 'found DNS:other.svc', (p) => clientPair(p.authority, { name: 'other.svc' })],
    [
      '30: with the name only as common name',
      'CLIENT_NAME_MISMATCH',
      'found no name',
      (p) => clientPair(p.authority, { extensions: { [OID.subjectAltName]: undefined } }),
    ],
    [
      '30: with a wildcard',
      'CLIENT_NAME_MISMATCH',
      'found DNS:*',
      (p) => clientPair(p.authority, { extensions: san(dns('*.gatekeeper-system.svc')) }),
    ],
    [
      '30: with the name as a URI',
      'CLIENT_NAME_MISMATCH',
      'found URI:',
      (p) => clientPair(p.authority, { extensions: san(der.tlv(0x86, Buffer.from('gatekeeper-webhook-service.gatekeeper-system.svc'))) }),
    ],
    [
      'V-N-01: with the name before a NUL',
      'CLIENT_NAME_MISMATCH',
      'expected a client certificate for DNS:gatekeeper-webhook-service',
      (p) => clientPair(p.authority, { extensions: san(dns('gatekeeper-webhook-service.gatekeeper-system.svc\0.evil.test')) }),
    ],
  ])('%s is refused before its body is read, and the answer says why', async (_case, code, found, show) => {
    const provider = await start();
    const answer = await askAs(provider, show(provider));
    expect(answer).toMatchObject({ status: 403, kind: 'ProviderResponse', response: { systemError: expect.stringMatching(`^${code}: `) } });
    expect(answer.response.systemError).toContain(found);
    expect(answer.response.items).toBeUndefined();
    expect(answer.headers.connection).toBe('close');
    expect(provider.world.resolved).toEqual([]);
    expect((await provider.readAdmin('/metrics')).text).toMatch(/countersign_client_refused_total\{reason="[A-Z_]+"\} 1/);
  });

  it('A-C-01: keeps those it refuses from every path', async () => {
    const provider = await start();
    for (const path of ['/', '/healthz', `${VERIFY}/x`]) {
      const answer = await provider.send({ method: 'GET', path, agent: false, cert: undefined, key: undefined });
      expect(answer).toMatchObject({ status: 403, response: { systemError: expect.stringContaining('NO_CLIENT_CERTIFICATE') } });
    }
  });

  it('is refused without waiting for a body that never comes', async () => {
    const provider = await start();
    const text = await provider.raw(`POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n`, { ...clientPair(other) });
    expect(text).toContain('HTTP/1.1 403 Forbidden');
  });

  it('26: is accepted from Gatekeeper’s CA with serial number 0 and an RSA key', async () => {
    const provider = await start();
    const answer = await askAs(provider, clientPair(provider.authority, { key: 'RSA-2048' }));
    expect(answer).toMatchObject({ status: 200, response: { items: [{ value: { isSuccess: true } }] } });
  });

  it('30: may have another name where that is what is set', async () => {
    const provider = await start({ clientName: 'other.svc' });
    expect((await askAs(provider, clientPair(provider.authority, { name: 'other.svc' }))).status).toBe(200);
    expect((await askAs(provider, provider.client)).response.systemError).toContain('CLIENT_NAME_MISMATCH');
  });

  it('is refused on a kept connection once it has expired', async () => {
    let ms = Date.now();
    const clock: Clock = { now: () => ms, monotonic: () => performance.now() };
    const provider = await start({ clock });
    expect((await provider.ask(['reg.test/app:1'])).status).toBe(200);
    ms += 400 * 365 * day;
    expect((await provider.ask(['reg.test/app:1'])).response.systemError).toContain('CERT_HAS_EXPIRED');
  });

  it('31: is not asked for with --no-client-auth, which is said loudly; it is TLS still', async () => {
    const provider = await start({ noClientAuth: true });
    expect((await askAs(provider, { cert: undefined, key: undefined } as unknown as Partial<Pair>)).status).toBe(200);
    expect(provider.log.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: expect.stringContaining('CLIENT AUTHENTICATION IS OFF') }),
    );
  });
});

describe('TLS', () => {
  it('27: is 1.3, and an older client is turned away', async () => {
    const provider = await start();
    await expect(provider.socket({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    });
    const log = await until(
      async () => provider.log.join(''),
      (text) => text.includes('TLS handshake failed'),
    );
    expect(log).toMatch(/unsupported protocol/);
  });

  it('never agrees on HTTP/2', async () => {
    const provider = await start();
    const socket = await provider.socket({ ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  it('34: closes a connection that speaks plain HTTP, and serves on', async () => {
    const provider = await start();
    const { connect } = await import('node:net');
    await new Promise<void>((resolve) => {
      const socket = connect(provider.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n'));
      socket.on('error', () => undefined).on('close', () => resolve());
      socket.resume();
    });
    expect((await provider.ask(['reg.test/app:1'])).status).toBe(200);
  });

  it('35: keeps an idle connection for longer than Gatekeeper does', async () => {
    const provider = await start();
    const { headers } = await provider.ask(['reg.test/app:1']);
    expect(headers).toMatchObject({ connection: 'keep-alive', 'keep-alive': 'timeout=95' });
  });
});

describe('TLS files', () => {
  const authority = gatekeeperAuthority();
  const good = { ...serverPair(authority), ca: authority.pem };
  const broken: readonly [string, typeof good, string][] = [
    ['a CA file without a certificate', { ...good, ca: '' }, 'expected at least one certificate in PEM'],
    ['a CA file of garbage', { ...good, ca: 'garbage' }, 'expected at least one certificate in PEM'],
    ['a CA certificate of garbage', { ...good, ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }, 'cannot be parsed'],
    [
      'one good CA certificate and one of garbage',
      { ...good, ca: `${good.ca}-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n` },
      'cannot be parsed',
    ],
    ['the key of another certificate', { ...good, key: serverPair(authority, { key: 'EC-384' }).key }, 'is not the key of the certificate'],
    ['no certificate', { ...good, cert: '' }, 'holds no certificate'],
    ['no key', { ...good, key: good.cert }, 'holds no private key'],
  ];

  it.each(broken)('are refused at the start with %s', async (_case, files, message) => {
    const tls = tlsFolder(files);
    const options = {
      listen: { host: '127.0.0.1', port: 0 },
      admin: { host: '127.0.0.1', port: 0 },
      engines: { current: () => ({ for: () => ({ revision: '', rules: [], store: undefined }) }), usable: () => false },
      facts: { remember: () => Promise.reject(new Error('not asked')) },
      log: createLogger({ stream: { write: () => undefined } }),
    };
    const { loadSettings } = await import('../../src/config/settings.ts');
    const settings = await loadSettings();
    await expect(serveProvider({ ...options, settings, tls })).rejects.toMatchObject({
      code: 'TLS_FILES_INVALID',
      message: expect.stringContaining(message),
    });
    await expect(serveProvider({ ...options, settings, tls: { cert: tls.cert, key: tls.key } })).rejects.toMatchObject({
      code: 'TLS_FILES_INVALID',
    });
    tls.dispose();
  });

  it.each(broken)('33: stay as they were when they are swapped for %s, and the log says so', async (_case, files, message) => {
    const provider = await start();
    provider.tls.swap(files);
    const log = await until(
      async () => provider.log.join(''),
      (text) => text.includes('the old ones stay in force'),
    );
    expect(log).toContain(message);
    expect((await askAs(provider, provider.client)).status).toBe(200);
    expect((await provider.readAdmin('/metrics')).text).toContain('countersign_tls_reloads_total{result="kept"} 1');
    expect((await provider.readAdmin('/readyz')).status).toBe(200);
  });

  it('are followed through a swapped symlink: new connections see the new certificate, with every other setting as it was', async () => {
    const provider = await start();
    const renewed = serverPair(provider.authority, { notAfter: new Date(Date.now() + 1000 * day) });
    provider.tls.swap({ ...renewed, ca: provider.authority.pem });
    const served = async () => {
      const socket = await provider.socket();
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      return certificate?.toString().trim();
    };
    await until(served, (pem) => pem === renewed.cert.trim());
    expect((await askAs(provider, provider.client)).status).toBe(200);
    expect((await askAs(provider, clientPair(gatekeeperAuthority('x')))).status).toBe(403);
    await expect(provider.socket({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })).rejects.toThrow();
  });

  it('75: leave kept connections alone when only the serving certificate changes', async () => {
    const provider = await start();
    const socket = await provider.socket();
    provider.tls.swap({ ...serverPair(provider.authority), ca: provider.authority.pem });
    await until(
      async () => provider.log.join(''),
      (text) => text.includes('are in force'),
    );
    const answered = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
    socket.write(`POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    expect(await answered).toContain('HTTP/1.1 200 OK');
    socket.destroy();
  });

  it('A-C-03: close connections that the old CA let in, idle or not, and refuse its certificates', async () => {
    const provider = await start();
    const idle = await provider.socket();
    const idleClosed = new Promise((resolve) => idle.on('close', resolve));
    idle.resume().write(`POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    const begun = await provider.socket();
    begun.write(`POST ${VERIFY} HTTP/1.1\r\nHost: x\r\n`);
    const next = gatekeeperAuthority('next-ca');
    provider.tls.swap({ ...serverPair(provider.authority), ca: next.pem });
    await idleClosed;
    const late = new Promise<string>((resolve) => begun.once('data', (data) => resolve(data.toString())));
    begun.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
    expect(await late).toContain('CLIENT_CERTIFICATE_INVALID: the client certificate is not accepted: CA_REPLACED');
    expect((await askAs(provider, provider.client)).response.systemError).toContain('CLIENT_CERTIFICATE_INVALID');
    expect((await askAs(provider, clientPair(next))).status).toBe(200);
  });

  it('may hold the old and the new CA together', async () => {
    const provider = await start();
    const next = gatekeeperAuthority('next-ca');
    provider.tls.swap({ ...serverPair(provider.authority), ca: `${provider.authority.pem}${next.pem}` });
    await until(
      () => askAs(provider, clientPair(next)),
      ({ status }) => status === 200,
    );
    expect((await askAs(provider, provider.client)).status).toBe(200);
  });

  it('33: make it not ready only when the certificate that is served has expired', async () => {
    let ms = Date.now();
    const provider = await start({ clock: { now: () => ms, monotonic: () => performance.now() } });
    expect(await provider.readAdmin('/readyz')).toEqual({ status: 200, text: 'ok\n' });
    ms += 400 * 365 * day;
    expect(await provider.readAdmin('/readyz')).toEqual({ status: 503, text: 'the serving certificate has expired\n' });
  });
});

describe('the end', () => {
  it('38: is not ready at once, answers new requests for a while, finishes what is in flight, and then is gone', async () => {
    const provider = await start({ limits: { lagMs: 300, closeWithinMs: 5000 } });
    const begun = Promise.withResolvers<void>();
    const hold = Promise.withResolvers<void>();
    const behaviour = provider.world.engine().store?.resolve;
    provider.world.behaviours.set('held', async (reference, signal) => {
      begun.resolve();
      await hold.promise;
      provider.world.behaviours.delete('held');
      return behaviour?.(reference, signal) ?? Promise.reject(new Error('no store'));
    });
    const inFlight = provider.ask(['reg.test/held:1']);
    await begun.promise;
    const closed = provider.close();
    expect(await provider.readAdmin('/readyz')).toEqual({ status: 503, text: 'stopping\n' });
    expect(await provider.readAdmin('/healthz')).toEqual({ status: 200, text: 'ok\n' });
    const fresh = await askAs(provider, provider.client);
    expect(fresh).toMatchObject({ status: 200, headers: { connection: 'close' } });
    hold.resolve();
    expect(await inFlight).toMatchObject({
      status: 200,
      headers: { connection: 'close' },
      response: { items: [{ value: { isSuccess: true } }] },
    });
    await closed;
    await expect(askAs(provider, provider.client)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(provider.readAdmin('/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('cuts off a caller that holds it up', async () => {
    const provider = await start({ limits: { lagMs: 0, closeWithinMs: 100 } });
    const socket = await provider.socket();
    socket.on('error', () => undefined).write(`POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{`);
    const gone = new Promise((resolve) => socket.on('close', resolve));
    await provider.close();
    await gone;
  });
});
