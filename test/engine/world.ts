import { configPolicy } from '../../src/enforcers/config-policy.ts';
import type {
  Engine,
  FactCache,
  Outcome,
  PolicyEnforcer,
  Ports,
  Referrer,
  ReferrerRule,
  Request,
  Store,
  Subject,
  Verdict,
  Verifier,
  VerifierInput,
  VerifierReport,
} from '../../src/engine/types.ts';
import { validate } from '../../src/engine/validate.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { ContentError, RegistryError } from '../../src/oci/errors.ts';
import { parseReference } from '../../src/oci/reference.ts';

export const NOTATION = 'application/vnd.cncf.notary.signature';
export const SBOM = 'application/spdx+json';
export const NOW = new Date('2026-05-01T12:00:00Z');
export const IMAGE = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digestOf(Buffer.from('image')), size: 5 };

/** A referrer whose digest follows from its name; the engine's fakes judge it by its annotations. */
export function artifact(name: string, artifactType = NOTATION, annotations: Readonly<Record<string, string>> = {}): Referrer {
  return {
    mediaType: IMAGE.mediaType,
    digest: digestOf(Buffer.from(name)),
    size: name.length,
    artifactType,
    annotations: { name, ...annotations },
  };
}

export const nameOf = (referrer: Referrer): string => referrer.annotations?.name ?? '';

export function reportOn(referrer: Referrer, outcome: Outcome, over: Partial<VerifierReport> = {}): VerifierReport {
  const code = {
    accepted: 'VERIFIED',
    refused: 'SIGNER_UNTRUSTED',
    unavailable: 'REVOCATION_UNKNOWN',
    misconfigured: 'TRUST_STORE_INVALID',
  };
  const reason = { code: code[outcome], message: `${nameOf(referrer)} is ${outcome}` };
  return { verifier: 'v', type: 'notation', artifact: referrer, outcome, reason, trace: [], nested: [], ...over };
}

/** A verifier that believes a referrer's name: `good…`, `bad…`, `unknown…`, `broken…`. */
export function verifier(over: Partial<Verifier> & { readonly judge?: (input: VerifierInput) => Promise<VerifierReport> } = {}): Verifier {
  const { judge, ...rest } = over;
  const artifactTypes = rest.artifactTypes ?? [NOTATION];
  return {
    name: 'v',
    type: 'notation',
    artifactTypes,
    nested: false,
    canVerify: ({ artifactType }) => artifactTypes.includes('*') || artifactTypes.includes(artifactType),
    verify: judge ?? (async ({ referrer }) => reportOn(referrer, believed(nameOf(referrer)), { verifier: rest.name ?? 'v' })),
    ...rest,
  };
}

function believed(name: string): Outcome {
  if (name.startsWith('good')) return 'accepted';
  if (name.startsWith('unknown')) return 'unavailable';
  return name.startsWith('broken') ? 'misconfigured' : 'refused';
}

export function policy(policies?: Readonly<Record<string, 'any' | 'all'>>): PolicyEnforcer {
  return configPolicy.create({ name: 'test', parameters: configPolicy.parameters.parse({ artifactVerificationPolicies: policies }) });
}

/** Pages of referrers: of the image, and by name of a referrer; an error in place of a page is thrown there. */
export interface Tree {
  readonly image?: readonly (readonly Referrer[] | Error)[];
  readonly under?: Readonly<Record<string, readonly (readonly Referrer[] | Error)[]>>;
}

export type Call = readonly [port: 'resolve' | 'list' | 'page' | 'manifest' | 'blob', about: string, artifactTypes?: readonly string[]];

/** A store over a tree, with what it was asked. */
export function treeStore({ image = [], under = {} }: Tree, over: Partial<Store> = {}): Store & { readonly calls: Call[] } {
  const calls: Call[] = [];
  return {
    calls,
    answersFor: () => true,
    async resolve(reference) {
      calls.push(['resolve', reference.tag ?? reference.digest ?? '']);
      return IMAGE;
    },
    async *listReferrers(subject: Subject, artifactTypes) {
      const isImage = subject.descriptor.digest === IMAGE.digest;
      const name = isImage ? 'image' : (subject.descriptor.annotations?.name ?? '');
      calls.push(['list', name, artifactTypes]);
      for (const page of isImage ? image : (under[name] ?? [])) {
        calls.push(['page', name]);
        if (page instanceof Error) throw page;
        yield page;
      }
    },
    async fetchManifest(_, { digest }) {
      calls.push(['manifest', digest]);
      return Buffer.from(digest);
    },
    async fetchBlob(_, { digest }) {
      calls.push(['blob', digest]);
      return Buffer.from(digest);
    },
    ...over,
  };
}

/** Keeps nothing. */
const noFacts: FactCache = { remember: async (_kind, _key, signal, load) => (await load(signal)).value };

export function rule(over: Partial<ReferrerRule> = {}): ReferrerRule {
  return { name: 'ratify-policy', family: 'ratify', covers: () => true, verifiers: [verifier()], enforcer: policy(), ...over };
}

export function engine(store: Store | undefined, over: Partial<Engine> = {}): Engine {
  return { revision: 'r1', rules: [rule()], store, ...over };
}

export function request(text = `registry.example.test/app@${IMAGE.digest}`): Request {
  return { reference: parseReference(text), text, attributes: new Map() };
}

export function ports(over: Partial<Omit<Ports, 'store'>> = {}): Omit<Ports, 'store'> {
  return { facts: noFacts, now: NOW, signal: new AbortController().signal, ...over };
}

export const registryError = (code: RegistryError['code']) =>
  new RegistryError(code, `the registry says ${code}`, { registry: 'registry.example.test' });
export const contentError = (code: ContentError['code']) =>
  new ContentError(code, `the content is ${code}`, { registry: 'registry.example.test' });
export const good = artifact('good');
export const bad = artifact('bad');
export const unknown = artifact('unknown');
export const broken = artifact('broken');
export const many = (count: number, prefix = 'bad'): Referrer[] => Array.from({ length: count }, (_, at) => artifact(`${prefix}${at}`));
export const later = (ms: number) => new Date(NOW.getTime() + ms);

/** The verdict on a tree by one rule, and what the store was asked. */
export async function judge(tree: Tree, over: Partial<ReferrerRule> = {}, text?: string) {
  const store = treeStore(tree);
  const bugs: unknown[] = [];
  const verdict = await validate(engine(store, { rules: [rule(over)] }), request(text), ports(), (error) => bugs.push(error));
  return { verdict, calls: store.calls, bugs };
}

export const brief = ({ outcome, reason, reports }: Verdict) => [outcome, reason.code, reports.map(({ artifact: of }) => nameOf(of))];
