/**
 * Compares our verdicts with the reference's on generated cases: `npm run oracle -- --cases N --seed S [--only MUTATOR]`, and
 * `npm run oracle -- --replay FILE` for a case that an earlier run wrote. Exit 1 if they disagree where they should not.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureTools } from '../rig/build.ts';
import { compare } from './compare.ts';
import { EXPECTED_DIFFERENCES } from './expected-differences.ts';
import { MUTATOR_NAMES } from './generate.ts';
import { type Judge, ourJudge, referenceJudge } from './judges.ts';
import type { OracleCase } from './render.ts';
import { type Count, type Finding, type Report, run } from './run.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    replay: { type: 'string' },
  },
});

const { oracle } = await ensureTools(['oracle'], (line) => console.error(`rig: ${line}`));
const ours = ourJudge();
const reference = referenceJudge(oracle);
try {
  process.exitCode = (await (values.replay === undefined ? compareMany() : replay(values.replay, ours, reference))) ? 0 : 1;
} finally {
  await Promise.all([ours.close(), reference.close()]);
}

async function compareMany(): Promise<boolean> {
  const { only, seed } = values;
  if (only !== undefined && !MUTATOR_NAMES.includes(only))
    throw new Error(`no such mutator: ${only}; there are ${MUTATOR_NAMES.join(', ')}`);
  const started = performance.now();
  const onProgress = (done: number): void => console.error(`${done} cases`);
  const report = await run({ seed, cases: Number(values.cases), ...(only !== undefined && { only }), ours, reference, onProgress });
  print(report);
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s, seed ${seed}`);
  return report.findings.length === 0;
}

function print({ total, byMutator, expected, findings, steps }: Report): void {
  console.log(`${'mutator'.padEnd(42)}  cases reached accepted expected disagreed`);
  for (const [name, count] of [...byMutator].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(row(name, count));
  console.log(row('all', total));
  console.log('\nrefused by both, at another step (ours against the reference):');
  for (const [name, count] of steps) console.log(`${String(count).padStart(6)}  ${name}`);
  console.log('\nexpected differences:');
  for (const { id, why } of EXPECTED_DIFFERENCES) console.log(`${String(expected.get(id) ?? 0).padStart(6)}  ${id}: ${why}`);
  console.log(`\ndisagreements: ${findings.length} causes, ${total.disagreed} cases`);
  for (const finding of findings.toSorted((a, b) => b.count - a.count)) printFinding(finding);
}

function row(name: string, { cases, reached, accepted, expected, disagreed }: Count): string {
  const numbers = [reached, accepted, expected, disagreed].map((number, i) => String(number).padStart([7, 8, 8, 9][i] ?? 8));
  return `${name.padEnd(42)} ${String(cases).padStart(6)} ${numbers.join(' ')}`;
}

function printFinding(finding: Finding): void {
  console.log(`\n${finding.count} × ${finding.cause}`);
  console.log(
    `  mutations: ${finding.plan.mutations.map(({ name }) => name).join(', ') || 'none'} (${finding.plan.base} base, ${finding.plan.seed})`,
  );
  console.log(`  ours: ${finding.ours.outcome} ${finding.ours.reason.code}: ${finding.ours.reason.message}`);
  console.log(
    `  reference: ${finding.reference.outcome} ${finding.reference.reason.code}: ${finding.reference.reason.message.replaceAll('\n', ' ')}`,
  );
  console.log(`  replay: ${save(finding)}`);
}

function save(finding: Finding): string {
  const folder = join(tmpdir(), 'countersign-oracle');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${finding.plan.seed.replaceAll(/[^\w-]/g, '_')}.json`);
  writeFileSync(path, `${JSON.stringify(finding.found)}\n`);
  return path;
}

/** The outcomes on one case again, with all that both said. */
async function replay(path: string, ourSide: Judge, referenceSide: Judge): Promise<boolean> {
  const found = JSON.parse(readFileSync(path, 'utf8')) as OracleCase;
  const [own, foreign] = await Promise.all([ourSide.ask(found), referenceSide.ask(found)]);
  const comparison = compare({ ours: own, reference: foreign, mutators: [] });
  console.log(JSON.stringify({ ours: own, reference: foreign, comparison }, undefined, 2));
  return comparison.kind !== 'disagreed';
}
