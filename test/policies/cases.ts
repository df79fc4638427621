/** Cases that the policies are put to twice: in `opa` with the answers of a scripted provider, and in a cluster before a real Gatekeeper. */

export interface PolicyCase {
  readonly name: string;
  readonly policy: 'verified-images' | 'digest-only';
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** What is created. */
  readonly object: Manifest;
  /** What is said, one line each, in their order as texts; nothing where it is admitted. */
  readonly says: readonly (string | RegExp)[];
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly [field: string]: unknown;
}

const NAMESPACE = 'default';
const DIGEST = `@sha256:${'0123456789abcdef'.repeat(4)}`;
const SHORT = '@sha256:0123456789ab';
const labels = { app: 'case' };

const named = (apiVersion: string, kind: string, rest: Readonly<Record<string, unknown>>): Manifest => ({
  apiVersion,
  kind,
  metadata: { name: 'case', namespace: NAMESPACE },
  ...rest,
});
const containers = (images: readonly string[]) => images.map((image, index) => ({ name: `c${index}`, image }));

/** A Pod with a container for each image. */
export function pod(...images: readonly string[]): Manifest {
  return podOf({ containers: containers(images) });
}

export function podOf(spec: Readonly<Record<string, unknown>>): Manifest {
  return named('v1', 'Pod', { spec });
}

/** Every kind that makes Pods, around a pod specification. */
export const WORKLOADS: Readonly<Record<string, (spec: Readonly<Record<string, unknown>>) => Manifest>> = {
  Deployment: (spec) => named('apps/v1', 'Deployment', { spec: { selector: { matchLabels: labels }, template: template(spec) } }),
  ReplicaSet: (spec) => named('apps/v1', 'ReplicaSet', { spec: { selector: { matchLabels: labels }, template: template(spec) } }),
  StatefulSet: (spec) =>
    named('apps/v1', 'StatefulSet', { spec: { serviceName: 'case', selector: { matchLabels: labels }, template: template(spec) } }),
  DaemonSet: (spec) => named('apps/v1', 'DaemonSet', { spec: { selector: { matchLabels: labels }, template: template(spec) } }),
  ReplicationController: (spec) => named('v1', 'ReplicationController', { spec: { selector: labels, template: template(spec) } }),
  Job: (spec) => named('batch/v1', 'Job', { spec: { template: template({ restartPolicy: 'Never', ...spec }) } }),
  CronJob: (spec) =>
    named('batch/v1', 'CronJob', {
      spec: { schedule: '0 0 * * *', jobTemplate: { spec: { template: template({ restartPolicy: 'Never', ...spec }) } } },
    }),
};

function template(spec: Readonly<Record<string, unknown>>) {
  return { metadata: { labels }, spec };
}

const verified = (name: string, object: Manifest, ...says: readonly (string | RegExp)[]): PolicyCase => ({
  name,
  policy: 'verified-images',
  object,
  says,
});
const byDigest = (name: string, object: Manifest, ...says: readonly (string | RegExp)[]): PolicyCase => ({
  name,
  policy: 'digest-only',
  object,
  says,
});

const UNSIGNED = 'refused NO_SIGNATURES';
const WHY = 'no signature is attached';
const NOT_ASCII = 'expected an image reference in printable ASCII, found other characters';
const everywhere = {
  containers: [
    { name: 'good', image: 'toy.local/good:1' },
    { name: 'web', image: 'toy.local/deny:1' },
  ],
  initContainers: [{ name: 'prepare', image: 'toy.local/deny:2' }],
  volumes: [
    { name: 'model', image: { reference: 'toy.local/deny:3' } },
    { name: 'scratch', emptyDir: {} },
  ],
};
const EVERY_PLACE = [
  `${UNSIGNED} containers[web] toy.local/deny:1: ${WHY}`,
  `${UNSIGNED} initContainers[prepare] toy.local/deny:2: ${WHY}`,
  `${UNSIGNED} volumes[model] toy.local/deny:3: ${WHY}`,
];

/** Characters of which some leave `external_data` undefined for the whole resource: rig.md b1. */
const ODD: readonly (readonly [code: string, character: string])[] = [
  ['U+0000', '\u0000'],
  ['U+0001', '\u0001'],
  ['U+0007', '\u0007'],
  ['U+000B', '\u000b'],
  ['U+001B', '\u001b'],
  ['U+007F', '\u007f'],
  ['U+0085', '\u0085'],
  ['U+2028', '\u2028'],
  ['U+E0001', '\u{e0001}'],
];

