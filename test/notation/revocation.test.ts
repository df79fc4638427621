import { describe, expect, it } from '@jest/globals';
import { createFactCache } from '../../src/lib/cache.ts';
import { RevocationFetchError, type RevocationPort } from '../../src/lib/revocation.ts';
import { checkRevocation, type RevocationPurpose } from '../../src/notation/revocation.ts';
import { instantOf } from '../../src/notation/time.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import * as der from '../der-writer.ts';
import { authorityName, type CertificateOptions, extendedKeyUsage, extensionOf, type Issued, keyUsage, OID, pki } from '../pki.ts';
import {
  AT,
  distributionPoints,
  entry,
  generalizedTime,
  INVALIDITY_DATE,
  type ListOptions,
  type OcspOptions,
  ocspBody,
  ocspResponse,
  responders,
  revocationList,
  single,
} from '../revocation-answers.ts';

const O1 = 'http://o.test/1';
const O2 = 'http://o.test/2';
const C1 = 'http://c.test/1.crl';
const C2 = 'http://c.test/2.crl';
const DELTA = 'http://c.test/delta.crl';
const later = (hours: number): Date => new Date(AT.getTime() + hours * 3_600_000);
const NOW = later(1);

const asks = (ocsp: readonly string[], crl: readonly string[], more: CertificateOptions['extensions'] = {}): CertificateOptions => ({
  extensions: {
    ...(ocsp.length === 0 ? {} : { [OID.authorityInfoAccess]: { value: responders(...ocsp) } }),
    ...(crl.length === 0 ? {} : { [OID.crlDistributionPoints]: { value: distributionPoints(...crl) } }),
    ...more,
  },
});

const root = pki.root();
const stranger = pki.root({ subject: authorityName('Stranger') });
const twin = pki.root();
const delegate = root.leaf({
  subject: authorityName('Responder'),
  extensions: { [OID.extendedKeyUsage]: { value: extendedKeyUsage('1.3.6.1.5.5.7.3.9') } },
});
const bare = root.leaf({ subject: authorityName('No responder') });
const byOcsp = root.leaf(asks([O1], []));
const byTwo = root.leaf(asks([O1, O2], []));
const byCrl = root.leaf(asks([], [C1]));
const byTwoLists = root.leaf(asks([], [C1, C2]));
const byBoth = root.leaf(asks([O1], [C1]));

type Body = Uint8Array | undefined;
type Answers = Readonly<Record<string, Body>>;

function network(answers: Answers) {
  const asked: string[] = [];
  const answer = async (url: string): Promise<Uint8Array> => {
    asked.push(url);
    const body = answers[url];
    if (body === undefined) throw new RevocationFetchError('cannot be reached');
    return body;
  };
  const clock = { now: () => NOW.getTime(), monotonic: () => 0 };
  const port: RevocationPort = { fetchOcsp: answer, fetchCrl: answer, answers: createFactCache({ maxBytes: 1e6, clock }) };
  return { port, asked };
}

interface Setting {
  readonly signingTime?: Date;
  readonly now?: Date;
  readonly purpose?: RevocationPurpose;
}

async function ask(leaf: Issued, port: RevocationPort | undefined, { signingTime, now = NOW, purpose = 'codeSigning' }: Setting = {}) {
  return checkRevocation({
    chain: leaf.chain.map((bytes) => parseCertificate(bytes)),
    purpose,
    ...(signingTime === undefined ? {} : { authenticSigningTime: instantOf(signingTime) }),
    now,
    port,
    signal: new AbortController().signal,
  });
}

async function verdict(leaf: Issued, answers: Answers, setting: Setting = {}): Promise<string> {
  const { error } = await ask(leaf, network(answers).port, setting);
  return error === undefined ? 'PASS' : error.code;
}

const REVOKED = 'CERTIFICATE_REVOKED';
const UNKNOWN = 'REVOCATION_UNKNOWN';
const invalidFrom = (date: Date) => extensionOf(INVALIDITY_DATE, generalizedTime(date));
const said = (options: Partial<OcspOptions> = {}, leaf = byOcsp) => ocspResponse({ certificate: leaf.cert, issuer: root, ...options });
const listed = (options: Partial<ListOptions> = {}) => revocationList({ issuer: root, ...options });
const gone = { status: 'revoked' } as const;

