import { createHash } from 'node:crypto';
import { CodedError } from '../lib/errors.ts';
import type { FactCache } from '../lib/facts.ts';
import { readSignedData, type SignedData } from '../x509/cms.ts';
import { DerError } from '../x509/der.ts';
import { readTstInfo, type TstInfo } from '../x509/tst-info.ts';
import type { Certificate } from '../x509/types.ts';
import { rememberCertificate } from './certificates.ts';
import { NotationError } from './errors.ts';

/** A timestamp countersignature, read and not yet believed. */
export interface TimestampToken {
  /** SHA-256 of its bytes. */
  readonly digest: string;
  readonly signed: SignedData;
  /** Contents of `signed`. */
  readonly content: Uint8Array;
  readonly info: TstInfo;
  /** Those of `signed`. */
  readonly certificates: readonly Certificate[];
}

/** What a countersignature says, or why it says nothing. */
export type TokenReading = { readonly token: TimestampToken } | { readonly error: NotationError };

export const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const MAX_BYTES = 64 * 1024;
/** More certificates are not parsed, and more signers not looked at: each may be by each of the others, which takes a check to find out. */
const MAX_CERTIFICATES = 10;
const MAX_SIGNERS = 10;
/** What a token that was read costs beside its bytes; its certificates are facts of their own. */
const READ_BYTES = 4 * 1024;

/** Reads a timestamp token (RFC 3161 section 2.4.2). It depends on nothing but the bytes, so it is done once for each, good or bad. */
export function readToken(bytes: Uint8Array, facts: FactCache, signal: AbortSignal): Promise<TokenReading> {
  if (bytes.length > MAX_BYTES) return Promise.resolve({ error: unparsable(`expected at most ${MAX_BYTES} bytes, got ${bytes.length}`) });
  const digest = createHash('sha256').update(bytes).digest('base64');
  return facts.remember('notation.timestampToken', digest, signal, async (own) => {
    // A copy: what is kept must neither change with the caller's buffer nor hold on to a larger one.
    const value = await read(Uint8Array.from(bytes), digest, facts, own);
    return { value, bytes: 2 * bytes.length + READ_BYTES };
  });
}

async function read(bytes: Uint8Array, digest: string, facts: FactCache, signal: AbortSignal): Promise<TokenReading> {
  try {
    const signed = parse(bytes);
    const certificates = await Promise.all(signed.certificates.map((der) => certificateOf(der, facts, signal)));
    if (signed.contentType !== TST_INFO) {
      throw unparsable(`unexpected content type: ${signed.contentType}. Expected to be id-ct-TSTInfo (${TST_INFO})`);
    }
    const content = signed.content ?? new Uint8Array();
    return { token: { digest, signed, content, info: infoOf(content), certificates } };
  } catch (error) {
    if (error instanceof NotationError) return { error };
    throw error;
  }
}

function unparsable(why: string, cause?: unknown): NotationError {
  return new NotationError('TIMESTAMP_INVALID', `failed to parse timestamp countersignature with error: ${why}`, { cause });
}

function parse(bytes: Uint8Array): SignedData {
  try {
    const signed = readSignedData(bytes);
    if (signed.certificates.length > MAX_CERTIFICATES)
      throw new DerError(`expected at most ${MAX_CERTIFICATES} certificates, got ${signed.certificates.length}`);
    if (signed.signerInfos.length > MAX_SIGNERS)
      throw new DerError(`expected at most ${MAX_SIGNERS} signers, got ${signed.signerInfos.length}`);
    return signed;
  } catch (error) {
    if (error instanceof CodedError) throw unparsable(error.message, error);
    throw error;
  }
}

async function certificateOf(der: Uint8Array, facts: FactCache, signal: AbortSignal): Promise<Certificate> {
  const parsed = await rememberCertificate(der, facts, signal);
  if ('value' in parsed) return parsed.value;
  throw unparsable(`failed to parse X.509 certificates from signed data: ${parsed.error}`);
}

function infoOf(content: Uint8Array): TstInfo {
  try {
    return readTstInfo(content);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    const why = `failed to get the timestamp TSTInfo with error: cannot unmarshal TSTInfo from timestamp token: ${error.message}`;
    throw new NotationError('TIMESTAMP_INVALID', why, { cause: error });
  }
}
