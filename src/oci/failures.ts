import { CodedError } from '../lib/errors.ts';
import { type HttpAnswer, HttpError } from '../lib/http.ts';
import { retryAfterMs } from '../lib/retry.ts';
import { ContentError, RegistryError } from './errors.ts';
import type { RegistryLimits } from './limits.ts';
import { foreignText } from './text.ts';

const HTTP_OUTCOMES = {
  UNREACHABLE: 'REGISTRY_UNREACHABLE',
  FORBIDDEN: 'REGISTRY_UNREACHABLE',
  TRUNCATED: 'CONTENT_TRUNCATED',
  ENCODED: 'CONTENT_INVALID',
  OVERLONG: 'CONTENT_INVALID',
} as const satisfies Record<HttpError['code'], RegistryError['code'] | ContentError['code']>;

/**
 * The error for an answer that says that there is none to be had now: 401, 403, 408, 429 and 5xx; undefined for any other status.
 *
 * @param who - Who answered. Default: the registry.
 */
export function refusalOf({ status, header }: HttpAnswer, registry: string, now: number, who = registry): RegistryError | undefined {
  const facts = { registry, status, retryAfterMs: retryAfterMs(header('retry-after') ?? '', now) };
  if (status === 401 || status === 403) {
    return new RegistryError('REGISTRY_DENIED', `${who} answered ${status}: check the credential that is declared`, facts);
  }
  if (status === 429) return new RegistryError('REGISTRY_THROTTLED', `${who} answered 429: too many requests`, facts);
  if (status === 408 || status >= 500) return new RegistryError('REGISTRY_UNREACHABLE', `${who} answered ${status}`, facts);
  return undefined;
}

/** The error for a status that the protocol does not have here. */
export function unexpectedStatus(status: number, registry: string, what: string): RegistryError {
  return new RegistryError('REGISTRY_UNREACHABLE', `${registry} answered ${status} for ${what}; expected 200`, { registry, status });
}

/** What failed, in the terms of registries; a coded error of theirs stays as it is. */
export function registryFailure(error: unknown, registry: string): unknown {
  if (!(error instanceof HttpError)) return error;
  const code = HTTP_OUTCOMES[error.code];
  const why = foreignText(error.message);
  if (code === 'REGISTRY_UNREACHABLE') {
    return new RegistryError(code, `${registry} cannot be reached: ${why}`, { registry }, { cause: error });
  }
  return new ContentError(code, `an answer of ${registry} ${why}`, { registry }, { cause: error });
}

/** What went wrong with a token answer: nothing was found out about the image, whatever was wrong. */
export function tokenFailure(error: unknown, registry: string): unknown {
  if (!(error instanceof CodedError) || (error instanceof HttpError && error.code === 'TRUNCATED')) return error;
  const message = `the answer of the token server of ${registry} cannot be used: ${foreignText(error.message)}`;
  return new RegistryError('REGISTRY_UNREACHABLE', message, { registry }, { cause: error });
}

/** How long to wait before trying once more what failed with `error`; undefined if that would be no use. */
export function retryWait(error: unknown, limits: RegistryLimits): number | undefined {
  if (!(error instanceof CodedError)) return undefined;
  const { cause } = error;
  if (cause instanceof HttpError) return cause.code === 'UNREACHABLE' || cause.code === 'TRUNCATED' ? limits.retryMs : undefined;
  if (!(error instanceof RegistryError) || error.code === 'REGISTRY_DENIED') return undefined;
  if (error.status === undefined || (error.status < 500 && error.status !== 408 && error.status !== 429)) return undefined;
  const wait = error.retryAfterMs ?? limits.retryMs;
  return wait <= limits.maxRetryAfterMs ? wait : undefined;
}
