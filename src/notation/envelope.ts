import { createHash } from 'node:crypto';
import type { FactCache } from '../lib/facts.ts';
import { type CertificateReader, certificateReader } from './certificates.ts';
import { readCose } from './cose.ts';
import { NotationError } from './errors.ts';
import { readJws } from './jws.ts';
import { quote } from './quote.ts';
import { COSE_MEDIA_TYPE, type EnvelopeContent, JWS_MEDIA_TYPE, PAYLOAD_MEDIA_TYPE } from './types.ts';

/** Larger envelopes are not read. */
const MAX_BYTES = 4 * 1024 * 1024;
/** What an envelope that was read costs beside its bytes; its certificates are facts of their own. */
const READ_BYTES = 4 * 1024;

/** What an envelope says, or why it says nothing. */
export type EnvelopeReading = { readonly content: EnvelopeContent } | { readonly error: NotationError };

/**
 * The integrity step: the envelope parses, its signature verifies by its own first certificate, its headers and its chain follow the
 * rules. It depends on nothing but the bytes, so it is done once for each envelope, good or bad.
 */
export function readEnvelope(bytes: Uint8Array, mediaType: string, facts: FactCache, signal: AbortSignal): Promise<EnvelopeReading> {
  const readAs = FORMATS.get(mediaType);
  if (readAs === undefined) return Promise.resolve({ error: unsupported(mediaType) });
  if (bytes.length > MAX_BYTES) {
    const error = new NotationError(
      'ENVELOPE_INVALID',
      `expected a signature envelope of at most ${MAX_BYTES} bytes, found ${bytes.length}`,
    );
    return Promise.resolve({ error });
  }
  const key = `${createHash('sha256').update(bytes).digest('base64')} ${mediaType}`;
  return facts.remember('notation.envelope', key, signal, async (own) => {
    // A copy: what is kept must neither change with the caller's buffer nor hold on to a larger one.
    const value = await read(Uint8Array.from(bytes), readAs, certificateReader(facts, own));
    return { value, bytes: 2 * bytes.length + READ_BYTES };
  });
}

type Format = (bytes: Uint8Array, certificates: CertificateReader) => Promise<EnvelopeContent>;

const FORMATS: ReadonlyMap<string, Format> = new Map([
  [JWS_MEDIA_TYPE, readJws],
  [COSE_MEDIA_TYPE, readCose],
]);

function unsupported(mediaType: string): NotationError {
  return new NotationError(
    'ENVELOPE_INVALID',
    `unable to parse the digital signature, error : signature envelope format with media type ${quote(mediaType)} is not supported`,
  );
}

async function read(bytes: Uint8Array, readAs: Format, certificates: CertificateReader): Promise<EnvelopeReading> {
  try {
    const content = await readAs(bytes, certificates);
    if (content.payloadContentType === PAYLOAD_MEDIA_TYPE) return { content };
    return { error: new NotationError('ENVELOPE_INVALID', `payload content type ${quote(content.payloadContentType)} not supported`) };
  } catch (error) {
    if (error instanceof NotationError) return { error };
    throw error;
  }
}
