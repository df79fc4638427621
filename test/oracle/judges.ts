import { join } from 'node:path';
import { type LineProcess, startLineProcess } from './line-process.ts';
import type { OracleCase } from './render.ts';

export interface Answer {
  readonly id: unknown;
  readonly outcome: string;
  readonly reason: { readonly code: string; readonly message: string };
  readonly results: readonly { readonly type: string; readonly action: string; readonly error: string | null }[];
}

/** A process that judges cases. */
export type Judge = LineProcess<OracleCase, Answer>;

export function ourJudge(): Judge {
  return startLineProcess(process.execPath, [join(import.meta.dirname, '../../src/main.ts'), 'judge']);
}

export function referenceJudge(binary: string): Judge {
  return startLineProcess(binary, []);
}
