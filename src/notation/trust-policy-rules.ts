import { NotationError } from './errors.ts';
import { type DistinguishedName, isSubset, parseDistinguishedName, subjectIdentity } from './identity.ts';
import { LEVELS, VALIDATION_ACTIONS, VALIDATION_TYPES } from './levels.ts';
import { quote } from './quote.ts';
import { isRepositoryScope } from './scope.ts';
import type { StatementDraft } from './trust-policy-draft.ts';
import type { SignatureVerification, TrustPolicy, TrustStoreType, ValidationAction, ValidationType } from './types.ts';

/** @throws {NotationError} `TRUST_POLICY_INVALID` for the first rule of a single statement that is broken, its scopes aside. */
export function checkStatement(draft: StatementDraft): TrustPolicy {
  const { name, registryScopes, trustedIdentities } = draft;
  if (name === '') throw invalid('a trust policy statement is missing a name, every statement requires a name');
  const signatureVerification = checkVerification(draft);
  const configured = draft.trustStores.length > 0 || trustedIdentities.length > 0;
  if (signatureVerification.level === 'skip' && configured) {
    throw invalid(
      `trust policy statement ${quote(name)} is set to skip signature verification but configured with trust stores and/or trusted identities, remove them if signature verification needs to be skipped`,
    );
  }
  if (signatureVerification.level === 'skip') {
    return { name, registryScopes, signatureVerification, trustStores: [], trustedIdentities };
  }
  if (draft.trustStores.length === 0 || trustedIdentities.length === 0) {
    throw invalid(`trust policy statement ${quote(name)} is either missing trust stores or trusted identities, both must be specified`);
  }
  const trustStores = draft.trustStores.map((store) => checkTrustStore(store, name));
  checkIdentities(trustedIdentities, name);
  return { name, registryScopes, signatureVerification, trustStores, trustedIdentities };
}

/** @throws {NotationError} `TRUST_POLICY_INVALID` for the first rule about the scopes of all statements that is broken. */
export function checkScopes(statements: readonly TrustPolicy[]): void {
  const seen = new Set<string>();
  for (const { name, registryScopes } of statements) {
    const statement = `trust policy statement ${quote(name)}`;
    if (registryScopes.length === 0) throw invalid(`${statement} has zero registry scopes, it must specify at least one`);
    if (registryScopes.length > 1 && registryScopes.includes('*')) {
      throw invalid(
        `${statement} uses wildcard registry scope '*', a wildcard scope cannot be used in conjunction with other scope values`,
      );
    }
    for (const scope of registryScopes) checkScope(scope);
  }
  for (const scope of statements.flatMap(({ registryScopes }) => registryScopes)) {
    if (seen.has(scope)) {
      throw invalid(
        `registry scope ${quote(scope)} is present in multiple oci trust policy statements, one scope value can only be associated with one statement`,
      );
    }
    seen.add(scope);
  }
}

function invalid(message: string, cause?: Error): NotationError {
  return new NotationError('TRUST_POLICY_INVALID', message, { cause });
}

function checkVerification({ name, level, override, verifyTimestamp }: StatementDraft): SignatureVerification {
  const at = `trust policy statement ${quote(name)} has invalid signatureVerification: `;
  if (level === '') throw invalid(`${at}signature verification level is empty or missing`);
  if (!isLevel(level)) throw invalid(`${at}invalid signature verification level ${quote(level)}`);
  if (level === 'skip' && override.length > 0) {
    throw invalid(`${at}signature verification level "skip" can't be used to customize signature verification`);
  }
  const overridden = override.map(([type, action]) => checkOverride(type, action, at));
  if (verifyTimestamp !== '' && verifyTimestamp !== 'always' && verifyTimestamp !== 'afterCertExpiry') {
    throw invalid(`${at}verifyTimestamp must be "always" or "afterCertExpiry", but got ${quote(verifyTimestamp)}`);
  }
  return { level, override: Object.fromEntries(overridden), verifyTimestamp: verifyTimestamp === '' ? 'always' : verifyTimestamp };
}

