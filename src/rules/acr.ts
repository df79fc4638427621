import { z } from 'zod';
import { ConfigProblem, EvaluationError } from '../engine/errors.ts';
import { definePart, type FamilyInputs, type FamilyObject, type ParameterHint, type RuleFamily } from '../engine/kinds.ts';
import { reasonOf } from '../engine/outcomes.ts';
import { quoted, reason } from '../engine/reason.ts';
import type { AttestedImage, Decision, EvidenceInput, EvidenceRule, Request } from '../engine/types.ts';
import { type Algorithm, findAlgorithm, labelsOf } from '../simplesigning/algorithms.ts';
import { fitProblem, type Key } from '../simplesigning/keys.ts';
import type { IdentityRule } from '../simplesigning/payload.ts';
import { verifyDetached } from '../simplesigning/verify.ts';
import { isAskedFrom, isInScope, type Scope, scopeOf, scopeShape, scopeSpec } from './acr-scope.ts';
import { brokenRule } from './broken-rule.ts';
import { type DeclaredKey, declareKey, keyEntry, resolveKeys } from './declared-keys.ts';
import { type Judgement, judgeStatements, type Statement } from './statements.ts';

export const imageSigningRuleSpec = z.object({
  ...scopeShape,
  mode: z
    .enum(['Default', 'Simple'])
    .optional()
    .describe('What a signature binds: Default the digest, the repository and the tag; Simple the digest alone. Default: Default.'),
  digestReferences: z
    .enum(['accept', 'refuse'])
    .optional()
    .describe('Of mode Default: whether a reference by digest without a tag is enough. Default: accept.'),
  algorithm: z.string().min(1).max(64).describe('RSA_PSS_SHA_256, RSA_PKCS1_SHA_256 or ECDSA_SHA_256.'),
  keys: z.array(z.strictObject(keyEntry).describe('A key.')).min(1).max(20).describe('Keys of which one must have signed.'),
});

type Spec = z.infer<typeof imageSigningRuleSpec>;

interface SigningRulePart {
  readonly scope: Scope;
  readonly algorithm: Algorithm;
  readonly identity: IdentityRule;
  readonly keys: readonly DeclaredKey[];
}

const signingRule = definePart<Spec, SigningRulePart>({
  kind: 'ImageSigningRule',
  spec: imageSigningRuleSpec,
  create: ({ spec }) => {
    const algorithm = algorithmOf(spec.algorithm);
    return {
      scope: scopeOf(spec),
      algorithm,
      identity: spec.mode === 'Simple' ? { compare: 'ignored' } : { compare: 'tag', withoutTag: spec.digestReferences ?? 'accept' },
      keys: spec.keys.map((entry, index) => declareKey(entry, `spec.keys[${index}]`, (form) => fitProblem(algorithm, form))),
    };
  },
  hints: (spec) => [...vpcHints(spec), ...simpleHints(spec)],
});

/**
 * `ImageSigningRule` of countersign.dev: what Container Registry's signing rules sign, verified. One signature by a listed key is enough.
 *
 * What no rule covers is refused unless the settings say otherwise: ACR's document tells how images come to be signed, and not that those
 * outside its scopes may run.
 */
export const acrRules: RuleFamily = {
  name: 'acr',
  family: 'countersign',
  parts: [signingRule],
  settings: z.object({}),
  uncovered: 'refuse',
  namespaced: false,
  build: (inputs) => ({
    rules: (inputs.objects('ImageSigningRule') as readonly FamilyObject<SigningRulePart>[]).map((object) => ruleOf(object, inputs)),
    exemptions: [],
  }),
};

const GROUP = 'acr';
const TYPE = 'acr-signing';
const ARTIFACT_TYPE = 'application/vnd.countersign.acr-signature';

function algorithmOf(label: string): Algorithm {
  const algorithm = findAlgorithm(label);
  if (algorithm?.system === 'acr') return algorithm;
  const known = labelsOf('acr').join(', ');
  throw new ConfigProblem('CONFIG_INVALID', 'spec.algorithm', `unsupported algorithm ${quoted(label)}: expected ${known}`);
}

/** An instance has a name for the Internet and one for the inside; an image named by the other would be none of the rule's. */
function vpcHints({ registries }: Spec): readonly ParameterHint[] {
  return registries.flatMap((host, index) => {
    const other = /-registry-vpc\./.test(host)
      ? host.replace('-registry-vpc.', '-registry.')
      : host.replace('-registry.', '-registry-vpc.');
    if (other === host || !host.endsWith('.cr.aliyuncs.com') || registries.includes(other)) return [];
    return [{ path: ['registries', index], message: `the same instance answers as ${other}; list it too, or its images are not covered` }];
  });
}

function simpleHints({ mode, digestReferences }: Spec): readonly ParameterHint[] {
  if (mode !== 'Simple' || digestReferences === undefined) return [];
  return [{ path: ['digestReferences'], message: 'has no effect in mode Simple, which binds no tag' }];
}

