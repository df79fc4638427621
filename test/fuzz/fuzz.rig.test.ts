import { describe, expect, it } from '@jest/globals';
import { ensureTools } from '../rig/build.ts';
import { fuzz, PATIENCE_MS } from './command.ts';
import type { Report } from './run.ts';

/** Inputs for each target that Go has a reader for. */
const RUNS: Readonly<Record<string, number>> = {
  ...{ dn: 4000, pem: 4000, 'trust-policy': 4000, certificate: 800, jws: 500, cose: 500, ocsp: 400, crl: 600, cms: 300 },
};

describe("Go's readers", () => {
  it.each(Object.entries(RUNS))(
    '%s: take what we take of %i inputs, and read the same in it',
    async (target, runs) => {
      await ensureTools(['oracle']);
      const { out } = await fuzz(target, '--runs', String(runs), '--seed', 'rig', '--no-vectors', '--reference', '-o', 'json');
      const [report] = JSON.parse(out) as [Report];
      expect(report.findings).toEqual([]);
      expect(report.consulted.go).toBeGreaterThanOrEqual(report.accepted);
      expect(report.accepted).toBeGreaterThan(runs / 20);
    },
    PATIENCE_MS,
  );
});
