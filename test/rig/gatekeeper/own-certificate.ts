import { GATEKEEPER_NAMESPACE, writeFiles } from '../cluster/certificates.ts';
import { admitted, type KubeClient, type KubeObject } from '../cluster/kube-client.ts';

const SECRET = { apiVersion: 'v1', kind: 'Secret', namespace: GATEKEEPER_NAMESPACE, name: 'gatekeeper-webhook-server-cert' } as const;

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** The empty Secret that Gatekeeper fills with a certificate of its own making. */
export async function createCertificateSecret(client: KubeClient): Promise<void> {
  const { apiVersion, kind, namespace, name } = SECRET;
  admitted(await client.apply({ apiVersion, kind, metadata: { namespace, name } }));
}

/** What the Secret holds, by file; undefined while Gatekeeper has not filled it. */
export async function readCertificateSecret(client: KubeClient): Promise<Readonly<Record<string, string>> | undefined> {
  const { data = {} } = (await client.get<Secret>(SECRET)) ?? {};
  if (data['tls.crt'] === undefined || data['ca.crt'] === undefined) return undefined;
  return Object.fromEntries(Object.entries(data).map(([file, value]) => [file, Buffer.from(value, 'base64').toString('utf8')]));
}

/** The kubelet's part: the Secret as files in `folder`, once it is filled. */
export async function mountCertificateSecret(client: KubeClient, folder: string): Promise<void> {
  const files = await readCertificateSecret(client);
  if (files !== undefined) writeFiles(folder, files);
}
