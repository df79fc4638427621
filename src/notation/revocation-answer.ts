import { CodedError, errorText } from '../lib/errors.ts';
import type { Patience } from '../lib/facts.ts';
import { compareInstants, type Instant, instantOf } from '../lib/instant.ts';
import type { RevocationPort } from '../lib/revocation.ts';
import { DerError, readDer, TAG } from '../x509/der.ts';
import { timeOf } from '../x509/der-values.ts';
import type { Certificate, Extension } from '../x509/types.ts';
import { expectedFailure } from './errors.ts';

/** One certificate whose status is asked for, and who issued it. */
export interface Question {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
  /** When it was signed, if that is known for certain: a later revocation then does not count. */
  readonly authenticSigningTime: Instant | undefined;
  readonly now: Date;
  /** What is unknown is only noted. */
  readonly noted: boolean;
  readonly port: RevocationPort;
  readonly signal: AbortSignal;
}

/** What one source says. `unknown` says why; `validUntil` is when the answer may change. */
export type CertificateStatus =
  | { readonly status: 'good' | 'revoked'; readonly validUntil: Date }
  | { readonly status: 'unknown'; readonly why: string };

/** An answer that is there and is not to be believed, or has nothing to say. */
export class BadAnswer extends CodedError {
  readonly code = 'REVOCATION_ANSWER_INVALID';
}

/** Why a source was no help; a defect of ours goes on up. */
export function whyNot(error: unknown): string {
  // A load has a limit of its own, which nobody who waits has set.
  if (error instanceof DOMException && error.name === 'TimeoutError') return error.message;
  return errorText(expectedFailure(error));
}

/** Clocks differ: an answer from a little later than now is believed. */
const SKEW_MS = 5 * 60_000;

/** @throws {BadAnswer} Unless `now` lies between the two times; an answer without an end is an old one. */
export function checkFresh(what: string, thisUpdate: Date, nextUpdate: Date | undefined, now: Date): Date {
  if (nextUpdate === undefined) throw new BadAnswer(`${what} without nextUpdate`);
  // Negated, so that a clock that gives no time finds no answer fresh.
  if (!(now <= nextUpdate)) throw new BadAnswer(`expired ${what}: nextUpdate was ${nextUpdate.toISOString()}`);
  if (!(thisUpdate.getTime() <= now.getTime() + SKEW_MS))
    throw new BadAnswer(`${what} from the future: thisUpdate is ${thisUpdate.toISOString()}`);
  return nextUpdate;
}

/** When to ask again ahead of need: after three quarters of the time that is left. */
export function refreshFrom(nextUpdate: Date, now: Date): Date {
  return new Date(now.getTime() + (nextUpdate.getTime() - now.getTime()) * 0.75);
}

/** Milliseconds: how long a source without an answer is left alone, and how long others are heard instead while it is asked behind their back. */
const REST_MS = 5_000;
const STALE_MS = 5 * 60_000;

/**
 * What to do about a source that had no answer. Where lists decide instead, or nothing has to be decided, a responder that is down for long must
 * not hold up every verdict by its deadline. Where nothing else decides, it is asked anew each time, so that an image is judged as soon as
 * the responder is back.
 */
export function patienceOf({ noted }: Question, hasOthers: boolean): Patience | undefined {
  return noted || hasOthers ? { restMs: REST_MS, staleMs: STALE_MS } : undefined;
}

const INVALIDITY_DATE = '2.5.29.24';

/**
 * Whether the certificate was still good when it was signed: the revocation says since when it is invalid (RFC 5280 section 5.3.2), and the
 * authentic signing time is before that.
 *
 * @throws {DerError} If the date is malformed.
 */
export function wasValidAtSigning(extensions: readonly Extension[], authenticSigningTime: Instant | undefined): boolean {
  const date = extensions.find(({ oid }) => oid === INVALIDITY_DATE);
  if (date === undefined) return false;
  const element = readDer(date.value);
  if (element.tag !== TAG.generalizedTime) throw new DerError('invalidityDate: expected a GeneralizedTime');
  const invalidSince = instantOf(timeOf(element));
  return authenticSigningTime !== undefined && compareInstants(authenticSigningTime, invalidSince) < 0;
}

export function isInvalidityDate({ oid }: Extension): boolean {
  return oid === INVALIDITY_DATE;
}
