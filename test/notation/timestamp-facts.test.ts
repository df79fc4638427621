import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FactCache } from '../../src/lib/facts.ts';
import { type CertificateOptions, OID, pki } from '../pki.ts';
import { distributionPoints, entry, type OcspOptions, ocspResponse, responders, revocationList } from '../revocation-answers.ts';
import { SIGNING_AUTHORITY, signJws } from '../sign.ts';
import { timestamping } from '../timestamp-token.ts';
import { at, expired, GEN_TIME, stamped, TSA, token, tsaRoot } from './timestamp-world.ts';
import { bothStores, facts, judge, leaf, network, root, type Setting, stranger, verdict, verify } from './world.ts';

const OCSP = 'http://o.test/tsa';
const CRL = 'http://c.test/tsa.crl';
const asks = (extensions: CertificateOptions['extensions']): CertificateOptions => timestamping({ extensions: { ...extensions } });
const byOcsp = tsaRoot.leaf(asks({ [OID.authorityInfoAccess]: { value: responders(OCSP) } }));
const byCrl = tsaRoot.leaf(asks({ [OID.crlDistributionPoints]: { value: distributionPoints(CRL) } }));
const said = (options: Partial<OcspOptions> = {}) => ocspResponse({ certificate: byOcsp.cert, issuer: tsaRoot, ...options });
const list = (...entries: readonly Uint8Array[]) => revocationList({ issuer: tsaRoot, entries });
const gone = said({ status: 'revoked' });
/** When the answers end. */
const END = at('2025-06-02T00:00:00');

const REVOKED = 'authenticTimestamp CERTIFICATE_REVOKED';
const UNKNOWN = 'authenticTimestamp REVOCATION_UNKNOWN';
const INVALID = 'authenticTimestamp TIMESTAMP_INVALID';

type Answers = Readonly<Record<string, Uint8Array>>;

describe("the authority's revocation", () => {
  const check = async (envelope: Uint8Array, answers: Answers, setting: Setting = {}) => {
    const { port, asked } = network(answers);
    return { outcome: await verify(envelope, { ...TSA, revocation: port, ...setting }), asked };
  };

  it.each<[string, () => Uint8Array, Answers, Setting, string]>([
    ['T9 good by OCSP', () => stamped({ tsa: byOcsp }), { [OCSP]: said() }, {}, 'PASS'],
    ['T9 good by a list', () => stamped({ tsa: byCrl }), { [CRL]: list() }, {}, 'PASS'],
    ['T9 unknown, as nobody answers', () => stamped({ tsa: byOcsp }), {}, {}, UNKNOWN],
    ['T9 unknown to the responder', () => stamped({ tsa: byOcsp }), { [OCSP]: said({ status: 'unknown' }) }, {}, UNKNOWN],
    ['350 revoked', () => stamped({ tsa: byOcsp }), { [OCSP]: gone }, {}, REVOKED],
    ['350 revoked by a list', () => stamped({ tsa: byCrl }), { [CRL]: list(entry(byCrl.cert)) }, {}, REVOKED],
    ['350 revoked, revocation skipped', () => stamped({ tsa: byOcsp }), { [OCSP]: gone }, { override: { revocation: 'skip' } }, REVOKED],
    ['350 revoked, revocation logged', () => stamped({ tsa: byOcsp }), { [OCSP]: gone }, { override: { revocation: 'log' } }, REVOKED],
    ['T9 unknown, revocation skipped', () => stamped({ tsa: byOcsp }), {}, { override: { revocation: 'skip' } }, UNKNOWN],
    ['352 revoked, permissive', () => stamped({ tsa: byOcsp }), { [OCSP]: gone }, { level: 'permissive' }, 'PASS'],
    ['T9 unknown, permissive', () => stamped({ tsa: byOcsp }), {}, { level: 'permissive' }, 'PASS'],
    [
      'T9 revoked, the signature by a signing authority',
      () => byAuthority(),
      { [OCSP]: gone },
      { stores: [...bothStores, 'tsa:clock'] },
      'PASS',
    ],
    [
      'T9 revoked, the timestamp not triggered',
      () => stamped({ tsa: byOcsp }),
      { [OCSP]: gone },
      { verifyTimestamp: 'afterCertExpiry' },
      'PASS',
    ],
  ])('%s', async (_, envelope, answers, setting, expected) => {
    const anchors = { ...TSA.anchors, 'signingAuthority:acme': [root.cert] };
    expect(verdict((await check(envelope(), answers, { anchors, ...setting })).outcome)).toBe(expected);
  });

  it('is said of the authority, and is refused where it is revoked, unavailable where it is unknown', async () => {
    const revoked = (await check(stamped({ tsa: byOcsp }), { [OCSP]: gone })).outcome.error;
    expect(revoked).toMatchObject({ outcome: 'refused', message: 'timestamping certificate with subject "CN=TSA" is revoked' });
    const unknown = (await check(stamped({ tsa: byOcsp }), {})).outcome.error;
    expect(unknown).toMatchObject({ outcome: 'unavailable' });
    expect(unknown?.message).toContain('timestamping certificate with subject "CN=TSA" revocation status is unknown');
  });

  it('does not count a revocation as later than the timestamp: D23', async () => {
    const { outcome } = await check(stamped({ tsa: byOcsp, genTime: at('2025-01-01T00:00:00') }), { [OCSP]: gone });
    expect(verdict(outcome)).toBe(REVOKED);
  });

  it('is asked for after everything else was found good', async () => {
    expect((await check(stamped({ tsa: byOcsp, genTime: at('2050-01-01T00:00:00') }), { [OCSP]: gone })).asked).toEqual([]);
    expect(
      (await check(stamped({ tsa: byOcsp }), { [OCSP]: gone }, { anchors: { ...TSA.anchors, 'tsa:clock': [root.cert] } })).asked,
    ).toEqual([]);
    expect((await check(stamped({ tsa: byOcsp }), { [OCSP]: said() })).asked).toEqual([OCSP]);
  });

  it('is asked of nobody where the step is only logged and the signer is not trusted', async () => {
    const audit = await check(stamped({ tsa: byOcsp }, { signer: stranger }), { [OCSP]: said() }, { level: 'audit' });
    expect(audit.asked).toEqual([]);
    expect(audit.outcome.validations.find(({ type }) => type === 'authenticTimestamp')?.error?.code).toBe('REVOCATION_UNKNOWN');
    const trusted = await check(stamped({ tsa: byOcsp }), { [OCSP]: said() }, { level: 'audit' });
    expect(trusted.asked).toEqual([OCSP]);
    const enforced = { level: 'audit', override: { authenticTimestamp: 'enforce' } };
    expect((await check(stamped({ tsa: byOcsp }, { signer: stranger }), { [OCSP]: said() }, enforced)).asked).toEqual([OCSP]);
  });
});

