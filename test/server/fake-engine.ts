import type { Engine, Referrer, Rule, Snapshot, Store, Verifier } from '../../src/engine/types.ts';
import { CodedError } from '../../src/lib/errors.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import type { Reference } from '../../src/oci/reference.ts';

/** What a registry of the fake world does when asked for `path`. */
export type Behaviour = (reference: Reference, signal: AbortSignal) => Promise<Descriptor>;

export interface FakeWorld {
  readonly store: Store;
  /** References resolved so far. */
  readonly resolved: Reference[];
  /** Replaces what happens for a repository path; the default is that it is there. */
  readonly behaviours: Map<string, Behaviour>;
  engine(revision?: string, change?: Partial<Engine>): Engine;
}

export class FakeStoreError extends CodedError {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export const SIGNATURE = 'application/vnd.cncf.notary.signature';

export function descriptorOf(text: string): Descriptor {
  return { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digestOf(Buffer.from(text)), size: text.length };
}

/** Images whose path begins with `unsigned` have no signature, with `bad` one that does not verify, and all others a good one. */
export function fakeWorld(): FakeWorld {
  const resolved: Reference[] = [];
  const behaviours = new Map<string, Behaviour>();
  const store: Store = {
    answersFor: () => true,
    resolve: async (reference, signal) => {
      resolved.push(reference);
      const behaviour = behaviours.get(reference.path);
      if (behaviour !== undefined) return behaviour(reference, signal);
      return { ...descriptorOf(reference.path), ...(reference.digest === undefined ? {} : { digest: reference.digest }) };
    },
    listReferrers: async function* ({ repository }) {
      if (!repository.path.startsWith('unsigned'))
        yield [{ ...descriptorOf(`${repository.path} signature`), artifactType: SIGNATURE } satisfies Referrer];
    },
    fetchManifest: async () => new Uint8Array(),
    fetchBlob: async () => new Uint8Array(),
  };
  const rules: readonly Rule[] = [anyOf(verifier())];
  return { store, resolved, behaviours, engine: (revision = 'revision-1', change = {}) => ({ revision, rules, store, ...change }) };
}

/** One engine for everybody. */
export function snapshotOf(engine: Engine): Snapshot {
  return { for: () => engine };
}

function verifier(): Verifier {
  return {
    name: 'verifier-notation',
    type: 'notation',
    artifactTypes: [SIGNATURE],
    nested: false,
    canVerify: () => true,
    verify: async ({ subject, referrer }) => {
      const bad = subject.repository.path.startsWith('bad');
      return {
        verifier: 'verifier-notation',
        type: 'notation',
        artifact: referrer,
        outcome: bad ? 'refused' : 'accepted',
        reason: bad
          ? { code: 'SIGNATURE_INVALID', message: 'the signature is not of a trusted signer' }
          : { code: 'VERIFIED', message: 'verified' },
        detail: { subject: 'CN=signer,O=acme', issuer: 'CN=root,O=acme' },
        trace: [{ step: 'integrity', action: 'enforce', error: null }],
        nested: [],
      };
    },
  };
}

function anyOf(only: Verifier): Rule {
  return {
    name: 'ratify-policy',
    family: 'ratify',
    covers: () => true,
    verifiers: [only],
    enforcer: {
      type: 'any',
      decide: ({ reports, complete }) => {
        const good = reports.find((report) => report.outcome === 'accepted');
        if (good !== undefined) return { outcome: 'accepted', reason: good.reason };
        const bad = reports.find((report) => report.outcome !== 'accepted');
        if (!complete) return undefined;
        return bad === undefined
          ? { outcome: 'refused', reason: { code: 'NO_SIGNATURES', message: 'no signature' } }
          : { outcome: bad.outcome, reason: bad.reason };
      },
    },
  };
}
