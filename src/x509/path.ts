import { compareInstants, type Instant, instantOf } from '../lib/instant.ts';
import { isSignedBy } from './certificate-signature.ts';
import { maySign, type SignatureCheck, TIME_STAMPING } from './chain.ts';
import { childrenOf, contextTag, open, readDer, TAG, takeOptional } from './der.ts';
import { oidOf } from './der-values.ts';
import { X509Error } from './errors.ts';
import { nameText } from './name.ts';
import { hasKnownAltName, nameConstraintProblem, understandsNameConstraints } from './name-constraints.ts';
import type { Certificate } from './types.ts';

export interface PathInput {
  readonly leaf: Certificate;
  /** Trust anchors: where a path may end. */
  readonly roots: readonly Certificate[];
  /** What a path may lead through; nothing in it is trusted. */
  readonly intermediates: readonly Certificate[];
  /** When every certificate of the path must have been valid. */
  readonly at: Instant;
  /** May know which certificates are signed by which. */
  readonly isSigned?: SignatureCheck;
}

/** Longer paths are not followed, the root counted. */
const MAX_CERTIFICATES = 10;
/** More candidates are not considered: what Go looks at. */
const MAX_CANDIDATES = 100;

/**
 * Finds the paths from a certificate to a root that timestamps may be trusted by (RFC 5280 section 6), in the order in which Go's
 * `crypto/x509` finds them; whoever wants one asks for no more. Validity, basic constraints with path lengths, nested extended key usage and
 * name constraints are held as Go holds them. Beyond it, a path is refused with name constraints of kinds that are not read, with an explicit
 * policy required, or with anyPolicy mapped.
 *
 * @throws {X509Error} `PATH_INVALID` if there is none, with the first reason that was met.
 */
export async function* timestampingPaths(input: PathInput): AsyncGenerator<readonly Certificate[], void, undefined> {
  const search: Search = { ...input, isSigned: input.isSigned ?? isSignedBy, candidates: 0, hint: undefined, orphan: undefined };
  const { leaf, roots, at } = search;
  const problem = unfitAt(leaf, at);
  if (problem !== undefined) throw invalid(problem);
  let found = false;
  for await (const path of roots.some(({ fingerprint }) => fingerprint === leaf.fingerprint) ? [[leaf]] : extend([leaf], search)) {
    const breach = breachOf(path);
    if (breach === undefined) {
      found = true;
      yield path;
    } else search.hint ??= breach;
  }
  if (!found) throw invalid(search.hint ?? unknownAuthority(search.orphan ?? leaf));
}

interface Search extends PathInput {
  readonly isSigned: SignatureCheck;
  candidates: number;
  /** Why the first candidate or path that was turned down was. */
  hint: string | undefined;
  /** The first certificate whose issuer is nowhere. */
  orphan: Certificate | undefined;
}

function invalid(message: string): X509Error {
  return new X509Error('PATH_INVALID', message);
}

/** Names what is to be added to a trust store, if it is to be trusted. */
function unknownAuthority({ subject, issuer }: Certificate): string {
  return `certificate signed by unknown authority: ${JSON.stringify(nameText(issuer))}, issuer of ${JSON.stringify(nameText(subject))}, is no trusted root`;
}

function nameOf({ subject }: Certificate): string {
  return JSON.stringify(nameText(subject));
}

/** Paths that go on from this one: roots first, then through others. */
async function* extend(path: readonly Certificate[], search: Search): AsyncGenerator<readonly Certificate[], void, undefined> {
  const child = path.at(-1);
  if (child === undefined) return;
  let isOrphan = true;
  for (const pool of [search.roots, search.intermediates]) {
    for (const candidate of parentsAmong(pool, child)) {
      if (search.candidates >= MAX_CANDIDATES) {
        search.hint = 'signature check attempts limit reached while verifying certificate chain';
        return;
      }
      search.candidates++;
      if (isAlreadyIn(path, candidate)) continue;
      isOrphan = false;
      const problem = await whyNotNext(candidate, { path, child, isRoot: pool === search.roots, search });
      if (problem !== undefined) search.hint ??= `${problem} (candidate authority ${nameOf(candidate)})`;
      else if (pool === search.roots) yield [...path, candidate];
      else if (path.length + 1 < MAX_CERTIFICATES) yield* extend([...path, candidate], search);
      else search.hint ??= `the path is longer than ${MAX_CERTIFICATES} certificates`;
    }
  }
  if (isOrphan) search.orphan ??= child;
}

/** Certificates that bear the issuer's name; those whose key identifier says that they issued it come first. */
function parentsAmong(pool: readonly Certificate[], child: Certificate): readonly Certificate[] {
  const wanted = authorityKeyId(child);
  return pool
    .filter(({ rawSubject }) => sameBytes(rawSubject, child.rawIssuer))
    .map((certificate) => ({ certificate, rank: rankOf(subjectKeyId(certificate), wanted) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ certificate }) => certificate);
}

/** 0: the same, or both absent; 1: one is absent; 2: they differ. */
function rankOf(have: Uint8Array, wanted: Uint8Array): number {
  if (sameBytes(have, wanted)) return 0;
  return have.length === 0 || wanted.length === 0 ? 1 : 2;
}

const NONE = new Uint8Array();

