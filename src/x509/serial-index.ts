/**
 * Places by serial number, for lists of up to a million: an open-addressing table of offsets, four bytes a slot, instead of an object an
 * entry. Hand-written since a Map of a million strings takes twenty times the memory and fills while the event loop stands still.
 */
export interface SerialIndex {
  /** Bytes that it takes. */
  readonly bytes: number;
  /** False if the slots near by are all taken, which no honest list comes to. */
  add(serial: Uint8Array, offset: number): boolean;
  /** Offsets under what may be this serial number, in the order in which they were added; the caller compares. */
  candidates(serial: Uint8Array): Iterable<number>;
}

const MAX_PROBES = 1024;

/** @param entries At least how many there will be. @param seed Random, so that nobody can choose numbers that collide. */
export function createSerialIndex(entries: number, seed: number): SerialIndex {
  const size = 2 ** Math.max(4, Math.ceil(Math.log2(entries * 1.5 + 1)));
  const slots = new Uint32Array(size);
  const mask = size - 1;
  return {
    bytes: slots.byteLength,
    add(serial, offset) {
      let at = hash(serial, seed) & mask;
      for (let probes = 0; probes < MAX_PROBES; probes++) {
        if (slots[at] === 0) {
          slots[at] = offset + 1;
          return true;
        }
        at = (at + 1) & mask;
      }
      return false;
    },
    *candidates(serial) {
      let at = hash(serial, seed) & mask;
      for (let probes = 0; probes < MAX_PROBES; probes++) {
        const slot = slots[at] ?? 0;
        if (slot === 0) return;
        yield slot - 1;
        at = (at + 1) & mask;
      }
    },
  };
}

/** Multiply and mix (the finisher of MurmurHash3), begun with the seed. */
function hash(serial: Uint8Array, seed: number): number {
  let h = seed | 0;
  for (let i = 0; i < serial.length; i++) {
    h = Math.imul(h ^ (serial[i] ?? 0), 0x5bd1e995);
    h ^= h >>> 15;
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
