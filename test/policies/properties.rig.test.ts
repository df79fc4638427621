// @rig opa
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureTools } from '../rig/build.ts';
import { createOpa, type Opa, type RegoAnswer } from './opa.ts';

const BUILD_WITHIN_MS = 20 * 60_000;
const SEED = 20_260_101;
const CASES = 600;

/** mulberry32: the same cases at each run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const next = generator(SEED);
const pick = <T>(choices: readonly T[]): T => choices[Math.floor(next() * choices.length)] as T;
const some = <T>(make: () => T, most: number): T[] => Array.from({ length: Math.floor(next() * (most + 1)) }, make);
/** `likely` most of the time, so that a fair part of the cases is admitted. */
const mostly = <T>(likely: () => T, odd: () => T): T => (next() < 0.85 ? likely() : odd());

const good = { isSuccess: true, outcome: 'accepted' };
const anImage = (): unknown =>
  mostly(
    () => pick(['reg.test/a:1', 'reg.test/b:1', 'c', 'reg.test/d@sha256:00']),
    () => pick(['x\u0001', '', 'x y', '\u00e9', null, 7, [], {}, '[team]reg.test/a:1', 'a'.repeat(951)]),
  );
const aValue = (): unknown =>
  mostly<unknown>(
    () => good,
    () =>
      pick([null, {}, false, { isSuccess: false }, { isSuccess: 'true' }, { isSuccess: 1 }, { outcome: 'accepted' }, [good], 'accepted']),
  );
const aContainer = () => ({ name: pick(['web', 'side', 'one']), image: anImage() });
const aSpec = () => ({
  containers: [aContainer(), ...some(aContainer, 1)],
  ...mostly<object>(
    () => ({}),
    () => ({ initContainers: some(aContainer, 2), ephemeralContainers: some(aContainer, 1) }),
  ),
  ...mostly<object>(
    () => ({}),
    () => ({
      volumes: [
        { name: 'v', image: { reference: anImage() } },
        { name: 'e', emptyDir: {} },
      ],
    }),
  ),
});
const WRAPPERS: readonly ((spec: object) => { readonly kind: string })[] = [
  (spec) => ({ kind: 'Pod', spec }),
  (spec) => ({ kind: 'Deployment', spec: { template: { spec } } }),
  (spec) => ({ kind: 'CronJob', spec: { jobTemplate: { spec: { template: { spec } } } } }),
  (spec) => ({ kind: 'PodTemplate', template: { spec } }),
];

interface Case {
  readonly review: {
    readonly kind: { readonly kind: string };
    readonly namespace: string;
    readonly operation: string;
    readonly object: object;
  };
  readonly answer?: RegoAnswer;
  readonly images: readonly unknown[];
}

function makeCase(): Case {
  const spec = aSpec();
  const object = { metadata: { namespace: 'forged' }, ...pick(WRAPPERS)(spec) };
  const images = imagesOf(spec);
  const review = { kind: { kind: object.kind }, namespace: 'shop', operation: pick(['CREATE', '']), object };
  return {
    review,
    images,
    ...mostly<object>(
      () => ({ answer: anAnswer(images) }),
      () => ({}),
    ),
  };
}

/** Written apart from the policy: where an image may stand. */
function imagesOf(spec: ReturnType<typeof aSpec>): readonly unknown[] {
  const { initContainers = [], ephemeralContainers = [], volumes = [] } = spec as Record<string, readonly { image?: unknown }[]>;
  const reference = volumes.flatMap(({ image }) => (image === undefined ? [] : [(image as { reference: unknown }).reference]));
  return [...[...spec.containers, ...initContainers, ...ephemeralContainers].map(({ image }) => image), ...reference];
}

function anAnswer(images: readonly unknown[]): RegoAnswer {
  const keys = [...new Set(images.filter((image) => typeof image === 'string'))].map((image) => `[shop]${image}`);
  const answered = keys.filter(() =>
    mostly(
      () => true,
      () => false,
    ),
  );
  return {
    responses: mostly<RegoAnswer['responses']>(
      () => answered.map((key) => [key, aValue()] as const),
      () => null,
    ),
    errors: mostly<RegoAnswer['errors']>(
      () => [],
      () => pick([null, keys.slice(0, 1).map((key) => [key, 'INVALID_REFERENCE: no'] as const)]),
    ),
    status_code: pick([0, 200, 500]),
    system_error: mostly(
      () => '',
      () => pick(['broken', '1 of 1 images not evaluated: reg.test/a:1 (unavailable X): y']),
    ),
  };
}

/** The rule in one sentence: every image is a reference that was answered, by `isSuccess: true` alone, and nothing was left out. */
function mayPass({ images, answer }: Case): boolean {
  const isAccepted = (image: unknown): boolean => {
    if (typeof image !== 'string' || image.length > 950 || !/^[!-~]+$/.test(image)) return false;
    const own = (pairs: RegoAnswer['responses'] | RegoAnswer['errors']) => (pairs ?? []).filter(([key]) => key === `[shop]${image}`);
    const values = own(answer?.responses ?? null).map(([, value]) => value);
    return (
      values.length > 0 &&
      own(answer?.errors ?? null).length === 0 &&
      values.every((value) => (value as { isSuccess?: unknown } | null)?.isSuccess === true)
    );
  };
  return images.every(isAccepted) && answer?.system_error === '';
}

describe('verified-images, on cases that nobody thought of', () => {
  const cases = Array.from({ length: CASES }, makeCase);
  let opa: Opa;
  let said: Awaited<ReturnType<Opa['manyViolations']>>;

  beforeAll(async () => {
    opa = await createOpa((await ensureTools(['opa'], console.log)).opa);
    said = await opa.manyViolations('verified-images', cases);
  }, BUILD_WITHIN_MS);

  afterAll(() => opa?.dispose());

  it('says something of all that may not pass, and nothing of all that may', () => {
    expect(said).toHaveLength(CASES);
    const wrong = cases.filter((one, index) => mayPass(one) !== (said[index]?.length === 0));
    expect(wrong).toEqual([]);
  });

  it('was asked about both in numbers that count', () => {
    const passing = cases.filter(mayPass).length;
    expect(passing).toBeGreaterThan(CASES / 10);
    expect(CASES - passing).toBeGreaterThan(CASES / 10);
  });

  it('says it in printable ASCII of at most 220 bytes to the audit and 460 to a request, each time', () => {
    for (const [index, { review }] of cases.entries())
      for (const { msg } of said[index] ?? []) expect(msg).toMatch(review.operation === '' ? /^[ -~]{1,220}$/ : /^[ -~]{1,460}$/);
  });
});
