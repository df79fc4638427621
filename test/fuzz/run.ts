import { setImmediate } from 'node:timers/promises';
import { errorText } from '../../src/lib/errors.ts';
import { createRandoms } from '../oracle/random.ts';
import type { Execution, Opinion, Target } from './target.ts';

export interface RunOptions {
  readonly target: Target;
  readonly seed: string;
  readonly runs: number;
  /** Milliseconds after which no input is begun. Default: none. */
  readonly limitMs?: number;
  /** Told of every input before it is tried. */
  readonly onInput?: (index: number) => void;
  /** Told now and then how far it has come. */
  readonly onProgress?: (done: number, elapsedMs: number) => void;
  /** Monotonic milliseconds. Default: the machine's. */
  readonly now?: () => number;
}

export type FindingKind =
  /** Something else than the parser's own error was thrown. */
  | 'crash'
  /** It took longer than it may, and did so again. */
  | 'hang'
  /** We accept what the oracle refuses. */
  | 'accepted'
  /** Both accept, and read two different things. */
  | 'difference'
  /** The oracle threw: nothing is known. */
  | 'oracle'
  /** So few inputs reached the signature check that the others prove little. */
  | 'reach';

export interface Finding {
  readonly kind: FindingKind;
  readonly why: string;
  /** The first input with it, by its place in the run. */
  readonly index: number;
  readonly bytes: Uint8Array;
  /** Inputs with it in all. */
  count: number;
}

export interface Report {
  readonly target: string;
  readonly seed: string;
  readonly executions: number;
  readonly accepted: number;
  /** Inputs whose signature was checked. */
  readonly reached: number;
  /** Inputs that an oracle had something to say of, by its name. */
  readonly consulted: Readonly<Record<string, number>>;
  /** Of those: refused by us, accepted by the oracle. */
  readonly stricter: Readonly<Record<string, number>>;
  /** Leniencies by id, with how often each was needed. */
  readonly lenient: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly elapsedMs: number;
  readonly findings: readonly Finding[];
}

/** Longest time for one input; what takes longer is tried twice more, since the machine may have been busy with something else. */
const HANG_MS = 100;
/** Of the refused inputs, the oracle sees one in so many. */
const SAMPLE = 64;
/** Of so many inputs and more, such a share must reach the signature check. */
const REACH = { from: 200, share: 0.01 };
const MAX_FINDINGS = 50;
const TURN_MS = 50;
const PROGRESS_MS = 5000;

/** Runs one target on inputs 0 to `runs` of the seed; the same options find the same. */
export async function run({ target, seed, runs, limitMs = Infinity, onInput, onProgress, now = monotonic }: RunOptions): Promise<Report> {
  const tally = { executions: 0, accepted: 0, reached: 0, slowestMs: 0 };
  const counts: Record<'consulted' | 'stricter' | 'lenient', Record<string, number>> = { consulted: {}, stricter: {}, lenient: {} };
  const findings = new Map<string, Finding>();
  const randomOf = createRandoms(`${seed}/${target.name}`);
  const started = now();
  let turn = started;
  let told = started;
  const find = (kind: FindingKind, why: string, index: number, bytes: Uint8Array): void => {
    const key = `${kind} ${causeOf(why)}`;
    const known = findings.get(key);
    if (known !== undefined) known.count++;
    else if (findings.size < MAX_FINDINGS) findings.set(key, { kind, why, index, bytes, count: 1 });
  };

  for (let index = 0; index < runs; index++) {
    const begun = now();
    if (begun - started >= limitMs) break;
    if (begun - turn >= TURN_MS) {
      await setImmediate();
      turn = now();
    }
    if (begun - told >= PROGRESS_MS) {
      onProgress?.(index, begun - started);
      told = begun;
    }
    onInput?.(index);
    const bytes = target.input(randomOf(index));
    tally.executions++;
    const attempt = await attemptOf(target, bytes, now);
    tally.slowestMs = Math.max(tally.slowestMs, attempt.ms);
    if (attempt.ms > HANG_MS) find('hang', `took ${attempt.ms.toFixed(0)} ms three times`, index, bytes);
    if ('thrown' in attempt) {
      find('crash', stackOf(attempt.thrown), index, bytes);
      continue;
    }
    const { execution } = attempt;
    const accepts = execution.outcome === 'accepted';
    if (accepts) tally.accepted++;
    if (execution.reached) tally.reached++;
    if (!accepts && index % SAMPLE !== 0) continue;
    for (const judged of await judge(target, bytes, execution)) {
      add(counts.consulted, judged.oracle);
      if (judged.kind === 'stricter') add(counts.stricter, judged.oracle);
      else if (judged.kind === 'lenient') add(counts.lenient, judged.id);
      else if (isProblem(judged)) find(judged.kind, `${judged.oracle}: ${judged.why}`, index, bytes);
    }
  }
  if (target.verifies && tally.executions >= REACH.from && tally.reached < tally.executions * REACH.share) {
    find('reach', `${tally.reached} of ${tally.executions} inputs reached the signature check`, 0, target.input(randomOf(0)));
  }
  return { target: target.name, seed, ...tally, ...counts, elapsedMs: now() - started, findings: [...findings.values()] };
}

