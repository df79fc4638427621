import { describe, expect, it } from '@jest/globals';
import { errorText } from '../../src/lib/errors.ts';
import { NotationError } from '../../src/notation/errors.ts';
import { levelOf, parseTrustPolicyDocument, selectTrustPolicy } from '../../src/notation/trust-policy.ts';

type Members = Readonly<Record<string, unknown>>;
const DIGEST = `@sha256:${'0'.repeat(64)}`;
const statement = (more: Members = {}): Members => ({
  name: 'one',
  registryScopes: ['*'],
  signatureVerification: { level: 'strict' },
  trustStores: ['ca:acme'],
  trustedIdentities: ['*'],
  ...more,
});
const level = (verification: unknown, more: Members = {}) => statement({ signatureVerification: verification, ...more });
const override = (entries: Members, preset = 'strict') => level({ level: preset, override: entries });
const scopes = (...registryScopes: readonly string[]) => statement({ registryScopes });
const identities = (...trustedIdentities: readonly string[]) => statement({ trustedIdentities });
const SKIPPED: Members = { name: 'one', registryScopes: ['*'], signatureVerification: { level: 'skip' } };
const of = (...trustPolicies: readonly unknown[]) => ({ version: '1.0', trustPolicies });
const problemOf = (document: unknown): string => {
  try {
    parseTrustPolicyDocument(document);
    return 'accepted';
  } catch (error) {
    return error instanceof NotationError && error.code === 'TRUST_POLICY_INVALID' && error.outcome === 'misconfigured'
      ? errorText(error)
      : `not a verdict: ${errorText(error)}`;
  }
};

