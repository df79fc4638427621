import { compareInstants, type Instant } from '../lib/instant.ts';
import { NotationError } from './errors.ts';
import { isZero } from './time.ts';
import type { ExtendedAttribute, SigningScheme } from './types.ts';

export const HEADER = {
  signingScheme: 'io.cncf.notary.signingScheme',
  signingTime: 'io.cncf.notary.signingTime',
  authenticSigningTime: 'io.cncf.notary.authenticSigningTime',
  expiry: 'io.cncf.notary.expiry',
  plugin: 'io.cncf.notary.verificationPlugin',
  pluginMinVersion: 'io.cncf.notary.verificationPluginMinVersion',
  timestampSignature: 'io.cncf.notary.timestampSignature',
  signingAgent: 'io.cncf.notary.signingAgent',
} as const;

/** Names that have a meaning of their own and are no extended attributes. */
export const SYSTEM_HEADERS: ReadonlySet<string> = new Set([
  HEADER.signingScheme,
  HEADER.signingTime,
  HEADER.authenticSigningTime,
  HEADER.expiry,
]);

/** What the protected header of either format says, read but not judged. */
export interface ProtectedHeaders {
  readonly scheme: unknown;
  readonly signingTime: Instant | undefined;
  readonly authenticSigningTime: Instant | undefined;
  readonly expiry: Instant | undefined;
  /** Whether `crit` must name the expiry. */
  readonly expiryIsCritical: boolean;
  readonly critical: readonly (string | number | bigint)[];
  readonly attributes: readonly Omit<ExtendedAttribute, 'critical'>[];
  /** Labels without meaning here that `crit` may name all the same (COSE: algorithm and content type). */
  readonly tolerated: ReadonlySet<string | number | bigint>;
}

export interface JudgedHeaders {
  readonly signingScheme: SigningScheme;
  readonly signingTime: Instant;
  readonly expiry: Instant | undefined;
  readonly extendedAttributes: readonly ExtendedAttribute[];
}

/**
 * Judges the headers that both formats share: the scheme with its time, and which headers must be and may be critical.
 *
 * @throws {NotationError} `ENVELOPE_INVALID`
 */
export function judgeHeaders(headers: ProtectedHeaders): JudgedHeaders {
  const signingScheme = schemeOf(headers.scheme);
  const signingTime = timeOf(signingScheme, headers);
  checkCritical(signingScheme, headers);
  if (isZero(signingTime)) throw invalid('signing-time not present');
  const expiry = headers.expiry !== undefined && !isZero(headers.expiry) ? headers.expiry : undefined;
  if (expiry !== undefined && compareInstants(expiry, signingTime) <= 0) throw invalid('expiry cannot be equal or before the signing time');
  const critical = new Set(headers.critical);
  const extendedAttributes = headers.attributes.map(({ key, value }) => ({
    key: keptKey(key),
    value: keptValue(value),
    critical: critical.has(key),
  }));
  return { signingScheme, signingTime, expiry, extendedAttributes };
}

/** Longest text that is kept of an attribute: what is kept is kept for long, and nobody needs more. */
const MAX_KEPT = 256;

function keptKey(key: ExtendedAttribute['key']): ExtendedAttribute['key'] {
  return typeof key === 'string' ? key.slice(0, MAX_KEPT) : key;
}

/** Text, cut; any other value is only known to be there, so that nothing of an attacker's size stays in memory. */
function keptValue(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_KEPT) : undefined;
}

export function invalid(message: string, cause?: unknown): NotationError {
  return new NotationError('ENVELOPE_INVALID', message, { cause });
}

function schemeOf(scheme: unknown): SigningScheme {
  if (scheme === 'notary.x509' || scheme === 'notary.x509.signingAuthority') return scheme;
  throw invalid(`unsupported SigningScheme: ${typeof scheme === 'string' ? JSON.stringify(scheme.slice(0, 64)) : 'none or not a text'}`);
}

/** Each scheme has its time, and not the other's; signature-specification, "Signing Scheme". */
function timeOf(scheme: SigningScheme, { signingTime, authenticSigningTime }: ProtectedHeaders): Instant {
  const [own, foreign, ownName, foreignName] =
    scheme === 'notary.x509'
      ? [signingTime, authenticSigningTime, HEADER.signingTime, HEADER.authenticSigningTime]
      : [authenticSigningTime, signingTime, HEADER.authenticSigningTime, HEADER.signingTime];
  if (foreign !== undefined) throw invalid(`"${foreignName}" header must not be present for ${scheme} signing scheme`);
  if (own !== undefined) return own;
  throw invalid(
    scheme === 'notary.x509'
      ? `signing-time not present: "${ownName}" header must be present for ${scheme} signing scheme`
      : `"${ownName}" header must be present for ${scheme} signing scheme`,
  );
}

function checkCritical(scheme: SigningScheme, { critical, expiryIsCritical, attributes, tolerated }: ProtectedHeaders): void {
  if (critical.length === 0) throw invalid('missing "crit" header');
  const required = new Set<string | number | bigint>([
    HEADER.signingScheme,
    ...(expiryIsCritical ? [HEADER.expiry] : []),
    ...(scheme === 'notary.x509.signingAuthority' ? [HEADER.authenticSigningTime] : []),
  ]);
  const present = new Set<string | number | bigint>(attributes.map(({ key }) => key));
  const missing = new Set(required);
  for (const name of critical) {
    // A name may be struck off once: a second time it is none of ours.
    if (missing.delete(name) || present.has(name) || tolerated.has(name)) continue;
    throw invalid(`"${String(name).slice(0, 80)}" header is marked critical but not present`);
  }
  if (missing.size > 0) throw invalid(`these required headers are not marked as critical: [${[...missing].join(' ')}]`);
}
