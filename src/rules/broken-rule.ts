import { cut, reason } from '../engine/reason.ts';
import type { EvidenceRule, Reason, Request } from '../engine/types.ts';

/** Stands for an object that cannot be used: what it may have been about is *misconfigured*, so that a slip opens nothing. */
export function brokenRule(input: {
  readonly name: string;
  readonly group: string;
  readonly problem: Reason | undefined;
  readonly covers: (request: Request) => boolean;
}): EvidenceRule {
  const { name, group, problem, covers } = input;
  const why = problem?.message ?? 'it cannot be read';
  const said = reason(problem?.code ?? 'CONFIG_INVALID', `${cut(name, 80)} cannot be used: ${why}`);
  return {
    name,
    family: 'countersign',
    group,
    covers,
    judge: async () => ({ decision: { outcome: 'misconfigured', reason: said }, reports: [] }),
  };
}
