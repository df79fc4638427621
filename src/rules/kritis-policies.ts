import type { FamilyObject } from '../engine/kinds.ts';
import { reasonOf } from '../engine/outcomes.ts';
import { cut, quoted, reason, reasonWithSuffix } from '../engine/reason.ts';
import type { AttestationSource, Decision, Evaluation, EvidenceInput, Outcome, Reference, VerifierReport } from '../engine/types.ts';
import { shortDigest } from '../oci/digest.ts';
import { repositoryText } from '../oci/reference.ts';
import { attestedBy, type Standing } from './kritis-attested.ts';
import type { Authority } from './kritis-authority.ts';
import type { GenericAttestationPolicySpec } from './kritis-specs.ts';
import { tagProblem } from './kritis-tag.ts';

/** A GenericAttestationPolicy with the authorities that it names, as far as they are there. */
interface Policy {
  readonly name: string;
  readonly authorities: readonly Authority[];
  /** Why nothing can be admitted by it. */
  readonly problem: Decision | undefined;
}

export interface PoliciesInput {
  readonly policies: readonly FamilyObject<GenericAttestationPolicySpec>[];
  readonly authorities: readonly FamilyObject<Authority>[];
  readonly sources: readonly AttestationSource[];
}

/**
 * Judges by the GenericAttestationPolicies of a namespace: one that is satisfied is enough, and one is satisfied when all of its authorities
 * have attested the image.
 */
export function judgeByPolicies(declared: PoliciesInput): (input: EvidenceInput) => Promise<Evaluation> {
  const policies = declared.policies.map((policy) => policyOf(policy, declared));
  return async (input) => {
    const usable = policies.filter(({ problem }) => problem === undefined);
    const { reference } = input.request;
    const { digest } = reference;
    if (usable.length === 0) return evaluationOf(policies, [], reference);
    if (digest === undefined) {
      const subject = `${cut(input.request.text, 70)} is not attested by ${namesOf(usable[0]?.authorities ?? [])}`;
      return { decision: { outcome: 'refused', reason: await tagProblem(subject, input) }, reports: [] };
    }
    const authorities = [
      ...new Map(usable.flatMap((policy) => policy.authorities).map((authority) => [authority.name, authority])).values(),
    ];
    const isDecided = (satisfied: ReadonlySet<string>) =>
      usable.some((policy) => policy.authorities.every(({ name }) => satisfied.has(name)));
    return evaluationOf(policies, await attestedBy(authorities, declared.sources, { ...input, digest }, isDecided), reference);
  };
}

function policyOf({ name, part, problem }: FamilyObject<GenericAttestationPolicySpec>, { authorities, sources }: PoliciesInput): Policy {
  const unusable = (code: string, why: string): Policy => {
    const message = `GenericAttestationPolicy ${cut(name, 60)}: ${why}`;
    return { name, authorities: [], problem: { outcome: 'misconfigured', reason: reason(code, message) } };
  };
  if (part === undefined) return unusable(problem?.code ?? 'CONFIG_INVALID', problem?.message ?? 'cannot be used');
  const named: Authority[] = [];
  for (const wanted of new Set(part.attestationAuthorityNames ?? [])) {
    const authority = authorities.find((one) => one.name === wanted);
    if (authority === undefined)
      return unusable('CONFIG_INVALID', `AttestationAuthority ${quoted(wanted, 60)} is not there; declare it in the namespace`);
    if (authority.part === undefined) {
      return unusable(
        'CONFIG_INVALID',
        `AttestationAuthority ${quoted(wanted, 60)} cannot be used: ${authority.problem?.message ?? 'it is broken'}`,
      );
    }
    named.push(authority.part);
  }
  if (named.length === 0)
    return unusable('CONFIG_INVALID', 'attestationAuthorityNames is empty: nothing can be admitted; name an authority');
  if (sources.length === 0) return unusable('CONFIG_INVALID', 'nowhere to look for attestations; set kritis.attestations in the settings');
  return { name, authorities: named, problem: undefined };
}

/** Of policies of which one is enough: what could not be found out outweighs what was refused, since it might have been enough. */
const WEIGHT = { accepted: 3, misconfigured: 2, unavailable: 1, refused: 0 } as const satisfies Record<Outcome, number>;

interface Judged {
  readonly policy: Policy;
  readonly decision: Decision;
}

function evaluationOf(policies: readonly Policy[], standings: readonly Standing[], reference: Reference): Evaluation {
  const judged = policies.map((policy): Judged => ({ policy, decision: decide(policy, standings, reference) }));
  const best = judged.reduce<Judged | undefined>(
    (before, one) => (before !== undefined && WEIGHT[before.decision.outcome] >= WEIGHT[one.decision.outcome] ? before : one),
    undefined,
  );
  if (best === undefined) return { decision: reasonOf(new TypeError('no policy to judge by')), reports: [] };
  const { policy, decision } = best;
  const reports = reportsFor(policy, decision, standings);
  if (decision.outcome === 'accepted' || policies.length === 1) return { decision, reports };
  const suffix = ` (1 of ${policies.length} policies, none satisfied)`;
  return { decision: { outcome: decision.outcome, reason: reasonWithSuffix(decision.reason, suffix) }, reports };
}

/** What the accepted policy rests on; else everything that was looked at. */
function reportsFor({ authorities }: Policy, { outcome }: Decision, standings: readonly Standing[]): readonly VerifierReport[] {
  const shown = outcome === 'accepted' ? standings.filter(({ authority }) => authorities.includes(authority)) : standings;
  return shown.flatMap(({ reports }) => reports);
}

function decide({ name, authorities, problem }: Policy, standings: readonly Standing[], reference: Reference): Decision {
  if (problem !== undefined) return problem;
  const own = authorities.map((authority) => standings.find((standing) => standing.authority === authority));
  const failed = own.filter((standing) => standing?.decision.outcome !== 'accepted');
  // A refusal is certain, whatever the others come to.
  const deciding = failed.find((standing) => standing?.decision.outcome === 'refused') ?? failed[0];
  const by = namesOf(authorities);
  if (failed.length === 0 && own.length > 0) {
    return { outcome: 'accepted', reason: reason('VERIFIED', `attested by ${by}, as GenericAttestationPolicy ${cut(name, 60)} demands`) };
  }
  if (deciding === undefined) return reasonOf(new TypeError('an authority was not looked for'));
  const { outcome, reason: why } = deciding.decision;
  if (outcome !== 'refused') return { outcome, reason: reason(why.code, `whether ${by} attested it is unknown: ${why.message}`) };
  const others = failed.length === 1 ? '' : ` and ${failed.length - 1} more`;
  const message = `${imageText(reference)} is not attested by ${cut(deciding.authority.name, 40)}${others}: ${why.message}`;
  return { outcome, reason: reason(why.code, message) };
}

/** The image with a digest that one can still read: its first 12 digits. */
export function imageText(reference: Reference): string {
  const { digest, tag } = reference;
  const version = digest !== undefined ? `@${shortDigest(digest)}` : tag !== undefined ? `:${cut(tag, 20)}` : '';
  return `${cut(repositoryText(reference), 70)}${version}`;
}

function namesOf(authorities: readonly Authority[]): string {
  const [first, ...more] = authorities.map(({ name }) => cut(name, 30));
  return more.length === 0 ? (first ?? '') : `${first} and ${more.length} more`;
}
