import { reason } from '../engine/reason.ts';
import type { AuditRecord, Engine, FactCache, Outcome, Reason, Reference, Request, Snapshot, Verdict } from '../engine/types.ts';
import { validate } from '../engine/validate.ts';
import { joinKey, type Kept, type VerdictCache } from '../lib/cache.ts';
import type { Logger } from '../lib/log.ts';
import type { RevocationPort } from '../lib/revocation.ts';
import type { Asked } from './app.ts';
import { type Deadline, deadlineAfter } from './deadline.ts';
import { parseVerifyKey } from './key.ts';
import { type Lanes, OverloadedError } from './lanes.ts';
import { imageName, type LeftOut, leftOutError } from './left-out.ts';
import type { KeyOutcome, Metrics } from './metrics.ts';
import { type Item, renderResponse } from './protocol.ts';
import { type Stamp, stableMembers, valueV1, valueV2 } from './value.ts';

/** A verdict with the part of its answer that does not change. */
export interface Judged {
  readonly verdict: Verdict;
  readonly stable: string;
  readonly namespace: string | undefined;
}

export interface VerifyDeps {
  readonly engines: { current(): Snapshot };
  readonly facts: FactCache;
  readonly revocation?: RevocationPort;
  readonly verdicts: VerdictCache<Judged>;
  readonly lanes: Lanes;
  readonly deadlineMs: number;
  /** How long a tag, and that there is no good signature, is believed. */
  readonly freshnessMs: number;
  readonly maxKeyBytes: number;
  readonly ttl: { readonly acceptedMs: number; readonly refusedMs: number };
  readonly now: () => Date;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Where else records are told, such as events of the cluster. */
  readonly audit?: (record: AuditRecord, about: { readonly reference: Reference; readonly namespace: string | undefined }) => void;
}

/** What became of one distinct key. */
type Answer =
  | { readonly key: string; readonly error: string }
  | { readonly key: string; readonly judged: Judged }
  | (LeftOut & { readonly key: string; readonly denied?: Judged });

/**
 * Answers `/verify`: one snapshot for the whole request, each distinct key judged once, all under one deadline. A key that has no
 * definitive verdict by then is left out and named in `systemError`; the others are answered, in the order asked.
 */
export async function verify(asked: Asked, deps: VerifyDeps): Promise<string> {
  const snapshot = deps.engines.current();
  const deadline = deadlineAfter(asked.startedMs, deps.deadlineMs);
  try {
    // What is kept is there at once; only the rest sets a timer and waits.
    const answers = await Promise.all([...new Set(asked.keys)].map((key) => answerKey(key, snapshot, deadline, deps)));
    return conclude(asked, answers, deps);
  } finally {
    deadline.clear();
  }
}

function answerKey(key: string, snapshot: Snapshot, deadline: Deadline, deps: VerifyDeps): Answer | Promise<Answer> {
  const parsed = parseVerifyKey(key, deps.maxKeyBytes);
  if ('error' in parsed) return { key, error: parsed.error };
  const { request } = parsed;
  const engine = snapshot.for(request.namespace);
  const kept = verdictKey(engine.revision, request);
  const judged = deps.verdicts.get(kept);
  if (judged === undefined) return judgeKey(key, kept, engine, request, deadline.signal(), deps);
  deps.metrics.cache('hit');
  return { key, judged };
}

async function judgeKey(
  key: string,
  kept: string,
  engine: Engine,
  request: Request,
  signal: AbortSignal,
  deps: VerifyDeps,
): Promise<Answer> {
  try {
    const judged = await deps.verdicts.load(kept, signal, (own) => judge(engine, request, own, deps));
    const { outcome, reason, reference } = judged.verdict;
    return outcome === 'accepted' || outcome === 'refused' ? { key, judged } : { key, outcome, reason, reference, denied: judged };
  } catch (error) {
    return { key, reference: request.reference, outcome: 'unavailable', reason: reasonForNone(error, signal, deps) };
  }
}

/**
 * The key of a verdict: what the view's objects are, and the key as asked. No two different questions share one, and a
 * change for one namespace leaves the verdicts of the others.
 */
export function verdictKey(revision: string, { namespace, attributes, text }: Request): string {
  return joinKey([revision, namespace === undefined ? 'cluster' : `namespace ${namespace}`, text, ...[...attributes].flat()]);
}

