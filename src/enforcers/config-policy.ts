import { z } from 'zod';
import { defineEnforcer } from '../engine/kinds.ts';
import { worst } from '../engine/outcomes.ts';
import { reason } from '../engine/reason.ts';
import { acceptingReason, failingReason } from '../engine/reports.ts';
import type { Decision, Outcome, PolicyEnforcer, VerifierReport } from '../engine/types.ts';

/** Of the artifacts of one type, one must be good, or every one. */
type Demand = 'any' | 'all';

interface Demands {
  /** Types that are mandatory: an image without an artifact of such a type is refused. */
  readonly listed: ReadonlyMap<string, Demand>;
  /** For types that are not listed, where there is an artifact. */
  readonly otherwise: Demand;
}

const DEFAULT_TYPE = 'default';
const demand = z.enum(['any', 'all']);

/**
 * Ratify's `config-policy`: `artifactVerificationPolicies` says per artifact type whether `any` or `all` artifacts of it must be good,
 * `default` (else `all`) for types that are not listed.
 *
 * Unlike Ratify, values other than these two are an error of the object, and a report that could not be judged makes the image
 * *unavailable* rather than bad, unless something else refuses it.
 */
export const configPolicy = defineEnforcer({
  type: 'config-policy',
  parameters: z.object({ artifactVerificationPolicies: z.record(z.string(), demand).nullish() }),
  create: ({ parameters }) => createEnforcer(parameters.artifactVerificationPolicies ?? {}),
});

function createEnforcer(policies: Readonly<Record<string, Demand>>): PolicyEnforcer {
  const all = new Map(Object.entries(policies));
  const otherwise = all.get(DEFAULT_TYPE) ?? 'all';
  all.delete(DEFAULT_TYPE);
  const demands: Demands = { listed: all, otherwise };
  return {
    type: 'config-policy',
    decide: ({ reports, complete, artifactTypes }) =>
      complete ? decideAll(demands, reports) : decideEarly(demands, reports, artifactTypes),
  };
}

/** What no further report can change. */
function decideEarly(demands: Demands, reports: readonly VerifierReport[], artifactTypes: readonly string[] = ['*']): Decision | undefined {
  const byType = groupByType(reports);
  for (const [type, ofType] of byType) {
    if (demandOf(demands, type) === 'all' && ofType.some(({ outcome }) => outcome === 'refused')) return failure(ofType, 'refused');
  }
  // A registry may call a type `*`; that one being good says nothing of all the others that may follow.
  if (artifactTypes.includes('*')) return undefined;
  // A type of which nothing was seen yet, listed or not, may still bring a bad artifact, or none where one is demanded.
  const expected = new Set([...demands.listed.keys(), ...artifactTypes, ...byType.keys()]);
  const settled = [...expected].every((type) => demandOf(demands, type) === 'any' && isAccepted(byType.get(type)));
  return settled ? acceptance(reports) : undefined;
}

function decideAll(demands: Demands, reports: readonly VerifierReport[]): Decision {
  const byType = groupByType(reports);
  const missing = [...demands.listed.keys()].filter((type) => !byType.has(type));
  const decisions = [
    ...[...byType].map(([type, ofType]) => decideType(demandOf(demands, type), ofType)),
    ...missing.map(
      (type): Decision => ({
        outcome: 'refused',
        reason: reason(
          'NO_SIGNATURES',
          `no artifact of type ${type}, which the policy demands; attach one, or drop the type from the policy`,
        ),
      }),
    ),
  ];
  const outcome = worst(decisions.map((decision) => decision.outcome));
  const deciding = decisions.find((decision) => decision.outcome === outcome);
  if (deciding === undefined) return { outcome: 'refused', reason: reason('NO_SIGNATURES', 'nothing was verified; sign the image') };
  return outcome === 'accepted' ? acceptance(reports) : deciding;
}

/** The reports of one type, of which there is at least one. */
function decideType(wanted: Demand, reports: readonly VerifierReport[]): Decision {
  if (wanted === 'any' && isAccepted(reports)) return acceptance(reports);
  const outcomes = reports.map(({ outcome }) => outcome).filter((outcome) => outcome !== 'accepted');
  if (outcomes.length === 0) return acceptance(reports);
  // Under `any` a refusal is not the last word as long as one artifact could not be judged: it may be the good one.
  const unjudged = outcomes.filter((outcome) => outcome !== 'refused');
  return failure(reports, (wanted === 'any' ? worst(unjudged) : undefined) ?? worst(outcomes) ?? 'unavailable');
}

function acceptance(reports: readonly VerifierReport[]): Decision {
  const why = acceptingReason(reports);
  if (why === undefined) return { outcome: 'refused', reason: reason('NO_SIGNATURES', 'nothing was accepted; sign the image') };
  return { outcome: 'accepted', reason: why };
}

function failure(reports: readonly VerifierReport[], outcome: Outcome): Decision {
  if (outcome === 'accepted') return acceptance(reports);
  return { outcome, reason: failingReason(reports, outcome) ?? reason('INTERNAL', `no report is ${outcome}`) };
}

function demandOf({ listed, otherwise }: Demands, type: string): Demand {
  return listed.get(type) ?? otherwise;
}

function isAccepted(reports: readonly VerifierReport[] | undefined): boolean {
  return reports?.some(({ outcome }) => outcome === 'accepted') ?? false;
}

function groupByType(reports: readonly VerifierReport[]): ReadonlyMap<string, readonly VerifierReport[]> {
  return Map.groupBy(reports, ({ artifact }) => artifact.artifactType);
}
