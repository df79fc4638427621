import { join } from 'node:path';
import { casesOf, type Suites, suitesOf } from './join.ts';
import type { TestRow } from './rows.ts';
import type { Claims } from './rules.ts';
import type { Area, Difference, Rule } from './types.ts';
import type { VectorCount } from './vector-files.ts';

export const PAGE = join(import.meta.dirname, '../../docs/conformance.md');

/** The conformance page: what `claims` say, joined with the tests that hold it. */
export function renderPage(claims: Claims, rows: readonly TestRow[], vectors: readonly VectorCount[]): string {
  const suites = suitesOf(rows);
  const sections = [
    introduction(claims),
    reading(claims),
    `## Rules`,
    ...claims.areas.map((area) => rulesOf(area, suites)),
    differences(claims, suites),
    followed(claims, suites),
    weakPoints(claims, suites),
    noTests(claims),
    vectorFiles(vectors),
  ];
  return `${sections.join('\n\n')}\n`;
}

function introduction({ areas, differences: all, noTests: none }: Claims): string {
  const rules = areas.flatMap((area) => area.rules).length;
  const cases = casesOf({ areas, differences: all, followed: [], noTests: none, weakPoints: [] }).size;
  const more = all.filter(({ passesMore }) => passesMore === true);
  const untested = none.flatMap((one) => one.cases).length;
  return `# Conformance

What Countersign checks of a Notary Project signature, rule by rule: where the rule stands, which tests hold it, and where the verdict is another
than that of the reference implementation, notation-go v1.3.2.

- ${rules} rules, ${cases} numbered cases: ${cases - untested} are tests, ${untested} [cannot be](#cases-that-are-no-tests), for the reason given.
- ${all.length} [differences](#differences), each with its reason. ${all.length - more.length} of them refuse more. With the others an image can pass here that notation-go
  refuses, because signatures, statements and answers are found in another way, and never because a bad signature is taken for a good one:
  ${more.map(({ id }) => `[${id}](#${slug(id)})`).join(', ')}.
- Besides the tables here, generated and mutated signatures are judged by both implementations (\`npm run oracle\`); where the verdicts differ, the
  difference must be one of this page.

This page is made from the test tables by \`npm run conformance\`. A test fails when it is out of date, when a case has no test, and when a difference is
not listed.`;
}

function reading({ areas }: Claims): string {
  const places = [
    ['Signature, JWS, COSE', '`signature-specification.md`, `signature-envelope-jws.md`, `signature-envelope-cose.md`'],
    ['Trust', '`trust-store-trust-policy.md`'],
    ['Scheme', '`signing-scheme.md`'],
    ['Workflow', '`signing-and-verification-workflow.md`'],
    ['reference', 'the specifications are silent; this file or package of the reference implementation decides'],
  ] as const;
  return `## How to read it

| column | says |
|---|---|
| rule | what must hold, in our words |
| place | document and section. The documents are those of [notaryproject/specifications](https://github.com/notaryproject/specifications/tree/main/specs): |
${places.map(([name, text]) => `| | ${name}: ${text} |`).join('\n')}
| cases | stable numbers of situations in which a verifier can go wrong; there are gaps. The name of a test, or of a row in its table, begins with the number. \`P1\` to \`P29\` are the rules of a trust policy document in the order in which they are checked |
| tests | suites below \`test/\` with such rows: \`npm test -- notation/jws\` runs one |
| differs | where we differ from the reference implementation, below |

Areas: ${areas.map(({ name }) => `[${name}](#${anchor(name)})`).join(' · ')}`;
}

function rulesOf({ name, rules }: Area, suites: Suites): string {
  const row = ([rule, place, tests, differs = []]: Rule): string =>
    line([rule, place, numbers(tests), fileList(suites(tests)), differs.map((id) => `[${id}](#${slug(id)})`).join(', ')]);
  return `### ${name}\n\n| rule | place | cases | tests | differs |\n|---|---|---|---|---|\n${rules.map(row).join('\n')}`;
}

function differences({ areas, differences: all }: Claims, suites: Suites): string {
  const row = ({ id, reference, ours, reason, setting = 'none', tests }: Difference): string =>
    line([`<a id="${slug(id)}"></a>${id}`, reference, ours, reason, setting, fileList(suites(tests))]);
  const tables = areas
    .map(({ name }) => ({ name, rows: all.filter(({ area }) => area === name) }))
    .filter(({ rows }) => rows.length > 0)
    .map(
      ({ name, rows }) =>
        `### ${name}: differences\n\n| id | notation-go v1.3.2 | Countersign | why | setting | tests |\n|---|---|---|---|---|---|\n${rows.map(row).join('\n')}`,
    );
  return `## Differences

Where our verdict is another, on purpose. *Setting* names what changes it.

${tables.join('\n\n')}`;
}

function followed({ followed: all }: Claims, suites: Suites): string {
  const rows = all.map(({ id, specification, reference, tests }) => line([id, specification, reference, fileList(suites(tests))]));
  return `## Where the reference implementation departs from the specification, and we go with it

A verifier that read these as the specification does would refuse what the reference implementation's users sign, or gain nothing.

| id | the specification | notation-go v1.3.2, and Countersign | tests |
|---|---|---|---|
${rows.join('\n')}`;
}

function weakPoints({ weakPoints: all }: Claims, suites: Suites): string {
  const rows = all.map(({ ratify, ours, tests }) => line([ratify, ours, fileList(suites(tests))]));
  return `## What is not taken over from Ratify

The declarations are Ratify's; these habits of Ratify v1.4 are not.

| Ratify | Countersign | tests |
|---|---|---|
${rows.join('\n')}`;
}

function noTests({ noTests: all }: Claims): string {
  return `## Cases that are no tests

| cases | why |
|---|---|
${all.map(({ cases, reason }) => line([cases.join(', '), reason])).join('\n')}`;
}

function vectorFiles(vectors: readonly VectorCount[]): string {
  return `## Files of the reference implementation's own tests

Signatures, certificates, lists, policies and image layouts out of the repositories of the Notary Project run as tests where they lie beside the
checkout, each with the verdict that it must get.

| files | used by, or why not |
|---|---|
${vectors.map(({ files, where }) => line([String(files), where])).join('\n')}`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** Numbers of cases, and of the rules of a policy document. */
function numbers(tests: readonly (number | string)[]): string {
  return tests.filter((test) => typeof test === 'number' || /^P\d+$/.test(test)).join(', ');
}

function fileList(files: readonly string[]): string {
  return files.map((file) => `\`${file}\``).join(', ');
}

function slug(id: string): string {
  return id.replaceAll(/[ ,]+/g, '-');
}

/** As the headings of a rendered page are linked to. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');
}