function judge(engine: Engine, request: Request, signal: AbortSignal, deps: VerifyDeps): Promise<Kept<Judged>> {
  return deps.lanes.run(request.reference.registry, signal, async () => {
    const startedMs = performance.now();
    const name = imageName(request.reference);
    const onBug = (error: unknown) => deps.log.error({ error, subject: name }, 'evaluation failed by an error of ours');
    const { facts, revocation } = deps;
    const ports = { facts, ...(revocation === undefined ? {} : { revocation }), now: deps.now(), signal };
    const verdict = await validate(engine, request, ports, onBug, { freshnessMs: deps.freshnessMs });
    const { outcome, reason: why, digest, revision, validUntil } = verdict;
    deps.log.info(
      {
        subject: name,
        namespace: request.namespace,
        digest,
        revision,
        verdict: outcome,
        code: why.code,
        reason: why.message,
        ms: since(startedMs),
      },
      'verdict',
    );
    const stable = stableMembers(verdict);
    const value = { verdict, stable, namespace: request.namespace };
    return { value, bytes: costOf(request, value), ttlMs: ttlOf(outcome, deps.ttl), ...(validUntil === undefined ? {} : { validUntil }) };
  });
}

function reasonForNone(error: unknown, deadline: AbortSignal, { deadlineMs, log }: VerifyDeps): Reason {
  if (error instanceof OverloadedError) return reason(error.code, error.message);
  if (deadline.aborted) return reason('DEADLINE_EXCEEDED', `no verdict within ${deadlineMs} ms; the work goes on, ask again`);
  log.error({ error }, 'evaluation failed by an error of ours');
  return reason('INTERNAL', 'an error of ours; the log has it');
}

function ttlOf(outcome: Outcome, ttl: VerifyDeps['ttl']): number {
  if (outcome === 'accepted') return ttl.acceptedMs;
  return outcome === 'refused' ? ttl.refusedMs : 0;
}

/** About what an entry holds: its text twice (as members, and as the reports they were made of) and the objects around. */
function costOf(request: Request, { stable }: Judged): number {
  return 1024 + 2 * request.text.length + 3 * stable.length;
}

function conclude({ endpoint, traceId, startedMs, keys }: Asked, answers: readonly Answer[], deps: VerifyDeps): string {
  const { log, metrics, now } = deps;
  const stamp: Stamp = { traceId, timestamp: now().toISOString() };
  const items: Item[] = [];
  const leftOut: LeftOut[] = [];
  const counts: Record<KeyOutcome, number> = { accepted: 0, refused: 0, unavailable: 0, misconfigured: 0, invalid: 0 };
  for (const answer of answers) {
    const { outcome, code } = summary(answer);
    counts[outcome] += 1;
    metrics.key(endpoint, outcome, code);
    const told = 'judged' in answer ? answer.judged : 'denied' in answer ? answer.denied : undefined;
    if (told !== undefined) tellRecords(told, traceId, deps);
    if ('error' in answer) items.push(answer);
    else if ('judged' in answer) items.push({ key: answer.key, json: renderValue(answer.judged, endpoint.shape, stamp) });
    else leftOut.push(answer);
  }
  log.info(
    { traceID: traceId, keys: keys.length, ...counts, results: answers.slice(0, SHOWN).map(summary), ms: since(startedMs) },
    'verify',
  );
  return renderResponse(items, leftOutError(leftOut, answers.length));
}

/** Told with each answer, also with one that was kept, and where nothing could be decided: whoever counts uses counts Pods, not evaluations. */
function tellRecords({ verdict, namespace }: Judged, traceId: string, { log, metrics, audit }: VerifyDeps): void {
  const { reference, digest, records } = verdict;
  for (const record of records) {
    metrics.record(record.event);
    log.warn(
      {
        traceID: traceId,
        event: record.event,
        object: record.object,
        subject: imageName(reference),
        digest,
        namespace,
        reason: record.message,
      },
      'audit',
    );
    audit?.(record, { reference, namespace });
  }
}

function renderValue({ verdict, stable }: Judged, shape: 'v1' | 'v2', stamp: Stamp): string {
  return shape === 'v1' ? valueV1(verdict.outcome === 'accepted', stable, stamp) : valueV2(verdict);
}

/** Results shown in a request's line of the log; each evaluation has a line of its own. */
const SHOWN = 10;

function summary(answer: Answer): { outcome: KeyOutcome; code: string; subject?: string; digest?: string | undefined; revision?: string } {
  if ('error' in answer) return { outcome: 'invalid', code: 'INVALID_REFERENCE' };
  if (!('judged' in answer)) return { outcome: answer.outcome, code: answer.reason.code, subject: imageName(answer.reference) };
  const { outcome, reason, reference, digest, revision } = answer.judged.verdict;
  return { outcome, code: reason.code, subject: imageName(reference), digest, revision };
}

function since(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 10) / 10;
}
