import { randomBytes } from 'node:crypto';
import { createFactCache } from '../src/lib/cache.ts';
import { createRevocationNetwork } from '../src/lib/revocation-network.ts';
import { parseTrustPolicyDocument, selectTrustPolicy } from '../src/notation/trust-policy.ts';
import { createTrustStore } from '../src/notation/trust-store.ts';
import { verifySignature } from '../src/notation/verify.ts';
import { digestOf } from '../src/oci/digest.ts';
import { pki } from '../test/pki.ts';
import { signJws } from '../test/sign.ts';
import { atMost, context, type Figure } from './report.ts';
import { startResponder } from './responder.ts';
import { newSigner, timestampingAuthority } from './revocation.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** CPU of this process for signatures that lie in memory, each seen for the first time: with and without a timestamp, signers known to be good. */
export async function signatureCpu(count: number, checkMicroseconds: number): Promise<Figure[]> {
  const plain = (await cpuOfEach(count, false)) / checkMicroseconds;
  const stamped = (await cpuOfEach(count, true)) / checkMicroseconds;
  const over = 'CPU over that of one RSA-PSS-2048 check';
  return [
    context('R4', `a signature at hand, its signer known to be good: ${over}`, plain, 'x'),
    atMost('R4', `the same, timestamped, the authority known to be good too: ${over}`, stamped, 25, 'x'),
  ];
}

async function cpuOfEach(count: number, isStamped: boolean): Promise<number> {
  const responder = await startResponder();
  const root = pki.root({ key: 'RSA-2048' });
  const signer = newSigner(responder, root);
  const authority = timestampingAuthority(responder);
  const policy = selectTrustPolicy(
    parseTrustPolicyDocument({
      version: '1.0',
      trustPolicies: [
        {
          name: 'bench',
          registryScopes: ['*'],
          signatureVerification: { level: 'strict', verifyTimestamp: 'always' },
          trustStores: ['ca:bench', ...(isStamped ? ['tsa:bench'] : [])],
          trustedIdentities: ['*'],
        },
      ],
    }),
    `registry.example.test/app@${digestOf(randomBytes(32))}`,
  );
  const trustStore = await createTrustStore(
    new Map<'ca:bench' | 'tsa:bench', readonly Uint8Array[]>([
      ['ca:bench', [root.cert]],
      ['tsa:bench', [authority.root.cert]],
    ]),
  );
  const facts = createFactCache({ maxBytes: 64 * 1024 * 1024 });
  const revocation = createRevocationNetwork({ allowedHosts: [responder.host] });
  const signed = Array.from({ length: count }, () => {
    const subject = { mediaType: MANIFEST, digest: digestOf(randomBytes(32)), size: 32 };
    const stamp = isStamped ? { timestampSignature: authority.stamp } : {};
    return { subject, envelope: Buffer.from(signJws({ signer, subject, time: new Date(Date.UTC(2026, 0, 1)), ...stamp })) };
  });
  const { signal } = new AbortController();
  const verify = async ({ subject, envelope }: (typeof signed)[number]): Promise<void> => {
    const input = {
      envelope,
      mediaType: 'application/jose+json' as const,
      subject,
      policy,
      trustStore,
      facts,
      revocation,
      signal,
      now: new Date(),
    };
    const { error } = await verifySignature(input);
    if (error !== undefined) throw error;
  };
  const warmUp = Math.ceil(count / 5);
  for (const each of signed.slice(0, warmUp)) await verify(each);
  const before = process.cpuUsage();
  for (const each of signed.slice(warmUp)) await verify(each);
  const { user, system } = process.cpuUsage(before);
  await revocation.close();
  responder.close();
  return (user + system) / (count - warmUp);
}
