import type { Instant } from '../lib/instant.ts';
import type { RevocationPort } from '../lib/revocation.ts';
import { nameText } from '../x509/name.ts';
import type { Certificate } from '../x509/types.ts';
import { crlStatus } from './crl-status.ts';
import { NotationError } from './errors.ts';
import { ocspStatus } from './ocsp-status.ts';
import { quote } from './quote.ts';
import type { CertificateStatus, Question } from './revocation-answer.ts';

export type RevocationPurpose = 'codeSigning' | 'timestamping';

export interface RevocationInput {
  /** Leaf first, root last; its rules have been checked. */
  readonly chain: readonly Certificate[];
  readonly purpose: RevocationPurpose;
  /** Only where it is certain when it was signed (scheme notary.x509.signingAuthority). */
  readonly authenticSigningTime?: Instant;
  readonly now: Date;
  /** Whether what is found is only noted. Default: no, it decides. */
  readonly noted?: boolean;
  /** Undefined: nobody is asked, and the status of what names a responder or a list is unknown. */
  readonly port: RevocationPort | undefined;
  readonly signal: AbortSignal;
}

export interface RevocationStatus {
  /** `CERTIFICATE_REVOKED` or `REVOCATION_UNKNOWN`; absent: good. */
  readonly error?: NotationError;
  /** When the first of the answers ends; absent where none was needed. */
  readonly validUntil?: Date;
  /** Which certificates cannot be revoked, as they do not say where one would learn of it; good all the same (section "Revocation Checks"). */
  readonly note?: string;
}

const SUBJECT_OF: Readonly<Record<RevocationPurpose, string>> = {
  codeSigning: 'signing certificate with subject',
  timestamping: 'timestamping certificate with subject',
};

/**
 * Checks that no certificate of a chain has been revoked (trust-store-trust-policy, "Certificate Revocation Evaluation"): by OCSP, and by
 * lists where there is no responder or none with an answer. A root, and a certificate that names neither, cannot be revoked. Of several that
 * are, the one nearest the leaf is named. What cannot be revoked is noted.
 *
 * Rejects only if `signal` aborts, or for a defect of ours.
 */
export async function checkRevocation({
  chain,
  purpose,
  authenticSigningTime,
  now,
  noted = false,
  port,
  signal,
}: RevocationInput): Promise<RevocationStatus> {
  const statuses = await Promise.all(
    chain.slice(0, -1).map(async (certificate, i) => {
      const issuer = chain[i + 1];
      if (issuer === undefined || namesNobody(certificate)) return undefined;
      if (port === undefined) return { certificate, status: 'unknown', why: 'nobody was asked' } as const;
      return { certificate, ...(await statusOf({ certificate, issuer, authenticSigningTime, now, noted, port, signal })) };
    }),
  );
  const known = statuses.filter((status) => status !== undefined);
  const named = (certificate: Certificate): string => `${SUBJECT_OF[purpose]} ${quote(nameText(certificate.subject))}`;
  const revoked = known.find(({ status }) => status === 'revoked');
  if (revoked !== undefined) {
    return { error: new NotationError('CERTIFICATE_REVOKED', `${named(revoked.certificate)} is revoked`), ...endOf(known) };
  }
  for (const found of known) {
    if (found.status !== 'unknown') continue;
    return { error: new NotationError('REVOCATION_UNKNOWN', `${named(found.certificate)} revocation status is unknown: ${found.why}`) };
  }
  return { ...endOf(known), ...noteOf(chain) };
}

function namesNobody({ ocspUrls, crlUrls }: Certificate): boolean {
  return ocspUrls.length === 0 && crlUrls.length === 0;
}

/** Of a chain of one nobody but its holder could revoke anything; a root above others is trusted or not. */
function noteOf(chain: readonly Certificate[]): Pick<RevocationStatus, 'note'> {
  const [first, ...others] = chain.length === 1 ? chain : chain.slice(0, -1).filter(namesNobody);
  if (first === undefined) return {};
  const why = chain.length === 1 ? 'it is self-signed' : 'it names neither an OCSP responder nor a list';
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return { note: `certificate ${quote(nameText(first.subject))} cannot be revoked, as ${why}${more}` };
}

/** A responder's answer counts; where it has none, the lists do. */
async function statusOf(question: Question): Promise<CertificateStatus> {
  const { certificate } = question;
  if (certificate.ocspUrls.length === 0) return crlStatus(question);
  const status = await ocspStatus(question);
  return status.status === 'unknown' && certificate.crlUrls.length > 0 ? crlStatus(question) : status;
}

function endOf(statuses: readonly CertificateStatus[]): Pick<RevocationStatus, 'validUntil'> {
  const ends = statuses.flatMap((status) => (status.status === 'unknown' ? [] : [status.validUntil.getTime()]));
  return ends.length === 0 ? {} : { validUntil: new Date(Math.min(...ends)) };
}
