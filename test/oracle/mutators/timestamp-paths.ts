import { withLongLengths } from '../../ber-writer.ts';
import { fieldsOf } from '../../certificate-fields.ts';
import * as der from '../../der-writer.ts';
import { basicConstraints, type CertificateOptions, type Extensions, type Issued, keyUsage, OID, pki } from '../../pki.ts';
import { attribute, CMS, TIMESTAMPING, type TokenOptions, timestamping, timestampToken, tokenSigner } from '../../timestamp-token.ts';
import { type Draft, days } from '../draft.ts';
import type { Random } from '../random.ts';
import { crl, ocspResponse } from '../status-answers.ts';
import { altNames, nameConstraints, policies, uri } from './names-and-policies.ts';
import { accuracy, demand, leafWith, purpose, stamped, validityOf } from './stamped.ts';
import type { Mutate, MutatorTable } from './table.ts';

/** Authorities of one case, made with keys that are kept: `place` is a key. */
interface Foundry {
  root(place: string, options?: CertificateOptions): Issued;
  below(issuer: Issued, place: string, options?: CertificateOptions): Issued;
  leaf(issuer: Issued, options?: CertificateOptions): Issued;
}

interface Scene {
  readonly tsa: Issued;
  readonly roots: readonly Issued[];
  /** Certificates of the token. */
  readonly certificates: readonly Uint8Array[];
  readonly token?: Partial<TokenOptions>;
}

/** A demanded timestamp of an authority that is made up for the case. */
function staged(sceneOf: (foundry: Foundry, random: Random, draft: Draft) => Scene): Mutate {
  return (draft, random) => {
    demand(draft, random);
    let scene: Scene | undefined;
    const made = (): Scene => {
      scene ??= sceneOf(foundryOf(draft), random, draft);
      return scene;
    };
    draft.stores.set('tsa:clock', () => made().roots.map(({ pem }) => pem));
    draft.timestamp = (message) => {
      const { tsa, certificates, token } = made();
      return timestampToken({ tsa, message, genTime: days(draft.now, -20), certificates, ...token });
    };
  };
}

function foundryOf({ keys, now }: Draft): Foundry {
  const with_ = (place: string, options: CertificateOptions = {}): CertificateOptions => ({
    subject: [['CN', place]],
    privateKey: keys.get(options.key ?? 'EC-256', place),
    ...validityOf(now),
    ...options,
  });
  return {
    root: (place, options) => pki.root(with_(place, options)),
    below: (issuer, place, options) => issuer.intermediate(with_(place, options)),
    leaf: (issuer, options) => issuer.leaf(timestamping(with_('TSA', options))),
  };
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items];
  return items.flatMap(() => rest.splice(random.below(rest.length), 1));
}

const extended = (extensions: Extensions): CertificateOptions => ({ extensions });
const pathLength = (limit: number | undefined) =>
  extended({ [OID.basicConstraints]: { critical: true, value: basicConstraints(true, limit) } });
const keyId = (octet: number) => ({ [OID.subjectKeyIdentifier]: { value: der.octetString(Uint8Array.of(octet)) } });
const issuerKeyId = (octet: number) => ({ [OID.authorityKeyIdentifier]: { value: der.sequence(der.tlv(0x80, Uint8Array.of(octet))) } });

/** What may be wrong with one of several certificates of one authority. */
function flaw(random: Random, { now }: Draft): CertificateOptions {
  return random.pick<CertificateOptions>([
    {},
    {},
    purpose([OID.codeSigning], false),
    purpose([TIMESTAMPING], false),
    extended({ [OID.keyUsage]: undefined }),
    extended({ [OID.keyUsage]: { value: keyUsage(5) } }),
    extended({ [OID.keyUsage]: { critical: true, value: keyUsage(6) } }),
    extended({ [OID.basicConstraints]: undefined }),
    extended({ '1.2.3.4': { critical: true, value: der.NULL } }),
    extended(keyId(random.below(3))),
    pathLength(0),
    { notAfter: days(now, -21) },
    { notBefore: days(now, -19) },
    { signatureAlgorithm: 'sha1' },
  ]);
}

const DIGESTS = ['sha256', 'sha384', 'sha512'] as const;

