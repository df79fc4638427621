import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CertificateOptions, type Issued, OID } from '../test/pki.ts';
import { ocspResponse, responders, serialOf } from '../test/revocation-answers.ts';

const DAY_MS = 24 * 3_600_000;

/** An OCSP responder on loopback that calls every certificate good that it was told of, and counts what it is asked. */
export interface Responder {
  readonly host: string;
  /** What makes a certificate name this responder. */
  readonly names: CertificateOptions['extensions'];
  /** Makes the answer about a certificate, good from now on for a day. */
  tell(certificate: Issued, issuer: Issued): void;
  /** Requests since the last call. */
  takeCount(): number;
  close(): void;
}

export function startResponder(): Promise<Responder> {
  const answers = new Map<string, Uint8Array>();
  let count = 0;
  const server = createServer((req, res) => {
    count += 1;
    const question = Buffer.from(decodeURIComponent(req.url?.split('/').at(-1) ?? ''), 'base64');
    // A serial number of 16 octets ends the question.
    const answer = answers.get(question.subarray(-16).toString('hex'));
    if (answer === undefined) res.writeHead(404).end();
    else res.writeHead(200, { 'content-type': 'application/ocsp-response', 'content-length': answer.length }).end(answer);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      resolve({
        host,
        names: { [OID.authorityInfoAccess]: { value: responders(`http://${host}/`) } },
        tell: ({ cert }, issuer) => {
          const thisUpdate = new Date(Date.now() - 60_000);
          const answer = ocspResponse({ certificate: cert, issuer, thisUpdate, nextUpdate: new Date(Date.now() + DAY_MS) });
          answers.set(Buffer.from(serialOf(cert)).toString('hex'), answer);
        },
        takeCount: () => {
          const taken = count;
          count = 0;
          return taken;
        },
        close: () => server.close().closeAllConnections(),
      });
    });
  });
}
