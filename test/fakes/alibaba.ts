import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { type ApiAnswer, type ApiCall, type FakeApi, startFakeApi } from './api.ts';

/** A key version that the KMS holds; `verify` is what its hardware would say. */
export interface FakeKmsVersion {
  readonly version: string;
  /** PEM. */
  readonly publicKey: string;
  readonly verify?: (algorithm: string, digest: Buffer, signature: Buffer) => boolean;
}

export interface FakeAlibabaOptions {
  /** Access keys that are taken, by id; with a security token where one must come with it. */
  readonly accessKeys?: Readonly<Record<string, { readonly secret: string; readonly token?: string }>>;
  readonly sts?: {
    readonly roleArn: string;
    readonly oidcProviderArn: string;
    readonly oidcToken: string;
    /** Seconds from now. Default 3600. */
    readonly lifetime?: number;
  };
  readonly cr?: {
    readonly instances: readonly { readonly InstanceId: string; readonly InstanceName: string }[];
    /** By instance. */
    readonly occurrences: Readonly<Record<string, readonly unknown[]>>;
    /** Entries on a page at most. */
    readonly pageSize?: number;
  };
  readonly kms?: Readonly<Record<string, { readonly state?: string; readonly versions: readonly FakeKmsVersion[] }>>;
}

/** The key that is taken where a test has no reason for another. */
export const KEY = { accessKeyId: 'LTAI-test', accessKeySecret: 'the-secret' } as const;

type Action = (parameters: URLSearchParams, options: FakeAlibabaOptions, call: ApiCall) => ApiAnswer;

/**
 * STS 2015-04-01, Container Registry 2018-12-01 and KMS 2016-01-20 as the vendor documents their RPC calls, at one address. Signatures of
 * method V3 are checked, and nonces must be new. `ListMetadataOccurrences` is not documented: it answers as the registry's other lists.
 */
export function startFakeAlibaba(options: FakeAlibabaOptions): Promise<FakeApi> {
  const nonces = new Set<string>();
  const issued = new Map<string, { readonly secret: string; readonly token?: string }>(
    Object.entries(options.accessKeys ?? { [KEY.accessKeyId]: { secret: KEY.accessKeySecret } }),
  );
  return startFakeApi((call) => {
    const action = call.url.searchParams.get('Action') ?? call.headers['x-acs-action'];
    if (action === 'AssumeRoleWithOIDC') return assumeRole(call, options, issued);
    const refusal = signatureProblem(call, issued, nonces);
    if (refusal !== undefined) return refusal;
    const known = typeof action === 'string' ? ACTIONS[`${action} ${call.headers['x-acs-version']}`] : undefined;
    return known?.(call.url.searchParams, options, call) ?? error(404, 'InvalidAction.NotFound', 'Specified api is not found');
  });
}

const ACTIONS: Readonly<Record<string, Action>> = {
  'ListInstance 2018-12-01': listInstance,
  'ListMetadataOccurrences 2018-12-01': listOccurrences,
  'DescribeKey 2016-01-20': describeKey,
  'ListKeyVersions 2016-01-20': listKeyVersions,
  'GetPublicKey 2016-01-20': getPublicKey,
  'AsymmetricVerify 2016-01-20': asymmetricVerify,
};

function error(status: number, Code: string, Message: string): ApiAnswer {
  return { status, body: { RequestId: 'A-B-C', HostId: 'cloud.test', Code, Message } };
}

const ok = (body: object): ApiAnswer => ({ status: 200, body: { RequestId: 'A-B-C', ...body } });

const AUTHORIZATION = /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/;
const MUST_BE_SIGNED = ['host', 'x-acs-action', 'x-acs-content-sha256', 'x-acs-date', 'x-acs-signature-nonce', 'x-acs-version'];

function signatureProblem(
  { method, url, headers, body }: ApiCall,
  keys: ReadonlyMap<string, { readonly secret: string; readonly token?: string }>,
  nonces: Set<string>,
): ApiAnswer | undefined {
  const [, id = '', names = '', signature = ''] = AUTHORIZATION.exec(headers.authorization ?? '') ?? [];
  const key = keys.get(id);
  if (key === undefined) return error(404, 'InvalidAccessKeyId.NotFound', 'Specified access key is not found.');
  if (headers['x-acs-security-token'] !== key.token) return error(400, 'InvalidSecurityToken.MismatchWithAccessKey', 'wrong token');
  const signed = names.split(';');
  const acs = Object.keys(headers).filter((name) => name.startsWith('x-acs-'));
  if ([...MUST_BE_SIGNED, ...acs].some((name) => !signed.includes(name)))
    return error(400, 'IncompleteSignature', 'a header is not signed');
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  if (headers['x-acs-content-sha256'] !== hash(body)) return error(400, 'SignatureDoesNotMatch', 'another body');
  const lines = signed.map((name) => `${name}:${String(headers[name]).trim()}\n`).join('');
  const query = [...url.search.slice(1).split('&')].sort().join('&');
  const canonical = `${method}\n${url.pathname}\n${query}\n${lines}\n${names}\n${hash(body)}`;
  const expected = createHmac('sha256', key.secret)
    .update(`ACS3-HMAC-SHA256\n${hash(canonical)}`)
    .digest('hex');
  if (!timingSafeEqual(Buffer.from(expected), Buffer.from(signature))) return error(400, 'SignatureDoesNotMatch', 'another signature');
  const age = Math.abs(Date.now() - Date.parse(String(headers['x-acs-date'])));
  if (!(age < 15 * 60_000)) return error(400, 'InvalidTimeStamp.Expired', 'Specified time stamp or date value is expired.');
  const nonce = String(headers['x-acs-signature-nonce']);
  if (nonces.has(nonce)) return error(400, 'SignatureNonceUsed', 'Specified signature nonce was used already.');
  nonces.add(nonce);
  return undefined;
}