function subjectKeyId(certificate: Certificate): Uint8Array {
  const value = extensionValue(certificate, '2.5.29.14');
  return value === undefined ? NONE : readDer(value).content;
}

function authorityKeyId(certificate: Certificate): Uint8Array {
  const value = extensionValue(certificate, '2.5.29.35');
  if (value === undefined) return NONE;
  return takeOptional(open(readDer(value), TAG.sequence), contextTag(0, 'primitive'))?.content ?? NONE;
}

function extensionValue({ extensions }: Certificate, wanted: string): Uint8Array | undefined {
  return extensions.find(({ oid }) => oid === wanted)?.value;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

interface Place {
  readonly path: readonly Certificate[];
  readonly child: Certificate;
  readonly isRoot: boolean;
  readonly search: Search;
}

/** The signature last: it costs more than all the rest, and what is turned down is the same in any order. */
async function whyNotNext(candidate: Certificate, { path, child, isRoot, search }: Place): Promise<string | undefined> {
  if (!maySign(candidate)) return 'certificate is not authorized to sign other certificates';
  // Of certificates before version 3, roots alone may sign others.
  if (!isRoot && candidate.basicConstraints?.ca !== true) return 'certificate is not authorized to sign other certificates';
  const problem = unfitAt(candidate, search.at);
  if (problem !== undefined) return problem;
  const { pathLength } = candidate.basicConstraints ?? {};
  if (pathLength !== undefined && path.length - 1 > pathLength) return 'too many intermediates for path length constraint';
  return (await search.isSigned(child, candidate)) ? undefined : 'verification error or insecure algorithm';
}

const SUBJECT_ALT_NAME = '2.5.29.17';

/** The same name, key and alternative names, whatever else differs: authorities that certify each other make no circle. */
function isAlreadyIn(path: readonly Certificate[], candidate: Certificate): boolean {
  const alike = path.filter(
    ({ rawSubject, rawPublicKeyInfo }) =>
      sameBytes(rawSubject, candidate.rawSubject) && sameBytes(rawPublicKeyInfo, candidate.rawPublicKeyInfo),
  );
  const own = extensionValue(candidate, SUBJECT_ALT_NAME);
  for (const certificate of alike) {
    const other = extensionValue(certificate, SUBJECT_ALT_NAME);
    if (own === undefined || other === undefined) return own === other;
    if (sameBytes(own, other)) return true;
  }
  return false;
}

/** Critical extensions that are heeded here or by those who read the certificate. */
const HANDLED: ReadonlySet<string> = new Set([
  ...[14, 15, 17, 19, 30, 31, 32, 33, 35, 36, 37, 54].map((arc) => `2.5.29.${arc}`),
  '1.3.6.1.5.5.7.1.1',
]);

function unfitAt(certificate: Certificate, at: Instant): string | undefined {
  const unknown = certificate.extensions.find(
    ({ oid, critical }) => critical && (!HANDLED.has(oid) || (oid === SUBJECT_ALT_NAME && !hasKnownAltName(certificate))),
  );
  if (unknown !== undefined) return `certificate ${nameOf(certificate)} has the unhandled critical extension ${unknown.oid}`;
  if (!understandsNameConstraints(certificate))
    return `certificate ${nameOf(certificate)} has name constraints of a kind that is not known`;
  // Negated, so that a time that is none finds no certificate valid.
  const begun = compareInstants(at, instantOf(certificate.notBefore)) >= 0;
  if (begun && compareInstants(at, instantOf(certificate.notAfter)) <= 0) return undefined;
  return `certificate ${nameOf(certificate)} has expired or is not yet valid at the time of the timestamp`;
}

const ANY_PURPOSE = '2.5.29.37.0';

/** What only the whole path shows. */
function breachOf(path: readonly Certificate[]): string | undefined {
  for (const certificate of path) {
    const purposes = certificate.extendedKeyUsage?.oids ?? [];
    if (purposes.length === 0 || purposes.includes(ANY_PURPOSE) || purposes.includes(TIME_STAMPING)) continue;
    return `certificate ${nameOf(certificate)} specifies an incompatible key usage`;
  }
  return policyProblem(path.slice(0, -1)) ?? nameConstraintProblem(path);
}

const POLICY_MAPPINGS = '2.5.29.33';
const POLICY_CONSTRAINTS = '2.5.29.36';
const ANY_POLICY = '2.5.29.32.0';

/** No policy is asked for, so that only these two can fail a path; both are refused without a look at the policies. */
function policyProblem(certificates: readonly Certificate[]): string | undefined {
  for (const certificate of certificates) {
    const constraints = extensionValue(certificate, POLICY_CONSTRAINTS);
    const explicit = constraints && takeOptional(open(readDer(constraints), TAG.sequence), contextTag(0, 'primitive'));
    if (explicit !== undefined) return `certificate ${nameOf(certificate)} requires an explicit policy, which is not looked for`;
    const mappings = extensionValue(certificate, POLICY_MAPPINGS);
    const mapped = mappings === undefined ? [] : childrenOf(readDer(mappings), TAG.sequence);
    if (mapped.some((pair) => childrenOf(pair, TAG.sequence).some((policy) => oidOf(policy) === ANY_POLICY)))
      return `certificate ${nameOf(certificate)} maps anyPolicy`;
  }
  return undefined;
}