describe('parseTrustPolicyDocument', () => {
  it.each<[string, unknown, string]>([
    ['P1 no version', { trustPolicies: [statement()] }, 'has empty version, version must be specified'],
    ['P1 an empty version', { ...of(statement()), version: '' }, 'has empty version, version must be specified'],
    ['P1 nothing', undefined, 'has empty version, version must be specified'],
    ['P2 another version', { ...of(statement()), version: '1.1' }, 'uses unsupported version "1.1"'],
    ['P3 no statements', { version: '1.0' }, 'can not have zero trust policy statements'],
    ['P3 an empty list of statements', of(), 'can not have zero trust policy statements'],
    ['P4 two statements of one name', of(scopes('r.io/a'), scopes('r.io/b')), 'use the same name "one", statement names must be unique'],
    ['P5 no name', of(statement({ name: undefined })), 'is missing a name'],
    ['P5 an empty name', of(statement({ name: '' })), 'is missing a name'],
    ['P6 no level', of(level({})), 'signature verification level is empty or missing'],
    ['P6 no signatureVerification', of(level(undefined)), 'signature verification level is empty or missing'],
    ['P7 a level in upper case', of(level({ level: 'Strict' })), 'invalid signature verification level "Strict"'],
    ['P7 level custom', of(level({ level: 'custom' })), 'invalid signature verification level "custom"'],
    ['P7 a level of the prototype', of(level({ level: 'constructor' })), 'invalid signature verification level "constructor"'],
    [
      'P8 skip with an override',
      of({ ...SKIPPED, signatureVerification: { level: 'skip', override: { expiry: 'log' } } }),
      `level "skip" can't be used to customize`,
    ],
    ['P9 an unknown type', of(override({ Expiry: 'log' })), 'verification type "Expiry" in custom signature verification is not supported'],
    [
      'P9 a type of the prototype',
      of(override(JSON.parse('{"__proto__":"log"}'))),
      'verification type "__proto__" in custom signature verification is not supported',
    ],
    [
      'P10 an unknown action',
      of(override({ expiry: 'warn' })),
      'verification action "warn" in custom signature verification is not supported',
    ],
    ['P10 an action of null', of(override({ expiry: null })), 'verification action "" in custom signature verification is not supported'],
    ['P11 integrity logged', of(override({ integrity: 'log' })), '"integrity" verification can not be overridden'],
    ['P11 integrity enforced', of(override({ integrity: 'enforce' })), '"integrity" verification can not be overridden'],
    ['257 P12 expiry skipped', of(override({ expiry: 'skip' })), '"expiry" verification can not be skipped'],
    ['P12 authenticity skipped', of(override({ authenticity: 'skip' })), '"authenticity" verification can not be skipped'],
    [
      'P12 authenticTimestamp skipped',
      of(override({ authenticTimestamp: 'skip' })),
      '"authenticTimestamp" verification can not be skipped',
    ],
    ['P13 another verifyTimestamp', of(level({ level: 'strict', verifyTimestamp: 'never' })), 'verifyTimestamp must be'],
    [
      'P14 skip with trust stores',
      of({ ...SKIPPED, trustStores: ['ca:acme'] }),
      'is set to skip signature verification but configured with trust stores and/or trusted identities',
    ],
    [
      'P14 skip with identities',
      of({ ...SKIPPED, trustedIdentities: ['*'] }),
      'is set to skip signature verification but configured with trust stores and/or trusted identities',
    ],
    [
      'P15 no trust stores',
      of(statement({ trustStores: [] })),
      'is either missing trust stores or trusted identities, both must be specified',
    ],
    [
      'P15 no identities',
      of(statement({ trustedIdentities: undefined })),
      'is either missing trust stores or trusted identities, both must be specified',
    ],
    ['P16 a store without a type', of(statement({ trustStores: ['acme'] })), 'malformed trust store value "acme"'],
    ['P16 a store *', of(statement({ trustStores: ['*'] })), 'malformed trust store value "*"'],
    ['P17 a type in upper case', of(statement({ trustStores: ['CA:acme'] })), 'unsupported trust store type "CA"'],
    ['P17 an unknown type', of(statement({ trustStores: ['x:acme'] })), 'unsupported trust store type "x"'],
    ['P18 no store name', of(statement({ trustStores: ['ca:'] })), 'unsupported trust store name ""'],
    ['P18 a slash in a store name', of(statement({ trustStores: ['ca:a/b'] })), 'unsupported trust store name "a/b"'],
    ['258 P18 a colon in a store name', of(statement({ trustStores: ['ca:a:b'] })), 'unsupported trust store name "a:b"'],
    ['P18 a line break after a store name', of(statement({ trustStores: ['ca:a\n'] })), 'unsupported trust store name'],
    ['P19 * with another identity', of(identities('*', 'x509.subject:C=US,ST=WA,O=a')), "uses a wildcard trusted identity '*'"],
    ['P20 an empty identity', of(identities('')), 'has an empty trusted identity'],
    ['P21 an identity without a separator', of(identities('C=US,ST=WA,O=a')), 'missing separator'],
    ['P22 an identity without a value', of(identities('x509.subject:')), 'without an identity value'],
    ['P23 a name that is none', of(identities('x509.subject:x')), 'with invalid identity value'],
    [
      'P24 two equal identities',
      of(identities('x509.subject:C=US,ST=WA,O=a', 'x509.subject: O=a, S=WA, C=US')),
      'has overlapping x509 trustedIdentities',
    ],
    [
      'P24 one identity within another',
      of(identities('x509.subject:C=US,ST=WA,O=a,CN=b', 'x509.subject:C=US,ST=WA,O=a')),
      'has overlapping x509 trustedIdentities',
    ],
    [
      'P24 an identity with an empty value more',
      of(identities('x509.subject:C=US,ST=WA,O=a,OU=', 'x509.subject:C=US,ST=WA,O=a')),
      'has overlapping x509 trustedIdentities',
    ],
    ['P25 no scopes', of(scopes()), 'has zero registry scopes'],
    ['P25 scopes of null', of(statement({ registryScopes: null })), 'has zero registry scopes'],
    ['P26 * with another scope', of(scopes('*', 'r.io/a')), 'a wildcard scope cannot be used in conjunction with other scope values'],
    ['266 P27 scope **', of(scopes('**')), 'with wild card(s) is not valid'],
    ['266 P27 scope r.io/*', of(scopes('r.io/*')), 'with wild card(s) is not valid'],
    ['266 P27 scope *.io/x', of(scopes('*.io/x')), 'with wild card(s) is not valid'],
    [
      'P29 a scope twice in one statement',
      of(scopes('r.io/a', 'r.io/a')),
      'registry scope "r.io/a" is present in multiple oci trust policy statements',
    ],
    [
      'P29 a scope in two statements',
      of(scopes('r.io/a'), { ...scopes('r.io/a'), name: 'two' }),
      'is present in multiple oci trust policy statements',
    ],
    [
      'P29 * in two statements',
      of(statement(), statement({ name: 'two' })),
      'registry scope "*" is present in multiple oci trust policy statements',
    ],
    [
      'P28 before P29: a bad scope after one given twice',
      of(scopes('r.io/a', 'r.io/a'), { ...scopes('x'), name: 'two' }),
      'registry scope "x" is not valid',
    ],
    [
      'P24 before P25: statements before scopes',
      of(scopes(), statement({ name: 'two', trustedIdentities: [''] })),
      'has an empty trusted identity',
    ],
    ['252 the version as a number', { ...of(statement()), version: 1.0 }, 'malformed trust policy'],
    ['a list', [], 'malformed trust policy'],
    ['text', 'x', 'malformed trust policy'],
    ['statements in an object', { version: '1.0', trustPolicies: {} }, 'malformed trust policy'],
    ['a statement that is text', of('x'), 'malformed trust policy'],
    ['scopes that are text', of(statement({ registryScopes: '*' })), 'malformed trust policy'],
    ['a scope that is a number', of(statement({ registryScopes: [1] })), 'malformed trust policy'],
    ['a level that is a list', of(level({ level: ['strict'] })), 'malformed trust policy'],
    ['an override that is a list', of(level({ level: 'strict', override: ['expiry'] })), 'malformed trust policy'],
    [
      'an override that the reference would read and an exact reader would not',
      of(level({ level: 'audit', Override: { expiry: 'enforce' } })),
      'expected member "override", found "Override"',
    ],
    ['a member in another case', of(statement({ TrustStores: ['ca:x'] })), 'expected member "trustStores", found "TrustStores"'],
    ['a member with a long s', of(statement({ 'tru\u017ftStores': ['ca:x'] })), 'expected member "trustStores"'],
  ])('refuses %s', (_case, document, fragment) => {
    expect(problemOf(document)).toContain(fragment);
  });

  it.each<[string, unknown]>([
    ['254 D16 an unknown member in a statement', of(statement({ comment: 'x' }))],
    ['an unknown member of the document', { ...of(statement()), $schema: 'x' }],
    ['256 level skip with an empty override', of({ ...SKIPPED, signatureVerification: { level: 'skip', override: {} } })],
    ['257 revocation skipped', of(override({ revocation: 'skip' }))],
    ['260 tsa stores alone', of(statement({ trustStores: ['tsa:x'] }))],
    ['261 D14 scope * with level skip', of(SKIPPED)],
    ['the same store twice', of(statement({ trustStores: ['ca:a', 'ca:a'] }))],
    ['identities of unknown prefix alone', of(identities('foo:bar', 'foo:'))],
    ['288 identities of one shape', of(identities('x509.subject:C=US,ST=WA,O=a', 'x509.subject:C=US,ST=WA,O=b'))],
    ['verifyTimestamp without a tsa store', of(level({ level: 'strict', verifyTimestamp: 'afterCertExpiry' }))],
    ['an override equal to the preset', of(override({ expiry: 'enforce' }))],
    ['empty lists where skip has nothing', of({ ...SKIPPED, trustStores: [], trustedIdentities: null })],
    ['a null-prototype object', Object.assign(Object.create(null), of(statement()))],
  ])('accepts %s', (_case, document) => {
    expect(problemOf(document)).toBe('accepted');
  });

  it.each([
    ['262', 'Registry.IO/repo'],
    ['264', 'r.io/a__b'],
    ['264', 'r.io/a--b'],
    ['264', 'r.io/a---b'],
    ['264', 'r.io/a.b'],
    ['6.2', 'localhost:5000/a/b/c'],
    ['6.2', '10.10.10.10:8080/rep/rep2'],
    ['6.2', 'domain/rep'],
    ['6.2', 'r--x.io/a'],
  ])('P28 %s accepts scope %s', (_case, scope) => {
    expect(problemOf(of(scopes(scope)))).toBe('accepted');
  });

  it.each([
    ['262', 'registry.io/Repo'],
    ['264', 'r.io/a..b'],
    ['264', 'r.io/a___b'],
    ['264', 'r.io/-a'],
    ['6.2', 'r.io/a-'],
    ['6.2', 'r.io/a//b'],
    ['6.2', 'r.io/a/'],
    ['6.2', 'r.io/'],
    ['6.2', '/a'],
    ['6.2', ''],
    ['6.2', 'r.io'],
    ['6.2', 'r.io/a:tag'],
    ['6.2', `r.io/a${DIGEST}`],
    ['6.2', 'https://r.io/a'],
    ['6.2', 'r_x.io/a'],
    ['6.2', '-r.io/a'],
    ['6.2', 'r-.io/a'],
    ['6.2', 'r..io/a'],
    ['6.2', 'r.io:/a'],
    ['6.2', 'r.io:x/a'],
    ['6.2', '[::1]/a'],
    ['6.2', 'localhost:5000\\test-repo'],
    ['6.2', 'r.io/a\n'],
    ['6.2', 'r.io/ä'],
    ['265', `r.io/${'a'.repeat(50)}!`],
    ['265', `r.io/${'a-'.repeat(50_000)}!`],
    ['265', `${'a'.repeat(100_000)}!/a`],
  ])('P28 %s refuses scope %s', (_case, scope) => {
    expect(problemOf(of(scopes(scope)))).toContain('is not valid');
  });
});

