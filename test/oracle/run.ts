import { type Comparison, compare, decisiveStep, reachedSignature } from './compare.ts';
import { generate, type Plan, planOf } from './generate.ts';
import type { Answer, Judge } from './judges.ts';
import { createKeyPool, type KeyPool } from './keys.ts';
import type { OracleCase } from './render.ts';

export interface RunOptions {
  readonly seed: string;
  readonly cases: number;
  /** A mutator that every case has. */
  readonly only?: string;
  readonly ours: Judge;
  readonly reference: Judge;
  readonly onProgress?: (done: number) => void;
}

/** How the cases of one mutator came out. */
export interface Count {
  cases: number;
  /** The reference came as far as the signature. */
  reached: number;
  accepted: number;
  expected: number;
  disagreed: number;
}

/** A cause with the smallest case that shows it. */
export interface Finding {
  readonly cause: string;
  count: number;
  readonly plan: Plan;
  readonly found: OracleCase;
  readonly ours: Answer;
  readonly reference: Answer;
}

export interface Report {
  readonly total: Count;
  readonly byMutator: ReadonlyMap<string, Count>;
  /** Rows of the table of expected differences, with how often each was needed. */
  readonly expected: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
  /** Refused by both, ours at one step and the reference at another. */
  readonly steps: ReadonlyMap<string, number>;
}

interface Asked {
  readonly plan: Plan;
  readonly found: OracleCase;
  readonly applied: readonly string[];
  readonly ours: Answer;
  readonly reference: Answer;
  readonly comparison: Comparison;
}

const IN_FLIGHT = 64;

/** Makes the cases, asks both judges, and reports. Findings are shrunk: a mutation that a cause does not need is left out. */
export async function run(options: RunOptions): Promise<Report> {
  const keys = createKeyPool();
  const tally = createTally();
  const shown = new Map<string, Finding>();
  const waiting: Promise<Asked>[] = [];
  const settle = async (): Promise<void> => {
    const asked = await waiting.shift();
    if (asked === undefined) return;
    tally.add(asked);
    if (asked.comparison.kind === 'disagreed') await note(asked, asked.comparison.cause);
  };
  const note = async (asked: Asked, cause: string): Promise<void> => {
    const known = shown.get(cause);
    if (known !== undefined) known.count++;
    else shown.set(cause, { cause, count: 1, ...(await shrink(asked, cause, options, keys)) });
  };
  for (let index = 0; index < options.cases; index++) {
    waiting.push(ask(planOf(options.seed, index, options.only), options, keys));
    if (waiting.length >= IN_FLIGHT) await settle();
    if (index % 500 === 499) options.onProgress?.(index + 1);
  }
  while (waiting.length > 0) await settle();
  return { ...tally.report(), findings: [...shown.values()] };
}

async function ask(plan: Plan, { ours, reference }: RunOptions, keys: KeyPool): Promise<Asked> {
  const { found, applied } = generate(plan, keys, new Date());
  const [own, foreign] = await Promise.all([ours.ask(found), reference.ask(found)]);
  return { plan, found, applied, ours: own, reference: foreign, comparison: compare({ ours: own, reference: foreign, mutators: applied }) };
}

/** The plan with as few mutations as show the same cause, over the plainest base that does. */
async function shrink(asked: Asked, cause: string, options: RunOptions, keys: KeyPool): Promise<Omit<Finding, 'cause' | 'count'>> {
  let smallest = asked;
  const tryPlan = async (plan: Plan): Promise<void> => {
    const again = await ask(plan, options, keys);
    if (again.comparison.kind === 'disagreed' && again.comparison.cause === cause) smallest = again;
  };
  for (const { name, seed } of asked.plan.mutations) {
    await tryPlan({ ...smallest.plan, mutations: smallest.plan.mutations.filter((kept) => kept.name !== name || kept.seed !== seed) });
  }
  await tryPlan({ ...smallest.plan, base: 'plain' });
  const { plan, found, ours, reference } = smallest;
  return { plan, found, ours, reference };
}

function createTally() {
  const fresh = (): Count => ({ cases: 0, reached: 0, accepted: 0, expected: 0, disagreed: 0 });
  const total = fresh();
  const byMutator = new Map<string, Count>();
  const expected = new Map<string, number>();
  const steps = new Map<string, number>();
  const add = (asked: Asked): void => {
    const { comparison, ours, reference } = asked;
    for (const count of [total, ...asked.applied.map((name) => entry(byMutator, name, fresh))]) {
      count.cases++;
      if (reachedSignature(reference)) count.reached++;
      if (ours.outcome === 'accepted' && reference.outcome === 'accepted') count.accepted++;
      if (comparison.kind === 'expected') count.expected++;
      if (comparison.kind === 'disagreed') count.disagreed++;
    }
    if (comparison.kind === 'expected') expected.set(comparison.row, (expected.get(comparison.row) ?? 0) + 1);
    const [own, foreign] = [decisiveStep(ours), decisiveStep(reference)];
    if (own === foreign || ours.outcome === 'accepted' || reference.outcome === 'accepted') return;
    const key = `${own} against ${foreign}`;
    steps.set(key, (steps.get(key) ?? 0) + 1);
  };
  return { add, report: () => ({ total, byMutator, expected, steps }) };
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
