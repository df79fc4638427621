import type { KubeObject } from '../rig/cluster/kube-client.ts';

/** A word in the image, and what the user reads, the second time too; nothing where the Pod is admitted. `test/policies/cases.ts` has the others. */
export const FAULTS: readonly (readonly [what: string, word: string, expected: RegExp | undefined])[] = [
  ['an accept', 'ok', undefined],
  ['a refusal', 'deny', /refused NO_SIGNATURES .*: no signature is attached$/],
  ['an answer without the image', 'omit', /misconfigured ANSWER_INCOMPLETE /],
  ['an answer without the image and with a system error', 'omit-syserr', /misconfigured PROVIDER_FAILED .*: the provider is unwell$/],
  ['an error for the image', 'itemerr', /misconfigured ITEM_ERROR .*: the item is an error$/],
  ['an accept that is said not to be idempotent, which only mutation minds', 'nonidem', undefined],
  ['an accept with status 500, which Gatekeeper does not look at', 'http500', undefined],
  ['a cut connection', 'reset', /unavailable PROVIDER_UNREACHABLE .*: failed to send external data request: /],
  ['an answer later than the Provider allows', 'slow2500', /unavailable PROVIDER_UNREACHABLE .*: failed to send external data request: /],
];

/** What a mutator with the policy UseDefault puts where nobody pins. */
export const NOBODY_PINS = 'toy.test/default:1';

/** A word in the image, what a mutator with the policy Fail says, and what becomes of that image and of a good one beside under Ignore and UseDefault. */
export const MUTATIONS: readonly (readonly [what: string, word: string, expected: RegExp, others: 'pinned' | 'as the bad one'])[] = [
  ['an error for the image', 'itemerr', /failed to retrieve external data item from provider \S+: the item is an error$/, 'pinned'],
  [
    'a system error',
    'syserr',
    /failed to validate external data response from provider \S+: non-empty system error: the provider is unwell$/,
    'as the bad one',
  ],
  ['an answer that is not idempotent', 'nonidem', /non-idempotent response$/, 'as the bad one'],
  ['an object of another kind', 'otherjson', /non-idempotent response$/, 'as the bad one'],
  [
    'a number for a reference',
    'notext',
    /failed to convert external data item value from provider \S+ to string, got type float64$/,
    'pinned',
  ],
  ['an answer without the image', 'omit', /failed to find external data item in response for provider \S+$/, 'pinned'],
  ['a page', 'nonjson', /failed to send external data request to provider \S+: failed to unmarshal /, 'as the bad one'],
  ['a cut connection', 'reset', /failed to send external data request to provider \S+: /, 'as the bad one'],
  [
    'an answer that is later than the Provider allows',
    'slow1400',
    /failed to send external data request to provider \S+: .*context deadline exceeded/,
    'as the bad one',
  ],
];

/** A mutator that has the images of Pods of a namespace pinned by the Provider `pinning`. */
export function assign(namespace: string, failurePolicy: string): KubeObject {
  const externalData = {
    provider: 'pinning',
    dataSource: 'ValueAtLocation',
    failurePolicy,
    ...(failurePolicy === 'UseDefault' ? { default: NOBODY_PINS } : {}),
  };
  return {
    apiVersion: 'mutations.gatekeeper.sh/v1',
    kind: 'Assign',
    metadata: { name: namespace },
    spec: {
      applyTo: [{ groups: [''], versions: ['v1'], kinds: ['Pod'] }],
      match: { scope: 'Namespaced', namespaces: [namespace], kinds: [{ apiGroups: [''], kinds: ['Pod'] }] },
      location: 'spec.containers[name:*].image',
      parameters: { assign: { externalData } },
    },
  };
}
