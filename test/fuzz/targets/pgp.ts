import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadPgpKey } from '../../../src/simplesigning/pgp.ts';
import type { Random } from '../../oracle/random.ts';
import type { PgpMaterial } from '../../simplesigning/gpg.ts';
import { payloadText } from '../../simplesigning/world.ts';
import type { CreateTarget } from '../materials.ts';
import { type Corpus, mutant, mutateBytes, mutateText } from '../mutate.ts';
import { nonEmpty, textSeeds } from '../seeds.ts';
import type { Execution, Opinion, Target } from '../target.ts';

/** OpenPGP messages through `PgpKey.open`: whatever becomes of one, nothing may come out that was not signed. */
export const createPgpTarget: CreateTarget = async () => {
  const { keys, messages } = JSON.parse(readFileSync(MATERIAL, 'utf8')) as PgpMaterial;
  const key = await loadPgpKey(keys.rsa);
  const texts = [messages.rsa, messages.uncompressed, messages.zip, messages.sha256];
  const seeds = nonEmpty(textSeeds(texts));
  const corpus = { seeds, words: WORDS };
  const packets = { seeds: nonEmpty(texts.map(octetsOf)) };
  const execute = async (bytes: Uint8Array): Promise<Execution<string>> => {
    const opened = await key.open(Buffer.from(bytes).toString(), NOW);
    if (opened.ok) return { outcome: 'accepted', reached: true, value: Buffer.from(opened.content).toString() };
    return { outcome: 'refused', reached: opened.reason.code === 'SIGNATURE_INVALID' };
  };
  const target: Target<string> = {
    name: 'pgp',
    about: 'armored OpenPGP messages, verified by one key',
    seeds,
    verifies: true,
    leniencies: [],
    input: (random) => inputOf(random, corpus, packets),
    execute,
    oracles: [{ name: 'what was signed', ask: wasSigned }],
  };
  return target;
};

const MATERIAL = join(import.meta.dirname, '../../fixtures/pgp/material.json');
const NOW = new Date('2025-02-01T00:00:00Z');
const WORDS = nonEmpty([
  ...['-----BEGIN PGP MESSAGE-----', '-----END PGP MESSAGE-----', '-----BEGIN PGP SIGNATURE-----', '-----BEGIN PGP SIGNED MESSAGE-----'],
  ...['Version: 1\n', 'Comment: x\n', '\n\n', '\r\n', '=', '=AAAA', '-----', '- ', 'Hash: SHA256\n', '\u00a0'],
]);

/** The armor changed, or the packets inside it; now and then a message as it was made. */
function inputOf(random: Random, corpus: Corpus, packets: Corpus): Uint8Array {
  if (random.oneIn(10)) return random.pick(corpus.seeds);
  if (random.oneIn(3)) return mutant(corpus, [mutateText, mutateBytes], random);
  const base64 = Buffer.from(mutant(packets, [mutateBytes], random)).toString('base64');
  return Buffer.from(`-----BEGIN PGP MESSAGE-----\n\n${base64}\n-----END PGP MESSAGE-----\n`);
}

/** What stands between the blank line after the headers and the checksum. */
function octetsOf(armored: string): Uint8Array {
  return Buffer.from(/\n\n([^=]*=?=?)\n=/s.exec(armored)?.[1] ?? '', 'base64');
}

function wasSigned(_: Uint8Array, { value }: Execution<string>): Opinion | undefined {
  if (value === undefined) return undefined;
  return value === payloadText() ? { accepts: true } : { accepts: false, why: `nobody signed ${JSON.stringify(value.slice(0, 80))}` };
}
