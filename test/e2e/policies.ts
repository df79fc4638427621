import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../rig/cluster/kube-client.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The objects of a file of the checkout, in its order. */
export function readObjects(path: string): readonly KubeObject[] {
  return parseAllDocuments(readFileSync(join(ROOT, path), 'utf8')).map((document) => document.toJS() as KubeObject);
}

export interface ConstraintOptions {
  readonly kind: string;
  readonly name: string;
  readonly namespaces: readonly string[];
  /** Default: Pods. */
  readonly kinds?: readonly { readonly apiGroups: readonly string[]; readonly kinds: readonly string[] }[];
  /** Default `deny`. */
  readonly action?: 'deny' | 'warn' | 'dryrun';
  readonly parameters?: Readonly<Record<string, unknown>>;
}

export function constraint({ kind, name, namespaces, kinds, action = 'deny', parameters }: ConstraintOptions): KubeObject {
  return {
    apiVersion: 'constraints.gatekeeper.sh/v1beta1',
    kind,
    metadata: { name },
    spec: {
      enforcementAction: action,
      match: { kinds: kinds ?? [{ apiGroups: [''], kinds: ['Pod'] }], namespaces },
      ...(parameters === undefined ? {} : { parameters }),
    },
  };
}
