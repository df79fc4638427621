/**
 * Writes `docs/conformance.md` from the test tables: `npm run conformance`. With `--check` nothing is written. Exit 1 if the tables do not fit
 * together, or, with `--check`, if the page is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { EXPECTED_DIFFERENCES } from '../oracle/expected-differences.ts';
import { problems } from './join.ts';
import { PAGE, renderPage } from './page.ts';
import { testRows } from './rows.ts';
import { CLAIMS } from './rules.ts';
import { vectorCounts } from './vector-files.ts';

const rows = testRows();
const found = problems(
  CLAIMS,
  rows,
  EXPECTED_DIFFERENCES.map(({ id }) => id),
);
for (const problem of found) console.error(problem);
const page = renderPage(CLAIMS, rows, vectorCounts());
if (found.length > 0) {
  process.exitCode = 1;
} else if (!process.argv.includes('--check')) {
  writeFileSync(PAGE, page);
} else if (readFileSync(PAGE, 'utf8') !== page) {
  console.error('docs/conformance.md is out of date: npm run conformance');
  process.exitCode = 1;
}
