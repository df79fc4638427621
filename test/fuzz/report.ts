import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finding, Report } from './run.ts';

const COLUMNS = ['target', 'executions', 'accepted', 'reached', 'oracles', 'stricter', 'slowest ms', 'per second', 'findings'] as const;

/** A line for each target, and below what was found and what was accepted on purpose. */
export function textOf(reports: readonly Report[]): string {
  const rows = reports.map(rowOf);
  const widths = COLUMNS.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  return [line(COLUMNS), ...rows.map(line), ...reports.flatMap(leniencies), ...reports.flatMap(findings)].join('\n');
}

/** What a program can read of a report: the inputs are in files. */
export function plainOf(report: Report) {
  return { ...report, findings: report.findings.map((finding) => ({ ...finding, bytes: undefined, file: save(report.target, finding) })) };
}

function rowOf({
  target,
  executions,
  accepted,
  reached,
  consulted,
  stricter,
  slowestMs,
  elapsedMs,
  findings: found,
}: Report): readonly string[] {
  const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((total, count) => total + count, 0);
  const perSecond = Math.round(executions / Math.max(1, elapsedMs / 1000));
  return [
    target,
    ...[executions, accepted, reached, sum(consulted), sum(stricter), slowestMs.toFixed(1), perSecond, found.length].map(String),
  ];
}

function leniencies({ target, lenient }: Report): readonly string[] {
  return Object.entries(lenient).map(([id, count]) => `${target}: ${count} accepted on purpose: ${id}`);
}

function findings(report: Report): readonly string[] {
  return report.findings.flatMap((finding) => [
    `\n${report.target}: ${finding.kind}, ${finding.count} times: ${finding.why}`,
    `  input ${finding.index} of seed ${report.seed}: npm run fuzz -- ${report.target} --replay ${save(report.target, finding)}`,
  ]);
}

function save(target: string, { bytes }: Finding): string {
  const folder = join(tmpdir(), 'countersign-fuzz', target);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, createHash('sha256').update(bytes).digest('hex').slice(0, 16));
  writeFileSync(path, bytes);
  return path;
}
