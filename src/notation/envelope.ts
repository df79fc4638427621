import { createHash } from 'node:crypto';
import type { FactCache } from '../lib/facts.ts';
import { certificateReader } from './certificates.ts';
import { readCose } from './cose.ts';
import { NotationError } from './errors.ts';
import { readJws } from './jws.ts';
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
  if (bytes.length > MAX_BYTES) {
    const error = new NotationError(
      'ENVELOPE_INVALID',
      `expected a signature envelope of at most ${MAX_BYTES} bytes, found ${bytes.length}`,
    );
    return Promise.resolve({ error });
  }
  const key = `${createHash('sha256').update(bytes).digest('base64')} ${mediaType}`;
  return facts.remember('notation.envelope', key, signal, async (own) => {
    const value = await read(Uint8Array.from(bytes), mediaType, facts, own);
    return { value, bytes: 2 * bytes.length + READ_BYTES };
  });
}

async function read(bytes: Uint8Array, mediaType: string, facts: FactCache, signal: AbortSignal): Promise<EnvelopeReading> {
  try {
    const content = await readAs(mediaType, bytes, facts, signal);
    if (content.payloadContentType !== PAYLOAD_MEDIA_TYPE) {
      throw new NotationError(
        'ENVELOPE_INVALID',
        `payload content type ${JSON.stringify(content.payloadContentType.slice(0, 80))} not supported`,
      );
    }
    return { content };
  } catch (error) {
    if (error instanceof NotationError) return { error };
    throw error;
  }
}

function readAs(mediaType: string, bytes: Uint8Array, facts: FactCache, signal: AbortSignal): Promise<EnvelopeContent> {
  const certificates = certificateReader(facts, signal);
  if (mediaType === JWS_MEDIA_TYPE) return readJws(bytes, certificates);
  if (mediaType === COSE_MEDIA_TYPE) return readCose(bytes, certificates);
  throw new NotationError(
    'ENVELOPE_INVALID',
    `unable to parse the digital signature, error : signature envelope format with media type ${JSON.stringify(mediaType.slice(0, 80))} is not supported`,
  );
}
