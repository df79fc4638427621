import { SourceError } from '../engine/errors.ts';
import { CodedError } from '../lib/errors.ts';
import { ApiError } from '../lib/json-api.ts';
import { FileError } from '../lib/read-file.ts';
import { MalformedStatement } from './members.ts';

/** What is not found is no image without statements: it is the place where they would be that is not there. */
const CODES: Readonly<Record<ApiError['code'], SourceError['code']>> = {
  UNREACHABLE: 'ATTESTATIONS_UNREACHABLE',
  DENIED: 'ATTESTATIONS_DENIED',
  THROTTLED: 'ATTESTATIONS_THROTTLED',
  NOT_FOUND: 'ATTESTATIONS_INVALID',
  INVALID: 'ATTESTATIONS_INVALID',
};

/** A failure of a service, or of a credential that is kept in a file, as a source tells of it; anything else as it is. */
export function sourceFailure(error: unknown): unknown {
  if (error instanceof ApiError) return new SourceError(CODES[error.code], error.message, { cause: error });
  if (error instanceof FileError) return new SourceError('ATTESTATIONS_DENIED', error.message, { cause: error });
  if (error instanceof MalformedStatement) return new SourceError('ATTESTATIONS_INVALID', `its answer ${error.message}`, { cause: error });
  if (error instanceof CodedError && error.code === 'CREDENTIALS_INVALID') {
    return new SourceError('ATTESTATIONS_DENIED', error.message, { cause: error });
  }
  return error;
}
