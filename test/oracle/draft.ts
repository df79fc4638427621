import type { Entry } from '../cbor-writer.ts';
import type { CertificateOptions, Issued, KeyKind, Subject } from '../pki.ts';
import { SIGNING_AUTHORITY, SUBJECT } from '../sign.ts';
import type { KeyPool } from './keys.ts';
import type { Random } from './random.ts';

/** A member of a JSON object with its value as text, so that it can be wrong or there twice. */
export type Member = [name: string, json: string];
export type Bend<T> = (value: T) => T;

export interface Statement {
  name: unknown;
  registryScopes: unknown;
  signatureVerification: { level?: unknown; override?: Record<string, unknown>; verifyTimestamp?: unknown; [member: string]: unknown };
  trustStores?: unknown;
  trustedIdentities?: unknown;
  [member: string]: unknown;
}

/** What a chain came to: leaf first. */
export interface Made {
  readonly chain: readonly Issued[];
  readonly draft: Draft;
}

/** A case before it is signed; mutators change it in any order. Bends run in the order in which they were added. */
export interface Draft {
  readonly now: Date;
  readonly keys: KeyPool;
  format: 'jws' | 'cose';
  mediaType: string | undefined;
  scheme: string;
  time: Date;
  expiry: Date | undefined;
  attributes: { name: string; value: string; critical: boolean }[];

  /** Root first; none for a self-signed leaf. */
  authorities: CertificateOptions[];
  leaf: CertificateOptions & { key: KeyKind };
  readonly bendChain: ((chain: Uint8Array[], made: Made) => Uint8Array[])[];

  /** Members of targetArtifact and those beside it. */
  target: Member[];
  payloadMembers: Member[];
  readonly bendPayload: Bend<string>[];

  readonly bendJwsProtected: Bend<Member[]>[];
  readonly bendJwsProtectedText: Bend<string>[];
  readonly bendJwsHeader: Bend<Member[]>[];
  readonly bendJwsEnvelope: Bend<Member[]>[];
  readonly bendCoseProtected: Bend<readonly Entry[]>[];
  readonly bendCoseProtectedBytes: Bend<Uint8Array>[];
  readonly bendCoseUnprotected: Bend<readonly Entry[]>[];
  readonly bendCoseMessage: Bend<readonly Uint8Array[]>[];
  cosePrefix: Uint8Array | undefined;
  readonly bendBytes: Bend<Uint8Array>[];

  /** Key kind by which the signature is made, if not the leaf's. */
  signAs: KeyKind | undefined;
  saltLength: number | undefined;
  signWith: 'leaf' | 'other key';
  readonly bendSignature: Bend<Uint8Array>[];
  timestamp: ((signature: Uint8Array, made: Made) => Uint8Array | undefined) | undefined;

  subject: { mediaType: string; digest: string; size: number };
  reference: string;
  statement: Statement;
  /** Statements beside the one. */
  moreStatements: unknown[];
  readonly bendPolicy: Bend<unknown>[];
  /** PEM texts by store. */
  stores: Map<string, (made: Made) => string[]>;
  ocsp: Map<string, (made: Made) => string | null>;
  crl: Map<string, (made: Made) => string | null>;
  userMetadata: Record<string, string> | undefined;
}

export const NAME = {
  scheme: 'io.cncf.notary.signingScheme',
  signingTime: 'io.cncf.notary.signingTime',
  authenticSigningTime: 'io.cncf.notary.authenticSigningTime',
  expiry: 'io.cncf.notary.expiry',
  timestamp: 'io.cncf.notary.timestampSignature',
  agent: 'io.cncf.notary.signingAgent',
  plugin: 'io.cncf.notary.verificationPlugin',
  pluginMinVersion: 'io.cncf.notary.verificationPluginMinVersion',
} as const;
const DAY = 86_400_000;
export const REPOSITORY = 'registry.example.test/team/app';
export const LEAF_NAME: Subject = [
  ['C', 'US'],
  ['ST', 'WA'],
  ['L', 'Seattle'],
  ['O', 'Notary'],
  ['CN', 'signer'],
];
export const LEAF_IDENTITY = 'x509.subject: C=US, ST=WA, O=Notary';

