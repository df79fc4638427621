import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { errorText } from '../../src/lib/errors.ts';
import { isSubset, parseDistinguishedName, subjectIdentity } from '../../src/notation/identity.ts';
import { signatureBlob } from '../../src/notation/manifest.ts';
import { isRepositoryScope } from '../../src/notation/scope.ts';
import { levelOf, parseTrustPolicyDocument, selectTrustPolicy } from '../../src/notation/trust-policy.ts';
import { createTrustStore } from '../../src/notation/trust-store.ts';
import type { TrustStoreType, VerificationOutcome } from '../../src/notation/types.ts';
import { readPemCertificates } from '../../src/x509/pem.ts';
import { COSE, descriptor, JWS, judge, type Setting, verdict, verify } from './world.ts';

const VECTORS = join(import.meta.dirname, '../../../shared/vectors/notation');
const bytes = (path: string) => readFileSync(join(VECTORS, path));
const json = (path: string) => JSON.parse(bytes(path).toString());
const certificates = (path: string): readonly Uint8Array[] => {
  const file = bytes(path);
  return file.includes('-----BEGIN') ? readPemCertificates(file.toString()) : [new Uint8Array(file)];
};
const folder = (path: string) => readdirSync(join(VECTORS, path)).flatMap((name) => certificates(`${path}/${name}`));

/** What a good envelope is about, as nothing beside the envelope says it. */
async function targetOf(envelope: Uint8Array, mediaType: string) {
  const { envelope: content } = await verify(envelope, { level: 'audit', mediaType });
  return content === undefined ? undefined : JSON.parse(Buffer.from(content.payload).toString()).targetArtifact;
}

async function judgeFile(path: string, setting: Setting): Promise<VerificationOutcome> {
  const envelope = bytes(path);
  const mediaType = setting.mediaType ?? (envelope[0] === 0xd2 ? COSE : JWS);
  const subject = setting.subject ?? (await targetOf(envelope, mediaType));
  return verify(envelope, { ...setting, mediaType, ...(subject && { subject }) });
}

function envelopes(): void {
  const MOCK = 'notation-go/internal/mock/testdata';
  const SIGNED = 'notation-go/verifier/testdata/timestamp/sigEnv';
  const store = folder('notation-go/verifier/testdata/truststore/x509/ca/valid-trust-store');
  const ca: Setting = { anchors: { 'ca:acme': store }, stores: ['ca:acme'] };
  const sa: Setting = { anchors: { 'signingAuthority:acme': store }, stores: ['signingAuthority:acme'] };
  const example: Setting = {
    anchors: { 'ca:acme': certificates('notation-go/embedded/example/localVerify_cert.pem') },
    stores: ['ca:acme'],
  };

  it.each<[string, Setting, string]>([
    [`${MOCK}/ca_valid_sig_env.json`, ca, 'PASS'],
    [`${MOCK}/ca_valid_sig_env.json`, { ...ca, identities: ['x509.subject:C=US,ST=WA,O=Nobody'] }, 'authenticity IDENTITY_UNTRUSTED'],
    [`${MOCK}/ca_valid_sig_env.json`, { ...sa }, 'authenticity SIGNER_UNTRUSTED'],
    [`${MOCK}/ca_expired_sig_env.json`, ca, 'expiry SIGNATURE_EXPIRED'],
    [`${MOCK}/ca_expired_sig_env.json`, { ...ca, level: 'permissive' }, 'PASS'],
    [`${MOCK}/ca_invalid_sig_env.json`, ca, 'integrity SIGNATURE_INVALID'],
    [`${MOCK}/ca_invalid_sig_env.json`, { ...ca, level: 'audit' }, 'integrity SIGNATURE_INVALID'],
    [`${MOCK}/ca_invalid_sig_env.json`, { level: 'skip' }, 'PASS'],
    [`${MOCK}/ca_plugin_sig_env.json`, ca, 'payload PLUGIN_REQUIRED'],
    [`${MOCK}/ca_plugin_sig_env.json`, { ...ca, level: 'audit' }, 'payload PLUGIN_REQUIRED'],
    [`${MOCK}/sa_valid_sig_env.json`, sa, 'PASS'],
    [`${MOCK}/sa_valid_sig_env.json`, ca, 'authenticity SIGNER_UNTRUSTED'],
    [`${MOCK}/sa_expired_sig_env.json`, sa, 'expiry SIGNATURE_EXPIRED'],
    [`${MOCK}/sa_invalid_sig_env.json`, sa, 'integrity SIGNATURE_INVALID'],
    [`${MOCK}/sa_plugin_sig_env.json`, sa, 'payload PLUGIN_REQUIRED'],
    [`${MOCK}/ca_compatible_pluginver_sig_env_1.0.0.json`, ca, 'payload PLUGIN_REQUIRED'],
    [`${MOCK}/ca_incompatible_pluginver_sig_env_1.2.3.json`, ca, 'payload PLUGIN_REQUIRED'],
    [`${MOCK}/sig_env_with_metadata.json`, { ...ca, level: 'audit', userMetadata: { 'io.wabbit-networks.buildId': '123' } }, 'PASS'],
    [
      `${MOCK}/sig_env_with_metadata.json`,
      { ...ca, level: 'audit', userMetadata: { 'io.wabbit-networks.buildId': '321' } },
      'payload METADATA_MISMATCH',
    ],
    ['notation-go/embedded/example/localVerify.cose', example, 'PASS'],
    ['notation-go/embedded/example/localVerify.cose', ca, 'authenticity SIGNER_UNTRUSTED'],
    [
      'notation-go/embedded/verifier/testSig.blob.jws.json',
      { anchors: { 'ca:acme': certificates('notation-go/embedded/verifier/trustedCert.pem') }, stores: ['ca:acme'] },
      'PASS',
    ],
    [`${SIGNED}/jwsWithTimestamp.sig`, ca, 'PASS'],
    [`${SIGNED}/coseWithTimestamp.sig`, ca, 'PASS'],
    [`${SIGNED}/coseExpiredWithTimestamp.sig`, { ...ca, override: { authenticity: 'log' } }, 'authenticTimestamp CERTIFICATE_EXPIRED'],
    [`${SIGNED}/jwsExpiredWithTimestamp.sig`, { ...ca, override: { authenticity: 'log' } }, 'authenticTimestamp CERTIFICATE_EXPIRED'],
    [`${SIGNED}/timestampBeforeNotBefore.sig`, ca, 'authenticTimestamp CERTIFICATE_NOT_YET_VALID'],
    [`${SIGNED}/timestampAfterNotAfter.sig`, { ...ca, override: { authenticity: 'log' } }, 'authenticTimestamp CERTIFICATE_EXPIRED'],
  ])('%s with %j', async (path, setting, expected) => {
    expect(verdict(await judgeFile(path, setting))).toBe(expected);
  });

  it('says of the expired ones when they expired', async () => {
    expect((await judgeFile(`${MOCK}/ca_expired_sig_env.json`, ca)).error?.message).toContain(
      'digital signature has expired on "Fri, 29 Jul 2022 23:59:00 +0000"',
    );
    const { error } = await judgeFile(`${SIGNED}/jwsExpiredWithTimestamp.sig`, { ...ca, override: { authenticity: 'log' } });
    expect(error?.message).toContain('it was expired at "Tue, 18 Jun 2024 07:30:31 +0000"');
  });

  it.each([['jws_signature.sig'], ['cose_signature.sig']])('finds %s whole', async (name) => {
    const { validations } = await judgeFile(`notation-go/internal/testdata/${name}`, { level: 'audit' });
    expect(validations[0]).toEqual({ type: 'integrity', action: 'enforce' });
  });
}

