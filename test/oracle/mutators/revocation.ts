import { fieldsOf } from '../../certificate-fields.ts';
import * as der from '../../der-writer.ts';
import { type CertificateOptions, extendedKeyUsage, extensionOf, type Issued, keyUsage, OID, pki } from '../../pki.ts';
import { SIGNING_AUTHORITY } from '../../sign.ts';
import { type Draft, days, type Made } from '../draft.ts';
import type { Random } from '../random.ts';
import {
  type CrlEntry,
  type CrlOptions,
  crl,
  invalidityDate,
  type OcspOptions,
  ocspResponse,
  type Status,
  singleResponse,
} from '../status-answers.ts';
import { bentDer } from './der-bend.ts';
import { disturbed, type Mutate, type MutatorTable } from './table.ts';

/** What changes the good answer about one certificate. */
interface Target {
  readonly made: Made;
  readonly certificate: Issued;
  readonly issuer: Issued;
  readonly random: Random;
  readonly now: Date;
  readonly keys: Draft['keys'];
}

type OcspChange = (target: Target) => Partial<OcspOptions> | Uint8Array | null;
type CrlChange = (target: Target) => Partial<CrlOptions> | Uint8Array | null;

/** Every certificate but the root names a responder or a list, by its place: 0 is the leaf. */
function asked(draft: Draft, change: (options: CertificateOptions, place: number) => CertificateOptions): void {
  if (draft.authorities.length === 0) return;
  const count = draft.authorities.length;
  draft.authorities = draft.authorities.map((options, i) => (i === 0 ? options : change(options, count - i)));
  draft.leaf = { ...draft.leaf, ...change(draft.leaf, 0), key: draft.leaf.key };
}

function withExtension(options: CertificateOptions, oid: string, value: Uint8Array): CertificateOptions {
  return { ...options, extensions: { ...options.extensions, [oid]: { value } } };
}

const uriName = (url: string): Uint8Array => der.tlv(0x86, Buffer.from(url));

function responders(...urls: readonly string[]): Uint8Array {
  return der.sequence(...urls.map((url) => der.sequence(der.oid('1.3.6.1.5.5.7.48.1'), uriName(url))));
}

function points(...urls: readonly string[]): Uint8Array {
  return der.sequence(...urls.map((url) => der.sequence(der.context(0, der.context(0, uriName(url))))));
}

const ocspUrl = (place: number): string => `http://ocsp.example.test/${place}`;
const crlUrl = (place: number): string => `http://crl.example.test/${place}.crl`;

/** What is answered about the certificate at a place; nothing where another mutation has left none there. */
function answered(place: number, random: Random, answer: (target: Target) => Uint8Array | null): (made: Made) => string | null {
  return (made) => {
    const [certificate, issuer] = made.chain.slice(place);
    if (certificate === undefined || issuer === undefined) return null;
    const bytes = answer({ made, certificate, issuer, random, now: made.draft.now, keys: made.draft.keys });
    return bytes === null ? null : Buffer.from(bytes).toString('base64');
  };
}

function goodOcsp({ certificate, issuer, now }: Target): OcspOptions {
  return { certificate: certificate.cert, issuer, status: 'good', thisUpdate: days(now, -1), nextUpdate: days(now, 6) };
}

function goodCrl({ issuer, now }: Target): CrlOptions {
  return {
    issuer,
    entries: [{ serial: der.integer(5), date: days(now, -3) }],
    thisUpdate: days(now, -1),
    nextUpdate: days(now, 6),
    number: 7,
  };
}

/** Good answers about all certificates, one of them changed. */
function ocspBy(change: OcspChange): Mutate {
  return (draft, random) => {
    const odd = random.below(Math.max(1, draft.authorities.length));
    asked(draft, (options, place) => {
      draft.ocsp.set(
        ocspUrl(place),
        answered(place, random, (target) => ocspAnswer(target, place === odd ? change(target) : {})),
      );
      return withExtension(options, OID.authorityInfoAccess, responders(ocspUrl(place)));
    });
  };
}

