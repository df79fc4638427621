import type { TestRow } from './rows.ts';
import type { Claims } from './rules.ts';

/** Which suites hold a claim, by what it names: the number of a case, a mark, or the whole name of a test. */
export type Suites = (tests: readonly (number | string)[]) => readonly string[];

export function suitesOf(rows: readonly TestRow[]): Suites {
  const files = new Map<number | string, Set<string>>();
  for (const { file, name, cases, marks } of rows) {
    for (const key of [name, ...cases, ...marks]) files.set(key, (files.get(key) ?? new Set()).add(file));
  }
  return (tests) => [...new Set(tests.flatMap((test) => [...(files.get(test) ?? [])]))].sort();
}

/** What does not fit together: claims without a test, tests without a claim, and differences that one of two tables lacks. */
export function problems(claims: Claims, rows: readonly TestRow[], oracleIds: readonly string[]): readonly string[] {
  return [...untested(claims, rows), ...unclaimed(claims, rows), ...unexplained(claims), ...unlisted(claims, oracleIds)];
}

/** Every case that a rule names. */
export function casesOf({ areas }: Claims): ReadonlySet<number> {
  return new Set(areas.flatMap(({ rules }) => rules.flatMap(([, , tests]) => tests.filter((test) => typeof test === 'number'))));
}

function untested(claims: Claims, rows: readonly TestRow[]): string[] {
  const suites = suitesOf(rows);
  const excused = new Set(claims.noTests.flatMap(({ cases }) => cases));
  const lacking = (who: string, tests: readonly (number | string)[]): string[] =>
    tests
      .filter((test) => suites([test]).length === 0 && !(typeof test === 'number' && excused.has(test)))
      .map((test) => `${who}: no test is named ${typeof test === 'number' ? `by case ${test}` : JSON.stringify(test)}`);
  return [
    ...claims.areas.flatMap(({ rules }) => rules.flatMap(([rule, , tests]) => lacking(rule, tests))),
    ...claims.differences.flatMap(({ id, tests }) => lacking(`difference ${id}`, tests)),
    ...claims.followed.flatMap(({ id, tests }) => lacking(`agreement ${id}`, tests)),
    ...claims.weakPoints.flatMap(({ ratify, tests }) => lacking(`weak point "${ratify}"`, tests)),
    ...[...excused].filter((number) => suites([number]).length > 0).map((number) => `case ${number} has a test and a reason to have none`),
  ];
}

function unclaimed(claims: Claims, rows: readonly TestRow[]): string[] {
  const known = casesOf(claims);
  const strange = rows.flatMap(({ file, name, cases }) =>
    cases.filter((number) => !known.has(number)).map((number) => ({ file, name, number })),
  );
  return strange.map(({ file, name, number }) => `${file}: "${name}" begins with ${number}, which is no case of any rule`);
}

function unexplained({ areas, differences }: Claims): string[] {
  const names = new Set(areas.map(({ name }) => name));
  const ids = differences.map(({ id }) => id);
  const used = new Set(areas.flatMap(({ rules }) => rules.flatMap(([, , , differs = []]) => differs)));
  return [
    ...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `difference ${id} is there twice`),
    ...[...used].filter((id) => !ids.includes(id)).map((id) => `difference ${id} is named by a rule and is not there`),
    ...ids.filter((id) => !used.has(id)).map((id) => `difference ${id} is named by no rule`),
    ...differences.filter(({ area }) => !names.has(area)).map(({ id, area }) => `difference ${id} is in area ${area}, which is not there`),
    ...differences.filter(({ tests }) => tests.length === 0).map(({ id }) => `difference ${id} names no test`),
  ];
}

function unlisted({ differences }: Claims, oracleIds: readonly string[]): string[] {
  const listed = differences.flatMap(({ oracle = [] }) => oracle);
  return [
    ...oracleIds.filter((id) => !listed.includes(id)).map((id) => `the oracle expects difference ${id}, which is not listed`),
    ...listed
      .filter((id) => !oracleIds.includes(id))
      .map((id) => `difference ${id} is listed as shown by the oracle, which does not know it`),
  ];
}