export const CASES: readonly PolicyCase[] = [
  verified('a good image is admitted', pod('toy.local/good:1')),
  verified('a good image is admitted, twice in one Pod', pod('toy.local/good:1', 'toy.local/good:1')),
  verified('A-T-08 every place of a Pod is looked at', podOf(everywhere), ...EVERY_PLACE),
  ...Object.entries(WORKLOADS).map(([kind, make]) =>
    verified(`A-T-08 every place of a ${kind} is looked at`, make(everywhere), ...EVERY_PLACE),
  ),
  verified(
    'a digest is shown by twelve digits',
    pod(`toy.local/deny:1${DIGEST}`),
    `${UNSIGNED} containers[c0] toy.local/deny:1${SHORT}: ${WHY}`,
  ),
  ...ODD.map(([code, character]) =>
    verified(
      `rig b2: ${code} in one image hides no other`,
      pod('toy.local/deny:1', `x${character}y`),
      `refused INVALID_REFERENCE containers[c1] x?y: ${NOT_ASCII}`,
      `${UNSIGNED} containers[c0] toy.local/deny:1: ${WHY}`,
    ),
  ),
  verified(
    'rig g3: tab and newline in an image are no characters of the message',
    pod('a\tb\nc'),
    `refused INVALID_REFERENCE containers[c0] a?b?c: ${NOT_ASCII}`,
  ),
  verified(
    'A-T-05 an image cannot name a namespace',
    pod('[trusted]toy.local/deny:1'),
    `${UNSIGNED} containers[c0] [trusted]toy.local/deny:1: ${WHY}`,
  ),
  verified(
    'a left-out answer is a denial',
    pod('toy.local/omit:1', 'toy.local/good:1'),
    'misconfigured ANSWER_INCOMPLETE containers[c0] toy.local/omit:1: the provider answered without a word on this image',
  ),
  verified(
    'an error for an image is a denial',
    pod('toy.local/itemerr:1', 'toy.local/good:1'),
    'misconfigured ITEM_ERROR containers[c0] toy.local/itemerr:1: the item is an error',
  ),
  verified(
    'an error beside an accept is a denial',
    pod('toy.local/both:1'),
    'misconfigured ITEM_ERROR containers[c0] toy.local/both:1: the item is an error too',
  ),
  ...['neither', 'notext'].map((word) =>
    verified(
      `an answer that is no verdict (${word}) is a denial`,
      pod(`toy.local/${word}:1`),
      `misconfigured ANSWER_INVALID containers[c0] toy.local/${word}:1: expected a verdict of the provider, found none in its answer`,
    ),
  ),
  verified(
    'rig f1: an answer with status 500 and some JSON is a denial',
    pod('toy.local/http500-otherjson:1'),
    'misconfigured ANSWER_INCOMPLETE containers[c0] toy.local/http500-otherjson:1: the provider answered without a word on this image',
  ),
  verified(
    'rig f1: an answer that is no JSON is a denial',
    pod('toy.local/nonjson:1'),
    /^misconfigured PROVIDER_FAILED containers\[c0\] toy\.local\/nonjson:1: failed to unmarshal external data response: invalid character '<'/,
  ),
  verified(
    'rig f1: an empty answer is a denial',
    pod('toy.local/empty:1'),
    'misconfigured PROVIDER_FAILED containers[c0] toy.local/empty:1: failed to unmarshal external data response: unexpected end of JSON input',
  ),
  verified('rig f2: five megabytes beside an accept are not printed', pod('toy.local/huge5:1')),
  verified(
    'rig f2: five megabytes beside a refusal are not printed',
    pod('toy.local/deny-huge5:1'),
    `${UNSIGNED} containers[c0] toy.local/deny-huge5:1: ${WHY}`,
  ),
  verified(
    'rig f2: a long reason is cut to 460 bytes in all',
    pod('toy.local/longmsg5000:1'),
    `${`${UNSIGNED} containers[c0] toy.local/longmsg5000:1: `.padEnd(457, 'x')}...`,
  ),
  verified(
    'an accept beside a system error is a denial',
    pod('toy.local/syserr:1'),
    'misconfigured PROVIDER_FAILED: the provider is unwell',
  ),
  verified(
    'a connection that is cut is a denial',
    pod('toy.local/reset:1'),
    /^unavailable PROVIDER_UNREACHABLE containers\[c0\] toy\.local\/reset:1: failed to send external data request: .+; Post "https:/,
  ),
  {
    ...verified('an exempt image is not asked for', pod('toy.local/deny:1', 'toy.local/deny-other:1')),
    parameters: { exemptions: [{ images: ['toy.local/deny'], namespaces: [NAMESPACE] }] },
    says: [`${UNSIGNED} containers[c1] toy.local/deny-other:1: ${WHY}`],
  },
  {
    ...verified('an image that is exempt in another namespace is asked for', pod('toy.local/deny:1')),
    parameters: { exemptions: [{ images: ['toy.local/*'], namespaces: ['elsewhere'] }] },
    says: [`${UNSIGNED} containers[c0] toy.local/deny:1: ${WHY}`],
  },
  {
    ...verified('a constraint for what is unavailable is silent on what is refused', pod('toy.local/deny:1')),
    parameters: { outcomes: ['unavailable'] },
    says: [],
  },
  {
    ...verified('a constraint for what is unavailable speaks of what may be that', pod('toy.local/omit:1')),
    parameters: { outcomes: ['unavailable'] },
    says: ['misconfigured ANSWER_INCOMPLETE containers[c0] toy.local/omit:1: the provider answered without a word on this image'],
  },
  byDigest('an image by digest is admitted', pod(`toy.local/good:1${DIGEST}`, `toy.local/good${DIGEST}`)),
  byDigest(
    'an image by tag is refused',
    pod('toy.local/good:1', `toy.local/good${DIGEST}`),
    'refused IMAGE_NOT_PINNED containers[c0] toy.local/good:1: expected name@sha256:..., so that what runs is what was looked at',
  ),
  ...Object.entries(WORKLOADS).map(([kind, make]) =>
    byDigest(
      `every place of a ${kind} is looked at for its digest`,
      make(everywhere),
      /containers\[good\]/,
      /containers\[web\]/,
      /initContainers\[prepare\]/,
      /volumes\[model\]/,
    ),
  ),
];
