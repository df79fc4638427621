import { decode, encode, Tag } from 'cbor2';
import { errorText } from '../../../src/lib/errors.ts';
import { COSE_MEDIA_TYPE, type VerificationOutcome } from '../../../src/notation/types.ts';
import * as cbor from '../../cbor-writer.ts';
import type { Random } from '../../oracle/random.ts';
import type { Issued, KeyKind } from '../../pki.ts';
import { type CoseOptions, SIGNING_AUTHORITY, SUBJECT, signCose } from '../../sign.ts';
import { bentChain, createVerifier, type SecondReading, saysOf, secondProblem } from '../envelopes.ts';
import type { CreateTarget } from '../materials.ts';
import { type Corpus, mutant, mutateBytes } from '../mutate.ts';
import { mutateCbor } from '../mutate-cbor.ts';
import { mutateJson } from '../mutate-json.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { createWorld, type World } from '../world.ts';
import { goOracle } from './go-oracle.ts';
import { nonEmpty } from './seeds.ts';

/** COSE envelopes through `verifySignature`, against a second reader over cbor2 and OpenSSL and against notation-core-go. */
export const createCoseTarget: CreateTarget = async ({ vectors, watch, reference }) => {
  const world = createWorld();
  const own = KINDS.flatMap((kind) => VARIANTS.map((variant) => signCose({ signer: world.leaf(kind), ...variant })));
  const files = vectors.map(({ bytes }) => bytes).filter((bytes) => bytes[0] === 0xd2);
  const anchors = [world.root.cert, ...files.flatMap((bytes) => secondReading(bytes).chain.slice(-1))];
  const execute = await createVerifier(COSE_MEDIA_TYPE, [world.root.cert], watch);
  const accepted: Uint8Array[] = [];
  for (const bytes of [...own, ...files]) if ((await execute(bytes)).outcome === 'accepted') accepted.push(bytes);
  const seeds = nonEmpty(accepted);
  const corpus = { seeds };
  const drafts = createDrafts(world);
  const target: Target<VerificationOutcome> = {
    name: 'cose',
    about: 'COSE_Sign1 envelopes, verified by a strict policy',
    seeds,
    verifies: true,
    leniencies: [],
    input: (random) =>
      random.oneIn(4) ? mutant(corpus, [mutateCbor, mutateBytes], random) : signedMutant(random.pick(drafts), world, random),
    execute,
    oracles: [
      { name: 'second reader', ask: (bytes, execution) => second(bytes, execution, anchors) },
      ...goOracle<VerificationOutcome>(reference, { kind: 'cose', expected: saysOf }),
    ],
  };
  return target;
};

const KINDS: readonly KeyKind[] = ['EC-256', 'EC-384', 'RSA-2048'];
const VARIANTS: readonly Omit<CoseOptions, 'signer'>[] = [
  {},
  { scheme: SIGNING_AUTHORITY, expiry: new Date('2026-01-01T00:00:00Z') },
  {
    bendProtected: (entries) => [
      ...entries,
      [cbor.text('com.example.note'), cbor.text('a note')],
      [cbor.int(100), cbor.array(cbor.TRUE, cbor.NULL)],
    ],
    subject: { ...SUBJECT, annotations: { build: '7' } },
    timestampSignature: Uint8Array.of(0x30, 0),
  },
];

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
    const messages = VARIANTS.map((variant) => itemsOf(signCose({ signer, ...variant })));
    return {
      signer,
      protectedHeaders: { seeds: nonEmpty(messages.map(([protectedBytes]) => protectedBytes as Uint8Array)) },
      payloads: { seeds: nonEmpty(messages.map(([, , payload]) => payload as Uint8Array)) },
    };
  };
  const [fast, slow, slower] = [draftOf('EC-256'), draftOf('EC-384'), draftOf('RSA-2048')];
  return [fast, ...Array.from({ length: 28 }, () => fast), slow, slower];
}

/** Parts changed first and signed then, so that the signature is good; seldom changed again afterwards. */
function signedMutant({ signer, protectedHeaders, payloads }: Draft, world: World, random: Random): Uint8Array {
  const envelope = signCose({
    signer,
    rawProtected: random.oneIn(2)
      ? mutant(protectedHeaders, [mutateCbor, mutateCbor, mutateBytes], random)
      : random.pick(protectedHeaders.seeds),
    payload: random.oneIn(3) ? mutant(payloads, [mutateJson, mutateBytes], random) : random.pick(payloads.seeds),
    chain: bentChain(signer, world, random),
    ...(random.oneIn(16) && { bendSignature: (signature: Uint8Array) => mutant({ seeds: [signature] }, [mutateBytes], random) }),
    ...(random.oneIn(3) && { bendMessage: (items: readonly Uint8Array[]) => withUnprotected(items, random) }),
  });
  return random.oneIn(6) ? mutant({ seeds: [envelope] }, [mutateCbor], random) : envelope;
}

/** The message with its unprotected header changed, which nothing signs. */
function withUnprotected(items: readonly Uint8Array[], random: Random): readonly Uint8Array[] {
  return items.map((item, i) => (i === 1 ? mutant({ seeds: [item] }, [mutateCbor], random) : item));
}

const READ = { rejectStreaming: true, rejectDuplicateKeys: true, preferMap: true, ignoreGlobalTags: true } as const;

function itemsOf(bytes: Uint8Array): readonly unknown[] {
  const message = decode(bytes, READ);
  if (!(message instanceof Tag) || !Array.isArray(message.contents)) throw new Error('no COSE_Sign1_Tagged');
  return message.contents;
}

/** As cbor2 reads it; the Sig_structure is written by cbor2 too. */
function secondReading(bytes: Uint8Array): SecondReading {
  const [protectedBytes, unprotected, payload, signature] = itemsOf(bytes) as [Uint8Array, Map<unknown, unknown>, Uint8Array, Uint8Array];
  const header = decode(protectedBytes, READ) as Map<unknown, unknown>;
  const expiry = header.get('io.cncf.notary.expiry');
  const seconds = expiry instanceof Tag ? Number(expiry.contents) : Number.NaN;
  return {
    chain: (unprotected.get(33) ?? []) as readonly Uint8Array[],
    algorithm: header.get(1),
    signed: encode(['Signature1', protectedBytes, new Uint8Array(), payload]),
    signature,
    payload,
    expiry: Number.isFinite(seconds) && seconds !== -62_135_596_800 ? seconds * 1000 : undefined,
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
