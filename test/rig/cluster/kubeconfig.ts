import type { Pair } from './certificates.ts';

/** Where an API server is, and the CA of its certificate. */
export interface ApiServerAddress {
  readonly url: string;
  readonly ca: string;
}

/** A kubeconfig (JSON, which is YAML too) with everything inside. */
export function kubeconfig({ url, ca }: ApiServerAddress, { cert, key }: Pair): string {
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'rig', cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
      users: [{ name: 'rig', user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } }],
      contexts: [{ name: 'rig', context: { cluster: 'rig', user: 'rig' } }],
      'current-context': 'rig',
    },
    undefined,
    2,
  );
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