function layouts(): void {
  const LAYOUTS = 'notation/test/e2e/testdata/registry/oci_layout';
  const KEYS = 'notation/test/e2e/testdata/config/localkeys';
  const anchor = (name: string): Setting => ({ anchors: { 'ca:e2e': certificates(`${KEYS}/${name}`) }, stores: ['ca:e2e'] });
  const blobOf = (layout: string, digest: string) => `${LAYOUTS}/${layout}/blobs/${digest.replace(':', '/')}`;
  const subjectOf = (layout: string) => {
    const [{ mediaType, digest, size }] = json(`${LAYOUTS}/${layout}/index.json`).manifests;
    return { mediaType, digest, size };
  };

  it.each<[string, string, string, Setting, string]>([
    ['e2e-valid-signature', '90ceaff260d657d797c408ac73564a9c7bb9d86055877c2a811f0e63b8c6524f', 'the anchor', anchor('e2e.crt'), 'PASS'],
    [
      'e2e-valid-signature',
      '90ceaff260d657d797c408ac73564a9c7bb9d86055877c2a811f0e63b8c6524f',
      'another',
      anchor('new_e2e.crt'),
      'authenticity SIGNER_UNTRUSTED',
    ],
    [
      'e2e-expired-signature',
      '3829708badae8e4b14e1adbc2fac7182bc0c27c5b6f54153e8b68a12eab10a1e',
      'strict',
      anchor('e2e.crt'),
      'expiry SIGNATURE_EXPIRED',
    ],
    [
      'e2e-expired-signature',
      '3829708badae8e4b14e1adbc2fac7182bc0c27c5b6f54153e8b68a12eab10a1e',
      'audit',
      { ...anchor('e2e.crt'), level: 'audit' },
      'PASS',
    ],
    [
      'e2e-with-expired-cert',
      'b06e392c2d88206b492dbaf5381800578611eb24f86587bc7717cd3b736e5da7',
      'strict',
      anchor('expired_e2e.crt'),
      'authenticTimestamp CERTIFICATE_EXPIRED',
    ],
    [
      'e2e-with-expired-cert',
      'b06e392c2d88206b492dbaf5381800578611eb24f86587bc7717cd3b736e5da7',
      'permissive',
      { ...anchor('expired_e2e.crt'), level: 'permissive' },
      'PASS',
    ],
    [
      'e2e-invalid-signature',
      '321fcc674d6771dd0e5bd21e599f2df3a482de99a400fd3a3fe371221b97a9c9',
      'audit',
      { ...anchor('e2e.crt'), level: 'audit' },
      'integrity ENVELOPE_INVALID',
    ],
    [
      'e2e-valid-multiple-signatures',
      '90ceaff260d657d797c408ac73564a9c7bb9d86055877c2a811f0e63b8c6524f',
      'the first',
      anchor('e2e.crt'),
      'PASS',
    ],
    [
      'e2e-valid-multiple-signatures',
      'c3ebe4a20b6832328fc5078a7795ddc1114b896e13fca2add38109c3866b5fbf',
      'the second',
      anchor('e2e.crt'),
      'authenticity SIGNER_UNTRUSTED',
    ],
  ])('%s: manifest %s with %s', async (layout, hex, _case, setting, expected) => {
    const subject = subjectOf(layout);
    const blob = signatureBlob(bytes(blobOf(layout, `sha256:${hex}`)), 'application/vnd.oci.image.manifest.v1+json', descriptor(subject));
    expect(await judge(bytes(blobOf(layout, blob.digest)), { ...setting, mediaType: blob.mediaType, subject })).toBe(expected);
  });
}

