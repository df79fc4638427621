import { close, type Der, isAtEnd, open, TAG, take, takeAny } from './der.ts';
import { oidOf } from './der-values.ts';

/** An AlgorithmIdentifier, RFC 5280 section 4.1.1.2. */
export interface Algorithm {
  readonly oid: string;
  readonly parameters: Der | undefined;
}

/** @throws {DerError} If the element is not an AlgorithmIdentifier. */
export function algorithmOf(element: Der): Algorithm {
  const cursor = open(element, TAG.sequence);
  const oid = oidOf(take(cursor, TAG.oid));
  const parameters = isAtEnd(cursor) ? undefined : takeAny(cursor);
  close(cursor);
  return { oid, parameters };
}

/** Whether the element is NULL without contents. */
export function isNull(element: Der | undefined): boolean {
  return element !== undefined && element.tag === TAG.null && element.content.length === 0;
}
