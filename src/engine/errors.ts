import { CodedError } from '../lib/errors.ts';

/** A declared object that cannot be used; `path` is where in it, such as `spec.parameters.trustPolicyDoc`. */
export class ConfigProblem extends CodedError {
  readonly code: 'CONFIG_INVALID' | 'TRUST_POLICY_INVALID' | 'TRUST_STORE_INVALID' | 'KEY_PROVIDER_MISSING' | 'KEY_PROVIDER_UNAVAILABLE';
  readonly path: string;
  constructor(code: ConfigProblem['code'], path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.path = path;
  }
}

/** Why it could not be found out what is attested: never that nothing is. */
export class SourceError extends CodedError {
  readonly code: 'ATTESTATIONS_UNREACHABLE' | 'ATTESTATIONS_DENIED' | 'ATTESTATIONS_THROTTLED' | 'ATTESTATIONS_INVALID';
  constructor(code: SourceError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Why a rule cannot be judged, found out while an image is asked for. */
export class EvaluationError extends CodedError {
  readonly code: 'NO_STORE' | 'NO_VERIFIER' | 'NAMESPACE_REQUIRED' | 'CONTENT_INVALID';
  constructor(code: EvaluationError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
