import { childrenOf, close, type Der, open, TAG, take, takeAny } from './der.ts';
import { oidOf, stringOf } from './der-values.ts';
import { tlv } from './der-writer.ts';
import type { Name, NameAttribute } from './types.ts';

/** @throws {DerError} If it is not an RDNSequence of string attributes. */
export function readName(element: Der): Name {
  return childrenOf(element, TAG.sequence).map((rdn) => childrenOf(rdn, TAG.set).map(readAttribute));
}

/**
 * Writes a name as Go's `pkix.Name.String()` does (RFC 4514 with its own order): `CN=e2e,O=Notary,L=Seattle,ST=WA,C=US` whatever the
 * order in the certificate. Repeated values of one type are joined with `+`, of repeated CN and SERIALNUMBER the last one counts, every
 * other type comes last as `<oid>=#<hex of DER>`.
 */
export function nameText(name: Name): string {
  const attributes = name.flat();
  const known = KNOWN.flatMap(({ oid, label, single }) => {
    const values = attributes.filter((attribute) => attribute.oid === oid).map((attribute) => attribute.value ?? '');
    const written = single ? values.slice(-1).filter((value) => value !== '') : values;
    return written.length === 0 ? [] : [written.map((value) => `${label}=${escapeValue(value)}`).join('+')];
  });
  const others = attributes
    .filter((attribute) => !KNOWN.some(({ oid }) => oid === attribute.oid))
    .map((attribute) => `${attribute.oid}=#${Buffer.from(marshalled(attribute)).toString('hex')}`)
    .reverse();
  return [...known, ...others].join(',');
}

/** In the order in which they are written. */
const KNOWN = [
  { oid: '2.5.4.5', label: 'SERIALNUMBER', single: true },
  { oid: '2.5.4.3', label: 'CN', single: true },
  { oid: '2.5.4.11', label: 'OU', single: false },
  { oid: '2.5.4.10', label: 'O', single: false },
  { oid: '2.5.4.17', label: 'POSTALCODE', single: false },
  { oid: '2.5.4.9', label: 'STREET', single: false },
  { oid: '2.5.4.7', label: 'L', single: false },
  { oid: '2.5.4.8', label: 'ST', single: false },
  { oid: '2.5.4.6', label: 'C', single: false },
] as const;

function readAttribute(element: Der): NameAttribute {
  const cursor = open(element, TAG.sequence);
  const oid = oidOf(take(cursor, TAG.oid));
  const value = takeAny(cursor);
  close(cursor);
  return { oid, value: stringOf(value), der: value.raw };
}

function escapeValue(value: string): string {
  const characters = [...value];
  // Go compares the byte offset of a character with the length in bytes; for a space at the end both say the same.
  return characters
    .map((character, i) => {
      const atEdge = character === ' ' && (i === 0 || i === characters.length - 1);
      return ',+"\\<>;'.includes(character) || atEdge || (character === '#' && i === 0) ? `\\${character}` : character;
    })
    .join('');
}

/** The DER that Go makes of the text again: PrintableString where that can hold it, else UTF8String. */
function marshalled(attribute: NameAttribute): Uint8Array {
  if (attribute.value === undefined) return attribute.der;
  const content = Buffer.from(attribute.value, 'utf8');
  const tag = /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(attribute.value) ? TAG.printableString : TAG.utf8String;
  return tlv(tag, content);
}
