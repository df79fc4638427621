import { describe, expect, it } from '@jest/globals';
import { NotationError } from '../../src/notation/errors.ts';
import { isSubset, parseDistinguishedName, subjectIdentity } from '../../src/notation/identity.ts';
import { isRepositoryScope } from '../../src/notation/scope.ts';
import { levelOf, parseTrustPolicyDocument, selectTrustPolicy } from '../../src/notation/trust-policy.ts';
import { createTrustStore } from '../../src/notation/trust-store.ts';
import { verifySignature } from '../../src/notation/verify.ts';
import { ownVectors } from '../conformance/vector-files.ts';
import { hasVectors, openVectors } from '../vectors.ts';
import { descriptor, facts, JWS, NOW, verdict } from './world.ts';

const vectors = openVectors();
const CONFIG = 'notation/test/e2e/testdata/config';
const LAYOUT = 'notation/test/e2e/testdata/registry/oci_layout/e2e-valid-signature';
const ENVELOPE = 'c9af07e038b2b1a463e648986ad7273157511ffeba0b689f33e5472bae471f50';

function documents(): void {
  const [{ mediaType, digest, size }] = vectors.json(`${LAYOUT}/index.json`).manifests;
  const subject = descriptor({ mediaType, digest, size });
  const envelope = vectors.bytes(`${LAYOUT}/blobs/sha256/${ENVELOPE}`);
  const anchors = new Map([
    ['ca:e2e' as const, vectors.certificates(`${CONFIG}/localkeys/e2e.crt`)],
    ['ca:e2e-new' as const, vectors.certificates(`${CONFIG}/localkeys/new_e2e.crt`)],
    ['tsa:e2e' as const, vectors.certificates(`${CONFIG}/timestamp/globalsignTSARoot.cer`)],
  ]);

  /** What becomes of a good signature under a document: its verdict, or why there is none. */
  async function outcomeUnder(document: unknown): Promise<string> {
    try {
      return verdict(
        await verifySignature({
          envelope,
          mediaType: JWS,
          subject,
          policy: selectTrustPolicy(parseTrustPolicyDocument(document), `localhost:5000/test-repo@${digest}`),
          trustStore: await createTrustStore(anchors),
          now: NOW,
          facts: facts(),
          signal: new AbortController().signal,
        }),
      );
    } catch (error) {
      if (error instanceof NotationError) return `${error.code} ${error.message}`;
      throw error;
    }
  }

  const INVALID = 'TRUST_POLICY_INVALID';
  const NO_STORE = 'authenticity TRUST_STORE_INVALID';
  it.each([
    ['trustpolicy', 'PASS'],
    ['any_registry_scope_trust_policy', 'PASS'],
    ['audit_trustpolicy', 'PASS'],
    ['permissive_trustpolicy', 'PASS'],
    ['registry_scope_trustpolicy', 'PASS'],
    ['multi_statements_with_wildcard_registry_scope_trustpolicy', 'PASS'],
    ['multiple_trust_store_trustpolicy', 'PASS'],
    ['multiple_trusted_identity_trustpolicy', 'PASS'],
    ['valid_trusted_identity_trustpolicy', 'PASS'],
    ['overlapped_trust_store_trustpolicy', 'PASS'],
    ['override_audit_trustpolicy', 'PASS'],
    ['override_permissive_trustpolicy', 'PASS'],
    ['override_strict_trustpolicy', 'PASS'],
    ['skip_trustpolicy', 'PASS'],
    ['timestamp_after_cert_expiry_trustpolicy', 'PASS'],
    ['timestamp_trustpolicy', 'authenticTimestamp TIMESTAMP_MISSING'],
    ['quickstart_trustpolicy', NO_STORE],
    ['generate_test_trustpolicy', NO_STORE],
    ['invalid_trust_store_trustpolicy', NO_STORE],
    ['invalid_trusted_identity_trustpolicy', 'authenticity IDENTITY_UNTRUSTED'],
    ['multiple_registry_scope_trustpolicy', 'NO_APPLICABLE_POLICY'],
    ['invalid_registry_scope_trustpolicy', 'NO_APPLICABLE_POLICY'],
    ['empty_registry_scope_trustpolicy', `${INVALID} trust policy statement "e2e" has zero registry scopes`],
    ['empty_trusted_identity_trustpolicy', 'has an empty trusted identity'],
    ['malformed_registry_scope_trustpolicy', 'registry scope "localhost:5000\\\\test-repo" is not valid'],
    ['malformed_trust_store_trustpolicy', 'unsupported trust store name ""'],
    ['malformed_trusted_identity_trustpolicy', 'missing separator'],
    ['missing_country_trusted_identity_trustpolicy', 'has no mandatory RDN attribute for "C"'],
    ['missing_organization_trusted_identity_trustpolicy', 'has no mandatory RDN attribute for "O"'],
    ['missing_state_trusted_identity_trustpolicy', 'has no mandatory RDN attribute for "ST"'],
    ['multi_statements_with_multi_wildcard_registry_scope_trustpolicy', 'registry scope "*" is present in multiple'],
    ['multi_statements_with_the_same_name_trustpolicy', 'statement names must be unique'],
    ['multi_statements_with_the_same_registry_scope_trustpolicy', 'is present in multiple oci trust policy statements'],
    ['overlapped_registry_scope_trustpolicy', 'is present in multiple oci trust policy statements'],
    ['overlapped_trusted_identity_trustpolicy', 'has overlapping x509 trustedIdentities'],
    ['override_integrity_for_permissive_trustpolicy', '"integrity" verification can not be overridden'],
    ['unset_trust_store_trustpolicy', 'is either missing trust stores or trusted identities'],
    ['unset_trusted_identity_trustpolicy', 'is either missing trust stores or trusted identities'],
    ['wildcard_plus_other_registry_scope_trustpolicy', 'a wildcard scope cannot be used in conjunction'],
    ['wildcard_plus_other_trusted_identity_trustpolicy', "uses a wildcard trusted identity '*'"],
    ['wildcard_trust_store_trustpolicy', 'malformed trust store value "*"'],
  ])('%s.json: %s', async (name, expected) => {
    const found = await outcomeUnder(vectors.json(`${CONFIG}/trustpolicies/${name}.json`));
    if (/^(?:PASS|authenti)/.test(expected)) expect(found).toBe(expected);
    else expect(found).toContain(expected);
    if (expected.includes(' ') && !expected.startsWith('authenti')) expect(found).toMatch(/^TRUST_POLICY_INVALID /);
  });

  it('invalid_format_trustpolicy.json is not JSON', () => {
    expect(() => vectors.json(`${CONFIG}/trustpolicies/invalid_format_trustpolicy.json`)).toThrow(SyntaxError);
  });

  const ACTIONS = ['authenticity', 'authenticTimestamp', 'expiry', 'revocation'] as const;
  it.each([
    ['override_audit_trustpolicy', 'custom', 'enforce enforce enforce enforce'],
    ['override_permissive_trustpolicy', 'custom', 'log enforce enforce enforce'],
    ['override_strict_trustpolicy', 'custom', 'log log log log'],
    ['permissive_trustpolicy', 'permissive', 'enforce log log log'],
    ['skip_trustpolicy', 'skip', 'skip skip skip skip'],
  ])('%s.json has level %s: %s', (name, level, actions) => {
    const [policy] = parseTrustPolicyDocument(vectors.json(`${CONFIG}/trustpolicies/${name}.json`)).trustPolicies;
    const found = policy && levelOf(policy);
    expect([found?.name, ACTIONS.map((type) => found?.actions[type]).join(' ')]).toEqual([level, actions]);
  });

  it('multi_statements_with_wildcard_registry_scope_trustpolicy.json is looked up by the exact scope first', () => {
    const name = 'multi_statements_with_wildcard_registry_scope_trustpolicy';
    const document = parseTrustPolicyDocument(vectors.json(`${CONFIG}/trustpolicies/${name}.json`));
    expect(selectTrustPolicy(document, `localhost:5000/test-repo9@${digest}`).name).toBe('e2e');
    expect(selectTrustPolicy(document, `localhost:5000/test-repo@${digest}`).name).toBe('e2e2');
  });
}

