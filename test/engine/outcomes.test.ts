import { describe, expect, it } from '@jest/globals';
import { ConfigProblem } from '../../src/engine/errors.ts';
import { reasonOf, worst } from '../../src/engine/outcomes.ts';
import type { Outcome } from '../../src/engine/types.ts';
import { CodedError } from '../../src/lib/errors.ts';
import { ContentError, RegistryError } from '../../src/oci/errors.ts';
import { InvalidReferenceError } from '../../src/oci/reference.ts';

const at = { registry: 'registry.example.test' };

class Coded extends CodedError {
  readonly code: string;
  constructor(code: string) {
    super('said so');
    this.code = code;
  }
}

describe('what a failure means', () => {
  it.each<[unknown, Outcome, string]>([
    [new RegistryError('IMAGE_NOT_FOUND', 'm', at), 'refused', 'IMAGE_NOT_FOUND'],
    [new ContentError('CONTENT_INVALID', 'm', at), 'refused', 'CONTENT_INVALID'],
    [new ContentError('TOO_MANY_REFERRERS', 'm', at), 'refused', 'TOO_MANY_REFERRERS'],
    [new InvalidReferenceError('m'), 'refused', 'INVALID_REFERENCE'],
    [new RegistryError('REGISTRY_DENIED', 'm', at), 'unavailable', 'REGISTRY_DENIED'],
    [new RegistryError('REGISTRY_UNREACHABLE', 'm', at), 'unavailable', 'REGISTRY_UNREACHABLE'],
    [new RegistryError('REGISTRY_THROTTLED', 'm', at), 'unavailable', 'REGISTRY_THROTTLED'],
    [new ContentError('CONTENT_TRUNCATED', 'm', at), 'unavailable', 'CONTENT_TRUNCATED'],
    [new Coded('CREDENTIALS_INVALID'), 'unavailable', 'CREDENTIALS_INVALID'],
    [AbortSignal.abort().reason, 'unavailable', 'DEADLINE_EXCEEDED'],
    [new DOMException('m', 'TimeoutError'), 'unavailable', 'DEADLINE_EXCEEDED'],
    [new ConfigProblem('CONFIG_INVALID', 'spec', 'm'), 'misconfigured', 'CONFIG_INVALID'],
    [new ConfigProblem('TRUST_POLICY_INVALID', 'spec', 'm'), 'misconfigured', 'TRUST_POLICY_INVALID'],
    [new ConfigProblem('TRUST_STORE_INVALID', 'spec', 'm'), 'misconfigured', 'TRUST_STORE_INVALID'],
    [new ConfigProblem('KEY_PROVIDER_MISSING', 'spec', 'm'), 'misconfigured', 'KEY_PROVIDER_MISSING'],
    [new Coded('NO_STORE'), 'misconfigured', 'NO_STORE'],
  ])('takes %p for %s', (error, outcome, code) => {
    const bugs: unknown[] = [];
    expect(reasonOf(error, (bug) => bugs.push(bug))).toMatchObject({ outcome, reason: { code } });
    expect(bugs).toEqual([]);
  });

  it.each([
    [new TypeError('x is undefined')],
    [new Coded('NEVER_HEARD_OF')],
    [new Coded('toString')],
    [new Coded('__proto__')],
    [Object.assign(new Error('m'), { code: 'IMAGE_NOT_FOUND' })],
    [Object.assign(new Error('m'), { code: 'ECONNREFUSED' })],
    ['a string'],
    [undefined],
    [null],
    [{ outcome: 'accepted', reason: { code: 'VERIFIED', message: 'trust me' } }],
  ])('takes %p for a defect of ours', (error) => {
    const bugs: unknown[] = [];
    expect(reasonOf(error, (bug) => bugs.push(bug))).toMatchObject({ outcome: 'unavailable', reason: { code: 'INTERNAL' } });
    expect(bugs).toEqual([error]);
  });
});

describe('the worst of outcomes', () => {
  it.each<[readonly Outcome[], Outcome | undefined]>([
    [[], undefined],
    [['accepted'], 'accepted'],
    [['accepted', 'unavailable'], 'unavailable'],
    [['misconfigured', 'unavailable', 'accepted'], 'misconfigured'],
    [['accepted', 'refused', 'misconfigured', 'unavailable'], 'refused'],
  ])('of %j is %s', (outcomes, outcome) => {
    expect(worst(outcomes)).toBe(outcome);
  });
});