function isLevel(level: string): level is keyof typeof LEVELS {
  return Object.hasOwn(LEVELS, level);
}

function checkOverride(type: string, action: string, at: string): readonly [ValidationType, ValidationAction] {
  const knownType = VALIDATION_TYPES.find((known) => known === type);
  const knownAction = VALIDATION_ACTIONS.find((known) => known === action);
  if (knownType === undefined) throw invalid(`${at}verification type ${quote(type)} in custom signature verification is not supported`);
  if (knownAction === undefined) {
    throw invalid(`${at}verification action ${quote(action)} in custom signature verification is not supported`);
  }
  if (knownType === 'integrity') throw invalid(`${at}"integrity" verification can not be overridden in custom signature verification`);
  if (knownAction === 'skip' && knownType !== 'revocation') {
    throw invalid(`${at}${quote(type)} verification can not be skipped in custom signature verification`);
  }
  return [knownType, knownAction];
}

const STORE_TYPES = ['ca', 'signingAuthority', 'tsa'] as const satisfies TrustStoreType[];
const STORE_NAME = /^[a-zA-Z0-9_.-]+$/;

function checkTrustStore(store: string, statement: string): `${TrustStoreType}:${string}` {
  const at = `trust policy statement ${quote(statement)} `;
  const colon = store.indexOf(':');
  if (colon < 0)
    throw invalid(`${at}has malformed trust store value ${quote(store)}. The required format is <TrustStoreType>:<TrustStoreName>`);
  const type = STORE_TYPES.find((known) => known === store.slice(0, colon));
  const name = store.slice(colon + 1);
  if (type === undefined) throw invalid(`${at}uses an unsupported trust store type ${quote(store.slice(0, colon))} in ${quote(store)}`);
  if (!STORE_NAME.test(name)) {
    throw invalid(
      `${at}uses an unsupported trust store name ${quote(name)} in ${quote(store)}. Named store name needs to follow [a-zA-Z0-9_.-]+ format`,
    );
  }
  return `${type}:${name}`;
}

function checkIdentities(identities: readonly string[], statement: string): void {
  const at = `trust policy statement ${quote(statement)} `;
  if (identities.length > 1 && identities.includes('*')) {
    throw invalid(`${at}uses a wildcard trusted identity '*', a wildcard identity cannot be used in conjunction with other values`);
  }
  const names = identities.filter((identity) => identity !== '*').flatMap((identity) => checkIdentity(identity, at));
  for (const [i, name] of names.entries()) {
    if (names.some((other, j) => i !== j && isSubset(name, other))) {
      throw invalid(`${at}has overlapping x509 trustedIdentities, ${quote(identities[i] ?? '')} overlaps with another`);
    }
  }
}

function checkIdentity(identity: string, at: string): readonly DistinguishedName[] {
  if (identity === '') throw invalid(`${at}has an empty trusted identity`);
  if (!identity.includes(':')) throw invalid(`${at}has trusted identity ${quote(identity)} missing separator`);
  const subject = subjectIdentity(identity);
  if (subject === undefined) return [];
  if (subject === '') throw invalid(`${at}has trusted identity ${quote(identity)} without an identity value`);
  try {
    return [parseDistinguishedName(subject)];
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw invalid(`${at}has trusted identity ${quote(identity)} with invalid identity value: ${cause.message}`, cause);
  }
}

function checkScope(scope: string): void {
  if (scope.length > 1 && scope.includes('*')) throw invalid(`registry scope ${quote(scope)} with wild card(s) is not valid`);
  if (scope !== '*' && !isRepositoryScope(scope)) {
    throw invalid(
      `registry scope ${quote(scope)} is not valid, make sure it is a fully qualified repository without the scheme, protocol or tag. For example domain.com/my/repository`,
    );
  }
}
