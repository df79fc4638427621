import { quoted, reason } from '../engine/reason.ts';
import type { AttestedImage } from '../engine/types.ts';
import type { Key } from '../simplesigning/keys.ts';
import { verifyImageSignature } from '../simplesigning/vault-message.ts';
import type { Judgement, Statement } from './statements.ts';

/** A key of OCI Vault, and which of its versions count. */
export interface OkeKey {
  readonly key: Key;
  /** Undefined: any that the public key verifies. */
  readonly versions: readonly string[] | undefined;
}

/** Judges an image signature by whichever listed key it names; the last one's failure stands. */
export async function judgeImageSignature(
  listed: readonly OkeKey[],
  statement: Statement,
  image: AttestedImage,
  signal: AbortSignal,
): Promise<Judgement> {
  const { keyId, keyVersion = '' } = statement.signature;
  const named = listed.filter(({ key }) => key.id === keyId);
  const keys = named.filter(({ versions }) => versions === undefined || versions.includes(keyVersion));
  let failed = refused('KEY_VERSION_UNTRUSTED', `signed by version ${quoted(keyVersion)} of the key, which the policy does not list`);
  for (const { key } of keys) {
    const judgement = await judgeBy(key, statement, image, signal);
    if (judgement.outcome === 'accepted') return judgement;
    failed = judgement;
  }
  return failed;
}

async function judgeBy(key: Key, { attestation, signature }: Statement, image: AttestedImage, signal: AbortSignal): Promise<Judgement> {
  const { keyId, keyVersion = '', algorithm = '' } = signature;
  const result = await verifyImageSignature(
    key,
    {
      // Names of where OCI keeps it: nothing is vouched for, and nothing compared.
      compartmentId: '',
      imageId: '',
      kmsKeyId: keyId,
      kmsKeyVersionId: keyVersion,
      message: Buffer.from(attestation.payload).toString('base64'),
      signature: Buffer.from(signature.signature).toString('base64'),
      signingAlgorithm: algorithm,
    },
    image.digest,
    signal,
  );
  if (!result.ok) return { outcome: result.outcome, reason: reason(result.reason.code, result.reason.message) };
  const { repositoryName, region } = result.message;
  const expected = repositoryNameOf(image.repository.path);
  if (repositoryName !== expected) {
    const message = `signed for repository ${quoted(repositoryName)}, expected ${quoted(expected ?? 'one in a tenancy')}`;
    return refused('PAYLOAD_REPOSITORY_MISMATCH', message);
  }
  return {
    outcome: 'accepted',
    reason: reason('VERIFIED', `signed by key ${quoted(keyId, 120)}`),
    detail: { repositoryName, region },
  };
}

/**
 * What OCI calls the repository: all after the namespace of the tenancy, by which every path there begins
 * (`phx.ocir.io/NAMESPACE/project01/nginx-lb` is `project01/nginx-lb`). The whole of it counts, since `nginx-lb` of another project is another
 * repository; the namespace is in no message, nor the registry's host.
 */
function repositoryNameOf(path: string): string | undefined {
  const slash = path.indexOf('/');
  return slash === -1 ? undefined : path.slice(slash + 1);
}

function refused(code: string, message: string): Judgement {
  return { outcome: 'refused', reason: reason(code, message) };
}