describe('12.12 OCSP', () => {
  it.each<[string, Issued, Answers, string, Setting?]>([
    ['353 good, from the issuer', byOcsp, { [O1]: said() }, 'PASS'],
    ['353 good, from the issuer by name', byOcsp, { [O1]: said({ responder: { by: 'name', of: root } }) }, 'PASS'],
    ['353 good, with SHA-256 in the CertID', byOcsp, { [O1]: said({ hash: 'sha256' }) }, 'PASS'],
    ['353 good, from a delegate', byOcsp, { [O1]: said({ signer: delegate, certificates: [delegate.cert] }) }, 'PASS'],
    ['354 revoked', byOcsp, { [O1]: said(gone) }, REVOKED],
    ['354 unknown', byOcsp, { [O1]: said({ status: 'unknown' }) }, UNKNOWN],
    ['356 nobody answers', byOcsp, {}, UNKNOWN],
    ['357 the responder is down, the list is good', byBoth, { [C1]: listed() }, 'PASS'],
    ['357 the responder is down, the list names it', byBoth, { [C1]: listed({ entries: [entry(byBoth.cert)] }) }, REVOKED],
    ['358 the responder does not know, the list is good', byBoth, { [O1]: said({ status: 'unknown' }, byBoth), [C1]: listed() }, 'PASS'],
    [
      '360 the responder says good, the list is not asked',
      byBoth,
      { [O1]: said({}, byBoth), [C1]: listed({ entries: [entry(byBoth.cert)] }) },
      'PASS',
    ],
    ['the responder says revoked, whatever the list says', byBoth, { [O1]: said(gone, byBoth), [C1]: listed() }, REVOKED],
    [
      'revoked since a date that does not read, whatever the list says',
      byBoth,
      { [O1]: said({ ...gone, extensions: [extensionOf(INVALIDITY_DATE, der.integer(1))] }, byBoth), [C1]: listed() },
      REVOKED,
      { signingTime: AT },
    ],
    ['362 the first is down, the second says good', byTwo, { [O2]: said({}, byTwo) }, 'PASS'],
    ['362 the first says revoked, the second good', byTwo, { [O1]: said(gone, byTwo), [O2]: said({}, byTwo) }, REVOKED],
    ['364 for another serial number', byOcsp, { [O1]: said({ serial: Uint8Array.of(1) }) }, UNKNOWN],
    ['365 D21 for the serial number of another issuer', byOcsp, { [O1]: said({ about: stranger }) }, UNKNOWN],
    ['365 D21 for another key of the same name', byOcsp, { [O1]: said({ about: twin }) }, UNKNOWN],
    ['366 signed by a stranger', byOcsp, { [O1]: said({ signer: stranger, responder: { by: 'key', of: root } }) }, UNKNOWN],
    ['366 signed by a stranger who says so', byOcsp, { [O1]: said({ signer: stranger }) }, UNKNOWN],
    ['368 D21 signed by the leaf itself', byOcsp, { [O1]: said({ signer: byOcsp, certificates: [byOcsp.cert] }) }, UNKNOWN],
    ['368 D21 a delegate that is none', byOcsp, { [O1]: said({ signer: bare, certificates: [bare.cert] }) }, UNKNOWN],
    [
      '369 D21 a delegate that has expired',
      byOcsp,
      (() => {
        const old = root.leaf({
          notAfter: later(-1),
          extensions: { [OID.extendedKeyUsage]: { value: extendedKeyUsage('1.3.6.1.5.5.7.3.9') } },
        });
        return { [O1]: said({ signer: old, certificates: [old.cert] }) };
      })(),
      UNKNOWN,
    ],
    [
      '370 a delegate of another authority',
      byOcsp,
      (() => {
        const other = twin.leaf({ extensions: { [OID.extendedKeyUsage]: { value: extendedKeyUsage('1.3.6.1.5.5.7.3.9') } } });
        return { [O1]: said({ signer: other, certificates: [other.cert] }) };
      })(),
      UNKNOWN,
    ],
    [
      'D21 a delegate that says it is the issuer',
      byOcsp,
      { [O1]: said({ signer: delegate, certificates: [delegate.cert], responder: { by: 'name', of: root } }) },
      UNKNOWN,
    ],
    ['373 malformedRequest', byOcsp, { [O1]: ocspBody(1) }, UNKNOWN],
    ['373 tryLater', byOcsp, { [O1]: ocspBody(3) }, UNKNOWN],
    ['373 unauthorized', byOcsp, { [O1]: ocspBody(6) }, UNKNOWN],
    ['successful without an answer', byOcsp, { [O1]: ocspBody(0) }, UNKNOWN],
    ['garbage', byOcsp, { [O1]: Buffer.from('no') }, UNKNOWN],
    ['a byte too many', byOcsp, { [O1]: Buffer.concat([said(), Uint8Array.of(0)]) }, UNKNOWN],
    ['an end that has passed', byOcsp, { [O1]: said({ nextUpdate: later(0.5) }) }, UNKNOWN],
    ['no end', byOcsp, { [O1]: said({ nextUpdate: undefined }) }, UNKNOWN],
    ['D22 a beginning in the future', byOcsp, { [O1]: said({ thisUpdate: later(2) }) }, UNKNOWN],
    ['a beginning a minute from now', byOcsp, { [O1]: said({ thisUpdate: new Date(NOW.getTime() + 60_000) }) }, 'PASS'],
    ['a critical extension', byOcsp, { [O1]: said({ extensions: [extensionOf('1.2.3', der.NULL, true)] }) }, UNKNOWN],
    ['D30 a SHA-1 signature', byOcsp, { [O1]: said({ weak: true }) }, UNKNOWN],
    ['a CertID by MD5', byOcsp, { [O1]: said({ hash: 'md5' }) }, UNKNOWN],
    [
      'two answers for it, the second that it is revoked',
      byOcsp,
      { [O1]: said({ ...gone, before: [single({ certificate: byOcsp.cert, issuer: root })] }) },
      REVOKED,
    ],
    [
      '374 revoked, invalid only after the authentic signing time',
      byOcsp,
      { [O1]: said({ ...gone, extensions: [invalidFrom(AT)] }) },
      'PASS',
      { signingTime: later(-1) },
    ],
    [
      '374 D24 revoked, invalid from the authentic signing time on',
      byOcsp,
      { [O1]: said({ ...gone, extensions: [invalidFrom(AT)] }) },
      REVOKED,
      { signingTime: AT },
    ],
    [
      '374 D23 revoked, invalid later, the signing time only claimed',
      byOcsp,
      { [O1]: said({ ...gone, extensions: [invalidFrom(AT)] }) },
      REVOKED,
    ],
  ])('%s', async (_case, leaf, answers, expected, setting = {}) => {
    expect(await verdict(leaf, answers, setting)).toBe(expected);
  });

  it('360 asks no list where the responder has answered', async () => {
    const { port, asked } = network({ [O1]: said({}, byBoth) });
    await ask(byBoth, port);
    expect(asked).toEqual([O1]);
  });

  it('asks once for many images, until the answer ends', async () => {
    const { port, asked } = network({ [O1]: said() });
    for (let i = 0; i < 5; i++) expect((await ask(byOcsp, port)).error).toBeUndefined();
    expect(asked).toEqual([O1]);
    expect((await ask(byOcsp, port)).validUntil).toEqual(later(24));
  });

  it('417 believes no kept answer past its end', async () => {
    const { port } = network({ [O1]: said() });
    expect((await ask(byOcsp, port)).error).toBeUndefined();
    expect((await ask(byOcsp, port, { now: later(25) })).error?.code).toBe(UNKNOWN);
  });

  it('396 keeps no answer that it does not believe, none that does not read and none that does not know, and asks again', async () => {
    for (const body of [said({ signer: stranger }), said({ status: 'unknown' }), Buffer.from('corrupt')]) {
      const { port, asked } = network({ [O1]: body });
      await ask(byOcsp, port);
      await ask(byOcsp, port);
      expect(asked).toEqual([O1, O1]);
    }
  });
});