/** Chains of the authority, and what stands beside the signer in its token. */
export const TIMESTAMP_PATHS: MutatorTable = {
  'timestamp/name constraints': staged((foundry, random) => {
    const root = foundry.root('TSA Root', random.oneIn(3) ? nameConstraints(random) : {});
    const between = foundry.below(root, 'TSA Authority', { ...(random.oneIn(3) ? {} : nameConstraints(random)) });
    const tsa = foundry.leaf(between, altNames(random));
    return { tsa, roots: [root], certificates: tsa.chain };
  }),
  'timestamp/policies': staged((foundry, random) => {
    const root = foundry.root('TSA Root', random.oneIn(4) ? extended(policies(random)) : {});
    const between = foundry.below(root, 'TSA Authority', extended(policies(random)));
    const tsa = foundry.leaf(between, extended(policies(random)));
    return { tsa, roots: [root], certificates: tsa.chain };
  }),
  'timestamp/authorities alike': staged((foundry, random, draft) => {
    const root = foundry.root('TSA Root');
    const several = Array.from({ length: 2 + random.below(3) }, () => foundry.below(root, 'TSA Authority', flaw(random, draft)));
    const tsa = foundry.leaf(random.pick(several as [Issued, ...Issued[]]), extended(random.oneIn(2) ? issuerKeyId(random.below(3)) : {}));
    return { tsa, roots: [root], certificates: shuffled([tsa.cert, ...several.map(({ cert }) => cert)], random) };
  }),
  'timestamp/roots alike': staged((foundry, random, draft) => {
    const several = Array.from({ length: 1 + random.below(3) }, () => foundry.root('TSA Root', flaw(random, draft)));
    const stranger = pki.root({ subject: [['CN', 'TSA Root']], ...validityOf(draft.now) });
    const root = random.pick(several as [Issued, ...Issued[]]);
    const tsa = foundry.leaf(random.oneIn(2) ? root : foundry.below(root, 'TSA Authority'));
    return { tsa, roots: shuffled([...several, stranger], random), certificates: tsa.chain };
  }),
  'timestamp/cross signed': staged((foundry, random, draft) => {
    const roots = [foundry.root('Root A', flaw(random, draft)), foundry.root('Root B', flaw(random, draft))] as const;
    const own = foundry.root('TSA Authority', random.oneIn(2) ? {} : flaw(random, draft));
    const crossed = roots.map((root) => foundry.below(root, 'TSA Authority', random.oneIn(2) ? {} : flaw(random, draft)));
    const tsa = foundry.leaf(own);
    const trusted = random.pick<readonly Issued[]>([[roots[0]], [roots[1]], roots, [...roots, own], [own]]);
    const certificates = shuffled([tsa.cert, own.cert, ...crossed.map(({ cert }) => cert), ...roots.map(({ cert }) => cert)], random);
    return { tsa, roots: trusted, certificates };
  }),
  'timestamp/circle': staged((foundry, random) => {
    const [a, b, root] = [foundry.root('A'), foundry.root('B'), foundry.root('TSA Root')];
    const crossed = [
      foundry.below(a, 'B'),
      foundry.below(b, 'A'),
      ...(random.oneIn(2) ? [foundry.below(root, random.pick(['A', 'B']))] : []),
    ];
    const tsa = foundry.leaf(random.pick([a, b]));
    return { tsa, roots: [root], certificates: shuffled([tsa.cert, a.cert, b.cert, ...crossed.map(({ cert }) => cert)], random) };
  }),
  'timestamp/many strangers': staged((foundry, random, draft) => {
    const root = foundry.root('TSA Root');
    const between = foundry.below(root, 'TSA Authority');
    const tsa = foundry.leaf(between);
    const strangers = Array.from(
      { length: random.below(10) },
      () => pki.root({ subject: [['CN', 'TSA Authority']], ...validityOf(draft.now) }).cert,
    );
    return { tsa, roots: [root], certificates: shuffled([tsa.cert, between.cert, ...strangers], random) };
  }),
  'timestamp/path length': staged((foundry, random) => {
    const limit = () => (random.oneIn(2) ? pathLength(random.below(3)) : {});
    let issuer = foundry.root('TSA Root', limit());
    const root = issuer;
    for (let i = random.below(4); i > 0; i--) issuer = foundry.below(issuer, `TSA Authority ${i}`, limit());
    const tsa = foundry.leaf(issuer);
    return { tsa, roots: [root], certificates: tsa.chain };
  }),
  'timestamp/edges': staged((foundry, random, draft) => {
    const at = days(draft.now, -20).getTime();
    const edge = (): CertificateOptions =>
      random.pick<CertificateOptions>([
        {},
        { notBefore: new Date(at + random.pick([-1000, 0, 1000])) },
        { notAfter: new Date(at + random.pick([-1000, 0, 1000])) },
      ]);
    const root = foundry.root('TSA Root', edge());
    const between = foundry.below(root, 'TSA Authority', edge());
    const tsa = foundry.leaf(between, edge());
    return { tsa, roots: [root], certificates: tsa.chain };
  }),
  'timestamp/signing time in a path': staged((foundry, random, { now }) => {
    const root = foundry.root('TSA Root', { notBefore: days(now, -400) });
    const several = [-300, -100].map((start) => foundry.below(root, 'TSA Authority', { notBefore: days(now, start) }));
    const tsa = foundry.leaf(several[0] ?? root, { notBefore: days(now, -500) });
    const time = attribute(CMS.signingTime, der.time(days(now, random.pick([-450, -350, -200, -50, -10, 10]))));
    const certificates = shuffled([tsa.cert, ...several.map(({ cert }) => cert)], random);
    return { tsa, roots: [root], certificates, token: { bendAttributes: (list) => [...list, time] } };
  }),
  'timestamp/several stores': (draft, random) => {
    stamped(() => ({}))(draft, random);
    const good = draft.stores.get('tsa:clock') ?? (() => []);
    draft.statement.trustStores = random.pick([
      ['ca:acme', 'tsa:other', 'tsa:clock'],
      ['ca:acme', 'tsa:clock', 'tsa:other'],
      ['ca:acme', 'tsa:other'],
    ]);
    const other = random.pick([() => [pki.root().pem], good, () => ['garbage'], () => []]);
    draft.stores.set('tsa:other', other);
  },
  'timestamp/two authorities': (draft, random) => {
    demand(draft, random);
    const foundry = foundryOf(draft);
    const authorities = ['Root A', 'Root B'].map((place) => {
      const root = foundry.root(place, random.oneIn(3) ? flaw(random, draft) : {});
      const weak = random.pick<CertificateOptions>([
        {},
        {},
        { key: 'RSA-1024' },
        purpose([TIMESTAMPING], false),
        extended({ [OID.keyUsage]: undefined }),
      ]);
      return { root, tsa: foundry.leaf(root, { subject: [['CN', `TSA of ${place}`]], ...weak }) };
    }) as [{ root: Issued; tsa: Issued }, { root: Issued; tsa: Issued }];
    const trusted = random.pick<readonly Issued[]>([[authorities[0].root], [authorities[1].root], authorities.map(({ root }) => root)]);
    draft.stores.set('tsa:clock', () => trusted.map(({ pem }) => pem));
    draft.timestamp = (message) => {
      const common = { message, genTime: days(draft.now, -20), digest: random.pick(DIGESTS) };
      const [first, second] = authorities.map(({ tsa }) => tokenSigner({ ...common, tsa }));
      return timestampToken({
        ...common,
        tsa: authorities[0].tsa,
        certificates: authorities.flatMap(({ tsa }) => tsa.chain),
        bendSignerInfo: () => [first ?? der.NULL, second ?? der.NULL],
      });
    };
  },
  'timestamp/long lengths': stamped(({ random }) => ({ bend: (bytes) => withLongLengths(bytes, random.pick([2, 3, 4])) })),
  'timestamp/lists': stamped(({ random, draft, tsa }) => ({
    lists: random.pick<readonly Uint8Array[]>([
      [],
      [crl({ issuer: tsa, entries: [], thisUpdate: days(draft.now, -1), nextUpdate: days(draft.now, 1), number: 1 })],
      [der.sequence()],
      [der.tlv(0xa1, der.sequence())],
    ]),
  })),
  'timestamp/unsigned attributes': stamped(({ random }) => ({
    unsignedAttributes: random.pick<readonly Uint8Array[]>([
      [],
      [attribute('1.2.3', der.NULL)],
      [attribute('1.2.3')],
      [der.sequence(der.oid('1.2.3'))],
      [der.NULL],
    ]),
  })),
  'timestamp/digest identifier': stamped(({ random }) => {
    const digest = random.pick(DIGESTS);
    const oid = der.oid(`2.16.840.1.101.3.4.2.${DIGESTS.indexOf(digest) + 1}`);
    return {
      digest,
      digestIdentifier: random.pick([
        der.sequence(oid),
        der.sequence(oid, der.NULL),
        der.sequence(oid, der.integer(1)),
        der.sequence(oid, der.NULL, der.NULL),
      ]),
    };
  }),
  'timestamp/accuracy at the edge': stamped(({ random, made }) => {
    const [start, end] = [made.draft.leaf.notBefore, made.draft.leaf.notAfter];
    const edge = random.pick([start, end]) ?? new Date();
    const seconds = random.below(4);
    return {
      genTime: new Date(edge.getTime() + random.pick([-3000, -2000, -1000, 0, 1000, 2000, 3000])),
      accuracy: random.pick([
        accuracy(seconds),
        accuracy(seconds, 0),
        accuracy(undefined, random.below(1000), random.below(1000)),
        accuracy(0, 0, 1),
      ]),
      ...(random.oneIn(2) && { policy: '0.4.0.2023.1.1' }),
    };
  }),
  'timestamp/revoked by a list': (draft, random) => {
    const url = 'http://crl.example.test/tsa.crl';
    const points = der.sequence(der.sequence(der.context(0, der.context(0, uri(url)))));
    const revocable = extended({ [OID.crlDistributionPoints]: { value: points } });
    const scene: { issuer?: Issued; revoked?: Uint8Array } = {};
    staged((foundry, own) => {
      const root = foundry.root('TSA Root');
      const between = foundry.below(root, 'TSA Authority', own.oneIn(2) ? revocable : {});
      const tsa = foundry.leaf(between, own.oneIn(2) ? revocable : {});
      scene.issuer = own.pick([root, between]);
      scene.revoked = own.pick([tsa.cert, between.cert, root.cert]);
      return { tsa, roots: [root], certificates: tsa.chain };
    })(draft, random);
    if (random.oneIn(2)) draft.statement.signatureVerification.override = { revocation: random.pick(['log', 'skip']) };
    draft.crl.set(url, () => {
      const { issuer, revoked } = scene;
      if (issuer === undefined || revoked === undefined || random.oneIn(5)) return null;
      const entries = random.oneIn(2) ? [] : [{ serial: fieldsOf(revoked).serial, date: days(draft.now, -2) }];
      const list = crl({ issuer, entries, thisUpdate: days(draft.now, -1), nextUpdate: days(draft.now, 5), number: 1 });
      return Buffer.from(list).toString('base64');
    });
  },
  'timestamp/revoked above': (draft, random) => {
    const url = 'http://ocsp.example.test/authority';
    const asks = extended({
      [OID.authorityInfoAccess]: { value: der.sequence(der.sequence(der.oid('1.3.6.1.5.5.7.48.1'), uri(url))) },
    });
    const scene: { root?: Issued; between?: Issued } = {};
    staged((foundry) => {
      scene.root = foundry.root('TSA Root');
      scene.between = foundry.below(scene.root, 'TSA Authority', asks);
      const tsa = foundry.leaf(scene.between);
      return { tsa, roots: [scene.root], certificates: tsa.chain };
    })(draft, random);
    draft.ocsp.set(url, () => {
      const { root, between } = scene;
      if (root === undefined || between === undefined) return null;
      const status = random.pick(['good', 'good', 'unknown', { revokedAt: days(draft.now, -2) }] as const);
      const answer = ocspResponse({
        certificate: between.cert,
        issuer: root,
        status,
        thisUpdate: days(draft.now, -1),
        nextUpdate: days(draft.now, 5),
      });
      return Buffer.from(answer).toString('base64');
    });
  },
  'timestamp/leaf in the store': staged((foundry, random) => {
    const root = foundry.root('TSA Root');
    const own = foundry.root('TSA', {
      ...timestamping(random.oneIn(2) ? extended({ [OID.keyUsage]: { critical: true, value: keyUsage(0, 5) } }) : {}),
    });
    return { tsa: own, roots: random.pick([[own], [root, own]]), certificates: own.chain };
  }),
  'timestamp/version 1 root': staged((foundry, random) => {
    const plain = { version: undefined, extensions: { [OID.basicConstraints]: undefined, [OID.keyUsage]: undefined } };
    const root = foundry.root('TSA Root', plain);
    const tsa = foundry.leaf(random.oneIn(2) ? root : foundry.below(root, 'TSA Authority', random.oneIn(2) ? plain : {}));
    return { tsa, roots: [root], certificates: tsa.chain };
  }),
  'timestamp/alternative names alone': stamped(
    () => ({}),
    (random) => leafWith(altNames(random)),
  ),
};
