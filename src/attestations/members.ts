import { CodedError } from '../lib/errors.ts';
import type { JsonObject, JsonValue } from '../lib/json.ts';

/** Why one statement of a document cannot be read; whoever reads the document knows which. */
export class MalformedStatement extends CodedError {
  readonly code = 'ATTESTATIONS_INVALID';
}

/**
 * A member by its name in JSON, or by that of the protocol buffers (`noteName`, `note_name`); undefined for none, or null.
 *
 * @throws {MalformedStatement} If it is there under both: two readers could take different ones.
 */
export function memberOf(object: JsonObject, name: string): JsonValue | undefined {
  const other = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  if (other !== name && object.has(name) && object.has(other)) throw new MalformedStatement(`has both ${name} and ${other}`);
  return object.get(name) ?? object.get(other) ?? undefined;
}

/** A member that is a string; undefined for none, or null. @throws {MalformedStatement} If it is anything else. */
export function textOf(object: JsonObject, name: string): string | undefined {
  const value = memberOf(object, name);
  if (value === undefined || typeof value === 'string') return value;
  throw new MalformedStatement(`expected ${name} to be a string`);
}
