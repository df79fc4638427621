import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { configPolicy } from '../../src/enforcers/config-policy.ts';
import type { Outcome, PolicyEnforcer, VerifierReport } from '../../src/engine/types.ts';
import { artifact, NOTATION, policy, reportOn, request, SBOM } from '../engine/world.ts';

const VULNERABILITIES = 'application/sarif+json';
const asked = request();

/** `n+` is an accepted notation signature; `s-` a refused SBOM, `v?` an unavailable scan, `n!` a misconfigured one; `*` is of the type `*`. */
function reports(text: string): readonly VerifierReport[] {
  const types: Readonly<Record<string, string>> = { n: NOTATION, s: SBOM, v: VULNERABILITIES, '*': '*' };
  const outcomes: Readonly<Record<string, Outcome>> = { '+': 'accepted', '-': 'refused', '?': 'unavailable', '!': 'misconfigured' };
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word, at) => reportOn(artifact(`${word}${at}`, types[word.charAt(0)] ?? ''), outcomes[word.charAt(1)] ?? 'refused'));
}

function decide(enforcer: PolicyEnforcer, text: string, complete: boolean, artifactTypes?: readonly string[]) {
  return enforcer.decide({ request: asked, reports: reports(text), complete, ...(artifactTypes === undefined ? {} : { artifactTypes }) });
}

const NONE = {};
const ALL = { default: 'all' } as const;
const ANY = { default: 'any' } as const;
const LISTED_ANY = { [NOTATION]: 'any' } as const;
const LISTED_ALL = { [NOTATION]: 'all' } as const;
const BOTH = { [NOTATION]: 'any', [SBOM]: 'all' } as const;

