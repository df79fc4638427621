import { imageSigningRuleSpec } from '../../rules/acr.ts';
import { exceptionSpec } from '../../rules/exception.ts';
import {
  admissionAllowlistSpec,
  attestationAuthoritySpec,
  genericAttestationPolicySpec,
  imageSecurityPolicySpec,
} from '../../rules/kritis-specs.ts';
import { imageVerificationPolicySpec } from '../../rules/oke.ts';
import type { ObjectKind } from './kinds.ts';

const native = { group: 'countersign.dev', versions: ['v1alpha1'], role: 'family', required: [] } as const;
const kritis = { group: 'kritis.grafeas.io', versions: ['v1beta1'], role: 'family', required: [] } as const;

/** Kinds by which families beside Ratify's are declared. */
export const FAMILY_KINDS: readonly ObjectKind[] = [
  {
    kind: 'Exception',
    plural: 'exceptions',
    shortName: 'cex',
    ...native,
    namespaced: false,
    exempts: true,
    spec: exceptionSpec,
    description: 'Images that may run for a while though a policy would refuse them: why, who answers for it, and until when.',
  },
  {
    kind: 'AttestationAuthority',
    plural: 'attestationauthorities',
    shortName: 'kaa',
    ...kritis,
    namespaced: true,
    spec: attestationAuthoritySpec,
    description: 'Whose attestations count: the note under which they are filed, and the keys that sign them.',
  },
  {
    kind: 'GenericAttestationPolicy',
    plural: 'genericattestationpolicies',
    shortName: 'gap',
    ...kritis,
    namespaced: true,
    spec: genericAttestationPolicySpec,
    description: 'Which authorities must all have attested the images of the namespace; of several policies one is enough.',
  },
  {
    kind: 'AdmissionAllowlist',
    plural: 'admissionallowlists',
    shortName: 'kal',
    ...kritis,
    namespaced: false,
    exempts: true,
    spec: admissionAllowlistSpec,
    description: 'Images that no kritis policy is asked about, such as those that a service mesh injects.',
  },
  {
    kind: 'ImageSecurityPolicy',
    plural: 'imagesecuritypolicies',
    shortName: 'isp',
    ...kritis,
    namespaced: true,
    spec: imageSecurityPolicySpec,
    description: 'Which known vulnerabilities the images of the namespace may have.',
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
