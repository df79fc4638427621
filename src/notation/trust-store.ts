import { setImmediate } from 'node:timers/promises';
import { CodedError } from '../lib/errors.ts';
import { isSignedBy, parseCertificate } from '../x509/certificate.ts';
import { isSelfSignedOrCa, maySign } from '../x509/chain.ts';
import { nameText } from '../x509/name.ts';
import type { Certificate } from '../x509/types.ts';
import { NotationError } from './errors.ts';
import { quote } from './quote.ts';
import type { TrustAnchors, TrustStore, TrustStoreType } from './types.ts';

/**
 * Makes a trust store of certificates (DER) by store, `type:name`. Each must be a CA or signed by its own key, in a `tsa` store a
 * self-issued root; no clock is involved. A store that breaks a rule is remembered and throws `TRUST_STORE_INVALID` when it is asked for.
 */
export async function createTrustStore(stores: ReadonlyMap<`${TrustStoreType}:${string}`, readonly Uint8Array[]>): Promise<TrustStore> {
  const loaded = new Map<string, TrustAnchors | NotationError>();
  for (const [key, certificates] of stores) loaded.set(key, await load(key, certificates));
  return {
    getCertificates(type, name) {
      const anchors = loaded.get(`${type}:${name}`);
      if (anchors === undefined) throw invalid(`the trust store ${quote(name)} of type ${quote(type)} does not exist`);
      if (anchors instanceof NotationError) throw anchors;
      return anchors;
    },
  };
}

/** Certificates read before the event loop gets a turn. */
const BATCH = 64;

async function load(key: string, certificates: readonly Uint8Array[]): Promise<TrustAnchors | NotationError> {
  const type = key.slice(0, key.indexOf(':'));
  const name = key.slice(type.length + 1);
  if (certificates.length === 0) {
    return invalid(`no x509 certificates were found in trust store ${quote(name)} of type ${quote(type)}`);
  }
  const anchors = new Map<string, Certificate>();
  try {
    for (const [i, der] of certificates.entries()) {
      if (i % BATCH === BATCH - 1) await setImmediate();
      const certificate = parseCertificate(der);
      await checkAnchor(certificate, type);
      anchors.set(certificate.fingerprint, certificate);
    }
    return anchors;
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    const why = `failed to read the trusted certificates in trust store ${quote(name)} of type ${quote(type)}`;
    return invalid(`${why}: ${cause.message}`, cause);
  }
}

function invalid(message: string, cause?: Error): NotationError {
  return new NotationError('TRUST_STORE_INVALID', message, { cause });
}

async function checkAnchor(certificate: Certificate, type: string): Promise<void> {
  const subject = quote(nameText(certificate.subject));
  if (!(await isSelfSignedOrCa(certificate))) {
    throw invalid(`trusted certificate with subject ${subject} is not a CA certificate or self-signed signing certificate`);
  }
  if (type === 'tsa' && !(await isRoot(certificate)))
    throw invalid(`trusted certificate with subject ${subject} is not a root CA certificate`);
}

async function isRoot(certificate: Certificate): Promise<boolean> {
  if (Buffer.compare(certificate.rawSubject, certificate.rawIssuer) !== 0) return false;
  return maySign(certificate) && isSignedBy(certificate, certificate);
}
