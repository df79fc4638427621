import { CodedError } from '../lib/errors.ts';
import { reason } from './reason.ts';
import type { Decision, Outcome } from './types.ts';

/** What a failure of each code means; design of the four outcomes: docs/outcomes.md. */
const OUTCOME_OF: Readonly<Record<string, Exclude<Outcome, 'accepted'>>> = {
  IMAGE_NOT_FOUND: 'refused',
  CONTENT_INVALID: 'refused',
  TOO_MANY_REFERRERS: 'refused',
  INVALID_REFERENCE: 'refused',
  REGISTRY_DENIED: 'unavailable',
  REGISTRY_UNREACHABLE: 'unavailable',
  REGISTRY_THROTTLED: 'unavailable',
  CONTENT_TRUNCATED: 'unavailable',
  CREDENTIALS_INVALID: 'unavailable',
  DEADLINE_EXCEEDED: 'unavailable',
  KEY_PROVIDER_UNAVAILABLE: 'unavailable',
  ATTESTATIONS_UNREACHABLE: 'unavailable',
  ATTESTATIONS_DENIED: 'unavailable',
  ATTESTATIONS_THROTTLED: 'unavailable',
  ATTESTATIONS_INVALID: 'unavailable',
  CONFIG_INVALID: 'misconfigured',
  TRUST_POLICY_INVALID: 'misconfigured',
  TRUST_STORE_INVALID: 'misconfigured',
  KEY_PROVIDER_MISSING: 'misconfigured',
  NO_STORE: 'misconfigured',
  NO_VERIFIER: 'misconfigured',
  NAMESPACE_REQUIRED: 'misconfigured',
};

/** From the least to the most that it weighs among rules that must all accept. */
const WEIGHT = { accepted: 0, unavailable: 1, misconfigured: 2, refused: 3 } as const satisfies Record<Outcome, number>;

/**
 * What a thrown value means: by its code, or the deadline; anything else is a defect of ours, told to `onBug` and
 * *unavailable* with `INTERNAL`. Never accepted.
 */
export function reasonOf(error: unknown, onBug?: (error: unknown) => void): Decision {
  if (error instanceof CodedError && Object.hasOwn(OUTCOME_OF, error.code)) {
    return { outcome: OUTCOME_OF[error.code] ?? 'unavailable', reason: reason(error.code, error.message) };
  }
  if (isAbort(error)) {
    return { outcome: 'unavailable', reason: reason('DEADLINE_EXCEEDED', 'not decided before the deadline; ask again') };
  }
  onBug?.(error);
  return { outcome: 'unavailable', reason: reason('INTERNAL', 'an error of ours; the log has it') };
}

/** The outcome that outweighs the others: refused, then misconfigured, then unavailable, then accepted; undefined of none. */
export function worst(outcomes: Iterable<Outcome>): Outcome | undefined {
  let found: Outcome | undefined;
  for (const outcome of outcomes) if (found === undefined || WEIGHT[outcome] > WEIGHT[found]) found = outcome;
  return found;
}

/** Whether `error` is what a signal aborts with by itself or at its time limit. */
function isAbort(error: unknown): boolean {
  // Not `instanceof DOMException`: one made by Node's core belongs to another realm when code runs in a vm context.
  const name = typeof error === 'object' && error !== null && 'name' in error ? error.name : undefined;
  return name === 'TimeoutError' || name === 'AbortError';
}
