/** At least one; a target without seeds is a mistake of ours. */
export function nonEmpty(seeds: readonly Uint8Array[]): readonly [Uint8Array, ...Uint8Array[]] {
  const [first, ...others] = seeds;
  if (first === undefined) throw new Error('a target without seeds');
  return [first, ...others];
}

export function textSeeds(texts: readonly string[]): readonly Uint8Array[] {
  return texts.map((text) => new Uint8Array(Buffer.from(text)));
}
