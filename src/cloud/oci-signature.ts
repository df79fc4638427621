import { sign } from 'node:crypto';
import type { OciIdentity } from './oci-config.ts';

/** Header fields that are signed in requests without a body, in the order of Oracle's own clients. */
const SIGNED = 'date (request-target) host';

/**
 * The header fields by which a GET is signed (docs.oracle.com, "Request Signatures", version 1; draft-cavage-http-signatures-08): RSA with
 * SHA-256 over what `ociSigningString` says. Oracle takes a clock that is wrong by five minutes at most.
 */
export function signOciGet({ keyId, key }: Pick<OciIdentity, 'keyId' | 'key'>, url: URL, now: Date): Readonly<Record<string, string>> {
  const date = now.toUTCString();
  const signature = sign('sha256', Buffer.from(ociSigningString(url, date)), key).toString('base64');
  const parameters = { version: '1', keyId, algorithm: 'rsa-sha256', headers: SIGNED, signature };
  const listed = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
  return { date, authorization: `Signature ${listed.join(',')}` };
}

/** What is signed of a GET at `date`, as HTTP writes it. */
export function ociSigningString(url: URL, date: string): string {
  return `date: ${date}\n(request-target): get ${url.pathname}${url.search}\nhost: ${url.host}`;
}
