import { attributesProblem } from './attributes.ts';
import { readEnvelope } from './envelope.ts';
import type { NotationError } from './errors.ts';
import { levelOf, VALIDATION_TYPES } from './levels.ts';
import { payloadProblem } from './payload.ts';
import { earliest, STEPS } from './steps.ts';
import type { Timestamp, ValidationResult, VerificationOutcome, VerifyInput } from './types.ts';

/**
 * Verifies one signature by one statement of a trust policy (trust-store-trust-policy, "Signature Verification"). Every step is recorded
 * with its action and its error; an enforced failure ends it. Level `skip` reads nothing and is good.
 *
 * Rejects only if `signal` aborts, or for a defect of ours.
 */
export async function verifySignature(input: VerifyInput): Promise<VerificationOutcome> {
  const level = levelOf(input.policy);
  const base = { level, policy: input.policy.name };
  if (level.name === 'skip') return { ...base, validations: VALIDATION_TYPES.map((type) => ({ type, action: 'skip' })) };

  const reading = await readEnvelope(input.envelope, input.mediaType, input.facts, input.signal);
  if ('error' in reading) {
    return { ...base, validations: [{ type: 'integrity', action: 'enforce', error: reading.error }], error: reading.error };
  }
  const envelope = reading.content;
  const validations: ValidationResult[] = [{ type: 'integrity', action: 'enforce' }];
  let stamped: Timestamp | undefined;
  const outcome = (error: NotationError | undefined): VerificationOutcome => ({
    ...base,
    envelope,
    validations,
    ...(stamped && { timestamp: stamped }),
    ...(error && { error }),
  });

  const unknown = attributesProblem(envelope.extendedAttributes);
  if (unknown !== undefined) return outcome(unknown);
  const ends: Date[] = [];
  for (const { type, check } of STEPS) {
    const action = level.actions[type];
    const signerTrusted = validations.every(({ type: earlier, error }) => earlier !== 'authenticity' || error === undefined);
    const { error, validUntil, note, timestamp } = action === 'skip' ? {} : await check({ input, envelope, action, signerTrusted });
    stamped ??= timestamp;
    validations.push({ type, action, ...(error && { error }), ...(note === undefined ? {} : { note }) });
    if (action === 'enforce' && error !== undefined) return outcome(error);
    if (action === 'enforce' && validUntil !== undefined) ends.push(validUntil);
  }
  const mismatch = payloadProblem(envelope.payload, input.subject, input.userMetadata ?? {});
  if (mismatch !== undefined) return outcome(mismatch);
  return { ...outcome(undefined), ...(ends.length > 0 && { validUntil: earliest(ends) }) };
}
