import { setImmediate } from 'node:timers/promises';

/** Octets copied before the event loop gets a turn: a millisecond where the memory is new. */
const SLICE_BYTES = 1024 * 1024;

/** The chunks, `length` octets in all, as one. Many octets are copied in slices between which the event loop runs. */
export async function joinChunks(chunks: readonly Uint8Array[], length: number): Promise<Uint8Array> {
  const whole = Buffer.allocUnsafeSlow(length);
  let at = 0;
  let turnAt = SLICE_BYTES;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
    if (at < turnAt) continue;
    turnAt = at + SLICE_BYTES;
    await setImmediate();
  }
  return whole;
}
