import { STATEMENT_MEMBERS, VERIFICATION_MEMBERS } from './trust-policy-draft.ts';

/** Something in a trust policy document that is allowed, and hardly meant. */
export interface TrustPolicyHint {
  /** Names and positions from the document down. */
  readonly path: readonly (string | number)[];
  /** Absent: nobody knows the member. */
  readonly message?: string;
}

/**
 * What to say of a document that is valid: members that mean nothing, and a statement that skips verification for every repository, which the
 * specification forbids and the reference allows.
 */
export function trustPolicyHints(document: unknown): readonly TrustPolicyHint[] {
  const statements = memberOf(document, 'trustPolicies');
  return [
    ...unknownMembers(document, ['version', 'trustPolicies'], []),
    ...(Array.isArray(statements) ? statements.flatMap((statement, i) => statementHints(statement, ['trustPolicies', i])) : []),
  ];
}

function statementHints(statement: unknown, path: readonly (string | number)[]): readonly TrustPolicyHint[] {
  const verification = memberOf(statement, 'signatureVerification');
  const scopes = memberOf(statement, 'registryScopes');
  const skipsAll = memberOf(verification, 'level') === 'skip' && Array.isArray(scopes) && scopes.includes('*');
  const message = 'level skip for every repository: signatures pass unread; the specification wants the repositories named';
  return [
    ...unknownMembers(statement, STATEMENT_MEMBERS, path),
    ...unknownMembers(verification, VERIFICATION_MEMBERS, [...path, 'signatureVerification']),
    ...(skipsAll ? [{ path: [...path, 'registryScopes'], message }] : []),
  ];
}

function unknownMembers(value: unknown, known: readonly string[], path: readonly (string | number)[]): readonly TrustPolicyHint[] {
  if (typeof value !== 'object' || value === null) return [];
  const names = Object.keys(value).filter((name) => !known.includes(name));
  return names.map((name) => ({ path: [...path, name] }));
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)).get(name) : undefined;
}
