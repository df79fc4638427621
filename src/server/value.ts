import type { RuleVerdict, Verdict, VerifierReport } from '../engine/types.ts';
import { referenceText } from '../oci/reference.ts';

/** Names one response; both fields are volatile: they differ between two answers that say the same. */
export interface Stamp {
  readonly traceId: string;
  readonly timestamp: string;
}

const MAX_VALUE = 16 * 1024; /* bytes; design.md 3 */
/** What the volatile members, the count of omitted reports and the punctuation need at most. */
const RESERVED = 256;
const MAX_TEXT = 512;
/** Rules that are told of; with their names cut they take a third of a value. */
const MAX_RULES = 12;

/**
 * The part of a `value` that is the same whenever the verdict is: all but `version`, `isSuccess`, `traceID` and `timestamp`.
 * Ratify's result 0.2.0 and what we add to it, as JSON members; reports beyond 16 KiB are counted in `omittedReports`.
 */
export function stableMembers(verdict: Verdict): string {
  const head = members({
    outcome: verdict.outcome,
    reason: verdict.reason,
    digest: verdict.digest ?? null,
    policy: verdict.policy === '' ? null : cut(verdict.policy),
    rules: verdict.rules.slice(0, MAX_RULES).map(ruleOf),
    ...(verdict.records.length === 0 ? {} : { records: verdict.records.slice(0, MAX_RULES) }),
    revision: verdict.revision,
    validUntil: verdict.validUntil?.toISOString() ?? null,
  });
  const subject = referenceText(verdict.reference);
  const all = verdict.reports.length > 0 || verdict.outcome === 'accepted' ? verdict.reports : [undefined];
  const { kept, omitted } = keepWithin(
    all,
    MAX_VALUE - RESERVED - Buffer.byteLength(head),
    (report) => (report === undefined ? reportWithoutArtifact(verdict, subject) : reportOf(report, subject)),
    (report) => (report === undefined ? reportWithoutArtifact(verdict, subject) : briefReport(report, subject)),
  );
  return `"verifierReports":[${kept.join(',')}],${omitted > 0 ? `"omittedReports":${omitted},` : ''}${head}`;
}

/** A whole `value` in Ratify v1's shape around members of `stableMembers`. */
export function valueV1(accepted: boolean, stable: string, stamp: Stamp): string {
  return `{"version":"0.2.0","isSuccess":${accepted},"traceID":"${stamp.traceId}","timestamp":"${stamp.timestamp}",${stable}}`;
}

/** A whole `value` in Ratify v2's shape (`succeeded`, `artifactReports`), with our own members beside. */
export function valueV2(verdict: Verdict): string {
  const head = members({
    succeeded: verdict.outcome === 'accepted',
    outcome: verdict.outcome,
    reason: verdict.reason,
    digest: verdict.digest ?? null,
    policy: verdict.policy === '' ? null : cut(verdict.policy),
    rules: verdict.rules.slice(0, MAX_RULES).map(ruleOf),
    ...(verdict.records.length === 0 ? {} : { records: verdict.records.slice(0, MAX_RULES) }),
    revision: verdict.revision,
    validUntil: verdict.validUntil?.toISOString() ?? null,
  });
  const subject = referenceText(verdict.reference);
  const { kept, omitted } = keepWithin(
    verdict.reports,
    MAX_VALUE - RESERVED - Buffer.byteLength(head),
    (report) => artifactReport(report, subject),
    (report) => artifactReport({ ...report, nested: [], detail: {} }, subject),
  );
  return `{${head},"artifactReports":[${kept.join(',')}]${omitted > 0 ? `,"omittedReports":${omitted}` : ''}}`;
}

/** Renders as many of `all` as `budget` bytes hold, each whole or else in brief; the first that fits neither way ends it. */
function keepWithin<T>(all: readonly T[], budget: number, whole: (entry: T) => unknown, brief: (entry: T) => unknown) {
  const kept: string[] = [];
  let left = budget;
  for (const entry of all) {
    let json = JSON.stringify(whole(entry));
    if (Buffer.byteLength(json) + 1 > left) json = JSON.stringify(brief(entry));
    left -= Buffer.byteLength(json) + 1;
    if (left < 0) break;
    kept.push(json);
  }
  return { kept, omitted: all.length - kept.length };
}

