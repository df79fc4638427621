import { imageSigningRuleSpec } from '../../rules/acr.ts';
import { exceptionSpec } from '../../rules/exception.ts';
import { imageVerificationPolicySpec } from '../../rules/oke.ts';
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
  {
    kind: 'ImageSigningRule',
    plural: 'imagesigningrules',
    shortName: 'isr',
    ...native,
    namespaced: false,
    spec: imageSigningRuleSpec,
    description: 'Who must have signed the images of a Container Registry instance, and whether their tags are signed too.',
  },
  {
    kind: 'ImageVerificationPolicy',
    plural: 'imageverificationpolicies',
    shortName: 'ivp',
    ...native,
    namespaced: false,
    spec: imageVerificationPolicySpec,
    description: 'Keys of OCI Vault of which one must have signed the images of the registries that it names.',
  },
];
