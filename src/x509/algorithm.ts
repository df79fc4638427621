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

export type HashName = 'sha256' | 'sha384' | 'sha512';

const HASHES: ReadonlyMap<string, HashName> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

/** The hash that is meant, without parameters or with NULL for them; undefined for every other one. */
export function hashNameOf({ oid, parameters }: Algorithm): HashName | undefined {
  return parameters === undefined || isNull(parameters) ? HASHES.get(oid) : undefined;
}

/** Whether the element is NULL without contents. */
export function isNull(element: Der | undefined): boolean {
  return element !== undefined && element.tag === TAG.null && element.content.length === 0;
}
