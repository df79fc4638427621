import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, '../../src');

/** Every match of `pattern` in the sources, as `file match`, once each. */
export function inSource(pattern: RegExp): readonly string[] {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const found = files
    .sort()
    .flatMap((name) => [...readFileSync(join(SOURCE, name), 'utf8').matchAll(pattern)].map(([text]) => `${name} ${text}`));
  return [...new Set(found)];
}
