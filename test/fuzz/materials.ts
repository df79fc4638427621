import type { Reference } from './reference.ts';
import type { SignatureWatch } from './signature-watch.ts';
import type { Target } from './target.ts';
import type { Vectors } from './vectors.ts';

/** What targets are made of. */
export interface Materials {
  /** More seeds; none for the same run on every machine. */
  readonly vectors: Vectors;
  readonly watch: SignatureWatch;
  /** Absent where there is no Go to build it with. */
  readonly reference?: Reference;
}

export type CreateTarget = (materials: Materials) => Target | Promise<Target>;
