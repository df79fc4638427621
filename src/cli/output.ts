import { styleText } from 'node:util';
import type { Diagnostic } from '../config/resources.ts';
import type { Outcome, Reason, RuleVerdict, TraceStep, Verdict, VerifierReport } from '../engine/types.ts';
import { shortDigest } from '../oci/digest.ts';
import { referenceText } from '../oci/reference.ts';
import { adviceFor } from './advice.ts';
import type { Verified } from './verify.ts';

const WORDS: Readonly<Record<Outcome, string>> = {
  accepted: 'ACCEPTED',
  refused: 'REFUSED',
  unavailable: 'UNAVAILABLE',
  misconfigured: 'MISCONFIGURED',
};
const COLOURS = { accepted: 'green', refused: 'red', unavailable: 'yellow', misconfigured: 'magenta' } as const satisfies Record<
  Outcome,
  string
>;
/** What moves a cursor, ends a line or turns the direction of writing. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
/** The same without what `JSON.stringify` escapes or writes itself. */
const CONTROL_IN_JSON = /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The verdict on one image as a person needs it at 2 a.m.: the verdict, why, what to do, then every signature that was looked at. */
export function verdictText({ image, outcome, reason, verdict }: Verified): string {
  const digest = verdict?.digest === undefined ? '' : ` (${shortDigest(verdict.digest)})`;
  const lines = [`${coloured(outcome)} ${clean(image)}${digest}`, `  ${reason.code}: ${clean(reason.message)}`];
  const advice = outcome === 'accepted' ? undefined : adviceFor(reason.code);
  if (advice !== undefined) lines.push(`  to do: ${advice}`);
  if (verdict === undefined) return lines.join('\n');
  const { reports } = verdict;
  if (tellsOfRules(verdict)) lines.push(...verdict.rules.map((rule) => ruleLine(rule, reason)));
  for (const { event, message } of verdict.records)
    lines.push(`  recorded: ${event}${message.includes(reason.message) ? '' : `: ${clean(message)}`}`);
  if (reports.length > 0) lines.push(`  ${reports.length === 1 ? '1 signature was' : `${reports.length} signatures were`} looked at:`);
  for (const report of reports) lines.push(...reportLines(report, reason.code, '  '));
  lines.push(`  image: ${referenceText(verdict.reference)}${verdict.digest === undefined ? '' : `, digest ${verdict.digest}`}`);
  lines.push(
    `  decided by: ${verdict.policy === '' ? 'no policy' : verdict.policy}, revision ${verdict.revision}${until(verdict.validUntil)}`,
  );
  return lines.join('\n');
}

/** The verdict on one image for machines; what there is not is null. */
export function verdictData({ image, outcome, reason, verdict }: Verified): unknown {
  return {
    image,
    outcome,
    reason,
    reference: verdict === undefined ? null : referenceText(verdict.reference),
    digest: verdict?.digest ?? null,
    policy: verdict === undefined || verdict.policy === '' ? null : verdict.policy,
    rules: verdict?.rules ?? [],
    records: verdict?.records ?? [],
    revision: verdict?.revision ?? null,
    validUntil: verdict?.validUntil ?? null,
    reports: verdict?.reports ?? [],
  };
}

/** What a person reads about a declaration: where, what, and how bad. */
export function printDiagnostic({ severity, file, line, object, path, code, message }: Diagnostic): string {
  const where = `${file}${line === undefined ? '' : `:${line}`}`;
  const what = [object, path === '' ? undefined : path].filter((part) => part !== undefined).join(' ');
  return clean(`${severity}: ${where}: ${what === '' ? '' : `${what}: `}${message} (${code})`);
}

/** JSON on several lines, for machines and for people who look over their shoulder: no control character is written as it is. */
export function jsonOf(value: unknown): string {
  return escapeControls(JSON.stringify(value, undefined, 2));
}

