import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, JsonError, JsonNumber, type JsonValue, parseJson } from '../../../src/lib/json.ts';
import type { CreateTarget } from '../materials.ts';
import { mutant, mutateBytes, mutateText } from '../mutate.ts';
import { mutateJson } from '../mutate-json.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { nonEmpty, textSeeds } from './seeds.ts';

/** `parseJson`, against `JSON.parse` and against itself on what it wrote. */
export const createJsonTarget: CreateTarget = ({ vectors }) => {
  const files = vectors.filter(({ path }) => path.endsWith('.json')).map(({ bytes }) => bytes);
  const seeds = nonEmpty([...textSeeds(TEXTS), ...files.filter(reads)]);
  const corpus = { seeds };
  const target: Target<JsonValue> = {
    name: 'json',
    about: 'JSON texts, as in payloads, headers, manifests and policies',
    seeds,
    verifies: false,
    leniencies: [],
    input: (random) => mutant(corpus, [mutateJson, mutateBytes, mutateText], random),
    execute,
    oracles: [{ name: 'JSON.parse', ask: oracle }],
  };
  return target;
};

const TEXTS = [
  '{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:00","size":528,"annotations":{"a":"1","b":"2"}}',
  ' { "crit" : [ "io.cncf.notary.signingScheme" ] , "n" : -1.5e+10, "t": true, "f": false, "z": null, "s": "\\u00e9\\n\\ud83d\\ude00" } ',
  '[[[1,2],[3,4]],{"a":{"b":{"c":[]}}},"",0,-0,1e-7,9007199254740993]',
  '"text"',
];

function reads(bytes: Uint8Array): boolean {
  return execute(bytes).outcome === 'accepted';
}

function execute(bytes: Uint8Array): Execution<JsonValue> {
  try {
    return { outcome: 'accepted', reached: false, value: parseJson(bytes) };
  } catch (error) {
    if (error instanceof JsonError) return { outcome: 'refused', reached: false };
    throw error;
  }
}

function oracle(bytes: Uint8Array, { value }: Execution<JsonValue>): Opinion {
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(bytes).toString());
  } catch (error) {
    return { accepts: false, why: String(error) };
  }
  if (value === undefined) return { accepts: true };
  if (!isSame(value, read)) return { accepts: true, differs: true, why: 'JSON.parse reads another value' };
  const again = execute(Buffer.from(written(value)));
  const same = again.value !== undefined && isDeepStrictEqual(again.value, value);
  return same ? { accepts: true } : { accepts: true, differs: true, why: 'not the same when written and read again' };
}

function isSame(value: JsonValue, read: unknown): boolean {
  if (value === null || typeof value !== 'object') return value === read;
  if (value instanceof JsonNumber) return Object.is(Number(value.text), read);
  if (typeof read !== 'object' || read === null) return false;
  if (isJsonObject(value)) {
    const members = Object.entries(read);
    return members.length === value.size && members.every(([name, member]) => value.has(name) && isSame(value.get(name) ?? null, member));
  }
  // `Array.isArray` does not narrow readonly arrays.
  const items = value as readonly JsonValue[];
  return Array.isArray(read) && read.length === items.length && items.every((item, i) => isSame(item, read[i]));
}

function written(value: JsonValue): string {
  if (value instanceof JsonNumber) return value.text;
  if (isJsonObject(value)) return `{${[...value].map(([name, member]) => `${JSON.stringify(name)}:${written(member)}`).join(',')}}`;
  // `Array.isArray` does not narrow readonly arrays.
  if (typeof value === 'object' && value !== null) return `[${(value as readonly JsonValue[]).map(written).join(',')}]`;
  return JSON.stringify(value);
}
