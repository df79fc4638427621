import { isJsonObject, type JsonValue } from '../lib/json.ts';
import type { ApiError, Refusal } from '../lib/json-api.ts';

/** What the beginning of an error's code says whatever the status is: throttling comes with 400 and 503 too, a wrong key with 404. */
const MEANINGS: readonly (readonly [prefix: string, code: ApiError['code']])[] = [
  ['Throttling', 'THROTTLED'],
  ['Rejected.Throttling', 'THROTTLED'],
  ['ServiceUnavailable', 'UNREACHABLE'],
  ['InternalFailure', 'UNREACHABLE'],
  ['Forbidden.KeyNotFound', 'NOT_FOUND'],
  ['Forbidden', 'DENIED'],
  ['NoPermission', 'DENIED'],
  ['InvalidAccessKeyId', 'DENIED'],
  ['SignatureDoesNotMatch', 'DENIED'],
  ['IncompleteSignature', 'DENIED'],
  ['InvalidSecurityToken', 'DENIED'],
  ['MissingSecurityToken', 'DENIED'],
  ['InvalidTimeStamp', 'DENIED'],
  ['SignatureNonceUsed', 'DENIED'],
  ['AuthenticationFail', 'DENIED'],
];
const CODE = /^[A-Za-z0-9._-]{1,64}$/;
const MAX_WORDS = 120;

/** Reads the error of an RPC API: `{RequestId, HostId, Code, Message}`. Undefined for what is none. */
export function alibabaRefusal(body: JsonValue): Refusal | undefined {
  if (!isJsonObject(body)) return undefined;
  const code = body.get('Code');
  const message = body.get('Message');
  if (typeof code !== 'string' || !CODE.test(code)) return undefined;
  const meaning = MEANINGS.find(([prefix]) => code === prefix || code.startsWith(`${prefix}.`))?.[1];
  const words = typeof message === 'string' ? `${code}, ${printable(message)}` : code;
  return { words, ...(meaning === undefined ? {} : { code: meaning }) };
}

function printable(text: string): string {
  return text.slice(0, MAX_WORDS).replace(/[^\x20-\x7e]/g, '?');
}
