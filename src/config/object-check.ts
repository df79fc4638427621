import type { z } from 'zod';
import { ConfigProblem } from '../engine/errors.ts';
import { quoted } from '../engine/reason.ts';
import { CodedError, errorText } from '../lib/errors.ts';
import { isMap } from './objects.ts';
import { type Declared, type Diagnostic, type ObjectPath, objectName, parsePath, pathText } from './resources.ts';
import { check } from './schema/check.ts';
import { OBJECT_KINDS } from './schema/kinds.ts';
import { lostField, unknownKeys } from './schema/unknown-keys.ts';

/** Collects what there is to say about one object while it is checked. What fails answers undefined and is an error. */
export interface ObjectCheck {
  readonly declared: Declared;
  readonly diagnostics: readonly Diagnostic[];
  failed(): boolean;
  /** Names the fields of the object and its `spec` that nobody knows. */
  nameUnknownFields(): void;
  spec<T>(schema: z.ZodType<T>): T | undefined;
  /** Parameters by the schema of their type; `known` are keys that somebody else reads. */
  parameters<T>(
    schema: z.ZodType<T>,
    value: Readonly<Record<string, unknown>>,
    known: readonly string[],
    at?: ObjectPath,
  ): { readonly value: T } | undefined;
  /** The entry of `table` for `type`; `what` names the table in the message. */
  kindOf<K>(table: Readonly<Record<string, K>>, type: string, path: ObjectPath, what: string): K | undefined;
  fail(path: ObjectPath, message: string): undefined;
  /** Without a message: nobody knows the field. */
  warn(path: ObjectPath, message?: string): void;
  problem(error: unknown): void;
}

const ENVELOPE: readonly string[] = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];
const PARAMETERS: ObjectPath = ['spec', 'parameters'];

export function checkObject(declared: Declared): ObjectCheck {
  const diagnostics: Diagnostic[] = [];
  const declaredSpec = withoutNulls(declared.object.spec);
  const fail = (path: ObjectPath, message: string): undefined => {
    diagnostics.push(diagnosticOf(declared, 'error', 'CONFIG_INVALID', path, message));
  };
  const unknown = (path: ObjectPath) =>
    void diagnostics.push(diagnosticOf(declared, 'warning', 'UNKNOWN_FIELD', path, `unknown field ${pathText(path)} has no effect`));
  const parse = <T>(schema: z.ZodType<T>, value: unknown, at: ObjectPath): { value: T } | undefined => {
    const checked = check(schema, value, at);
    if ('value' in checked) return checked;
    for (const { path, message } of checked.problems) fail(path, message);
    return undefined;
  };
  return {
    declared,
    diagnostics,
    failed: () => diagnostics.some(({ severity }) => severity === 'error'),
    nameUnknownFields: () => {
      for (const key of Object.keys(declared.object)) if (!ENVELOPE.includes(key)) unknown([key]);
      const schema = OBJECT_KINDS.find(({ kind }) => kind === declared.kind)?.spec;
      for (const path of schema === undefined ? [] : unknownKeys(schema, declaredSpec, ['spec'])) unknown(path);
    },
    spec: (schema) => parse(schema, declaredSpec, ['spec'])?.value,
    parameters: (schema, value, known, at = PARAMETERS) => {
      for (const path of unknownKeys(schema, value, at)) if (!known.includes(String(path[at.length]))) unknown(path);
      const lost = lostField(value, at);
      return lost === undefined ? parse(schema, value, at) : fail(lost, 'a field cannot be named __proto__');
    },
    kindOf: (table, type, path, what) => {
      // `constructor` and its like are no types.
      if (Object.hasOwn(table, type)) return table[type];
      return fail(path, `unknown ${what} ${quoted(type)}; expected ${Object.keys(table).join(' or ')}`);
    },
    fail,
    warn: (path, message) => {
      if (message === undefined) unknown(path);
      else diagnostics.push(diagnosticOf(declared, 'warning', 'CONFIG_HINT', path, message));
    },
    problem: (error) => void diagnostics.push(problemOf(declared, error)),
  };
}

/** A diagnostic about `declared`, with the line of `path`. */
export function diagnosticOf(
  declared: Declared,
  severity: Diagnostic['severity'],
  code: string,
  path: ObjectPath,
  message: string,
): Diagnostic {
  const line = declared.origin.line(path);
  return {
    severity,
    file: declared.origin.file,
    ...(line === undefined ? {} : { line }),
    object: objectName(declared),
    path: pathText(path),
    code,
    message,
  };
}

/** The diagnostic for whatever making an object threw. */
export function problemOf(declared: Declared, error: unknown): Diagnostic {
  if (error instanceof ConfigProblem) return diagnosticOf(declared, 'error', error.code, parsePath(error.path), error.message);
  const code = error instanceof CodedError ? error.code : 'CONFIG_INVALID';
  return diagnosticOf(declared, 'error', code, ['spec'], errorText(error));
}

/** The API server drops nulls of fields that are not nullable; so is it in a file. */
function withoutNulls(spec: unknown): unknown {
  return isMap(spec) ? Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== null)) : spec;
}
