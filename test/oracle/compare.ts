import { EXPECTED_DIFFERENCES, type ExpectedDifference } from './expected-differences.ts';
import type { Answer } from './judges.ts';

/** Two answers to one case, and what changed the case. */
export interface Pair {
  readonly ours: Answer;
  readonly reference: Answer;
  readonly mutators: readonly string[];
}

export type Comparison =
  | { readonly kind: 'agreed' }
  /** A row of the table says so. */
  | { readonly kind: 'expected'; readonly row: string }
  | { readonly kind: 'disagreed'; readonly cause: string };

/**
 * What two answers come to. Accepted by one alone is the worst, and never expected where it is us; a refusal of another kind, and a step
 * that one of two accepts logs and the other does not, count as well.
 */
export function compare(pair: Pair, table: readonly ExpectedDifference[] = EXPECTED_DIFFERENCES): Comparison {
  const cause = difference(pair);
  if (cause === undefined) return { kind: 'agreed' };
  const { ours, reference } = pair;
  const mayBeExpected = ours.outcome !== 'accepted' || reference.outcome === 'accepted' || reference.outcome === 'panicked';
  const row = mayBeExpected ? table.find(({ matches }) => matches(pair)) : undefined;
  return row === undefined ? { kind: 'disagreed', cause } : { kind: 'expected', row: row.id };
}

/** The step that decided a refusal, by the reference's name for it. */
export function decisiveStep({ outcome, results, reason }: Answer): string {
  if (outcome === 'accepted') return 'none';
  const enforced = results.findLast(({ action, error }) => action === 'enforce' && error !== null);
  return enforced?.type ?? STEPS[reason.code] ?? reason.code;
}

/** Whether the reference came as far as checking the signature: what it says of an envelope that it could not read is another matter. */
export function reachedSignature({ results }: Answer): boolean {
  const [integrity] = results;
  return integrity !== undefined && (integrity.error === null || !BEFORE_SIGNATURE.test(integrity.error));
}

const STEPS: Readonly<Record<string, string>> = {
  PAYLOAD_INVALID: 'payload',
  PAYLOAD_MISMATCH: 'payload',
  METADATA_MISMATCH: 'metadata',
  PLUGIN_REQUIRED: 'plugin',
  CRITICAL_ATTRIBUTE_UNKNOWN: 'plugin',
  NO_APPLICABLE_POLICY: 'reference',
  INVALID_REFERENCE: 'retrieval',
  TRUST_POLICY_INVALID: 'policy',
  TRUST_STORE_INVALID: 'authenticity',
};
const BEFORE_SIGNATURE =
  /unable to parse the digital signature|chain is not present|malformed leaf|media type .* is not supported|cbor:|invalid COSE|header parameter|invalid character|unexpected end of JSON|cannot unmarshal|illegal base64|token contains an invalid number|unmarshal/i;

function difference({ ours, reference }: Pair): string | undefined {
  if (ours.outcome !== reference.outcome) {
    const [here, there] = [ours.outcome, reference.outcome].map((outcome) => outcome.toUpperCase());
    return `${here} against ${there}: ${plain(ours)} | ${plain(reference)}`;
  }
  if (ours.outcome !== 'accepted') return undefined;
  const [own, foreign] = [failedSteps(ours), failedSteps(reference)];
  if (own === foreign) return undefined;
  return `ACCEPTED by both: failed steps [${own}] against [${foreign}]: ${plainSteps(ours)} | ${plainSteps(reference)}`;
}

function failedSteps({ results }: Answer): string {
  return results
    .filter(({ error }) => error !== null)
    .map(({ type }) => type)
    .sort()
    .join(' ');
}

function plainSteps({ results }: Answer): string {
  return results.flatMap(({ error }) => (error === null ? [] : [plainText(error)])).join('; ');
}

/** A reason without what differs from case to case. */
function plain({ reason }: Answer): string {
  return `${reason.code} ${plainText(reason.message)}`;
}

function plainText(message: string): string {
  return message
    .replaceAll(/"(?:[^"\\]|\\.)*"?/g, '"…"')
    .replaceAll(/sha256:[0-9a-f]+/g, 'sha256:…')
    .replaceAll(/\b(?:0x)?[0-9a-f]{6,}\b/gi, '…')
    .replaceAll(/\d+/g, '#')
    .replaceAll(/(?:CN|SERIALNUMBER|OU|O|C|ST|L)=[^;|]*/g, 'NAME')
    .replaceAll(/\s+/g, ' ')
    .slice(0, 200);
}
