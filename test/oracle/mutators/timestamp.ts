import * as der from '../../der-writer.ts';
import { type CertificateOptions, extensionOf, type Issued, keyUsage, OID, pki } from '../../pki.ts';
import { attribute, CMS, issuerAndSerial, issuerSerialOf, TIMESTAMPING } from '../../timestamp-token.ts';
import { days } from '../draft.ts';
import { ocspResponse } from '../status-answers.ts';
import { bentDer } from './der-bend.ts';
import { accuracy, leafWith, purpose, stamped } from './stamped.ts';
import { disturbed, type MutatorTable } from './table.ts';

const HASHES = ['sha256', 'sha384', 'sha512'] as const;
const TIMES = ['.5Z', '.500Z', '.123456Z', 'Z', '+0100', '-2300', '', '.Z', ',5Z', '.0Z'] as const;
const BASELINE = '0.4.0.2023.1.1';

function replaced(attributes: readonly Uint8Array[], at: number, value: Uint8Array | undefined): Uint8Array[] {
  return attributes.flatMap((old, i) => (i !== at ? [old] : value === undefined ? [] : [value]));
}

export const TIMESTAMP: MutatorTable = {
  'timestamp/good': stamped(() => ({})),
  'timestamp/absent': stamped(() => undefined),
  'timestamp/no store': (draft, random) => {
    stamped(() => ({}))(draft, random);
    draft.statement.trustStores = ['ca:acme'];
  },
  'timestamp/signing authority': (draft, random) => {
    stamped(({ random: own }) => (own.oneIn(2) ? {} : { version: 2 }))(draft, random);
    draft.scheme = 'notary.x509.signingAuthority';
    draft.statement.trustStores = ['signingAuthority:acme', 'tsa:clock'];
  },
  'timestamp/store': (draft, random) => {
    stamped(() => ({}))(draft, random);
    const good = draft.stores.get('tsa:clock') ?? (() => []);
    draft.stores.set('tsa:clock', (made) =>
      random.pick([
        () => [],
        () => ['garbage'],
        () => good(made).concat('garbage'),
        () => [pki.root().pem],
        () => [pki.root().intermediate().pem],
        () => [pki.selfSigned().pem],
        () => good(made).concat(pki.root().pem),
      ])(),
    );
  },
  'timestamp/store absent': (draft, random) => {
    stamped(() => ({}))(draft, random);
    draft.stores.delete('tsa:clock');
  },
  'timestamp/store of the wrong type': (draft, random) => {
    stamped(() => ({}))(draft, random);
    const good = draft.stores.get('tsa:clock') ?? (() => []);
    draft.stores.set('tsa:clock', () => [pki.root().pem]);
    draft.stores.set('ca:acme', (made) => [...made.chain.slice(-1).map(({ pem }) => pem), ...good(made)]);
  },
  'timestamp/time': stamped(({ random, draft }) => ({
    genTime: days(draft.now, random.pick([-1000, -450, -399, -99, -20, -6, -4, -0.1, 0.1, 30, 400, 600])),
  })),
  'timestamp/time text': stamped(({ random, draft }) => ({
    genTimeText: `${days(draft.now, -20).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}${random.pick(TIMES)}`,
  })),
  'timestamp/accuracy': stamped(({ random }) => ({
    accuracy: random.pick<Uint8Array>([
      accuracy(),
      accuracy(0),
      accuracy(0, 0, 0),
      accuracy(1),
      accuracy(86_400 * 30),
      accuracy(undefined, 500),
      accuracy(undefined, undefined, 999),
      accuracy(1, 999, 999),
      der.sequence(der.tlv(2, Uint8Array.of(0xff))),
      der.sequence(der.integer(2n ** 40n)),
      der.NULL,
    ]),
    ...(random.oneIn(3) && { policy: BASELINE }),
  })),
  'timestamp/at the end': stamped(({ random, made }) => {
    const end = made.draft.leaf.notAfter ?? new Date();
    return {
      genTime: new Date(end.getTime() + random.pick([-1000, 0, 1000])),
      ...(random.oneIn(2) && { policy: BASELINE }),
      ...(random.oneIn(3) && { accuracy: accuracy(1) }),
    };
  }),
  'timestamp/over another': stamped(({ random, signature }) => ({
    message: random.pick<Uint8Array>([
      Buffer.from(Buffer.from(signature).toString('base64url')),
      signature.subarray(1),
      Buffer.from('payload'),
      new Uint8Array(),
    ]),
  })),
  'timestamp/imprint hash': stamped(({ random }) => ({ imprintHash: random.pick(['sha1', ...HASHES]) })),
  'timestamp/imprint': stamped(({ random }) => ({ imprint: random.bytes(random.pick([0, 20, 32, 33])) })),
  'timestamp/version': stamped(({ random }) => ({ version: random.pick([0, 2]) })),
  'timestamp/content type': stamped(({ random }) => ({ contentType: random.pick([CMS.data, CMS.signedData]) })),
  'timestamp/fields': stamped(({ random }) => ({
    more: random.pick([
      [der.boolean(true)],
      [der.boolean(false)],
      [der.integer(77)],
      [der.context(0, der.context(4, der.sequence()))],
      [der.context(1, extensionOf('1.2.3', der.NULL, true))],
      [der.boolean(true), der.integer(7), der.context(0, der.context(4, der.sequence())), der.context(1, extensionOf('1.2.3', der.NULL))],
      [der.NULL],
    ]),
  })),
  'timestamp/info bent': stamped(({ random }) => ({ bendInfo: (bytes) => bentDer(bytes, random) })),
  'timestamp/info disturbed': stamped(({ random }) => ({ bendInfo: (bytes) => disturbed(bytes, random) })),
  'timestamp/versions': stamped(({ random }) =>
    random.oneIn(2) ? { signedDataVersion: random.pick([1, 2, 4, 5]) } : { signerVersion: random.pick([0, 2, 3]) },
  ),
  'timestamp/digest': stamped(({ random }) => ({ digest: random.pick(['sha1', ...HASHES]) })),
  'timestamp/certificates': stamped(({ random, tsa }) => ({
    certificates: random.pick([
      [],
      tsa.chain.slice(0, 1),
      tsa.chain.toReversed(),
      tsa.chain.slice(1),
      [...tsa.chain, ...tsa.chain],
      [...tsa.chain, pki.root().cert],
      [...tsa.chain, der.sequence()],
      [...tsa.chain, der.tlv(0xa1, der.NULL)],
    ]),
  })),
  'timestamp/attribute gone': stamped(({ random }) => ({ bendAttributes: (list) => replaced(list, random.below(3), undefined) })),
  'timestamp/no attributes': stamped(() => ({ bendAttributes: () => [] })),
  'timestamp/attributes reordered': stamped(({ random }) => ({
    bendAttributes: (list) => list.toReversed(),
    signAsWritten: random.oneIn(2),
  })),
  'timestamp/attribute twice': stamped(({ random }) => ({ bendAttributes: (list) => [...list, list[random.below(3)] ?? der.NULL] })),
  'timestamp/attribute more': stamped(({ random }) => ({
    bendAttributes: (list) => [...list, attribute(random.pick(['1.2.3.4', CMS.signingCertificate]), der.sequence())],
  })),
  'timestamp/attribute bent': stamped(({ random }) => ({
    bendAttributes: (list) => {
      const at = random.below(3);
      return replaced(list, at, bentDer(list[at] ?? der.NULL, random));
    },
  })),
  'timestamp/content type attribute': stamped(({ random }) => ({
    bendAttributes: (list) => replaced(list, 0, attribute(CMS.contentType, random.pick([der.oid(CMS.data), der.NULL]))),
  })),
  'timestamp/message digest': stamped(({ random }) => ({
    bendAttributes: (list) => replaced(list, 1, attribute(CMS.messageDigest, der.octetString(random.bytes(32)))),
  })),
  'timestamp/signing time': stamped(({ random, draft }) => ({
    bendAttributes: (list) => [
      ...list,
      attribute(
        CMS.signingTime,
        random.pick([der.time(days(draft.now, random.pick([-20, -1000, 1000]))), der.NULL, der.tlv(0x18, Buffer.from('20250101000000Z'))]),
      ),
    ],
  })),
  'timestamp/version 1 of the certificate attribute': stamped(() => ({
    bendAttributes: (list) =>
      replaced(list, 2, attribute(CMS.signingCertificate, der.sequence(der.sequence(der.sequence(der.octetString(new Uint8Array(20))))))),
  })),
  'timestamp/certificate hash': stamped(({ random }) => ({ certificateHash: random.pick(['sha1', ...HASHES]) })),
  'timestamp/issuer and serial': stamped(({ random, tsa }) => ({
    issuerSerial: random.pick<Uint8Array>([
      issuerSerialOf(tsa.cert),
      issuerSerialOf(tsa.chain[1] ?? tsa.cert),
      issuerAndSerial(tsa.cert),
      der.sequence(der.sequence(der.tlv(0x82, Buffer.from('x'))), der.integer(1)),
      der.sequence(),
    ]),
  })),
  'timestamp/signature': stamped(({ random }) => ({
    bendSignature: (signature) => random.pick([disturbed(signature, random), new Uint8Array(), signature.subarray(1)]),
  })),
  'timestamp/signature algorithm': stamped(({ random }) => ({
    signatureAlgorithm: random.pick<Uint8Array>([
      der.sequence(der.oid('1.2.840.10045.4.3.3')),
      der.sequence(der.oid('1.2.840.10045.4.3.2'), der.NULL),
      der.sequence(der.oid('1.2.840.113549.1.1.11'), der.NULL),
      der.sequence(der.oid('1.2.840.10045.2.1')),
      der.sequence(der.oid('1.2.3')),
    ]),
  })),
  'timestamp/two signers': stamped(({ random }) => ({
    bendSignerInfo: (info) =>
      random.pick([
        [info, info],
        [disturbed(info, random), info],
        [bentDer(info, random), info],
        [info, bentDer(info, random)],
      ]),
  })),
  'timestamp/no signers': stamped(() => ({ bendSignerInfo: () => [] })),
  'timestamp/signer bent': stamped(({ random }) => ({ bendSignerInfo: (info) => [bentDer(info, random)] })),
  'timestamp/key': stamped(
    ({ random, tsa }) => ({ pss: tsa.key.startsWith('RSA') && random.oneIn(2), digest: random.pick(HASHES) }),
    (random) => leafWith({ key: random.pick(['RSA-2048', 'RSA-3072', 'EC-256', 'EC-384', 'EC-521', 'Ed25519', 'RSA-1024', 'EC-224']) }),
  ),
  'timestamp/purpose': stamped(
    () => ({}),
    (random) =>
      leafWith(
        random.pick([
          purpose([TIMESTAMPING], false),
          purpose([TIMESTAMPING, OID.codeSigning], true),
          purpose([OID.codeSigning], true),
          purpose([TIMESTAMPING, '1.2.3'], true),
          purpose(['2.5.29.37.0'], true),
          { extensions: { [OID.extendedKeyUsage]: undefined } },
        ]),
      ),
  ),
  'timestamp/key usage': stamped(
    () => ({}),
    (random) =>
      leafWith({
        extensions: {
          [OID.keyUsage]: random.pick([
            undefined,
            { value: keyUsage(0) },
            { critical: true, value: keyUsage(0, 1) },
            { critical: true, value: keyUsage(0, 2) },
            { critical: true, value: keyUsage(1) },
            { critical: true, value: keyUsage(0, 5) },
          ]),
        },
      }),
  ),
  'timestamp/authority': stamped(
    () => ({}),
    (random) => ({
      intermediate: random.pick<CertificateOptions>([
        purpose([OID.codeSigning], false),
        purpose([TIMESTAMPING], false),
        purpose(['2.5.29.37.0'], false),
        { extensions: { [OID.keyUsage]: undefined } },
        { extensions: { [OID.keyUsage]: { value: keyUsage(5) } } },
        { extensions: { [OID.basicConstraints]: undefined } },
        { extensions: { '1.2.3.4': { critical: true, value: der.NULL } } },
        {
          extensions: {
            [OID.nameConstraints]: {
              critical: true,
              value: der.sequence(der.context(0, der.sequence(der.tlv(0x82, Buffer.from('example.test'))))),
            },
          },
        },
        { signatureAlgorithm: 'sha1' },
      ]),
    }),
  ),
  'timestamp/root': stamped(
    () => ({}),
    (random) => ({
      root: random.pick<CertificateOptions>([
        { extensions: { [OID.basicConstraints]: undefined } },
        { extensions: { [OID.keyUsage]: undefined } },
        { extensions: { [OID.keyUsage]: { critical: true, value: keyUsage(6) } } },
        { extensions: { '1.2.3.4': { critical: true, value: der.NULL } } },
        purpose([OID.codeSigning], false),
        { signatureAlgorithm: 'sha1' },
        { key: 'RSA-2048' },
      ]),
    }),
  ),
  'timestamp/extension': stamped(
    () => ({}),
    (random) =>
      leafWith({
        extensions: {
          '1.2.3.4': { critical: random.oneIn(2), value: der.NULL },
          [OID.subjectAltName]: { value: der.sequence(der.tlv(0x82, Buffer.from('example.test'))) },
        },
      }),
  ),
  'timestamp/validity': stamped(
    () => ({}),
    (random, { now }) => ({
      [random.pick(['root', 'leaf'])]: random.pick([
        { notAfter: days(now, -1) },
        { notAfter: days(now, -19) },
        { notAfter: days(now, -21) },
        { notBefore: days(now, -19) },
        { notBefore: days(now, 1) },
      ]),
    }),
  ),
  'timestamp/revocation': (draft, random) => {
    const url = 'http://ocsp.example.test/tsa';
    let found: Issued | undefined;
    stamped(
      ({ tsa }) => {
        found = tsa;
        return {};
      },
      () => ({
        intermediate: undefined,
        ...leafWith({
          extensions: {
            [OID.authorityInfoAccess]: {
              value: der.sequence(der.sequence(der.oid('1.3.6.1.5.5.7.48.1'), der.tlv(0x86, Buffer.from(url)))),
            },
          },
        }),
      }),
    )(draft, random);
    const status = random.pick(['good', 'good', 'unknown', { revokedAt: days(draft.now, -2) }] as const);
    if (random.oneIn(2)) draft.statement.signatureVerification.override = { revocation: random.pick(['log', 'skip']) };
    draft.ocsp.set(url, ({ draft: { keys } }) => {
      if (found === undefined || random.oneIn(4)) return null;
      const issuer = {
        ...pki.root({ privateKey: keys.get('EC-256', 'tsa root'), subject: [['CN', 'TSA Root']] }),
        cert: found.chain[1] ?? found.cert,
      };
      const answer = ocspResponse({
        certificate: found.cert,
        issuer,
        status,
        thisUpdate: days(draft.now, -1),
        nextUpdate: days(draft.now, 5),
      });
      return Buffer.from(answer).toString('base64');
    });
  },
  'timestamp/bent': stamped(({ random }) => ({ bend: (bytes) => bentDer(bytes, random) })),
  'timestamp/disturbed': stamped(({ random }) => ({ bend: (bytes) => disturbed(bytes, random) })),
  'timestamp/ber': stamped(({ random }) => ({
    bend: (bytes) =>
      random.pick<Uint8Array>([
        der.concat([bytes, Uint8Array.of(0)]),
        der.concat([Uint8Array.of(0x30, 0x80), bytes.subarray(4), Uint8Array.of(0, 0)]),
        der.concat([Uint8Array.of(0x30, 0x83, 0), bytes.subarray(2)]),
        der.concat([Uint8Array.of(0x30, 0x84, 0, 0), bytes.subarray(2)]),
        der.concat([Uint8Array.of(0x30, 0x85, 0, 0, 0), bytes.subarray(2)]),
      ]),
  })),
  'timestamp/garbage': stamped(({ random }) => ({ bend: () => random.bytes(1 + random.below(100)) })),
};
