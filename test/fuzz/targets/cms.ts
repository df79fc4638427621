import { createHash, X509Certificate } from 'node:crypto';
import { OctetString } from 'asn1js';
import * as pkijs from 'pkijs';
import { errorText } from '../../../src/lib/errors.ts';
import type { Instant } from '../../../src/lib/instant.ts';
import { createTrustStore, JWS_MEDIA_TYPE, PAYLOAD_MEDIA_TYPE } from '../../../src/notation/index.ts';
import { checkTimestamp } from '../../../src/notation/timestamp.ts';
import { readToken } from '../../../src/notation/timestamp-token.ts';
import type { EnvelopeContent, VerifyInput } from '../../../src/notation/types.ts';
import { berToDer } from '../../../src/x509/ber.ts';
import { parseCertificate } from '../../../src/x509/certificate.ts';
import type { TstInfo } from '../../../src/x509/tst-info.ts';
import * as der from '../../der-writer.ts';
import type { Random } from '../../oracle/random.ts';
import { type Issued, signatureAlgorithm } from '../../pki.ts';
import { type TokenOptions, timestamping, timestampToken, tokenSigner } from '../../timestamp-token.ts';
import { createFacts, NOW, subjectDescriptor } from '../envelopes.ts';
import type { CreateTarget, Materials } from '../materials.ts';
import { mutant, mutateBytes } from '../mutate.ts';
import { mutateDer } from '../mutate-der.ts';
import { opensslVerifies, partsOf } from '../signed.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { createWorld, ecKey, type World } from '../world.ts';
import { isReadByAsn1js } from './asn1js.ts';
import { goOracle } from './go-oracle.ts';
import { nonEmpty } from './seeds.ts';

/** Timestamp tokens through `readToken` and `checkTimestamp`, against pkijs with OpenSSL and against tspclient-go. */
export const createCmsTarget: CreateTarget = async ({ vectors, watch, reference }) => {
  const world = createWorld();
  const tsa = world.intermediate.leaf(
    timestamping({ key: 'EC-256', privateKey: ecKey('tsa', 'EC-256'), serial: Uint8Array.of(0x40, 0x75) }),
  );
  const own = VARIANTS.map((variant) => timestampToken({ ...plain(tsa), ...variant }));
  const files = vectors.filter(({ path }) => path.endsWith('.p7s')).map(({ bytes }) => bytes);
  const execute = await createReader(world, watch);
  const accepted: Uint8Array[] = [];
  for (const bytes of [...own, ...files]) if ((await execute(bytes)).outcome === 'accepted') accepted.push(bytes);
  const seeds = nonEmpty(accepted);
  const corpus = { seeds };
  const target: Target<Read> = {
    name: 'cms',
    about: 'timestamp tokens: CMS signed data with TSTInfo, verified by a trusted root',
    seeds,
    verifies: true,
    leniencies: [
      {
        id: 'contents of values',
        why: 'as in Go, what nothing is taken from is not looked into; asn1js looks into all values',
        against: 'pkijs',
        applies: ({ accepts }, bytes) => !accepts && !bySigner(bytes).every(isReadByAsn1js),
      },
      {
        id: 'times with an offset',
        why: 'asn1js adds the offset of a GeneralizedTime where it must be taken off',
        against: 'pkijs',
        applies: ({ accepts }, bytes) => accepts && /20\d{12}(?:\.\d+)?[+-]\d{4}/.test(Buffer.from(bytes).toString('latin1')),
      },
    ],
    input: (random) => (random.oneIn(4) ? mutant(corpus, [mutateDer, mutateBytes], random) : signedMutant(tsa, world, random)),
    execute,
    oracles: [
      { name: 'pkijs', ask: second },
      ...goOracle<Read>(reference, { kind: 'cms', about: { issuer: world.root.cert, message: MESSAGE }, expected: saysOf }),
    ],
  };
  return target;
};

/** What the tokens are of. */
const MESSAGE = new Uint8Array(Buffer.from('the signature of an envelope'));
const GEN_TIME = new Date('2025-03-01T12:00:00Z');
const plain = (tsa: Issued): TokenOptions => ({ tsa, message: MESSAGE, genTime: GEN_TIME });
const ACCURACY = der.sequence(der.integer(1), der.tlv(0x80, Uint8Array.of(5)), der.tlv(0x81, Uint8Array.of(0, 200)));
const VARIANTS: readonly Partial<TokenOptions>[] = [
  {},
  { imprintHash: 'sha512', digest: 'sha384', accuracy: ACCURACY },
  { genTimeText: '20250301120000.123Z', policy: '0.4.0.2023.1.1', more: [der.boolean(true), der.integer(2n ** 63n)] },
  { certificateHash: 'sha512', bendAttributes: (attributes) => attributes.toReversed() },
];