describe('12.13 revocation lists', () => {
  const holds = (reason: number, hours = 0) => entry(byCrl.cert, { reason, date: later(hours - 10) });
  const withDelta = (base: Partial<ListOptions>, delta: Partial<ListOptions> | undefined): Answers => ({
    [C1]: listed({ freshest: [DELTA], ...base }),
    ...(delta === undefined ? {} : { [DELTA]: listed({ number: 2, baseNumber: 1, ...delta }) }),
  });

  it.each<[string, Issued, Answers, string, Setting?]>([
    ['378 not listed', byCrl, { [C1]: listed({ entries: [entry(byOcsp.cert)] }) }, 'PASS'],
    ['378 an empty list', byCrl, { [C1]: listed() }, 'PASS'],
    ['378 listed without a reason', byCrl, { [C1]: listed({ entries: [entry(byCrl.cert)] }) }, REVOKED],
    ['378 listed for keyCompromise', byCrl, { [C1]: listed({ entries: [holds(1)] }) }, REVOKED],
    ['378 listed for superseded', byCrl, { [C1]: listed({ entries: [entry(byOcsp.cert), holds(4)] }) }, REVOKED],
    ['380 signed by another key', byCrl, { [C1]: listed({ signer: twin }) }, UNKNOWN],
    ['D30 of another issuer, signed by the right key', byCrl, { [C1]: listed({ issuerName: stranger }) }, UNKNOWN],
    ['397 of another issuer', byCrl, { [C1]: revocationList({ issuer: stranger }) }, UNKNOWN],
    ['D30 a SHA-1 signature', byCrl, { [C1]: listed({ weak: true }) }, UNKNOWN],
    [
      '382 PEM',
      byCrl,
      { [C1]: Buffer.from(`-----BEGIN X509 CRL-----\n${Buffer.from(listed()).toString('base64')}\n-----END X509 CRL-----\n`) },
      UNKNOWN,
    ],
    ['382 a byte too many', byCrl, { [C1]: Buffer.concat([listed(), Uint8Array.of(0)]) }, UNKNOWN],
    ['no end', byCrl, { [C1]: listed({ nextUpdate: undefined }) }, UNKNOWN],
    ['an end that has passed', byCrl, { [C1]: listed({ nextUpdate: later(0.5) }) }, UNKNOWN],
    ['D22 a beginning in the future', byCrl, { [C1]: listed({ thisUpdate: later(2) }) }, UNKNOWN],
    ['D20 an end that has passed, listed', byCrl, { [C1]: listed({ nextUpdate: later(0.5), entries: [entry(byCrl.cert)] }) }, UNKNOWN],
    ['385 D19 two lists, both good', byTwoLists, { [C1]: listed(), [C2]: listed() }, 'PASS'],
    ['385 D19 two lists, the second down', byTwoLists, { [C1]: listed() }, UNKNOWN],
    ['two lists, the second names it', byTwoLists, { [C1]: listed(), [C2]: listed({ entries: [entry(byTwoLists.cert)] }) }, REVOKED],
    ['386 an unknown critical extension', byCrl, { [C1]: listed({ extensions: [extensionOf('1.2.3', der.NULL, true)] }) }, UNKNOWN],
    [
      '386 a critical issuingDistributionPoint',
      byCrl,
      { [C1]: listed({ extensions: [extensionOf('2.5.29.28', der.sequence(), true)] }) },
      'PASS',
    ],
    [
      'a critical extension of the entry',
      byCrl,
      { [C1]: listed({ entries: [entry(byCrl.cert, { extensions: [extensionOf('2.5.29.29', der.NULL, true)] })] }) },
      UNKNOWN,
    ],
    ['388 held', byCrl, { [C1]: listed({ entries: [holds(6)] }) }, REVOKED],
    ['388 held, and lifted in the delta', byCrl, withDelta({ entries: [holds(6, 0)] }, { entries: [holds(8, 1)] }), 'PASS'],
    ['389 lifted before it was held', byCrl, withDelta({ entries: [holds(6, 1)] }, { entries: [holds(8, 0)] }), REVOKED],
    ['390 listed in the delta alone', byCrl, withDelta({}, { entries: [holds(1)] }), REVOKED],
    ['not listed in either', byCrl, withDelta({}, {}), 'PASS'],
    ['392 the delta is down', byCrl, withDelta({}, undefined), UNKNOWN],
    ['the delta is of another key', byCrl, withDelta({}, { signer: twin }), UNKNOWN],
    ['the delta has no indicator', byCrl, { ...withDelta({}, {}), [DELTA]: listed({ number: 2 }) }, UNKNOWN],
    ['the delta goes on from a later list', byCrl, withDelta({}, { baseNumber: 2, number: 3 }), UNKNOWN],
    ['the delta is not later than the list', byCrl, withDelta({ number: 2 }, {}), UNKNOWN],
    ['the list has no number to go on from', byCrl, withDelta({ number: undefined }, {}), UNKNOWN],
    ['the delta has expired', byCrl, withDelta({}, { nextUpdate: later(0.5) }), UNKNOWN],
    [
      '394 listed, invalid only after the authentic signing time',
      byCrl,
      { [C1]: listed({ entries: [entry(byCrl.cert, { extensions: [invalidFrom(AT)] })] }) },
      'PASS',
      { signingTime: later(-1) },
    ],
    [
      '394 listed, invalid before the authentic signing time',
      byCrl,
      { [C1]: listed({ entries: [entry(byCrl.cert, { extensions: [invalidFrom(AT)] })] }) },
      REVOKED,
      { signingTime: later(0.5) },
    ],
    [
      'a date of invalidity that does not read',
      byCrl,
      { [C1]: listed({ entries: [entry(byCrl.cert, { extensions: [extensionOf(INVALIDITY_DATE, der.integer(1))] })] }) },
      UNKNOWN,
    ],
    ['398 neither responder nor list', bare, {}, 'PASS'],
  ])('%s', async (_case, leaf, answers, expected, setting = {}) => {
    expect(await verdict(leaf, answers, setting)).toBe(expected);
  });

  it('381 of an issuer that may not sign lists say nothing', async () => {
    const weak = pki.root({ extensions: { [OID.keyUsage]: { critical: true, value: keyUsage(5) } } });
    expect(await verdict(weak.leaf(asks([], [C1])), { [C1]: revocationList({ issuer: weak }) })).toBe(UNKNOWN);
  });

  it('393 named as freshest by the certificate alone are not supported', async () => {
    const leaf = root.leaf(asks([], [C1], { '2.5.29.46': { value: distributionPoints(DELTA) } }));
    expect(await verdict(leaf, { [C1]: listed() })).toBe(UNKNOWN);
  });

  it('396 that do not read are not kept, and are fetched again', async () => {
    const { port, asked } = network({ [C1]: Buffer.from('corrupt') });
    for (let i = 0; i < 2; i++) expect((await ask(byCrl, port)).error?.code).toBe(UNKNOWN);
    expect(asked).toEqual([C1, C1]);
  });

  it('397 that are kept for one issuer are worth nothing for another, who is asked again', async () => {
    const { port, asked } = network({ [C1]: listed() });
    expect((await ask(byCrl, port)).error).toBeUndefined();
    expect((await ask(stranger.leaf(asks([], [C1])), port)).error?.code).toBe(UNKNOWN);
    expect(asked).toEqual([C1, C1]);
  });

  it('are fetched once for all certificates of an issuer, and kept apart by issuer', async () => {
    const { port, asked } = network({ [C1]: listed({ entries: [entry(byCrl.cert)] }) });
    const other = root.leaf(asks([], [C1]));
    expect((await ask(byCrl, port)).error?.code).toBe(REVOKED);
    expect((await ask(other, port)).error).toBeUndefined();
    expect(asked).toEqual([C1]);
    expect((await ask(twin.leaf(asks([], [C1])), port)).error?.code).toBe(UNKNOWN);
  });
});

