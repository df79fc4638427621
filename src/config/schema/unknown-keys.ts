import type { z } from 'zod';
import type { ObjectPath } from '../resources.ts';

/** The parts of zod's definitions that the walk reads; zod 4, `schema.def`. */
interface Def {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly catchall?: z.ZodType;
  readonly innerType?: z.ZodType;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
}

/** Where `value` has keys that `schema` does not know; a schema that takes any key (loose, record, unknown) knows all. */
export function unknownKeys(schema: z.ZodType, value: unknown, at: ObjectPath = []): readonly ObjectPath[] {
  const def = schema.def as unknown as Def; // zod types each class apart; the walk needs the union of what they have
  if (def.innerType !== undefined) return unknownKeys(def.innerType, value, at);
  if (def.options !== undefined)
    return fewest(def.options.map((option) => (option.safeParse(value).success ? unknownKeys(option, value, at) : undefined)));
  if (typeof value !== 'object' || value === null) return [];
  const { element, valueType, shape, catchall } = def;
  if (element !== undefined && Array.isArray(value)) return value.flatMap((item, index) => unknownKeys(element, item, [...at, index]));
  if (valueType !== undefined) return Object.entries(value).flatMap(([key, item]) => unknownKeys(valueType, item, [...at, key]));
  if (shape === undefined) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const known = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (known !== undefined) return unknownKeys(known, item, [...at, key]);
    return catchall === undefined ? [[...at, key]] : [];
  });
}

/**
 * Where a map inside `value` has a field named `__proto__`. zod passes it over without a word, and what a policy demands by that name would go
 * with it. `value` itself has fields of fixed names, and can lose none.
 */
export function lostField(value: Readonly<Record<string, unknown>>, at: ObjectPath): ObjectPath | undefined {
  for (const [key, item] of Object.entries(value)) {
    const found = findProto(item, [...at, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findProto(value: unknown, at: ObjectPath): ObjectPath | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const path = [...at, Array.isArray(value) ? Number(key) : key];
    const found = key === '__proto__' ? path : findProto(item, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

function fewest(answers: readonly (readonly ObjectPath[] | undefined)[]): readonly ObjectPath[] {
  return answers.filter((answer) => answer !== undefined).sort((a, b) => a.length - b.length)[0] ?? [];
}
