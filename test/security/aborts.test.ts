import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Engine, Store, Verifier } from '../../src/engine/types.ts';
import { validate } from '../../src/engine/validate.ts';
import {
  artifact,
  engine,
  NOTATION,
  policy,
  ports,
  registryError,
  request,
  rule,
  SBOM,
  type Tree,
  treeStore,
  verifier,
} from '../engine/world.ts';

type Policies = Readonly<Record<string, 'any' | 'all'>>;

/** The same ports, with `step` called before and after each answer. */
function watched(tree: Tree, verifiers: readonly Verifier[], step: () => void): { store: Store; verifiers: readonly Verifier[] } {
  const store = treeStore(tree);
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    step();
    const value = await work();
    step();
    return value;
  };
  return {
    store: {
      ...store,
      resolve: (reference, signal) => around(() => store.resolve(reference, signal)),
      async *listReferrers(subject, types, signal) {
        step();
        for await (const page of store.listReferrers(subject, types, signal)) {
          yield page;
          step();
        }
      },
    },
    verifiers: verifiers.map((one) => ({ ...one, verify: (input) => around(() => one.verify(input)) })),
  };
}

const name = fc.constantFrom('good', 'bad', 'unknown', 'broken');
const entry = fc.tuple(name, fc.nat(9), fc.constantFrom(NOTATION, SBOM, '*', '')).map(([word, n, type]) => artifact(`${word}${n}`, type));
const pages = fc.array(
  fc.oneof({ weight: 5, arbitrary: fc.array(entry, { maxLength: 3 }) }, fc.constant(registryError('REGISTRY_UNREACHABLE'))),
  {
    maxLength: 3,
  },
);
const tree = fc.record({ image: pages, under: fc.dictionary(fc.constantFrom('good0', 'good1', 'good2'), pages) });
const demand = fc.constantFrom('any' as const, 'all' as const);
const policies: fc.Arbitrary<Policies> = fc.record({ [NOTATION]: demand, [SBOM]: demand, default: demand }, { requiredKeys: [] });
const takers = fc.constantFrom(
  [verifier()],
  [verifier({ artifactTypes: ['*'] })],
  [verifier({ nested: true })],
  [verifier({ name: 'a' }), verifier({ name: 'b', artifactTypes: [SBOM], nested: true })],
);

function engineOf(found: { store: Store; verifiers: readonly Verifier[] }, declared: Policies): Engine {
  return engine(found.store, { rules: [rule({ verifiers: found.verifiers, enforcer: policy(declared) })] });
}

describe('an evaluation whose time runs out at any moment', () => {
  it('ends as it would have ended, or as unavailable', async () => {
    await fc.assert(
      fc.asyncProperty(tree, policies, takers, fc.nat(40), async (of, declared, verifiers, moment) => {
        const whole = await validate(
          engineOf(
            watched(of, verifiers, () => undefined),
            declared,
          ),
          request(),
          ports(),
        );
        const controller = new AbortController();
        let steps = 0;
        const step = () => {
          if (steps === moment) controller.abort(new DOMException('over', 'TimeoutError'));
          steps += 1;
        };
        const cut = await validate(engineOf(watched(of, verifiers, step), declared), request(), ports({ signal: controller.signal }));
        if (cut.outcome !== 'unavailable') expect([cut.outcome, cut.reason]).toEqual([whole.outcome, whole.reason]);
        if (cut.outcome === 'unavailable' && whole.outcome !== 'unavailable') expect(cut.reason.code).toBe('DEADLINE_EXCEEDED');
      }),
      { numRuns: 1_500 },
    );
  });
});

describe('an image that is accepted', () => {
  it('has a good report of every type that is demanded or seen, and under all no other, whatever is attached', async () => {
    await fc.assert(
      fc.asyncProperty(tree, policies, takers, async (of, declared, verifiers) => {
        const { outcome, reports } = await validate(
          engineOf(
            watched(of, verifiers, () => undefined),
            declared,
          ),
          request(),
          ports(),
        );
        if (outcome !== 'accepted') return;
        const { default: otherwise = 'all', ...listed } = declared;
        const types = new Set([...Object.keys(listed), ...reports.map(({ artifact: { artifactType } }) => artifactType)]);
        expect(types.size).toBeGreaterThan(0);
        for (const type of types) {
          const ofType = reports.filter(({ artifact: { artifactType } }) => artifactType === type);
          const good = ofType.filter((report) => report.outcome === 'accepted');
          expect(good.length).toBeGreaterThan(0);
          if ((listed[type] ?? otherwise) === 'all') expect(good).toHaveLength(ofType.length);
        }
        for (const { verifier: by, nested } of reports.filter((report) => report.outcome === 'accepted')) {
          const looksDeeper = verifiers.find((one) => one.name === by)?.nested === true;
          if (looksDeeper) expect(nested.some((report) => report.outcome === 'accepted')).toBe(true);
        }
      }),
      { numRuns: 1_500 },
    );
  });
});
