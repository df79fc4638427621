import type { Draft, Member } from '../draft.ts';
import type { Random } from '../random.ts';

/** Changes a draft. */
export type Mutate = (draft: Draft, random: Random) => void;
/** Mutators by name: `area/what`. Those of `jws/` and `cose/` are for drafts of that format alone. */
export type MutatorTable = Readonly<Record<string, Mutate>>;

/** The members with one set, in its place or at the end. */
export function withMember(members: readonly Member[], name: string, json: string): Member[] {
  if (!members.some(([known]) => known === name)) return [...members, [name, json]];
  return members.map(([known, value]) => [known, known === name ? json : value]);
}

export function without(members: readonly Member[], name: string): Member[] {
  return members.filter(([known]) => known !== name);
}

/** Any JSON value of some other kind. */
export function oddJson(random: Random): string {
  return random.pick(['null', 'true', '0', '-1', '1.5', '""', '" "', '"x"', '[]', '{}', '["x"]', '[null]', '{"a":1}', '1e400', '[[]]']);
}

/** Names in another case, as a reader that folds them would take for the same. */
export function otherCase(name: string, random: Random): string {
  return random.pick([
    name.toUpperCase(),
    name.charAt(0).toUpperCase() + name.slice(1),
    name.replace('s', '\u017f'),
    name.replace('k', '\u212a'),
    name.slice(0, -1) + name.slice(-1).toUpperCase(),
  ]);
}

/** One byte changed, taken out, put in, or a stretch doubled. */
export function disturbed(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = [...bytes];
  const at = random.below(copy.length || 1);
  switch (random.below(6)) {
    case 0:
    case 1:
      copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
      break;
    case 2:
      copy[at] = random.below(256);
      break;
    case 3:
      copy.splice(at, 1 + random.below(4));
      break;
    case 4:
      copy.splice(at, 0, ...random.bytes(1 + random.below(4)));
      break;
    default:
      copy.splice(at, 0, ...copy.slice(at, at + 1 + random.below(32)));
  }
  return Uint8Array.from(copy);
}
