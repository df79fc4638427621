import { createPrivateKey } from 'node:crypto';
import { connect, createServer } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { isSignedBy, parseCertificate } from '../../src/x509/certificate.ts';
import { issueAuthority } from '../../src/x509/issue.ts';
import { readPemCertificates } from '../../src/x509/pem.ts';

const read = (pem: string) => parseCertificate(readPemCertificates(pem)[0] ?? new Uint8Array());

describe('issueAuthority', () => {
  it('issues certificates that our own reader takes', async () => {
    const now = new Date('2030-01-01T00:00:00Z');
    const authority = await issueAuthority({ commonName: 'test ca', now, days: 2 });
    const server = await authority.issue({
      commonName: 'server',
      dnsNames: ['localhost'],
      ipAddresses: ['127.0.0.1', '::1'],
      usages: ['serverAuth'],
    });
    const [ca, leaf] = [read(authority.certPem), read(server.certPem)];
    expect(ca).toMatchObject({ keyKind: 'EC-256', basicConstraints: { ca: true, pathLength: 0, critical: true } });
    expect(leaf).toMatchObject({
      notBefore: new Date('2029-12-31T23:55:00Z'),
      notAfter: new Date('2030-01-03T00:00:00Z'),
      extendedKeyUsage: { oids: ['1.3.6.1.5.5.7.3.1'] },
    });
    expect(await isSignedBy(leaf, ca)).toBe(true);
    expect(createPrivateKey(server.keyPem).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  });

  it('issues certificates with which two ends of TLS trust each other', async () => {
    const authority = await issueAuthority({ commonName: 'test ca' });
    const server = await authority.issue({ commonName: 'server', dnsNames: ['localhost'], usages: ['serverAuth'] });
    const client = await authority.issue({ commonName: 'client', usages: ['clientAuth'] });
    const ca = authority.certPem;
    const listener = createServer({ ca, cert: server.certPem, key: server.keyPem, requestCert: true, rejectUnauthorized: true });
    const greeted = new Promise<string>((resolve, reject) => {
      listener.once('secureConnection', (socket) => resolve(String(socket.getPeerCertificate().subject.CN)));
      listener.once('tlsClientError', reject);
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const address = listener.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca, cert: client.certPem, key: client.keyPem });
    try {
      await new Promise((resolve, reject) => socket.once('secureConnect', () => resolve(undefined)).once('error', reject));
      expect(await greeted).toBe('client');
    } finally {
      socket.destroy();
      listener.close();
    }
  });
});
