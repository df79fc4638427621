import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Descriptor } from '../oci/descriptor.ts';
import { isDigest } from '../oci/digest.ts';
import { createLayout } from '../oci/layout.ts';
import type { Registry } from '../oci/registry.ts';

export interface DemoRegistry {
  /** `127.0.0.1:PORT`, plain HTTP. */
  readonly host: string;
  close(): Promise<void>;
}

/** The host that the layout's own names carry. */
const HOST = 'demo.countersign.test';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const ROUTE =
  /^\/v2\/(?<path>[a-z0-9/-]{1,64})\/(?<kind>manifests|blobs|referrers)\/(?<name>[A-Za-z0-9_.:-]{1,160})(?:\?artifactType=(?<type>[^&]{0,160}))?$/;

/** Serves the images of a layout, read-only, as a registry on loopback with the referrers API (distribution-spec v1.1.1). */
export async function startDemoRegistry(directory: string): Promise<DemoRegistry> {
  const layout = createLayout(directory, HOST);
  const server = createServer((req, res) => {
    answer(req, res, layout, directory).catch(() => {
      if (!res.headersSent) res.writeHead(404);
      res.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  // Bound to a port, so neither null nor a pipe.
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(req: IncomingMessage, res: ServerResponse, layout: Registry, directory: string): Promise<void> {
  const { path = '', kind, name = '', type } = ROUTE.exec(req.url ?? '')?.groups ?? {};
  const signal = new AbortController().signal;
  const repository = { registry: HOST, path };
  if (req.method !== 'GET' && req.method !== 'HEAD') return void res.writeHead(405).end();
  if (kind === 'blobs' && isDigest(name)) return send(req, res, 'application/octet-stream', await readBlob(directory, name));
  if (kind === undefined || kind === 'blobs') return void res.writeHead(404).end();
  const descriptor = await layout.resolve({ ...repository, ...(isDigest(name) ? { digest: name } : { tag: name }) }, signal);
  if (kind === 'manifests') {
    return send(req, res, descriptor.mediaType, await layout.fetchManifest(repository, descriptor, signal), descriptor);
  }
  const types = type === undefined ? [] : [decodeURIComponent(type)];
  const manifests: Descriptor[] = [];
  for await (const page of layout.listReferrers({ repository, descriptor }, types, signal)) manifests.push(...page);
  if (types.length > 0) res.setHeader('oci-filters-applied', 'artifactType');
  return send(req, res, INDEX, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests })));
}

function send(req: IncomingMessage, res: ServerResponse, type: string, bytes: Uint8Array, descriptor?: Descriptor): void {
  const digest = descriptor === undefined ? {} : { 'docker-content-digest': descriptor.digest };
  res.writeHead(200, { 'content-type': type, 'content-length': bytes.length, ...digest });
  res.end(req.method === 'HEAD' ? undefined : bytes);
}

function readBlob(directory: string, digest: string): Promise<Buffer> {
  return readFile(join(directory, 'blobs', ...digest.split(':')));
}
