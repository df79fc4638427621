import { algorithmOf } from './algorithm.ts';
import {
  childrenOf,
  close,
  contextTag,
  type Der,
  DerError,
  expectTag,
  onlyChild,
  open,
  readDer,
  TAG,
  take,
  takeAny,
  takeOptional,
} from './der.ts';
import { enumeratedOf, octetsOfBitString, oidOf, smallIntegerOf, timeOf } from './der-values.ts';
import { readExtensionList } from './extensions.ts';
import { type CertificateId, readCertificateId } from './ocsp-request.ts';
import type { Extension, Signed } from './types.ts';

/** What a responder says of one certificate (RFC 6960 section 4.2.1, SingleResponse). */
export interface SingleResponse {
  readonly id: CertificateId;
  readonly status: 'good' | 'revoked' | 'unknown';
  /** False: revoked for a reason that is no number of 32 bits, where the reference reads nothing of the whole response. */
  readonly reasonReads: boolean;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  readonly extensions: readonly Extension[];
}

/** Who signed: by name (DER) or by the SHA-1 of the public key. */
export type ResponderId = { readonly name: Uint8Array } | { readonly keyHash: Uint8Array };

/** A BasicOCSPResponse, read and not yet believed. */
export interface OcspResponse {
  readonly responderId: ResponderId;
  readonly responses: readonly SingleResponse[];
  readonly signed: Signed;
  /** DER of the certificates that came along. */
  readonly certificates: readonly Uint8Array[];
}

const MAX_BYTES = 20_480;
const BASIC = '1.3.6.1.5.5.7.48.1.1';
const STATUSES = ['successful', 'malformedRequest', 'internalError', 'tryLater', undefined, 'sigRequired', 'unauthorized'];

/**
 * Reads an OCSPResponse (RFC 6960 section 4.2.1) of at most 20,480 bytes, without trailing data.
 *
 * @throws {DerError} Also for every status but `successful`, and for response types other than basic.
 */
export function readOcspResponse(bytes: Uint8Array): OcspResponse {
  if (bytes.length > MAX_BYTES) throw new DerError(`expected at most ${MAX_BYTES} bytes, got ${bytes.length}`);
  const outer = open(readDer(bytes), TAG.sequence);
  const status = smallIntegerOf({ ...take(outer, TAG.enumerated), tag: TAG.integer });
  if (status !== 0) throw new DerError(`the responder answered ${STATUSES[status] ?? `status ${status}`}`);
  const [body] = childrenOf(take(outer, contextTag(0, 'constructed')), contextTag(0, 'constructed'));
  close(outer);
  if (body === undefined) throw new DerError('no response');
  const typed = open(body, TAG.sequence);
  const type = oidOf(take(typed, TAG.oid));
  if (type !== BASIC) throw new DerError(`expected a basic response, got type ${type}`);
  const basic = take(typed, TAG.octetString).content;
  close(typed);
  return readBasic(readDer(basic));
}

function readBasic(element: Der): OcspResponse {
  const cursor = open(element, TAG.sequence);
  const data = take(cursor, TAG.sequence);
  const algorithm = take(cursor, TAG.sequence);
  algorithmOf(algorithm);
  const signature = octetsOfBitString(take(cursor, TAG.bitString));
  const certificates = takeOptional(cursor, contextTag(0, 'constructed'));
  close(cursor);
  return {
    ...readData(data),
    signed: { data: data.raw, algorithm, signature },
    certificates: certificates === undefined ? [] : childrenOf(onlyChild(certificates), TAG.sequence).map(({ raw }) => raw),
  };
}

function readData(element: Der): Pick<OcspResponse, 'responderId' | 'responses'> {
  const cursor = open(element, TAG.sequence);
  const version = takeOptional(cursor, contextTag(0, 'constructed'));
  if (version !== undefined && smallIntegerOf(onlyChild(version)) !== 0) throw new DerError('expected version 1');
  const responderId = readResponderId(takeAny(cursor));
  timeOf(take(cursor, TAG.generalizedTime));
  const responses = childrenOf(take(cursor, TAG.sequence), TAG.sequence).map(readSingle);
  const extensions = takeOptional(cursor, contextTag(1, 'constructed'));
  if (extensions !== undefined) readExtensionList(onlyChild(extensions));
  close(cursor);
  return { responderId, responses };
}

function readResponderId(element: Der): ResponderId {
  const inner =
    element.tag === contextTag(1, 'constructed') || element.tag === contextTag(2, 'constructed') ? onlyChild(element) : undefined;
  if (inner?.tag === TAG.sequence && element.tag === contextTag(1, 'constructed')) return { name: inner.raw };
  if (inner?.tag === TAG.octetString && element.tag === contextTag(2, 'constructed')) return { keyHash: inner.content };
  throw new DerError('expected the responder by name or by key');
}

const STATUS_OF: ReadonlyMap<number, SingleResponse['status']> = new Map([
  [contextTag(0, 'primitive'), 'good'],
  [contextTag(1, 'constructed'), 'revoked'],
  [contextTag(2, 'primitive'), 'unknown'],
]);

function readSingle(element: Der): SingleResponse {
  const cursor = open(element, TAG.sequence);
  const id = readCertificateId(take(cursor, TAG.sequence));
  const said = takeAny(cursor);
  const status = STATUS_OF.get(said.tag);
  if (status === undefined) throw new DerError('expected good, revoked or unknown');
  if (status !== 'revoked' && said.content.length > 0) throw new DerError('a status with contents');
  const reasonReads = status !== 'revoked' || readsReason(said);
  const thisUpdate = timeOf(take(cursor, TAG.generalizedTime));
  const nextUpdate = takeOptional(cursor, contextTag(0, 'constructed'));
  const extensions = takeOptional(cursor, contextTag(1, 'constructed'));
  close(cursor);
  return {
    id,
    status,
    reasonReads,
    thisUpdate,
    nextUpdate: nextUpdate === undefined ? undefined : generalizedTimeOf(onlyChild(nextUpdate)),
    extensions: extensions === undefined ? [] : readExtensionList(onlyChild(extensions)),
  };
}

/** Whether the reason in a RevokedInfo is a number; everything else about it must be right. */
function readsReason(element: Der): boolean {
  const cursor = open(element, element.tag);
  timeOf(take(cursor, TAG.generalizedTime));
  const explicit = takeOptional(cursor, contextTag(0, 'constructed'));
  close(cursor);
  if (explicit === undefined) return true;
  const reason = onlyChild(explicit);
  expectTag(reason.tag, TAG.enumerated);
  try {
    return enumeratedOf(reason).length <= 4;
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}

/** GeneralizedTime with seconds and Z, the form of RFC 5280 4.1.2.5.2. */
export function generalizedTimeOf(element: Der): Date {
  if (element.tag !== TAG.generalizedTime) throw new DerError('expected a GeneralizedTime');
  return timeOf(element);
}
