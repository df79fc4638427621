import { createHash } from 'node:crypto';
import { errorText } from '../lib/errors.ts';
import type { FactCache } from '../lib/facts.ts';
import { isSignedBy, parseCertificate } from '../x509/certificate.ts';
import { type SignatureCheck, validateCodeSigningChain } from '../x509/chain.ts';
import { X509Error } from '../x509/errors.ts';
import type { Certificate } from '../x509/types.ts';
import { NotationError } from './errors.ts';

/** More certificates are not parsed. */
const MAX_CERTIFICATES = 10;
/** What a parsed certificate costs beside its bytes: names, extensions and the key. */
const PARSED_BYTES = 8 * 1024;

/** Parses certificates that were seen before only once: a fact is the certificate, or why it is none. */
export interface CertificateReader {
  /** Rejects with `CERTIFICATE_CHAIN_INVALID` unless it is one certificate; `place` is its place in the chain, 0 for the leaf. */
  parse(der: Uint8Array, place: number): Promise<Certificate>;
  /** Rejects with `CERTIFICATE_CHAIN_INVALID` unless the chain is good for code signing; no clock is involved. */
  checkChain(chain: readonly Certificate[]): Promise<void>;
}

/** A certificate, or why it is none. */
export type ParsedCertificate = { readonly value: Certificate } | { readonly error: string };

/** The certificate that the bytes are, parsed unless they were seen before. */
export function rememberCertificate(der: Uint8Array, facts: FactCache, signal: AbortSignal): Promise<ParsedCertificate> {
  return facts.remember('notation.certificate', sha256(der), signal, async () => {
    const value = attempt(() => parseCertificate(Uint8Array.from(der)));
    return { value, bytes: der.length + PARSED_BYTES };
  });
}

/** Which certificates are signed by which, found out once for each two of them: the same authorities stand above many. */
export function signatureCheck(facts: FactCache, signal: AbortSignal): SignatureCheck {
  return (child, issuer) =>
    facts.remember('notation.signedBy', `${child.fingerprint} ${issuer.fingerprint}`, signal, async () => ({
      value: await isSignedBy(child, issuer),
      bytes: 64,
    }));
}

export function certificateReader(facts: FactCache, signal: AbortSignal): CertificateReader {
  return {
    parse: async (der, place) => {
      const parsed = await rememberCertificate(der, facts, signal);
      if ('error' in parsed)
        throw chainError(
          place === 0 ? `malformed leaf certificate: ${parsed.error}` : `certificate ${place + 1} of the chain: ${parsed.error}`,
        );
      return parsed.value;
    },
    checkChain: async (chain) => {
      if (chain.length > MAX_CERTIFICATES)
        throw chainError(`certificate chain has ${chain.length} certificates, more than ${MAX_CERTIFICATES}`);
      const key = chain.map(({ fingerprint }) => fingerprint).join(' ');
      const problem = await facts.remember('notation.chain', key, signal, async () => ({ value: await problemOf(chain), bytes: 512 }));
      if (problem !== undefined) throw chainError(`certificate-chain is invalid, ${problem}`);
    },
  };
}

function attempt(parse: () => Certificate): ParsedCertificate {
  try {
    return { value: parse() };
  } catch (error) {
    if (error instanceof X509Error) return { error: error.message };
    throw error;
  }
}

async function problemOf(chain: readonly Certificate[]): Promise<string | undefined> {
  try {
    await validateCodeSigningChain(chain);
    return undefined;
  } catch (error) {
    if (error instanceof X509Error) return errorText(error);
    throw error;
  }
}

function chainError(message: string): NotationError {
  return new NotationError('CERTIFICATE_CHAIN_INVALID', message);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}
