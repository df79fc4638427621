import { errorText } from '../../../src/lib/errors.ts';
import { JWS_MEDIA_TYPE, type VerificationOutcome } from '../../../src/notation/types.ts';
import type { Random } from '../../oracle/random.ts';
import type { Issued, KeyKind } from '../../pki.ts';
import { type JwsOptions, SIGNING_AUTHORITY, SUBJECT, signJws } from '../../sign.ts';
import { bentChain, createVerifier, type SecondReading, saysOf, secondProblem } from '../envelopes.ts';
import type { CreateTarget } from '../materials.ts';
import { type Corpus, mutant, mutateBytes, mutateText } from '../mutate.ts';
import { mutateJson } from '../mutate-json.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { createWorld, type World } from '../world.ts';
import { goOracle } from './go-oracle.ts';
import { nonEmpty } from './seeds.ts';

/** JWS envelopes through `verifySignature`, against a second reader over OpenSSL and against notation-core-go. */
export const createJwsTarget: CreateTarget = async ({ vectors, watch, reference }) => {
  const world = createWorld();
  const own = KINDS.flatMap((kind) => VARIANTS.map((variant) => signJws({ signer: world.leaf(kind), ...variant })));
  const files = vectors.map(({ bytes }) => bytes).filter((bytes) => isEnvelope(bytes));
  const anchors = [world.root.cert, ...files.flatMap((bytes) => secondReading(bytes).chain.slice(-1))];
  const execute = await createVerifier(JWS_MEDIA_TYPE, [world.root.cert], watch);
  const accepted: Uint8Array[] = [];
  for (const bytes of [...own, ...files]) if ((await execute(bytes)).outcome === 'accepted') accepted.push(bytes);
  const seeds = nonEmpty(accepted);
  const corpus = { seeds, words: WORDS };
  const drafts = createDrafts(world);
  const target: Target<VerificationOutcome> = {
    name: 'jws',
    about: 'JWS envelopes, verified by a strict policy',
    seeds,
    verifies: true,
    leniencies: [],
    input: (random) =>
      random.oneIn(4) ? mutant(corpus, [mutateJson, mutateBytes, mutateText], random) : signedMutant(random.pick(drafts), world, random),
    execute,
    oracles: [
      { name: 'second reader', ask: (bytes, execution) => second(bytes, execution, anchors) },
      ...goOracle<VerificationOutcome>(reference, { kind: 'jws', expected: saysOf }),
    ],
  };
  return target;
};

const KINDS: readonly KeyKind[] = ['EC-256', 'EC-384', 'RSA-2048'];
const VARIANTS: readonly Omit<JwsOptions, 'signer'>[] = [
  {},
  { scheme: SIGNING_AUTHORITY, expiry: new Date('2026-01-01T00:00:00Z') },
  {
    protectedHeader: { 'com.example.note': 'a note' },
    subject: { ...SUBJECT, annotations: { build: '7' } },
    timestampSignature: Uint8Array.of(0x30, 0),
  },
];
const WORDS = [
  ...[
    'PS256',
    'ES256',
    'ES384',
    'RS256',
    'HS256',
    'none',
    'EdDSA',
    'notary.x509',
    'notary.x509.signingAuthority',
    'alg',
    'cty',
    'crit',
    'b64',
  ],
  ...['io.cncf.notary.signingScheme', 'io.cncf.notary.signingTime', 'io.cncf.notary.authenticSigningTime', 'io.cncf.notary.expiry'],
  ...[
    'io.cncf.notary.verificationPlugin',
    'io.cncf.notary.signingagent',
    'x5c',
    'signatures',
    'payload',
    'protected',
    'header',
    'signature',
  ],
  ...['2025-01-01T00:00:00Z', '2025-01-01T00:00:00.5+01:00', '2024-01-01T0:00:00Z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z'],
  ...[
    'application/vnd.cncf.notary.payload.v1+json',
    'targetArtifact',
    'TargetArtifact',
    'digest',
    'size',
    SUBJECT.digest,
    SUBJECT.mediaType,
  ],
] as readonly string[] as readonly [string, ...string[]];

/** What an envelope is put together from. */
interface Draft {
  readonly signer: Issued;
  readonly protectedHeaders: Corpus;
  readonly payloads: Corpus;
}

/** One for each signer; the one with the fast key more often than the others. */
function createDrafts(world: World): readonly [Draft, ...Draft[]] {
  const draftOf = (kind: KeyKind): Draft => {
    const signer = world.leaf(kind);
    const members = VARIANTS.map((variant) => JSON.parse(Buffer.from(signJws({ signer, ...variant })).toString()));
    const textsOf = (name: 'protected' | 'payload') =>
      nonEmpty(members.map((envelope) => new Uint8Array(Buffer.from(envelope[name], 'base64url'))));
    return {
      signer,
      protectedHeaders: { seeds: textsOf('protected'), words: WORDS },
      payloads: { seeds: textsOf('payload'), words: WORDS },
    };
  };
  const [fast, slow, slower] = [draftOf('EC-256'), draftOf('EC-384'), draftOf('RSA-2048')];
  return [fast, ...Array.from({ length: 28 }, () => fast), slow, slower];
}

/** Parts changed first and signed then, so that the signature is good; seldom changed again afterwards. */
function signedMutant({ signer, protectedHeaders, payloads }: Draft, world: World, random: Random): Uint8Array {
  const envelope = signJws({
    signer,
    rawProtected: Buffer.from(
      random.oneIn(2) ? mutant(protectedHeaders, [mutateJson, mutateText], random) : random.pick(protectedHeaders.seeds),
    ).toString(),
    payload: random.oneIn(3) ? mutant(payloads, [mutateJson, mutateText], random) : random.pick(payloads.seeds),
    chain: bentChain(signer, world, random),
    ...(random.oneIn(16) && { bendSignature: (signature: Uint8Array) => mutant({ seeds: [signature] }, [mutateBytes], random) }),
  });
  return random.oneIn(4) ? mutant({ seeds: [envelope], words: WORDS }, [mutateJson, mutateText], random) : envelope;
}

function isEnvelope(bytes: Uint8Array): boolean {
  try {
    return secondReading(bytes).chain.length > 0;
  } catch {
    return false;
  }
}

/** As `JSON.parse` and `Buffer` read it. */
function secondReading(bytes: Uint8Array): SecondReading {
  const envelope = JSON.parse(Buffer.from(bytes).toString());
  const header = JSON.parse(Buffer.from(envelope.protected, 'base64url').toString());
  const expiry = header['io.cncf.notary.expiry'];
  return {
    chain: envelope.header.x5c.map((text: string) => new Uint8Array(Buffer.from(text, 'base64'))),
    algorithm: header.alg,
    signed: Buffer.from(`${envelope.protected}.${envelope.payload}`),
    signature: Buffer.from(envelope.signature, 'base64url'),
    payload: Buffer.from(envelope.payload, 'base64url'),
    expiry: expiry === undefined || expiry === null || expiry.startsWith('0001-01-01T00:00:00') ? undefined : Date.parse(expiry),
  };
}

function second(bytes: Uint8Array, { value }: Execution<VerificationOutcome>, anchors: readonly Uint8Array[]): Opinion | undefined {
  if (value === undefined) return undefined;
  try {
    const problem = secondProblem(secondReading(bytes), value, anchors);
    return problem === undefined ? { accepts: true } : { accepts: false, why: problem };
  } catch (error) {
    return { accepts: false, why: errorText(error) };
  }
}
