import { CERTIFICATES, CHAIN } from './certificates.ts';
import { COSE } from './cose.ts';
import { DEEP_CERTIFICATES } from './deep-certificates.ts';
import { ENVELOPES } from './envelopes.ts';
import { JWS } from './jws.ts';
import { PAYLOAD } from './payload.ts';
import { POLICY } from './policy.ts';
import { REVOCATION } from './revocation.ts';
import { STORES } from './stores.ts';
import type { MutatorTable } from './table.ts';
import { TIMESTAMP } from './timestamp.ts';
import { TIMESTAMP_PATHS } from './timestamp-paths.ts';

/** Every mutator, by the name under which the report counts it. */
export const MUTATORS: MutatorTable = {
  ...ENVELOPES,
  ...JWS,
  ...COSE,
  ...CHAIN,
  ...CERTIFICATES,
  ...DEEP_CERTIFICATES,
  ...PAYLOAD,
  ...REVOCATION,
  ...POLICY,
  ...STORES,
  ...TIMESTAMP,
  ...TIMESTAMP_PATHS,
};
