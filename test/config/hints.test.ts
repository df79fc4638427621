import { describe, expect, it } from '@jest/globals';
import { buildSnapshot } from '../../src/config/build.ts';
import { loadFiles } from '../../src/config/files.ts';
import { kinds } from '../../src/config/kinds.ts';
import { pki } from '../pki.ts';
import { deps, folder, line, object } from './world.ts';

const ROOTS = object('KeyManagementProvider', 'roots', {
  type: 'inline',
  parameters: { contentType: 'certificate', value: pki.root().pem },
});
const STRICT = { signatureVerification: { level: 'strict' }, trustStores: ['ca:acme'], trustedIdentities: ['*'] };
const SKIP = { signatureVerification: { level: 'skip' } };
const AT = 'spec.parameters.trustPolicyDoc';

/** What is said of a Verifier with these statements, and how many objects apply. */
async function told(statements: readonly object[], more: object = {}): Promise<{ lines: readonly string[]; applied: number }> {
  const trustPolicies = statements.map((statement, i) => ({ name: `s${i}`, registryScopes: [`r.io/${i}`], ...statement }));
  const verifier = object('Verifier', 'v', {
    name: 'notation',
    artifactTypes: 'application/vnd.cncf.notary.signature',
    parameters: { verificationCertStores: { ca: { acme: ['roots'] } }, trustPolicyDoc: { version: '1.0', trustPolicies, ...more } },
  });
  const { resources, diagnostics } = await loadFiles(await folder({ 'v.yaml': ROOTS + verifier }), deps);
  const built = await buildSnapshot(resources, kinds, deps);
  return { lines: [...diagnostics, ...built.diagnostics].map(line), applied: built.applied.length };
}

describe('a trust policy that applies', () => {
  it('has nothing said of it as a rule', async () => {
    expect(await told([STRICT, SKIP])).toEqual({ lines: [], applied: 2 });
  });

  it.each<[string, readonly object[], object, string]>([
    ['in the document (D16)', [STRICT], { comment: 'x' }, `${AT}.comment`],
    ['in a statement (D16)', [SKIP, { ...STRICT, comment: 'x' }], {}, `${AT}.trustPolicies[1].comment`],
    [
      'beside its level (D16)',
      [{ ...STRICT, signatureVerification: { level: 'strict', verifyTime: 'always' } }],
      {},
      `${AT}.trustPolicies[0].signatureVerification.verifyTime`,
    ],
  ])('has a member named that nobody knows, %s', async (_case, statements, more, path) => {
    const { lines, applied } = await told(statements, more);
    expect(lines).toEqual([expect.stringMatching(/^warning v\.yaml:\d+ /)]);
    expect(lines[0]).toContain(` ${path} UNKNOWN_FIELD: unknown field ${path} has no effect`);
    expect(applied).toBe(2);
  });

  it('has level skip for every repository named (D14)', async () => {
    const { lines, applied } = await told([STRICT, { ...SKIP, registryScopes: ['*'] }]);
    expect(lines).toEqual([
      expect.stringMatching(
        /^warning v\.yaml:\d+ spec\.parameters\.trustPolicyDoc\.trustPolicies\[1\]\.registryScopes CONFIG_HINT: level skip/,
      ),
    ]);
    expect(applied).toBe(2);
  });
});
