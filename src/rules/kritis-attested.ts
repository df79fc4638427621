import { reasonOf } from '../engine/outcomes.ts';
import { cut, quoted, reason } from '../engine/reason.ts';
import type { Attestation, AttestationSignature, AttestationSource, Decision, EvidenceInput, VerifierReport } from '../engine/types.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { Failure, Result } from '../simplesigning/errors.ts';
import type { Expected } from '../simplesigning/payload.ts';
import { verifyAttached, verifyDetached } from '../simplesigning/verify.ts';
import type { Authority, AuthorityKey } from './kritis-authority.ts';

/** Whether an authority has attested the image, and what it was judged by. */
export interface Standing {
  readonly authority: Authority;
  readonly decision: Decision;
  readonly reports: readonly VerifierReport[];
}

/** The kind of thing that reports about attestations are on. */
const ARTIFACT_TYPE = 'application/vnd.countersign.kritis-attestation';
const MEDIA_TYPES = { 'simple-signing': 'application/json', pgp: 'application/pgp-encrypted', vault: 'application/octet-stream' } as const;
/** Statements about one image that are looked through; more are nobody's honest attestations. */
const MAX_LISTED = 1000;
/** Reports that are kept of one authority's failures. */
const MAX_REPORTS = 10;

/** How far a statement came before it failed, and why; the farthest tells most. */
interface Miss {
  readonly rank: number;
  readonly step: 'lookup' | 'note' | 'key' | 'algorithm' | 'signature' | 'payload';
  readonly code: string;
  readonly message: string;
}

interface Entry {
  readonly authority: Authority;
  found: VerifierReport | undefined;
  misses: Miss[];
  reports: VerifierReport[];
}

/**
 * Looks through the statements of all sources until `isDecided` says of the authorities that are satisfied that it is enough.
 *
 * A source that fails is no answer: who is not satisfied by the others then is *unavailable*, never "not attested".
 */
export async function attestedBy(
  authorities: readonly Authority[],
  sources: readonly AttestationSource[],
  input: EvidenceInput & { readonly digest: Digest },
  isDecided: (satisfied: ReadonlySet<string>) => boolean,
): Promise<readonly Standing[]> {
  const { reference } = input.request;
  const { signal } = input.ports;
  const search: Search = {
    input,
    expected: { reference, digest: input.digest, identity: { compare: 'repository' } },
    entries: authorities.map((authority) => ({ authority, found: undefined, misses: [], reports: [] })),
    isDone: () => isDecided(new Set(search.entries.filter(({ found }) => found !== undefined).map(({ authority }) => authority.name))),
    listed: 0,
    tried: 0,
    stopped: undefined,
  };
  const failures: Decision[] = [];
  for (const source of sources) {
    if (search.isDone() || search.stopped !== undefined) break;
    try {
      const { registry, path } = reference;
      const image = { repository: { registry, path }, digest: input.digest, store: input.store };
      for await (const page of source.list(image, signal)) {
        signal.throwIfAborted();
        await lookThrough(page, search);
        if (search.isDone() || search.stopped !== undefined) break;
      }
    } catch (error) {
      failures.push(reasonOf(error, input.onBug));
    }
  }
  const undecided = failures.find(({ outcome }) => outcome !== 'refused') ?? failures[0];
  return search.entries.map((entry) => standingOf(entry, search, undecided, sources));
}

interface Search {
  readonly input: EvidenceInput;
  readonly expected: Expected;
  readonly entries: readonly Entry[];
  readonly isDone: () => boolean;
  listed: number;
  /** Signatures that were verified. */
  tried: number;
  /** Why no more is looked at. */
  stopped: Decision | undefined;
}

async function lookThrough(page: readonly Attestation[], search: Search): Promise<void> {
  for (const attestation of page) {
    search.listed += 1;
    if (search.listed > MAX_LISTED) {
      search.stopped = tooMany(`more than ${MAX_LISTED} statements are kept about the image`);
      return;
    }
    for (const entry of search.entries) {
      if (entry.found === undefined) await tryOn(entry, attestation, search);
      if (search.stopped !== undefined) return;
    }
    if (search.isDone()) return;
  }
}

function tooMany(what: string): Decision {
  const message = `${what} and none of those looked at decides; delete those that are not yours`;
  return { outcome: 'refused', reason: reason('TOO_MANY_SIGNATURES', message) };
}

