import { z } from 'zod';
import { ConfigProblem } from '../engine/errors.ts';
import { definePart, type FamilyInputs, type FamilyObject, type ParameterHint, type RuleFamily } from '../engine/kinds.ts';
import { reasonOf } from '../engine/outcomes.ts';
import { cut, reason } from '../engine/reason.ts';
import type { Decision, Evaluation, EvidenceInput, EvidenceRule, Exemption, Request } from '../engine/types.ts';
import { repositoryText } from '../oci/reference.ts';
import type { KeyForm } from '../simplesigning/algorithms.ts';
import { brokenRule } from './broken-rule.ts';
import { type DeclaredKey, declareKey, keyEntry, resolveKeys } from './declared-keys.ts';
import { breakGlassOf } from './oke-break-glass.ts';
import { judgeImageSignature, type OkeKey } from './oke-signature.ts';
import { type HostPattern, matchesHost, parseHostPattern } from './registry-host.ts';
import { judgeStatements } from './statements.ts';

/** Names that OCIR answers under; the API's host takes the registry's requests too. */
const OCIR = ['*.ocir.io', '*.oci.oraclecloud.com'];

const registries = z
  .array(z.string().min(1).max(260).describe('A host, with its port if it has one.'))
  .min(1)
  .max(50)
  .optional()
  .describe('Hosts of the registries that it is about; `*.` before one is every host below. Default: those of OCIR.');

const okeKey = z.strictObject({
  ...keyEntry,
  id: z.string().min(1).max(255).describe('OCID of the key, as signatures name it.'),
  keyVersions: z
    .array(z.string().min(1).max(255).describe('OCID of a version.'))
    .min(1)
    .max(50)
    .optional()
    .describe('OCIDs of the versions of the key that may have signed. Default: any that the public key verifies.'),
});

export const imageVerificationPolicySpec = z.object({
  enabled: z.boolean().optional().describe('Whether it applies. Default: true.'),
  registries,
  compatibility: z
    .boolean()
    .optional()
    .describe("Whether OKE's own rules hold: at most 5 keys, and its break-glass annotation is honoured. Default: true."),
  keys: z
    .array(okeKey.describe('A key.'))
    .max(200)
    .describe('Keys of which one must have signed. An empty list lets everything of the registries run.'),
});

type Spec = z.infer<typeof imageVerificationPolicySpec>;
type Entry = z.infer<typeof okeKey>;

interface VerificationPart {
  readonly enabled: boolean;
  readonly hosts: readonly HostPattern[];
  readonly keys: readonly DeclaredKey<Entry>[];
  readonly honoursBreakGlass: boolean;
}

/** Master encryption keys that a cluster of OKE may have in its policy. */
const MAX_COMPATIBLE_KEYS = 5;

const verificationPolicy = definePart<Spec, VerificationPart>({
  kind: 'ImageVerificationPolicy',
  spec: imageVerificationPolicySpec,
  create: ({ spec }) => {
    assertFew(spec);
    return {
      enabled: spec.enabled ?? true,
      hosts: hostsOf(spec.registries ?? OCIR),
      keys: spec.keys.map((entry, index) => declareKey(entry, `spec.keys[${index}]`, formProblem)),
      honoursBreakGlass: spec.compatibility ?? true,
    };
  },
  hints: (spec) => [...emptyHints(spec), ...aliasHints(spec)],
});

/**
 * `ImageVerificationPolicy` of countersign.dev: the rules of OKE's image verification policies. One signature by a listed key of OCI Vault is
 * enough; images of other registries are none of its business, and may run.
 */
export const okeRules: RuleFamily = {
  name: 'oke',
  family: 'countersign',
  parts: [verificationPolicy],
  settings: z.object({}),
  uncovered: 'accept',
  namespaced: false,
  build: (inputs) => {
    const objects = inputs.objects('ImageVerificationPolicy') as readonly FamilyObject<VerificationPart>[];
    return {
      rules: objects.flatMap((object) => rulesOf(object, inputs)),
      exemptions: objects.flatMap(exemptionsOf),
    };
  },
};

const GROUP = 'oke';

function objectName({ name }: { readonly name: string }): string {
  return `ImageVerificationPolicy ${name}`;
}

function assertFew({ compatibility = true, keys }: Spec): void {
  // Two versions of one key, each with its own public key, are one key.
  const count = new Set(keys.map(({ id }) => id)).size;
  if (!compatibility || count <= MAX_COMPATIBLE_KEYS) return;
  const message = `expected at most ${MAX_COMPATIBLE_KEYS} keys, the limit of OKE, found ${count}; compatibility: false has no such limit`;
  throw new ConfigProblem('CONFIG_INVALID', 'spec.keys', message);
}

function formProblem(form: KeyForm): string | undefined {
  return form.startsWith('RSA ') ? undefined : `expected an RSA key, which alone signs images there, found ${form}`;
}

