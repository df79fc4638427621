/** The floor that the hot path is held against: `node:https` with client certificates that answers fixed bytes. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

const [cert, key, ca, answer] = process.argv.slice(2).map((path) => readFileSync(path));
const server = createServer({ cert, key, ca, minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: true }, (req, res) => {
  req
    .resume()
    .on('end', () => res.writeHead(200, { 'content-type': 'application/json', 'content-length': answer?.length ?? 0 }).end(answer));
});
server.keepAliveTimeout = 95_000;
server.listen(0, '127.0.0.1', () => console.log(`127.0.0.1:${(server.address() as AddressInfo).port}`));
process.on('SIGTERM', () => process.exit(0));
