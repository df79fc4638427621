import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as der from '../../der-writer.ts';
import { extendedKeyUsage, type Issued, keyUsage, OID, pki, type Subject } from '../../pki.ts';

export const GATEKEEPER_NAMESPACE = 'gatekeeper-system';
/** The one name in Gatekeeper's certificate, which it serves with and shows to providers. */
export const GATEKEEPER_NAME = `gatekeeper-webhook-service.${GATEKEEPER_NAMESPACE}.svc`;

/** A certificate and its key (PKCS #8), both PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** What the API server, its clients and Gatekeeper prove themselves with. */
export interface ClusterCertificates {
  readonly kubernetesCa: string;
  readonly apiServer: Pair;
  readonly admin: Pair;
  readonly controllers: Pair;
  readonly gatekeeperUser: Pair;
  /** The pair that tokens of service accounts are signed with. */
  readonly tokens: { readonly privateKey: string; readonly publicKey: string };
}

export interface ServingCertificate extends Pair {
  readonly ca: string;
}

const LOOPBACK = ['127.0.0.1', 'localhost'];
const USAGES = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' } as const;
const ADMINS = ['O', 'system:masters'] as const;

export function issueClusterCertificates(): ClusterCertificates {
  const ca = pki.root({ subject: [['CN', 'rig-kubernetes-ca']] });
  const client = (...subject: Subject): Pair => issuePair(ca, { subject, usages: ['clientAuth'] });
  return {
    kubernetesCa: ca.pem,
    apiServer: issuePair(ca, {
      subject: [['CN', 'kube-apiserver']],
      names: [...LOOPBACK, 'kubernetes.default.svc'],
      usages: ['serverAuth'],
    }),
    admin: client(ADMINS, ['CN', 'rig-admin']),
    controllers: client(['CN', 'system:kube-controller-manager']),
    // Requests of this user go past both webhooks: Gatekeeper does not manage itself.
    gatekeeperUser: client(ADMINS, ['CN', `system:serviceaccount:${GATEKEEPER_NAMESPACE}:gatekeeper-admin`]),
    tokens: generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }),
  };
}

/** Gatekeeper's own certificate, for when it is not to make one by itself. */
export function issueGatekeeperCertificate(): ServingCertificate {
  const ca = pki.root({
    subject: [
      ['O', 'gatekeeper'],
      ['CN', 'gatekeeper-ca'],
    ],
  });
  return {
    ca: ca.pem,
    ...issuePair(ca, { subject: [['CN', GATEKEEPER_NAME]], names: [GATEKEEPER_NAME, ...LOOPBACK], usages: ['serverAuth', 'clientAuth'] }),
  };
}

/** A certificate that a provider serves with on loopback. */
export function issueProviderCertificate(): ServingCertificate {
  const ca = pki.root({ subject: [['CN', 'provider-ca']] });
  return { ca: ca.pem, ...issuePair(ca, { subject: [['CN', 'provider']], names: LOOPBACK, usages: ['serverAuth'] }) };
}

interface PairRequest {
  readonly subject: Subject;
  readonly names?: readonly string[];
  readonly usages: readonly (keyof typeof USAGES)[];
}

export function issuePair(ca: Pick<Issued, 'leaf'>, { subject, names = [], usages }: PairRequest): Pair {
  const { pem, privateKey } = ca.leaf({
    subject,
    extensions: {
      [OID.keyUsage]: { critical: true, value: keyUsage(0) },
      [OID.extendedKeyUsage]: { value: extendedKeyUsage(...usages.map((usage) => USAGES[usage])) },
      ...(names.length === 0 ? {} : { [OID.subjectAltName]: { value: der.sequence(...names.map(generalName)) } }),
    },
  });
  return { cert: pem, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

// RFC 5280, 4.2.1.6: dNSName is [2], iPAddress [7].
function generalName(name: string): Uint8Array {
  return isIP(name) === 4 ? der.tlv(0x87, Uint8Array.from(name.split('.').map(Number))) : der.tlv(0x82, Buffer.from(name));
}

/** Writes files for their owner's eyes into a new folder; gives the path of each. */
export function writeFiles<N extends string>(folder: string, files: Readonly<Record<N, string>>): Record<N, string> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const paths: Partial<Record<N, string>> = {};
  for (const name of Object.keys(files) as N[]) {
    const path = join(folder, name);
    // As the kubelet does: who reads meanwhile reads the old file or the new one, whole.
    writeFileSync(`${path}.new`, files[name], { mode: 0o600 });
    renameSync(`${path}.new`, path);
    paths[name] = path;
  }
  return paths as Record<N, string>;
}
