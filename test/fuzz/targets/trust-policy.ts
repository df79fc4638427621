import { isDeepStrictEqual } from 'node:util';
import { JsonError, jsonToPlain, parseJson } from '../../../src/lib/json.ts';
import { NotationError } from '../../../src/notation/errors.ts';
import { levelOf, parseTrustPolicyDocument, selectTrustPolicy } from '../../../src/notation/trust-policy.ts';
import type { TrustPolicy, TrustPolicyDocument } from '../../../src/notation/types.ts';
import type { CreateTarget } from '../materials.ts';
import { mutant, mutateBytes, mutateText } from '../mutate.ts';
import { mutateJson } from '../mutate-json.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { goOracle } from './go-oracle.ts';
import { nonEmpty, textSeeds } from './seeds.ts';

/** `parseTrustPolicyDocument` on JSON, against notation-go, a check of what came out, and itself on what it wrote. */
export const createTrustPolicyTarget: CreateTarget = ({ vectors, reference }) => {
  const files = vectors.filter(({ path }) => path.endsWith('.json')).map(({ bytes }) => bytes);
  const seeds = nonEmpty([...textSeeds(TEXTS), ...files.filter((bytes) => execute(bytes).outcome === 'accepted')]);
  const corpus = { seeds, words: WORDS };
  const target: Target<TrustPolicyDocument> = {
    name: 'trust-policy',
    about: 'trust policy documents in JSON',
    seeds,
    verifies: false,
    leniencies: [],
    input: (random) => mutant(corpus, [mutateJson, mutateJson, mutateText, mutateBytes], random),
    execute,
    oracles: [{ name: 'rules', ask: rules }, ...goOracle<TrustPolicyDocument>(reference, { kind: 'policy' })],
  };
  return target;
};

const STATEMENT = {
  name: 'images',
  registryScopes: ['registry.example.test/team/app', 'registry.example.test:5000/other'],
  signatureVerification: { level: 'strict', override: { expiry: 'log', revocation: 'skip' }, verifyTimestamp: 'afterCertExpiry' },
  trustStores: ['ca:acme', 'signingAuthority:acme.rocks', 'tsa:stamps'],
  trustedIdentities: ['x509.subject: C=US, ST=WA, O=Notary', 'x509.subject: C=US, S=WA, O=Other, CN=a\\, b'],
};
const SKIP = { name: 'skipped', registryScopes: ['localhost/test'], signatureVerification: { level: 'skip' } };
const OTHERS = {
  name: 'all',
  registryScopes: ['*'],
  signatureVerification: { level: 'audit' },
  trustStores: ['ca:acme'],
  trustedIdentities: ['*'],
};
const TEXTS = [
  JSON.stringify({ version: '1.0', trustPolicies: [STATEMENT] }),
  JSON.stringify({ version: '1.0', trustPolicies: [STATEMENT, SKIP, OTHERS] }, undefined, 1),
  JSON.stringify({
    version: '1.0',
    trustPolicies: [{ ...OTHERS, signatureVerification: { level: 'permissive', verifyTimestamp: 'always' } }],
  }),
];
const WORDS = [
  ...['*', '', '1.0', '1', 'strict', 'permissive', 'audit', 'skip', 'Strict', 'integrity', 'authenticity', 'authenticTimestamp', 'expiry'],
  ...[
    'revocation',
    'enforce',
    'log',
    'always',
    'afterCertExpiry',
    'ca:acme',
    'ca:',
    ':',
    'ca:a/b',
    'ca:..',
    'tsa:x',
    'CA:acme',
    'ca:a b',
    'ca:\u212a',
  ],
  ...[
    'x509.subject:',
    'x509.subject:C=US,ST=WA,O=Notary',
    'x509.subject:C=US',
    'x509.subject:C=US,ST=WA,O=Notary,CN=x',
    'foo:bar',
    'x509.subject',
  ],
  ...[
    'registry.example.test/team/app',
    'registry.example.test/*',
    'registry.example.test',
    'registry.example.test/app:1',
    'a/b',
    '__proto__',
  ],
  ...['Name', 'registryscopes', 'trustPolicies', 'override', 'level', 'toString', 'constructor'],
] as readonly string[] as readonly [string, ...string[]];

function execute(bytes: Uint8Array): Execution<TrustPolicyDocument> {
  try {
    return { outcome: 'accepted', reached: false, value: parseTrustPolicyDocument(jsonToPlain(parseJson(bytes))) };
  } catch (error) {
    if (error instanceof NotationError || error instanceof JsonError) return { outcome: 'refused', reached: false };
    throw error;
  }
}

/** What holds of every document that was taken (notation.md 6.2, said the other way round). */
function rules(_: Uint8Array, { value }: Execution<TrustPolicyDocument>): Opinion | undefined {
  if (value === undefined) return undefined;
  const broken = brokenRule(value);
  if (broken !== undefined) return { accepts: false, why: broken };
  const again = execute(Buffer.from(JSON.stringify(value))).value;
  return isDeepStrictEqual(again, value)
    ? { accepts: true }
    : { accepts: true, differs: true, why: 'not the same when written and read again' };
}

function brokenRule({ trustPolicies }: TrustPolicyDocument): string | undefined {
  const scopes = trustPolicies.flatMap(({ registryScopes }) => registryScopes);
  if (new Set(scopes).size !== scopes.length) return 'a scope twice';
  const names = trustPolicies.map(({ name }) => name);
  if (names.length === 0 || names.includes('') || new Set(names).size !== names.length) return 'names that do not tell statements apart';
  return trustPolicies
    .map((statement) => brokenRuleOf(statement) ?? selectionProblem(trustPolicies, statement))
    .find((broken) => broken !== undefined);
}

function brokenRuleOf({ registryScopes, signatureVerification, trustStores, trustedIdentities }: TrustPolicy): string | undefined {
  const { level, override } = signatureVerification;
  if (registryScopes.length === 0 || (registryScopes.includes('*') && registryScopes.length > 1)) return 'scopes';
  if (!registryScopes.every((scope) => scope === '*' || /^[a-zA-Z0-9.:-]+(?:\/[a-z0-9._-]+)+$/.test(scope)))
    return 'a scope that is no repository';
  if (level === 'skip')
    return trustStores.length + trustedIdentities.length + Object.keys(override).length > 0 ? 'something to skip with' : undefined;
  if (trustStores.length === 0 || trustedIdentities.length === 0) return 'nothing to trust';
  if (!trustStores.every((store) => /^(?:ca|signingAuthority|tsa):[\w.-]+$/.test(store))) return 'a store that none can be';
  if (trustedIdentities.includes('*') && trustedIdentities.length > 1) return 'everybody and somebody';
  if (!trustedIdentities.every((identity) => identity === '*' || identity.includes(':'))) return 'an identity without a prefix';
  const { actions } = levelOf({ signatureVerification } as TrustPolicy);
  if (actions.integrity !== 'enforce') return 'integrity that is not enforced';
  const skipped = Object.entries(actions).filter(([, action]) => action === 'skip');
  return skipped.some(([type]) => type !== 'revocation') ? 'a step skipped that may not be' : undefined;
}

function selectionProblem(statements: readonly TrustPolicy[], statement: TrustPolicy): string | undefined {
  const document: TrustPolicyDocument = { version: '1.0', trustPolicies: statements };
  const scope = statement.registryScopes.find((text) => text !== '*');
  return scope === undefined || selectTrustPolicy(document, `${scope}@sha256:00`) === statement
    ? undefined
    : 'a scope that leads to another statement';
}
