/** What an object declares; cluster and namespaced kinds, the two spellings of a key provider, and whatever families beside Ratify's declare, are one role each. */
export type Role = 'store' | 'verifier' | 'policy' | 'keyProvider' | 'family';

/** Keys and indexes from the root of an object. */
export type ObjectPath = readonly (string | number)[];

/** Something to tell about a declaration. Only an `error` keeps the object from applying. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning' | 'note';
  readonly file: string;
  readonly line?: number;
  /** Kind and name, such as `Verifier verifier-notation` or `NamespacedStore team-a/store`. */
  readonly object?: string;
  /** Where in the object, such as `spec.parameters.trustPolicyDoc`; empty for the whole object or file. */
  readonly path: string;
  /** A code of docs/errors.md. */
  readonly code: string;
  readonly message: string;
}

/** Where an object was written. */
export interface Origin {
  readonly file: string;
  /** Line of the key or element at `path`, or of the nearest enclosing one that is there. */
  line(path: ObjectPath): number | undefined;
}

/** An object as declared: identified, but its `spec` not looked at yet. */
export interface Declared {
  readonly role: Role;
  readonly kind: string;
  readonly apiVersion: string;
  /** Undefined for cluster kinds. */
  readonly namespace: string | undefined;
  /** Empty for an object that lacks a usable name. */
  readonly name: string;
  /** Plain data as YAML or JSON gave it; members by names such as `__proto__` are own properties. */
  readonly object: Readonly<Record<string, unknown>>;
  readonly origin: Origin;
  /** Why the object cannot apply, found out while it was read. */
  readonly broken: boolean;
}

/** Everything declared at one instant, in the order of files and documents. */
export interface ResourceSet {
  readonly declared: readonly Declared[];
  /** Files with a part that could not be read: what they declared before and do not now may just have become unreadable. */
  readonly brokenFiles: ReadonlySet<string>;
}

/** Identity of an object; injective, since names and namespaces are parts of an array. */
export function identity(declared: Pick<Declared, 'kind' | 'namespace' | 'name'>): string {
  return JSON.stringify([declared.kind, declared.namespace ?? null, declared.name]);
}

/** Kind and name as people write them: `NamespacedStore team-a/store`. */
export function objectName(declared: Pick<Declared, 'kind' | 'namespace' | 'name'>): string {
  const name = declared.name === '' ? '(unnamed)' : declared.name;
  return `${declared.kind} ${declared.namespace === undefined ? name : `${declared.namespace}/${name}`}`;
}

/** `spec.parameters.keys[0].name`; a key that is not a plain word is quoted, and cut at 64 characters. */
export function pathText(path: ObjectPath): string {
  return path
    .map((segment) => {
      if (typeof segment === 'number') return `[${segment}]`;
      return PLAIN_KEY.test(segment) ? `.${segment}` : `[${JSON.stringify(segment.slice(0, 64))}]`;
    })
    .join('')
    .replace(/^\./, '');
}

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** `pathText` read back, as far as plain words and indexes go. */
export function parsePath(text: string): ObjectPath {
  return [...text.matchAll(/[^.[\]]+/g)].map(([segment]) => (/^[0-9]{1,6}$/.test(segment) ? Number(segment) : segment));
}
