import { ensureTools } from '../rig/build.ts';
import { type Reference, startReference } from './reference.ts';
import type { Report } from './run.ts';
import { watchSignatures } from './signature-watch.ts';
import type { Target } from './target.ts';
import { createTarget } from './targets/all.ts';
import { readVectors } from './vectors.ts';

/** What a worker is to do. */
export interface Job {
  readonly target: string;
  readonly runs: number;
  readonly seed: string;
  readonly limitMs: number;
  readonly vectors: boolean;
  readonly reference: boolean;
  /** One Int32: the input that is being tried, and before the first one -1. */
  readonly heartbeat: SharedArrayBuffer;
}

export type Message = { readonly done: number; readonly elapsedMs: number } | { readonly report: Report };

/** A target with all that it needs; `close` ends the process that it asks. */
export async function prepare({ target, vectors, reference }: Pick<Job, 'target' | 'vectors' | 'reference'>): Promise<{
  readonly target: Target;
  close(): Promise<void>;
}> {
  // Where it was thrown and two callers are all that a finding shows, and stacks cost more than most parsers.
  Error.stackTraceLimit = 4;
  const asked: Reference | undefined = reference ? startReference((await ensureTools(['oracle'], report)).oracle) : undefined;
  const materials = { vectors: vectors ? readVectors() : [], watch: watchSignatures(), ...(asked && { reference: asked }) };
  return { target: await createTarget(target, materials), close: async () => asked?.close() };
}

function report(line: string): void {
  console.error(`rig: ${line}`);
}
