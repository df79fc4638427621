import { describe, expect, it } from '@jest/globals';
import { childrenOf, readDer, TAG } from '../../src/x509/der.ts';
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
  revocationList,
  serialOf,
  single,
} from '../revocation-answers.ts';
import {
  type Answers,
  ask,
  asks,
  bare,
  byBoth,
  byCrl,
  byOcsp,
  byTwo,
  byTwoLists,
  C1,
  C2,
  DELTA,
  gone,
  later,
  listed,
  NOW,
  network,
  O1,
  O2,
  OCSP_SIGNING,
  REVOKED,
  root,
  type Setting,
  said,
  stranger,
  twin,
  UNKNOWN,
  verdict,
} from './revocation-world.ts';

const delegate = root.leaf({
  subject: authorityName('Responder'),
  extensions: { [OID.extendedKeyUsage]: { value: extendedKeyUsage('1.3.6.1.5.5.7.3.9') } },
});
const NOCHECK = '1.3.6.1.5.5.7.48.1.5';
const NONCE = extensionOf('1.3.6.1.5.5.7.48.1.2', der.octetString(Buffer.alloc(32, 7)));
const invalidFrom = (date: Date) => extensionOf(INVALIDITY_DATE, generalizedTime(date));
const delegateWith = (extensions: CertificateOptions['extensions']) =>
  root.leaf({ subject: authorityName('Responder'), extensions: { [OID.extendedKeyUsage]: { value: OCSP_SIGNING }, ...extensions } });
const fromDelegate = (signer: Issued) => said({ signer, certificates: [signer.cert] });
const noReason = { ...gone, reason: new Uint8Array() };
const longReason = { ...gone, reason: Uint8Array.of(1, 0, 0, 0, 0) };
const other = (options: Partial<OcspOptions>) => single({ certificate: byOcsp.cert, issuer: root, serial: Uint8Array.of(1), ...options });

describe('12.12 OCSP', () => {
  it.each<[string, Issued, Answers, string, Setting?]>([
    ['353 good, from the issuer', byOcsp, { [O1]: said() }, 'PASS'],
    ['353 good, from the issuer by name', byOcsp, { [O1]: said({ responder: { by: 'name', of: root } }) }, 'PASS'],
    ['353 good, with SHA-256 in the CertID', byOcsp, { [O1]: said({ hash: 'sha256' }) }, 'PASS'],
    ['353 good, from a delegate', byOcsp, { [O1]: said({ signer: delegate, certificates: [delegate.cert] }) }, 'PASS'],
    ['353 good, with a nonce that nobody asked for', byOcsp, { [O1]: said({ responseExtensions: [NONCE] }) }, 'PASS'],
    [
      '353 good, from a delegate that need not be checked',
      byOcsp,
      { [O1]: fromDelegate(delegateWith({ [NOCHECK]: { value: der.NULL } })) },
      'PASS',
    ],
    [
      '353 good, from a delegate that names a responder and a list of its own, which are not asked',
      byOcsp,
      { [O1]: fromDelegate(delegateWith(asks([O2], [C1]).extensions)) },
      'PASS',
    ],
    ['354 revoked, with a nonce that nobody asked for', byOcsp, { [O1]: said({ ...gone, responseExtensions: [NONCE] }) }, REVOKED],
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
    ['revoked for a reason that is no number, whatever the list says', byBoth, { [O1]: said(noReason, byBoth), [C1]: listed() }, REVOKED],
    ['good, beside another revoked for a reason that is no number', byOcsp, { [O1]: said({ before: [other(noReason)] }) }, UNKNOWN],
    ['good, beside another revoked for a reason over 32 bits', byOcsp, { [O1]: said({ before: [other(longReason)] }) }, UNKNOWN],
    [
      'good, beside another revoked for a negative reason',
      byOcsp,
      { [O1]: said({ before: [other({ ...gone, reason: Uint8Array.of(0xff) })] }) },
      'PASS',
    ],
    ['362 the first is down, the second says good', byTwo, { [O2]: said({}, byTwo) }, 'PASS'],
    ['362 the first says revoked, the second good', byTwo, { [O1]: said(gone, byTwo), [O2]: said({}, byTwo) }, REVOKED],
    [
      'the first does not know it, the second says good',
      byTwo,
      { [O1]: said({ status: 'unknown' }, byTwo), [O2]: said({}, byTwo) },
      UNKNOWN,
    ],
    ['364 for another serial number', byOcsp, { [O1]: said({ serial: Uint8Array.of(1) }) }, UNKNOWN],
    ['365 D21 for the serial number of another issuer', byOcsp, { [O1]: said({ about: stranger }) }, UNKNOWN],
    ['365 D21 for another key of the same name', byOcsp, { [O1]: said({ about: twin }) }, UNKNOWN],
    ['366 signed by a stranger', byOcsp, { [O1]: said({ signer: stranger, responder: { by: 'key', of: root } }) }, UNKNOWN],
    ['366 signed by a stranger who says so', byOcsp, { [O1]: said({ signer: stranger }) }, UNKNOWN],
    ['368 D21 signed by the leaf itself', byOcsp, { [O1]: said({ signer: byOcsp, certificates: [byOcsp.cert] }) }, UNKNOWN],
    ['368 D21 a delegate that is none', byOcsp, { [O1]: said({ signer: bare, certificates: [bare.cert] }) }, UNKNOWN],
    [
      '368 D21 a delegate that may do anything but says nothing of OCSP',
      byOcsp,
      { [O1]: fromDelegate(delegateWith({ [OID.extendedKeyUsage]: { value: extendedKeyUsage('2.5.29.37.0') } })) },
      UNKNOWN,
    ],
    [
      '368 D21 a delegate without an extended key usage, need not be checked or not',
      byOcsp,
      { [O1]: fromDelegate(delegateWith({ [OID.extendedKeyUsage]: undefined, [NOCHECK]: { value: der.NULL } })) },
      UNKNOWN,
    ],
    [
      '369 D21 a delegate whose time has not come',
      byOcsp,
      { [O1]: fromDelegate(root.leaf({ notBefore: later(2), extensions: { [OID.extendedKeyUsage]: { value: OCSP_SIGNING } } })) },
      UNKNOWN,
    ],
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

  it('asks without a nonce, a name or a signature of its own', async () => {
    const { port } = network({});
    const questions: Uint8Array[] = [];
    const fetchOcsp = async (_url: string, question: Uint8Array): Promise<Uint8Array> => {
      questions.push(question);
      return said();
    };
    await ask(byOcsp, { ...port, fetchOcsp });
    const [request, ...others] = questions.map((question) => readDer(question));
    expect(others).toEqual([]);
    // One element inside each: tbsRequest, requestList, Request, CertID; the certificate's serial number ends it.
    let inner = request;
    for (let depth = 0; depth < 4; depth++) {
      const children = inner === undefined ? [] : childrenOf(inner, TAG.sequence);
      expect(children).toHaveLength(1);
      inner = children[0];
    }
    expect(inner === undefined ? [] : childrenOf(inner, TAG.sequence).map(({ tag }) => tag)).toEqual([0x30, 0x04, 0x04, 0x02]);
    expect(Buffer.from(request?.raw ?? []).subarray(-16)).toEqual(Buffer.from(serialOf(byOcsp.cert)));
  });

  it('360 asks no list where the responder has answered', async () => {
    const { port, asked } = network({ [O1]: said({}, byBoth) });
    await ask(byBoth, port);
    expect(asked).toEqual([O1]);
  });
});

/** CRLDistributionPoints with the name of a directory's entry. */
const NAMED_POINT = der.sequence(der.sequence(der.context(0, der.context(0, der.context(4, der.sequence())))));

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
    [
      '398 a distribution point without a URL',
      root.leaf({ extensions: { [OID.crlDistributionPoints]: { value: NAMED_POINT } } }),
      {},
      'PASS',
    ],
    ['384 a list at ldap before one at http', root.leaf(asks([], ['ldap://c.test/cn=crl', C1])), { [C1]: listed() }, UNKNOWN],
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
});

