import { shortDigest } from '../oci/digest.ts';
import { referenceText } from '../oci/reference.ts';
import { EvaluationError } from './errors.ts';
import { evaluateRule } from './evaluate.ts';
import { reasonOf, worst } from './outcomes.ts';
import { cut, quoted, reason, reasonWithSuffix } from './reason.ts';
import { earliest, earliestChange } from './reports.ts';
import type { Decision, Descriptor, Engine, Evaluation, Ports, ReferrerRule, Request, Rule, Store, Subject, Verdict } from './types.ts';

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
 * The reference is resolved once in each store that rules read; that digest is listed for, verified and answered, and stores that differ
 * refuse. Every rule that covers the request must accept, or an exemption satisfy it; one refusal refuses, else *misconfigured* outweighs
 * *unavailable*. Each rule is asked, whatever the others say: the verdict tells of all. Never rejects: what cannot be found out is a verdict,
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
    const undecidable = whyUndecidable(engine);
    if (undecidable !== undefined) return verdict(undecidable);
    const rules = engine.rules.filter((rule) => rule.covers(request));
    if (rules.length === 0) return verdict({ decision: uncovered(engine, request) });
    const image = resolveOnce(engine, request, ports);
    const run: Run = { engine, request, ports, image, maxSignatures, onBug };
    const judged = await Promise.all(rules.map((rule) => judgeRule(rule, run)));
    const resolutions = image.found();
    const concluded = conclude(judged, resolutions[0]?.subject);
    const tagUntil = resolutions.map((one) => one.tagUntil).reduce(earliest, undefined);
    const torn = otherwiseRead(resolutions);
    return verdict(torn === undefined ? concluded : { ...concluded, decision: torn }, tagUntil);
  } catch (error) {
    return verdict({ decision: reasonOf(error, onBug) });
  }
}

interface Run {
  readonly engine: Engine;
  readonly request: Request;
  readonly ports: EvaluationPorts;
  readonly image: Image;
  readonly maxSignatures: number;
  readonly onBug: ((error: unknown) => void) | undefined;
}

type Judged = Evaluation & { readonly rule: Rule; readonly exemption?: string };

/** A decision, and what it rests on as far as it came. */
interface Found {
  readonly decision: Decision;
  readonly subject?: Subject | undefined;
  readonly policy?: string;
  readonly judged?: readonly Judged[];
}

function whyUndecidable({ misconfigured: why, rules, store, uncovered: otherwise }: Engine): Found | undefined {
  if (why !== undefined) return { decision: { outcome: 'misconfigured', reason: why } };
  if (rules.length > 0 || otherwise !== undefined) return undefined;
  if (store === undefined) return misconfigured('NO_STORE', 'no Store is declared; declare one in the namespace or for the cluster');
  return misconfigured('NO_VERIFIER', 'no Verifier is declared; declare one in the namespace or for the cluster');
}

function uncovered({ uncovered: otherwise = 'refuse' }: Engine, { reference }: Request): Decision {
  if (typeof otherwise === 'object') return { outcome: 'misconfigured', reason: otherwise };
  const image = cut(referenceText(reference), 120);
  if (otherwise === 'accept') return { outcome: 'accepted', reason: reason('NOT_COVERED', `no declared policy covers ${image}`) };
  return { outcome: 'refused', reason: reason('NOT_COVERED', `no declared policy covers ${image}; declare one that does`) };
}

async function judgeRule(rule: Rule, run: Run): Promise<Judged> {
  const exempt = exemptionOf(rule, run);
  if (exempt !== undefined) return { rule, ...exempt };
  const judged = await judgeByEvidence(rule, run);
  const lapsed = judged.decision.outcome === 'accepted' ? undefined : lapsedFor(rule, run);
  if (lapsed === undefined) return judged;
  const { outcome, reason: why } = judged.decision;
  return { ...judged, decision: { outcome, reason: reasonWithSuffix(why, `; ${lapsed}`) } };
}

async function judgeByEvidence(rule: Rule, run: Run): Promise<Judged> {
  const { engine, request, ports, image, maxSignatures, onBug } = run;
  try {
    if ('judge' in rule) {
      const { store: recorded, ...others } = ports;
      const store = recorded ?? rule.store ?? engine.store;
      const subject = () => image.subject(rule.store);
      return { rule, ...(await rule.judge({ request, subject, ports: others, store, maxSignatures, onBug })) };
    }
    const store = storeFor(rule, run);
    const subject = await image.subject(rule.store);
    return { rule, ...(await evaluateRule({ rule, request, subject, ports: { ...ports, store }, maxSignatures, onBug })) };
  } catch (error) {
    return { rule, decision: reasonOf(error, onBug), reports: [] };
  }
}

