/**
 * One rule of Notation verification: in our words; its place in the specifications, or in the reference implementation where they are silent;
 * the tests, each by the number of a case or by another mark that its name begins with; and by id the differences from the reference.
 */
export type Rule = readonly [rule: string, place: string, tests: readonly (number | string)[], differs?: readonly string[]];

export interface Area {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** Where our verdict is another than that of the reference implementation. */
export interface Difference {
  /** D1 … D31 as everybody numbers them, the number of a case, or a name. */
  readonly id: string;
  readonly area: string;
  readonly reference: string;
  readonly ours: string;
  readonly reason: string;
  /** Whether an image can pass here that the reference implementation refuses. */
  readonly passesMore?: true;
  /** What changes it; absent: nothing. */
  readonly setting?: string;
  /** The tests that hold it: number of a case, mark, or the whole name of a test or of a row. */
  readonly tests: readonly (number | string)[];
  /** Rows of the oracle's table that it stands for; absent: a comparison of signature cases cannot show it. */
  readonly oracle?: readonly string[];
}

/** Cases that cannot be a test of ours, and why. */
export interface NoTest {
  readonly cases: readonly number[];
  readonly reason: string;
}

/** Where the specification and the reference implementation differ and we go with the latter. */
export interface Followed {
  readonly id: string;
  readonly specification: string;
  readonly reference: string;
  readonly tests: readonly (number | string)[];
}

/** A weak point of Ratify that is not copied. */
export interface WeakPoint {
  readonly ratify: string;
  readonly ours: string;
  readonly tests: readonly (number | string)[];
}
