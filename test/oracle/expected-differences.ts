import type { Pair } from './compare.ts';

/** A difference that is meant: where it comes from, and which pairs of answers it explains. */
export interface ExpectedDifference {
  readonly id: string;
  readonly why: string;
  readonly matches: (pair: Pair) => boolean;
}

/** Never used where we accept what the reference refuses. */
export const EXPECTED_DIFFERENCES: readonly ExpectedDifference[] = [];
