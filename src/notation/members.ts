/**
 * The name among `known` that `name` is a variant of: equal but for case as Go's JSON decoder folds it (U+017F is an `s`, U+212A a
 * `k`). Undefined for a known name itself and for every other name.
 */
export function variantOf(name: string, known: readonly string[]): string | undefined {
  if (known.includes(name)) return undefined;
  const folded = fold(name);
  return known.find((candidate) => fold(candidate) === folded);
}

// Upper case first turns U+017F into S, lower case then U+212A into k.
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}
