import { existsSync } from 'node:fs';

/** Vectors lie beside the checkout; where they do not, their suites are not there either. */
const vectors = existsSync(new URL('../shared/vectors', import.meta.url)) ? [] : ['!**/*vectors.test.ts'];

/** Native ESM; types are stripped by swc and checked by `tsc` apart. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts', ...vectors],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' } }] },
  testTimeout: 30_000,
};
