import { errorText } from '../lib/errors.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { isSelfSignedOrCa } from '../x509/chain.ts';
import { X509Error } from '../x509/errors.ts';
import { nameText } from '../x509/name.ts';
import type { Certificate } from '../x509/types.ts';
import { NotationError } from './errors.ts';
import type { TrustStore, TrustStoreType } from './types.ts';

type StoreKey = `${TrustStoreType}:${string}`;

/**
 * Makes a trust store of certificates by store, in DER. Each certificate must be a CA or signed by its own key; one that is not, or that
 * does not parse, spoils its store, which then fails when it is asked for, and no other.
 */
export async function createTrustStore(stores: ReadonlyMap<StoreKey, readonly Uint8Array[]>): Promise<TrustStore> {
  const loaded = new Map<string, readonly Certificate[] | NotationError>();
  for (const [key, certificates] of stores) loaded.set(key, await load(key, certificates));
  return {
    getCertificates: (type, name) => {
      const store = loaded.get(`${type}:${name}`);
      if (store === undefined) throw invalid(`the trust store ${JSON.stringify(name)} of type ${JSON.stringify(type)} does not exist`);
      if (store instanceof NotationError) throw store;
      return store;
    },
  };
}

async function load(key: StoreKey, certificates: readonly Uint8Array[]): Promise<readonly Certificate[] | NotationError> {
  const [type, name] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)];
  const where = `trust store ${JSON.stringify(name)} of type ${JSON.stringify(type)}`;
  if (certificates.length === 0) return invalid(`no x509 certificates were found in ${where}`);
  try {
    return await Promise.all(certificates.map((der) => anchorOf(der, where)));
  } catch (error) {
    if (error instanceof NotationError) return error;
    if (error instanceof X509Error) return invalid(`failed to read the trusted certificate in ${where}: ${errorText(error)}`);
    throw error;
  }
}

async function anchorOf(der: Uint8Array, where: string): Promise<Certificate> {
  const certificate = parseCertificate(der);
  if (await isSelfSignedOrCa(certificate)) return certificate;
  throw invalid(
    `certificate with subject ${JSON.stringify(nameText(certificate.subject))} in ${where} is not a CA certificate or self-signed signing certificate`,
  );
}

function invalid(message: string): NotationError {
  return new NotationError('TRUST_STORE_INVALID', message);
}