async function tryOn(entry: Entry, attestation: Attestation, search: Search): Promise<void> {
  const { authority } = entry;
  const { note } = attestation;
  if (attestation.format === 'vault') return;
  if (authority.note !== undefined && note !== undefined && note !== authority.note) {
    const message = `filed under note ${quoted(note)}, expected ${quoted(authority.note)}`;
    entry.misses.push({ rank: 1, step: 'note', code: 'NOT_ATTESTED', message });
    return;
  }
  const kind = attestation.format === 'pgp' ? 'pgp' : 'pkix';
  for (const signature of attestation.signatures) {
    const keys = authority.keys.filter((key) => key.kind === kind && key.id === signature.keyId);
    if (keys.length === 0) entry.misses.push(foreignKey(authority, signature));
    for (const key of keys) {
      const { maxSignatures } = search.input;
      if (search.tried >= maxSignatures) {
        search.stopped = tooMany(`more than ${maxSignatures} signatures by keys of the authorities are kept`);
        return;
      }
      search.tried += 1;
      search.input.ports.signal.throwIfAborted();
      const result = await verify(key, attestation, signature, search);
      if (result.ok) {
        const report = reportOn(authority, attestation, signature);
        entry.found = result.validUntil === undefined ? report : { ...report, validUntil: result.validUntil };
        return;
      }
      const miss = missOf(result.reason);
      entry.misses.push(miss);
      if (entry.reports.length < MAX_REPORTS) entry.reports.push(reportOn(authority, attestation, signature, miss));
    }
  }
}

function foreignKey({ keys: [first] }: Authority, { keyId }: AttestationSignature): Miss {
  const message = `signed by key ${quoted(keyId, 48)}, expected ${quoted(first?.id ?? '', 48)}`;
  return { rank: 2, step: 'key', code: 'KEY_ID_MISMATCH', message };
}

/** Whatever says no more than that this algorithm is not the one. */
const NOT_BY_THIS_ALGORITHM: readonly string[] = ['SIGNATURE_INVALID', 'ALGORITHM_MISMATCH', 'ALGORITHM_UNSUPPORTED'];

type Verified = Result<{ readonly validUntil?: Date }> | Pick<Failure, 'ok' | 'reason'>;

async function verify(key: AuthorityKey, { payload }: Attestation, given: AttestationSignature, search: Search): Promise<Verified> {
  const { ports } = search.input;
  if (key.kind === 'pgp') {
    // An armored text is ASCII; what else stands there makes it none.
    const message = Buffer.from(payload).toString('latin1');
    return await verifyAttached(key.key, { keyId: given.keyId, message }, search.expected, ports.now);
  }
  const labels = given.algorithm === undefined ? key.algorithms : key.algorithms.filter((label) => label === given.algorithm);
  let failed: Failure['reason'] = {
    code: 'ALGORITHM_MISMATCH',
    message: `algorithm mismatch: expected ${key.algorithms.join(' or ')}, found ${quoted(given.algorithm ?? '', 40)}`,
  };
  for (const algorithm of labels) {
    const attestation = { keyId: given.keyId, payload, signature: given.signature, algorithm };
    const result = await verifyDetached(key.key, attestation, search.expected, ports.signal);
    if (result.ok) return result;
    failed = result.reason;
    if (!NOT_BY_THIS_ALGORITHM.includes(failed.code)) break;
  }
  return { ok: false, reason: failed };
}

function missOf({ code, message }: Failure['reason']): Miss {
  if (code.startsWith('PAYLOAD_')) return { rank: 5, step: 'payload', code, message };
  if (code.startsWith('ALGORITHM_')) return { rank: 3, step: 'algorithm', code, message };
  if (code.startsWith('KEY_')) return { rank: 4, step: 'key', code, message };
  return { rank: 4, step: 'signature', code, message };
}

function reportOn(
  authority: Authority,
  { name, format, note, payload }: Attestation,
  { keyId }: AttestationSignature,
  miss?: Miss,
): VerifierReport {
  const artifact = { mediaType: MEDIA_TYPES[format], digest: digestOf(payload), size: payload.length, artifactType: ARTIFACT_TYPE };
  const good = `attested by ${authority.name} with key ${quoted(keyId, 48)}`;
  return {
    verifier: authority.name,
    type: 'kritis',
    artifact,
    outcome: miss === undefined ? 'accepted' : 'refused',
    reason: miss === undefined ? reason('VERIFIED', good) : reason(miss.code, `${miss.step}: ${miss.message}`),
    detail: {
      authority: authority.name,
      publicKeyId: keyId,
      occurrence: cut(name, 256),
      ...(note !== undefined && { note: cut(note, 256) }),
    },
    trace: [],
    nested: [],
  };
}

function standingOf(
  { authority, found, misses, reports }: Entry,
  { stopped }: Search,
  undecided: Decision | undefined,
  sources: readonly AttestationSource[],
): Standing {
  if (found !== undefined) return { authority, decision: { outcome: 'accepted', reason: found.reason }, reports: [found] };
  // What a source did not say might have been the attestation.
  if (undecided !== undefined) return { authority, decision: undecided, reports };
  if (stopped !== undefined) return { authority, decision: stopped, reports };
  const { step, code, message } = misses.reduce((best, miss) => (miss.rank > best.rank ? miss : best), nothingFound(sources));
  return { authority, decision: { outcome: 'refused', reason: reason(code, `${step}: ${message}`) }, reports };
}

function nothingFound(sources: readonly AttestationSource[]): Miss {
  const where = sources.map(({ name }) => name).join(', ');
  return { rank: 0, step: 'lookup', code: 'NOT_ATTESTED', message: `no attestation of this digest in ${cut(where, 80)}` };
}
