import { randomInt } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { algorithmOf } from './algorithm.ts';
import {
  close,
  contextTag,
  type Der,
  type DerCursor,
  DerError,
  isAtEnd,
  onlyChild,
  open,
  readDer,
  TAG,
  take,
  takeAny,
  takeOptional,
} from './der.ts';
import { enumeratedOf, integerOf, octetsOfBitString, smallIntegerOf, timeOf } from './der-values.ts';
import { checkAuthorityKeyIdentifier, readExtensionList, urlsOfDistributionPoints } from './extensions.ts';
import { createSerialIndex, type SerialIndex } from './serial-index.ts';
import type { Extension, Signed } from './types.ts';

/** An entry of a list (RFC 5280 section 5.3). */
export interface RevokedEntry {
  readonly revocationDate: Date;
  readonly extensions: readonly Extension[];
}

/** A CertificateList, read and not yet believed. */
export interface RevocationList {
  /** DER of the issuer's name. */
  readonly rawIssuer: Uint8Array;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  readonly number: bigint | undefined;
  /** Of a delta: the number of the base that it goes on from. */
  readonly baseNumber: bigint | undefined;
  /** Where its delta is. */
  readonly freshestUrls: readonly string[];
  /** OID of an extension that is critical and not known here. */
  readonly unknownCritical: string | undefined;
  readonly signed: Signed;
  /** Entries in all. */
  readonly size: number;
  /** Bytes that keeping it takes. */
  readonly bytes: number;
  /** The entries of a serial number (contents of the INTEGER, hex), in the list's order. @throws {DerError} If one is malformed. */
  entriesOf(serialNumber: string): readonly RevokedEntry[];
}

const MAX_BYTES = 32 * 1024 * 1024;
/** Milliseconds of reading before the event loop gets a turn, and bytes before the clock is looked at. */
const SLICE = { ms: 4, bytes: 2048 };

/**
 * Reads a CertificateList (RFC 5280 section 5.1) of version 2 and less than 32 MiB (DER, nothing after it), in slices between which the
 * event loop runs. Entries stay bytes: they are indexed by serial number and read when they are asked for.
 *
 * @throws {DerError} And the reason of `signal`, once that aborts.
 */
export async function readRevocationList(list: Uint8Array, signal: AbortSignal): Promise<RevocationList> {
  if (list.length >= MAX_BYTES) throw new DerError(`expected less than ${MAX_BYTES} bytes, got ${list.length}`);
  // Not as a Buffer: a million views of one take twice the time.
  const bytes = new Uint8Array(list.buffer, list.byteOffset, list.byteLength);
  // No walk over everything first, as for other structures: that would be one long slice.
  const whole = { bytes, at: 0 };
  const outer = open(takeAny(whole), TAG.sequence);
  close(whole);
  const data = take(outer, TAG.sequence);
  const algorithm = screened(take(outer, TAG.sequence));
  const signature = octetsOfBitString(take(outer, TAG.bitString));
  close(outer);
  const head = readHead(open(data, TAG.sequence), algorithm);
  const entries = head.revoked?.content ?? new Uint8Array(0);
  const { index, size } = await indexEntries(entries, signal);
  const { revoked: _, ...known } = head;
  return {
    ...known,
    signed: { data: data.raw, algorithm, signature },
    size,
    bytes: bytes.length + index.bytes,
    entriesOf: (serialNumber) => entriesUnder(entries, index, Buffer.from(serialNumber, 'hex')),
  };
}

type Head = Omit<RevocationList, 'signed' | 'size' | 'bytes' | 'entriesOf'> & { readonly revoked: Der | undefined };

function readHead(tbs: DerCursor, outerAlgorithm: Der): Head {
  if (smallIntegerOf(take(tbs, TAG.integer)) !== 1) throw new DerError('expected a list of version 2');
  const algorithm = screened(take(tbs, TAG.sequence));
  if (!Buffer.from(algorithm.raw).equals(outerAlgorithm.raw))
    throw new DerError('inner and outer signature algorithm identifiers do not match');
  algorithmOf(algorithm);
  const issuer = screened(take(tbs, TAG.sequence));
  const thisUpdate = readTime(tbs);
  const nextUpdate = isTime(tbs.bytes[tbs.at]) ? readTime(tbs) : undefined;
  const revoked = takeOptional(tbs, TAG.sequence);
  const explicit = takeOptional(tbs, contextTag(0, 'constructed'));
  close(tbs);
  return { rawIssuer: issuer.raw, thisUpdate, nextUpdate, revoked, ...readListExtensions(explicit) };
}

/** The same element, after a walk over what is inside it. */
function screened(element: Der): Der {
  return readDer(element.raw);
}

function isTime(tag: number | undefined): boolean {
  return tag === TAG.utcTime || tag === TAG.generalizedTime;
}

