import type { Request } from '../engine/types.ts';
import { InvalidReferenceError, parseReference } from '../oci/reference.ts';

/** A key as parsed, or why it names no image: then that item's error, whatever the other keys are. */
export type ParsedKey = { readonly request: Request } | { readonly error: string };

/** What the part between the brackets says. */
interface Scope {
  readonly namespace?: string;
  readonly attributes: ReadonlyMap<string, string>;
}

const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
const NO_SCOPE: Scope = { attributes: new Map<string, string>() };

/**
 * Parses a key of `/verify`: `image`, `[namespace]image` or `[namespace?name=value&...]image`; `[]image` is `image`.
 *
 * Names and values of attributes are percent-encoded (a `+` is a space, as Rego's `urlquery.encode` writes it). Nothing in the image can add one.
 */
export function parseVerifyKey(key: string, maxBytes: number): ParsedKey {
  return parse(key, maxBytes, (text) => {
    if (!text.startsWith('[')) return { scope: NO_SCOPE, image: text };
    const end = text.indexOf(']');
    if (end === -1) throw new InvalidReferenceError('expected ] after [namespace, found none');
    return { scope: parseScope(text.slice(1, end)), image: text.slice(end + 1) };
  });
}

/** Parses a key of `/mutate`: an image and nothing else; a bracket is an invalid reference there. */
export function parseMutateKey(key: string, maxBytes: number): ParsedKey {
  return parse(key, maxBytes, (text) => ({ scope: NO_SCOPE, image: text }));
}

function parse(key: string, maxBytes: number, split: (key: string) => { scope: Scope; image: string }): ParsedKey {
  try {
    // Two steps, so that the length of an endless key is not counted byte for byte.
    if (key.length > maxBytes || Buffer.byteLength(key) > maxBytes) {
      throw new InvalidReferenceError(`expected a key of at most ${maxBytes} bytes, found more`);
    }
    if (!key.isWellFormed()) throw new InvalidReferenceError('expected Unicode text, found half of a surrogate pair');
    if (CONTROL.test(key)) throw new InvalidReferenceError('expected printable text, found a control character');
    const { scope, image } = split(key);
    return { request: { reference: parseReference(image), text: image, ...scope } };
  } catch (error) {
    if (error instanceof InvalidReferenceError) return { error: `INVALID_REFERENCE: ${error.message}` };
    throw error;
  }
}

function parseScope(text: string): Scope {
  const question = text.indexOf('?');
  const namespace = question === -1 ? text : text.slice(0, question);
  if (namespace !== '' && !NAMESPACE.test(namespace)) {
    throw new InvalidReferenceError('expected a namespace of lower-case letters, digits and - (at most 63) in the brackets');
  }
  const attributes = question === -1 ? NO_SCOPE.attributes : parseAttributes(text.slice(question + 1));
  return namespace === '' ? { attributes } : { namespace, attributes };
}

function parseAttributes(text: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const pair of text === '' ? [] : text.split('&')) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new InvalidReferenceError('expected attributes as name=value with & between them');
    const name = decode(pair.slice(0, equals));
    if (attributes.has(name)) throw new InvalidReferenceError('expected each attribute once, found one twice');
    attributes.set(name, decode(pair.slice(equals + 1)));
  }
  return attributes;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (error) {
    throw new InvalidReferenceError('expected attributes in percent-encoded UTF-8', { cause: error });
  }
}
