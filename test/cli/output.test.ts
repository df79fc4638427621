import { describe, expect, it } from '@jest/globals';
import { verdictData, verdictText } from '../../src/cli/output.ts';
import type { Verified } from '../../src/cli/verify.ts';
import { digestOf } from '../../src/oci/digest.ts';

const digest = digestOf(Buffer.from('a signature'));

/** An accepted image with one signature of which this was found. */
function verified(detail: Readonly<Record<string, unknown>>): Verified {
  const reason = { code: 'VERIFIED', message: 'signed by CN=leaf' };
  const artifact = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest,
    size: 1,
    artifactType: 'application/vnd.cncf.notary.signature',
  };
  const report = { verifier: 'v', type: 'notation', artifact, outcome: 'accepted', reason, detail, trace: [], nested: [] } as const;
  const reference = { registry: 'registry.example.test', path: 'app', tag: 'v1' };
  const verdict = {
    outcome: 'accepted',
    reason,
    reference,
    digest,
    reports: [report],
    policy: 'p',
    rules: [],
    records: [],
    revision: 'r',
  } as const;
  return { image: 'registry.example.test/app:v1', outcome: 'accepted', reason, verdict };
}

const timestamp = { time: '2025-03-01T12:00:00.000Z', accuracySeconds: 0.5, authority: 'CN=TSA' };

describe('what verify says of a timestamp', () => {
  const linesOf = (detail: Readonly<Record<string, unknown>>) => verdictText(verified(detail)).split('\n');

  it('is the time, how far it may be off, and the authority', () => {
    expect(linesOf({ subject: 'CN=leaf', timestamp })).toContain('      timestamp 2025-03-01T12:00:00.000Z (0.5 s either way) by CN=TSA');
    const exact = { ...timestamp, accuracySeconds: 0 };
    expect(linesOf({ subject: 'CN=leaf', timestamp: exact })).toContain('      timestamp 2025-03-01T12:00:00.000Z by CN=TSA');
  });

  it('is nothing where there is none', () => {
    expect(linesOf({ subject: 'CN=leaf' }).filter((line) => line.includes('timestamp'))).toEqual([]);
    expect(linesOf({ subject: 'CN=leaf', timestamp: null }).filter((line) => line.includes('timestamp'))).toEqual([]);
  });

  it('cannot forge a line or move the cursor', () => {
    const forged = linesOf({ timestamp: { ...timestamp, authority: 'CN=a\n\u001b[2K\u202eb' } });
    expect(forged).toContain('      timestamp 2025-03-01T12:00:00.000Z (0.5 s either way) by CN=a??[2K?b');
  });

  it('is in the JSON as it was found', () => {
    expect(verdictData(verified({ timestamp }))).toMatchObject({ reports: [{ detail: { timestamp } }] });
  });
});

describe('what verify says of rules and records', () => {
  const reason = { code: 'NOT_ATTESTED', message: 'not attested by demo-aa' };
  const rule = { name: 'GenericAttestationPolicy', family: 'kritis', outcome: 'refused', reason } as const;
  const other = { name: 'p', family: 'ratify', outcome: 'refused', reason: { code: 'NO_SIGNATURES', message: 'no signature' } } as const;
  const record = { event: 'FailedKritisAdmission', object: 'o', message: 'NOT_ATTESTED: not attested by demo-aa' };
  const accepted = verified({});
  if (accepted.verdict === undefined) throw new TypeError('expected a verdict');
  const verdict = { ...accepted.verdict, outcome: 'refused', reason, reports: [], rules: [rule, other], records: [record] } as const;
  const lines = verdictText({ ...accepted, outcome: 'refused', reason, verdict }).split('\n');

  it('names each rule with its code, and does not repeat the sentence of the verdict', () => {
    expect(lines).toContain('  NOT_ATTESTED: not attested by demo-aa');
    expect(lines).toContain('  rule GenericAttestationPolicy (kritis): refused, NOT_ATTESTED');
    expect(lines).toContain('  rule p (ratify): refused, NO_SIGNATURES: no signature');
    expect(lines).toContain('  recorded: FailedKritisAdmission');
  });

  it('has the message of a record that the verdict does not tell', () => {
    const used = { ...verdict, records: [{ ...record, event: 'ExceptionUsed', message: 'Exception a lets it run' }] };
    expect(verdictText({ ...accepted, reason, verdict: used })).toContain('  recorded: ExceptionUsed: Exception a lets it run\n');
  });
});