/** What satisfies `rule` without its evidence: then nothing at all is read for it. */
function exemptionOf(rule: Rule, { engine, request, ports }: Run): (Evaluation & { readonly exemption: string }) | undefined {
  for (const { name, exempts, covers } of engine.exemptions ?? []) {
    const found = exempts(rule) ? covers(request, ports.now) : undefined;
    if (found === undefined) continue;
    return {
      exemption: name,
      decision: { outcome: 'accepted', reason: found.reason },
      reports: [],
      ...(found.validUntil && { validUntil: found.validUntil }),
      ...(found.record && { records: [found.record] }),
    };
  }
  return undefined;
}

function lapsedFor(rule: Rule, { engine, request, ports }: Run): string | undefined {
  for (const exemption of engine.exemptions ?? []) {
    const why = exemption.exempts(rule) ? exemption.lapsed?.(request, ports.now) : undefined;
    if (why !== undefined) return cut(why, 100);
  }
  return undefined;
}

/** The store that a rule over referrers reads. @throws {EvaluationError} where it has nothing to judge with. */
function storeFor(rule: ReferrerRule, { engine, request, ports }: Run): Store {
  if (rule.verifiers.length === 0)
    throw new EvaluationError('NO_VERIFIER', `no Verifier belongs to policy ${quoted(rule.name)}; declare one`);
  const store = ports.store ?? rule.store ?? engine.store;
  if (store === undefined) throw new EvaluationError('NO_STORE', 'no Store is declared; declare one in the namespace or for the cluster');
  assertAnswers(store, request);
  return store;
}

function assertAnswers(store: Store, { reference: { registry } }: Request): void {
  if (!store.answersFor(registry))
    throw new EvaluationError('NO_STORE', `no Store answers for registry ${quoted(registry)}; declare one that does`);
}

/** The image that is asked for, looked up in each store when the first rule needs it there. */
interface Image {
  readonly subject: (from: Store | undefined) => Promise<Subject>;
  /** What came of it so far. */
  readonly found: () => readonly Resolution[];
}

interface Resolution {
  readonly subject: Subject;
  readonly tagUntil: Date | undefined;
}

function resolveOnce({ store: own }: Engine, request: Request, ports: EvaluationPorts): Image {
  const pending = new Map<Store | undefined, Promise<Subject>>();
  const found: Resolution[] = [];
  const resolve = async (store: Store | undefined): Promise<Subject> => {
    if (store === undefined) throw new EvaluationError('NO_STORE', 'no Store is declared; declare one in the namespace or for the cluster');
    assertAnswers(store, request);
    ports.signal.throwIfAborted();
    const { freshUntil: tagUntil, ...descriptor } = await store.resolve(request.reference, ports.signal);
    assertAsked(request, descriptor);
    const { registry, path } = request.reference;
    const subject = { repository: { registry, path }, descriptor };
    found.push({ subject, tagUntil });
    return subject;
  };
  return {
    subject: (from) => {
      const store = ports.store ?? from ?? own;
      const known = pending.get(store) ?? resolve(store);
      pending.set(store, known);
      return known;
    },
    found: () => found,
  };
}

/** A tag that a namespace's own Store reads as another image than the cluster's: what one of them verified need not be what runs. */
function otherwiseRead(found: readonly Resolution[]): Decision | undefined {
  const [first, other] = [...new Set(found.map(({ subject }) => subject.descriptor.digest))];
  if (first === undefined || other === undefined) return undefined;
  const message = `the Stores of namespace and cluster resolve the tag differently: ${shortDigest(first)} and ${shortDigest(other)}; use a digest`;
  return { outcome: 'refused', reason: reason('CONTENT_INVALID', message) };
}

function assertAsked({ reference }: Request, { digest }: Descriptor): void {
  if (reference.digest === undefined || reference.digest === digest) return;
  const message = `the store resolved to another image: expected ${shortDigest(reference.digest)}, got ${shortDigest(digest)}`;
  throw new EvaluationError('CONTENT_INVALID', message);
}

function misconfigured(code: string, message: string): Found {
  return { decision: { outcome: 'misconfigured', reason: reason(code, message) } };
}

/** Of the rules' decisions the one that outweighs the others; the first of these decides. */
function conclude(judged: readonly Judged[], subject: Subject | undefined): Found {
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
  const ends = judged.map(({ validUntil }) => validUntil).reduce(earliest, earliestChange(reports, outcome));
  const validUntil = outcome === 'accepted' || outcome === 'refused' ? earliest(fresh, ends) : undefined;
  // An accept without a look at the registry is for the digest that was asked for.
  const digest = subject?.descriptor.digest ?? (outcome === 'accepted' ? request.reference.digest : undefined);
  return {
    ...decision,
    reference: request.reference,
    ...(digest === undefined ? {} : { digest }),
    reports,
    policy,
    rules: judged.map(({ rule: { name, family, group }, decision: said, exemption }) => ({
      name,
      family,
      ...(group === undefined || group === family ? {} : { group }),
      ...said,
      ...(exemption === undefined ? {} : { exemption }),
    })),
    records: judged.flatMap(({ records }) => records ?? []),
    revision: engine.revision,
    ...(validUntil === undefined ? {} : { validUntil }),
  };
}
