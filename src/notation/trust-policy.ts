import { NotationError } from './errors.ts';
import { type DistinguishedName, DistinguishedNameError, overlap, parseDistinguishedName } from './identity.ts';
import { isRepositoryScope } from './scope.ts';
import type { SignatureVerification, TrustPolicy, TrustPolicyDocument, TrustStoreType, ValidationAction, ValidationType } from './types.ts';

export { levelOf } from './levels.ts';

const LEVELS = ['strict', 'permissive', 'audit', 'skip'] as const;
const TYPES: readonly ValidationType[] = ['integrity', 'authenticity', 'authenticTimestamp', 'expiry', 'revocation'];
const ACTIONS: readonly ValidationAction[] = ['enforce', 'log', 'skip'];
const STORE_TYPES: readonly TrustStoreType[] = ['ca', 'signingAuthority', 'tsa'];
const STORE_NAME = /^[a-zA-Z0-9_.-]+$/;
const WILDCARD = '*';
const X509_SUBJECT = 'x509.subject';

type Members = Readonly<Record<string, unknown>>;

/**
 * Reads a trust policy document for OCI artifacts, version 1.0 (trust-store-trust-policy). Unknown members are ignored.
 *
 * @param value - Plain data, as JSON or YAML gives it.
 * @throws {NotationError} `TRUST_POLICY_INVALID` with the first rule that is broken, in the reference's order.
 */
export function parseTrustPolicyDocument(value: unknown): TrustPolicyDocument {
  const document = members(value, 'the document');
  const version = text(document.version, 'version');
  if (version === '') throw invalid('trust policy document has empty version, version must be specified');
  if (version !== '1.0') throw invalid(`trust policy document uses unsupported version ${quote(version)}`);
  const statements = list(document.trustPolicies, 'trustPolicies').map((entry) => members(entry, 'a trust policy statement'));
  if (statements.length === 0) throw invalid('trust policy document can not have zero trust policy statements');
  const names = statements.map((statement) => text(statement.name, 'name'));
  const trustPolicies = statements.map((statement, index) => readStatement(statement, names, index));
  checkScopes(trustPolicies);
  return { version, trustPolicies };
}

/**
 * The statement that applies to `reference`, which must name a digest: the one with its repository as a scope, byte for byte, else the one
 * with scope `*`.
 *
 * @throws {NotationError} `NO_APPLICABLE_POLICY`
 */
export function selectTrustPolicy(document: TrustPolicyDocument, reference: string): TrustPolicy {
  const at = reference.lastIndexOf('@');
  const path = reference.slice(0, Math.max(at, 0));
  const shown = quote(reference);
  if (at === -1)
    throw notApplicable(
      `artifact URI ${shown} could not be parsed, make sure it is the fully qualified OCI artifact URI without the scheme/protocol: expected a digest`,
    );
  if (!isRepositoryScope(path))
    throw notApplicable(`artifact URI ${shown} could not be parsed: expected registry/repository before the digest`);
  const exact = document.trustPolicies.find(({ registryScopes }) => registryScopes.includes(path));
  const applicable = exact ?? document.trustPolicies.find(({ registryScopes }) => registryScopes.includes(WILDCARD));
  if (applicable === undefined) throw notApplicable(`artifact ${quote(path)} has no applicable oci trust policy statement`);
  return applicable;
}

function readStatement(statement: Members, names: readonly string[], index: number): TrustPolicy {
  const name = names[index] ?? '';
  if (names.indexOf(name) !== index)
    throw invalid(`multiple trust policy statements use the same name ${quote(name)}, statement names must be unique`);
  if (name === '') throw invalid('a trust policy statement is missing a name, every statement requires a name');
  const signatureVerification = readVerification(name, statement.signatureVerification);
  const trustStores = texts(statement.trustStores, 'trustStores');
  const trustedIdentities = texts(statement.trustedIdentities, 'trustedIdentities');
  if (signatureVerification.level === 'skip') {
    if (trustStores.length > 0 || trustedIdentities.length > 0) {
      throw invalid(
        `trust policy statement ${quote(name)} is set to skip signature verification but configured with trust stores and/or trusted identities, remove them`,
      );
    }
  } else if (trustStores.length === 0 || trustedIdentities.length === 0) {
    throw invalid(`trust policy statement ${quote(name)} is either missing trust stores or trusted identities, both must be specified`);
  }
  return {
    name,
    registryScopes: texts(statement.registryScopes, 'registryScopes'),
    signatureVerification,
    trustStores: trustStores.map((store) => readTrustStore(name, store)),
    trustedIdentities: checkIdentities(name, trustedIdentities),
  };
}

function readVerification(name: string, value: unknown): SignatureVerification {
  const verification = value === undefined || value === null ? {} : members(value, 'signatureVerification');
  const statement = `trust policy statement ${quote(name)}`;
  const level = text(verification.level, 'level');
  if (level === '') throw invalid(`${statement} has invalid signatureVerification: signature verification level is empty or missing`);
  if (!isOneOf(LEVELS, level))
    throw invalid(`${statement} has invalid signatureVerification: invalid signature verification level ${quote(level)}`);
  const overrides = Object.entries(
    verification.override === undefined || verification.override === null ? {} : members(verification.override, 'override'),
  );
  if (level === 'skip' && overrides.length > 0) {
    throw invalid(
      `${statement} has invalid signatureVerification: signature verification level "skip" can't be used to customize signature verification`,
    );
  }
  const override = Object.fromEntries(overrides.map(([type, action]) => readOverride(statement, type, text(action, `override.${type}`))));
  const verifyTimestamp = text(verification.verifyTimestamp, 'verifyTimestamp') || 'always';
  if (verifyTimestamp !== 'always' && verifyTimestamp !== 'afterCertExpiry') {
    throw invalid(
      `${statement} has invalid signatureVerification: verifyTimestamp must be "always" or "afterCertExpiry", but got ${quote(verifyTimestamp)}`,
    );
  }
  return { level, override, verifyTimestamp };
}

