import { NotationError } from './errors.ts';
import { variantOf } from './members.ts';
import { quote } from './quote.ts';

/** A statement as it was written: the types are right, and nothing else is known. An absent member is empty. */
export interface StatementDraft {
  readonly name: string;
  readonly registryScopes: readonly string[];
  readonly level: string;
  readonly override: readonly (readonly [type: string, action: string])[];
  readonly verifyTimestamp: string;
  readonly trustStores: readonly string[];
  readonly trustedIdentities: readonly string[];
}

export interface TrustPolicyDraft {
  readonly version: string;
  readonly trustPolicies: readonly StatementDraft[];
}

/** @throws {NotationError} `TRUST_POLICY_INVALID` "malformed trust policy" where a member has the wrong type or a name in the wrong case. */
export function readTrustPolicyDraft(value: unknown): TrustPolicyDraft {
  const document = readMembers(value, 'document', ['version', 'trustPolicies']);
  const statements = readList(document.get('trustPolicies'), 'trustPolicies');
  return {
    version: readText(document.get('version'), 'version'),
    trustPolicies: statements.map((statement, i) => readStatement(statement, `trustPolicies[${i}]`)),
  };
}

export const STATEMENT_MEMBERS = ['name', 'registryScopes', 'signatureVerification', 'trustStores', 'trustedIdentities'] as const;
export const VERIFICATION_MEMBERS = ['level', 'override', 'verifyTimestamp'] as const;

function readStatement(value: unknown, path: string): StatementDraft {
  const statement = readMembers(value, path, STATEMENT_MEMBERS);
  const at = `${path}.signatureVerification`;
  const verification = readMembers(statement.get('signatureVerification'), at, VERIFICATION_MEMBERS);
  return {
    name: readText(statement.get('name'), `${path}.name`),
    registryScopes: readTexts(statement.get('registryScopes'), `${path}.registryScopes`),
    level: readText(verification.get('level'), `${at}.level`),
    override: entriesOf(verification.get('override'), `${at}.override`).map(([type, action]) => [type, readText(action, `${at}.override`)]),
    verifyTimestamp: readText(verification.get('verifyTimestamp'), `${at}.verifyTimestamp`),
    trustStores: readTexts(statement.get('trustStores'), `${path}.trustStores`),
    trustedIdentities: readTexts(statement.get('trustedIdentities'), `${path}.trustedIdentities`),
  };
}

/** The members among `known`. The reference would read `Override` as `override`; ignoring it would loosen what somebody wrote. */
function readMembers(value: unknown, path: string, known: readonly string[]): ReadonlyMap<string, unknown> {
  const entries = entriesOf(value, path);
  for (const [name] of entries) {
    const meant = variantOf(name, known);
    if (meant !== undefined) throw malformed(`${path}: expected member ${quote(meant)}, found ${quote(name)}`);
  }
  return new Map(entries.filter(([name]) => known.includes(name)));
}

function entriesOf(value: unknown, path: string): readonly (readonly [string, unknown])[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== 'object' || Array.isArray(value)) throw malformed(`${path}: expected an object, found ${kindOf(value)}`);
  return Object.entries(value);
}

function readTexts(value: unknown, path: string): readonly string[] {
  return readList(value, path).map((item, i) => readText(item, `${path}[${i}]`));
}

function readList(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw malformed(`${path}: expected a list, found ${kindOf(value)}`);
  return value;
}

function readText(value: unknown, path: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw malformed(`${path}: expected a string, found ${kindOf(value)}`);
  return value;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'a list' : typeof value;
}

function malformed(message: string): NotationError {
  return new NotationError('TRUST_POLICY_INVALID', `malformed trust policy: ${message}`);
}
