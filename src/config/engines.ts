import type { Kinds } from '../engine/kinds.ts';
import type { Engine, Reason, Snapshot, Store } from '../engine/types.ts';
import { type Build, type BuildDeps, buildSnapshot, type Known } from './build.ts';
import type { Loaded } from './files.ts';
import { diagnosticOf } from './object-check.ts';
import { type Declared, type Diagnostic, identity, type ResourceSet } from './resources.ts';

/** What became of one declared object. */
export interface ObjectState {
  readonly declared: Declared;
  /** What of it is in force: itself, the form in which it last was good, or nothing. */
  readonly inForce: 'this' | 'lastGood' | 'nothing';
  readonly diagnostics: readonly Diagnostic[];
  /** Under which a key provider's material is fetched. */
  readonly keySource?: string;
}

/** What became of one change of the declaration. */
export interface Applied {
  readonly objects: readonly ObjectState[];
  readonly snapshot: Snapshot;
  readonly diagnostics: readonly Diagnostic[];
  /** Whether something can be decided for anybody. */
  readonly usable: boolean;
}

const NOTHING: Reason = { code: 'NO_VERIFIER', message: 'nothing is declared yet; declare a Store and a Verifier' };

export type EnginesDeps = Omit<BuildDeps, 'stores' | 'known' | 'readBefore'> & {
  /** Why nothing is decided before the first change is applied. */
  readonly before?: Reason;
};

/**
 * The engines in force. A change is applied whole; an object that an edit broke stays as it last was good until it is mended or
 * deleted (an Exception does not), and a deletion always takes effect. Nothing survives the process.
 */
export class Engines {
  readonly #kinds: Kinds;
  readonly #deps: BuildDeps;
  readonly #stores = new Map<string, Store>();
  readonly #known = new Map<Declared, Known>();
  #snapshot: Snapshot;
  #usable = false;
  #good: ReadonlyMap<string, Declared> = new Map();
  /** Files that declare something and were read whole, before whatever broke them. */
  #whole: ReadonlySet<string> = new Set();
  #last: Promise<unknown> = Promise.resolve();

  constructor(kinds: Kinds, deps: EnginesDeps) {
    this.#kinds = kinds;
    this.#deps = { ...deps, stores: this.#stores, known: this.#known };
    const nothing: Engine = { revision: 'none', rules: [], store: undefined, misconfigured: deps.before ?? NOTHING };
    this.#snapshot = { for: () => nothing };
  }

  /** The snapshot in force; a request takes it once. */
  current(): Snapshot {
    return this.#snapshot;
  }

  usable(): boolean {
    return this.#usable;
  }

  /** Applies what is declared now, after all changes that were handed in before. Rejects only if it is aborted; then nothing changes. */
  apply(loaded: Loaded): Promise<Applied> {
    const next = this.#last.then(() => this.#apply(loaded));
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #apply({ resources, diagnostics }: Loaded): Promise<Applied> {
    const good = this.#keepable();
    const readBefore = wholeFiles(resources, this.#whole);
    const deps = { ...this.#deps, readBefore };
    const absent = missingFrom(resources, good);
    const candidate = { ...resources, declared: [...resources.declared, ...absent] };
    const first = await buildSnapshot(candidate, this.#kinds, deps);
    const { set, kept } = withLastGood(candidate, first.applied, good);
    const build = kept.length === 0 ? first : await buildSnapshot(set, this.#kinds, deps);
    this.#whole = readBefore;
    this.#good = new Map(build.applied.map((declared) => [identity(declared), declared]));
    for (const key of this.#stores.keys()) if (!build.usedStores.has(key)) this.#stores.delete(key);
    const present = new Set([...first.objects, ...build.objects].map(({ declared }) => declared));
    for (const declared of this.#known.keys()) if (!present.has(declared)) this.#known.delete(declared);
    // What an edit asks for is tried again and again, also while the last good form stays in force.
    this.#deps.keys?.retain?.(new Set([...first.objects, ...build.objects].flatMap(({ keySource }) => keySource ?? [])));
    this.#snapshot = build.snapshot;
    this.#usable = build.usable;
    const notes = [...kept, ...absent].map((declared) =>
      diagnosticOf(declared, 'note', 'LAST_GOOD', [], 'stays in force as it last was good, until it is mended or deleted'),
    );
    return {
      snapshot: build.snapshot,
      usable: build.usable,
      diagnostics: [...diagnostics, ...first.diagnostics, ...notes],
      objects: statesOf(resources, first, build),
    };
  }

  /** Good objects that outlive an edit that breaks them. */
  #keepable(): ReadonlyMap<string, Declared> {
    const parts = this.#kinds.families.flatMap((family) => family.parts);
    const lapsing = new Set(parts.filter(({ keepsLastGood }) => keepsLastGood === false).map(({ kind }) => kind));
    return new Map([...this.#good].filter(([, { kind }]) => !lapsing.has(kind)));
  }
}

function wholeFiles({ declared, brokenFiles }: ResourceSet, before: ReadonlySet<string>): ReadonlySet<string> {
  const whole = declared.map(({ origin }) => origin.file).filter((file) => !brokenFiles.has(file));
  return new Set([...whole, ...[...brokenFiles].filter((file) => before.has(file))]);
}

function statesOf(resources: ResourceSet, first: Build, build: Build): readonly ObjectState[] {
  const asked = new Map(first.objects.map((one) => [one.declared, one]));
  const used = new Map(build.objects.filter(({ made }) => made !== undefined).map((one) => [identity(one.declared), one]));
  return resources.declared.map((declared) => {
    const { made, diagnostics = [], keySource: askedFor } = asked.get(declared) ?? {};
    const inForce = used.get(identity(declared));
    const keySource = inForce?.keySource ?? askedFor;
    return {
      declared,
      inForce: made !== undefined ? 'this' : inForce === undefined ? 'nothing' : 'lastGood',
      diagnostics,
      ...(keySource === undefined ? {} : { keySource }),
    };
  });
}

/** Good objects that are not declared any more, but whose file cannot be read to the end: they may well be in it. */
function missingFrom(resources: ResourceSet, good: ReadonlyMap<string, Declared>): readonly Declared[] {
  const present = new Set(resources.declared.map(identity));
  return [...good]
    .filter(([key, { origin }]) => !present.has(key) && resources.brokenFiles.has(origin.file))
    .map(([, declared]) => declared);
}

function withLastGood(
  candidate: ResourceSet,
  applied: readonly Declared[],
  good: ReadonlyMap<string, Declared>,
): { set: ResourceSet; kept: readonly Declared[] } {
  const fine = new Set(applied);
  const kept: Declared[] = [];
  const declared = candidate.declared.map((object) => {
    const before = good.get(identity(object));
    if (fine.has(object) || before === undefined) return object;
    // Its file may have another name by now; it is this object that stays.
    const last = { ...before, origin: object.origin };
    kept.push(last);
    return last;
  });
  return { set: { ...candidate, declared }, kept };
}
