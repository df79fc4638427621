import { type DistinguishedName, parseDistinguishedName } from '../../../src/notation/identity.ts';
import type { CreateTarget } from '../materials.ts';
import { mutant, mutateText } from '../mutate.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { goOracle } from './go-oracle.ts';
import { nonEmpty, textSeeds } from './seeds.ts';

/** `parseDistinguishedName`, against a second reader by the same rules, written apart from it, and against itself on what it wrote. */
export const createDnTarget: CreateTarget = ({ reference }) => {
  const seeds = nonEmpty(textSeeds(TEXTS));
  const corpus = { seeds, words: WORDS };
  const target: Target<DistinguishedName> = {
    name: 'dn',
    about: 'distinguished names of trusted identities',
    seeds,
    verifies: false,
    leniencies: [
      {
        id: 'empty types',
        why: 'the reference passes over "=" until a type is there: "==OU=x" is OU=x',
        against: 'second reader',
        applies: ({ accepts, why }, bytes) =>
          !accepts && why === 'no type' && /(?:^|[,;]) *=[ =]*[^ =,;]/.test(Buffer.from(bytes).toString()),
      },
      {
        id: 'space after a backslash',
        why: 'the reference takes the space at the end of a value for an escaped one after any backslash, also after one that is escaped itself',
        against: 'second reader',
        applies: ({ accepts, why }, bytes) =>
          accepts && why === 'other attributes' && /\\\\ +(?:$|[,;=])/.test(Buffer.from(bytes).toString()),
      },
    ],
    input: (random) => mutant(corpus, [mutateText], random),
    execute,
    oracles: [
      { name: 'second reader', ask: oracle },
      ...goOracle<DistinguishedName>(reference, { kind: 'identity', text: (bytes) => Buffer.from(Buffer.from(bytes).toString()) }),
    ],
  };
  return target;
};

const TEXTS = [
  'C=US,ST=WA,O=Notary',
  ' C=US, ST=WA, L=Seattle, O=Notary, OU=Signing; CN=e2e ',
  'CN=a\\, b\\+c\\"\\\\\\<\\>\\;\\=,O=Notary\\20Inc,S=WA,C=US',
  'C=US,ST=\\c3\\a9,O=caf\u00e9\\ ,2.5.4.97=x=y,STREET="quoted"',
];
const WORDS = [
  ...[
    'C=US',
    'S=WA',
    'ST=',
    ',O=',
    'o=x',
    '=#',
    '=\\#',
    '\\',
    '\\\\',
    '\\,',
    '\\ ',
    '\\2',
    '\\2c',
    '\\zz',
    '\\c3',
    ',,',
    ';',
    '+',
    '"',
    '#',
  ],
  ...['2.5.4.3=', '__proto__=x', 'constructor=x', '\u0085', '\u00a0', '\ufeff', '\u2028', '=', '=='],
] as readonly string[] as readonly [string, ...string[]];

function execute(bytes: Uint8Array): Execution<DistinguishedName> {
  try {
    return { outcome: 'accepted', reached: false, value: parseDistinguishedName(Buffer.from(bytes).toString()) };
  } catch (error) {
    if (error instanceof RangeError && !/^(?:Maximum call stack|Invalid)/.test(error.message))
      return { outcome: 'refused', reached: false };
    throw error;
  }
}

function oracle(bytes: Uint8Array, { value }: Execution<DistinguishedName>): Opinion {
  let pairs: readonly (readonly [string, Buffer])[];
  try {
    pairs = readPairs(Buffer.from(bytes).toString());
  } catch (error) {
    if (error instanceof Refused) return { accepts: false, why: error.message };
    throw error;
  }
  if (value === undefined) return { accepts: true };
  const read = new Map(pairs.map(([type, octets]) => [type, octets.toString('latin1')]));
  if (!isSame(read, value)) return { accepts: true, differs: true, why: 'other attributes' };
  const again = execute(Buffer.from(written(value))).value;
  return again !== undefined && isSame(again, value)
    ? { accepts: true }
    : { accepts: true, differs: true, why: 'not the same when written and read again' };
}

function isSame(a: DistinguishedName, b: DistinguishedName): boolean {
  return a.size === b.size && [...a].every(([type, text]) => b.get(type) === text);
}

/** Every octet that means something, and every one that is not printable, as an escape. */
function written(name: DistinguishedName): string {
  const escaped = (text: string): string =>
    [...text].map((octet) => (/[A-Za-z0-9.]/.test(octet) ? octet : `\\${Buffer.from(octet, 'latin1').toString('hex')}`)).join('');
  return [...name].map(([type, text]) => `${escaped(type)}=${escaped(text)}`).join(',');
}

class Refused extends Error {}

type Piece = { readonly octets: Buffer; readonly special?: ',' | '=' | '+'; readonly space?: boolean };

/** The rules of notation.md as two passes: escapes become octets without a meaning, then the pieces are put together. */
function readPairs(text: string): readonly (readonly [string, Buffer])[] {
  if (text.includes('=#')) throw new Refused('"=#"');
  // The ends that Go's TrimSpace and its Trim of spaces see differently are refused.
  if (
    /^ *[\t\n\v\f\r\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|[\t\n\v\f\r\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000] *$/.test(
      text,
    )
  )
    throw new Refused('white space at an end');
  const pieces = piecesOf(text.replace(/^ +| +$/g, ''));
  const pairs = new Map<string, Buffer>();
  for (const part of pieces.length === 0 ? [] : splitAt(pieces, ',')) {
    const equals = part.findIndex(({ special }) => special === '=');
    if (equals < 0) throw new Refused('no "="');
    const type = octetsOf(part.slice(0, equals)).toString('latin1');
    if (type === '') throw new Refused('no type');
    if (part.some(({ special }, i) => special === '+' && i > equals)) throw new Refused('multi-valued');
    const name = type === 'S' ? 'ST' : type;
    if ((pairs.get(name)?.length ?? 0) > 0) throw new Refused('duplicate');
    pairs.set(name, octetsOf(part.slice(equals + 1)));
  }
  for (const mandatory of ['C', 'ST', 'O']) if ((pairs.get(mandatory)?.length ?? 0) === 0) throw new Refused(`no ${mandatory}`);
  return [...pairs];
}

function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  const characters = [...text];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] ?? '';
    if (character !== '\\') {
      const special = character === ';' ? ',' : character === ',' || character === '=' || character === '+' ? character : undefined;
      pieces.push({ octets: Buffer.from(character), ...(special && { special }), space: character === ' ' });
      continue;
    }
    const next = characters[i + 1] ?? '';
    const pair = next + (characters[i + 2] ?? '');
    if (next !== '' && ' "#+,;<=>\\'.includes(next)) i += 1;
    else if (/^[0-9A-Fa-f]{2}$/.test(pair)) i += 2;
    else throw new Refused('escape');
    pieces.push({ octets: ' "#+,;<=>\\'.includes(next) && next !== '' ? Buffer.from(next) : Buffer.from(pair, 'hex') });
  }
  return pieces;
}

function splitAt(pieces: readonly Piece[], separator: ','): readonly (readonly Piece[])[] {
  const parts: Piece[][] = [[]];
  for (const piece of pieces) {
    if (piece.special === separator) parts.push([]);
    else parts.at(-1)?.push(piece);
  }
  return parts;
}

function octetsOf(pieces: readonly Piece[]): Buffer {
  let [start, end] = [0, pieces.length];
  while (start < end && pieces[start]?.space === true) start++;
  while (end > start && pieces[end - 1]?.space === true) end--;
  return Buffer.concat(pieces.slice(start, end).map(({ octets }) => octets));
}
