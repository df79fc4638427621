import type { TrustPolicy, ValidationAction, ValidationType, VerificationLevel } from './types.ts';

type Actions = VerificationLevel['actions'];

/** In the order in which they run. */
export const VALIDATION_TYPES = ['integrity', 'authenticity', 'expiry', 'authenticTimestamp', 'revocation'] as const;

export const VALIDATION_ACTIONS = ['enforce', 'log', 'skip'] as const satisfies ValidationAction[];

/** The preset levels (trust-store-trust-policy, "Signature Verification details"). */
export const LEVELS: Readonly<Record<TrustPolicy['signatureVerification']['level'], Actions>> = {
  strict: actions('enforce', 'enforce', 'enforce'),
  permissive: actions('enforce', 'enforce', 'log'),
  audit: actions('enforce', 'log', 'log'),
  skip: actions('skip', 'skip', 'skip'),
};

/** The level of a statement: its preset, or `custom` where `override` changes it. */
export function levelOf({ signatureVerification: { level, override } }: TrustPolicy): VerificationLevel {
  const preset = LEVELS[level];
  if (Object.keys(override).length === 0) return { name: level, actions: preset };
  return { name: 'custom', actions: { ...preset, ...override } };
}

function actions(integrity: ValidationAction, authenticity: ValidationAction, rest: ValidationAction): Actions {
  return { integrity, authenticity, expiry: rest, authenticTimestamp: rest, revocation: rest } satisfies Record<
    ValidationType,
    ValidationAction
  >;
}