interface NameCases {
  readonly parse: readonly { readonly dn: string; readonly ok: boolean }[];
  readonly identities: readonly { readonly list: readonly string[]; readonly ok: boolean }[];
  readonly match: readonly { readonly subject: string; readonly list: readonly string[]; readonly ok: boolean }[];
}

interface LevelCases {
  readonly order: readonly string[];
  readonly levels: Readonly<Record<string, readonly string[] | null>>;
  readonly custom: readonly (readonly [level: string, override: Readonly<Record<string, string>>, actions: readonly string[] | null])[];
}

interface ScopeCases {
  readonly valid: readonly string[];
  readonly invalid: readonly string[];
  readonly invalidWildcard: readonly string[];
  readonly invalidArtifactReference: readonly string[];
}

function tables(): void {
  const names: NameCases = vectors.json('notation-go/embedded/policy/dn_cases.json');
  const levels: LevelCases = vectors.json('notation-go/embedded/policy/level_cases.json');
  const scopes: ScopeCases = vectors.json('notation-go/embedded/policy/scope_cases.json');
  const statement = (more: Readonly<Record<string, unknown>>) => ({
    version: '1.0',
    trustPolicies: [
      {
        name: 'a',
        registryScopes: ['*'],
        signatureVerification: { level: 'strict' },
        trustStores: ['ca:x'],
        trustedIdentities: ['*'],
        ...more,
      },
    ],
  });
  const works = (run: () => unknown): boolean => {
    try {
      run();
      return true;
    } catch {
      return false;
    }
  };
  const parses = (more: Readonly<Record<string, unknown>>) => works(() => parseTrustPolicyDocument(statement(more)));
  const actions = (verification: unknown): readonly string[] | null => {
    if (!parses({ signatureVerification: verification })) return null;
    const [policy] = parseTrustPolicyDocument(statement({ signatureVerification: verification })).trustPolicies;
    const found: Readonly<Record<string, string>> = policy === undefined ? {} : levelOf(policy).actions;
    return levels.order.map((type) => found[type] ?? '');
  };

  it.each(names.parse)('name $dn parses: $ok', ({ dn, ok }) => {
    expect(works(() => parseDistinguishedName(dn))).toBe(ok);
  });

  it.each(names.identities)('identities $list: $ok', ({ list, ok }) => {
    expect(parses({ trustedIdentities: list })).toBe(ok);
  });

  it.each(names.match)('subject $subject matches $list: $ok', ({ subject, list, ok }) => {
    const matches = (identity: string): boolean => {
      const text = subjectIdentity(identity);
      return text !== undefined && isSubset(parseDistinguishedName(text), parseDistinguishedName(subject));
    };
    expect(works(() => expect(list.includes('*') || list.some(matches)).toBe(true))).toBe(ok);
  });

  it.each([['strict'], ['permissive'], ['audit']])('level %s', (level) => {
    expect(actions({ level })).toEqual(levels.levels[level]);
  });

  it.each(levels.custom.map(([level, override, expected]) => ({ level, override, expected })))(
    'level $level with $override is $expected',
    ({ level, override, expected }) => {
      expect(actions({ level, override })).toEqual(expected);
    },
  );

  it.each(scopes.valid)('scope %j is valid', (scope) => {
    expect(parses({ registryScopes: [scope] })).toBe(true);
  });

  it.each([...scopes.invalid, ...scopes.invalidWildcard])('scope %j is not valid', (scope) => {
    expect(parses({ registryScopes: [scope] })).toBe(false);
    expect(isRepositoryScope(scope)).toBe(false);
  });

  // A digest that is none is for the reference parser to refuse.
  it.each(scopes.invalidArtifactReference.filter((reference) => !reference.startsWith('domain.com/repository@')))(
    'reference %j has no statement',
    (reference) => {
      expect(works(() => selectTrustPolicy(parseTrustPolicyDocument(statement({})), reference))).toBe(false);
    },
  );
}

// The files are kept beside the repository, not in it.
if (hasVectors) {
  describe("trust policies of the reference's tests", documents);
  describe("tables of the reference's tests", tables);
  it('reads every file that is its own', () => {
    expect(ownVectors('notation/policy-vectors').filter((path) => !vectors.read.has(path))).toEqual([]);
  });
}
