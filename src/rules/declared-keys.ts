import { z } from 'zod';
import { ConfigProblem } from '../engine/errors.ts';
import type { KeyMaterial, PublicKeyMaterial } from '../engine/types.ts';
import type { KeyForm } from '../simplesigning/algorithms.ts';
import { SimpleSigningError } from '../simplesigning/errors.ts';
import { type Key, type LocalKey, loadPublicKey } from '../simplesigning/keys.ts';

/** A key as a rule declares it: the PEM itself, or the provider that has it. Nothing else, so that a slip does not widen what is trusted. */
export const keyEntry = {
  id: z.string().min(1).max(255).optional().describe('Id of the key as statements name it. Default: the name that the provider gives it.'),
  pem: z
    .string()
    .min(1)
    .max(64 * 1024)
    .optional()
    .describe('PEM of the public key; or keyProvider.'),
  keyProvider: z.string().min(1).max(253).optional().describe('KeyManagementProvider that has the public key or keys; or pem.'),
};

interface KeyEntry {
  readonly id?: string | undefined;
  readonly pem?: string | undefined;
  readonly keyProvider?: string | undefined;
}

/** Which forms of keys a rule takes: undefined, or what is wrong with one. */
export type FormCheck = (form: KeyForm) => string | undefined;

/** A key of a rule as far as its object tells. */
export type DeclaredKey<Entry extends KeyEntry = KeyEntry> = { readonly entry: Entry; readonly at: string } & (
  | { readonly local: LocalKey }
  | { readonly provider: string }
);

/** @throws {ConfigProblem} with the path of the key that cannot be used. */
export function declareKey<Entry extends KeyEntry>(entry: Entry, at: string, check: FormCheck): DeclaredKey<Entry> {
  const { id, pem, keyProvider } = entry;
  if ((pem === undefined) === (keyProvider === undefined)) throw invalid(at, 'expected one of pem and keyProvider');
  if (keyProvider !== undefined) return { entry, at, provider: keyProvider };
  if (id === undefined) throw invalid(`${at}.id`, 'expected the id of the key, found nothing');
  return { entry, at, local: load(pem ?? '', id, `${at}.pem`, check) };
}

/** Keys that may be used now, and why others that are declared may not. */
export interface ResolvedKeys<Entry extends KeyEntry> {
  readonly keys: readonly { readonly key: Key; readonly entry: Entry }[];
  readonly problems: readonly ConfigProblem[];
}

/** The keys behind what is declared, as the providers have them. */
export function resolveKeys<Entry extends KeyEntry>(
  declared: readonly DeclaredKey<Entry>[],
  keyMaterial: (name: string) => KeyMaterial,
  check: FormCheck,
): ResolvedKeys<Entry> {
  const keys: { readonly key: Key; readonly entry: Entry }[] = [];
  const problems: ConfigProblem[] = [];
  const attempt = (read: () => void): void => {
    try {
      read();
    } catch (error) {
      if (!(error instanceof ConfigProblem)) throw error;
      problems.push(error);
    }
  };
  for (const one of declared) {
    if ('local' in one) keys.push({ key: one.local, entry: one.entry });
    else
      attempt(() => {
        const found = publicKeysOf(keyMaterial(one.provider), one);
        for (const material of found) attempt(() => keys.push({ key: keyOf(material, one, check), entry: one.entry }));
      });
  }
  return { keys, problems };
}

function publicKeysOf({ keys = [] }: KeyMaterial, { provider, at }: { readonly provider: string; readonly at: string }) {
  if (keys.length > 0) return keys;
  throw invalid(`${at}.keyProvider`, `key provider ${provider} gives no public key; expected one with contentType: key`);
}

/** Where the service verifies for us, our copy of the key is left to tell what its id and form are, and why a signature may not be good. */
function keyOf({ name, spki, verify }: PublicKeyMaterial, { entry, at }: DeclaredKey, check: FormCheck): Key {
  const id = entry.id ?? name;
  if (id === '') throw invalid(`${at}.id`, `key provider ${entry.keyProvider ?? ''} gives its key no name; expected the id here`);
  const local = load(pemOf(spki), id, `${at}.keyProvider`, check);
  return verify === undefined ? local : { ...local, verify };
}

function load(pem: string, id: string, at: string, check: FormCheck): LocalKey {
  const key = read(pem, id, at);
  const problem = check(key.form);
  if (problem !== undefined) throw invalid(at, problem);
  return key;
}

function read(pem: string, id: string, at: string): LocalKey {
  try {
    return loadPublicKey(pem, id);
  } catch (error) {
    if (error instanceof SimpleSigningError) throw invalid(at, error.message, { cause: error });
    throw error;
  }
}

function pemOf(spki: Uint8Array): string {
  return `-----BEGIN PUBLIC KEY-----\n${Buffer.from(spki).toString('base64')}\n-----END PUBLIC KEY-----\n`;
}

function invalid(at: string, message: string, options?: ErrorOptions): ConfigProblem {
  return new ConfigProblem('CONFIG_INVALID', at, message, options);
}