interface Read {
  readonly info: TstInfo;
  /** Whether it is a timestamp of the message by a trusted authority. */
  readonly trusted: boolean;
}

/** Reads tokens as a request does, and goes on to verify those that read. */
async function createReader(world: World, watch: Materials['watch']): Promise<(bytes: Uint8Array) => Promise<Execution<Read>>> {
  const facts = createFacts();
  const { signal } = new AbortController();
  const input: VerifyInput = {
    envelope: new Uint8Array(),
    mediaType: JWS_MEDIA_TYPE,
    subject: subjectDescriptor(),
    policy: {
      name: 'fuzz',
      registryScopes: ['*'],
      signatureVerification: { level: 'strict', override: {}, verifyTimestamp: 'always' },
      trustStores: ['tsa:clock'],
      trustedIdentities: ['*'],
    },
    trustStore: await createTrustStore(new Map([['tsa:clock', [world.root.cert]]])),
    now: NOW,
    facts,
    signal,
  };
  const envelope: Omit<EnvelopeContent, 'timestampSignature'> = {
    payload: new Uint8Array(),
    payloadContentType: PAYLOAD_MEDIA_TYPE,
    certificateChain: world.leaf('EC-256').chain.map(parseCertificate),
    signingScheme: 'notary.x509',
    signingTime: { seconds: GEN_TIME.getTime() / 1000, nanoseconds: 0 },
    expiry: undefined,
    extendedAttributes: [],
    signature: MESSAGE,
    signingAgent: undefined,
  };
  return async (bytes) => {
    const before = watch.checks;
    const reading = await readToken(bytes, facts, signal);
    if ('error' in reading) return { outcome: 'refused', reached: false };
    const { error } = await checkTimestamp(input, { ...envelope, timestampSignature: bytes }, { port: undefined });
    return { outcome: 'accepted', reached: watch.checks > before, value: { info: reading.token.info, trusted: error === undefined } };
  };
}

/** A token of which one part was changed before what depends on it was hashed and signed. */
function signedMutant(tsa: Issued, world: World, random: Random): Uint8Array {
  const bend = (bytes: Uint8Array): Uint8Array => mutant({ seeds: [bytes] }, [mutateDer], random);
  const options = { ...plain(tsa), ...random.pick(VARIANTS as readonly [Partial<TokenOptions>, ...Partial<TokenOptions>[]]) };
  return random.pick(BENDS)({ options, bend, world, random });
}

interface Bending {
  readonly options: TokenOptions;
  readonly bend: (bytes: Uint8Array) => Uint8Array;
  readonly world: World;
  readonly random: Random;
}

const BENDS: readonly [(bending: Bending) => Uint8Array, ...((bending: Bending) => Uint8Array)[]] = [
  ({ options, bend }) => timestampToken({ ...options, bendInfo: bend }),
  ({ options, bend }) => timestampToken({ ...options, bendInfo: bend }),
  ({ options, bend, random }) =>
    timestampToken({
      ...options,
      bendAttributes: (attributes) => {
        const at = random.below(attributes.length);
        return attributes.map((attribute, i) => (i === at ? bend(attribute) : attribute));
      },
    }),
  ({ options, bend }) => timestampToken({ ...options, bendAttributes: (attributes) => partsOf(bend(der.tlv(0x31, ...attributes))) }),
  ({ options, bend }) => timestampToken({ ...options, bendSignerInfo: (signer) => [bend(signer)] }),
  ({ options, bend }) => timestampToken({ ...options, bendSignerInfo: (signer) => [bend(signer), tokenSigner(options)] }),
  ({ options, bend, world }) => {
    const [leaf = new Uint8Array(), ...authorities] = options.tsa.chain;
    const { identifier, sign } = signatureAlgorithm('auto', world.intermediate.key);
    const changed = bend(partsOf(leaf)[0] ?? leaf);
    const certificate = der.sequence(changed, identifier, der.bitString(sign(changed, world.intermediate.privateKey)));
    const chain = [certificate, ...authorities];
    return timestampToken({ ...options, tsa: { ...options.tsa, cert: certificate, chain } });
  },
  ({ options, bend }) => timestampToken({ ...options, bend }),
];

