import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { reasonOf } from '../engine/outcomes.ts';
import { reason } from '../engine/reason.ts';
import type { Outcome, Reason } from '../engine/types.ts';
import { createFactCache } from '../lib/cache.ts';
import { errorText } from '../lib/errors.ts';
import type { FactCache } from '../lib/facts.ts';
import { REVOCATION_LIMITS, RevocationFetchError, type RevocationPort } from '../lib/revocation.ts';
import { NotationError } from '../notation/errors.ts';
import { levelOf, parseTrustPolicyDocument, selectTrustPolicy } from '../notation/trust-policy.ts';
import { createTrustStore } from '../notation/trust-store.ts';
import type { ValidationResult, VerificationOutcome } from '../notation/types.ts';
import { verifySignature } from '../notation/verify.ts';
import { InvalidReferenceError } from '../oci/reference.ts';
import { failureOf, foldOutcome } from '../verifiers/notation.ts';
import { EXIT_MISUSE } from './exit.ts';
import { CaseError, type JudgeCase, readCase, trustStoresOf } from './judge-case.ts';
import { lines } from './lines.ts';
import { escapeControls } from './output.ts';

interface Answer {
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly results: readonly { readonly type: string; readonly action: string; readonly error: string | null }[];
}

const MAX_LINE_BYTES = 16 * 1024 * 1024;
const FACT_BYTES = 32 * 1024 * 1024;

/**
 * `countersign judge`: a verdict on each line of `input`, in order, with the registry and the revocation network replaced by the line. Resolves
 * with 0 when every line was a case (blank ones are passed over), 3 otherwise, or when nobody reads the answers any more.
 */
export async function judgeCommand(input: Readable, output: Writable): Promise<number> {
  const facts = createFactCache({ maxBytes: FACT_BYTES });
  let everyLineRead = true;
  for await (const line of lines(input, MAX_LINE_BYTES)) {
    const found = read(line);
    const isCase = !(found instanceof CaseError);
    everyLineRead &&= isCase;
    const answer = isCase ? await answerTo(found, facts) : notACase(found);
    if (!(await send(output, lineOf(isCase ? found.id : 'null', answer)))) return EXIT_MISUSE;
  }
  return everyLineRead ? 0 : EXIT_MISUSE;
}

function read(line: Buffer | undefined): JudgeCase | CaseError {
  try {
    if (line === undefined) return new CaseError(`expected at most ${MAX_LINE_BYTES} bytes in a line`);
    return readCase(line);
  } catch (error) {
    if (error instanceof CaseError) return error;
    throw error;
  }
}

function notACase(error: CaseError): Answer {
  return { outcome: 'misconfigured', reason: reason(error.code, error.message), results: [] };
}

async function answerTo(found: JudgeCase, facts: FactCache): Promise<Answer> {
  try {
    return await judge(found, facts);
  } catch (error) {
    const why = error instanceof NotationError ? failureOf(error) : reasonOf(error, tellBug);
    return { ...why, results: [] };
  }
}

async function judge(found: JudgeCase, facts: FactCache): Promise<Answer> {
  const document = parseTrustPolicyDocument(found.trustPolicy);
  const policy = selectTrustPolicy(document, found.reference);
  if (levelOf(policy).name !== 'skip') checkReference(found);
  const outcome = await verifySignature({
    ...found,
    policy,
    trustStore: await createTrustStore(trustStoresOf(found.trustStores)),
    now: found.now ?? new Date(),
    facts,
    revocation: networkOf(found),
    signal: new AbortController().signal,
  });
  const { outcome: whole, reason: why } = wholeOf(outcome);
  return { outcome: whole, reason: why, results: outcome.validations.map(resultOf) };
}

/** The network of one line, under the rules of the real one; nothing of it is kept for the next line. */
function networkOf({ ocspAnswers, crlAnswers }: JudgeCase): RevocationPort {
  const answer = async (answers: ReadonlyMap<string, Uint8Array>, url: string, maxBytes: number): Promise<Uint8Array> => {
    const protocol = URL.canParse(url) ? new URL(url).protocol : '';
    if (protocol !== 'http:') throw new RevocationFetchError('expected a URL of http:');
    const body = answers.get(url) ?? [...answers].find(([other]) => isSameUrl(other, url))?.[1];
    if (body === undefined) throw new RevocationFetchError('cannot be reached');
    if (body.length > maxBytes) throw new RevocationFetchError(`is longer than ${maxBytes} bytes`);
    return body;
  };
  return {
    fetchOcsp: (url) => answer(ocspAnswers, url, REVOCATION_LIMITS.ocsp.maxBytes),
    fetchCrl: (url) => answer(crlAnswers, url, REVOCATION_LIMITS.crl.maxBytes),
    answers: { remember: async (_kind, _key, signal, load) => (await load(signal)).value },
  };
}

/** Whether requests to both would go to the same place; the slash at the end is the client's to add. */
function isSameUrl(a: string, b: string): boolean {
  const spelled = (url: string): string => (URL.canParse(url) ? new URL(url).href.replace(/\/$/, '') : url);
  return spelled(a) === spelled(b);
}

/** A registry would have been asked for the reference's digest, and nothing else may have come back (CVE-2023-33959). */
function checkReference({ reference, subject }: JudgeCase): void {
  const digest = reference.slice(reference.lastIndexOf('@') + 1);
  if (digest !== subject.digest) {
    throw new InvalidReferenceError(
      `expected the reference to end with the subject's digest ${subject.digest}, found ${digest.slice(0, 150)}`,
    );
  }
}

/** As in the verifier: no level was meant to run without its anchors, so a store that is asked for and not there outweighs every step. */
function wholeOf(outcome: VerificationOutcome): Pick<Answer, 'outcome' | 'reason'> {
  const broken = outcome.validations.find(({ error }) => error?.code === 'TRUST_STORE_INVALID')?.error;
  return broken === undefined ? foldOutcome(outcome) : failureOf(broken);
}

function resultOf({ type, action, error }: ValidationResult): Answer['results'][number] {
  return { type, action, error: error?.message ?? null };
}

/** `id` is JSON text; its numbers stay as they were written. */
function lineOf(id: string, { outcome, reason: why, results }: Answer): string {
  return `${escapeControls(`{"id":${id},${JSON.stringify({ outcome, reason: why, results }).slice(1)}`)}\n`;
}

/** Writes, and waits for a slow reader; false when the reader is gone. */
async function send(output: Writable, text: string): Promise<boolean> {
  if (output.errored !== null || output.destroyed) return false;
  if (output.write(text)) return true;
  try {
    await once(output, 'drain');
    return true;
  } catch {
    return false;
  }
}

function tellBug(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : errorText(error)}\n`);
}