function ocspAnswer(target: Target, change: ReturnType<OcspChange>): Uint8Array | null {
  return change === null || change instanceof Uint8Array ? change : ocspResponse({ ...goodOcsp(target), ...change });
}

function crlBy(change: CrlChange): Mutate {
  return (draft, random) => {
    const odd = random.below(Math.max(1, draft.authorities.length));
    asked(draft, (options, place) => {
      draft.crl.set(
        crlUrl(place),
        answered(place, random, (target) => crlAnswer(target, place === odd ? change(target) : {})),
      );
      return withExtension(options, OID.crlDistributionPoints, points(crlUrl(place)));
    });
  };
}

function crlAnswer(target: Target, change: ReturnType<CrlChange>): Uint8Array | null {
  return change === null || change instanceof Uint8Array ? change : crl({ ...goodCrl(target), ...change });
}

/** Responders that the issuer has, or has not, made one. */
function delegate({ issuer, keys }: Target, options: CertificateOptions, by = issuer): Issued {
  return by.leaf({
    privateKey: keys.get('EC-256', 'responder'),
    subject: [['CN', 'responder']],
    ...options,
    extensions: {
      [OID.extendedKeyUsage]: { value: extendedKeyUsage('1.3.6.1.5.5.7.3.9') },
      '1.3.6.1.5.5.7.48.1.5': { value: der.NULL },
      ...options.extensions,
    },
  });
}

function delegated(target: Target, options: CertificateOptions, by?: Issued): Partial<OcspOptions> {
  const responder = delegate(target, options, by);
  return { responder, certificates: [responder.cert] };
}

function stranger({ keys, issuer }: Target): Issued {
  return pki.root({ privateKey: keys.get('EC-256', 'stranger'), subject: issuer.subject });
}

function listed({ certificate, now }: Target, entry: Partial<CrlEntry> = {}): CrlEntry {
  return { serial: fieldsOf(certificate.cert).serial, date: days(now, -2), ...entry };
}

const REASONS = [undefined, 0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 7, 11] as const;
const ERROR_STATUS = [1, 2, 3, 4, 5, 6] as const;

/** Hold and release in one list or in a delta, in any order. */
function holds(target: Target, random: Random): CrlEntry[] {
  return Array.from({ length: 1 + random.below(3) }, () =>
    listed(target, { ...reasonOf(random.pick([6, 8, 8, 1])), date: days(target.now, -1 - random.below(5)) }),
  );
}

function reasonOf(reason: number | undefined): { reason?: number } {
  return reason === undefined ? {} : { reason };
}

/** A date of invalidity around the signing time. */
function aroundSigning({ made }: Target, random: Random): Date {
  return new Date(made.draft.time.getTime() + random.pick([-86_400_000, -1000, 0, 1000, 86_400_000]));
}

const DELTA_URL = 'http://crl.example.test/delta.crl';

function withDelta(change: (target: Target) => Partial<CrlOptions>): Mutate {
  return (draft, random) => {
    // The delta is of the leaf's issuer: others have none.
    draft.authorities = draft.authorities.slice(0, 1);
    crlBy(() => ({ entries: [], extensions: [extensionOf('2.5.29.46', points(DELTA_URL))] }))(draft, random);
    const delta = (target: Target): Uint8Array => {
      const indicator = extensionOf('2.5.29.27', der.integer(random.pick([7, 7, 7, 5, 8])), !random.oneIn(4));
      const number = random.pick([8, 8, 8, 7, 6]);
      return crl({ ...goodCrl(target), entries: [], number, extensions: [indicator], ...change(target) });
    };
    draft.crl.set(DELTA_URL, answered(0, random, delta));
  };
}

