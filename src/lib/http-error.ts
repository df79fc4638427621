import { CodedError } from './errors.ts';

/**
 * Why there is no answer, or not all of it: `UNREACHABLE` no connection, or none that speaks TLS and HTTP in time; `TRUNCATED` the body
 * ended early or fell silent; `FORBIDDEN` an address or scheme that may not be reached; `ENCODED` a Content-Encoding, which nobody asked
 * for; `OVERLONG` more bytes than were wanted.
 */
export class HttpError extends CodedError {
  readonly code: 'UNREACHABLE' | 'TRUNCATED' | 'FORBIDDEN' | 'ENCODED' | 'OVERLONG';
  constructor(code: HttpError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
