import { createHash, createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { type AlibabaClient, createAlibabaClient } from '../cloud/alibaba.ts';
import { alibabaEndpoint, alibabaParameters } from '../cloud/alibaba-parameters.ts';
import { ConfigProblem } from '../engine/errors.ts';
import { defineKeyProvider } from '../engine/kinds.ts';
import { quoted } from '../engine/reason.ts';
import type { KeyMaterial, KeySource, PublicKeyMaterial } from '../engine/types.ts';
import { CodedError, errorText } from '../lib/errors.ts';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue } from '../lib/json.ts';
import { ApiError } from '../lib/json-api.ts';

const parameters = z
  .object({
    keys: z
      .array(
        z.object({
          id: z
            .string()
            .regex(/^[\x21-\x7e]{1,256}$/)
            .describe('Of the key in KMS, exactly as statements name it.'),
          version: z
            .string()
            .regex(/^[\x21-\x7e]{1,128}$/)
            .optional()
            .describe('Of its versions the one. Default: all.'),
        }),
      )
      .min(1)
      .max(32)
      .describe('Asymmetric keys for SIGN/VERIFY.'),
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/)
      .optional()
      .describe('Of KMS, where no endpoint is given.'),
    endpoint: alibabaEndpoint.optional().describe('Where KMS answers. Default: https://kms.REGION.aliyuncs.com.'),
    verification: z
      .enum(['local', 'remote'])
      .default('local')
      .describe('Whether signatures are verified here by the public key, or by KMS (AsymmetricVerify).'),
    ...alibabaParameters,
  })
  .refine(({ region, endpoint: own }) => region !== undefined || own !== undefined, { error: 'expected region or endpoint' });

type Parameters = z.infer<typeof parameters>;

const VERSION = '2016-01-20';
const REFRESH_MS = 60_000;
const MAX_BYTES = 64 * 1024;
const MAX_VERSIONS = 100;
const AT = 'spec.parameters.keys';

/**
 * Public keys of Alibaba Cloud's KMS, by its API 2016-01-20. A key that is not enabled there gives nothing.
 *
 * @throws {ConfigProblem} `CONFIG_INVALID` for an object of a tenant: the credentials are the operator's.
 */
export const alibabaKms = defineKeyProvider({
  type: 'alibabacloudkms',
  parameters,
  create: ({ name, parameters: declared, home }) => {
    if (home?.confined === true) {
      const message = 'the cloud may be asked by objects of the cluster only, with its credentials; expected inline or secret';
      throw new ConfigProblem('CONFIG_INVALID', 'spec.type', message);
    }
    const kms = createKms(declared, createAlibabaClient(declared));
    return { name, type: 'alibabacloudkms', refreshMs: REFRESH_MS, fetch: (signal) => fetchMaterial(kms, declared, signal) };
  },
});