/** JSON text whose strings have no control character as it is: terminals obey them, and some readers end a line at U+2028. */
export function escapeControls(json: string): string {
  return json.replace(CONTROL_IN_JSON, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** What came from a registry or a caller, without control characters: nothing in it can move the cursor or forge a line. */
export function clean(text: string): string {
  return text.replace(CONTROL, '?');
}

/** A table with columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One rule of Ratify's says nothing that the verdict does not. */
function tellsOfRules({ rules }: Verdict): boolean {
  return rules.length > 1 || rules.some(({ family }) => family !== 'ratify');
}

/** `decisive` is the reason of the whole verdict, which is not repeated. */
function ruleLine({ name, family, group, outcome, reason, exemption }: RuleVerdict, decisive: Reason): string {
  const by = exemption === undefined ? '' : ` by ${exemption}`;
  const told = reason.message === decisive.message ? '' : `: ${clean(reason.message)}`;
  return `  rule ${clean(name)} (${group ?? family}): ${WORDS[outcome].toLowerCase()}${clean(by)}, ${reason.code}${told}`;
}

function coloured(outcome: Outcome): string {
  return styleText([COLOURS[outcome], 'bold'], WORDS[outcome], { stream: process.stdout });
}

/** A certificate's subject, or the id of a key as the statement has it. */
function signerText(detail: VerifierReport['detail'] = {}): string {
  if (typeof detail.subject === 'string') return `signed by ${clean(detail.subject)}`;
  const key = detail.keyId ?? detail.publicKeyId;
  return typeof key === 'string' ? `names key ${clean(key)}` : 'the signer could not be read';
}

/** `decisive` is the code of the whole verdict, whose advice is not repeated. */
function reportLines(report: VerifierReport, decisive: string, indent: string): string[] {
  const { artifact, detail, outcome, trace, nested } = report;
  const policy = typeof detail?.policy === 'string' ? `, trust policy ${clean(detail.policy)} at level ${clean(String(detail.level))}` : '';
  return [
    `${indent}- ${shortDigest(artifact.digest)} ${clean(artifact.artifactType)}: ${WORDS[outcome].toLowerCase()}`,
    `${indent}    ${signerText(detail)}; verifier ${clean(report.verifier)}${policy}`,
    ...timestampLines(detail?.timestamp).map((line) => `${indent}    ${line}`),
    ...trace.map((step) => `${indent}    ${stepText(step)}`),
    ...failureLines(report, decisive).map((line) => `${indent}    ${line}`),
    ...nested.flatMap((one) => reportLines(one, decisive, `${indent}    `)),
  ];
}

/** When an authority says that it was signed, and how far that may be off. */
function timestampLines(timestamp: unknown): string[] {
  if (typeof timestamp !== 'object' || timestamp === null || !('time' in timestamp)) return [];
  const { time, accuracySeconds, authority } = { accuracySeconds: 0, authority: '', ...timestamp };
  const off = accuracySeconds === 0 ? '' : ` (${String(accuracySeconds)} s either way)`;
  return [`timestamp ${clean(String(time))}${off} by ${clean(String(authority))}`];
}

/** Which failure it was, told once: a step that failed has told it already. */
function failureLines({ outcome, reason, trace }: VerifierReport, decisive: string): string[] {
  if (outcome === 'accepted') return [];
  const told = trace.some(({ action, error }) => action === 'enforce' && error !== null);
  const advice = reason.code === decisive ? undefined : adviceFor(reason.code);
  return [
    ...(told && reason.code === decisive ? [] : [`${reason.code}: ${clean(reason.message)}`]),
    ...(advice === undefined ? [] : [`to do: ${advice}`]),
  ];
}

function stepText({ step, action, error, note }: TraceStep): string {
  if (action === 'skip') return `${step}: skipped`;
  const noted = note === undefined ? '' : `; ${clean(note)}`;
  if (error === null) return `${step}: ok${noted}`;
  return `${step}: ${action === 'log' ? 'failed, logged only' : 'FAILED'}: ${clean(error)}${noted}`;
}

function until(validUntil: Date | undefined): string {
  return validUntil === undefined ? '' : `, valid until ${validUntil.toISOString()}`;
}
