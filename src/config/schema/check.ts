import type { z } from 'zod';
import { quoted } from '../../engine/reason.ts';
import type { ObjectPath } from '../resources.ts';

/** Something that a schema does not allow. */
export interface SchemaProblem {
  readonly path: ObjectPath;
  readonly message: string;
}

/** Parses `value`, or says for each place what was expected and what was found (10 places at most). */
export function check<T>(schema: z.ZodType<T>, value: unknown, at: ObjectPath): { value: T } | { problems: readonly SchemaProblem[] } {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  return {
    problems: parsed.error.issues.slice(0, 10).map((issue) => ({
      path: [...at, ...issue.path.map((segment) => (typeof segment === 'number' ? segment : String(segment)))],
      message: issueMessage(issue, value),
    })),
  };
}

/** `expected string, found number`; of the value itself only short scalars are shown, where the schema lists what it may be. */
export function issueMessage(issue: z.core.$ZodIssue, root: unknown): string {
  const found = valueAt(root, issue.path);
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${article(issue.expected)}, found ${kindOf(found)}`;
    case 'invalid_value':
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}, found ${shown(found)}`;
    case 'too_small':
      return `expected at least ${issue.minimum} ${unit(issue.origin)}, found ${measured(found)}`.replace(' , ', ', ');
    case 'too_big':
      return `expected at most ${issue.maximum} ${unit(issue.origin)}, found ${measured(found)}`.replace(' , ', ', ');
    case 'invalid_format':
      return `expected ${formatOf(issue)}, found ${shown(found)}`;
    case 'invalid_union':
      return `${issue.message.startsWith('expected ') ? issue.message : 'expected one of the documented shapes'}, found ${kindOf(found)}`;
    default:
      return issue.message;
  }
}

function formatOf({ format, pattern }: z.core.$ZodIssueInvalidStringFormat): string {
  if (format === 'datetime') return 'an RFC 3339 time such as 2027-01-31T00:00:00Z';
  return format === 'regex' ? `text like ${pattern ?? 'the documented form'}` : format;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[segment]; // own property of an object, just checked
  }
  return value;
}

const WORDS: Readonly<Record<string, string>> = { record: 'map', object: 'map', array: 'list', int: 'whole number' };

function article(expected: string): string {
  return `a ${WORDS[expected] ?? expected}`;
}

/** The type of a value in YAML's words; never the value. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return quoted(value, 40);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}

function unit(origin: string): string {
  return origin === 'string' ? 'characters' : origin === 'array' ? 'elements' : '';
}

function measured(value: unknown): string {
  if (typeof value === 'string' || Array.isArray(value)) return String(value.length);
  return shown(value);
}
