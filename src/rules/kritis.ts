import { z } from 'zod';
import { definePart, type FamilyInputs, type FamilyObject, type RuleFamily } from '../engine/kinds.ts';
import { cut, quoted, reason } from '../engine/reason.ts';
import type { EvidenceRule, Exemption, Rule } from '../engine/types.ts';
import { type Authority, authorityOf } from './kritis-authority.ts';
import { enforced } from './kritis-enforcement.ts';
import { matchesName, matchesPrefix, type NamePattern, parseNamePattern } from './kritis-pattern.ts';
import { judgeByPolicies } from './kritis-policies.ts';
import {
  type AdmissionAllowlistSpec,
  type AttestationAuthoritySpec,
  admissionAllowlistSpec,
  attestationAuthoritySpec,
  type GenericAttestationPolicySpec,
  genericAttestationPolicySpec,
  type ImageSecurityPolicySpec,
  imageSecurityPolicySpec,
} from './kritis-specs.ts';
import { judgeByVulnerabilities } from './kritis-vulnerabilities.ts';

const settings = z.object({
  dryRun: z.boolean().default(false),
  breakGlass: z.boolean().default(true),
  unscanned: z.enum(['accept', 'refuse']).default('accept'),
});

interface AllowlistPart {
  readonly patterns: readonly { readonly pattern: NamePattern; readonly text: string; readonly namespace: string | undefined }[];
}

const attestationAuthority = definePart<AttestationAuthoritySpec, Authority>({
  kind: 'AttestationAuthority',
  spec: attestationAuthoritySpec,
  create: ({ name, spec }) => authorityOf(name, spec),
});

const genericAttestationPolicy = definePart<GenericAttestationPolicySpec, GenericAttestationPolicySpec>({
  kind: 'GenericAttestationPolicy',
  spec: genericAttestationPolicySpec,
  create: ({ spec }) => spec,
  hints: ({ attestationAuthorityNames = [] }) =>
    attestationAuthorityNames.length > 0
      ? []
      : [{ path: ['attestationAuthorityNames'], message: 'is empty: nothing is admitted by this policy; name an authority' }],
});

const admissionAllowlist = definePart<AdmissionAllowlistSpec, AllowlistPart>({
  kind: 'AdmissionAllowlist',
  spec: admissionAllowlistSpec,
  create: ({ spec }) => ({
    patterns: (spec.patterns ?? []).map(({ namePattern, namespace }) => ({
      pattern: parseNamePattern(namePattern),
      text: namePattern,
      namespace,
    })),
  }),
  hints: ({ patterns = [] }) =>
    patterns.flatMap(({ namePattern }, index) => {
      if (!/[^/:@]\*$/.test(namePattern) && namePattern !== '*') return [];
      const message = `${quoted(namePattern)} also lets repositories run whose names only begin like that; end it with :* or @*`;
      return [{ path: ['patterns', index, 'namePattern'], message }];
    }),
});

const imageSecurityPolicy = definePart<ImageSecurityPolicySpec, ImageSecurityPolicySpec>({
  kind: 'ImageSecurityPolicy',
  spec: imageSecurityPolicySpec,
  create: ({ spec }) => spec,
  hints: ({ attestationAuthorityNames }) =>
    attestationAuthorityNames === undefined
      ? []
      : [{ path: ['attestationAuthorityNames'], message: 'has no effect here: vulnerabilities are looked at every time' }],
});

/** Rules by these names: what verdicts have, and `Exception.spec.rules` may. */
const ATTESTATIONS = 'GenericAttestationPolicy';
const VULNERABILITIES = 'ImageSecurityPolicy';
const BREAK_GLASS = 'kritis.grafeas.io/breakglass';

/**
 * kritis.grafeas.io, as kritis-validation-hook and upstream kritis have it: a namespace with policies admits what its authorities have attested; one
 * without admits everything.
 */
