import { reasonOf } from '../engine/outcomes.ts';
import { cut, quoted, reason } from '../engine/reason.ts';
import { failingReason } from '../engine/reports.ts';
import type {
  Attestation,
  AttestationSignature,
  AttestationSource,
  AttestedImage,
  Decision,
  Evaluation,
  EvidenceInput,
  Reason,
  VerifierReport,
} from '../engine/types.ts';
import { digestOf, shortDigest } from '../oci/digest.ts';
import { repositoryText } from '../oci/reference.ts';

/** One signature of a statement. */
export interface Statement {
  readonly attestation: Attestation;
  readonly signature: AttestationSignature;
}

/** What a statement came to by a rule that lists its key. */
export interface Judgement extends Decision {
  /** For the report, beside who signed and where it was found. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** A rule that one good statement by a listed key satisfies. */
export interface StatementRule {
  readonly name: string;
  /** What its reports have as `type`. */
  readonly type: string;
  /** The one format that it reads. */
  readonly format: Attestation['format'];
  /** What its reports are on. */
  readonly artifactType: string;
  readonly sources: readonly AttestationSource[];
  /** Whether the rule lists a key of that id. */
  lists(keyId: string): boolean;
  /** By a listed key. Rejects only where that could not be found out. */
  judge(statement: Statement, image: AttestedImage, signal: AbortSignal): Promise<Judgement>;
  /** Why listed keys cannot be used: what is wrong weighs unless a statement by another is good. */
  readonly problems: readonly Decision[];
}

/** Statements by keys that nobody lists cost nothing but room: so many of them are told of. */
const MAX_FOREIGN = 20;

interface Run {
  readonly rule: StatementRule;
  readonly image: AttestedImage;
  readonly input: EvidenceInput;
  readonly listed: VerifierReport[];
  readonly foreign: VerifierReport[];
  /** Why it could not all be looked at. */
  readonly failures: Decision[];
}

/**
 * Looks at the statements about an image until one by a listed key is good. A source that cannot be read does not keep another's good
 * statement from counting; without a good one it makes the image *unavailable*, never refused.
 */
export async function judgeStatements(rule: StatementRule, image: AttestedImage, input: EvidenceInput): Promise<Evaluation> {
  const run: Run = { rule, image, input, listed: [], foreign: [], failures: [...rule.problems] };
  if (rule.sources.length === 0) return concluded(run, misconfigured('no source of signatures is set; set attestations in the settings'));
  for (const source of rule.sources) {
    const decision = await judgeSource(run, source);
    if (decision !== undefined) return concluded(run, decision);
  }
  return concluded(run, undecided(run));
}

async function judgeSource(run: Run, source: AttestationSource): Promise<Decision | undefined> {
  const { signal } = run.input.ports;
  try {
    for await (const page of source.list(run.image, signal)) {
      const decision = await judgePage(run, page);
      if (decision !== undefined) return decision;
    }
  } catch (error) {
    signal.throwIfAborted();
    run.failures.push(reasonOf(error, run.input.onBug));
  }
  return undefined;
}

/** Those by foreign keys first: the report tells of them though one after them decides. */
async function judgePage(run: Run, page: readonly Attestation[]): Promise<Decision | undefined> {
  const { rule, input } = run;
  const listed: Statement[] = [];
  for (const attestation of page.filter(({ format }) => format === rule.format)) {
    for (const signature of attestation.signatures) {
      const statement = { attestation, signature };
      if (rule.lists(signature.keyId)) listed.push(statement);
      else if (run.foreign.length < MAX_FOREIGN) run.foreign.push(reportOf(rule, statement, foreign(statement)));
    }
  }
  for (const statement of listed) {
    input.ports.signal.throwIfAborted();
    if (run.listed.length >= input.maxSignatures) return tooMany(run);
    const judgement = await judged(run, statement);
    run.listed.push(reportOf(rule, statement, judgement));
    if (judgement.outcome === 'accepted') return { outcome: 'accepted', reason: judgement.reason };
    if (judgement.outcome !== 'refused') run.failures.push(judgement);
  }
  return undefined;
}

async function judged({ rule, image, input }: Run, statement: Statement): Promise<Judgement> {
  const { signal } = input.ports;
  try {
    return await rule.judge(statement, image, signal);
  } catch (error) {
    signal.throwIfAborted();
    return reasonOf(error, input.onBug);
  }
}

/** Without a good statement: what could not be looked at might have been one. */
function undecided({ rule, image, listed, foreign, failures }: Run): Decision {
  const outcome = worstFailure(failures);
  const failure = failures.find((one) => one.outcome === outcome);
  if (failure !== undefined) return failure;
  const why = failingReason(listed, 'refused') ?? failingReason(foreign, 'refused') ?? absence(rule, image);
  return { outcome: 'refused', reason: why };
}

const WEIGHED = ['misconfigured', 'unavailable', 'refused'] as const;

/** Unlike among rules, a refusal weighs least here: what was not looked at might have satisfied this one. */
function worstFailure(failures: readonly Decision[]): Decision['outcome'] | undefined {
  return WEIGHED.find((outcome) => failures.some((failure) => failure.outcome === outcome));
}

function tooMany(run: Run): Decision {
  if (run.failures.length > 0) return undecided(run);
  const message = `none of the first ${run.input.maxSignatures} signatures by listed keys is good and there are more; delete those that are not yours`;
  return { outcome: 'refused', reason: reason('TOO_MANY_SIGNATURES', message) };
}

function concluded({ listed, foreign }: Run, decision: Decision): Evaluation {
  return { decision, reports: [...listed, ...foreign] };
}

function misconfigured(message: string): Decision {
  return { outcome: 'misconfigured', reason: reason('CONFIG_INVALID', message) };
}

function absence({ name, sources }: StatementRule, { repository, digest }: AttestedImage): Reason {
  const image = `${cut(repositoryText(repository), 60)}@${shortDigest(digest)}`;
  const looked = cut(sources.map((source) => source.name).join(', '), 60);
  return reason('NO_SIGNATURES', `no signature of ${image} is kept in ${looked}; sign it with a key of ${cut(name, 60)}`);
}

function foreign({ attestation, signature }: Statement): Judgement {
  const message = `signed by key ${quoted(signature.keyId)}, which the rule does not list; found in ${quoted(attestation.name, 60)}`;
  return { outcome: 'refused', reason: reason('SIGNER_UNTRUSTED', message) };
}

function reportOf(rule: StatementRule, { attestation, signature }: Statement, judgement: Judgement): VerifierReport {
  const { payload, name } = attestation;
  const { keyId, keyVersion, algorithm } = signature;
  return {
    verifier: rule.name,
    type: rule.type,
    artifact: { mediaType: 'application/json', digest: digestOf(payload), size: payload.length, artifactType: rule.artifactType },
    outcome: judgement.outcome,
    reason: judgement.reason,
    detail: {
      keyId,
      ...(keyVersion === undefined ? {} : { keyVersion }),
      ...(algorithm === undefined ? {} : { algorithm }),
      foundIn: name,
      ...judgement.detail,
    },
    trace: [],
    nested: [],
  };
}