describe('8.1 a chain', () => {
  const middle = root.intermediate(asks([O2], []));
  const leaf = middle.leaf(asks([O1], []));
  const middleless = root.intermediate();
  const partly = middleless.leaf(asks([O1], []));
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

  it.each<[string, Issued, string | undefined]>([
    [
      'of certificates that name nobody',
      middleless.leaf(),
      'certificate "CN=leaf,O=Notary,L=Seattle,ST=WA,C=US" cannot be revoked, as it names neither an OCSP responder nor a list (and 1 more)',
    ],
    [
      'with an authority that names nobody',
      middleless.leaf(asks([O1], [])),
      'certificate "CN=Intermediate,O=Notary,C=US" cannot be revoked, as it names neither an OCSP responder nor a list',
    ],
    [
      'of one self-signed certificate',
      pki.selfSigned(asks([O1], [])),
      'certificate "CN=leaf,O=Notary,L=Seattle,ST=WA,C=US" cannot be revoked, as it is self-signed',
    ],
    ['of certificates that all name somebody', byOcsp, undefined],
  ])('Quarkslab INFO-9: %s is good, with a note where that cannot be known to change', async (_case, signer, note) => {
    const answer = ocspResponse({ certificate: signer.cert, issuer: signer.chain.length > 2 ? middleless : root });
    const { error, note: noted } = await ask(signer, network({ [O1]: answer }).port);
    expect([error, noted]).toEqual([undefined, note]);
  });

  it('Quarkslab INFO-9: that is revoked or unknown is told as that alone', async () => {
    for (const answers of [{}, { [O1]: ocspResponse({ certificate: partly.cert, issuer: middleless, status: 'revoked' }) }]) {
      const { error, note } = await ask(partly, network(answers).port);
      expect([error === undefined, note]).toEqual([false, undefined]);
    }
  });

  it('is unknown where nobody can be asked', async () => {
    expect((await ask(leaf, undefined)).error?.code).toBe(UNKNOWN);
    expect((await ask(bare, undefined)).error).toBeUndefined();
  });
});