export const REVOCATION: MutatorTable = {
  'ocsp/good': ocspBy(() => ({})),
  'ocsp/revoked': ocspBy(({ random, now }) => ({ status: { revokedAt: days(now, -2), ...reasonOf(random.pick(REASONS)) } })),
  'ocsp/unknown': ocspBy(() => ({ status: 'unknown' })),
  'ocsp/unreachable': ocspBy(() => null),
  'ocsp/expired': ocspBy(({ now, random }) => ({ thisUpdate: days(now, -9), nextUpdate: days(now, random.pick([-8, -1, -0.02, 0.02])) })),
  'ocsp/no next update': ocspBy(() => ({ nextUpdate: undefined })),
  'ocsp/from the future': ocspBy(({ now }) => ({ thisUpdate: days(now, 2) })),
  'ocsp/error status': ocspBy(({ random }) =>
    random.oneIn(2) ? der.sequence(der.tlv(0x0a, Uint8Array.of(random.pick(ERROR_STATUS)))) : { responseStatus: random.pick(ERROR_STATUS) },
  ),
  'ocsp/other serial': ocspBy(() => ({ serial: der.integer(77) })),
  'ocsp/other issuer': ocspBy(() => ({ otherIssuerHashes: true })),
  'ocsp/hash': ocspBy(({ random }) => ({ hash: random.pick(['sha256', 'md5']) })),
  'ocsp/other key': ocspBy((target) => ({ responder: stranger(target) })),
  'ocsp/signed by the leaf': ocspBy(({ made, random }) => {
    const [leaf] = made.chain;
    if (leaf === undefined) return {};
    return { responder: leaf, ...(random.oneIn(2) && { certificates: [leaf.cert] }) };
  }),
  'ocsp/delegated': ocspBy((target) => delegated(target, {})),
  'ocsp/delegated without purpose': ocspBy((target) => delegated(target, { extensions: { [OID.extendedKeyUsage]: undefined } })),
  'ocsp/delegated with another purpose': ocspBy((target) =>
    delegated(target, { extensions: { [OID.extendedKeyUsage]: { value: extendedKeyUsage(OID.codeSigning) } } }),
  ),
  'ocsp/delegated and expired': ocspBy((target) => delegated(target, { notBefore: days(target.now, -10), notAfter: days(target.now, -5) })),
  'ocsp/delegated by another': ocspBy((target) => delegated(target, {}, stranger(target))),
  'ocsp/delegated without nocheck': ocspBy((target) => delegated(target, { extensions: { '1.3.6.1.5.5.7.48.1.5': undefined } })),
  'ocsp/more certificates': ocspBy(({ made, issuer, random }) => ({
    certificates: random.pick([[issuer.cert], made.chain.map(({ cert }) => cert), [new Uint8Array([0x30, 0])], [issuer.cert, issuer.cert]]),
  })),
  'ocsp/by name': ocspBy(() => ({ byName: true })),
  'ocsp/algorithm': ocspBy(({ issuer, random }) => ({
    algorithm: issuer.key.startsWith('RSA')
      ? random.pick(['sha1', 'sha384', 'sha512', 'pss-sha256', 'md5'])
      : issuer.key.startsWith('EC')
        ? random.pick(['sha1', 'sha512'])
        : 'auto',
  })),
  'ocsp/single extension': ocspBy(({ random }) => ({
    singleExtensions: [extensionOf(random.pick(['1.2.3.4', '1.3.6.1.5.5.7.48.1.6', '2.5.29.21']), der.NULL, random.oneIn(2))],
  })),
  'ocsp/response extension': ocspBy(({ random }) => ({
    responseExtensions: [extensionOf('1.3.6.1.5.5.7.48.1.2', der.octetString(random.bytes(8)), random.oneIn(2))],
  })),
  'ocsp/invalidity date': (draft, random) => {
    if (random.oneIn(2)) draft.scheme = SIGNING_AUTHORITY;
    ocspBy((target) => ({
      status: { revokedAt: days(target.now, -2) },
      singleExtensions: [invalidityDate(aroundSigning(target, random), random.oneIn(4))],
    }))(draft, random);
  },
  'ocsp/several': ocspBy((target) => {
    const { random, now } = target;
    const other: OcspOptions = {
      ...goodOcsp(target),
      status: random.pick<Status>([{ revokedAt: days(now, -2) }, 'unknown', 'good']),
      ...(random.oneIn(2) && { serial: der.integer(9) }),
    };
    return { before: [singleResponse(other)] };
  }),
  'ocsp/garbage': ocspBy(({ random }) => random.bytes(random.below(100))),
  'ocsp/large': ocspBy(({ random }) => ({
    responseExtensions: [extensionOf('1.2.3', der.octetString(new Uint8Array(random.pick([19_000, 20_000, 21_000]))))],
  })),
  'ocsp/disturbed': ocspBy(({ random }) => ({ bend: (bytes) => disturbed(bytes, random) })),
  'ocsp/bent': ocspBy(({ random }) => ({ bend: (bytes) => bentDer(bytes, random) })),
  'ocsp/data bent': ocspBy(({ random }) => ({ bendData: (bytes) => bentDer(bytes, random) })),
  'ocsp/trailing': ocspBy(() => ({ bend: (bytes) => der.concat([bytes, Uint8Array.of(0)]) })),
  'ocsp/url': (draft, random) => {
    ocspBy(() => ({}))(draft, random);
    const url = random.pick([
      'https://ocsp.example.test/0',
      'HTTP://ocsp.example.test/0',
      'ldap://ocsp.example.test/0',
      'ocsp.example.test',
      '',
      'http://ocsp.example.test/0/',
      'http://absent.example.test',
    ]);
    draft.leaf = { ...draft.leaf, ...withExtension(draft.leaf, OID.authorityInfoAccess, responders(url)), key: draft.leaf.key };
  },
  'ocsp/two urls': (draft, random) => {
    const first = random.pick<OcspChange>([
      () => null,
      () => ({ status: 'unknown' }),
      ({ now }) => ({ status: { revokedAt: days(now, -2) } }),
      () => ({}),
      () => ({ nextUpdate: undefined }),
    ]);
    ocspBy(() => ({}))(draft, random);
    draft.ocsp.set(
      'http://first.example.test/',
      answered(0, random, (target) => ocspAnswer(target, first(target))),
    );
    if (draft.authorities.length === 0) return;
    draft.leaf = {
      ...draft.leaf,
      ...withExtension(draft.leaf, OID.authorityInfoAccess, responders('http://first.example.test/', ocspUrl(0))),
      key: draft.leaf.key,
    };
  },
  'ocsp/then list': (draft, random) => {
    crlBy(random.pick<CrlChange>([() => ({}), (target) => ({ entries: [listed(target)] }), () => null]))(draft, random);
    ocspBy(
      random.pick<OcspChange>([
        () => null,
        () => ({ status: 'unknown' }),
        () => ({}),
        ({ now }) => ({ status: { revokedAt: days(now, -2) } }),
      ]),
    )(draft, random);
  },
  'crl/good': crlBy(() => ({})),
  'crl/empty': crlBy(() => ({ entries: [] })),
  'crl/listed': crlBy((target) => ({ entries: [listed(target, reasonOf(target.random.pick(REASONS)))] })),
  'crl/hold': crlBy((target) => ({ entries: holds(target, target.random) })),
  'crl/unreachable': crlBy(() => null),
  'crl/expired': crlBy(({ now, random }) => ({ thisUpdate: days(now, -9), nextUpdate: days(now, random.pick([-8, -1, -0.02, 0.02])) })),
  'crl/no next update': crlBy(() => ({ nextUpdate: undefined })),
  'crl/from the future': crlBy(({ now }) => ({ thisUpdate: days(now, 2) })),
  'crl/other name': crlBy(() => ({ issuerName: der.sequence() })),
  'crl/other key': crlBy((target) => ({ signer: stranger(target) })),
  'crl/algorithm': crlBy(({ issuer, random }) => ({
    algorithm: issuer.key.startsWith('RSA')
      ? random.pick(['sha1', 'sha384', 'sha512', 'pss-sha256', 'md5'])
      : issuer.key.startsWith('EC')
        ? random.pick(['sha1', 'sha512'])
        : 'auto',
  })),
  'crl/issuer may not sign lists': (draft, random) => {
    crlBy(() => ({}))(draft, random);
    draft.authorities = draft.authorities.map((options) => ({
      ...options,
      extensions: { ...options.extensions, [OID.keyUsage]: { critical: true, value: keyUsage(5) } },
    }));
  },
  'crl/extension': crlBy(({ random }) => ({
    extensions: [
      extensionOf(
        random.pick(['1.2.3.4', '2.5.29.28', '2.5.29.27', '2.5.29.35', '2.5.29.46']),
        random.pick([der.NULL, der.sequence(), der.integer(3), der.sequence(der.tlv(0x84, Uint8Array.of(0xff)))]),
        random.oneIn(2),
      ),
    ],
  })),
  'crl/entry extension': crlBy((target) => {
    const { random } = target;
    const extension = extensionOf(
      random.pick(['1.2.3.4', '2.5.29.29', '2.5.29.23']),
      random.pick([der.NULL, der.sequence()]),
      random.oneIn(2),
    );
    return {
      entries: [
        listed(target, {
          ...(random.oneIn(2) && { serial: der.integer(6) }),
          ...reasonOf(random.pick([undefined, 8])),
          extensions: [extension],
        }),
      ],
    };
  }),
  'crl/invalidity date': (draft, random) => {
    if (random.oneIn(2)) draft.scheme = SIGNING_AUTHORITY;
    crlBy((target) => ({
      entries: [
        listed(target, { extensions: [invalidityDate(aroundSigning(target, random), random.oneIn(3))] }),
        ...(random.oneIn(4) ? [listed(target)] : []),
      ],
    }))(draft, random);
  },
  'crl/number': crlBy(({ random }) => (random.oneIn(2) ? { number: 0 } : { extensions: [extensionOf('2.5.29.20', der.integer(1))] })),
  'crl/version': crlBy(({ random }) => ({ version: random.pick([undefined, 0, 2]) })),
  'crl/pem': crlBy((target) =>
    Buffer.from(`-----BEGIN X509 CRL-----\n${Buffer.from(crl(goodCrl(target))).toString('base64')}\n-----END X509 CRL-----\n`),
  ),
  'crl/garbage': crlBy(({ random }) => random.bytes(random.below(100))),
  'crl/disturbed': crlBy(({ random }) => ({ bend: (bytes) => disturbed(bytes, random) })),
  'crl/bent': crlBy(({ random }) => ({ bend: (bytes) => bentDer(bytes, random) })),
  'crl/signed part bent': crlBy((target) => ({
    ...(target.random.oneIn(2) && { entries: [listed(target)] }),
    bendTbs: (bytes) => bentDer(bytes, target.random),
  })),
  'crl/trailing': crlBy(() => ({ bend: (bytes) => der.concat([bytes, Uint8Array.of(0)]) })),
  'crl/url': (draft, random) => {
    crlBy(() => ({}))(draft, random);
    const urls = random.pick([
      ['https://crl.example.test/0.crl'],
      ['HTTP://crl.example.test/0.crl'],
      ['ldap://x'],
      [''],
      [crlUrl(0), 'http://absent.example.test'],
      ['http://absent.example.test', crlUrl(0)],
      [crlUrl(0), crlUrl(0)],
    ]);
    draft.leaf = { ...draft.leaf, ...withExtension(draft.leaf, OID.crlDistributionPoints, points(...urls)), key: draft.leaf.key };
  },
  'crl/freshest in the certificate': (draft, random) => {
    crlBy(() => ({}))(draft, random);
    draft.leaf = {
      ...draft.leaf,
      ...withExtension(draft.leaf, '2.5.29.46', points(DELTA_URL)),
      key: draft.leaf.key,
    };
  },
  'crl/delta': withDelta(() => ({})),
  'crl/delta lists': withDelta((target) => ({ entries: holds(target, target.random) })),
  'crl/delta odd': withDelta(({ random, now }) =>
    random.pick<Partial<CrlOptions>>([
      { nextUpdate: undefined },
      { nextUpdate: days(now, -1) },
      { extensions: [] },
      { bend: (bytes) => disturbed(bytes, random) },
    ]),
  ),
  'crl/delta absent': (draft, random) => {
    withDelta(() => ({}))(draft, random);
    draft.crl.set(DELTA_URL, () => null);
  },
};
