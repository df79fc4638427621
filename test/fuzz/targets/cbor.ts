import { decode, Simple, Tag } from 'cbor2';
import {
  CborError,
  CborFloat,
  type CborMap,
  CborSimple,
  CborTag,
  type CborValue,
  decodeCbor,
  isCborArray,
  isCborMap,
} from '../../../src/lib/cbor.ts';
import * as cbor from '../../cbor-writer.ts';
import { concat } from '../../der-writer.ts';
import type { CreateTarget } from '../materials.ts';
import { mutant, mutateBytes } from '../mutate.ts';
import { mutateCbor } from '../mutate-cbor.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { nonEmpty } from './seeds.ts';

/** `decodeCbor` with tags, against cbor2 and against itself on what it wrote. */
export const createCborTarget: CreateTarget = ({ vectors }) => {
  const files = vectors.filter(({ bytes }) => bytes[0] === 0xd2).map(({ bytes }) => bytes);
  const seeds = nonEmpty([...SEEDS, ...files.filter((bytes) => execute(bytes).outcome === 'accepted')]);
  const corpus = { seeds };
  const target: Target<Read> = {
    name: 'cbor',
    about: 'CBOR items, as in COSE envelopes and their headers',
    seeds,
    verifies: false,
    leniencies: [],
    input: (random) => mutant(corpus, [mutateCbor, mutateBytes], random),
    execute,
    oracles: [{ name: 'cbor2', ask: oracle }],
  };
  return target;
};

/** Boxed, since one of the values that can be read is `undefined`. */
interface Read {
  readonly item: CborValue;
}

const SEEDS: readonly Uint8Array[] = [
  cbor.map(
    [cbor.int(1), cbor.int(-7)],
    [cbor.int(2), cbor.array(cbor.text('io.cncf.notary.signingScheme'))],
    [cbor.int(3), cbor.text('application/vnd.cncf.notary.payload.v1+json')],
    [cbor.text('io.cncf.notary.signingScheme'), cbor.text('notary.x509')],
    [cbor.text('io.cncf.notary.signingTime'), cbor.tag(1, cbor.int(1_735_689_600))],
  ),
  cbor.tag(
    18,
    cbor.array(
      cbor.bytes(cbor.map([cbor.int(1), cbor.int(-7)])),
      cbor.map(),
      cbor.bytes(new Uint8Array(40)),
      cbor.bytes(new Uint8Array(64)),
    ),
  ),
  cbor.array(cbor.int(2n ** 64n - 1n), cbor.int(-(2n ** 64n)), cbor.float64(1.5), cbor.TRUE, cbor.FALSE, cbor.NULL, cbor.UNDEFINED),
  cbor.map(
    [cbor.text('a'), cbor.array(cbor.array(cbor.array()))],
    [cbor.int(-1), cbor.text('\u00e9\ud83d\ude00')],
    [cbor.int(2 ** 53), cbor.text('')],
  ),
];

function execute(bytes: Uint8Array): Execution<Read> {
  try {
    return { outcome: 'accepted', reached: false, value: { item: decodeCbor(bytes, { tags: true }) } };
  } catch (error) {
    if (error instanceof CborError) return { outcome: 'refused', reached: false };
    throw error;
  }
}

function oracle(bytes: Uint8Array, { value }: Execution<Read>): Opinion {
  let read: unknown;
  try {
    read = decode(bytes, {
      rejectStreaming: true,
      rejectDuplicateKeys: true,
      preferMap: true,
      ignoreGlobalTags: true,
      keepNanPayloads: false,
    });
  } catch (error) {
    return { accepts: false, why: String(error) };
  }
  if (value === undefined) return { accepts: true };
  if (!isSame(value.item, read)) return { accepts: true, differs: true, why: 'cbor2 reads another value' };
  const again = execute(written(value.item)).value;
  const same = again !== undefined && Buffer.from(written(again.item)).equals(written(value.item));
  return same ? { accepts: true } : { accepts: true, differs: true, why: 'not the same when written and read again' };
}

function isSame(value: CborValue, read: unknown): boolean {
  if (value instanceof CborFloat) return Object.is(value.value, Number(read));
  if (value instanceof CborSimple) return read instanceof Simple && read.value === value.number;
  if (value instanceof CborTag) return read instanceof Tag && String(read.tag) === String(value.tag) && isSame(value.value, read.contents);
  if (value instanceof Uint8Array) return read instanceof Uint8Array && Buffer.from(value).equals(read);
  if (isCborMap(value)) return read instanceof Map && isSameMap(value, read);
  if (isCborArray(value)) return Array.isArray(read) && read.length === value.length && value.every((item, i) => isSame(item, read[i]));
  if (typeof value === 'number' || typeof value === 'bigint')
    return (typeof read === 'number' || typeof read === 'bigint') && BigInt(read) === BigInt(value);
  return value === read;
}

function isSameMap(value: CborMap, read: ReadonlyMap<unknown, unknown>): boolean {
  const entries = [...read];
  return (
    entries.length === value.size && [...value].every(([key, member], i) => isSame(key, entries[i]?.[0]) && isSame(member, entries[i]?.[1]))
  );
}

function written(value: CborValue): Uint8Array {
  if (typeof value === 'number' || typeof value === 'bigint') return cbor.int(value);
  if (typeof value === 'string') return cbor.text(value);
  if (typeof value === 'boolean') return value ? cbor.TRUE : cbor.FALSE;
  if (value === null) return cbor.NULL;
  if (value === undefined) return cbor.UNDEFINED;
  if (value instanceof CborFloat) return cbor.float64(value.value);
  if (value instanceof CborSimple) return value.number < 32 ? Uint8Array.of(0xe0 | value.number) : Uint8Array.of(0xf8, value.number);
  if (value instanceof CborTag) return concat([cbor.head(6, value.tag), written(value.value)]);
  if (value instanceof Uint8Array) return cbor.bytes(value);
  if (isCborMap(value)) return cbor.map(...[...value].map(([key, member]): cbor.Entry => [written(key), written(member)]));
  return isCborArray(value) ? cbor.array(...value.map(written)) : cbor.NULL;
}
