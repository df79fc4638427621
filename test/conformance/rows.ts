import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { parseSync } from '@swc/core';

/** A test, or a row of a test's table, by the text that it begins with. */
export interface TestRow {
  /** Below `test`, without `.test.ts`. */
  readonly file: string;
  readonly name: string;
  /** Numbered cases that the name begins with. */
  readonly cases: readonly number[];
  /** Other marks of the leading words: `D17`, `P4`, `A-S-08`, `5.2`. */
  readonly marks: readonly string[];
}

/** Suites whose leading numbers are cases of Notation verification. */
const NUMBERED = ['cli', 'conformance', 'engine', 'lib', 'notation', 'oci', 'stores', 'verifiers', 'x509'];
/** Suites that know other cases, or none. */
const OTHERS = ['config', 'credentials', 'enforcers', 'keys', 'security', 'server'];
/** Its tables are about tables. */
const OWN = 'conformance.test.ts';
const TESTS = join(import.meta.dirname, '..');
const NAMED = new Set(['describe', 'it', 'test']);
const LEADING_CASES = /^\d+(?:, \d+)*(?=$|:? |, )/;
const MARK = /^(?:[DP]\d+|[A-Z]+-[A-Z]+-\d+|\d+\.\d+)$/;

/** All rows of the suites, in the order of files and lines. */
export function testRows(): readonly TestRow[] {
  const others = OTHERS.flatMap(suitesIn).flatMap(rowsOf);
  return [...NUMBERED.flatMap(suitesIn).flatMap(rowsOf), ...others.map((row) => ({ ...row, cases: [] }))];
}

function suitesIn(folder: string): readonly string[] {
  const names = readdirSync(join(TESTS, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.test.ts') && name !== OWN)
    .sort()
    .map((name) => join(folder, name));
}

function rowsOf(path: string): readonly TestRow[] {
  return rowsIn(readFileSync(join(TESTS, path), 'utf8'), path.split(sep).join('/').replace('.test.ts', ''));
}

/**
 * The rows of one suite: texts that name a test or a group of tests, and texts at the beginning of a list inside a list. Comments, and texts
 * anywhere else, are none. A row may begin with nothing but its number, if another text follows.
 */
export function rowsIn(source: string, file: string): readonly TestRow[] {
  const rows: TestRow[] = [];
  const add = (name: string | undefined, isAlone: boolean): void => {
    if (name === undefined) return;
    const [leading = ''] = LEADING_CASES.exec(name) ?? [];
    const cases = leading === '' || (leading === name && isAlone) ? [] : leading.split(', ').map(Number);
    const words = name.slice(cases.length === 0 ? 0 : leading.length).split(/[ :,]+/);
    const rest = words[0] === '' ? words.slice(1) : words;
    const end = rest.findIndex((word) => !MARK.test(word));
    rows.push({ file, name, cases, marks: rest.slice(0, end === -1 ? rest.length : end) });
  };
  visit(parseSync(source, { syntax: 'typescript', target: 'es2024' }), (node) => {
    if (node.type === 'CallExpression' && NAMED.has(rootName(node.callee) ?? '')) add(textOf(argument(node.arguments, 0)), false);
    if (node.type !== 'ArrayExpression') return;
    for (const element of list(node.elements)) {
      const row = property(element, 'expression');
      if (!isNode(row) || row.type !== 'ArrayExpression') continue;
      add(textOf(argument(row.elements, 0)), textOf(argument(row.elements, 1)) === undefined);
    }
  });
  return rows;
}

type Node = Readonly<Record<string, unknown>> & { readonly type: string };

function visit(value: unknown, see: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, see);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (isNode(value)) see(value);
  for (const child of Object.values(value)) visit(child, see);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Of the arguments of a call, or of the elements of a list. */
function argument(values: unknown, at: number): unknown {
  return property(list(values)[at], 'expression');
}

/** `it` of `it.each(table)`. */
function rootName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Identifier') return typeof node.value === 'string' ? node.value : undefined;
  return rootName(property(node, 'object') ?? property(node, 'callee'));
}

/** A text as written; of one with holes, as far as the first. */
function textOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'StringLiteral') return typeof node.value === 'string' ? node.value : undefined;
  if (node.type !== 'TemplateLiteral') return undefined;
  const cooked = property(list(node.quasis)[0], 'cooked');
  return typeof cooked === 'string' ? cooked : undefined;
}
