import { describe, expect, it } from '@jest/globals';
import { CodedError } from '../../src/lib/errors.ts';
import { NotationError } from '../../src/notation/errors.ts';
import type { ValidationAction, VerificationOutcome } from '../../src/notation/types.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { foldOutcome } from '../../src/verifiers/notation.ts';
import { deps } from '../config/world.ts';
import { SUBJECT, signCose, signJws } from '../sign.ts';
import {
  create,
  leaf,
  NOW,
  root,
  type Signature,
  type Statement,
  selfSigned,
  signature,
  statement,
  stranger,
  TYPE,
  verdict,
  verify,
} from './notation-world.ts';

class Unreachable extends CodedError {
  readonly code = 'REGISTRY_UNREACHABLE';
}
class Missing extends CodedError {
  readonly code = 'IMAGE_NOT_FOUND';
}
class Spoilt extends CodedError {
  readonly code = 'CONTENT_INVALID';
}

describe('the notation verifier', () => {
  it.each<[string, Uint8Array, string]>([
    ['JWS', signJws({ signer: leaf }), 'application/jose+json'],
    ['COSE', signCose({ signer: leaf }), 'application/cose'],
  ])('accepts a good %s signature and says who signed', async (_case, envelope, mediaType) => {
    const report = await verify(await create({}), signature({ envelope, mediaType }));
    expect(report).toMatchObject({
      verifier: 'v',
      type: 'notation',
      outcome: 'accepted',
      reason: { code: 'VERIFIED', message: 'signed by CN=leaf,O=Notary,L=Seattle,ST=WA,C=US' },
      detail: { policy: 'default', level: 'strict', subject: 'CN=leaf,O=Notary,L=Seattle,ST=WA,C=US', issuer: 'CN=Root,O=Notary,C=US' },
      nested: [],
    });
    expect(report.validUntil?.getTime()).toBeGreaterThan(NOW.getTime());
    expect(report.trace.map(({ step }) => step)).toContain('authenticity');
  });

  it.each<[string, Readonly<Record<string, unknown>>, Statement, string]>([
    ['the older spelling of its stores', { verificationCertStores: { acme: ['roots'] } }, {}, 'accepted VERIFIED'],
    ['two providers in one store', { verificationCertStores: { acme: ['stranger', 'roots'] } }, {}, 'accepted VERIFIED'],
    ['a leaf beside the root in its store', { verificationCertStores: { acme: ['mixed'] } }, {}, 'accepted VERIFIED'],
    [
      'a broken store that the statement does not name',
      { verificationCertStores: { acme: ['roots'], other: ['gone'] } },
      {},
      'accepted VERIFIED',
    ],
    ['a statement for the repository', {}, { scopes: ['registry.example.test/app'] }, 'accepted VERIFIED'],
    ['the identity of the signer', {}, { identities: ['x509.subject: C=US, ST=WA, O=Notary'] }, 'accepted VERIFIED'],
    ['level skip', {}, { level: 'skip' }, 'accepted SKIPPED'],
    ['level skip without its key provider', { verificationCertStores: { acme: ['gone'] } }, { level: 'skip' }, 'accepted SKIPPED'],
    ['the root of somebody else', { verificationCertStores: { acme: ['stranger'] } }, {}, 'refused SIGNER_UNTRUSTED'],
    [
      'the signer in another type of store',
      { verificationCertStores: { signingAuthority: { acme: ['roots'] } } },
      {},
      'misconfigured TRUST_STORE_INVALID',
    ],
    ['a scope whose host is in upper case', {}, { scopes: ['Registry.Example.TEST/app'] }, 'accepted VERIFIED'],
    ['a statement for another repository', {}, { scopes: ['registry.example.test/other'] }, 'refused NO_APPLICABLE_POLICY'],
    ['a statement for a repository that begins alike', {}, { scopes: ['registry.example.test/ap'] }, 'refused NO_APPLICABLE_POLICY'],
    ['another identity', {}, { identities: ['x509.subject: C=US, ST=WA, O=Acme'] }, 'refused IDENTITY_UNTRUSTED'],
    ['a key provider that is not there', { verificationCertStores: { acme: ['gone'] } }, {}, 'misconfigured KEY_PROVIDER_MISSING'],
    [
      'a key provider that is not there beside a good one',
      { verificationCertStores: { acme: ['roots', 'gone'] } },
      {},
      'misconfigured KEY_PROVIDER_MISSING',
    ],
    [
      'a key provider that is not there, at level audit',
      { verificationCertStores: { acme: ['gone'] } },
      { level: 'audit' },
      'misconfigured KEY_PROVIDER_MISSING',
    ],
    ['a key provider without certificates', { verificationCertStores: { acme: ['none'] } }, {}, 'misconfigured TRUST_STORE_INVALID'],
    [
      'a key provider with a certificate that is none',
      { verificationCertStores: { acme: ['garbage'] } },
      {},
      'misconfigured TRUST_STORE_INVALID',
    ],
    ['a store without key providers', { verificationCertStores: { acme: [] } }, {}, 'misconfigured TRUST_STORE_INVALID'],
    ['a leaf alone in its store', { verificationCertStores: { acme: ['leaf'] } }, {}, 'misconfigured TRUST_STORE_INVALID'],
    ['no stores at all', { verificationCertStores: {} }, {}, 'misconfigured TRUST_STORE_INVALID'],
    ['no stores at all, at level audit', { verificationCertStores: undefined }, { level: 'audit' }, 'misconfigured TRUST_STORE_INVALID'],
  ])('answers with %s', async (_case, parameters, policy, expected) => {
    expect(verdict(await verify(await create(parameters, policy), signature({})))).toBe(expected);
  });

  it('trusts a self-signed signing certificate in its store (A1.7)', async () => {
    const verifier = await create({ verificationCertStores: { acme: ['self'] } });
    expect(verdict(await verify(verifier, signature({ envelope: signJws({ signer: selfSigned }) })))).toBe('accepted VERIFIED');
    expect(verdict(await verify(verifier, signature({})))).toBe('refused SIGNER_UNTRUSTED');
  });

  it.each([['docker.io/nginx'], ['index.docker.io/nginx'], ['index.docker.io/library/nginx'], ['Docker.IO/library/nginx']])(
    'holds Docker Hub to the statement for %s, and not to that for *',
    async (scope) => {
      const strict = { ...statement({ scopes: [scope], stores: ['ca:stranger'] }), name: 'hub' };
      const verifier = await create({
        verificationCertStores: { ca: { acme: ['roots'], stranger: ['stranger'] } },
        trustPolicyDoc: { version: '1.0', trustPolicies: [statement({ level: 'audit' }), strict] },
      });
      const of = (path: string) => verify(verifier, signature({}), deps.signal, { registry: 'docker.io', path });
      expect(verdict(await of('library/nginx'))).toBe('refused SIGNER_UNTRUSTED');
      expect(verdict(await of('library/other'))).toBe('accepted VERIFIED');
    },
  );

  it('takes two scopes that are one on Docker Hub for one', async () => {
    const twice = [statement({ scopes: ['docker.io/nginx'] }), { ...statement({ scopes: ['docker.io/library/nginx'] }), name: 'other' }];
    const refusal = create({ trustPolicyDoc: { version: '1.0', trustPolicies: twice } });
    await expect(refusal).rejects.toMatchObject({ code: 'TRUST_POLICY_INVALID', message: expect.stringContaining('present in multiple') });
  });

  it('takes two scopes that differ in the case of the host for one', async () => {
    const two = [
      statement({ scopes: ['registry.example.test/app'] }),
      { ...statement({ scopes: ['REGISTRY.example.test/app'] }), name: 'other' },
    ];
    await expect(create({ trustPolicyDoc: { version: '1.0', trustPolicies: two } })).rejects.toMatchObject({
      code: 'TRUST_POLICY_INVALID',
    });
  });

  it("says in Ratify's words why a leaf is no trust anchor", async () => {
    const { reason } = await verify(await create({ verificationCertStores: { acme: ['leaf'] } }), signature({}));
    expect(reason.message).toContain('only CA certificates or self-signed signing certificates are supported');
  });

  it('names the key provider that is not there', async () => {
    const { reason } = await verify(await create({ verificationCertStores: { acme: ['gone'] } }), signature({}));
    expect(reason.message).toBe('key provider gone is not there');
  });

  const other = { ...SUBJECT, digest: `sha256:${'1'.repeat(64)}` };
  it.each<[string, Signature, string]>([
    ['over another image', { envelope: signJws({ signer: leaf, subject: other }) }, 'refused PAYLOAD_MISMATCH'],
    ['that is attached to another image', { manifest: { subject: other } }, 'refused ENVELOPE_INVALID'],
    ['that is not attached at all', { manifest: { subject: undefined } }, 'accepted VERIFIED'],
    ['of two envelopes', { manifest: { layers: [blob(1), blob(2)] } }, 'refused ENVELOPE_INVALID'],
    ['of no envelope', { manifest: { layers: [] } }, 'refused ENVELOPE_INVALID'],
    ['whose envelope claims more than 4 MiB', { manifest: { layers: [blob(4 * 1024 * 1024 + 1)] } }, 'refused ENVELOPE_INVALID'],
    ['in an envelope of unknown type', { mediaType: 'application/pgp' }, 'refused ENVELOPE_INVALID'],
    ['in JWS that says COSE', { mediaType: 'application/cose' }, 'refused ENVELOPE_INVALID'],
    ['that is garbage', { envelope: Buffer.from('{}') }, 'refused ENVELOPE_INVALID'],
    ['by a stranger', { envelope: signJws({ signer: stranger }) }, 'refused SIGNER_UNTRUSTED'],
    ['that has expired', { envelope: signJws({ signer: leaf, expiry: new Date('2025-05-01T00:00:00Z') }) }, 'refused SIGNATURE_EXPIRED'],
    [
      'whose manifest cannot be had',
      { store: { fetchManifest: () => Promise.reject(new Unreachable('no way')) } },
      'unavailable REGISTRY_UNREACHABLE',
    ],
    [
      'whose envelope cannot be had',
      { store: { fetchBlob: () => Promise.reject(new Unreachable('no way')) } },
      'unavailable REGISTRY_UNREACHABLE',
    ],
    [
      'whose manifest is listed and not there',
      { store: { fetchManifest: () => Promise.reject(new Missing('the registry does not have it')) } },
      'unavailable REGISTRY_UNREACHABLE',
    ],
    [
      'whose envelope is named and not there',
      { store: { fetchBlob: () => Promise.reject(new Missing('the registry does not have it')) } },
      'unavailable REGISTRY_UNREACHABLE',
    ],
    ['whose envelope is spoilt', { store: { fetchBlob: () => Promise.reject(new Spoilt('digest mismatch')) } }, 'refused CONTENT_INVALID'],
  ])('judges a signature %s', async (_case, options, expected) => {
    expect(verdict(await verify(await create({}), signature(options)))).toBe(expected);
  });

  it('does not say of a signature that is not there that the image is unknown', async () => {
    const store = { fetchBlob: () => Promise.reject(new Missing('the registry does not have it')) };
    const found = signature({ store });
    const { reason } = await verify(await create({}), found);
    expect(reason.message).toBe(
      `registry.example.test lists signature ${found.referrer.digest.slice(0, 19)} and does not have all of it; push it again, or delete it`,
    );
  });

  it('reads nothing of a signature in the scope of level skip', async () => {
    const found = signature({ envelope: Buffer.from('garbage') });
    const report = await verify(await create({}, { level: 'skip' }), found);
    expect([verdict(report), found.asked]).toEqual(['accepted SKIPPED', []]);
  });

  it('reads nothing of a signature that no statement is for', async () => {
    const found = signature({});
    await verify(await create({}, { scopes: ['registry.example.test/other'] }), found);
    expect(found.asked).toEqual([]);
  });

  it('rejects when the caller has given up, and only then', async () => {
    const abort = new AbortController();
    const store = {
      fetchManifest: async () => {
        abort.abort(new Error('given up'));
        throw new Unreachable('cut');
      },
    };
    await expect(verify(await create({}), signature({ store }), abort.signal)).rejects.toThrow('given up');
  });

  it('warns of what is logged and does not enforce it', async () => {
    const verifier = await create({ verificationCertStores: { acme: ['stranger'] } }, { level: 'audit' });
    const report = await verify(verifier, signature({}));
    expect(verdict(report)).toBe('accepted VERIFIED');
    expect(report.detail?.warnings).toEqual([expect.stringMatching(/^authenticity: /)]);
    expect(report.reason.message).toContain('not enforced: authenticity');
  });

  it.each<[readonly string[], string, boolean]>([
    [[TYPE], TYPE, true],
    [['*'], 'application/x', true],
    [['application/x', TYPE], TYPE, true],
    [[TYPE], 'application/x', false],
    [[TYPE], '', false],
    [[TYPE], `${TYPE}.v2`, false],
  ])('with artifact types %j takes %j: %s', async (types, artifactType, expected) => {
    const { referrer } = signature({});
    expect((await create({}, {}, [...types])).canVerify({ ...referrer, artifactType })).toBe(expected);
  });

  it.each<[unknown, boolean]>([
    [undefined, false],
    ['', false],
    [' ', false],
    [[], false],
    ['application/x', true],
    [['application/x'], true],
  ])('with nestedReferences %j looks at what is attached to signatures: %s', async (nestedReferences, expected) => {
    expect((await create({ nestedReferences })).nested).toBe(expected);
  });

  const S256 = 'io.cncf.notary.x509chain.thumbprint#S256';
  const fingerprint = digestOf(root.cert).slice(7);
  it.each<[string, string | undefined, number]>([
    ['first that names a trusted certificate', JSON.stringify(['00', fingerprint]), -1],
    ['first that names it in upper case', JSON.stringify([fingerprint.toUpperCase()]), -1],
    ['in its turn that names another', JSON.stringify(['00']), 0],
    ['in its turn without the hint', undefined, 0],
    ['in its turn whose hint is no JSON', '[', 0],
    ['in its turn whose hint is no list', JSON.stringify(fingerprint), 0],
    ['in its turn whose hint holds no texts', '[1, null, {}]', 0],
    ['in its turn whose hint is longer than 4 KiB', JSON.stringify([fingerprint, 'x'.repeat(4096)]), 0],
  ])('tries a signature %s', async (_case, hint, expected) => {
    const { referrer } = signature({});
    const verifier = await create({});
    expect(verifier.rank?.({ ...referrer, ...(hint === undefined ? {} : { annotations: { [S256]: hint } }) })).toBe(expected);
  });
});

