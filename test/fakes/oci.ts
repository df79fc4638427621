import { type KeyObject, verify } from 'node:crypto';
import { type ApiAnswer, type ApiCall, type FakeApi, startFakeApi } from './api.ts';

export interface FakeOciOptions {
  readonly compartmentId: string;
  /** Image signatures by the digest of the image that they were made for; not what their messages say. */
  readonly signatures: Readonly<Record<string, readonly unknown[]>>;
  /** By `TENANCY/USER/FINGERPRINT`. */
  readonly keys: Readonly<Record<string, KeyObject>>;
  /** Items on a page at most, whatever is asked for. */
  readonly pageSize?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
}

const PATH = '/20160918/container/imageSignatures';
const KNOWN = ['compartmentId', 'compartmentIdInSubtree', 'imageDigest', 'limit', 'page'];
const MAX_SKEW_MS = 5 * 60_000;

/**
 * The Artifacts and Container Images API of OCI, as far as `ListContainerImageSignatures` goes: requests must be signed as "Request Signatures"
 * says, and pages go on by `opc-next-page`.
 */
export function startFakeOci(options: FakeOciOptions): Promise<FakeApi> {
  return startFakeApi((call) => answerFor(call, options), { tls: options.tls });
}

function answerFor(call: ApiCall, { compartmentId, signatures, keys, pageSize = 1000 }: FakeOciOptions): ApiAnswer {
  const unsigned = signatureProblem(call, keys);
  if (unsigned !== undefined) return refusal(401, 'NotAuthenticated', unsigned);
  const { searchParams, pathname } = call.url;
  const unknown = [...searchParams.keys()].find((name) => !KNOWN.includes(name));
  const limit = Number(searchParams.get('limit'));
  if (call.method !== 'GET' || unknown !== undefined || !(limit >= 1 && limit <= 1000)) {
    return refusal(400, 'InvalidParameter', `unexpected ${unknown ?? 'method or limit'}`);
  }
  if (pathname !== PATH || searchParams.get('compartmentId') !== compartmentId) {
    return refusal(404, 'NotAuthorizedOrNotFound', 'Authorization failed or requested resource not found.');
  }
  const all = signatures[searchParams.get('imageDigest') ?? ''] ?? [];
  const from = Number(searchParams.get('page') ?? '0');
  const to = from + Math.min(limit, pageSize);
  const items = all.slice(from, to);
  const headers = { 'opc-request-id': 'A/B/C', ...(to < all.length && { 'opc-next-page': `${to}` }) };
  return { status: 200, headers, body: { items, remainingItemsCount: Math.max(0, all.length - to) } };
}

function refusal(status: number, code: string, message: string): ApiAnswer {
  return { status, body: { code, message } };
}

/** Why OCI would not take the request for a signed one; written from "Request Signatures", not from what the product does. */
function signatureProblem({ method, url, headers }: ApiCall, keys: FakeOciOptions['keys']): string | undefined {
  const [scheme, ...rest] = (headers.authorization ?? '').split(' ');
  if (scheme !== 'Signature') return 'the scheme is not Signature';
  const parameters = new Map([...rest.join(' ').matchAll(/([A-Za-z]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]));
  if (parameters.get('version') !== '1' || parameters.get('algorithm') !== 'rsa-sha256') return 'version or algorithm is another';
  const key = keys[parameters.get('keyId') ?? ''];
  if (key === undefined) return 'the key is not known';
  const signed = (parameters.get('headers') ?? '').split(' ');
  if (!['(request-target)', 'host', 'date'].every((name) => signed.includes(name))) return 'a required header is not signed';
  if (Math.abs(Date.parse(headers.date ?? '') - Date.now()) > MAX_SKEW_MS || headers.date === undefined) return 'the date is not now';
  const lines = signed.map((name) => {
    if (name === '(request-target)') return `${name}: ${method.toLowerCase()} ${url.pathname}${url.search}`;
    return `${name}: ${String(headers[name])}`;
  });
  const signature = Buffer.from(parameters.get('signature') ?? '', 'base64');
  return verify('sha256', Buffer.from(lines.join('\n')), key, signature) ? undefined : 'the signature does not verify';
}
