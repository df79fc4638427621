import { ENVELOPES_DIFFERENCES } from './differences/envelopes.ts';
import { RETRIEVAL_DIFFERENCES } from './differences/retrieval.ts';
import { STATUS_DIFFERENCES } from './differences/status.ts';
import { TRUST_DIFFERENCES } from './differences/trust.ts';
import { FOLLOWED, NO_TESTS, WEAK_POINTS } from './followed.ts';
import { ENVELOPES } from './rules/envelopes.ts';
import { RETRIEVAL } from './rules/retrieval.ts';
import { STATUS } from './rules/status.ts';
import { TRUST } from './rules/trust.ts';
import type { Area, Difference, Followed, NoTest, WeakPoint } from './types.ts';

/** All that the conformance page says. */
export interface Claims {
  readonly areas: readonly Area[];
  readonly differences: readonly Difference[];
  readonly followed: readonly Followed[];
  readonly noTests: readonly NoTest[];
  readonly weakPoints: readonly WeakPoint[];
}

export const CLAIMS: Claims = {
  areas: [...RETRIEVAL, ...ENVELOPES, ...TRUST, ...STATUS],
  differences: [...RETRIEVAL_DIFFERENCES, ...ENVELOPES_DIFFERENCES, ...TRUST_DIFFERENCES, ...STATUS_DIFFERENCES],
  followed: FOLLOWED,
  noTests: NO_TESTS,
  weakPoints: WEAK_POINTS,
};