function ruleOf({ name, family, group, outcome, reason, exemption }: RuleVerdict): Record<string, unknown> {
  const sort = group === undefined ? { family } : { family, group };
  return { name: cut(name, 80), ...sort, outcome, reason, ...(exemption === undefined ? {} : { exemption: cut(exemption, 80) }) };
}

function reportOf(report: VerifierReport, subject: string): Record<string, unknown> {
  return {
    ...ratifyReport(report, subject),
    ...extensionsOf(report),
    ...(report.nested.length === 0
      ? {}
      : { nestedResults: report.nested.map((nested) => reportOf(nested, nestedSubject(report, subject))) }),
    reason: report.reason,
    trace: report.trace,
  };
}

function briefReport(report: VerifierReport, subject: string): Record<string, unknown> {
  return { ...ratifyReport(report, subject), reason: report.reason, trace: [] };
}

/** The members of Ratify's report in Ratify's order. */
function ratifyReport(report: VerifierReport, subject: string): Record<string, unknown> {
  const accepted = report.outcome === 'accepted';
  return {
    subject,
    isSuccess: accepted,
    name: cut(report.verifier),
    verifierName: cut(report.verifier),
    type: cut(report.type),
    verifierType: cut(report.type),
    referenceDigest: report.artifact.digest,
    artifactType: cut(report.artifact.artifactType),
    message: accepted ? `${capital(report.type)} signature verification success` : failureMessage(report),
    ...(accepted ? {} : { errorReason: report.reason.message }),
  };
}

function failureMessage(report: VerifierReport): string {
  if (report.nested.some((nested) => nested.outcome !== 'accepted')) return 'nested verification failed';
  return `Failed to validate the ${capital(report.type)} signature`;
}

/** Ratify has a report also for a subject that no verifier looked at; templates that walk the reports rely on it. */
function reportWithoutArtifact(verdict: Verdict, subject: string): Record<string, unknown> {
  return {
    subject,
    isSuccess: false,
    message: `failed to verify artifact: ${subject}`,
    errorReason: verdict.reason.message,
    reason: verdict.reason,
    trace: [],
  };
}

/** Ratify's names: `SN` is the signer's subject name, not a serial number. */
function extensionsOf(report: VerifierReport): Record<string, unknown> {
  const { issuer, subject } = report.detail ?? {};
  if (report.outcome !== 'accepted' || typeof issuer !== 'string' || typeof subject !== 'string') return {};
  return { extensions: { Issuer: cut(issuer), SN: cut(subject) } };
}

function artifactReport(report: VerifierReport, subject: string): Record<string, unknown> {
  return {
    subject,
    artifact: report.artifact.digest,
    results: [
      {
        ...(report.outcome === 'accepted' ? {} : { errorReason: report.reason.message }),
        verifierName: cut(report.verifier),
        description: report.outcome === 'accepted' ? `${capital(report.type)} signature verification success` : failureMessage(report),
        detail: JSON.stringify(report.detail ?? {}),
        reason: report.reason,
      },
    ],
    artifactReports: report.nested.map((nested) => artifactReport(nested, nestedSubject(report, subject))),
  };
}

function nestedSubject(report: VerifierReport, subject: string): string {
  return `${subject.slice(0, repositoryEnd(subject))}@${report.artifact.digest}`;
}

/** Where the repository ends in a canonical reference: before its digest, or before its tag. */
function repositoryEnd(subject: string): number {
  const at = subject.indexOf('@');
  if (at !== -1) return at;
  const colon = subject.indexOf(':', subject.lastIndexOf('/') + 1);
  return colon === -1 ? subject.length : colon;
}

function members(record: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(record).slice(1, -1);
}

function capital(text: string): string {
  return cut(`${text.charAt(0).toUpperCase()}${text.slice(1)}`);
}

function cut(text: string, length = MAX_TEXT): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}
