import { createHash, createHmac } from 'node:crypto';

/** An access key of Alibaba Cloud, or a temporary one with its token. */
export interface AlibabaKey {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
}

/** A call of an RPC API as it is signed. */
export interface SignedCall {
  readonly method: 'POST' | 'GET';
  /** With the port where it is not the scheme's own. */
  readonly host: string;
  readonly action: string;
  /** Of the API, such as `2016-01-20`. */
  readonly version: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly date: Date;
  /** Never the same twice. */
  readonly nonce: string;
}

const ALGORITHM = 'ACS3-HMAC-SHA256';
const EMPTY_BODY = createHash('sha256').digest('hex');

/**
 * Headers of a call without a body, signed by method V3 (`ACS3-HMAC-SHA256`).
 *
 * Not by the older one (`SignatureVersion` 1.0): that is HMAC-SHA1, keeps its signature in the URL, and the vendor tells to leave it; every
 * API of the OpenAPI portal takes V3, among them cr, kms and sts.
 */
export function signatureHeaders(call: SignedCall, { accessKeyId, accessKeySecret, securityToken }: AlibabaKey): Record<string, string> {
  const headers: Readonly<Record<string, string>> = {
    host: call.host,
    'x-acs-action': call.action,
    'x-acs-content-sha256': EMPTY_BODY,
    'x-acs-date': call.date.toISOString().replace(/\.\d{3}Z$/, 'Z'),
    ...(securityToken === undefined ? {} : { 'x-acs-security-token': securityToken }),
    'x-acs-signature-nonce': call.nonce,
    'x-acs-version': call.version,
  };
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const canonical = [call.method, '/', canonicalQuery(call.parameters), lines, names.join(';'), EMPTY_BODY].join('\n');
  const toSign = `${ALGORITHM}\n${createHash('sha256').update(canonical).digest('hex')}`;
  const signature = createHmac('sha256', accessKeySecret).update(toSign).digest('hex');
  const { host: _sentAnyway, ...sent } = headers;
  return { ...sent, authorization: `${ALGORITHM} Credential=${accessKeyId},SignedHeaders=${names.join(';')},Signature=${signature}` };
}

/** Parameters as they are signed and sent: sorted by name, with RFC 3986's percent encoding. */
export function canonicalQuery(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map((pair) => pair.join('='))
    .join('&');
}

function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
