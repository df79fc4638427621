import { reasonWithSuffix } from './reason.ts';
import type { Outcome, Reason, VerifierReport } from './types.ts';

/** Why one or more good reports accept: the first that was read, else the first that was skipped. */
export function acceptingReason(reports: readonly VerifierReport[]): Reason | undefined {
  const accepted = reports.filter(({ outcome }) => outcome === 'accepted');
  return (accepted.find(({ reason }) => reason.code !== 'SKIPPED') ?? accepted[0])?.reason;
}

/** Why reports do not accept: the first reason of `outcome`, and how many others have that outcome. */
export function failingReason(reports: readonly VerifierReport[], outcome: Exclude<Outcome, 'accepted'>): Reason | undefined {
  const failed = reports.filter((report) => report.outcome === outcome);
  const [first] = failed;
  if (first === undefined || failed.length === 1) return first?.reason;
  return reasonWithSuffix(first.reason, ` (and ${failed.length - 1} more ${outcome})`);
}

/** The earliest instant at which one of the reports that `outcome` rests on may change; nested ones count. */
export function earliestChange(reports: readonly VerifierReport[], outcome: Outcome): Date | undefined {
  return reports
    .filter((report) => report.outcome === outcome)
    .map((report) => earliest(report.validUntil, earliestChange(report.nested, outcome)))
    .reduce(earliest, undefined);
}

/** The earlier of two instants; an absent one is never. */
export function earliest(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a <= b ? a : b;
}