export const kritis: RuleFamily = {
  name: 'kritis',
  family: 'kritis',
  parts: [attestationAuthority, genericAttestationPolicy, admissionAllowlist, imageSecurityPolicy],
  settings,
  uncovered: 'accept',
  namespaced: true,
  build: (inputs) => ({ rules: rulesOf(inputs), exemptions: exemptionsOf(inputs) }),
};

function rulesOf({ objects, settings: declared, sources }: FamilyInputs): readonly Rule[] {
  const { dryRun, unscanned } = declared as z.infer<typeof settings>; // parsed by this very schema
  // Parts are what the kinds' own `create` made.
  const authorities = objects('AttestationAuthority') as readonly FamilyObject<Authority>[];
  const attested = objects(ATTESTATIONS) as readonly FamilyObject<GenericAttestationPolicySpec>[];
  const secure = objects(VULNERABILITIES) as readonly FamilyObject<ImageSecurityPolicySpec>[];
  const rule = (name: string, judge: EvidenceRule['judge']): Rule =>
    enforced({ name, family: 'kritis', group: 'kritis', covers: () => true, judge }, { dryRun });
  return [
    ...(attested.length === 0 ? [] : [rule(ATTESTATIONS, judgeByPolicies({ policies: attested, authorities, sources }))]),
    ...(secure.length === 0 ? [] : [rule(VULNERABILITIES, judgeByVulnerabilities({ policies: secure, sources, unscanned }))]),
  ];
}

function exemptionsOf({ objects, settings: declared }: FamilyInputs): readonly Exemption[] {
  const { breakGlass } = declared as z.infer<typeof settings>; // parsed by this very schema
  const allowlists = objects('AdmissionAllowlist') as readonly FamilyObject<AllowlistPart>[]; // what its `create` made
  const policies = objects(ATTESTATIONS) as readonly FamilyObject<GenericAttestationPolicySpec>[]; // likewise
  return [...allowlists.map(allowlistExemption), ...policies.map(policyExemption), ...(breakGlass ? [BREAK_GLASS_EXEMPTION] : [])];
}

const isKritis = ({ family }: Rule): boolean => family === 'kritis';

function allowlistExemption({ name, part }: FamilyObject<AllowlistPart>): Exemption {
  const object = `AdmissionAllowlist ${name}`;
  return {
    name: object,
    exempts: isKritis,
    covers: ({ text, namespace }) => {
      const isMeant = (wanted: string | undefined) => wanted === undefined || wanted === namespace;
      const found = part?.patterns.find((one) => isMeant(one.namespace) && matchesName(one.pattern, text));
      return found && { reason: reason('ALLOWLISTED', `${cut(object, 80)} has ${quoted(found.text)}`) };
    },
  };
}

/** The lists of all policies of a namespace count together, for attestations alone. */
function policyExemption({ name, part }: FamilyObject<GenericAttestationPolicySpec>): Exemption {
  const object = `${ATTESTATIONS} ${name}`;
  return {
    name: object,
    exempts: (rule) => isKritis(rule) && rule.name === ATTESTATIONS,
    covers: ({ text }) => {
      const found = part?.admissionAllowlistPatterns?.find(({ namePattern }) => matchesPrefix(namePattern, text));
      return found && { reason: reason('ALLOWLISTED', `${cut(object, 80)} has ${quoted(found.namePattern)}`) };
    },
  };
}

/** Upstream honours the annotation whatever its value, and only logs it. */
const BREAK_GLASS_EXEMPTION: Exemption = {
  name: `annotation ${BREAK_GLASS}`,
  exempts: isKritis,
  covers: ({ attributes }) => {
    if (!attributes.has(BREAK_GLASS)) return undefined;
    const message = `annotation ${BREAK_GLASS} lets it run whatever is attested`;
    return { reason: reason('BREAK_GLASS', message), record: { event: 'BreakGlass', object: `annotation ${BREAK_GLASS}`, message } };
  },
};