/** Rows of the index about OCI trust policy documents: file and what is expected of it. */
function policyRows(): readonly (readonly [file: string, expected: string])[] {
  return bytes('INDEX.md')
    .toString()
    .split('\n')
    .flatMap((line) => {
      const [path = '', , , what = '', expected = ''] = line
        .split('|')
        .map((cell) => cell.trim())
        .slice(1);
      return path.startsWith('test/e2e/testdata/config/trustpolicies/') && what.startsWith('OCI')
        ? [[`notation/${path}`, expected] as const]
        : [];
    });
}

function policies(): void {
  const rows = policyRows();
  const problemOf = (path: string): string => {
    try {
      parseTrustPolicyDocument(json(path));
      return 'accepted';
    } catch (error) {
      return errorText(error);
    }
  };
  const invalid = rows.filter(([, expected]) => /^(?:invalid|not JSON)/.test(expected));

  it('has all 42 documents', () => {
    expect([rows.length, invalid.length]).toEqual([42, 20]);
  });

  it.each(rows.filter((row) => !invalid.includes(row)))('accepts %s: %s', (path) => {
    expect(problemOf(path)).toBe('accepted');
  });

  it.each(invalid)('refuses %s: %s', (path) => {
    expect(problemOf(path)).not.toBe('accepted');
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
  const names: NameCases = json('notation-go/embedded/policy/dn_cases.json');
  const levels: LevelCases = json('notation-go/embedded/policy/level_cases.json');
  const scopes: ScopeCases = json('notation-go/embedded/policy/scope_cases.json');
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

function trustStores(): void {
  const STORES = 'notation-go/verifier/testdata/truststore/x509';
  it.each<[string, TrustStoreType, string]>([
    ['ca/valid-trust-store', 'ca', 'loaded'],
    ['ca/valid-trust-store-2', 'ca', 'loaded'],
    ['ca/valid-trust-store-self-signed', 'ca', 'loaded'],
    ['signingAuthority/valid-trust-store', 'signingAuthority', 'loaded'],
    ['tsa/test-timestamp', 'tsa', 'loaded'],
    ['tsa/test-mismatch', 'tsa', 'loaded'],
    ['ca/trust-store-with-invalid-certs', 'ca', 'failed to read the trusted certificates'],
    ['ca/trust-store-with-leaf-certs', 'ca', 'is not a CA certificate or self-signed signing certificate'],
    ['ca/trust-store-with-leaf-certs-in-single-file', 'ca', 'is not a CA certificate or self-signed signing certificate'],
    ['tsa/test-nonCA', 'tsa', 'is not a root CA certificate'],
    ['tsa/test-nonSelfIssued', 'tsa', 'is not a root CA certificate'],
  ])('%s as %s: %s', async (path, type, expected) => {
    const store = await createTrustStore(new Map([[`${type}:x` as const, folder(`${STORES}/${path}`)]]));
    const load = (): string => (store.getCertificates(type, 'x').size > 0 ? 'loaded' : 'empty');
    if (expected === 'loaded') expect(load()).toBe('loaded');
    else expect(load).toThrow(expected);
  });
}

// The files are kept beside the repository, not in it.
if (existsSync(VECTORS)) {
  describe("envelopes of the reference's tests", envelopes);
  describe("image layouts of the reference's tests", layouts);
  describe("trust policies of the reference's tests", policies);
  describe("tables of the reference's tests", tables);
  describe("trust stores of the reference's tests", trustStores);
} else {
  it('needs no files beside the repository', () => expect(existsSync(VECTORS)).toBe(false));
}
