import { createHash, X509Certificate } from 'node:crypto';
import type { ObjectState } from '../config/engines.ts';
import type { KeyState } from '../config/key-sources.ts';
import type { Diagnostic } from '../config/resources.ts';
import type { KeyProviderStatus, ObjectStatus } from '../config/schema/status.ts';
import { cut } from '../engine/reason.ts';
import type { KeyMaterial, KeySource } from '../engine/types.ts';
import { type KubeObject, member } from './objects.ts';

export interface StatusInput {
  readonly object: KubeObject;
  /** Undefined: declared in a file too, which is the one in force. */
  readonly state: ObjectState | undefined;
  /** What reading the object itself had to say. */
  readonly diagnostics: readonly Diagnostic[];
  /** Of a key provider: what is known of its material. */
  readonly keys: KeyState | undefined;
  readonly now: Date;
}

export type Status = ObjectStatus | KeyProviderStatus;

const MAX_ERROR = 1024;
/** As long as Ratify's. */
const MAX_BRIEF = 100;
const MAX_SUBJECT = 256;
const MAX_ROWS = 50;

/**
 * The status of an object: Ratify's fields and the condition Ready. The same on every replica, but for times; nothing of what is
 * secret is in it, and `lastTransitionTime` changes only with the condition.
 */
export function statusOf(input: StatusInput): Status {
  const finding = findingOf(input);
  const error = cut(finding.error, MAX_ERROR);
  return {
    issuccess: finding.error === '',
    error,
    brieferror: cut(finding.brief, MAX_BRIEF),
    ...keyFields(input),
    conditions: [readyCondition(input, finding), ...otherConditions(input.object)],
  };
}

interface Finding {
  /** Empty: in force as it stands. */
  readonly error: string;
  /** Code and message of the first, without where it is. */
  readonly brief: string;
  readonly reason: string;
  readonly message: string;
}

function findingOf({ state, diagnostics, keys }: StatusInput): Finding {
  if (state === undefined) {
    const error = 'CONFIG_INVALID: declared in a file of the provider too, which is in force; delete one of the two';
    return { error, brief: error, reason: 'CONFIG_INVALID', message: error };
  }
  const all = [...diagnostics, ...state.diagnostics];
  const errors = all.filter(({ severity }) => severity === 'error');
  const stale = state.inForce === 'nothing' ? undefined : keys?.problem;
  const texts = [...errors.map(textOf), ...(stale === undefined || errors.length > 0 ? [] : [staleText(stale, keys)])];
  if (state.inForce === 'lastGood') texts.push('the object stays in force as it last was good, until it is mended or deleted');
  const error = texts.join('; ');
  const first = errors[0] ?? stale ?? { code: 'CONFIG_INVALID', message: 'not applied' };
  const brief = `${first.code}: ${first.message}`;
  if (error !== '') return { error, brief, reason: first.code, message: error };
  if (state.inForce === 'nothing') return { error: brief, brief, reason: first.code, message: first.message };
  const notes = all.filter(({ severity }) => severity !== 'error').map(textOf);
  return { error: '', brief: '', reason: 'Applied', message: notes.join('; ') };
}

function textOf({ code, path, message }: Diagnostic): string {
  return `${code}: ${path === '' ? '' : `${path}: `}${message}`;
}

function staleText({ code, message }: { code: string; message: string }, keys: KeyState | undefined): string {
  const since = keys?.fetchedAt === undefined ? '' : `; what was fetched at ${timeText(keys.fetchedAt)} stays in force`;
  return `${code}: ${message}${since}`;
}

function readyCondition({ object, now }: StatusInput, { error, reason, message }: Finding): NonNullable<Status['conditions']>[number] {
  const status = error === '' ? 'True' : 'False';
  const before = conditionsOf(object).find((condition) => member(condition, 'type') === 'Ready');
  const since = member(before, 'status') === status ? member(before, 'lastTransitionTime') : undefined;
  return {
    type: 'Ready',
    status,
    ...(object.metadata.generation === undefined ? {} : { observedGeneration: object.metadata.generation }),
    lastTransitionTime: typeof since === 'string' ? since : timeText(now.getTime()),
    reason,
    message: cut(message, MAX_ERROR),
  };
}

/** Conditions that somebody else wrote stay. */
function otherConditions(object: KubeObject): NonNullable<Status['conditions']> {
  const others = conditionsOf(object).filter((condition) => member(condition, 'type') !== 'Ready');
  return others as NonNullable<Status['conditions']>; // the API server has checked them against the same schema
}

function conditionsOf(object: KubeObject): readonly unknown[] {
  const conditions = member(object.status, 'conditions');
  return Array.isArray(conditions) ? conditions : [];
}

function keyFields({ state, keys }: StatusInput): Pick<KeyProviderStatus, 'lastfetchedtime' | 'properties'> {
  if (state?.declared.role !== 'keyProvider' || keys === undefined) return {};
  const fetched = keys.fetchedAt === undefined ? '' : timeText(keys.fetchedAt);
  const nameField = state.declared.kind === 'CertificateStore' ? 'CertificateName' : 'Name';
  return {
    ...(keys.triedAt === undefined ? {} : { lastfetchedtime: timeText(keys.triedAt) }),
    ...(keys.material === undefined ? {} : { properties: propertiesOf(keys.material, nameField, fetched) }),
  };
}

/** Ratify's rows, with what is in them: a row for each certificate and key, and one for each source that gives nothing. */
function propertiesOf({ certificates, keys = [], sources }: KeyMaterial, nameField: string, fetched: string): Record<string, unknown> {
  const rowsOf = <T>(items: readonly T[], holds: KeySource['holds'], describe: (item: T) => object) => {
    const found = sources?.filter((source) => source.holds === holds) ?? [{ name: '', version: '', enabled: true, count: items.length }];
    let at = 0;
    return found.flatMap(({ name, version, enabled, count }) => {
      const row = { [nameField]: name, Version: version, Enabled: String(enabled), LastRefreshed: fetched };
      const own = items.slice(at, at + count);
      at += count;
      return enabled ? own.map((item) => ({ ...row, ...describe(item) })) : [row];
    });
  };
  return {
    ...capped('Certificates', rowsOf(certificates, 'certificate', certificateRow)),
    ...capped(
      'Keys',
      rowsOf(keys, 'key', ({ spki }) => ({ Fingerprint: sha256(spki) })),
    ),
  };
}

function capped(name: string, rows: readonly object[]): Record<string, unknown> {
  if (rows.length === 0) return {};
  return { [name]: rows.slice(0, MAX_ROWS), ...(rows.length > MAX_ROWS ? { [`More${name}`]: rows.length - MAX_ROWS } : {}) };
}

function certificateRow(der: Uint8Array): object {
  const certificate = new X509Certificate(der);
  // Last first, as Go and RFC 4514 print a name.
  const subject = certificate.subject.split('\n').reverse().join(',');
  return {
    Subject: cut(printable(subject), MAX_SUBJECT),
    Fingerprint: sha256(der),
    NotAfter: timeText(certificate.validToDate.getTime()),
  };
}

function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** To the second, as Kubernetes writes times. */
function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
