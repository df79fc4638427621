import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Issued } from '../pki.ts';
import type { Admission } from '../rig/cluster/kube-client.ts';
import { type Image, tinyImage } from '../rig/images.ts';
import type { Notation } from '../rig/notation.ts';
import { registryClient } from '../rig/registry-client.ts';
import { eventually } from '../rig/wait.ts';
import { pod } from '../rig/workloads.ts';
import type { World } from '../rig/world.ts';
import { keyOf, signatureOf } from './seeds.ts';

/** Images in the registry of a world, and what becomes of Pods that name them. */
export interface Asked {
  /** Pushes to `REPOSITORY:TAG`, or by digest to `REPOSITORY`; the reference. */
  push(name: string, image?: Image): Promise<string>;
  /** Signs with the real notation. */
  sign(reference: string, by: Issued, format?: 'jws' | 'cose'): Promise<void>;
  pushSigned(name: string, by: Issued, format?: 'jws' | 'cose'): Promise<string>;
  /** Pushes an image with a signature that notation would not make. */
  attach(name: string, envelope: (image: Image) => Uint8Array, type?: string): Promise<string>;
  /** What becomes of a Pod; nothing is stored. */
  create(namespace: string, ...images: readonly string[]): Promise<Admission>;
  /** Waits until a Pod in namespace `shop` is admitted. */
  admits(...images: readonly string[]): Promise<void>;
  /** Waits until it is denied by `verified-images` with a line that begins so; the whole message. */
  denies(expected: string, ...images: readonly string[]): Promise<string>;
}

const NAMESPACE = 'shop';

export function askIn({ cluster, images: { host } }: World, notation: Notation): Asked {
  const client = registryClient(host);
  const create: Asked['create'] = (namespace, ...images) => cluster.client.create(pod(namespace, 'case', ...images), { dryRun: true });
  const push: Asked['push'] = async (name, image = tinyImage(name)) => {
    const [repository = '', tag] = name.split(':');
    await client.push(repository, image, tag);
    return `${host}/${name}`;
  };
  const sign: Asked['sign'] = (reference, by, format = 'jws') =>
    notation.sign({ reference, key: keyOf(by), format, forceReferrersTag: false, plainHttp: true });
  return {
    push,
    sign,
    async pushSigned(name, by, format) {
      const reference = await push(name);
      await sign(reference, by, format);
      return reference;
    },
    async attach(name, envelope, type) {
      const image = tinyImage(name);
      const reference = await push(name, image);
      await push(name.slice(0, name.indexOf(':')), signatureOf(image, envelope(image), type));
      return reference;
    },
    create,
    async admits(...images) {
      await eventually('admitted', async () => {
        const { admitted: ok, message } = await create(NAMESPACE, ...images);
        if (!ok) throw new Error(message);
        return ok;
      });
    },
    denies: (expected, ...images) =>
      eventually(`denied: ${expected}`, async () => {
        const { admitted: ok, message } = await create(NAMESPACE, ...images);
        if (ok || !message.includes(`[verified-images] ${expected}`)) throw new Error(message || 'admitted');
        return message;
      }),
  };
}

/** The denials that the page on policies shows. */
export const DOCUMENTED = readFileSync(join(import.meta.dirname, '../../docs/policies.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('[verified-images] '));

/** A denial with the names of the page. */
export function asDocumented(message: string): string {
  return message
    .slice(message.indexOf('[verified-images] '))
    .replace('containers[c0]', 'containers[web]')
    .replace(/ECONNREFUSED 127\.0\.0\.1:\d+/, 'ECONNREFUSED 192.0.2.7:443')
    .replace(/127\.0\.0\.1:\d+/g, 'registry.example.com')
    .replace(/registry\.example\.com\/[\w/]+(?=[:@])/g, 'registry.example.com/app')
    .replace(/(registry\.example\.com\/app):[\w-]+(?=: )/, '$1:1.0')
    .replace(/@sha256:[0-9a-f]{12}/, '@sha256:0123456789ab');
}
