import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { adviceFor } from '../../src/cli/advice.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
/** Words of Node, of the environment and of the YAML reader that look like codes of ours. */
const FOREIGN =
  /^(?:ERR|HPE|ECONN|ENO|EPIPE|NODE|DOCKER|NO|CERT|UNABLE|SELF|DEPTH|INVALID_PURPOSE|XDG|DUPLICATE|COUNTERSIGN|FORCE|SSL|UND)_(?!STORE|VERIFIER|SIGNATURES|APPLICABLE|CLIENT)/;
/** Words of the protocols of others. */
const OF_OTHERS: readonly string[] = [
  'ALLOW_ALL',
  'ATTESTATION_AUTHORITY',
  'BLOCK_ALL',
  'CONTENT_TYPE_UNSPECIFIED',
  'SEVERITY_UNSPECIFIED',
  'SIMPLE_SIGNING_JSON',
];

const used = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => [...readFileSync(join(ROOT, 'src', file), 'utf8').matchAll(/'([A-Z]{2,}(?:_[A-Z]+)+)'/g)].map(([, code = '']) => code))
  .filter((code) => !FOREIGN.test(code) && !OF_OTHERS.includes(code));

describe('docs/errors.md', () => {
  it('has a line for every code in the source', () => {
    expect(used.length).toBeGreaterThan(0);
    expect([...new Set(used)].filter((code) => !PAGE.includes(`\`${code}\``))).toEqual([]);
  });

  it('says of every code in a table what to do', () => {
    const rows = PAGE.split('\n').filter((line) => line.startsWith('| `'));
    expect(rows.filter((row) => row.split(' | ').at(-1)?.replace('|', '').trim() === '')).toEqual([]);
  });

  it('has a line in the output of verify on what to do about each verdict of an image that is no accept', () => {
    const [, table = ''] = /^## Verdicts\n(.*?)^## /ms.exec(PAGE) ?? [];
    const verdicts = [...table.matchAll(/^\| `([A-Z_]+)` \| ([^|]*) \|/gm)].filter(([, , outcome]) => outcome !== 'accepted');
    const codes = verdicts.map(([, code = '']) => code).filter((code) => code !== 'CASE_INVALID'); // of a line of `judge`
    expect(codes.length).toBeGreaterThan(50);
    expect(codes.filter((code) => adviceFor(code) === undefined)).toEqual([]);
  });
});