function hostsOf(texts: readonly string[]): readonly HostPattern[] {
  return texts.map((text, index) => {
    const host = parseHostPattern(text);
    if (typeof host === 'string') throw new ConfigProblem('CONFIG_INVALID', `spec.registries[${index}]`, host);
    return host;
  });
}

function emptyHints({ enabled = true, keys }: Spec): readonly ParameterHint[] {
  if (!enabled || keys.length > 0) return [];
  return [{ path: ['keys'], message: 'enabled but verifies nothing: without keys every image of its registries may run; list one' }];
}

/** What is not covered may run, so that another name of a registry is a way around a policy that lists one of them alone. */
function aliasHints({ registries: listed = [] }: Spec): readonly ParameterHint[] {
  return listed.flatMap((host, index) => {
    if (!/\.(?:ocir\.io|oraclecloud\.com)$/.test(host) || host.startsWith('*.')) return [];
    const message = 'the same registry answers under other names, which this does not cover; list *.ocir.io and *.oci.oraclecloud.com';
    return [{ path: ['registries', index], message }];
  });
}

function rulesOf(object: FamilyObject<VerificationPart>, inputs: FamilyInputs): readonly EvidenceRule[] {
  const { part, problem, spec } = object;
  const name = objectName(object);
  if (part === undefined) return [brokenRule({ name, group: GROUP, problem, covers: coverageOf(spec) })];
  if (!part.enabled) return [];
  const judge = part.keys.length === 0 ? judgeNothing(name) : judgeBy(name, part, inputs);
  return [{ name, family: 'countersign', group: GROUP, covers: coversBy(part.hosts), judge: pinned(judge) }];
}

function exemptionsOf(object: FamilyObject<VerificationPart>): readonly Exemption[] {
  return object.part?.honoursBreakGlass === true ? [breakGlassOf(objectName(object))] : [];
}

function coversBy(hosts: readonly HostPattern[]): (request: Request) => boolean {
  return ({ reference }) => hosts.some((host) => matchesHost(host, reference.registry));
}

/** What a policy that cannot be used was about, if that much of it can be read. */
function coverageOf(spec: unknown): (request: Request) => boolean {
  const parsed = z.object({ registries }).safeParse(spec);
  if (!parsed.success) return () => true;
  try {
    return coversBy(hostsOf(parsed.data.registries ?? OCIR));
  } catch (error) {
    if (error instanceof ConfigProblem) return () => true;
    throw error;
  }
}

type Judge = EvidenceRule['judge'];

/** While a policy is enabled, images are named by their digest or not at all, whatever its keys are. */
function pinned(judge: Judge): Judge {
  return async (input) => (input.request.reference.digest === undefined ? await refuseTag(input) : await judge(input));
}

async function refuseTag({ request, subject, ports }: EvidenceInput): Promise<Evaluation> {
  const { tag = '', ...repository } = request.reference;
  const name = cut(repositoryText(repository), 90);
  // The digest is a help; that it cannot be found out changes nothing about the tag.
  const digest = await subject().then(
    ({ descriptor }) => descriptor.digest,
    () => undefined,
  );
  ports.signal.throwIfAborted();
  const use = digest === undefined ? 'name it by its digest, @sha256:...' : `use ${name}@${digest}`;
  return { decision: refused('TAG_REFERENCE', `named by tag ${cut(tag, 30)}; ${use}`), reports: [] };
}

function refused(code: string, message: string): Decision {
  return { outcome: 'refused', reason: reason(code, message) };
}

/** Nothing is read: anybody's image may run, which is told each time. */
function judgeNothing(name: string): Judge {
  const message = `${cut(name, 100)} is enabled but verifies nothing: it lists no keys`;
  const said: Evaluation = {
    decision: { outcome: 'accepted', reason: reason('VERIFIES_NOTHING', message) },
    reports: [],
    records: [{ event: 'VerifiesNothing', object: name, message }],
  };
  return async () => said;
}

function judgeBy(name: string, part: VerificationPart, { keyMaterial, sources }: FamilyInputs): Judge {
  const { keys, problems } = resolveKeys(part.keys, keyMaterial, formProblem);
  const failures: readonly Decision[] = problems.map((problem) => reasonOf(problem));
  const listed: readonly OkeKey[] = keys.map(({ key, entry }) => ({ key, versions: entry.keyVersions }));
  return async (input) => {
    const { repository, descriptor } = await input.subject();
    const image = { repository, digest: descriptor.digest, store: input.store };
    return await judgeStatements(
      {
        name,
        type: 'oci-image-signature',
        format: 'vault',
        artifactType: 'application/vnd.countersign.oci-image-signature',
        sources,
        lists: (keyId) => listed.some(({ key }) => key.id === keyId),
        judge: (statement, about, signal) => judgeImageSignature(listed, statement, about, signal),
        problems: failures,
      },
      image,
      input,
    );
  };
}
