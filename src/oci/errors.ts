import { CodedError } from '../lib/errors.ts';
import type { Digest } from './digest.ts';

interface Facts {
  /** Host of the registry, as in the reference; empty for none. */
  readonly registry: string;
  /** Of the answer that decided. */
  readonly status?: number;
  readonly digest?: Digest;
  /** How long the registry asks to be left alone. */
  readonly retryAfterMs?: number | undefined;
}

/** A registry that does not have it (`IMAGE_NOT_FOUND`), or from which nothing could be found out (the others). */
export class RegistryError extends CodedError {
  readonly code: 'IMAGE_NOT_FOUND' | 'REGISTRY_DENIED' | 'REGISTRY_UNREACHABLE' | 'REGISTRY_THROTTLED';
  readonly registry: string;
  readonly status: number | undefined;
  readonly digest: Digest | undefined;
  readonly retryAfterMs: number | undefined;
  constructor(code: RegistryError['code'], message: string, { registry, status, digest, retryAfterMs }: Facts, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.registry = registry;
    this.status = status;
    this.digest = digest;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Content that is not what its descriptor or media type says, is over a limit, or was cut short (`CONTENT_TRUNCATED`). */
export class ContentError extends CodedError {
  readonly code: 'CONTENT_INVALID' | 'CONTENT_TRUNCATED' | 'TOO_MANY_REFERRERS';
  readonly registry: string;
  readonly status: number | undefined;
  readonly digest: Digest | undefined;
  constructor(code: ContentError['code'], message: string, { registry, status, digest }: Facts, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.registry = registry;
    this.status = status;
    this.digest = digest;
  }
}
