import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { reason } from '../engine/reason.ts';
import type { Outcome, Reason } from '../engine/types.ts';
import { createFactCache } from '../lib/cache.ts';
import type { FactCache } from '../lib/facts.ts';
import { NotationError } from '../notation/errors.ts';
import { parseTrustPolicyDocument, selectTrustPolicy } from '../notation/trust-policy.ts';
import { createTrustStore } from '../notation/trust-store.ts';
import type { ValidationResult } from '../notation/types.ts';
import { verifySignature } from '../notation/verify.ts';
import { failureOf, foldOutcome } from '../verifiers/notation.ts';
import { CaseError, type JudgeCase, readCase, trustStoresOf } from './judge-case.ts';
import { lines } from './lines.ts';

interface Answer {
  readonly id: unknown;
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly results: readonly { readonly type: string; readonly action: string; readonly error: string | null }[];
}

const MAX_LINE_BYTES = 16 * 1024 * 1024;
const FACT_BYTES = 32 * 1024 * 1024;

/**
 * `countersign judge`: a verdict on each line of `input`, in order, with the registry and the revocation network replaced by the line. Resolves
 * with 0 when every line was a case, 3 otherwise.
 */
export async function judgeCommand(input: Readable, output: Writable): Promise<number> {
  const facts = createFactCache({ maxBytes: FACT_BYTES });
  let everyLineRead = true;
  for await (const line of lines(input, MAX_LINE_BYTES)) {
    const answer = await answerTo(line, facts);
    if (answer.id === null && answer.reason.code === 'CASE_INVALID') everyLineRead = false;
    if (!output.write(`${JSON.stringify(answer)}\n`)) await once(output, 'drain');
  }
  return everyLineRead ? 0 : 3;
}

async function answerTo(line: Buffer | undefined, facts: FactCache): Promise<Answer> {
  let found: JudgeCase;
  try {
    if (line === undefined) throw new CaseError(`expected at most ${MAX_LINE_BYTES} bytes in a line`);
    found = readCase(line);
  } catch (error) {
    if (!(error instanceof CaseError)) throw error;
    return { id: null, outcome: 'misconfigured', reason: reason(error.code, error.message), results: [] };
  }
  try {
    return { id: found.id, ...(await judge(found, facts)) };
  } catch (error) {
    if (!(error instanceof NotationError)) throw error;
    return { id: found.id, ...failureOf(error), results: [] };
  }
}

async function judge(found: JudgeCase, facts: FactCache): Promise<Omit<Answer, 'id'>> {
  const document = parseTrustPolicyDocument(found.trustPolicy);
  const policy = selectTrustPolicy(document, found.reference);
  const outcome = await verifySignature({
    ...found,
    policy,
    trustStore: await createTrustStore(trustStoresOf(found.trustStores)),
    now: found.now ?? new Date(),
    facts,
    signal: new AbortController().signal,
  });
  const folded = foldOutcome(outcome);
  return { outcome: folded.outcome, reason: folded.reason, results: outcome.validations.map(resultOf) };
}

function resultOf({ type, action, error }: ValidationResult): Answer['results'][number] {
  return { type, action, error: error?.message ?? null };
}