function ruleOf({ name, part, problem, spec }: FamilyObject<SigningRulePart>, inputs: FamilyInputs): EvidenceRule {
  const object = `ImageSigningRule ${name}`;
  if (part === undefined) return brokenRule({ name: object, group: GROUP, problem, covers: coverageOf(spec) });
  return {
    name: object,
    family: 'countersign',
    group: GROUP,
    covers: (request) => isInScope(part.scope, request.reference) && isAskedFrom(part.scope, request),
    judge: judgeBy(object, part, inputs),
  };
}

/** What a rule that cannot be used was about, if that much of it can be read. */
function coverageOf(spec: unknown): (request: Request) => boolean {
  const parsed = scopeSpec.safeParse(spec);
  if (!parsed.success) return () => true;
  try {
    const scope = scopeOf(parsed.data);
    return (request) => isInScope(scope, request.reference) && isAskedFrom(scope, request);
  } catch (error) {
    if (error instanceof ConfigProblem) return () => true;
    throw error;
  }
}

function judgeBy(object: string, part: SigningRulePart, { keyMaterial, sources }: FamilyInputs): EvidenceRule['judge'] {
  const { keys, problems } = resolveKeys(part.keys, keyMaterial, (form) => fitProblem(part.algorithm, form));
  const failures: readonly Decision[] = problems.map((problem) => reasonOf(problem));
  return async (input: EvidenceInput) => {
    const { request, subject, store } = input;
    if (part.scope.kubernetesNamespaces !== undefined && request.namespace === undefined) {
      throw new EvaluationError('NAMESPACE_REQUIRED', `${object} is for namespaces; expected [namespace]image as the key`);
    }
    const { repository, descriptor } = await subject();
    const image = { repository, digest: descriptor.digest, store };
    return await judgeStatements(
      {
        name: object,
        type: TYPE,
        format: 'simple-signing',
        artifactType: ARTIFACT_TYPE,
        sources,
        lists: (keyId) => keys.some(({ key }) => key.id === keyId),
        judge: (statement, about, signal) => judge({ part, keys: keys.map(({ key }) => key), request }, statement, about, signal),
        problems: failures,
      },
      image,
      input,
    );
  };
}

interface Asked {
  readonly part: SigningRulePart;
  readonly keys: readonly Key[];
  readonly request: Request;
}

/** By any key of that id; the last one's failure stands, since versions of a key share its id. */
async function judge({ part, keys, request }: Asked, statement: Statement, image: AttestedImage, signal: AbortSignal): Promise<Judgement> {
  const { keyId, algorithm } = statement.signature;
  let failed: Judgement = { outcome: 'refused', reason: reason('SIGNER_UNTRUSTED', `no usable key ${quoted(keyId)} is listed`) };
  if (algorithm !== undefined && algorithm !== part.algorithm.label) {
    const message = `signed with ${quoted(algorithm)}, expected ${part.algorithm.label}`;
    return { outcome: 'refused', reason: reason('ALGORITHM_MISMATCH', message) };
  }
  for (const key of keys.filter(({ id }) => id === keyId)) {
    const result = await verifyUnderAnyName(key, { part, request, statement, image, signal });
    if (result.ok) {
      const { dockerReference } = result.payload;
      const what = part.identity.compare === 'ignored' ? 'the digest' : dockerReference;
      return {
        outcome: 'accepted',
        reason: reason('VERIFIED', `signed by key ${quoted(keyId)} for ${what}`),
        detail: { signedName: dockerReference },
      };
    }
    failed = { outcome: result.outcome, reason: reason(result.reason.code, result.reason.message) };
  }
  return failed;
}

interface Verification {
  readonly part: SigningRulePart;
  readonly request: Request;
  readonly statement: Statement;
  readonly image: AttestedImage;
  readonly signal: AbortSignal;
}

/** The instance's hosts are names of one registry: what is signed under one of them is signed under all. */
async function verifyUnderAnyName(key: Key, { part, request, statement, image, signal }: Verification) {
  const { attestation, signature } = statement;
  const { label } = part.algorithm;
  const detached = { keyId: signature.keyId, payload: attestation.payload, signature: signature.signature, algorithm: label };
  let answer: Promise<boolean> | undefined;
  // A key service is asked once: the signature is the same under every name.
  const verify: Key['verify'] = (...asked) => {
    answer ??= key.verify(...asked);
    return answer;
  };
  const once: Key = { ...key, verify };
  const under = (registry: string) =>
    verifyDetached(
      once,
      detached,
      { reference: { ...request.reference, registry }, digest: image.digest, identity: part.identity },
      signal,
    );
  const first = await under(request.reference.registry);
  for (const registry of part.scope.hostNames) {
    if (first.ok || first.reason.code !== 'PAYLOAD_REPOSITORY_MISMATCH') return first;
    if (registry === request.reference.registry) continue;
    const again = await under(registry);
    if (again.ok || again.reason.code !== 'PAYLOAD_REPOSITORY_MISMATCH') return again;
  }
  return first;
}
