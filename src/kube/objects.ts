import type { Reading } from '../config/objects.ts';
import { readObjects } from '../config/objects.ts';
import type { Declared, Diagnostic } from '../config/resources.ts';
import type { ObjectKind } from '../config/schema/kinds.ts';
import { KubeError } from './errors.ts';

/** What the API server says of any object, as far as it is read here. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly deletionTimestamp?: string;
  };
  readonly [member: string]: unknown;
}

/** Stands for a file name in diagnostics about objects of the cluster. */
export const CLUSTER = 'cluster';

/** An object of the cluster, and what it declares. */
export interface Entry {
  readonly object: KubeObject;
  readonly declared: Declared | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Changes when what is declared does; not with status, labels and the like. */
  readonly essence: string;
}

/** The path of a kind's list, of one object, or of a part of it. */
export function pathOf(kind: ObjectKind, at?: { readonly name: string; readonly namespace?: string | undefined }, part = ''): string {
  const root = `/apis/${apiVersionOf(kind)}`;
  if (at === undefined) return `${root}/${kind.plural}`;
  const scope = at.namespace === undefined ? '' : `/namespaces/${encodeURIComponent(at.namespace)}`;
  return `${root}${scope}/${kind.plural}/${encodeURIComponent(at.name)}${part === '' ? '' : `/${part}`}`;
}

/** The version that is stored, and asked for. */
function apiVersionOf({ group, versions }: ObjectKind): string {
  return `${group}/${versions[0]}`;
}

/** @throws {KubeError} for what is no object of the API server. */
export function readKubeObject(value: unknown): KubeObject {
  const metadata = member(value, 'metadata');
  for (const name of ['name', 'uid', 'resourceVersion']) {
    if (typeof member(metadata, name) !== 'string') throw new KubeError('CLUSTER_UNREACHABLE', `expected an object with metadata.${name}`);
  }
  return value as KubeObject; // the members that the type requires were just looked at
}

/** Reads what an object declares; `before` is what it was read as last, and is used again where only other parts of it changed. */
export function readEntry(object: KubeObject, kind: ObjectKind, ownNamespace: string, before: Entry | undefined): Entry {
  const essence = JSON.stringify([object.metadata.uid, object.spec ?? null]);
  if (before !== undefined && before.essence === essence) return { ...before, object };
  const origin = { file: CLUSTER, line: () => undefined };
  // Lists of the API server may leave out what all of their items have in common.
  const whole = { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind };
  const { declared, diagnostics }: Reading = readObjects(whole, { origin, ownNamespace });
  return { object, declared: declared[0], diagnostics, essence };
}

/** A key that no two objects of a kind share. */
export function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/** An own member of a map; undefined of anything else. */
export function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name]; // own member of an object, just checked
}
