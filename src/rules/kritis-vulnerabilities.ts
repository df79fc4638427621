import type { FamilyObject } from '../engine/kinds.ts';
import { reasonOf } from '../engine/outcomes.ts';
import { cut, quoted, reason } from '../engine/reason.ts';
import type { AttestationSource, Decision, Evaluation, EvidenceInput, Vulnerability } from '../engine/types.ts';
import type { Digest } from '../oci/digest.ts';
import { imageText } from './kritis-policies.ts';
import type { ImageSecurityPolicySpec } from './kritis-specs.ts';
import { tagProblem } from './kritis-tag.ts';

export interface SecurityPoliciesInput {
  readonly policies: readonly FamilyObject<ImageSecurityPolicySpec>[];
  readonly sources: readonly AttestationSource[];
  /** What becomes of an image of which no source knows any vulnerability: clean, or never looked at. */
  readonly unscanned: 'accept' | 'refuse';
}

type Informed = AttestationSource & Required<Pick<AttestationSource, 'vulnerabilities'>>;
type Usable = FamilyObject<ImageSecurityPolicySpec> & { readonly part: ImageSecurityPolicySpec };

/** Vulnerabilities of one image that are looked at; nobody's image has more. */
const MAX_VULNERABILITIES = 10_000;

/** Judges by the ImageSecurityPolicies of a namespace: all of them must be satisfied. */
export function judgeByVulnerabilities({
  policies,
  sources,
  unscanned,
}: SecurityPoliciesInput): (input: EvidenceInput) => Promise<Evaluation> {
  const informed = sources.filter((source): source is Informed => source.vulnerabilities !== undefined);
  return async (input) => {
    const { text, reference } = input.request;
    const broken = policies.find(({ part }) => part === undefined);
    if (broken !== undefined)
      return alone(misconfigured(`ImageSecurityPolicy ${cut(broken.name, 60)}: ${broken.problem?.message ?? 'cannot be used'}`));
    const usable = policies.filter((policy): policy is Usable => policy.part !== undefined);
    const asked = usable.filter(({ part }) => !(part.imageAllowlist ?? []).includes(text));
    if (asked.length === 0)
      return alone({ outcome: 'accepted', reason: reason('ALLOWLISTED', `${namesOf(usable)} lists it in imageAllowlist`) });
    const { digest } = reference;
    if (digest === undefined) {
      return alone({ outcome: 'refused', reason: await tagProblem(`${cut(text, 70)} cannot be looked up`, input) });
    }
    if (informed.length === 0) return alone(misconfigured('no source in kritis.attestations of the settings tells of vulnerabilities'));
    const { found, undecided } = await vulnerabilitiesOf(digest, informed, input);
    const refusal = asked.map((policy) => violationOf(policy, found, imageText(reference))).find((decision) => decision !== undefined);
    if (refusal !== undefined) return alone(refusal);
    if (undecided !== undefined) return alone(undecided);
    return alone(found.length === 0 ? ofUnscanned(unscanned, imageText(reference)) : tolerated(asked, found));
  };
}

function alone(decision: Decision): Evaluation {
  return { decision, reports: [] };
}

function misconfigured(message: string): Decision {
  return { outcome: 'misconfigured', reason: reason('CONFIG_INVALID', message) };
}

interface Known {
  readonly found: readonly Vulnerability[];
  /** Why there may be more. */
  readonly undecided: Decision | undefined;
}

async function vulnerabilitiesOf(
  digest: Digest,
  sources: readonly Informed[],
  { request, store, ports, onBug }: EvidenceInput,
): Promise<Known> {
  const { registry, path } = request.reference;
  const found: Vulnerability[] = [];
  let undecided: Decision | undefined;
  for (const source of sources) {
    try {
      for await (const page of source.vulnerabilities({ repository: { registry, path }, digest, store }, ports.signal)) {
        ports.signal.throwIfAborted();
        if (found.length + page.length > MAX_VULNERABILITIES) return { found, undecided: tooMany(source) };
        found.push(...page);
      }
    } catch (error) {
      undecided ??= reasonOf(error, onBug);
    }
  }
  return { found, undecided };
}

function tooMany({ name }: Informed): Decision {
  const message = `${cut(name, 80)} lists more than ${MAX_VULNERABILITIES} vulnerabilities of the image; the rest was not read`;
  return { outcome: 'unavailable', reason: reason('ATTESTATIONS_INVALID', message) };
}

const SEVERITIES: readonly string[] = ['MINIMAL', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'];

/** A severity that is absent, unspecified or not known is taken for the worst: kritis takes an unspecified one for the mildest. */
function rankOf(severity: string): number {
  const rank = SEVERITIES.indexOf(severity);
  return rank === -1 ? SEVERITIES.length - 1 : rank;
}

function isWithin(maximum: string, severity: string): boolean {
  if (maximum === 'ALLOW_ALL') return true;
  return maximum !== 'BLOCK_ALL' && rankOf(severity) <= SEVERITIES.indexOf(maximum);
}

function violationOf({ name, part }: Usable, found: readonly Vulnerability[], image: string): Decision | undefined {
  const { maximumSeverity, maximumFixUnavailableSeverity, allowlistCVEs = [] } = part.packageVulnerabilityRequirements ?? {};
  // As upstream: an empty text is none.
  const fixable = maximumSeverity || 'CRITICAL';
  const unfixable = maximumFixUnavailableSeverity || 'ALLOW_ALL';
  const passed = new Set(allowlistCVEs);
  const limitFor = ({ isFixAvailable }: Vulnerability) => (isFixAvailable ? fixable : unfixable);
  const violations = found.filter((one) => !passed.has(one.cve) && !isWithin(limitFor(one), one.severity));
  const [worst, ...more] = violations.sort((a, b) => rankOf(b.severity) - rankOf(a.severity) || (a.cve < b.cve ? -1 : 1));
  if (worst === undefined) return undefined;
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  const fix = worst.isFixAvailable ? 'fixable' : 'no fix';
  const cve = quoted(worst.cve.slice(worst.cve.lastIndexOf('/') + 1), 30);
  const message = `${image} has ${cve}${others} (${cut(worst.severity, 12)}, ${fix}); ImageSecurityPolicy ${cut(name, 40)} allows ${limitFor(worst)}`;
  return { outcome: 'refused', reason: reason('VULNERABILITY_FOUND', message) };
}

function ofUnscanned(unscanned: 'accept' | 'refuse', image: string): Decision {
  if (unscanned === 'refuse') {
    return { outcome: 'refused', reason: reason('NOT_SCANNED', `nothing is known of vulnerabilities of ${image}; have it scanned`) };
  }
  const message = `nothing is known of vulnerabilities of ${image}: clean, or never scanned; kritis.unscanned lets it pass`;
  return { outcome: 'accepted', reason: reason('NOT_SCANNED', message) };
}

function tolerated(policies: readonly Usable[], found: readonly Vulnerability[]): Decision {
  return { outcome: 'accepted', reason: reason('VERIFIED', `${namesOf(policies)} allows the ${found.length} known vulnerabilities`) };
}

function namesOf(policies: readonly Usable[]): string {
  const [first, ...more] = policies.map(({ name }) => `ImageSecurityPolicy ${cut(name, 60)}`);
  return more.length === 0 ? (first ?? '') : `${first} and ${more.length} more`;
}
