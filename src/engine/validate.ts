import { shortDigest } from '../oci/digest.ts';
import { referenceText } from '../oci/reference.ts';
import { type Evaluation, evaluateRule } from './evaluate.ts';
import { reasonOf, worst } from './outcomes.ts';
import { cut, quoted, reason } from './reason.ts';
import { earliest, earliestChange } from './reports.ts';
import type { Decision, Descriptor, Engine, Ports, Request, Rule, Store, Subject, Verdict } from './types.ts';

/** The ports of an evaluation; without a store of its own, the engine's is read. */
export type EvaluationPorts = Omit<Ports, 'store'> & { readonly store?: Store };

export interface ValidateOptions {
  /** For how long a tag, and that there is no good signature, may be believed, in milliseconds. Default 10,000. */
  readonly freshnessMs?: number;
  /** Signatures tried per image, at least 1. Default 50. */
  readonly maxSignatures?: number;
}

/**
 * Judges one image by one namespace's declared objects.
 *
 * The reference is resolved once; that digest is listed for, verified and answered. Every rule that covers the request must
 * accept; one refusal refuses, else *misconfigured* outweighs *unavailable*. Never rejects: what cannot be found out is a verdict,
 * an error of ours is *unavailable* with `INTERNAL` and told to `onBug`.
 */
export async function validate(
  engine: Engine,
  request: Request,
  ports: EvaluationPorts,
  onBug?: (error: unknown) => void,
  { freshnessMs = 10_000, maxSignatures = 50 }: ValidateOptions = {},
): Promise<Verdict> {
  const freshUntil = new Date(ports.now.getTime() + freshnessMs);
  const verdict = (found: Found, tagUntil?: Date) => verdictOf(engine, request, found, earliest(freshUntil, tagUntil) ?? freshUntil);
  // Neither fewer nor no number at all: a bound that nothing reaches would be none.
  if (!(maxSignatures >= 1))
    return verdict(misconfigured('CONFIG_INVALID', `expected maxSignatures of at least 1, found ${maxSignatures}`));
  try {
    const asked = askable(engine, request, ports.store);
    if ('decision' in asked) return verdict(asked);
    const { rules, store } = asked;
    ports.signal.throwIfAborted();
    const { freshUntil: tagUntil, ...descriptor } = await store.resolve(request.reference, ports.signal);
    const substituted = otherThanAsked(request, descriptor);
    if (substituted !== undefined) return verdict({ decision: substituted });
    const subject = { repository: { registry: request.reference.registry, path: request.reference.path }, descriptor };
    const judged: Judged[] = [];
    for (const rule of rules) {
      const read = ports.store ?? rule.store ?? store;
      const evaluation = await evaluateRule({ rule, request, subject, ports: { ...ports, store: read }, maxSignatures, onBug });
      judged.push({ rule, ...evaluation });
      if (evaluation.decision.outcome === 'refused') break;
    }
    return verdict(conclude(judged, subject), tagUntil);
  } catch (error) {
    return verdict({ decision: reasonOf(error, onBug) });
  }
}

type Judged = Evaluation & { readonly rule: Rule };

/** A decision, and what it rests on as far as it came. */
interface Found {
  readonly decision: Decision;
  readonly subject?: Subject;
  readonly policy?: string;
  readonly judged?: readonly Judged[];
}

/** The rules and the store that decide, or why nothing does. */
function askable(engine: Engine, request: Request, recorded: Store | undefined): { rules: readonly Rule[]; store: Store } | Found {
  if (engine.misconfigured !== undefined) return { decision: { outcome: 'misconfigured', reason: engine.misconfigured } };
  if (engine.store === undefined) return misconfigured('NO_STORE', 'no Store is declared; declare one in the namespace or for the cluster');
  const store = recorded ?? engine.store;
  if (engine.rules.length === 0)
    return misconfigured('NO_VERIFIER', 'no Verifier is declared; declare one in the namespace or for the cluster');
  const rules = engine.rules.filter((rule) => rule.covers(request));
  if (rules.length === 0) {
    const message = `no declared policy covers ${cut(referenceText(request.reference), 120)}; declare one that does`;
    return { decision: { outcome: 'refused', reason: reason('NOT_COVERED', message) } };
  }
  const empty = rules.find((rule) => rule.verifiers.length === 0);
  if (empty !== undefined) return misconfigured('NO_VERIFIER', `no Verifier belongs to policy ${quoted(empty.name)}; declare one`);
  const { registry } = request.reference;
  if (![store, ...rules.flatMap((rule) => recorded ?? rule.store ?? [])].every((one) => one.answersFor(registry)))
    return misconfigured('NO_STORE', `no Store answers for registry ${quoted(registry)}; declare one that does`);
  return { rules, store };
}

function misconfigured(code: string, message: string): Found {
  return { decision: { outcome: 'misconfigured', reason: reason(code, message) } };
}

function otherThanAsked({ reference }: Request, { digest }: Descriptor): Decision | undefined {
  if (reference.digest === undefined || reference.digest === digest) return undefined;
  const message = `the store resolved to another image: expected ${shortDigest(reference.digest)}, got ${shortDigest(digest)}`;
  return { outcome: 'refused', reason: reason('CONTENT_INVALID', message) };
}

/** Of the rules' decisions the one that outweighs the others; the first of these decides. */
function conclude(judged: readonly Judged[], subject: Subject): Found {
  const outcome = worst(judged.map(({ decision }) => decision.outcome));
  const deciding = judged.find(({ decision }) => decision.outcome === outcome);
  if (deciding === undefined) return { decision: reasonOf(new TypeError('no rule was evaluated')), subject };
  return { decision: deciding.decision, policy: deciding.rule.name, subject, judged };
}

function verdictOf(engine: Engine, request: Request, { decision, subject, policy = '', judged = [] }: Found, freshUntil: Date): Verdict {
  const { outcome } = decision;
  const reports = judged.flatMap((evaluation) => evaluation.reports);
  // A refusal ends with the next good signature, and a tag may move.
  const fresh = outcome === 'refused' || request.reference.digest === undefined ? freshUntil : undefined;
  const validUntil = outcome === 'accepted' || outcome === 'refused' ? earliest(fresh, earliestChange(reports, outcome)) : undefined;
  return {
    ...decision,
    reference: request.reference,
    ...(subject === undefined ? {} : { digest: subject.descriptor.digest }),
    reports,
    policy,
    revision: engine.revision,
    ...(validUntil === undefined ? {} : { validUntil }),
  };
}