type Kms = (action: string, parameters: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<JsonObject>;

function createKms({ region, endpoint: own }: Parameters, client: AlibabaClient): Kms {
  const where = own ?? `https://kms.${region}.aliyuncs.com`;
  const reach = own === undefined ? { reach: 'private' as const } : {};
  return (action, given, signal) =>
    client.call({ endpoint: where, action, version: VERSION, parameters: given, maxBytes: MAX_BYTES, ...reach }, signal);
}

async function fetchMaterial(kms: Kms, { keys: declared, verification }: Parameters, signal: AbortSignal): Promise<KeyMaterial> {
  const keys: PublicKeyMaterial[] = [];
  const sources: KeySource[] = [];
  for (const { id, version } of declared) {
    const enabled = await attempt(id, () => isEnabled(kms, id, signal), signal);
    const versions = !enabled
      ? [version ?? '']
      : version !== undefined
        ? [version]
        : await attempt(id, () => versionsOf(kms, id, signal), signal);
    for (const one of versions) {
      sources.push({ holds: 'key', name: id, version: one, enabled, count: enabled ? 1 : 0 });
      if (!enabled) continue;
      const spki = await attempt(id, () => publicKeyOf(kms, id, one, signal), signal);
      keys.push({ name: id, version: one, spki, ...(verification === 'remote' ? { verify: remoteVerify(kms, id, one) } : {}) });
    }
  }
  if (keys.length === 0) throw new ConfigProblem('KEY_PROVIDER_MISSING', AT, 'none of the keys is enabled in KMS');
  return { certificates: [], keys, sources };
}

async function isEnabled(kms: Kms, id: string, signal: AbortSignal): Promise<boolean> {
  const answer = await kms('DescribeKey', { KeyId: id }, signal);
  const metadata = answer.get('KeyMetadata');
  const state = isJsonObject(metadata) ? metadata.get('KeyState') : undefined;
  if (typeof state !== 'string') throw new ApiError('INVALID', 'DescribeKey answered without KeyMetadata.KeyState');
  return state === 'Enabled';
}

async function versionsOf(kms: Kms, id: string, signal: AbortSignal): Promise<readonly string[]> {
  const answer = await kms('ListKeyVersions', { KeyId: id, PageNumber: '1', PageSize: String(MAX_VERSIONS) }, signal);
  const wrapped = answer.get('KeyVersions');
  const list: JsonValue | undefined = isJsonObject(wrapped) ? wrapped.get('KeyVersion') : undefined;
  if (!Array.isArray(list)) throw new ApiError('INVALID', 'ListKeyVersions answered without KeyVersions.KeyVersion');
  const total = answer.get('TotalCount');
  if (!(total instanceof JsonNumber) || Number(total.text) !== list.length) {
    throw new ApiError(
      'INVALID',
      `ListKeyVersions answered with ${list.length} versions; expected as many as TotalCount says, at most ${MAX_VERSIONS}`,
    );
  }
  return list.map((entry) => {
    const version = isJsonObject(entry) ? entry.get('KeyVersionId') : undefined;
    if (typeof version === 'string' && version !== '') return version;
    throw new ApiError('INVALID', 'ListKeyVersions answered with a version that has no KeyVersionId');
  });
}

async function publicKeyOf(kms: Kms, id: string, version: string, signal: AbortSignal): Promise<Uint8Array> {
  const answer = await kms('GetPublicKey', { KeyId: id, KeyVersionId: version }, signal);
  const pem = answer.get('PublicKey');
  if (answer.get('KeyVersionId') !== version) throw new ApiError('INVALID', 'GetPublicKey answered with another version');
  if (typeof pem !== 'string' || pem.includes('PRIVATE KEY-----'))
    throw new ApiError('INVALID', 'GetPublicKey answered without a public key');
  try {
    return createPublicKey(pem).export({ type: 'spki', format: 'der' });
  } catch (error) {
    throw new ApiError('INVALID', `GetPublicKey answered with a key that cannot be used: ${errorText(error)}`, {}, { cause: error });
  }
}

/** Of the documented algorithms; for others, SM2DSA among them, the digest would be another. */
const ALGORITHMS: readonly string[] = ['RSA_PSS_SHA_256', 'RSA_PKCS1_SHA_256', 'ECDSA_SHA_256'];

function remoteVerify(kms: Kms, id: string, version: string): NonNullable<PublicKeyMaterial['verify']> {
  return async (bytes, signature, algorithm, signal) => {
    if (!ALGORITHMS.includes(algorithm)) return false;
    const given = {
      KeyId: id,
      KeyVersionId: version,
      Algorithm: algorithm,
      Digest: digestParameter(bytes),
      Value: Buffer.from(signature).toString('base64'),
    };
    return await attempt(id, async () => readVerdict(await kms('AsymmetricVerify', given, signal), version), signal);
  };
}

/** `Digest` as KMS takes it: base64 of the SHA-256. */
export function digestParameter(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}

/** Only `true` is a good signature; whatever is neither that nor `false`, or of another version, says nothing. */
function readVerdict(answer: JsonObject, version: string): boolean {
  const value = answer.get('Value');
  if (answer.get('KeyVersionId') !== version || typeof value !== 'boolean') {
    throw new ApiError('INVALID', 'AsymmetricVerify answered without Value, or for another key version');
  }
  return value;
}

/** Gone for certain is only a key of which KMS says so in its own words; any other failure may pass. */
async function attempt<T>(id: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CodedError)) throw error;
    const isGone = error instanceof ApiError && error.code === 'NOT_FOUND' && (error.words ?? '').startsWith('Forbidden.KeyNotFound');
    const code = isGone ? 'KEY_PROVIDER_MISSING' : 'KEY_PROVIDER_UNAVAILABLE';
    throw new ConfigProblem(code, AT, `key ${quoted(id, 60)}: ${error.message}`, { cause: error });
  }
}
