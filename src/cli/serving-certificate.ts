import { isIP } from 'node:net';
import type { MadeCertificate } from '../kube/serving-secret.ts';
import { issueAuthority } from '../x509/issue.ts';

/** A P-256 serving certificate, signed by an authority whose key is forgotten with the call. */
export async function issueServingCertificate(hosts: readonly string[], days: number, now: Date): Promise<MadeCertificate> {
  const authority = await issueAuthority({ commonName: `countersign ${now.toISOString().slice(0, 10)}`, now, days });
  const { certPem, keyPem } = await authority.issue({
    commonName: 'countersign',
    dnsNames: hosts.filter((host) => isIP(host) === 0),
    ipAddresses: hosts.filter((host) => isIP(host) !== 0),
    usages: ['serverAuth'],
  });
  return { ca: authority.certPem, cert: certPem, key: keyPem };
}
