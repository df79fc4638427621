import type { Instant } from '../lib/instant.ts';
import { type Algorithm, algorithmOf } from './algorithm.ts';
import { close, contextTag, type Der, DerError, onlyChild, open, readDer, TAG, take, takeOptional } from './der.ts';
import { booleanOf, generalizedInstantOf, integerOf, oidOf, smallIntegerOf } from './der-values.ts';
import { readExtensionList } from './extensions.ts';

/** A TSTInfo (RFC 3161 section 2.4.2), read and not yet believed. */
export interface TstInfo {
  readonly version: number;
  /** OID of the authority's policy. */
  readonly policy: string;
  readonly imprint: { readonly algorithm: Algorithm; readonly digest: Uint8Array };
  readonly genTime: Instant;
  /** How far genTime may be off; undefined where it is not said. */
  readonly accuracy: Instant | undefined;
}

/**
 * Reads a TSTInfo, without trailing data. An accuracy of zero is read as one; the serial number, ordering, nonce and the authority's name are
 * only checked for their form.
 *
 * @throws {DerError} Also if the accuracy is negative or out of range, or an extension critical, as none is known.
 */
export function readTstInfo(bytes: Uint8Array): TstInfo {
  const cursor = open(readDer(bytes), TAG.sequence);
  const version = smallIntegerOf(take(cursor, TAG.integer));
  const policy = oidOf(take(cursor, TAG.oid));
  const imprint = readImprint(take(cursor, TAG.sequence));
  integerOf(take(cursor, TAG.integer));
  const genTime = generalizedInstantOf(take(cursor, TAG.generalizedTime));
  const accuracy = takeOptional(cursor, TAG.sequence);
  const ordering = takeOptional(cursor, TAG.boolean);
  const nonce = takeOptional(cursor, TAG.integer);
  const authority = takeOptional(cursor, contextTag(0, 'constructed'));
  const extensions = takeOptional(cursor, contextTag(1, 'constructed'));
  close(cursor);
  if (ordering !== undefined) booleanOf(ordering);
  if (nonce !== undefined) integerOf(nonce);
  if (authority !== undefined) onlyChild(authority);
  if (extensions !== undefined) checkExtensions(extensions);
  return { version, policy, imprint, genTime, accuracy: accuracy === undefined ? undefined : readAccuracy(accuracy) };
}

function readImprint(element: Der): TstInfo['imprint'] {
  const cursor = open(element, TAG.sequence);
  const algorithm = algorithmOf(take(cursor, TAG.sequence));
  const digest = take(cursor, TAG.octetString).content;
  close(cursor);
  return { algorithm, digest };
}

const MAX_SECONDS = 2 ** 31 - 1;

/** The range of the thousandths begins at 1; a zero says the same as nothing. */
function readAccuracy(element: Der): Instant {
  const cursor = open(element, TAG.sequence);
  const seconds = takeOptional(cursor, TAG.integer);
  const millis = takeOptional(cursor, contextTag(0, 'primitive'));
  const micros = takeOptional(cursor, contextTag(1, 'primitive'));
  close(cursor);
  const upTo = (max: number, number: Der | undefined): number => {
    const value = number === undefined ? 0 : smallIntegerOf({ ...number, tag: TAG.integer });
    if (value > max) throw new DerError(`accuracy out of range: ${value} is more than ${max}`);
    return value;
  };
  return { seconds: upTo(MAX_SECONDS, seconds), nanoseconds: upTo(999, millis) * 1e6 + upTo(999, micros) * 1e3 };
}

function checkExtensions(element: Der): void {
  const critical = readExtensionList({ ...element, tag: TAG.sequence }).find((extension) => extension.critical);
  if (critical !== undefined) throw new DerError(`critical extension ${critical.oid}, which is not known`);
}
