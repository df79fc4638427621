import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { problemsOf } from './run.ts';
import { createTarget, TARGETS } from './targets/all.ts';

const CRASHES = join(import.meta.dirname, 'crashes');
const folders = readdirSync(CRASHES);
const cases = folders.flatMap((target) => readdirSync(join(CRASHES, target)).map((name) => [target, name] as const));

/** Signatures are counted in `fuzz.test.ts`: here is another realm. */
const MATERIALS = { vectors: [], watch: { checks: 0 } };

describe('inputs that found something once', () => {
  it('are of targets that there are', () => {
    expect(cases.length).toBeGreaterThan(0);
    expect(folders.filter((folder) => !TARGETS.has(folder))).toEqual([]);
  });

  it.each(cases)('%s: nothing is wrong with %s any more', async (name, file) => {
    const target = await createTarget(name, MATERIALS);
    expect(await problemsOf(target, new Uint8Array(readFileSync(join(CRASHES, name, file))))).toEqual([]);
  });
});
