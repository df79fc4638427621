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