function assumeRole(
  { method, url, headers, body }: ApiCall,
  { sts }: FakeAlibabaOptions,
  issued: Map<string, { readonly secret: string; readonly token?: string }>,
): ApiAnswer {
  const form = new URLSearchParams(body);
  const isForm = method === 'POST' && headers['content-type'] === 'application/x-www-form-urlencoded';
  const isComplete = ['Version', 'Timestamp', 'SignatureNonce'].every((name) => url.searchParams.has(name)) && form.has('RoleSessionName');
  if (sts === undefined || !isForm || !isComplete) return error(400, 'InvalidParameter', 'a parameter is missing');
  if (form.get('OIDCToken') !== sts.oidcToken) return error(400, 'AuthenticationFail.OIDCToken.Invalid', 'This JWT Token is invalid.');
  if (form.get('RoleArn') !== sts.roleArn) return error(404, 'EntityNotExist.Role', 'The role does not exist.');
  if (form.get('OIDCProviderArn') !== sts.oidcProviderArn) return error(400, 'AuthenticationFail.NotFound', 'no such provider');
  const id = `STS.${issued.size}`;
  issued.set(id, { secret: `secret-of-${id}`, token: `token-of-${id}` });
  const Expiration = new Date(Date.now() + (sts.lifetime ?? 3600) * 1000).toISOString().replace(/\.\d{3}/, '');
  return ok({
    Credentials: { AccessKeyId: id, AccessKeySecret: `secret-of-${id}`, SecurityToken: `token-of-${id}`, Expiration },
    AssumedRoleUser: { AssumedRoleId: '1:countersign', Arn: `${sts.roleArn}/countersign` },
  });
}

function listInstance(parameters: URLSearchParams, { cr }: FakeAlibabaOptions): ApiAnswer {
  const found = (cr?.instances ?? []).filter(({ InstanceName }) => InstanceName.includes(parameters.get('InstanceName') ?? ''));
  return ok({ Code: 'success', IsSuccess: true, PageNo: 1, PageSize: 100, TotalCount: found.length, Instances: found });
}

function listOccurrences(parameters: URLSearchParams, { cr }: FakeAlibabaOptions): ApiAnswer {
  const all = cr?.occurrences[parameters.get('InstanceId') ?? ''];
  if (all === undefined) return error(404, 'INSTANCE_NOT_EXIST', 'instance is not exist');
  const size = Math.min(Number(parameters.get('PageSize')), cr?.pageSize ?? 100);
  const from = (Number(parameters.get('PageNo')) - 1) * size;
  return ok({
    Code: 'success',
    IsSuccess: true,
    PageNo: from / size + 1,
    PageSize: size,
    TotalCount: all.length,
    Occurrences: all.slice(from, from + size),
  });
}

const KEY_NOT_FOUND = error(404, 'Forbidden.KeyNotFound', 'The specified Key is not found.');

function describeKey(parameters: URLSearchParams, { kms }: FakeAlibabaOptions): ApiAnswer {
  const KeyId = parameters.get('KeyId') ?? '';
  const key = kms?.[KeyId];
  if (key === undefined) return KEY_NOT_FOUND;
  return ok({ KeyMetadata: { KeyId, KeyState: key.state ?? 'Enabled', KeyUsage: 'SIGN/VERIFY' } });
}

function listKeyVersions(parameters: URLSearchParams, { kms }: FakeAlibabaOptions): ApiAnswer {
  const KeyId = parameters.get('KeyId') ?? '';
  const key = kms?.[KeyId];
  if (key === undefined) return KEY_NOT_FOUND;
  const KeyVersion = key.versions.map(({ version }) => ({ KeyId, KeyVersionId: version, CreationDate: '2026-01-01T00:00:00Z' }));
  const size = Number(parameters.get('PageSize') ?? '10');
  return ok({ PageNumber: 1, PageSize: size, TotalCount: KeyVersion.length, KeyVersions: { KeyVersion: KeyVersion.slice(0, size) } });
}

function getPublicKey(parameters: URLSearchParams, { kms }: FakeAlibabaOptions): ApiAnswer {
  const found = versionOf(parameters, kms);
  if (found === undefined) return KEY_NOT_FOUND;
  return ok({ KeyId: parameters.get('KeyId'), KeyVersionId: found.version, PublicKey: found.publicKey });
}

function asymmetricVerify(parameters: URLSearchParams, { kms }: FakeAlibabaOptions): ApiAnswer {
  const found = versionOf(parameters, kms);
  if (found?.verify === undefined) return KEY_NOT_FOUND;
  const digest = Buffer.from(parameters.get('Digest') ?? '', 'base64');
  if (digest.length !== 32) return error(400, 'InvalidParameter', 'The specified parameter Digest is not valid.');
  const Value = found.verify(parameters.get('Algorithm') ?? '', digest, Buffer.from(parameters.get('Value') ?? '', 'base64'));
  return ok({ KeyId: parameters.get('KeyId'), KeyVersionId: found.version, Value });
}

function versionOf(parameters: URLSearchParams, kms: FakeAlibabaOptions['kms']): FakeKmsVersion | undefined {
  return kms?.[parameters.get('KeyId') ?? '']?.versions.find(({ version }) => version === parameters.get('KeyVersionId'));
}