const byAuthority = () => signJws({ signer: leaf, scheme: SIGNING_AUTHORITY, timestampSignature: token({ tsa: byOcsp }) });

describe('how long a timestamp makes a verdict last', () => {
  const validUntil = async (envelope: Uint8Array, setting: Setting) => (await verify(envelope, { ...TSA, ...setting })).validUntil;

  it.each<[string, () => Uint8Array, Setting, Date | undefined]>([
    ['for ever, without anything that ends', () => stamped(), {}, undefined],
    ['for ever, though the certificate has expired', () => stamped({}, { signer: expired }), {}, undefined],
    ["until the end of the responder's answer", () => stamped({ tsa: byOcsp }), { revocation: network({ [OCSP]: said() }).port }, END],
    [
      'until the certificate expires, afterCertExpiry',
      () => stamped({}, { signer: root.leaf({ notAfter: at('2025-07-01T00:00:00') }) }),
      { verifyTimestamp: 'afterCertExpiry' },
      at('2025-07-01T00:00:00'),
    ],
    [
      'for ever, afterCertExpiry, the certificate expired',
      () => stamped({}, { signer: expired }),
      { verifyTimestamp: 'afterCertExpiry' },
      undefined,
    ],
    [
      'for ever, where the step is only logged',
      () => stamped({ tsa: byOcsp }),
      { level: 'permissive', revocation: network({ [OCSP]: said() }).port },
      undefined,
    ],
  ])('%s', async (_, envelope, setting, expected) => {
    expect(await validUntil(envelope(), setting)).toEqual(expected);
  });
});

describe('a token that was disturbed', () => {
  const { length } = token()(new Uint8Array());

  it('is refused, or good and of the same time, and nothing else', async () => {
    const shared = facts();
    await fc.assert(
      fc.asyncProperty(fc.nat(length - 1), fc.integer({ min: 1, max: 255 }), async (place, mask) => {
        const disturb = (bytes: Uint8Array) => bytes.with(place % bytes.length, (bytes[place % bytes.length] ?? 0) ^ mask);
        const outcome = await verify(stamped({ bend: disturb }), { ...TSA, facts: shared });
        expect(['PASS', INVALID]).toContain(verdict(outcome));
        expect(outcome.timestamp?.time.seconds ?? GEN_TIME.getTime() / 1000).toBe(GEN_TIME.getTime() / 1000);
      }),
      { numRuns: 400 },
    );
  });
});

