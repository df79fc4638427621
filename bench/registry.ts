import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Corpus } from './corpus.ts';

export interface CountingRegistry {
  readonly host: string;
  /** Requests since the last call. */
  takeCount(): number;
  close(): void;
}

const INDEX = 'application/vnd.oci.image.index.v1+json';
const ROUTE = /^\/v2\/[a-z/]+\/(manifests|blobs|referrers)\/(sha256:[0-9a-f]{64})(?:\?artifactType=([^&]*))?$/;

/** Serves a corpus over plain HTTP on loopback, with the referrers API and its filter, and counts what it is asked. */
export function serveCorpus(corpus: Corpus): Promise<CountingRegistry> {
  let count = 0;
  const server = createServer((req, res) => {
    count += 1;
    const [, kind, digest = '', artifactType] = ROUTE.exec(req.url ?? '') ?? [];
    if (kind === 'referrers') return sendReferrers(res, corpus, digest, artifactType);
    const bytes = (kind === 'manifests' ? corpus.manifests : corpus.blobs).get(digest);
    if (bytes === undefined) return void res.writeHead(404).end();
    const type = kind === 'manifests' ? 'application/vnd.oci.image.manifest.v1+json' : 'application/octet-stream';
    res.writeHead(200, { 'content-type': type, 'content-length': bytes.length, 'docker-content-digest': digest });
    res.end(req.method === 'HEAD' ? undefined : bytes);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const takeCount = (): number => {
        const taken = count;
        count = 0;
        return taken;
      };
      resolve({ host, takeCount, close: () => server.close().closeAllConnections() });
    });
  });
}

function sendReferrers(res: ServerResponse, corpus: Corpus, digest: string, artifactType: string | undefined): void {
  const all = corpus.referrers.get(digest) ?? [];
  const wanted = artifactType === undefined ? undefined : decodeURIComponent(artifactType);
  const manifests = wanted === undefined ? all : all.filter((entry) => entry.artifactType === wanted);
  const body = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
  const filtered = wanted === undefined ? {} : { 'oci-filters-applied': 'artifactType' };
  res.writeHead(200, { 'content-type': INDEX, 'content-length': Buffer.byteLength(body), ...filtered }).end(body);
}