/** Everything that is wrong with one input: what a run would find with it. */
export async function problemsOf(target: Target, bytes: Uint8Array): Promise<readonly string[]> {
  const attempt = await attemptOf(target, bytes, monotonic);
  if ('thrown' in attempt) return [`crash: ${stackOf(attempt.thrown)}`];
  const slow = attempt.ms > HANG_MS ? [`hang: took ${attempt.ms.toFixed(0)} ms three times`] : [];
  const judged = await judge(target, bytes, attempt.execution);
  return [...slow, ...judged.filter(isProblem).map(({ kind, oracle, why }) => `${kind}: ${oracle}: ${why}`)];
}

type Attempt = { readonly ms: number } & ({ readonly execution: Execution } | { readonly thrown: unknown });

/** One execution; a slow one again, and again, and the fastest of the three counts. */
async function attemptOf(target: Target, bytes: Uint8Array, now: () => number): Promise<Attempt> {
  const first = await timed(target, bytes, now);
  if (first.ms <= HANG_MS) return first;
  const [second, third] = [await timed(target, bytes, now), await timed(target, bytes, now)];
  return { ...first, ms: Math.min(first.ms, second.ms, third.ms) };
}

async function timed(target: Target, bytes: Uint8Array, now: () => number): Promise<Attempt> {
  const started = now();
  try {
    const result = target.execute(bytes);
    // No turn of the event loop for those that need none: it would be most of their time.
    const execution = result instanceof Promise ? await result : result;
    return { execution, ms: now() - started };
  } catch (thrown) {
    return { thrown, ms: now() - started };
  }
}

interface Problem {
  readonly oracle: string;
  readonly kind: 'accepted' | 'difference' | 'oracle';
  readonly why: string;
}

type Judged =
  | { readonly oracle: string; readonly kind: 'agreed' | 'stricter' }
  | { readonly oracle: string; readonly kind: 'lenient'; readonly id: string }
  | Problem;

function isProblem(judged: Judged): judged is Problem {
  return judged.kind === 'accepted' || judged.kind === 'difference' || judged.kind === 'oracle';
}

async function judge(target: Target, bytes: Uint8Array, execution: Execution): Promise<readonly Judged[]> {
  const judged: Judged[] = [];
  for (const oracle of target.oracles) {
    try {
      const opinion = await oracle.ask(bytes, execution);
      if (opinion !== undefined) judged.push(compared(target, oracle.name, opinion, bytes, execution));
    } catch (error) {
      judged.push({ oracle: oracle.name, kind: 'oracle', why: stackOf(error) });
    }
  }
  return judged;
}

function compared({ leniencies }: Target, oracle: string, opinion: Opinion, bytes: Uint8Array, { outcome, value }: Execution): Judged {
  if (outcome === 'refused') return { oracle, kind: opinion.accepts ? 'stricter' : 'agreed' };
  if (opinion.accepts && opinion.differs !== true) return { oracle, kind: 'agreed' };
  const excuse = leniencies.find(({ against, applies }) => against === oracle && applies(opinion, bytes, value));
  if (excuse !== undefined) return { oracle, kind: 'lenient', id: excuse.id };
  return { oracle, kind: opinion.accepts ? 'difference' : 'accepted', why: opinion.why ?? 'without a reason' };
}

function add(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/** Findings that differ in numbers, quotations or hex alone are one. */
function causeOf(why: string): string {
  return why.replaceAll(/"[^"]*"|'[^']*'|[0-9a-f]{8,}|\d+/gi, '_').slice(0, 160);
}

/** What was thrown and where. */
function stackOf(error: unknown): string {
  const stack = typeof error === 'object' && error !== null && 'stack' in error ? String(error.stack) : errorText(error);
  return stack.split('\n').slice(0, 4).join(' ').replaceAll(/\s+/g, ' ');
}

function monotonic(): number {
  return performance.now();
}
