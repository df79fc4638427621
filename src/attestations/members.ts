import { CodedError } from '../lib/errors.ts';
import type { JsonObject, JsonValue } from '../lib/json.ts';

/** Why one statement of a document cannot be read; whoever reads the document knows which. */
export class MalformedStatement extends CodedError {
  readonly code = 'ATTESTATIONS_INVALID';
}

/**
 * A member by its name in JSON, by that of the protocol buffers, or as Alibaba Cloud writes names (`noteName`, `note_name`, `NoteName`);
 * undefined for none, or null.
 *
 * @throws {MalformedStatement} If it is there under two: two readers could take different ones.
 */
export function memberOf(object: JsonObject, name: string): JsonValue | undefined {
  const [found, another] = new Set(spellings(name).filter((spelling) => object.has(spelling)));
  if (another !== undefined) throw new MalformedStatement(`has both ${found} and ${another}`);
  return found === undefined ? undefined : (object.get(found) ?? undefined);
}

function spellings(name: string): readonly string[] {
  return [name, name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`];
}

/** A member that is a string; undefined for none, or null. @throws {MalformedStatement} If it is anything else. */
export function textOf(object: JsonObject, name: string): string | undefined {
  const value = memberOf(object, name);
  if (value === undefined || typeof value === 'string') return value;
  throw new MalformedStatement(`expected ${name} to be a string`);
}
