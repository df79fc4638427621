import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SourceError } from '../../src/engine/errors.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { RegistryError } from '../../src/oci/errors.ts';
import type { PgpMaterial } from '../simplesigning/gpg.ts';
import { OTHER_DIGEST, payloadBytes, DIGEST as SIGNED_DIGEST, REPOSITORY as SIGNED_REPOSITORY } from '../simplesigning/world.ts';
import {
  ALLOWLIST,
  attestation,
  authority,
  brief,
  DIGEST,
  gate,
  IMAGE,
  KEY_ID,
  listing,
  object,
  policy,
  REPOSITORY,
  type Signing,
  silent,
} from './kritis-world.ts';

const SEED = authority() + policy() + ALLOWLIST;
const KEY = `[default]${IMAGE}`;
const TAGGED = `[default]${REPOSITORY}:3.18`;
const unreachable = new SourceError('ATTESTATIONS_UNREACHABLE', 'the source is down');

describe('a namespace with a GenericAttestationPolicy', () => {
  it('A0.1 refuses an image without attestation, and says which, by whom and why', async () => {
    const { ask, diagnostics } = await gate(SEED, [listing([])]);
    const verdict = await ask(KEY);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(brief(verdict)).toBe('refused NOT_ATTESTED');
    expect(verdict.reason.message).toBe(
      `${REPOSITORY}@${DIGEST.slice(0, 19)} is not attested by demo-aa: lookup: no attestation of this digest in shelf`,
    );
  });

  it('A0.1 refuses the unsigned image by tag with the image, the authority and the step', async () => {
    const verdict = await (await gate(SEED, [listing([])])).ask(TAGGED);
    expect(brief(verdict)).toBe('refused TAG_REFERENCE');
    expect(verdict.reason.message).toContain(`${REPOSITORY}:3.18 is not attested by demo-aa: tag reference; use @sha256:`);
  });

  it.each<[string, Signing]>([
    ['PKCS#1 v1.5', {}],
    ['RSASSA-PSS', { method: 'pss-sha256-32' }],
    ['PSS, and says so', { method: 'pss-sha256-32', algorithm: 'RSA_PSS_SHA_256' }],
    ['the note of the authority', { note: 'namespaces/demo-aa' }],
    ['a tag in the name', { payload: payloadBytes({ reference: `${REPOSITORY}:3.18`, digest: DIGEST }) }],
  ])('A0.2 accepts the signed image by digest, signed with %s', async (_, signing) => {
    const verdict = await (await gate(SEED, [listing([attestation(signing)])])).ask(KEY);
    expect(brief(verdict)).toBe('accepted VERIFIED');
    expect(verdict).toMatchObject({ policy: 'GenericAttestationPolicy', digest: DIGEST, records: [] });
    expect(verdict.reports).toMatchObject([
      {
        verifier: 'demo-aa',
        type: 'kritis',
        outcome: 'accepted',
        detail: { authority: 'demo-aa', publicKeyId: KEY_ID, occurrence: 'projects/p/occurrences/1' },
      },
    ]);
    expect(verdict.reports[0]?.artifact.digest).toBe(digestOf(attestation(signing).payload));
  });

  it('A0.2 asks no registry for an image by digest', async () => {
    const source = listing([attestation()]);
    const { ask, store } = await gate(SEED, [source]);
    await ask(KEY);
    expect(store.calls).toEqual([]);
    expect(source.asked).toEqual([IMAGE]);
  });

  it('A0.3 refuses the signed image by tag, with the digest to use', async () => {
    const source = listing([attestation()]);
    const verdict = await (await gate(SEED, [source])).ask(TAGGED);
    expect(brief(verdict)).toBe('refused TAG_REFERENCE');
    expect(verdict.reason.message.endsWith(`tag reference; use @${DIGEST}`)).toBe(true);
    expect(verdict.reason.message.length).toBeLessThanOrEqual(230);
    expect(source.asked).toEqual([]);
  });

  it('A0.3 has room for the digest beside the longest names', async () => {
    const long = `${'r'.repeat(60)}.test/${'p'.repeat(150)}`;
    const verdict = await (await gate(authority({ name: 'a'.repeat(100) }) + policy(['a'.repeat(100)]), [listing([])])).ask(
      `[default]${long}:${'t'.repeat(128)}`,
    );
    expect(verdict.reason.message.endsWith(`use @${DIGEST}`)).toBe(true);
  });

  it('A0.3 accepts the reference that mutation makes of it: tag and digest', async () => {
    const verdict = await (await gate(SEED, [listing([attestation()])])).ask(`[default]${REPOSITORY}:3.18@${DIGEST}`);
    expect(brief(verdict)).toBe('accepted VERIFIED');
  });

  it.each<[string, Error]>([
    ['REGISTRY_UNREACHABLE', new RegistryError('REGISTRY_UNREACHABLE', 'down', { registry: 'r' })],
    ['IMAGE_NOT_FOUND', new RegistryError('IMAGE_NOT_FOUND', 'no such tag', { registry: 'r' })],
  ])('A0.3 refuses a tag without the digest where the registry says %s', async (code, error) => {
    const { ask } = await gate(SEED, [listing([])], {}, { resolve: () => Promise.reject(error) });
    const { outcome, reason } = await ask(TAGGED);
    expect({ outcome, code: reason.code }).toEqual({ outcome: 'refused', code: 'TAG_REFERENCE' });
    expect(reason.message).toContain(`tag reference; use @sha256:... (the digest cannot be found out: ${code})`);
  });

  it('A0.3 refuses a tag within a second or so where the registry is silent', async () => {
    const { ask } = await gate(SEED, [listing([])], {}, { resolve: () => new Promise(() => undefined) });
    expect(brief(await ask(TAGGED))).toBe('refused TAG_REFERENCE');
  });

  it('A0.4 lets an allowlisted image run without asking anybody', async () => {
    const source = listing([]);
    const { ask, store } = await gate(SEED, [source]);
    const verdict = await ask('[default]registry-vpc.cn-hangzhou.aliyuncs.com/acs/pause:3.2');
    expect(brief(verdict)).toBe('accepted ALLOWLISTED');
    expect(verdict.rules).toMatchObject([
      { name: 'GenericAttestationPolicy', family: 'kritis', exemption: 'AdmissionAllowlist kritis-allowlist' },
    ]);
    expect([source.asked, store.calls]).toEqual([[], []]);
  });

  it('A0.5 keeps a pattern with a namespace to that namespace', async () => {
    const yaml = SEED + authority({ namespace: 'prod' }) + policy(['demo-aa'], 'demo-gap', 'prod');
    const { ask } = await gate(yaml, [listing([])]);
    const image = `registry-vpc.cn-beijing.aliyuncs.com/arms-docker-repo/prom@${DIGEST}`;
    expect(brief(await ask(`[default]${image}`))).toBe('accepted ALLOWLISTED');
    expect(brief(await ask(`[prod]${image}`))).toBe('refused NOT_ATTESTED');
  });

  it('A0.6 covers no other namespace: there it is accepted as not covered, and nobody is asked', async () => {
    const source = listing([]);
    const { ask, store } = await gate(SEED, [source]);
    for (const key of [`[prod]${IMAGE}`, `[prod]${REPOSITORY}:3.18`]) {
      const verdict = await ask(key);
      expect(brief(verdict)).toBe('accepted NOT_COVERED');
      expect(verdict.rules).toEqual([]);
    }
    expect([source.asked, store.calls]).toEqual([[], []]);
  });

  it('is misconfigured for a key that names no namespace', async () => {
    expect(brief(await (await gate(SEED, [listing([attestation()])])).ask(IMAGE))).toBe('misconfigured NAMESPACE_REQUIRED');
  });

  it.each<[string, Signing, string]>([
    ['a wrong key with the right id', { key: 'other2048' }, 'SIGNATURE_INVALID signature:'],
    [
      'another digest in the payload',
      { payload: payloadBytes({ reference: REPOSITORY, digest: OTHER_DIGEST }) },
      'PAYLOAD_DIGEST_MISMATCH payload:',
    ],
    [
      'another repository in it',
      { payload: payloadBytes({ reference: 'a.test/b', digest: DIGEST }) },
      'PAYLOAD_REPOSITORY_MISMATCH payload:',
    ],
    [
      'another type in it',
      { payload: payloadBytes({ reference: REPOSITORY, digest: DIGEST, type: 'cosign container image signature' }) },
      'PAYLOAD_TYPE_MISMATCH payload:',
    ],
    ['a payload that is none', { payload: Buffer.from('{}') }, 'PAYLOAD_INVALID payload:'],
    ['the right key with another id', { keyId: 'key-0' }, 'KEY_ID_MISMATCH key:'],
    ['the id in capitals', { keyId: KEY_ID.toUpperCase() }, 'KEY_ID_MISMATCH key:'],
    ['no id', { keyId: '' }, 'KEY_ID_MISMATCH key:'],
    ['another note', { note: 'namespaces/other-aa' }, 'NOT_ATTESTED note:'],
    ['SHA-512', { method: 'pkcs1-sha512' }, 'SIGNATURE_INVALID signature:'],
    ['a longer salt than the key service makes', { method: 'pss-sha256-64' }, 'ALGORITHM_MISMATCH algorithm:'],
    ['PSS under the label of PKCS#1', { method: 'pss-sha256-32', algorithm: 'RSA_PKCS1_SHA_256' }, 'ALGORITHM_MISMATCH algorithm:'],
    ['a label of another system', { algorithm: 'SHA_256_RSA_PKCS_PSS' }, 'ALGORITHM_MISMATCH algorithm:'],
    ['a label that nobody knows', { algorithm: 'none' }, 'ALGORITHM_MISMATCH algorithm:'],
  ])('A0.7 refuses an attestation with %s', async (_, signing, expected) => {
    const verdict = await (await gate(SEED, [listing([attestation(signing)])])).ask(KEY);
    expect(verdict.outcome).toBe('refused');
    expect(`${verdict.reason.code} ${verdict.reason.message.split('demo-aa: ')[1]}`).toContain(expected);
    expect(verdict.reason.message).toContain('is not attested by demo-aa');
    expect(verdict.reason.message.length).toBeLessThanOrEqual(230);
  });

  it('A0.7 tells the failure that came farthest, whatever else is there', async () => {
    const found = [
      { keyId: 'key-0' },
      { key: 'other2048' as const },
      { payload: payloadBytes({ reference: REPOSITORY, digest: OTHER_DIGEST }) },
    ];
    for (const order of [found, found.toReversed()]) {
      const verdict = await (await gate(SEED, [listing(order.map(attestation))])).ask(KEY);
      expect(brief(verdict)).toBe('refused PAYLOAD_DIGEST_MISMATCH');
      expect(verdict.reports.map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
    }
  });

  it('accepts a good attestation among bad ones, on a later page and in a later source', async () => {
    const bad = attestation({ key: 'other2048' });
    expect(brief(await (await gate(SEED, [listing([bad, attestation()])])).ask(KEY))).toBe('accepted VERIFIED');
    expect(brief(await (await gate(SEED, [listing([bad], [attestation()])])).ask(KEY))).toBe('accepted VERIFIED');
    expect(brief(await (await gate(SEED, [listing([bad]), listing([attestation()])])).ask(KEY))).toBe('accepted VERIFIED');
  });

  it('accepts without looking further once it is satisfied', async () => {
    const later = listing([attestation()]);
    const verdict = await (await gate(SEED, [listing([attestation()], unreachable), later])).ask(KEY);
    expect(brief(verdict)).toBe('accepted VERIFIED');
    expect(later.asked).toEqual([]);
  });

  it.each<[string, readonly (readonly ReturnType<typeof attestation>[] | Error)[], string]>([
    ['is down', [unreachable], 'ATTESTATIONS_UNREACHABLE'],
    ['denies', [new SourceError('ATTESTATIONS_DENIED', '403')], 'ATTESTATIONS_DENIED'],
    ['answers 429', [new SourceError('ATTESTATIONS_THROTTLED', '429')], 'ATTESTATIONS_THROTTLED'],
    ['answers nonsense', [new SourceError('ATTESTATIONS_INVALID', 'not JSON')], 'ATTESTATIONS_INVALID'],
    ['fails after a page of bad ones', [[attestation({ key: 'other2048' })], unreachable], 'ATTESTATIONS_UNREACHABLE'],
    ['is not built right', [new TypeError('a slip')], 'INTERNAL'],
  ])('A0.8 cannot tell where a source %s, and never says that the image is not attested', async (_, pages, code) => {
    const verdict = await (await gate(SEED, [listing(...pages)])).ask(KEY);
    expect(brief(verdict)).toBe(`unavailable ${code}`);
    expect(verdict.reason.message).not.toContain('not attested');
    expect(verdict.validUntil).toBeUndefined();
  });

  it('A0.8 cannot tell where one of two sources fails, and is satisfied where the other has it', async () => {
    expect(brief(await (await gate(SEED, [listing(unreachable), listing([])])).ask(KEY))).toBe('unavailable ATTESTATIONS_UNREACHABLE');
    expect(brief(await (await gate(SEED, [listing(unreachable), listing([attestation()])])).ask(KEY))).toBe('accepted VERIFIED');
  });

  it('A0.8 cannot tell where the source is slower than the deadline', async () => {
    const verdict = await (await gate(SEED, [silent])).ask(KEY, { signal: AbortSignal.timeout(50) });
    expect(brief(verdict)).toBe('unavailable DEADLINE_EXCEEDED');
  });

  it('refuses where more signatures are kept than may be tried, also with a good one behind them', async () => {
    const bad = attestation({ key: 'other2048' });
    const { ask } = await gate(SEED, [listing([bad, bad, bad], [attestation()])]);
    expect(brief(await ask(KEY, { maxSignatures: 3 }))).toBe('refused TOO_MANY_SIGNATURES');
    expect(brief(await ask(KEY, { maxSignatures: 4 }))).toBe('accepted VERIFIED');
  });

  it('refuses where more statements are kept than are looked through', async () => {
    const foreign = attestation({ keyId: 'key-0' });
    const { ask } = await gate(SEED, [
      listing(
        Array.from({ length: 1000 }, () => foreign),
        [attestation()],
      ),
    ]);
    expect(brief(await ask(KEY))).toBe('refused TOO_MANY_SIGNATURES');
  });

  it('takes no statement of another form for one of these', async () => {
    const found = [
      { ...attestation(), format: 'vault' as const },
      { ...attestation(), format: 'pgp' as const },
    ];
    expect(brief(await (await gate(SEED, [listing(found)])).ask(KEY))).toBe('refused KEY_ID_MISMATCH');
  });

  it('is not satisfied by an attestation without signatures', async () => {
    expect(brief(await (await gate(SEED, [listing([{ ...attestation(), signatures: [] }])])).ask(KEY))).toBe('refused NOT_ATTESTED');
  });
});

describe('an attestation by an OpenPGP key', () => {
  const { keys, fingerprints, messages } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../fixtures/pgp/material.json'), 'utf8'),
  ) as PgpMaterial;
  const asked = `[default]${SIGNED_REPOSITORY}@${SIGNED_DIGEST}`;
  const askAt = async (name: 'expiring' | 'rsa', message: keyof PgpMaterial['messages'], now: Date) => {
    const asciiArmoredPgpPublicKey = Buffer.from(keys[name]).toString('base64');
    const yaml = object('AttestationAuthority', 'pgp', { publicKeys: [{ keyType: 'PGP', asciiArmoredPgpPublicKey }] }) + policy(['pgp']);
    const signatures = [{ keyId: fingerprints[name], signature: new Uint8Array() }];
    const found = { name: 'one', format: 'pgp' as const, payload: Buffer.from(messages[message]), signatures };
    return (await gate(yaml, [listing([found])])).ask(asked, { now });
  };

  it.each<['expiring' | 'rsa', keyof PgpMaterial['messages'], string]>([
    ['expiring', 'expiring', '2025-07-01T00:00:00.000Z'],
    ['rsa', 'expiringSignature', '2025-03-01T00:00:00.000Z'],
  ])('by %s, %s, is believed no longer than until it expires', async (name, message, until) => {
    const end = new Date(until);
    const last = await askAt(name, message, new Date(end.getTime() - 1000));
    expect([brief(last), last.validUntil]).toEqual(['accepted VERIFIED', end]);
    expect((await askAt(name, message, end)).outcome).toBe('refused');
  });
});

