import type { TrustPolicy, ValidationAction, ValidationType, VerificationLevel } from './types.ts';

type Actions = Readonly<Record<ValidationType, ValidationAction>>;

/** What each preset does about each step (trust-store-trust-policy, "Signature Verification details"). */
const LEVELS: Readonly<Record<TrustPolicy['signatureVerification']['level'], Actions>> = {
  strict: { integrity: 'enforce', authenticity: 'enforce', authenticTimestamp: 'enforce', expiry: 'enforce', revocation: 'enforce' },
  permissive: { integrity: 'enforce', authenticity: 'enforce', authenticTimestamp: 'log', expiry: 'log', revocation: 'log' },
  audit: { integrity: 'enforce', authenticity: 'log', authenticTimestamp: 'log', expiry: 'log', revocation: 'log' },
  skip: { integrity: 'skip', authenticity: 'skip', authenticTimestamp: 'skip', expiry: 'skip', revocation: 'skip' },
};

/** The level of a statement: its preset, or `custom` where it overrides anything. */
export function levelOf({ signatureVerification: { level, override } }: TrustPolicy): VerificationLevel {
  if (Object.keys(override).length === 0) return { name: level, actions: LEVELS[level] };
  return { name: 'custom', actions: { ...LEVELS[level], ...override } };
}