describe('what is remembered of a timestamp', () => {
  /** Facts that count how often each kind was looked for anew. */
  const counted = () => {
    const inner = facts();
    const loads: Record<string, number> = {};
    const counting: FactCache = {
      remember: (kind, key, signal, load) =>
        inner.remember(kind, key, signal, (own) => {
          loads[kind] = (loads[kind] ?? 0) + 1;
          return load(own);
        }),
    };
    return { counting, loads };
  };
  const otherRoot = pki.root({ subject: [['CN', 'TSA Root']] });
  const trusting = (...roots: readonly Uint8Array[]): Setting => ({ ...TSA, anchors: { ...TSA.anchors, 'tsa:clock': roots } });

  it('is the token and its path, once for each token and set of roots', async () => {
    const { counting, loads } = counted();
    const envelope = stamped();
    for (let i = 0; i < 3; i++) expect(await judge(envelope, { ...TSA, facts: counting })).toBe('PASS');
    expect(loads).toMatchObject({ 'notation.timestampToken': 1, 'notation.timestamp': 1, 'notation.signedBy': 3 });
    expect(await judge(stamped(), { ...TSA, facts: counting })).toBe('PASS');
    expect(loads).toMatchObject({ 'notation.timestampToken': 2, 'notation.timestamp': 2, 'notation.signedBy': 3 });
  });

  it('of one set of roots says nothing of another', async () => {
    const shared = facts();
    const envelope = stamped();
    expect(await judge(envelope, { ...trusting(otherRoot.cert), facts: shared })).toBe(INVALID);
    expect(await judge(envelope, { ...trusting(tsaRoot.cert), facts: shared })).toBe('PASS');
    expect(await judge(envelope, { ...trusting(otherRoot.cert), facts: shared })).toBe(INVALID);
    expect(await judge(envelope, { ...trusting(otherRoot.cert, tsaRoot.cert), facts: shared })).toBe('PASS');
  });

  it('of one signature says nothing of another with the same token', async () => {
    const shared = facts();
    const made: Uint8Array[] = [];
    const keep = (signature: Uint8Array): Uint8Array => {
      made.push(token()(signature));
      return made[0] ?? new Uint8Array();
    };
    const first = signJws({ signer: leaf, timestampSignature: keep });
    expect(await judge(first, { ...TSA, facts: shared })).toBe('PASS');
    const second = signJws({ signer: leaf, timestampSignature: keep });
    expect(await judge(second, { ...TSA, facts: shared })).toBe(INVALID);
    expect(await judge(first, { ...TSA, facts: shared })).toBe('PASS');
  });

  it('is no revocation: an authority revoked since is refused', async () => {
    const shared = facts();
    const envelope = stamped({ tsa: byOcsp });
    const setting = (answer: Uint8Array): Setting => ({ ...TSA, facts: shared, revocation: network({ [OCSP]: answer }).port });
    expect(await judge(envelope, setting(said()))).toBe('PASS');
    expect(await judge(envelope, setting(gone))).toBe(REVOKED);
  });

  it('does not change with the bytes that were handed in', async () => {
    const shared = facts();
    const envelope = stamped();
    const copy = Uint8Array.from(envelope);
    expect(await judge(copy, { ...TSA, facts: shared })).toBe('PASS');
    copy.fill(0);
    expect(await judge(envelope, { ...TSA, facts: shared })).toBe('PASS');
  });

  it('416 gives each of many at once its own verdict', async () => {
    const shared = facts();
    const good = stamped();
    const bad = stamped({ bendSignature: (signature) => signature.with(8, (signature[8] ?? 0) ^ 1) });
    const verdicts = await Promise.all(Array.from({ length: 20 }, (_, i) => judge(i % 4 === 0 ? bad : good, { ...TSA, facts: shared })));
    expect(verdicts).toEqual(Array.from({ length: 20 }, (_, i) => (i % 4 === 0 ? INVALID : 'PASS')));
  });

  it('a call that is given up ends the verification', async () => {
    await expect(verify(stamped(), { ...TSA, signal: AbortSignal.abort(new Error('given up')) })).rejects.toThrow('given up');
  });
});