function readOverride(statement: string, type: string, action: string): [ValidationType, ValidationAction] {
  const where = `${statement} has invalid signatureVerification:`;
  if (!isOneOf(TYPES, type)) throw invalid(`${where} verification type ${quote(type)} in custom signature verification is not supported`);
  if (!isOneOf(ACTIONS, action))
    throw invalid(`${where} verification action ${quote(action)} in custom signature verification is not supported`);
  if (type === 'integrity') throw invalid(`${where} "integrity" verification can not be overridden in custom signature verification`);
  if (action === 'skip' && type !== 'revocation')
    throw invalid(`${where} ${quote(type)} verification can not be skipped in custom signature verification`);
  return [type, action];
}

function readTrustStore(name: string, store: string): `${TrustStoreType}:${string}` {
  const colon = store.indexOf(':');
  const statement = `trust policy statement ${quote(name)}`;
  if (colon === -1)
    throw invalid(`${statement} has malformed trust store value ${quote(store)}. The required format is <TrustStoreType>:<TrustStoreName>`);
  const type = store.slice(0, colon);
  const storeName = store.slice(colon + 1);
  if (!isOneOf(STORE_TYPES, type))
    throw invalid(`${statement} uses an unsupported trust store type ${quote(type)} in trust store value ${quote(store)}`);
  if (!STORE_NAME.test(storeName))
    throw invalid(`${statement} uses an unsupported trust store name ${quote(storeName)} in trust store value ${quote(store)}`);
  return `${type}:${storeName}`;
}

function checkIdentities(name: string, identities: readonly string[]): readonly string[] {
  const statement = `trust policy statement ${quote(name)}`;
  if (identities.length > 1 && identities.includes(WILDCARD)) {
    throw invalid(`${statement} uses a wildcard trusted identity '*', a wildcard identity cannot be used in conjunction with other values`);
  }
  const subjects: DistinguishedName[] = [];
  for (const identity of identities) {
    if (identity === '') throw invalid(`${statement} has an empty trusted identity`);
    if (identity === WILDCARD) continue;
    const colon = identity.indexOf(':');
    if (colon === -1) throw invalid(`${statement} has trusted identity ${quote(identity)} missing separator`);
    if (colon === identity.length - 1) throw invalid(`${statement} has trusted identity ${quote(identity)} without an identity value`);
    if (identity.slice(0, colon) === X509_SUBJECT) subjects.push(readSubject(statement, identity, colon));
  }
  subjects.forEach((subject, index) => {
    if (subjects.slice(0, index).some((earlier) => overlap(earlier, subject))) {
      throw invalid(`${statement} has overlapping x509 trustedIdentities, each should be distinct`);
    }
  });
  return identities;
}

function readSubject(statement: string, identity: string, colon: number): DistinguishedName {
  try {
    return parseDistinguishedName(identity.slice(colon + 1));
  } catch (error) {
    if (error instanceof DistinguishedNameError)
      throw invalid(`${statement} has trusted identity ${quote(identity)} with invalid identity value: ${error.message}`);
    throw error;
  }
}

function checkScopes(statements: readonly TrustPolicy[]): void {
  const seen = new Set<string>();
  for (const { name, registryScopes } of statements) {
    const statement = `trust policy statement ${quote(name)}`;
    if (registryScopes.length === 0)
      throw invalid(`${statement} has zero registry scopes, it must specify registry scopes with at least one value`);
    if (registryScopes.length > 1 && registryScopes.includes(WILDCARD)) {
      throw invalid(
        `${statement} uses wildcard registry scope '*', a wildcard scope cannot be used in conjunction with other scope values`,
      );
    }
    for (const scope of registryScopes) {
      if (scope !== WILDCARD && scope.includes(WILDCARD)) throw invalid(`registry scope ${quote(scope)} with wild card(s) is not valid`);
      if (scope !== WILDCARD && !isRepositoryScope(scope))
        throw invalid(`registry scope ${quote(scope)} is not valid, make sure it is the fully qualified registry/repository`);
    }
    for (const scope of registryScopes) {
      if (seen.has(scope))
        throw invalid(
          `registry scope ${quote(scope)} is present in multiple oci trust policy statements, one registry scope value can only be associated with one statement`,
        );
      seen.add(scope);
    }
  }
}

function members(value: unknown, what: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.fromEntries(Object.entries(value));
  throw invalid(`malformed trust policy: expected ${what} to be an object`);
}

function list(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw invalid(`malformed trust policy: expected ${what} to be a list`);
}

function texts(value: unknown, what: string): readonly string[] {
  return list(value, what).map((entry) => text(entry, what));
}

function text(value: unknown, what: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  throw invalid(`malformed trust policy: expected ${what} to be a string`);
}

function isOneOf<T extends string>(values: readonly T[], value: string): value is T {
  return values.some((known) => known === value);
}

function quote(value: string): string {
  return JSON.stringify(value.length > 120 ? `${value.slice(0, 117)}...` : value);
}

function invalid(message: string): NotationError {
  return new NotationError('TRUST_POLICY_INVALID', message);
}

function notApplicable(message: string): NotationError {
  return new NotationError('NO_APPLICABLE_POLICY', message);
}
