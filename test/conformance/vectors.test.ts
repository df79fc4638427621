import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { hasVectors, VECTORS, vectorIndex } from '../vectors.ts';
import { pathsOf, UNUSED_VECTORS, VECTOR_SUITES, vectorCounts } from './vector-files.ts';

const index = hasVectors ? vectorIndex() : [];

if (hasVectors) {
  describe("the files of the reference's tests", () => {
    it('are 316, and are what the index says', () => {
      const changed = index.filter(({ path, size, sha256 }) => {
        const bytes = readFileSync(join(VECTORS, path));
        return bytes.length !== size || createHash('sha256').update(bytes).digest('hex').slice(0, 16) !== sha256;
      });
      expect([index.length, changed]).toEqual([316, []]);
    });

    it('have each a suite that reads it, or a reason why none can', () => {
      const lists = [...Object.values(VECTOR_SUITES), ...UNUSED_VECTORS.map(({ files }) => files)];
      const listed = lists.flatMap(pathsOf).sort();
      expect(listed).toEqual(index.map(({ path }) => path).sort());
      expect(vectorCounts().reduce((total, { files }) => total + files, 0)).toBe(index.length);
    });

    it('have suites that are there', () => {
      const missing = Object.keys(VECTOR_SUITES).filter((suite) => !existsSync(join(import.meta.dirname, `../${suite}.test.ts`)));
      expect(missing).toEqual([]);
    });
  });
}
