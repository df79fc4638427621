import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { fuzz, PATIENCE_MS } from './command.ts';
import type { Report } from './run.ts';
import { createTarget, TARGETS } from './targets/all.ts';

/** Inputs for each target: a second or two of an idle processor. */
const RUNS: Readonly<Record<string, number>> = {
  ...{ der: 12_000, cbor: 18_000, json: 20_000, reference: 30_000, dn: 12_000, pem: 12_000, 'trust-policy': 10_000 },
  ...{ certificate: 2500, jws: 1200, cose: 1200, ocsp: 800, crl: 1500, cms: 500, payload: 15_000, pgp: 1000 },
};
describe('fuzzing with a fixed seed', () => {
  it('has a number of inputs for every target', () => {
    expect(Object.keys(RUNS).sort()).toEqual([...TARGETS.keys()].sort());
  });

  it.each(Object.entries(RUNS))(
    '%s: nothing is found in %i inputs, of which some are accepted and reach what they must',
    async (target, runs) => {
      const { code, out } = await fuzz(target, '--runs', String(runs), '--seed', 'test', '--no-vectors', '-o', 'json');
      const [report] = JSON.parse(out) as [Report];
      expect(report.findings).toEqual([]);
      expect(report).toMatchObject({ target, seed: 'test', executions: runs });
      // A generator that only makes garbage would find nothing either.
      expect(report.accepted).toBeGreaterThan(runs / 20);
      expect(Object.values(report.consulted).every((count) => count > 0)).toBe(true);
      expect(code).toBe(0);
    },
    PATIENCE_MS,
  );

  it('is of seeds that are all accepted, and says where a signature is reached', async () => {
    for (const name of TARGETS.keys()) {
      const target = await createTarget(name, { vectors: [], watch: { checks: 0 } });
      const outcomes = await Promise.all(target.seeds.map((seed) => target.execute(seed)));
      expect(`${name}: ${outcomes.map(({ outcome }) => outcome).join()}`).toBe(`${name}: ${target.seeds.map(() => 'accepted').join()}`);
      expect([name, target.verifies]).toEqual([name, ['certificate', 'jws', 'cose', 'ocsp', 'crl', 'cms', 'pgp'].includes(name)]);
    }
  });
});

describe('the command line', () => {
  it.each([
    ['no target', [], 'expected a target'],
    ['a target that there is not', ['nothing'], 'no such target: nothing'],
    ['a number that is none', ['der', '--runs', '1e6'], 'expected a positive whole number for --runs, got "1e6"'],
    ['no inputs', ['der', '--runs', '0'], 'expected a positive whole number for --runs'],
    ['an output that there is not', ['der', '-o', 'yaml'], 'expected -o text or -o json, got yaml'],
    ['an option that there is not', ['der', '--fast'], "Unknown option '--fast'"],
    ['several targets for one input', ['all', '--replay', 'x'], 'expected one target with --replay'],
    ['an input that is not there', ['der', '--replay', join(import.meta.dirname, 'nothing')], 'cannot read'],
  ])(
    'ends with 3 on %s',
    async (_, args, message) => {
      const { code, out, err } = await fuzz(...args);
      expect([code, out]).toEqual([3, '']);
      expect(err).toContain(message);
      expect(err).toContain('Usage: npm run fuzz');
    },
    PATIENCE_MS,
  );

  it(
    'says on -h what there is',
    async () => {
      const { code, out } = await fuzz('-h');
      expect(code).toBe(0);
      for (const word of [...TARGETS.keys(), '--runs', '--seed', '--seconds', '--replay', 'Exit codes']) expect(out).toContain(word);
    },
    PATIENCE_MS,
  );

  it(
    'writes a table, and says of one input that nothing is wrong with it',
    async () => {
      const { code, out } = await fuzz('reference', '--runs', '20', '--no-vectors');
      expect(code).toBe(0);
      expect(out).toMatch(/^target +executions +accepted +reached .*\nreference +20 /);
      const replayed = await fuzz('reference', '--replay', join(import.meta.dirname, 'crashes/reference/host-by-a-capital'));
      expect(replayed).toMatchObject({ code: 0, out: 'nothing is wrong with it: refused\n' });
    },
    PATIENCE_MS,
  );
});