function readTime(cursor: DerCursor): Date {
  return timeOf(takeOptional(cursor, TAG.utcTime) ?? take(cursor, TAG.generalizedTime));
}

const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';
const CRL_NUMBER = '2.5.29.20';
const DELTA_INDICATOR = '2.5.29.27';
const ISSUING_DISTRIBUTION_POINT = '2.5.29.28';
const FRESHEST_CRL = '2.5.29.46';

function readListExtensions(explicit: Der | undefined): Pick<Head, 'number' | 'baseNumber' | 'freshestUrls' | 'unknownCritical'> {
  const extensions = explicit === undefined ? [] : readExtensionList(onlyChild(screened(explicit)));
  for (const extension of extensions) if (extension.oid === AUTHORITY_KEY_IDENTIFIER) checkAuthorityKeyIdentifier(extension);
  const extensionOf = (wanted: string) => extensions.find(({ oid }) => oid === wanted)?.value;
  const numberOf = (value: Uint8Array | undefined) => (value === undefined ? undefined : positive(readDer(value)));
  const freshest = extensionOf(FRESHEST_CRL);
  return {
    number: numberOf(extensionOf(CRL_NUMBER)),
    baseNumber: numberOf(extensionOf(DELTA_INDICATOR)),
    freshestUrls: freshest === undefined ? [] : urlsOfDistributionPoints(freshest),
    unknownCritical: extensions.find(({ oid, critical }) => critical && oid !== DELTA_INDICATOR && oid !== ISSUING_DISTRIBUTION_POINT)?.oid,
  };
}

function positive(element: Der): bigint {
  const content = integerOf(element);
  if ((content[0] ?? 0) >= 0x80 || content.length > 21) throw new DerError('a number of a list that is negative or too long');
  return BigInt(`0x${Buffer.from(content).toString('hex')}`);
}

/** An entry in no form is at least as long as this: its header, a serial number, and a time. */
const MIN_ENTRY_BYTES = 2 + 3 + 15;

async function indexEntries(entries: Uint8Array, signal: AbortSignal): Promise<{ readonly index: SerialIndex; readonly size: number }> {
  const index = createSerialIndex(Math.ceil(entries.length / MIN_ENTRY_BYTES), randomInt(2 ** 32));
  const cursor: DerCursor = { bytes: entries, at: 0 };
  const checkExtensions = entryExtensionsCheck();
  let size = 0;
  let lookAt = SLICE.bytes;
  let sliceEnd = performance.now() + SLICE.ms;
  for (; !isAtEnd(cursor); size++) {
    const offset = cursor.at;
    if (!index.add(checkEntry(take(cursor, TAG.sequence), checkExtensions), offset))
      throw new DerError('too many entries of one serial number');
    if (cursor.at < lookAt) continue;
    lookAt = cursor.at + SLICE.bytes;
    if (performance.now() < sliceEnd) continue;
    await setImmediate();
    signal.throwIfAborted();
    sliceEnd = performance.now() + SLICE.ms;
  }
  return { index, size };
}

/** The serial number of an entry whose parts follow each other as they must. */
function checkEntry(element: Der, checkExtensions: (element: Der) => void): Uint8Array {
  const cursor = open(element, TAG.sequence);
  const serial = integerOf(take(cursor, TAG.integer));
  readTime(cursor);
  const extensions = takeOptional(cursor, TAG.sequence);
  if (extensions !== undefined) checkExtensions(extensions);
  close(cursor);
  return serial;
}

const REASON_CODE = '2.5.29.21';

/** Makes sure that the extensions of entries read; most are the same as those of the entry before, byte for byte. */
function entryExtensionsCheck(): (element: Der) => void {
  let known: Uint8Array = new Uint8Array(0);
  return (element) => {
    if (Buffer.compare(known, element.raw) === 0) return;
    for (const { oid, value } of readExtensionList(screened(element))) {
      if (oid === REASON_CODE && enumeratedOf(readDer(value)).length > 8) throw new DerError('a reason over 64 bits');
    }
    known = element.raw;
  };
}

function entriesUnder(entries: Uint8Array, index: SerialIndex, serial: Uint8Array): readonly RevokedEntry[] {
  const found: RevokedEntry[] = [];
  for (const at of index.candidates(serial)) {
    const cursor = open(take({ bytes: entries, at }, TAG.sequence), TAG.sequence);
    if (!Buffer.from(take(cursor, TAG.integer).content).equals(serial)) continue;
    const revocationDate = readTime(cursor);
    const extensions = takeOptional(cursor, TAG.sequence);
    found.push({ revocationDate, extensions: extensions === undefined ? [] : readExtensionList(screened(extensions)) });
  }
  return found;
}
