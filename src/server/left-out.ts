import type { Reason, Reference } from '../engine/types.ts';
import { shortDigest } from '../oci/digest.ts';
import { repositoryText } from '../oci/reference.ts';
import { asciiLine } from './protocol.ts';

/** A key without a definitive answer, and why. */
export interface LeftOut {
  readonly reference: Reference;
  readonly outcome: 'unavailable' | 'misconfigured';
  readonly reason: Reason;
}

const MAX_BYTES = 1024;
const MAX_NAME = 80;
/** What the count of the rest needs at most. */
const TAIL = 24;

/**
 * The `systemError` for keys that were left out of `asked`: each with its outcome and code, as many as fit, then the rest as a number, then the first reason in words.
 * One ASCII line of at most 1 KiB; empty when nothing was left out.
 */
export function leftOutError(leftOut: readonly LeftOut[], asked: number): string {
  const first = leftOut[0];
  if (first === undefined) return '';
  const why = `: ${asciiLine(first.reason.message, 230)}`;
  let line = `${leftOut.length} of ${asked} images not evaluated: `;
  let named = 0;
  for (const entry of leftOut) {
    const text = `${named === 0 ? '' : ', '}${imageName(entry.reference)} (${entry.outcome} ${asciiLine(entry.reason.code, 40)})`;
    if (line.length + text.length + TAIL + why.length > MAX_BYTES) break;
    line += text;
    named += 1;
  }
  const rest = leftOut.length - named;
  return `${line}${rest > 0 ? ` and ${rest} more` : ''}${why}`;
}

/** The repository with the first 12 digits of the digest, or with the tag. */
export function imageName(reference: Reference): string {
  const end = reference.digest === undefined ? `:${reference.tag ?? 'latest'}` : `@${shortDigest(reference.digest)}`;
  const name = `${repositoryText(reference)}${asciiLine(end, MAX_NAME / 2)}`;
  if (name.length <= MAX_NAME) return asciiLine(name, MAX_NAME);
  const shown = asciiLine(end, MAX_NAME / 2);
  return `${asciiLine(repositoryText(reference), MAX_NAME - shown.length)}${shown}`;
}