describe('config-policy over all reports (ratify.md 6.1)', () => {
  it.each<[Record<string, 'any' | 'all'>, string, Outcome, string]>([
    // No report, no acceptance.
    [NONE, '', 'refused', 'NO_SIGNATURES'],
    [ALL, '', 'refused', 'NO_SIGNATURES'],
    [ANY, '', 'refused', 'NO_SIGNATURES'],
    [LISTED_ANY, '', 'refused', 'NO_SIGNATURES'],
    // `all`, and no default at all, which is the same.
    [NONE, 'n+', 'accepted', 'VERIFIED'],
    [NONE, 'n+ n+ s+', 'accepted', 'VERIFIED'],
    [NONE, 'n+ n-', 'refused', 'SIGNER_UNTRUSTED'],
    [ALL, 'n- n+', 'refused', 'SIGNER_UNTRUSTED'],
    [ALL, 'n+ s-', 'refused', 'SIGNER_UNTRUSTED'],
    [ALL, 'n? n-', 'refused', 'SIGNER_UNTRUSTED'],
    [ALL, 'n! n-', 'refused', 'SIGNER_UNTRUSTED'],
    [ALL, 'n+ n?', 'unavailable', 'REVOCATION_UNKNOWN'],
    [ALL, 'n? s+', 'unavailable', 'REVOCATION_UNKNOWN'],
    [ALL, 'n+ n!', 'misconfigured', 'TRUST_STORE_INVALID'],
    [ALL, 'n? n!', 'misconfigured', 'TRUST_STORE_INVALID'],
    [ALL, 'n? s!', 'misconfigured', 'TRUST_STORE_INVALID'],
    // `any`.
    [ANY, 'n+', 'accepted', 'VERIFIED'],
    [ANY, 'n- n+', 'accepted', 'VERIFIED'],
    [ANY, 'n? n! n- n+', 'accepted', 'VERIFIED'],
    [ANY, 'n-', 'refused', 'SIGNER_UNTRUSTED'],
    [ANY, 'n- n-', 'refused', 'SIGNER_UNTRUSTED'],
    [ANY, 'n- n?', 'unavailable', 'REVOCATION_UNKNOWN'],
    [ANY, 'n- n!', 'misconfigured', 'TRUST_STORE_INVALID'],
    [ANY, 'n- n? n!', 'misconfigured', 'TRUST_STORE_INVALID'],
    // Each type that is seen must be satisfied.
    [ANY, 'n+ s-', 'refused', 'SIGNER_UNTRUSTED'],
    [ANY, 'n+ s?', 'unavailable', 'REVOCATION_UNKNOWN'],
    [ANY, 'n- s?', 'refused', 'SIGNER_UNTRUSTED'],
    [ANY, 'n? s!', 'misconfigured', 'TRUST_STORE_INVALID'],
    [ANY, 'n- n+ s+ s-', 'accepted', 'VERIFIED'],
    // Listed types are mandatory; the others follow the default.
    [LISTED_ANY, 's+', 'refused', 'NO_SIGNATURES'],
    [LISTED_ALL, 's+', 'refused', 'NO_SIGNATURES'],
    [LISTED_ANY, 's?', 'refused', 'NO_SIGNATURES'],
    [LISTED_ANY, 'n- n+', 'accepted', 'VERIFIED'],
    [LISTED_ANY, 'n- n+ s-', 'refused', 'SIGNER_UNTRUSTED'],
    [LISTED_ANY, 'n- n+ s+ s-', 'refused', 'SIGNER_UNTRUSTED'],
    [{ ...LISTED_ANY, ...ANY }, 'n- n+ s+ s-', 'accepted', 'VERIFIED'],
    [{ ...LISTED_ALL, ...ANY }, 'n- n+ s+', 'refused', 'SIGNER_UNTRUSTED'],
    [BOTH, 'n+', 'refused', 'NO_SIGNATURES'],
    [BOTH, 'n+ s+', 'accepted', 'VERIFIED'],
    [BOTH, 'n- n+ s+ s?', 'unavailable', 'REVOCATION_UNKNOWN'],
    [BOTH, 'n? s-', 'refused', 'SIGNER_UNTRUSTED'],
  ])('%j takes [%s] for %s', (policies, text, outcome, code) => {
    expect(decide(policy(policies), text, true)).toMatchObject({ outcome, reason: { code } });
  });

  it('names the type that is missing', () => {
    expect(decide(policy(BOTH), 'n+', true)?.reason.message).toBe(
      `no artifact of type ${SBOM}, which the policy demands; attach one, or drop the type from the policy`,
    );
  });

  it.each([
    ['n-', 'n-0 is refused'],
    ['n- n- n-', 'n-0 is refused (and 2 more refused)'],
  ])('quotes the first failure of [%s] and counts the others', (text, message) => {
    expect(decide(policy(ANY), text, true)?.reason.message).toBe(message);
  });

  it.each([
    ['SKIPPED', 'VERIFIED', 'VERIFIED'],
    ['SKIPPED', 'SKIPPED', 'SKIPPED'],
  ])('says of a %s and a %s artifact: %s', (first, second, code) => {
    const of = (reason: string) => reportOn(artifact(reason), 'accepted', { reason: { code: reason, message: reason } });
    expect(policy(ALL).decide({ request: asked, reports: [of(first), of(second)], complete: true })).toEqual({
      outcome: 'accepted',
      reason: { code, message: code },
    });
  });
});

