import { type Descriptor, type Image, INDEX_TYPE, MANIFEST_TYPE, sha256 } from './images.ts';

export interface RegistryClient {
  /** Pushes the image and what it needs, under its digest and, if given, a tag. */
  push(repository: string, image: Image, tag?: string): Promise<void>;
  manifest(repository: string, tagOrDigest: string): Promise<Buffer>;
  blob(repository: string, digest: string): Promise<Buffer>;
  deleteManifest(repository: string, digest: string): Promise<void>;
  /** The referrers API's answer as it comes. */
  referrers(repository: string, digest: string): Promise<Response>;
}

/** The few calls the rig makes to a plain HTTP registry on loopback. */
export function registryClient(host: string, login?: { readonly username: string; readonly password: string }): RegistryClient {
  const authorization = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;

  async function send(path: string | URL, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (authorization !== undefined) headers.set('authorization', authorization);
    return fetch(new URL(path, `http://${host}`), { ...init, headers });
  }

  async function call(path: string | URL, init: RequestInit = {}): Promise<Response> {
    const response = await send(path, init);
    if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  async function read(path: string, digest: string | undefined): Promise<Buffer> {
    const response = await call(path, { headers: { accept: `${MANIFEST_TYPE}, ${INDEX_TYPE}, application/octet-stream` } });
    const bytes = Buffer.from(await response.arrayBuffer());
    if (digest !== undefined && sha256(bytes) !== digest) throw new Error(`GET ${path}: other bytes than the digest says`);
    return bytes;
  }

  async function pushBlob(repository: string, bytes: Buffer): Promise<void> {
    const started = await call(`/v2/${repository}/blobs/uploads/`, { method: 'POST' });
    const upload = new URL(started.headers.get('location') ?? '', `http://${host}`);
    upload.searchParams.set('digest', sha256(bytes));
    await call(upload, { method: 'PUT', body: new Uint8Array(bytes), headers: { 'content-type': 'application/octet-stream' } });
  }

  async function push(repository: string, image: Image, tag: string = image.descriptor.digest): Promise<void> {
    for (const child of image.children) await push(repository, child);
    for (const blob of image.blobs) await pushBlob(repository, blob);
    await call(`/v2/${repository}/manifests/${tag}`, {
      method: 'PUT',
      body: new Uint8Array(image.manifest),
      headers: { 'content-type': image.descriptor.mediaType },
    });
  }

  return {
    push,
    manifest: (repository, tagOrDigest) =>
      read(`/v2/${repository}/manifests/${tagOrDigest}`, tagOrDigest.includes(':') ? tagOrDigest : undefined),
    blob: (repository, digest) => read(`/v2/${repository}/blobs/${digest}`, digest),
    deleteManifest: async (repository, digest) => {
      await call(`/v2/${repository}/manifests/${digest}`, { method: 'DELETE' });
    },
    referrers: (repository, digest) => send(`/v2/${repository}/referrers/${digest}`),
  };
}

export function manifestsOf(index: Uint8Array): readonly Descriptor[] {
  const { manifests } = JSON.parse(Buffer.from(index).toString('utf8')) as { manifests: readonly Descriptor[] | null };
  return manifests ?? [];
}
