import { ConfigProblem } from '../engine/errors.ts';
import { reason } from '../engine/reason.ts';
import type { Verifier, VerifierReport } from '../engine/types.ts';
import { CodedError, errorText } from '../lib/errors.ts';
import { canonicalJson } from './canonical.ts';
import type { Compiled, Made } from './compile.ts';
import type { KeyTable, Lookup, Viewer } from './key-table.ts';

/** A verifier as one viewer has it, and the key providers that went into it. */
export interface VerifierView {
  readonly verifier: Verifier;
  readonly lookups: ReadonlyMap<string, Lookup>;
  /** What the revision of a view must change with. */
  readonly keys: unknown;
  /** Why it is only a stand-in that accepts nothing. */
  readonly problem?: unknown;
}

const KEYS_ARE_MISSING: readonly string[] = ['KEY_PROVIDER_MISSING', 'KEY_PROVIDER_UNAVAILABLE'];

type MadeVerifier = Extract<Made, { role: 'verifier' }>;

/** Makes one declared verifier for each viewer; viewers for whom its names lead to the same keys share it. */
export interface VerifierViews {
  /** As it is where it was declared. @throws whatever the verifier's kind throws when the declaration itself is bad. */
  home(): Promise<VerifierView>;
  for(viewer: Viewer): Promise<VerifierView>;
}

/** @param ready - Views made before of the same declaration: used again where the names still lead to the same keys, and added to. */
export function verifierViews(compiled: Compiled, made: MadeVerifier, keys: KeyTable, ready: VerifierView[]): VerifierViews {
  const { namespace } = compiled.declared;
  const ofCluster = namespace === undefined;
  const at: Viewer = namespace === undefined ? { kind: 'none' } : { kind: 'namespace', name: namespace };
  // What no viewer has any more goes with the next build.
  const before = ready.splice(0);
  const take = async (viewer: Viewer, mayStandIn: (problem: unknown) => boolean): Promise<VerifierView> => {
    const lookup = (name: string) => keys.lookup(name, viewer, ofCluster);
    const isSame = (view: VerifierView) => {
      const lookups = new Map([...view.lookups.keys()].map((name) => [name, lookup(name)]));
      return canonicalJson(summary(lookups)) === canonicalJson(view.keys) && (view.problem === undefined || mayStandIn(view.problem));
    };
    const known = ready.find(isSame) ?? before.find(isSame);
    const view = known ?? (await build(compiled, made, lookup, mayStandIn));
    if (!ready.includes(view)) ready.push(view);
    return view;
  };
  return {
    // The object is good, its keys are not there: it stays, and never accepts.
    home: () => take(at, (problem) => problem instanceof ConfigProblem && KEYS_ARE_MISSING.includes(problem.code)),
    for: (viewer) => take(viewer, () => true),
  };
}

async function build(
  compiled: Compiled,
  made: MadeVerifier,
  lookup: (name: string) => Lookup,
  mayStandIn: (problem: unknown) => boolean,
): Promise<VerifierView> {
  const lookups = new Map<string, Lookup>();
  let problem: unknown;
  const verifier = await made
    .create((name) => {
      const found = lookups.get(name) ?? lookup(name);
      lookups.set(name, found);
      if ('problem' in found) throw found.problem;
      return found.material;
    })
    .catch((error: unknown) => {
      if (!mayStandIn(error)) throw error;
      problem = error;
      return withoutKeys(compiled, made, error);
    });
  return { verifier, lookups, keys: summary(lookups), ...(problem === undefined ? {} : { problem }) };
}

function summary(lookups: ReadonlyMap<string, Lookup>): unknown {
  return [...lookups].map(([name, lookup]) => [name, 'problem' in lookup ? lookup.problem.message : lookup.fingerprints]);
}

function withoutKeys({ declared }: Compiled, made: MadeVerifier, problem: unknown): Verifier {
  const { type, artifactTypes } = made;
  return {
    name: declared.name,
    type,
    artifactTypes,
    nested: false,
    canVerify: (referrer) => artifactTypes.includes('*') || artifactTypes.includes(referrer.artifactType),
    verify: async ({ referrer }): Promise<VerifierReport> => ({
      verifier: declared.name,
      type,
      artifact: referrer,
      outcome: problem instanceof ConfigProblem && problem.code === 'KEY_PROVIDER_UNAVAILABLE' ? 'unavailable' : 'misconfigured',
      reason: reason(problem instanceof CodedError ? problem.code : 'CONFIG_INVALID', errorText(problem)),
      trace: [],
      nested: [],
    }),
  };
}
