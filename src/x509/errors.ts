import { CodedError } from '../lib/errors.ts';

export type X509ErrorCode = 'CERTIFICATE_INVALID' | 'CHAIN_INVALID' | 'PATH_INVALID' | 'PEM_INVALID';

/** A certificate, a chain or a PEM text that is not what it must be. */
export class X509Error extends CodedError {
  readonly code: X509ErrorCode;
  constructor(code: X509ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
