import { describe, expect, it } from '@jest/globals';
import type { Verdict, VerifierReport } from '../../src/engine/types.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { stableMembers, valueV1, valueV2 } from '../../src/server/value.ts';
import { descriptorOf, SIGNATURE } from './fake-engine.ts';

const stamp = { traceId: '8d7d9f2e-3a53-4c5e-9a53-000000000000', timestamp: '2026-01-02T03:04:05.678Z' };

function report(change: Partial<VerifierReport> = {}): VerifierReport {
  return {
    verifier: 'verifier-notation',
    type: 'notation',
    artifact: { ...descriptorOf('signature'), artifactType: SIGNATURE },
    outcome: 'refused',
    reason: { code: 'SIGNATURE_INVALID', message: 'not of a trusted signer' },
    trace: [],
    nested: [],
    ...change,
  };
}

function verdict(change: Partial<Verdict> = {}): Verdict {
  return {
    outcome: 'refused',
    reason: { code: 'SIGNATURE_INVALID', message: 'not of a trusted signer' },
    reference: parseReference('reg.test/app:1'),
    reports: [report()],
    policy: 'ratify-policy',
    rules: [],
    records: [],
    revision: 'r1',
    ...change,
  };
}

const v1 = (of: Verdict) => JSON.parse(valueV1(of.outcome === 'accepted', stableMembers(of), stamp));

describe('a value in Ratify v1’s shape', () => {
  it('has Ratify’s members first and in Ratify’s order', () => {
    const value = v1(verdict());
    expect(Object.keys(value).slice(0, 5)).toEqual(['version', 'isSuccess', 'traceID', 'timestamp', 'verifierReports']);
    expect(Object.keys(value.verifierReports[0]).slice(0, 10)).toEqual([
      'subject',
      'isSuccess',
      'name',
      'verifierName',
      'type',
      'verifierType',
      'referenceDigest',
      'artifactType',
      'message',
      'errorReason',
    ]);
  });

  it.each([['refused'], ['unavailable'], ['misconfigured']] as const)('never calls a report that is %s a success', (outcome) => {
    const value = v1(verdict({ reports: [report({ outcome, detail: { subject: 'CN=a', issuer: 'CN=b' } })] }));
    expect(value.verifierReports[0]).toMatchObject({ isSuccess: false, errorReason: 'not of a trusted signer' });
    expect(value.verifierReports[0].extensions).toBeUndefined();
  });

  it('shows nested reports and says that one of them failed', () => {
    const value = v1(verdict({ reports: [report({ nested: [report()] })] }));
    expect(value.verifierReports[0].message).toBe('nested verification failed');
    expect(value.verifierReports[0].nestedResults[0]).toMatchObject({
      subject: `reg.test/app@${descriptorOf('signature').digest}`,
      isSuccess: false,
    });
  });

  it('has null where there is no digest, policy or end', () => {
    expect(v1(verdict({ policy: '' }))).toMatchObject({ digest: null, policy: null, validUntil: null });
    expect(v1(verdict({ validUntil: new Date(0) })).validUntil).toBe('1970-01-01T00:00:00.000Z');
  });

  it('may be accepted without a report, where an exemption applies', () => {
    expect(v1(verdict({ outcome: 'accepted', reports: [] }))).toMatchObject({ isSuccess: true, verifierReports: [] });
  });

  it.each([
    ['many reports', Array.from({ length: 500 }, () => report())],
    ['a long trace', [report({ trace: Array.from({ length: 2000 }, () => ({ step: 'integrity', action: 'enforce', error: 'x' })) })]],
    ['many nested reports', [report({ nested: Array.from({ length: 500 }, () => report()) })]],
    ['a long artifact type', [report({ artifact: { ...descriptorOf('x'), artifactType: 'x'.repeat(1_000_000) } })]],
    ['long names of signers', [report({ outcome: 'accepted', detail: { subject: '日'.repeat(100_000), issuer: '\n'.repeat(100_000) } })]],
  ])('55: is at most 16 KiB with %s, and keeps the first report', (_case, reports) => {
    for (const text of [valueV1(false, stableMembers(verdict({ reports })), stamp), valueV2(verdict({ reports }))]) {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(16 * 1024);
      const value = JSON.parse(text);
      const shown = (value.verifierReports ?? value.artifactReports).length;
      expect(shown).toBeGreaterThan(0);
      expect(shown + (value.omittedReports ?? 0)).toBe(reports.length);
    }
  });
});

describe('a value in Ratify v2’s shape', () => {
  it.each([
    ['accepted', true],
    ['refused', false],
  ] as const)('of a verdict that is %s has succeeded: %j', (outcome, succeeded) => {
    expect(JSON.parse(valueV2(verdict({ outcome })))).toMatchObject({ succeeded, outcome });
  });
});
