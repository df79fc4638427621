import { CodedError } from '../lib/errors.ts';

export type KubeErrorCode =
  | 'CLUSTER_UNREACHABLE'
  | 'CLUSTER_DENIED'
  | 'CLUSTER_NOT_FOUND'
  | 'CLUSTER_CONFLICT'
  | 'CLUSTER_EXPIRED'
  | 'CLUSTER_REFUSED';

/** Why the API server did not do what was asked. */
export class KubeError extends CodedError {
  readonly code: KubeErrorCode;
  /** HTTP status; undefined where there was no answer. */
  readonly status: number | undefined;
  /** `reason` of its Status, such as `NotFound`; empty where it gave none. */
  readonly reason: string;
  /** How long the API server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  constructor(
    code: KubeErrorCode,
    message: string,
    { status, reason = '', retryAfterMs, cause }: { status?: number; reason?: string; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.code = code;
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** How the cluster is reached cannot be told: no kubeconfig, or one that is not taken. */
export class KubeConfigError extends CodedError {
  readonly code = 'KUBECONFIG_INVALID';
}

/** The code for an HTTP status of the API server. */
export function codeOfStatus(status: number): KubeErrorCode {
  const known = BY_STATUS[status];
  if (known !== undefined) return known;
  return status >= 500 ? 'CLUSTER_UNREACHABLE' : 'CLUSTER_REFUSED';
}

const BY_STATUS: Readonly<Record<number, KubeErrorCode>> = {
  401: 'CLUSTER_DENIED',
  403: 'CLUSTER_DENIED',
  404: 'CLUSTER_NOT_FOUND',
  408: 'CLUSTER_UNREACHABLE',
  409: 'CLUSTER_CONFLICT',
  410: 'CLUSTER_EXPIRED',
  429: 'CLUSTER_UNREACHABLE',
};
