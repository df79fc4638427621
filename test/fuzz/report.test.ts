import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { plainOf, textOf } from './report.ts';
import type { Report } from './run.ts';

const REPORT: Report = {
  target: 'der',
  seed: 's',
  executions: 2000,
  accepted: 700,
  reached: 0,
  consulted: { asn1js: 700, go: 30 },
  stricter: { asn1js: 2 },
  lenient: { 'contents of values': 4 },
  slowestMs: 12.34,
  elapsedMs: 4000,
  findings: [{ kind: 'crash', why: 'TypeError: x', index: 17, bytes: Uint8Array.of(0x30, 0x80), count: 3 }],
};

describe('a report', () => {
  it('has a line for each target, what was accepted on purpose, and a file for each finding', () => {
    const [head, line, ...more] = textOf([REPORT]).split('\n');
    expect(head?.split(/ {2,}/)).toEqual([
      'target',
      'executions',
      'accepted',
      'reached',
      'oracles',
      'stricter',
      'slowest ms',
      'per second',
      'findings',
    ]);
    expect(line?.split(/ {2,}/)).toEqual(['der', '2000', '700', '0', '730', '2', '12.3', '500', '1']);
    expect(more).toContain('der: 4 accepted on purpose: contents of values');
    expect(more).toContain('der: crash, 3 times: TypeError: x');
    const [, file = ''] = /input 17 of seed s: npm run fuzz -- der --replay (\S+)/.exec(more.join('\n')) ?? [];
    expect([...readFileSync(file)]).toEqual([0x30, 0x80]);
  });

  it('is data with the files instead of the inputs', () => {
    const { findings, ...counts } = JSON.parse(JSON.stringify(plainOf(REPORT)));
    expect(counts).toEqual({ ...REPORT, findings: undefined });
    expect(findings).toEqual([{ kind: 'crash', why: 'TypeError: x', index: 17, count: 3, file: expect.any(String) }]);
  });
});
