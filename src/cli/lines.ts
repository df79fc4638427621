import type { Readable } from 'node:stream';

const NEWLINE = 0x0a;

/** The lines of a stream as bytes, without their ends; `undefined` for one of more than `maxBytes`, which is passed over. Empty lines are left out. */
export async function* lines(input: Readable, maxBytes: number): AsyncGenerator<Buffer | undefined> {
  let parts: Buffer[] = [];
  let length = 0;
  const take = (): Buffer | undefined => {
    const line = length > maxBytes ? undefined : Buffer.concat(parts);
    parts = [];
    length = 0;
    return line;
  };
  const add = (piece: Buffer): void => {
    length += piece.length;
    if (length <= maxBytes) parts.push(piece);
    else parts = [];
  };
  for await (const chunk of input) {
    let rest: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      add(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      const line = take();
      if (line === undefined || !isBlank(line)) yield line;
    }
    if (rest.length > 0) add(rest);
  }
  const last = length > 0 ? take() : Buffer.alloc(0);
  if (last === undefined || !isBlank(last)) yield last;
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
