import type { Digest } from '../oci/digest.ts';
import { absenceReason } from './absence.ts';
import { reasonOf } from './outcomes.ts';
import { reason } from './reason.ts';
import type { Decision, Evaluation, Ports, Referrer, ReferrerRule, Request, Subject, Verifier, VerifierReport } from './types.ts';

export interface EvaluateInput {
  readonly rule: ReferrerRule;
  readonly request: Request;
  readonly subject: Subject;
  readonly ports: Ports;
  /** Verifications spent on one image at most, nested ones included. */
  readonly maxSignatures: number;
  readonly onBug: ((error: unknown) => void) | undefined;
}

/** Levels of referrers below the referrers of the image. */
const MAX_NESTING = 2;

/** Looks at the referrers of `subject` until the rule's enforcer has decided. Never rejects. */
export function evaluateRule(input: EvaluateInput): Promise<Evaluation> {
  // By name: which verifier is asked first must not depend on the order of files.
  const verifiers = [...input.rule.verifiers].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const artifactTypes = [...new Set(verifiers.flatMap((verifier) => verifier.artifactTypes))].sort();
  const run: Run = { ...input, verifiers, artifactTypes, seen: new Set([input.subject.descriptor.digest]), spent: { verifications: 0 } };
  return judge(run, input.subject, 0);
}

/** One rule's evaluation of one image, with what it has seen and spent so far. */
interface Run extends EvaluateInput {
  readonly verifiers: readonly Verifier[];
  readonly artifactTypes: readonly string[];
  readonly seen: Set<Digest>;
  readonly spent: { verifications: number };
}

interface Candidate {
  readonly referrer: Referrer;
  readonly verifier: Verifier;
}

async function judge(run: Run, subject: Subject, level: number): Promise<Evaluation> {
  const { rule, request, ports, artifactTypes } = run;
  const reports: VerifierReport[] = [];
  let listed = 0;
  const decide = (complete: boolean) => rule.enforcer.decide({ request, reports: [...reports], complete, artifactTypes });
  try {
    const types = artifactTypes.includes('*') ? [] : artifactTypes;
    for await (const page of ports.store.listReferrers(subject, types, ports.signal)) {
      listed += page.length;
      for (const candidate of candidates(run, page)) {
        ports.signal.throwIfAborted();
        if (run.spent.verifications >= run.maxSignatures) return { decision: tooMany(run.maxSignatures), reports };
        run.spent.verifications += 1;
        reports.push(await reportOn(run, subject, candidate, level));
        const decision = decide(false);
        if (decision !== undefined) return { decision, reports };
      }
    }
    ports.signal.throwIfAborted();
    if (reports.length === 0) return { decision: absence(run, subject, listed), reports };
    return { decision: decide(true) ?? undecided(run), reports };
  } catch (error) {
    return { decision: reasonOf(error, run.onBug), reports };
  }
}

/** The referrers of a page that a verifier takes and that were not seen before, the likely ones first. */
function candidates({ verifiers, seen }: Run, page: readonly Referrer[]): readonly Candidate[] {
  const found: (Candidate & { readonly rank: number })[] = [];
  for (const referrer of page) {
    const verifier = verifiers.find((candidate) => candidate.canVerify(referrer));
    if (verifier === undefined || seen.has(referrer.digest)) continue;
    seen.add(referrer.digest);
    found.push({ referrer, verifier, rank: verifier.rank?.(referrer) ?? 0 });
  }
  return found.sort((a, b) => a.rank - b.rank);
}

async function reportOn(run: Run, subject: Subject, candidate: Candidate, level: number): Promise<VerifierReport> {
  const { referrer, verifier } = candidate;
  const report = await verify(run, subject, candidate);
  if (!verifier.nested || report.outcome !== 'accepted') return report;
  if (level >= MAX_NESTING) {
    const message = `artifacts are nested deeper than ${MAX_NESTING} levels; drop nestedReferences of Verifier ${verifier.name} or attach less`;
    return { ...report, outcome: 'refused', reason: reason('NESTED_REFUSED', message) };
  }
  const nested = await judge(run, { repository: subject.repository, descriptor: referrer }, level + 1);
  const { outcome, reason: why } = nested.decision;
  if (outcome === 'accepted') return { ...report, nested: nested.reports };
  return {
    ...report,
    outcome,
    reason: outcome === 'refused' ? reason('NESTED_REFUSED', `nested verification failed: ${why.message}`) : why,
    nested: nested.reports,
  };
}

async function verify({ request, ports, onBug }: Run, subject: Subject, { referrer, verifier }: Candidate): Promise<VerifierReport> {
  try {
    return await verifier.verify({ request, subject, referrer, ports });
  } catch (error) {
    const failure = reasonOf(error, onBug);
    return {
      verifier: verifier.name,
      type: verifier.type,
      artifact: referrer,
      // A verifier gives its verdicts as values: what it throws is no evidence against the image.
      outcome: failure.outcome === 'misconfigured' ? 'misconfigured' : 'unavailable',
      reason: failure.reason,
      trace: [],
      nested: [],
    };
  }
}

function absence({ verifiers, artifactTypes }: Run, subject: Subject, listed: number): Decision {
  return { outcome: 'refused', reason: absenceReason({ subject, verifiers, artifactTypes, listed }) };
}

function tooMany(maxSignatures: number): Decision {
  const message = `none of the first ${maxSignatures} signatures decides and there are more; delete those that are not yours from the registry`;
  return { outcome: 'refused', reason: reason('TOO_MANY_SIGNATURES', message) };
}

function undecided({ rule, onBug }: Run): Decision {
  return reasonOf(new TypeError(`enforcer ${rule.enforcer.type} did not decide over all reports`), onBug);
}
