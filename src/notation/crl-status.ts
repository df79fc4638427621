import type { Fact } from '../lib/facts.ts';
import type { RevocationPort } from '../lib/revocation.ts';
import { isSignatureBy } from '../x509/certificate-signature.ts';
import { type RevocationList, type RevokedEntry, readRevocationList } from '../x509/crl.ts';
import { readDer, TAG } from '../x509/der.ts';
import { smallIntegerOf } from '../x509/der-values.ts';
import type { Certificate } from '../x509/types.ts';
import {
  BadAnswer,
  type CertificateStatus,
  checkFresh,
  isInvalidityDate,
  patienceOf,
  type Question,
  refreshFrom,
  wasValidAtSigning,
  whyNot,
} from './revocation-answer.ts';

const FRESHEST_CRL = '2.5.29.46';
const REASON_CODE = '2.5.29.21';
const CERTIFICATE_HOLD = 6;
const REMOVE_FROM_CRL = 8;

/** A list and, where it names one, what has changed since. */
interface Lists {
  readonly base: RevocationList;
  readonly delta: RevocationList | undefined;
}

/**
 * Looks the certificate up in all lists that it names (RFC 5280 sections 4.2.1.13 and 5). As in the reference, every one of them must be there
 * and good; beyond it, the list's issuer must have the name of the certificate's.
 */
export async function crlStatus(question: Question): Promise<CertificateStatus> {
  const ends: Date[] = [];
  for (const url of question.certificate.crlUrls) {
    try {
      const { revoked, validUntil } = await lookUp(url, question);
      if (revoked) return { status: 'revoked', validUntil };
      ends.push(validUntil);
    } catch (error) {
      question.signal.throwIfAborted();
      return { status: 'unknown', why: `${url.slice(0, 200)}: ${whyNot(error)}` };
    }
  }
  if (ends.length === 0) return { status: 'unknown', why: 'no revocation list is named' };
  return { status: 'good', validUntil: earliest(ends) };
}

async function lookUp(url: string, question: Question) {
  const { certificate, issuer, authenticSigningTime, now, port, signal } = question;
  const load = (own: AbortSignal): Promise<Fact<Lists>> => fetchLists({ url, issuer, now, port, signal: own });
  const { base, delta } = await port.answers.remember('crl', `${issuer.fingerprint} ${url}`, signal, load, patienceOf(question, false));
  if (delta === undefined && certificate.extensions.some(({ oid }) => oid === FRESHEST_CRL)) {
    throw new BadAnswer('a freshest list that only the certificate names is not supported');
  }
  const validUntil = endOf({ base, delta }, now);
  const entries = [base, ...(delta === undefined ? [] : [delta])].flatMap((list) => list.entriesOf(certificate.serialNumber));
  return { revoked: isRevoked(entries, authenticSigningTime), validUntil };
}

interface Source {
  readonly url: string;
  readonly issuer: Certificate;
  readonly now: Date;
  readonly port: RevocationPort;
  readonly signal: AbortSignal;
}

async function fetchLists({ url, issuer, now, port, signal }: Source): Promise<Fact<Lists>> {
  const base = await readRevocationList(await port.fetchCrl(url, signal), signal);
  await checkList(base, issuer);
  const delta = base.freshestUrls.length === 0 ? undefined : await firstDelta(base.freshestUrls, port, signal);
  if (delta !== undefined) {
    await checkList(delta, issuer);
    checkDelta(base, delta);
  }
  const validUntil = endOf({ base, delta }, now);
  const bytes = base.bytes + (delta?.bytes ?? 0);
  return { value: { base, delta }, bytes, validUntil, refreshFrom: refreshFrom(validUntil, now), asOf: (delta ?? base).thisUpdate };
}

async function firstDelta(urls: readonly string[], port: RevocationPort, signal: AbortSignal): Promise<RevocationList> {
  let why = '';
  for (const url of urls) {
    try {
      return await readRevocationList(await port.fetchCrl(url, signal), signal);
    } catch (error) {
      signal.throwIfAborted();
      why = whyNot(error);
    }
  }
  throw new BadAnswer(`the delta of the revocation list cannot be had: ${why}`);
}

/** Signed by the issuer, which may, and with nothing in it that must be understood and is not. */
async function checkList(list: RevocationList, issuer: Certificate): Promise<void> {
  if (!Buffer.from(list.rawIssuer).equals(issuer.rawSubject)) throw new BadAnswer("the revocation list is not of the certificate's issuer");
  const mayIssue = issuer.basicConstraints?.ca === true && issuer.keyUsage?.bits.has('cRLSign') !== false;
  if (!mayIssue) throw new BadAnswer('the issuer may not sign revocation lists');
  if (list.unknownCritical !== undefined) {
    throw new BadAnswer(`the revocation list has the critical extension ${list.unknownCritical}, which is not known`);
  }
  if (!(await isSignatureBy(issuer, list.signed))) throw new BadAnswer('the revocation list is not signed by the issuer');
}

function checkDelta(base: RevocationList, delta: RevocationList): void {
  if (base.number === undefined || delta.number === undefined || delta.number <= base.number) {
    throw new BadAnswer('the delta of the revocation list is not later than the list');
  }
  if (delta.baseNumber === undefined || delta.baseNumber > base.number) {
    throw new BadAnswer('the delta of the revocation list does not go on from the list');
  }
}

function endOf({ base, delta }: Lists, now: Date): Date {
  const end = checkFresh('revocation list', base.thisUpdate, base.nextUpdate, now);
  if (delta === undefined) return end;
  const deltaEnd = checkFresh('delta of the revocation list', delta.thisUpdate, delta.nextUpdate, now);
  return earliest([end, deltaEnd]);
}

function earliest(ends: readonly Date[]): Date {
  return new Date(Math.min(...ends.map((end) => end.getTime())));
}

/** The entries of one certificate, the list's first: a hold may be lifted later, anything else is for good. */
function isRevoked(entries: readonly RevokedEntry[], authenticSigningTime: Question['authenticSigningTime']): boolean {
  let latest: { readonly date: Date; readonly held: boolean } | undefined;
  for (const { revocationDate, extensions } of entries) {
    const unknown = extensions.find((extension) => extension.critical && !isInvalidityDate(extension));
    if (unknown !== undefined) throw new BadAnswer(`the entry has the critical extension ${unknown.oid}, which is not known`);
    if (wasValidAtSigning(extensions, authenticSigningTime)) return false;
    const reason = reasonOf(extensions.find(({ oid }) => oid === REASON_CODE)?.value);
    if (reason !== CERTIFICATE_HOLD && reason !== REMOVE_FROM_CRL) return true;
    if (latest === undefined || revocationDate > latest.date) latest = { date: revocationDate, held: reason === CERTIFICATE_HOLD };
  }
  return latest?.held ?? false;
}

function reasonOf(value: Uint8Array | undefined): number {
  if (value === undefined) return 0;
  const element = readDer(value);
  if (element.tag !== TAG.enumerated) throw new BadAnswer('a reason that is no ENUMERATED');
  return smallIntegerOf({ ...element, tag: TAG.integer });
}
