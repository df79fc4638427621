type Json = Record<string, unknown>;

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

/** `add`, `replace` and `test` of RFC 6902 on members of maps. */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  const copy = structuredClone(target) as Json;
  for (const { op, path, value } of patch as readonly Operation[]) {
    const segments = path.split('/').slice(1);
    const last = segments.pop() ?? '';
    let at: Json = copy;
    for (const segment of segments) at = at[segment] as Json;
    if (op === 'test' && JSON.stringify(at[last]) !== JSON.stringify(value)) throw new Error(`test of ${path} failed`);
    if (op === 'replace' && !(last in at)) throw new Error(`nothing to replace at ${path}`);
    if (op !== 'test') at[last] = value;
  }
  return copy;
}

/** RFC 7386. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Json = typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = applyMergePatch(result[name], value);
  }
  return result;
}