describe('selectTrustPolicy', () => {
  const document = parseTrustPolicyDocument(
    of(
      { ...scopes('r.io/team', 'R.io/x'), name: 'team' },
      { ...scopes('docker.io/library/nginx'), name: 'nginx' },
      { ...scopes('r.io:443/team'), name: 'port' },
    ),
  );
  const withWildcard = parseTrustPolicyDocument(of({ ...scopes('r.io/team'), name: 'team' }, { ...scopes('*'), name: 'rest' }));
  const selected = (from: typeof document, reference: string): string => {
    try {
      return selectTrustPolicy(from, reference).name;
    } catch (error) {
      return error instanceof NotationError ? error.code : errorText(error);
    }
  };

  it.each([
    ['an exact scope', `r.io/team${DIGEST}`, 'team'],
    ['a scope with a port', `r.io:443/team${DIGEST}`, 'port'],
    ['nothing after the @', 'r.io/team@', 'team'],
    ['a digest that is none', 'r.io/team@sha256:xyz', 'team'],
    ['268 a path below a scope', `r.io/team/app${DIGEST}`, 'NO_APPLICABLE_POLICY'],
    ['a path that a scope begins with', `r.io/tea${DIGEST}`, 'NO_APPLICABLE_POLICY'],
    ['A-T-13 a scope below another registry', `evil.io/r.io/team${DIGEST}`, 'NO_APPLICABLE_POLICY'],
    ['A-T-13 a registry that begins as that of a scope', `r.io.evil.io/team${DIGEST}`, 'NO_APPLICABLE_POLICY'],
    ['A-T-13 a registry that ends as that of a scope', `evilr.io/team${DIGEST}`, 'NO_APPLICABLE_POLICY'],
    ['269 another case', `r.io/x${DIGEST}`, 'NO_APPLICABLE_POLICY'],
    ['270 a short name of Docker Hub', `docker.io/nginx${DIGEST}`, 'NO_APPLICABLE_POLICY'],
  ])('with %s gives the statement or none', (_case, reference, expected) => {
    expect(selected(document, reference)).toBe(expected);
  });

  it.each([
    ['the exact scope first', `r.io/team${DIGEST}`, 'team'],
    ['* for the rest', `r.io/other${DIGEST}`, 'rest'],
    ['4 a tag before the digest', `r.io/app:v1${DIGEST}`, 'NO_APPLICABLE_POLICY'],
    ['5 no registry', `nginx${DIGEST}`, 'NO_APPLICABLE_POLICY'],
    ['no digest', 'r.io/app', 'NO_APPLICABLE_POLICY'],
    ['a tag alone', 'r.io/app:v1', 'NO_APPLICABLE_POLICY'],
    ['two @', `r.io/a@b${DIGEST}`, 'NO_APPLICABLE_POLICY'],
    ['nothing', '', 'NO_APPLICABLE_POLICY'],
  ])('where a statement has scope *, takes %s', (_case, reference, expected) => {
    expect(selected(withWildcard, reference)).toBe(expected);
  });
});

describe('levelOf', () => {
  const levelWith = (verification: unknown) => {
    const [policy] = parseTrustPolicyDocument(of(level(verification))).trustPolicies;
    return policy && levelOf(policy);
  };

  it.each([
    ['strict', ['enforce', 'enforce', 'enforce', 'enforce', 'enforce']],
    ['permissive', ['enforce', 'enforce', 'log', 'log', 'log']],
    ['audit', ['enforce', 'log', 'log', 'log', 'log']],
  ])('knows %s (D27)', (name, expected) => {
    const found = levelWith({ level: name });
    expect(found?.name).toBe(name);
    const { integrity, authenticity, authenticTimestamp, expiry, revocation } = found?.actions ?? {};
    expect([integrity, authenticity, authenticTimestamp, expiry, revocation]).toEqual(expected);
  });

  it('calls every preset with an override custom, even one that changes nothing', () => {
    expect(levelWith({ level: 'strict', override: { expiry: 'enforce' } })?.name).toBe('custom');
    expect(levelWith({ level: 'audit', override: { expiry: 'enforce' } })?.actions.expiry).toBe('enforce');
    expect(levelWith({ level: 'strict', override: {} })?.name).toBe('strict');
  });
});
