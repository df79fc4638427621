import { nameText } from '../x509/name.ts';
import type { Certificate } from '../x509/types.ts';

/** Attribute values by type, as a distinguished name gives them. */
export type DistinguishedName = ReadonlyMap<string, string>;

const MANDATORY = ['C', 'ST', 'O'] as const;
const ESCAPABLE = new Set(' "#+,;<=>\\');
const HEX_PAIR = /^[0-9a-fA-F]{2}$/;

/** Why a text is no distinguished name that identities may use. */
export class DistinguishedNameError extends Error {}

/**
 * Parses a distinguished name by the reference's rules: `,` or `;` between attributes, no multi-valued RDNs, no quoting, types as
 * written but for `S`, which is `ST`; `C`, `ST` and `O` must be there.
 *
 * @throws {DistinguishedNameError}
 */
export function parseDistinguishedName(text: string): DistinguishedName {
  if (text.includes('=#')) throw new DistinguishedNameError(`unsupported "=#" in distinguished name "${text.slice(0, 120)}"`);
  const attributes = new Map<string, string>();
  for (const [type, value] of splitAttributes(text)) {
    const name = type === 'S' ? 'ST' : type;
    const earlier = attributes.get(name);
    if (earlier !== undefined && earlier !== '') throw new DistinguishedNameError(`distinguished name has duplicate attribute "${name}"`);
    attributes.set(name, value);
  }
  for (const type of MANDATORY) {
    if ((attributes.get(type) ?? '') === '')
      throw new DistinguishedNameError(`distinguished name has no mandatory RDN attribute for "${type}"`);
  }
  return attributes;
}

/** Whether every pair of `part` is in `whole`, byte for byte; an empty value also matches an absent attribute. */
export function isSubsetOf(part: DistinguishedName, whole: DistinguishedName): boolean {
  return [...part].every(([type, value]) => (whole.get(type) ?? '') === value);
}

/** Whether two identities overlap: all pairs of one are in the other. */
export function overlap(a: DistinguishedName, b: DistinguishedName): boolean {
  return isContained(a, b) || isContained(b, a);
}

/** The subject of a signing certificate, rendered and read by the same rules as identities. */
export function subjectOf(leaf: Certificate): DistinguishedName {
  return parseDistinguishedName(nameText(leaf.subject));
}

function isContained(part: DistinguishedName, whole: DistinguishedName): boolean {
  return [...part].every(([type, value]) => whole.get(type) === value);
}

/** go-ldap's ParseDN: a scan with one look-ahead, for escapes. */
function splitAttributes(text: string): [type: string, value: string][] {
  const attributes: [string, string][] = [];
  if (text.trim() === '') return attributes;
  let type: string | undefined;
  let bytes: number[] = [];
  let keepTrailing = 0;
  const take = (): string => {
    const end = trimmedEnd(bytes, keepTrailing);
    const start = bytes.findIndex((byte) => byte !== 0x20);
    const taken = Buffer.from(bytes.slice(start === -1 ? end : Math.min(start, end), end)).toString('utf8');
    bytes = [];
    keepTrailing = 0;
    return taken;
  };
  const finish = (): void => {
    if (type === undefined) throw new DistinguishedNameError(`incomplete type, value pair in distinguished name "${text.slice(0, 120)}"`);
    attributes.push([type, take()]);
    type = undefined;
  };
  for (let at = 0; at < text.length; ) {
    const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (char === '\\') {
      const [byte, length] = readEscape(text, at);
      bytes.push(byte);
      keepTrailing = bytes.length;
      at += length;
      continue;
    }
    at += char.length;
    if (char === '=' && type === undefined) {
      type = take();
      if (type === '') throw new DistinguishedNameError(`incomplete type, value pair in distinguished name "${text.slice(0, 120)}"`);
    } else if (char === '+')
      throw new DistinguishedNameError(
        'distinguished name has multi-valued RDN attributes, remove multi-valued RDN attributes as they are not supported',
      );
    else if (char === ',' || char === ';') finish();
    else bytes.push(...Buffer.from(char, 'utf8'));
  }
  finish();
  return attributes;
}

function readEscape(text: string, at: number): [byte: number, length: number] {
  const next = text.charAt(at + 1);
  if (next !== '' && ESCAPABLE.has(next)) return [next.charCodeAt(0), 2];
  const pair = text.slice(at + 1, at + 3);
  if (HEX_PAIR.test(pair)) return [Number.parseInt(pair, 16), 3];
  throw new DistinguishedNameError(`invalid escape in distinguished name "${text.slice(0, 120)}"`);
}

/** Spaces at the end go, but for one that was escaped. */
function trimmedEnd(bytes: readonly number[], keep: number): number {
  let end = bytes.length;
  while (end > keep && bytes[end - 1] === 0x20) end--;
  return end;
}
