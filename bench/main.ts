/** `npm run bench [-- --quick] [--only SCENARIO] [--json FILE]`: counts and ratios, as a table, and as JSON if asked. Exits 1 if a figure is missed. */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { signatureCheckMicroseconds } from './calibrate.ts';
import { coldCounts, coldCpu, shared, startAndMemory } from './cold.ts';
import { hot } from './hot.ts';
import { lists } from './lists.ts';
import { createBench } from './provider.ts';
import { type Figure, table } from './report.ts';
import { revocationCpu, revocationRequests } from './revocation.ts';
import { signatureCpu } from './signature.ts';

import { trustStores } from './trust.ts';

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'string' }, only: { type: 'string' } },
});
const scale = values.quick ? 0.1 : 1;
const bench = await createBench();
const figures: Figure[] = [];
try {
  const scenarios: readonly (readonly [string, () => Promise<Figure[]>])[] = [
    ['registry requests, cold', () => coldCounts(bench)],
    ['shared work', () => shared(bench)],
    ['CPU, cold', () => coldCpu(bench, { images: 2_000 * scale, signatureCheckMicroseconds: signatureCheckMicroseconds() })],
    ['CPU, revocation', () => revocationCpu(bench, { images: 1_000 * scale, signatureCheckMicroseconds: signatureCheckMicroseconds() })],
    ['CPU, signatures', () => signatureCpu(1_000 * scale, signatureCheckMicroseconds())],
    ['requests to responders', () => revocationRequests(bench, 2_000 * scale)],
    ['revocation lists', () => lists()],
    ['trust stores', () => trustStores(bench, { images: 1_000 * scale, signatureCheckMicroseconds: signatureCheckMicroseconds() })],
    ['hot keys', () => hot(bench, { requests: 20_000 * scale })],
    ['start and memory', () => startAndMemory(bench, 10_000 * scale)],
  ];
  for (const [name, scenario] of scenarios) {
    if (values.only !== undefined && !name.includes(values.only)) continue;
    console.error(`measuring: ${name}`);
    figures.push(...(await scenario()));
  }
} catch (error) {
  // Registries and connections of a scenario that failed would keep the process.
  console.error(error);
  process.exit(1);
} finally {
  bench.dispose();
}
const machine = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism() };
console.log(`node ${machine.node}, ${machine.cores} x ${machine.cpu}\n\n${table(figures)}`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, figures }, undefined, 2)}\n`);
process.exitCode = figures.every((figure) => figure.reached) ? 0 : 1;