function blob(size: number): unknown {
  return { mediaType: 'application/jose+json', digest: `sha256:${'2'.repeat(64)}`, size };
}

const ENFORCE = {
  integrity: 'enforce',
  authenticity: 'enforce',
  authenticTimestamp: 'enforce',
  expiry: 'enforce',
  revocation: 'enforce',
} as const;
const found = (over: Partial<VerificationOutcome>): VerificationOutcome => ({
  level: { name: 'strict', actions: ENFORCE },
  policy: 'default',
  validations: [],
  ...over,
});
const failed = (action: ValidationAction, error: NotationError) => ({ type: 'expiry' as const, action, error });

describe('an outcome of Notation, folded,', () => {
  it.each<[string, VerificationOutcome, string]>([
    ['refuses what is refused', found({ error: new NotationError('SIGNER_UNTRUSTED', 'x') }), 'refused SIGNER_UNTRUSTED'],
    [
      'is unavailable where it could not be found out',
      found({ error: new NotationError('REVOCATION_UNKNOWN', 'x') }),
      'unavailable REVOCATION_UNKNOWN',
    ],
    [
      'is misconfigured without a trust store',
      found({ error: new NotationError('TRUST_STORE_INVALID', 'x') }),
      'misconfigured TRUST_STORE_INVALID',
    ],
    [
      'refuses an enforced failure that nothing else tells of',
      found({ validations: [failed('enforce', new NotationError('SIGNATURE_EXPIRED', 'x'))] }),
      'refused SIGNATURE_EXPIRED',
    ],
    [
      'refuses an enforced failure even at level skip',
      found({ level: { name: 'skip', actions: ENFORCE }, error: new NotationError('SIGNATURE_INVALID', 'x') }),
      'refused SIGNATURE_INVALID',
    ],
    ['accepts a logged failure', found({ validations: [failed('log', new NotationError('SIGNATURE_EXPIRED', 'x'))] }), 'accepted VERIFIED'],
    ['accepts level skip as skipped', found({ level: { name: 'skip', actions: ENFORCE } }), 'accepted SKIPPED'],
  ])('%s', (_case, outcome, expected) => {
    const { outcome: word, reason } = foldOutcome(outcome);
    expect(`${word} ${reason.code}`).toBe(expected);
  });

  it('says what is wrong first, and keeps the fix however long that is', () => {
    const { reason } = foldOutcome(found({ error: new NotationError('IDENTITY_UNTRUSTED', `wrong\n\u202e${'y'.repeat(500)}`) }));
    expect(Buffer.byteLength(reason.message)).toBeLessThanOrEqual(230);
    expect(reason.message).toMatch(/^wrong[ -~]*; sign with a trusted identity, or add this one to trustedIdentities$/);
  });

  it('tells every step, skipped ones too', () => {
    const { trace } = foldOutcome(
      found({
        validations: [
          { type: 'integrity', action: 'enforce' },
          { type: 'revocation', action: 'skip' },
          failed('log', new NotationError('SIGNATURE_EXPIRED', 'late')),
        ],
      }),
    );
    expect(trace).toEqual([
      { step: 'integrity', action: 'enforce', error: null },
      { step: 'revocation', action: 'skip', error: null },
      { step: 'expiry', action: 'log', error: 'late' },
    ]);
  });
});