/** The lines that the reference's reader gives; of a token that we trust, also that it is verified. */
function saysOf({ info, trusted }: Read): readonly string[] {
  const { version, policy, imprint, genTime, accuracy } = info;
  const { seconds, nanoseconds } = accuracy ?? { seconds: 0, nanoseconds: 0 };
  return [
    `${version} ${policy} ${imprint.algorithm.oid}`,
    Buffer.from(imprint.digest).toString('hex'),
    textOf(genTime),
    `${seconds} ${Math.floor(nanoseconds / 1e6)} ${(nanoseconds % 1e6) / 1e3}`,
    ...(trusted ? ['verified'] : []),
  ];
}

function textOf({ seconds, nanoseconds }: Instant): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, '0')}Z`;
}

/** Of a token that is trusted: pkijs reads the same time in it, and OpenSSL finds one signer's signature over the digest of the content. */
function second(bytes: Uint8Array, { value }: Execution<Read>): Opinion | undefined {
  if (value?.trusted !== true) return undefined;
  const opinions = bySigner(bytes).map((token) => opinionOf(token, value.info));
  return opinions.find(({ accepts }) => accepts) ?? opinions.at(-1) ?? { accepts: false, why: 'no signer' };
}

function opinionOf(token: Uint8Array, { policy, genTime }: TstInfo): Opinion {
  try {
    const signed = new pkijs.SignedData({ schema: pkijs.ContentInfo.fromBER(token).content });
    const content = signed.encapContentInfo.eContent?.getValue() ?? new ArrayBuffer(0);
    if (!signed.signerInfos.some((signer) => isBy(signer, signed, new Uint8Array(content))))
      return { accepts: false, why: 'no good signature' };
    const info = pkijs.TSTInfo.fromBER(content);
    const same = info.policy === policy && Math.floor(info.genTime.getTime() / 1000) === genTime.seconds;
    return same ? { accepts: true } : { accepts: true, differs: true, why: 'another policy or time' };
  } catch (error) {
    return { accepts: false, why: errorText(error) };
  }
}

/** The token with one of its signers at a time and the certificates of that number: pkijs reads all or nothing, and takes its time. */
function bySigner(bytes: Uint8Array): readonly Uint8Array[] {
  const [type = EMPTY, explicit = EMPTY] = partsOf(berToDer(bytes));
  const fields = partsOf(partsOf(explicit)[0] ?? EMPTY);
  return partsOf(fields.at(-1) ?? EMPTY).map((signer) => {
    const [, name = EMPTY] = partsOf(signer);
    const serial = Buffer.from(partsOf(name)[1] ?? EMPTY);
    const kept = fields.slice(0, -1).map((field) => {
      if (field[0] !== 0xa0) return field;
      return der.context(0, ...partsOf(field).filter((certificate) => Buffer.from(certificate).includes(serial)));
    });
    return der.sequence(type, der.context(0, der.sequence(...kept, der.tlv(0x31, signer))));
  });
}

const EMPTY = new Uint8Array();
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
const HASHES: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

function isBy(signer: pkijs.SignerInfo, { certificates = [] }: pkijs.SignedData, content: Uint8Array): boolean {
  const hash = HASHES[signer.digestAlgorithm.algorithmId];
  const { attributes = [], encodedValue = new ArrayBuffer(0) } = signer.signedAttrs ?? {};
  const [digest] = attributes.find(({ type }) => type === MESSAGE_DIGEST)?.values ?? [];
  if (hash === undefined || !(digest instanceof OctetString)) return false;
  if (!createHash(hash).update(content).digest().equals(digest.valueBlock.valueHexView)) return false;
  // As they came: what is written again would lose the contents of a NULL.
  const data = der.tlv(0x31, ...partsOf(new Uint8Array(encodedValue)).toSorted(Buffer.compare));
  const signature = signer.signature.valueBlock.valueHexView;
  return certificates.some((certificate) => {
    if (!(certificate instanceof pkijs.Certificate)) return false;
    const { publicKey } = new X509Certificate(Buffer.from(certificate.toSchema(true).toBER()));
    return publicKey.asymmetricKeyType === 'ec' && opensslVerifies(signer.signatureAlgorithm.algorithmId, data, publicKey, signature);
  });
}
