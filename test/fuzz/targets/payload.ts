import { isDeepStrictEqual } from 'node:util';
import { jsonToPlain } from '../../../src/lib/json.ts';
import { type Payload, parsePayload } from '../../../src/simplesigning/payload.ts';
import { DIGEST, OTHER_DIGEST, payloadText, REPOSITORY } from '../../simplesigning/world.ts';
import type { CreateTarget } from '../materials.ts';
import { mutant, mutateBytes, mutateText } from '../mutate.ts';
import { mutateJson } from '../mutate-json.ts';
import { nonEmpty, textSeeds } from '../seeds.ts';
import type { Execution, Opinion, Target } from '../target.ts';

/** `parsePayload`, against a reader over `JSON.parse` and against itself on what it wrote. */
export const createPayloadTarget: CreateTarget = () => {
  const seeds = nonEmpty(textSeeds(TEXTS));
  const corpus = { seeds, words: WORDS };
  const target: Target<Payload> = {
    name: 'payload',
    about: 'simple-signing payloads',
    seeds,
    verifies: false,
    leniencies: [],
    input: (random) => mutant(corpus, [mutateJson, mutateText, mutateBytes], random),
    execute,
    oracles: [{ name: 'JSON.parse', ask: oracle }],
  };
  return target;
};

const TEXTS = [
  payloadText(),
  payloadText({ reference: `${REPOSITORY}:v1`, optional: { creator: 'build', timestamp: 1735732800 } }),
  payloadText({ type: 'cosign container image signature', optional: null }),
  JSON.stringify(JSON.parse(payloadText({ reference: '', digest: OTHER_DIGEST })), undefined, 1),
];
const WORDS = nonEmpty([
  ...['critical', 'Critical', 'optional', 'identity', 'image', 'type', 'docker-reference', 'docker-manifest-digest', '__proto__'],
  ...[DIGEST, OTHER_DIGEST, REPOSITORY, 'sha256:', 'sha512:', 'atomic container signature', '{}', 'null', ',', '\u017f'],
]);

function execute(bytes: Uint8Array): Execution<Payload> {
  const read = parsePayload(bytes);
  return read.ok ? { outcome: 'accepted', reached: false, value: read.payload } : { outcome: 'refused', reached: false };
}

function oracle(bytes: Uint8Array, { value }: Execution<Payload>): Opinion {
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(bytes).toString());
  } catch (error) {
    return { accepts: false, why: String(error) };
  }
  if (value === undefined) return { accepts: true };
  const text = JSON.stringify(documentOf(value));
  if (!isDeepStrictEqual(JSON.parse(text), withoutNull(read)))
    return { accepts: true, differs: true, why: 'JSON.parse reads another payload' };
  const again = execute(Buffer.from(text)).value;
  if (again !== undefined && JSON.stringify(documentOf(again)) === text) return { accepts: true };
  return { accepts: true, differs: true, why: 'not the same when written and read again' };
}

function documentOf({ dockerReference, manifestDigest, type, optional }: Payload): object {
  const critical = { identity: { 'docker-reference': dockerReference }, image: { 'docker-manifest-digest': manifestDigest }, type };
  return optional === undefined ? { critical } : { critical, optional: jsonToPlain(optional) };
}

/** Null for `optional` is as good as none. Numbers go the same way as in a document of ours: to text and back. */
function withoutNull(read: unknown): unknown {
  const document = JSON.parse(JSON.stringify(read));
  if (document.optional === null) delete document.optional;
  return document;
}
