import type { Random } from '../oracle/random.ts';
import type { Corpus, Mutator } from './mutate.ts';

/** One token of a JSON text changed, moved or doubled; members may come to stand twice and values to be of another kind. */
export const mutateJson: Mutator = (bytes, random, corpus) => {
  const tokens = tokensOf(Buffer.from(bytes).toString());
  return tokens.length === 0 ? bytes : Buffer.from(random.pick(CHANGES)(tokens, random, corpus).join(''));
};

type Change = (tokens: readonly string[], random: Random, corpus: Corpus) => readonly string[];

/** Strings, numbers and names, punctuation, and white space, each whole; anything else is a token of one character. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[-+.\w]+|\s+|[^"]|"/gs;

function tokensOf(text: string): readonly string[] {
  return text.match(TOKEN) ?? [];
}

const VALUES = [
  ...['null', 'true', 'false', '0', '-0', '1', '-1', '1.0', '1e0', '1E+2', '1e400', '-1e-400', '01', '+1', '.5', '1.', '0x10', 'NaN'],
  ...['9007199254740993', '18446744073709551616', '""', '" "', '"x"', '[]', '{}', '[null]', '{"a":1}', '{"a":1,"a":2}', '[[]]', "'x'"],
  ...[
    '"\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ud83d\\ude00"',
    '"\\x41"',
    '"\\/"',
    '"\u2028"',
    '"\u0001"',
    '"\ufeff"',
    '{"__proto__":1}',
  ],
  ...['{"constructor":{"prototype":1}}', `${'['.repeat(40)}${']'.repeat(40)}`, '[1,]', '{"a":1,}', '{,}', '[1 2]', '/**/1', 'undefined'],
] as readonly string[] as readonly [string, ...string[]];
const SPACES = [' ', '\n', '\r\n', '\t', '\v', '\f', '\u00a0', '\ufeff', '\u2028', '\u0000', '  '] as const;
const PUNCTUATION = ['{', '}', '[', ']', ',', ':', '"', '\\'] as const;

const CHANGES: readonly [Change, ...Change[]] = [
  (tokens, random) => withToken(tokens, valueAt(tokens, random), [random.pick(VALUES)]),
  (tokens, random) => withToken(tokens, valueAt(tokens, random), [random.pick(VALUES)]),
  (tokens, random, { words }) => withToken(tokens, valueAt(tokens, random), [JSON.stringify(random.pick(words ?? ['x']))]),
  (tokens, random) => withToken(tokens, valueAt(tokens, random), [tokens[valueAt(tokens, random)] ?? '0']),
  (tokens, random) => withToken(tokens, random.below(tokens.length), []),
  (tokens, random) => withToken(tokens, random.below(tokens.length), [random.pick(PUNCTUATION)]),
  (tokens, random) => withInserted(tokens, random.below(tokens.length + 1), random.pick(SPACES)),
  (tokens, random) => doubledMember(tokens, random),
  (tokens, random) => doubledMember(tokens, random),
  (tokens, random) => droppedMember(tokens, random),
  (tokens, random) => withChangedText(tokens, random, (text) => bentText(text, random)),
  (tokens, random, { seeds }) => {
    const other = tokensOf(Buffer.from(random.pick(seeds)).toString());
    return [...tokens.slice(0, random.below(tokens.length)), ...other.slice(random.below(other.length || 1))];
  },
];

function withToken(tokens: readonly string[], at: number, replacement: readonly string[]): readonly string[] {
  return [...tokens.slice(0, at), ...replacement, ...tokens.slice(at + 1)];
}

function withInserted(tokens: readonly string[], at: number, token: string): readonly string[] {
  return [...tokens.slice(0, at), token, ...tokens.slice(at)];
}

/** A place among the strings, numbers and names, where there are any. */
function valueAt(tokens: readonly string[], random: Random): number {
  const from = random.below(tokens.length);
  const after = tokens.findIndex((token, i) => i >= from && /^["\w-]/.test(token));
  return after < 0 ? from : after;
}

/** Where a member of an object begins and ends, for one whose value is a single token. */
function memberAt(tokens: readonly string[], random: Random): readonly [start: number, end: number] | undefined {
  const from = random.below(tokens.length);
  const colon = tokens.findIndex((token, i) => i > from && token === ':');
  return colon < 1 ? undefined : [colon - 1, colon + 2];
}

function doubledMember(tokens: readonly string[], random: Random): readonly string[] {
  const found = memberAt(tokens, random);
  if (found === undefined) return tokens;
  const [start, end] = found;
  const name = tokens[start] ?? '""';
  const twin = [random.pick([name, name, swappedCase(name), escapedFirst(name)]), ':', random.pick(VALUES), ','];
  return random.oneIn(2)
    ? [...tokens.slice(0, start), ...twin, ...tokens.slice(start)]
    : [...tokens.slice(0, start), name, ':', tokens[end - 1] ?? '0', ',', ...tokens.slice(start)];
}

function droppedMember(tokens: readonly string[], random: Random): readonly string[] {
  const found = memberAt(tokens, random);
  if (found === undefined) return tokens;
  const [start, end] = found;
  return [...tokens.slice(0, start), ...tokens.slice(tokens[end] === ',' ? end + 1 : end)];
}

function withChangedText(tokens: readonly string[], random: Random, change: (text: string) => string): readonly string[] {
  const at = valueAt(tokens, random);
  const token = tokens[at] ?? '';
  return withToken(tokens, at, [token.startsWith('"') && token.length > 1 ? `"${change(token.slice(1, -1))}"` : token]);
}

function bentText(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  switch (random.below(7)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return (
        text.slice(0, at) + random.pick(['\\u0041', '\\n', '\\', '\\"', '\u0000', '\\ud800', ' ', '=', '*', '\u017f']) + text.slice(at)
      );
    case 2:
      return text.slice(0, at) + text.slice(at + 1);
    case 3:
      return swappedCase(text);
    case 4:
      return escapedFirst(`"${text}"`).slice(1, -1);
    case 5:
      return text + text;
    default:
      return text.slice(0, at) + String.fromCharCode(0x20 + random.below(0x60)) + text.slice(at + 1);
  }
}

function swappedCase(text: string): string {
  return text === text.toLowerCase() ? text.toUpperCase() : text.toLowerCase();
}

/** The same string with its first character written as an escape. */
function escapedFirst(token: string): string {
  return token.length < 3 ? token : `"\\u${token.charCodeAt(1).toString(16).padStart(4, '0')}${token.slice(2)}`;
}
