import type { Outcome } from '../engine/types.ts';
import { CodedError } from '../lib/errors.ts';

/** Exit code of a command line that cannot be run; *misconfigured* has the same. */
export const EXIT_MISUSE = 3;

/** Exit code of a defect of ours; *unavailable* has the same. */
export const EXIT_INTERNAL = 2;

const EXIT_CODES: Readonly<Record<Outcome, number>> = { accepted: 0, refused: 1, unavailable: 2, misconfigured: 3 };

/** A command line that makes no sense. */
export class MisuseError extends CodedError {
  readonly code = 'MISUSE';
}

/** The exit code of several outcomes: the worst decides. Of none, that of misuse. */
export function exitCodeOf(outcomes: readonly Outcome[]): number {
  return outcomes.length === 0 ? EXIT_MISUSE : Math.max(...outcomes.map((outcome) => EXIT_CODES[outcome]));
}
