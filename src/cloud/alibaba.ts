import type { Reach } from '../lib/address.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { createHttpClient } from '../lib/http.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { ApiError, askJson } from '../lib/json-api.ts';
import { readFileWithin } from '../lib/read-file.ts';
import { type AlibabaCredentialOptions, createAlibabaCredentials } from './alibaba-credentials.ts';
import { alibabaRefusal } from './alibaba-refusal.ts';
import { canonicalQuery, signatureHeaders } from './alibaba-signature.ts';

/** How the APIs of Alibaba Cloud are reached, as settings and declared objects say it. */
export interface AlibabaOptions
  extends Pick<AlibabaCredentialOptions, 'accessKeyFolder' | 'roleArn' | 'oidcProviderArn' | 'oidcTokenFile' | 'stsEndpoint'> {
  /** PEM of roots that are trusted beside the system's. */
  readonly caFile?: string | undefined;
  /** For one request, in seconds. */
  readonly timeoutSeconds: number;
  /** Default: that of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
}

/** A call of an RPC API. */
export interface AlibabaCall {
  /** Of the API, such as `https://kms.cn-hangzhou.aliyuncs.com`. */
  readonly endpoint: string;
  readonly action: string;
  readonly version: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly maxBytes: number;
  /** The most private address that may be connected to. Default: any. */
  readonly reach?: Exclude<Reach, 'never'>;
}

export interface AlibabaClient {
  /** The object that the API answers. @throws {ApiError | AlibabaCredentialsError | FileError} */
  call(call: AlibabaCall, signal: AbortSignal): Promise<JsonObject>;
}

const MAX_CA_BYTES = 1024 * 1024;

/** Speaks to RPC APIs of Alibaba Cloud, each request signed anew. */
export function createAlibabaClient(options: AlibabaOptions): AlibabaClient {
  const { clock = systemClock, caFile, env = process.env } = options;
  const timeoutMs = options.timeoutSeconds * 1000;
  const http = createHttpClient();
  const ca = async () => (caFile === undefined ? undefined : Buffer.from(await readFileWithin(caFile, MAX_CA_BYTES)).toString('utf8'));
  const credentials = createAlibabaCredentials({ ...options, env, http, timeoutMs, ca, clock });
  return {
    call: async ({ endpoint, action, version, parameters, maxBytes, reach }, signal) => {
      const url = new URL(`/?${canonicalQuery(parameters)}`, endpoint);
      const who = `${action} at ${url.host}`;
      const prepare = async () => {
        const stamps = { date: new Date(clock.now()), nonce: crypto.randomUUID() };
        const signed = { method: 'POST' as const, host: url.host, action, version, parameters, ...stamps };
        const headers = { accept: 'application/json', ...signatureHeaders(signed, await credentials.get(signal)) };
        return { method: signed.method, url, headers, ca: await ca(), ...(reach === undefined ? {} : { reach }) };
      };
      try {
        const answer = await askJson(http, prepare, { who, maxBytes, timeoutMs, signal, explain: alibabaRefusal });
        if (isJsonObject(answer)) return answer;
      } catch (error) {
        if (error instanceof ApiError && error.code === 'DENIED') credentials.forget();
        throw error;
      }
      throw new ApiError('INVALID', `${who} answered something else than an object`);
    },
  };
}
