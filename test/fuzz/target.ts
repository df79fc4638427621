import type { Random } from '../oracle/random.ts';

/** What a parser made of an input. Its own error is a refusal; anything else that it throws is a crash, and not caught here. */
export interface Execution<T = unknown> {
  readonly outcome: 'accepted' | 'refused';
  /** Whether the input's signature was checked on the way. */
  readonly reached: boolean;
  /** What the oracle needs to know of it. */
  readonly value?: T;
}

/** What another reader says of the same input. */
export interface Opinion {
  readonly accepts: boolean;
  /** Why it refuses, or what it reads differently. */
  readonly why?: string;
  /** Both accept, and read two different things. */
  readonly differs?: boolean;
}

/** Another reader that accepts are compared with. */
export interface Oracle<T = unknown> {
  readonly name: string;
  /** Asked about every input that we accept and some that we refuse. Undefined: it has nothing to say of this one. */
  ask(bytes: Uint8Array, execution: Execution<T>): Opinion | undefined | Promise<Opinion | undefined>;
}

/** Inputs that we accept on purpose although an oracle refuses them or reads them differently. */
export interface Leniency<T = unknown> {
  readonly id: string;
  readonly why: string;
  /** Name of the oracle. */
  readonly against: string;
  applies(opinion: Opinion, bytes: Uint8Array, value: T | undefined): boolean;
}

/** A parser under test, the inputs that it is given, and who is asked about its accepts. */
export interface Target<T = unknown> {
  readonly name: string;
  readonly about: string;
  /** Inputs that the parser is made for; every one is accepted. */
  readonly seeds: readonly Uint8Array[];
  /** Whether it checks signatures, so that some inputs must reach one. */
  readonly verifies: boolean;
  readonly leniencies: readonly Leniency<T>[];
  /** Makes one input; the same choices make the same input, but for signatures. */
  input(random: Random): Uint8Array;
  execute(bytes: Uint8Array): Execution<T> | Promise<Execution<T>>;
  readonly oracles: readonly Oracle<T>[];
}
