import { type Draft, plainDraft, validDraft } from './draft.ts';
import type { KeyPool } from './keys.ts';
import { MUTATORS } from './mutators/all.ts';
import type { Mutate } from './mutators/table.ts';
import { createRandom } from './random.ts';
import { type OracleCase, render } from './render.ts';

/** What a case is made of. The same plan gives the same case but for keys, serial numbers, signatures and the clock. */
export interface Plan {
  readonly seed: string;
  readonly base: 'plain' | 'varied';
  readonly mutations: readonly { readonly name: string; readonly seed: string }[];
}

export const MUTATOR_NAMES: readonly string[] = Object.keys(MUTATORS);

/** The plan of the `index`th case. `only`: every case has this mutation. */
export function planOf(seed: string, index: number, only?: string): Plan {
  const own = `${seed}/${index}`;
  const random = createRandom(own);
  // In turn, so that every mutator has its share however few the cases.
  const first = only ?? MUTATOR_NAMES[index % MUTATOR_NAMES.length] ?? 'none';
  const more = Array.from({ length: random.pick([0, 0, 0, 1, 1, 2]) }, () => MUTATOR_NAMES[random.below(MUTATOR_NAMES.length)] ?? 'none');
  return { seed: own, base: 'varied', mutations: [first, ...more].map((name, i) => ({ name, seed: `${own}/${i}` })) };
}

export interface Generated {
  readonly found: OracleCase;
  /** Names of the mutators for its format. */
  readonly applied: readonly string[];
}

export function generate(plan: Plan, keys: KeyPool, now: Date): Generated {
  const draft = plan.base === 'plain' ? plainDraft(keys, now) : validDraft(keys, now, createRandom(plan.seed).fork('base'));
  // The first mutator chooses the format: one of the other format would change nothing.
  draft.format = formatOf(plan.mutations[0]?.name ?? '') ?? draft.format;
  const applied = plan.mutations.filter(({ name }) => (formatOf(name) ?? draft.format) === draft.format);
  for (const { name, seed } of applied) mutatorOf(name)(draft, createRandom(seed));
  return { found: render(draft, plan.seed), applied: applied.map(({ name }) => name) };
}

function formatOf(name: string): Draft['format'] | undefined {
  return name.startsWith('jws/') ? 'jws' : name.startsWith('cose/') ? 'cose' : undefined;
}

function mutatorOf(name: string): Mutate {
  const mutate = MUTATORS[name];
  if (mutate === undefined) throw new Error(`no such mutator: ${name}`);
  return mutate;
}
