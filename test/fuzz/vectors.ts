import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of other projects that lie beside a checkout, for more seeds; a run without them works the same. */
export type Vectors = readonly { readonly path: string; readonly bytes: Uint8Array }[];

const FOLDER = join(import.meta.dirname, '../../../shared/vectors/notation');
const MAX_BYTES = 24 * 1024;

export function readVectors(): Vectors {
  if (!existsSync(FOLDER)) return [];
  return readdirSync(FOLDER, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path, bytes: new Uint8Array(readFileSync(path)) }))
    .filter(({ bytes }) => bytes.length > 0 && bytes.length <= MAX_BYTES);
}
