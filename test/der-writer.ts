/** A tiny DER writer for tests: it writes what it is told, right or wrong. */
export type Part = Uint8Array | readonly never[];

export function concat(parts: readonly Part[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function tlv(tag: number, ...parts: readonly Part[]): Uint8Array {
  const content = concat(parts);
  return concat([Uint8Array.of(tag), lengthOctets(content.length), content]);
}

export function sequence(...parts: readonly Part[]): Uint8Array {
  return tlv(0x30, ...parts);
}

export function context(number: number, ...parts: readonly Part[]): Uint8Array {
  return tlv(0xa0 | number, ...parts);
}

export function boolean(value: boolean): Uint8Array {
  return tlv(0x01, Uint8Array.of(value ? 0xff : 0));
}

/** A non-negative INTEGER. */
export function integer(value: number | bigint): Uint8Array {
  const hex = value.toString(16);
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return tlv(0x02, (octets[0] ?? 0) >= 0x80 ? Uint8Array.of(0) : [], octets);
}

export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tlv(0x06, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}

export function utf8(text: string): Uint8Array {
  return tlv(0x0c, Buffer.from(text, 'utf8'));
}

export function bitString(octets: Uint8Array): Uint8Array {
  return tlv(0x03, Uint8Array.of(0), octets);
}

export function octetString(octets: Uint8Array): Uint8Array {
  return tlv(0x04, octets);
}

export const NULL: Uint8Array = Uint8Array.of(0x05, 0x00);

/** UTCTime before 2050, GeneralizedTime from then on. */
export function time(date: Date): Uint8Array {
  const text = `${date.toISOString().replace(/[-:T]|\.\d+Z/g, '')}Z`;
  return date.getUTCFullYear() < 2050 ? tlv(0x17, Buffer.from(text.slice(2))) : tlv(0x18, Buffer.from(text));
}

function lengthOctets(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const hex = length.toString(16);
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return concat([Uint8Array.of(0x80 | octets.length), octets]);
}

function base128(arc: number): number[] {
  const octets = [arc % 0x80];
  for (let rest = Math.floor(arc / 0x80); rest > 0; rest = Math.floor(rest / 0x80)) octets.unshift(0x80 | (rest % 0x80));
  return octets;
}
