import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { EXPECTED_DIFFERENCES } from '../oracle/expected-differences.ts';
import { casesOf, problems } from './join.ts';
import { PAGE, renderPage } from './page.ts';
import { rowsIn, testRows } from './rows.ts';
import { CLAIMS, type Claims } from './rules.ts';
import { vectorCounts } from './vector-files.ts';

const rows = testRows();
const oracleIds = EXPECTED_DIFFERENCES.map(({ id }) => id);

describe('the conformance page', () => {
  it('has a test for every claim, and a claim for every case and every difference', () => {
    expect(problems(CLAIMS, rows, oracleIds)).toEqual([]);
  });

  it('is up to date: npm run conformance', () => {
    expect(readFileSync(PAGE, 'utf8')).toBe(renderPage(CLAIMS, rows, vectorCounts()));
  });

  // The list of cases is kept beside the repository, not in it.
  const list = join(import.meta.dirname, '../../../shared/reference/notation.md');
  (existsSync(list) ? it : () => undefined)('knows every numbered case of the list', () => {
    const [, section = ''] = /\n## 12\. [^\n]*\n([\s\S]*?)\n## 13\. /.exec(readFileSync(list, 'utf8')) ?? [];
    const numbered = [...section.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number));
    expect(numbered.length).toBeGreaterThan(300);
    expect([...casesOf(CLAIMS)].sort((a, b) => a - b)).toEqual(numbered);
  });
});

describe('what does not fit', () => {
  const claims = (over: Partial<Claims>): Claims => ({ areas: [], differences: [], followed: [], noTests: [], weakPoints: [], ...over });
  const row = (name: string, ...cases: readonly number[]) => ({ file: 'a/b', name, cases, marks: [] });
  const first = row('1 a', 1);
  const areas: Claims['areas'] = [{ name: 'area', rules: [['a rule', 'a place', [1], ['D1']]] }];
  const difference = { id: 'D1', area: 'area', reference: '', ours: '', reason: '', tests: ['1 a'], oracle: ['D1'] };
  const fitting = claims({ areas, differences: [difference] });

  it('is nothing where everything fits', () => {
    expect(problems(fitting, [first], ['D1'])).toEqual([]);
  });

  it.each<[string, Claims, readonly ReturnType<typeof row>[], readonly string[], string]>([
    ['a case without a test', fitting, [row('1 a')], ['D1'], 'a rule: no test is named by case 1'],
    ['a test of no case', fitting, [first, row('2 b', 2)], ['D1'], 'a/b: "2 b" begins with 2, which is no case of any rule'],
    [
      'a test that is named and not there',
      { ...fitting, weakPoints: [{ ratify: 'w', ours: '', tests: ['gone'] }] },
      [first],
      ['D1'],
      'weak point "w": no test is named "gone"',
    ],
    ['a difference that only the oracle knows', fitting, [first], ['D1', 'D2'], 'the oracle expects difference D2, which is not listed'],
    [
      'a difference that the oracle does not know',
      fitting,
      [first],
      [],
      'difference D1 is listed as shown by the oracle, which does not know it',
    ],
    [
      'a difference that is not described',
      { ...fitting, differences: [] },
      [first],
      [],
      'difference D1 is named by a rule and is not there',
    ],
    [
      'a difference that no rule names',
      { ...fitting, differences: [difference, { ...difference, id: 'D3', oracle: [] }] },
      [first],
      ['D1'],
      'difference D3 is named by no rule',
    ],
    [
      'an excuse beside a test',
      { ...fitting, noTests: [{ cases: [1], reason: '' }] },
      [first],
      ['D1'],
      'case 1 has a test and a reason to have none',
    ],
  ])('is told: %s', (_what, found, some, ids, problem) => {
    expect(problems(found, some, ids)).toEqual([problem]);
  });

  it('is no case that has a reason to have no test', () => {
    expect(problems({ ...fitting, differences: [difference], noTests: [{ cases: [1], reason: '' }] }, [row('1 a')], ['D1'])).toEqual([]);
  });
});

describe('rows of a suite', () => {
  const casesIn = (source: string) => rowsIn(source, 'x').flatMap(({ cases }) => cases);

  it.each<[string, string, readonly number[]]>([
    ['a name of a test', "it('12 does', () => {})", [12]],
    ['a name of a table', "it.each([1])('12: does %s', () => {})", [12]],
    ['a name of a group', "describe('12 this', () => {})", [12]],
    ['several numbers', "it('12, 13, A-R-25: does', () => {})", [12, 13]],
    ['a row of a table', "it.each([['12 D1 a', 1], ['13 b', 2]])('%s', () => {})", [12, 13]],
    ['a row that begins with its number alone', "it.each([['12', 'a']])('%s', () => {})", [12]],
    ['a row in a constant', "const rows = [['12 a', 1]];", [12]],
    ['a template', `it.each([[\`12 a \${b}\`, 1]])('%s', () => {})`, [12]],
    ['a number that is a value', "it.each([['12', 1]])('%s', () => {})", []],
    ['a comment', "// it('12 does')\n/* ['13 a'] */", []],
    ['a text elsewhere', "expect('12 a').toBe(f('13 b', ['14 c']))", []],
    ['a section', "it.each([['2.2 a', 1]])('%s', () => {})", []],
    ['a date', "it.each([['2025-01-01', 'x']])('%s', () => {})", []],
    ['a number later on', "it('does 12', () => {})", []],
  ])('with %s', (_what, source, expected) => {
    expect(casesIn(source)).toEqual(expected);
  });

  it('have marks, before or after their numbers', () => {
    expect(rowsIn("it('12 D6 A-S-08 does 5.2', () => {})\nit('P4 13 does', () => {})", 'x').map(({ marks }) => marks)).toEqual([
      ['D6', 'A-S-08'],
      ['P4'],
    ]);
  });
});
