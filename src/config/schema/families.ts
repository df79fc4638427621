import { exceptionSpec } from '../../rules/exception.ts';
import type { ObjectKind } from './kinds.ts';

const native = { group: 'countersign.dev', versions: ['v1alpha1'], role: 'family', required: [] } as const;

/** Kinds by which families beside Ratify's are declared. */
export const FAMILY_KINDS: readonly ObjectKind[] = [
  {
    kind: 'Exception',
    plural: 'exceptions',
    shortName: 'cex',
    ...native,
    namespaced: false,
    spec: exceptionSpec,
    description: 'Images that may run for a while though a policy would refuse them: why, who answers for it, and until when.',
  },
];
