/** The same list, typed as one that has a first item; a list of seeds or of words without any is a mistake of ours. */
export function nonEmpty<T>(items: readonly T[]): readonly [T, ...T[]] {
  const [first, ...others] = items;
  if (first === undefined) throw new Error('a list without items');
  return [first, ...others];
}

export function textSeeds(texts: readonly string[]): readonly Uint8Array[] {
  return texts.map((text) => new Uint8Array(Buffer.from(text)));
}
