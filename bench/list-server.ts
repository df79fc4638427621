/** Serves revocation lists on loopback: a process of its own, so that sending them takes no time from who reads them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pki } from '../test/pki.ts';
import { manyEntries, revocationList } from '../test/revocation-answers.ts';

const root = pki.root({ key: 'RSA-2048' });
const now = Date.now();
const times = { thisUpdate: new Date(now - 60_000), nextUpdate: new Date(now + 24 * 3_600_000) };
const lists = new Map<string, Uint8Array>();
for (const [name, entries] of process.argv.slice(2).map((argument) => argument.split('=')))
  lists.set(`/${name}`, revocationList({ issuer: root, entries: [manyEntries(Number(entries))], ...times }));

const server = createServer((req, res) => {
  const list = req.url === '/issuer' ? root.cert : lists.get(req.url ?? '');
  if (list === undefined) res.writeHead(404).end();
  else res.writeHead(200, { 'content-type': 'application/pkix-crl', 'content-length': list.length }).end(list);
});
server.listen(0, '127.0.0.1', () => console.log(`127.0.0.1:${(server.address() as AddressInfo).port}`));
process.on('SIGTERM', () => process.exit(0));
