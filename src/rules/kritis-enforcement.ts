import { reasonOf } from '../engine/outcomes.ts';
import { cut, reason } from '../engine/reason.ts';
import type { AuditRecord, Evaluation, EvidenceInput, EvidenceRule } from '../engine/types.ts';
import { untilAborted } from '../lib/until-aborted.ts';

export interface Enforcement {
  /** Lets everything through, and records what would not have been. */
  readonly dryRun: boolean;
}

/** A dry run that waited for its evidence until the caller's deadline would deny after all. */
const DRY_RUN_MS = 1000;
/** What was let through without being accepted is looked at again after this. */
const DRY_RUN_KEPT_MS = 5000;

/** `rule` with a record of each denial; in a dry run the denials are accepted. */
export function enforced(rule: EvidenceRule, { dryRun }: Enforcement): EvidenceRule {
  return {
    ...rule,
    judge: async (input) => {
      const evaluation = await (dryRun ? withinLimit(rule, input) : judged(rule, input));
      const { decision, records = [] } = evaluation;
      if (decision.outcome === 'accepted') return evaluation;
      const { code, message } = decision.reason;
      if (!dryRun) return { ...evaluation, records: [...records, recordOf('FailedKritisAdmission', rule, `${code}: ${message}`)] };
      const told = cut(`kritis.dryRun lets it run: ${code}: ${message}`, 230);
      return {
        ...evaluation,
        decision: { outcome: 'accepted', reason: reason('DRY_RUN', told) },
        validUntil: new Date(input.ports.now.getTime() + DRY_RUN_KEPT_MS),
        records: [...records, recordOf('DryRunKritisAdmission', rule, told)],
      };
    },
  };
}

function recordOf(event: string, { name }: EvidenceRule, message: string): AuditRecord {
  return { event, object: name, message };
}

async function judged(rule: EvidenceRule, input: EvidenceInput): Promise<Evaluation> {
  try {
    return await rule.judge(input);
  } catch (error) {
    return { decision: reasonOf(error, input.onBug), reports: [] };
  }
}

async function withinLimit(rule: EvidenceRule, input: EvidenceInput): Promise<Evaluation> {
  const signal = AbortSignal.any([input.ports.signal, AbortSignal.timeout(DRY_RUN_MS)]);
  try {
    return await untilAborted(rule.judge({ ...input, ports: { ...input.ports, signal } }), signal);
  } catch (error) {
    return { decision: reasonOf(error, input.onBug), reports: [] };
  }
}