describe('policies and authorities', () => {
  const two = authority() + authority({ name: 'qa', key: 'other2048', id: 'key-qa', note: 'namespaces/qa' });
  const byQa = attestation({ key: 'other2048', keyId: 'key-qa' });

  it('A0.9 refuse with one attestation where a policy names two authorities', async () => {
    const yaml = two + policy(['demo-aa', 'qa']);
    const verdict = await (await gate(yaml, [listing([attestation()])])).ask(KEY);
    expect(brief(verdict)).toBe('refused KEY_ID_MISMATCH');
    expect(verdict.reason.message).toContain('is not attested by qa');
    expect(brief(await (await gate(yaml, [listing([attestation()], [byQa])])).ask(KEY))).toBe('accepted VERIFIED');
  });

  it('A0.9 accept with one attestation where there are two policies of one authority each', async () => {
    const yaml = two + policy(['demo-aa'], 'one') + policy(['qa'], 'two');
    for (const found of [attestation(), byQa]) {
      expect(brief(await (await gate(yaml, [listing([found])])).ask(KEY))).toBe('accepted VERIFIED');
    }
    const verdict = await (await gate(yaml, [listing([])])).ask(KEY);
    expect(brief(verdict)).toBe('refused NOT_ATTESTED');
    expect(verdict.reason.message).toContain('(1 of 2 policies, none satisfied)');
  });

  it('A0.9 do not add up attestations of different policies', async () => {
    const yaml =
      two +
      authority({ name: 'third', key: 'rsa3072', id: 'key-3' }) +
      policy(['demo-aa', 'third'], 'one') +
      policy(['qa', 'third'], 'two');
    expect((await (await gate(yaml, [listing([attestation(), byQa])])).ask(KEY)).outcome).toBe('refused');
  });

  it('do not count one authority twice, nor its attestations for another', async () => {
    expect(brief(await (await gate(two + policy(['demo-aa', 'demo-aa']), [listing([attestation()])])).ask(KEY))).toBe('accepted VERIFIED');
    const twins = authority() + authority({ name: 'twin', note: 'namespaces/twin' }) + policy(['demo-aa', 'twin']);
    const verdict = await (await gate(twins, [listing([attestation({ note: 'namespaces/demo-aa' })])])).ask(KEY);
    expect(verdict.reason.message).toContain('is not attested by twin: note:');
  });

  it.each<[string, string, string]>([
    ['no authority', authority() + policy([]), 'attestationAuthorityNames is empty'],
    ['an authority that is not there', policy(), 'AttestationAuthority "demo-aa" is not there'],
    ['an authority of another namespace', authority({ namespace: 'prod' }) + policy(), 'AttestationAuthority "demo-aa" is not there'],
    ['one good authority and one that is not there', authority() + policy(['demo-aa', 'qa']), 'AttestationAuthority "qa" is not there'],
    ['an authority without a key', object('AttestationAuthority', 'demo-aa', { noteReference: 'n' }) + policy(), 'cannot be used: '],
    [
      'an authority with a broken key',
      object('AttestationAuthority', 'demo-aa', { publicKeyData: 'LS0t', publicKeyId: KEY_ID }) + policy(),
      'cannot be used: ',
    ],
    ['a spec that is none', object('GenericAttestationPolicy', 'demo-gap', 'all'), 'expected a map'],
    ['no spec', object('GenericAttestationPolicy', 'demo-gap', undefined), 'expected a map'],
    [
      'names that are no list',
      object('GenericAttestationPolicy', 'demo-gap', { attestationAuthorityNames: 'demo-aa' }) + authority(),
      'expected a list',
    ],
  ])('are misconfigured with %s, and nothing is admitted', async (_, yaml, why) => {
    const source = listing([attestation()]);
    const verdict = await (await gate(yaml, [source])).ask(KEY);
    expect(brief(verdict)).toBe('misconfigured CONFIG_INVALID');
    expect(verdict.reason.message).toContain(why);
    expect(source.asked).toEqual([]);
  });

  it('are misconfigured where there is nowhere to look', async () => {
    const verdict = await (await gate(SEED)).ask(KEY);
    expect(brief(verdict)).toBe('misconfigured CONFIG_INVALID');
    expect(verdict.reason.message).toContain('set kritis.attestations');
  });

  it.each<[string, string]>([
    ['is empty', policy([], 'broken')],
    ['names an authority that is not there', policy(['nobody'], 'broken')],
    ['cannot be read', object('GenericAttestationPolicy', 'broken', { attestationAuthorityNames: 1 })],
  ])('accept by another policy where one %s, and else are misconfigured', async (_, broken) => {
    expect(brief(await (await gate(SEED + broken, [listing([attestation()])])).ask(KEY))).toBe('accepted VERIFIED');
    expect(brief(await (await gate(SEED + broken, [listing([])])).ask(KEY))).toBe('misconfigured CONFIG_INVALID');
  });

  it('say that names are missing as soon as they are declared', async () => {
    const { diagnostics } = await gate(policy([]));
    expect(diagnostics).toMatchObject([{ severity: 'warning', path: 'spec.attestationAuthorityNames' }]);
  });
});
