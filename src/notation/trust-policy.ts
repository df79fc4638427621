import { NotationError } from './errors.ts';
import { quote } from './quote.ts';
import { isRepositoryScope } from './scope.ts';
import { readTrustPolicyDraft } from './trust-policy-draft.ts';
import { checkScopes, checkStatement } from './trust-policy-rules.ts';
import type { TrustPolicy, TrustPolicyDocument } from './types.ts';

export { levelOf } from './levels.ts';

/**
 * Reads a trust policy document from plain data, as a JSON or YAML parser gives it. Unknown members are ignored.
 *
 * @throws {NotationError} `TRUST_POLICY_INVALID` for the first rule that is broken, in the order and the words of the reference.
 */
export function parseTrustPolicyDocument(value: unknown): TrustPolicyDocument {
  const { version, trustPolicies } = readTrustPolicyDraft(value);
  if (version === '') throw invalid('trust policy document has empty version, version must be specified');
  if (version !== '1.0') throw invalid(`trust policy document uses unsupported version ${quote(version)}, expected "1.0"`);
  if (trustPolicies.length === 0) throw invalid('trust policy document can not have zero trust policy statements');
  const names = new Set<string>();
  const statements = trustPolicies.map((draft) => {
    if (names.has(draft.name)) {
      throw invalid(`multiple trust policy statements use the same name ${quote(draft.name)}, statement names must be unique`);
    }
    names.add(draft.name);
    return checkStatement(draft);
  });
  checkScopes(statements);
  return { version: '1.0', trustPolicies: statements };
}

/**
 * Finds the statement for `registry/repository@digest`: the one with that repository among its scopes, else the one with `*`. Scopes are
 * compared byte for byte; nothing is normalised, and what follows the last `@` is not looked at.
 *
 * @throws {NotationError} `NO_APPLICABLE_POLICY`
 */
export function selectTrustPolicy(document: TrustPolicyDocument, artifactReference: string): TrustPolicy {
  const at = artifactReference.lastIndexOf('@');
  const path = artifactReference.slice(0, Math.max(at, 0));
  if (!isRepositoryScope(path)) {
    throw new NotationError(
      'NO_APPLICABLE_POLICY',
      `artifact reference ${quote(artifactReference)} is not of the form registry/repository@digest`,
    );
  }
  const scopedTo = (scope: string) => document.trustPolicies.find(({ registryScopes }) => registryScopes.includes(scope));
  const statement = scopedTo(path) ?? scopedTo('*');
  if (statement !== undefined) return statement;
  throw new NotationError(
    'NO_APPLICABLE_POLICY',
    `artifact ${quote(artifactReference)} has no applicable oci trust policy statement, expected ${quote(path)} or "*" in registryScopes`,
  );
}

function invalid(message: string): NotationError {
  return new NotationError('TRUST_POLICY_INVALID', message);
}