/** The plainest case that both accept. */
export function plainDraft(keys: KeyPool, now: Date): Draft {
  return {
    now,
    keys,
    format: 'jws',
    mediaType: undefined,
    scheme: 'notary.x509',
    time: days(now, -30),
    expiry: undefined,
    attributes: [],
    authorities: [authority('EC-256', 0, now), authority('EC-256', 1, now)],
    leaf: { key: 'EC-256', subject: LEAF_NAME, notBefore: days(now, -100), notAfter: days(now, 200) },
    bendChain: [],
    target: targetOf(SUBJECT),
    payloadMembers: [],
    bendPayload: [],
    bendJwsProtected: [],
    bendJwsProtectedText: [],
    bendJwsHeader: [],
    bendJwsEnvelope: [],
    bendCoseProtected: [],
    bendCoseProtectedBytes: [],
    bendCoseUnprotected: [],
    bendCoseMessage: [],
    cosePrefix: undefined,
    bendBytes: [],
    signAs: undefined,
    saltLength: undefined,
    signWith: 'leaf',
    bendSignature: [],
    timestamp: undefined,
    subject: { mediaType: SUBJECT.mediaType, digest: SUBJECT.digest, size: SUBJECT.size },
    reference: `${REPOSITORY}@${SUBJECT.digest}`,
    statement: {
      name: 'test',
      registryScopes: ['*'],
      signatureVerification: { level: 'strict' },
      trustStores: ['ca:acme', 'signingAuthority:acme'],
      trustedIdentities: ['*'],
    },
    moreStatements: [],
    bendPolicy: [],
    stores: new Map([
      ['ca:acme', rootPem],
      ['signingAuthority:acme', rootPem],
    ]),
    ocsp: new Map(),
    crl: new Map(),
    userMetadata: undefined,
  };
}

/** A case that both accept, of any kind. */
export function validDraft(keys: KeyPool, now: Date, random: Random): Draft {
  const draft = plainDraft(keys, now);
  draft.format = random.pick(['jws', 'cose']);
  draft.leaf.key = random.pick([
    'EC-256',
    'EC-256',
    'EC-256',
    'EC-256',
    'EC-384',
    'EC-521',
    'RSA-2048',
    'RSA-2048',
    'RSA-3072',
    'RSA-4096',
  ]);
  draft.authorities = Array.from({ length: random.pick([0, 1, 2, 2, 2, 2, 3]) }, (_, i) =>
    authority(random.pick(['EC-256', 'EC-256', 'EC-256', 'EC-384', 'RSA-2048', 'Ed25519']), i, now),
  );
  if (random.oneIn(4)) draft.scheme = SIGNING_AUTHORITY;
  if (random.oneIn(4)) draft.expiry = days(now, 1 + random.below(300));
  if (random.oneIn(6)) draft.attributes.push({ name: 'com.example.note', value: '"a note"', critical: false });
  if (random.oneIn(4)) draft.target.push(['annotations', '{"build":"7","env":"prod"}']);
  chooseLevel(draft, random);
  if (random.oneIn(3)) draft.statement.trustedIdentities = [LEAF_IDENTITY];
  if (random.oneIn(4)) draft.statement.registryScopes = [REPOSITORY, 'registry.example.test/other'];
  return draft;
}

function chooseLevel({ statement }: Draft, random: Random): void {
  const verification = statement.signatureVerification;
  verification.level = random.pick(['strict', 'strict', 'strict', 'permissive', 'audit']);
  if (!random.oneIn(6)) return;
  verification.override = {
    [random.pick(['authenticity', 'expiry', 'authenticTimestamp', 'revocation'])]: random.pick(['enforce', 'log']),
  };
}

function authority(key: KeyKind, place: number, now: Date): CertificateOptions {
  const subject: Subject = [
    ['C', 'US'],
    ['O', 'Notary'],
    ['CN', place === 0 ? 'Root' : `Intermediate ${place}`],
  ];
  return { key, subject, notBefore: days(now, -1000), notAfter: days(now, 1000) };
}

export function targetOf({ mediaType, digest, size }: { mediaType: string; digest: string; size: number }): Member[] {
  return [
    ['mediaType', JSON.stringify(mediaType)],
    ['digest', JSON.stringify(digest)],
    ['size', String(size)],
  ];
}

export function days(from: Date, count: number): Date {
  // Whole seconds: COSE and certificates have no more.
  return new Date(Math.floor((from.getTime() + count * DAY) / 1000) * 1000);
}

export function rootPem({ chain }: Made): string[] {
  return chain.slice(-1).map(({ pem }) => pem);
}
