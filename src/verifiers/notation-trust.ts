import { ConfigProblem } from '../engine/errors.ts';
import type { KeyMaterial } from '../engine/types.ts';
import { errorText } from '../lib/errors.ts';
import { NotationError } from '../notation/errors.ts';
import { createTrustStore } from '../notation/trust-store.ts';
import type { TrustStore, TrustStoreType } from '../notation/types.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { isSelfSignedOrCa } from '../x509/chain.ts';

/** A named trust store: `ca:acme`. */
export type StoreKey = `${TrustStoreType}:${string}`;

/** `verificationCertStores` in both of Ratify's spellings. */
export type CertStores = Readonly<Record<string, readonly string[] | Readonly<Record<string, readonly string[]>>>>;

/** The trust anchors of one verifier, compiled once. */
export interface TrustAnchors {
  /** SHA-256 of every anchor, lower-case hex. */
  readonly fingerprints: ReadonlySet<string>;
  /** A trust store for one verification, which remembers what it was asked for and could not give. */
  watch(): { readonly trustStore: TrustStore; readonly problem: () => ConfigProblem | undefined };
}

const TYPES: readonly string[] = ['ca', 'signingAuthority', 'tsa'] satisfies TrustStoreType[];
const AT = 'spec.parameters.verificationCertStores';

/**
 * The key providers of each trust store. `{type: {store: [provider]}}` is the newer spelling; `{store: [provider]}` the older, whose stores
 * are of type `ca`. Any key that is not a type makes it the older.
 *
 * @throws {ConfigProblem} `CONFIG_INVALID` where both are mixed, or a value does not fit the spelling.
 */
export function readCertStores(declared: CertStores): ReadonlyMap<StoreKey, readonly string[]> {
  const keys = Object.keys(declared);
  const newer = keys.filter((key) => TYPES.includes(key));
  if (newer.length > 0 && newer.length < keys.length) {
    const older = keys.find((key) => !TYPES.includes(key));
    throw invalid(`misconfigured with both legacy and new formats: expected ${TYPES.join(', ')} alone, found ${newer[0]} and ${older}`);
  }
  const stores = new Map<StoreKey, readonly string[]>();
  for (const [key, value] of Object.entries(declared)) {
    if (newer.length === 0) {
      if (!isList(value)) throw invalid(`${key}: expected a list of key providers, or a type (${TYPES.join(', ')}) with named stores`);
      stores.set(`ca:${key}`, value);
    } else {
      if (isList(value)) throw invalid(`${key}: expected named stores with lists of key providers, found a list`);
      // The keys were just found to be the three types.
      for (const [name, providers] of Object.entries(value)) stores.set(`${key as TrustStoreType}:${name}`, providers);
    }
  }
  return stores;
}

/** Compiles the anchors. A store whose providers fail, or that has no usable certificate, is a problem when it is asked for. */
export async function compileAnchors(
  stores: ReadonlyMap<StoreKey, readonly string[]>,
  keyMaterial: (name: string) => KeyMaterial,
): Promise<TrustAnchors> {
  const problems = new Map<string, ConfigProblem>();
  const anchors = new Map<StoreKey, readonly Uint8Array[]>();
  const fingerprints = new Set<string>();
  for (const [key, providers] of stores) {
    try {
      const certificates = providers.flatMap((name) => certificatesOf(name, keyMaterial));
      anchors.set(key, await usableAnchors(key, certificates, fingerprints));
    } catch (error) {
      problems.set(key, error instanceof ConfigProblem ? error : storeProblem(key, errorText(error), error));
    }
  }
  const trustStore = await createTrustStore(anchors);
  return { fingerprints, watch: () => watched(trustStore, problems) };
}

function certificatesOf(name: string, keyMaterial: (name: string) => KeyMaterial): readonly Uint8Array[] {
  const { certificates } = keyMaterial(name);
  if (certificates.length === 0) {
    throw new ConfigProblem('TRUST_STORE_INVALID', AT, `key provider ${name} gives no certificates; expected contentType certificate`);
  }
  return certificates;
}

/** Ratify's filter: a leaf that was issued by somebody is no trust anchor. */
async function usableAnchors(key: string, certificates: readonly Uint8Array[], fingerprints: Set<string>): Promise<readonly Uint8Array[]> {
  const kept: Uint8Array[] = [];
  for (const der of certificates) {
    const certificate = parseCertificate(der);
    if (!(await isSelfSignedOrCa(certificate))) continue;
    kept.push(der);
    fingerprints.add(certificate.fingerprint);
  }
  if (certificates.length === 0) throw storeProblem(key, 'no key provider is named');
  if (kept.length === 0) {
    throw storeProblem(key, 'valid certificates must be provided, only CA certificates or self-signed signing certificates are supported');
  }
  return kept;
}

function watched(trustStore: TrustStore, problems: ReadonlyMap<string, ConfigProblem>): ReturnType<TrustAnchors['watch']> {
  let first: ConfigProblem | undefined;
  return {
    problem: () => first,
    trustStore: {
      getCertificates: (type, name) => {
        const problem = problems.get(`${type}:${name}`);
        if (problem !== undefined) {
          first ??= problem;
          throw new NotationError('TRUST_STORE_INVALID', problem.message, { cause: problem });
        }
        try {
          return trustStore.getCertificates(type, name);
        } catch (error) {
          first ??= storeProblem(`${type}:${name}`, errorText(error), error);
          throw error;
        }
      },
    },
  };
}

function storeProblem(key: string, why: string, cause?: unknown): ConfigProblem {
  return new ConfigProblem('TRUST_STORE_INVALID', AT, `trust store ${key}: ${why}`, { cause });
}

function invalid(message: string): ConfigProblem {
  return new ConfigProblem('CONFIG_INVALID', AT, `the verificationCertStores configuration is invalid: ${message}`);
}

function isList(value: CertStores[string]): value is readonly string[] {
  return Array.isArray(value);
}