describe('8.1 a chain', () => {
  const middle = root.intermediate(asks([O2], []));
  const leaf = middle.leaf(asks([O1], []));
  const good = (certificate: Issued, issuer: Issued) => ocspResponse({ certificate: certificate.cert, issuer });
  const bad = (certificate: Issued, issuer: Issued) => ocspResponse({ certificate: certificate.cert, issuer, status: 'revoked' });

  it.each<[string, Answers, RegExp | undefined]>([
    ['of good certificates passes', { [O1]: good(leaf, middle), [O2]: good(middle, root) }, undefined],
    ['with a revoked authority fails', { [O1]: good(leaf, middle), [O2]: bad(middle, root) }, /CN=Intermediate.* is revoked$/],
    ['names the revoked one nearest the leaf', { [O1]: bad(leaf, middle), [O2]: bad(middle, root) }, /CN=leaf.* is revoked$/],
    ['is revoked rather than unknown', { [O2]: bad(middle, root) }, /CN=Intermediate.* is revoked$/],
    [
      'says why it is unknown',
      { [O2]: good(middle, root) },
      /^signing certificate .*CN=leaf.* revocation status is unknown: http:\/\/o\.test\/1: cannot be reached$/,
    ],
  ])('%s', async (_case, answers, expected) => {
    const { error } = await ask(leaf, network(answers).port);
    if (expected === undefined) expect(error).toBeUndefined();
    else expect(error?.message).toMatch(expected);
  });

  it('of a timestamp is called one', async () => {
    const { error } = await ask(leaf, network({}).port, { purpose: 'timestamping' });
    expect(error?.message).toMatch(/^timestamping certificate with subject/);
  });

  it('377 of one certificate, and the root of any, is not asked about', async () => {
    const { port, asked } = network({});
    expect((await ask(pki.selfSigned(asks([O1], [C1])), port)).error).toBeUndefined();
    expect((await ask(pki.root(asks([O1], [C1])).leaf(), port)).error).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('is unknown where nobody can be asked', async () => {
    expect((await ask(leaf, undefined)).error?.code).toBe(UNKNOWN);
    expect((await ask(bare, undefined)).error).toBeUndefined();
  });
});