describe('config-policy before all reports are there', () => {
  const only = [NOTATION];
  const both = [NOTATION, SBOM];
  it.each<[Record<string, 'any' | 'all'>, string, readonly string[] | undefined, Outcome | undefined]>([
    [NONE, '', only, undefined],
    [NONE, 'n+', only, undefined],
    [NONE, 'n?', only, undefined],
    [NONE, 'n!', only, undefined],
    [NONE, 'n+ n-', only, 'refused'],
    [NONE, 'n? n! n-', only, 'refused'],
    [ANY, 'n-', only, undefined],
    [ANY, 'n+', only, 'accepted'],
    [ANY, 'n- n+', only, 'accepted'],
    // Whoever may still send an SBOM may send a bad one.
    [ANY, 'n+', both, undefined],
    [ANY, 'n+', ['*'], undefined],
    [ANY, 'n+', undefined, undefined],
    // A type called `*` is one of many, not all of them.
    [ANY, '*+', ['*'], undefined],
    [ANY, '*+', undefined, undefined],
    [ANY, 'n+ *+', [NOTATION, '*'], undefined],
    [NONE, '*+ n-', ['*'], 'refused'],
    [ANY, 'n+ s-', both, undefined],
    [ANY, 'n+ s- s+', both, 'accepted'],
    [LISTED_ANY, 'n+', only, 'accepted'],
    [LISTED_ANY, 'n+', both, undefined],
    [LISTED_ANY, 's+', both, undefined],
    [LISTED_ANY, 'n+ s-', both, 'refused'],
    [{ ...ANY, [SBOM]: 'any' }, 'n+', only, undefined],
    [LISTED_ALL, 'n+', only, undefined],
    [LISTED_ALL, 'n-', only, 'refused'],
  ])('%j takes [%s], with %j to come, for %s', (policies, text, types, outcome) => {
    expect(decide(policy(policies), text, false, types)?.outcome).toBe(outcome);
  });

  it('decides nothing that the rest could change', () => {
    const kind = fc.constantFrom('any' as const, 'all' as const);
    const word = fc.tuple(fc.constantFrom('n', 's', 'v', '*'), fc.constantFrom('+', '-', '?', '!')).map((pair) => pair.join(''));
    const types = fc.subarray([NOTATION, SBOM, VULNERABILITIES, '*'], { minLength: 1 });
    const policies = fc.record({ [NOTATION]: kind, [SBOM]: kind, default: kind }, { requiredKeys: [] });
    fc.assert(
      fc.property(policies, fc.array(word, { maxLength: 8 }), types, (declared, words, expected) => {
        const enforcer = policy(declared);
        const all = reports(words.join(' ')).filter(
          ({ artifact: { artifactType } }) => expected.includes('*') || expected.includes(artifactType),
        );
        const whole = enforcer.decide({ request: asked, reports: all, complete: true })?.outcome;
        for (let seen = 0; seen <= all.length; seen++) {
          const early = enforcer.decide({ request: asked, reports: all.slice(0, seen), complete: false, artifactTypes: expected });
          if (early !== undefined) expect(early.outcome).toBe(whole);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('never accepts without an accepted report of every type that it demands or sees', () => {
    const kind = fc.constantFrom('any' as const, 'all' as const);
    const word = fc.tuple(fc.constantFrom('n', 's'), fc.constantFrom('+', '-', '?', '!')).map((pair) => pair.join(''));
    fc.assert(
      fc.property(
        fc.record({ [NOTATION]: kind, default: kind }, { requiredKeys: [] }),
        fc.array(word, { maxLength: 6 }),
        fc.boolean(),
        (declared, words, complete) => {
          const all = reports(words.join(' '));
          if (policy(declared).decide({ request: asked, reports: all, complete, artifactTypes: [NOTATION, SBOM] })?.outcome !== 'accepted')
            return;
          const needed = new Set([
            ...Object.keys(declared).filter((type) => type !== 'default'),
            ...all.map(({ artifact: of }) => of.artifactType),
          ]);
          expect(needed.size).toBeGreaterThan(0);
          for (const type of needed) expect(all.some((of) => of.outcome === 'accepted' && of.artifact.artifactType === type)).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('the parameters of config-policy', () => {
  it.each([
    ['none', {}],
    ['no policies', { artifactVerificationPolicies: {} }],
    ['policies left empty', { artifactVerificationPolicies: null }],
    ['a default', { artifactVerificationPolicies: { default: 'any' } }],
    ['a type', { artifactVerificationPolicies: { [NOTATION]: 'all' } }],
  ])('may be %s', (_, parameters) => {
    expect(configPolicy.parameters.safeParse(parameters).success).toBe(true);
  });

  it.each([
    ['another word', { [NOTATION]: 'some' }],
    ['another word as default', { default: 'none' }],
    ['a word in capitals', { default: 'ANY' }],
    ['the empty word', { default: '' }],
    ['a boolean', { default: true }],
    ['nothing', { default: null }],
    ['a list', ['any']],
    ['a string', 'any'],
  ])('may not be %s: never a policy that passes by mistake', (_, artifactVerificationPolicies) => {
    expect(configPolicy.parameters.safeParse({ artifactVerificationPolicies }).success).toBe(false);
  });

  it.each([['constructor'], ['toString'], ['hasOwnProperty']])('may list a type named %s', (type) => {
    expect(decide(policy({ [type]: 'any' }), 'n+', true)).toMatchObject({ outcome: 'refused', reason: { code: 'NO_SIGNATURES' } });
  });
});
