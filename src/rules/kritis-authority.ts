import { ConfigProblem } from '../engine/errors.ts';
import { quoted } from '../engine/reason.ts';
import { findAlgorithm, type KeyForm, labelsOf } from '../simplesigning/algorithms.ts';
import { SimpleSigningError } from '../simplesigning/errors.ts';
import { fitProblem, type LocalKey, loadPublicKey, textOfBase64 } from '../simplesigning/keys.ts';
import { loadPgpKey, type PgpKey } from '../simplesigning/pgp.ts';
import type { AttestationAuthoritySpec } from './kritis-specs.ts';

/** Who attests images, as an AttestationAuthority declares it. */
export interface Authority {
  readonly name: string;
  /** Attestations filed under another note are not its own; undefined: the note does not matter. */
  readonly note: string | undefined;
  /** Any of them may have signed. */
  readonly keys: readonly AuthorityKey[];
}

export type AuthorityKey =
  | { readonly kind: 'pgp'; readonly id: string; readonly key: PgpKey }
  | {
      readonly kind: 'pkix';
      readonly id: string;
      readonly key: LocalKey;
      /** Labels of the algorithms that a signature by it may have. */
      readonly algorithms: readonly string[];
    };

/** The keys of an authority. @throws {ConfigProblem} where one of them cannot be used, or there is none. */
export async function authorityOf(name: string, spec: AttestationAuthoritySpec): Promise<Authority> {
  const keys: AuthorityKey[] = [];
  if (spec.publicKeyData !== undefined && spec.publicKeyData !== '') keys.push(await flatKey(spec.publicKeyData, spec.publicKeyId));
  for (const [index, declared] of (spec.publicKeys ?? []).entries()) keys.push(await listedKey(declared, `spec.publicKeys[${index}]`));
  if (keys.length === 0) throw new ConfigProblem('CONFIG_INVALID', 'spec', 'expected publicKeyData or publicKeys, found no key at all');
  return { name, note: spec.noteReference === '' ? undefined : spec.noteReference, keys };
}

const PGP = '-----BEGIN PGP ';

/** The one key of kritis-validation-hook, which has no algorithm beside it. */
async function flatKey(data: string, id: string | undefined): Promise<AuthorityKey> {
  const at = 'spec.publicKeyData';
  const text = await usable(at, async () => textOfBase64(data));
  if (text.trimStart().startsWith(PGP)) return pgpKey(at, text, id);
  const key = await usable(at, async () => loadPublicKey(text, id));
  return { kind: 'pkix', id: key.id, key, algorithms: algorithmsOfKms(key.form) };
}

/**
 * What Alibaba's key service signs with such a key: it has both paddings for its RSA keys, each with SHA-256, and only the signer knows which of
 * the two was asked for. Both are tried: a signature of either kind cannot be turned into one of the other, nor made without the key.
 */
function algorithmsOfKms(form: KeyForm): readonly string[] {
  const labels = labelsOf('acr').filter((label) => findAlgorithm(label)?.keys.includes(form));
  if (labels.length > 0) return labels;
  const message = `expected a key that the key service signs images with: RSA, EC P-256 or P-256K; found ${form}; name it in publicKeys with its algorithm`;
  throw new ConfigProblem('CONFIG_INVALID', 'spec.publicKeyData', message);
}

type Listed = NonNullable<AttestationAuthoritySpec['publicKeys']>[number];

async function listedKey({ keyType, keyId, asciiArmoredPgpPublicKey, pkixPublicKey }: Listed, at: string): Promise<AuthorityKey> {
  if (keyType === 'PGP') {
    const field = `${at}.asciiArmoredPgpPublicKey`;
    const text = await usable(field, async () => textOfBase64(asciiArmoredPgpPublicKey ?? ''));
    return pgpKey(field, text, keyId);
  }
  const field = `${at}.pkixPublicKey`;
  if (pkixPublicKey === undefined) throw new ConfigProblem('CONFIG_INVALID', field, 'expected a key and its algorithm, found nothing');
  const { publicKeyPem, signatureAlgorithm } = pkixPublicKey;
  const key = await usable(`${field}.publicKeyPem`, async () => loadPublicKey(publicKeyPem, keyId));
  const algorithm = findAlgorithm(signatureAlgorithm);
  if (algorithm?.system !== 'kritis') {
    const message = `expected ${labelsOf('kritis').join(', ')}; found ${quoted(signatureAlgorithm, 40)}`;
    throw new ConfigProblem('CONFIG_INVALID', `${field}.signatureAlgorithm`, message);
  }
  const unfit = fitProblem(algorithm, key.form);
  if (unfit !== undefined) throw new ConfigProblem('CONFIG_INVALID', `${field}.signatureAlgorithm`, unfit);
  return { kind: 'pkix', id: key.id, key, algorithms: [algorithm.label] };
}

/** An OpenPGP key goes by its fingerprint: an id beside it can only agree. */
async function pgpKey(at: string, text: string, id = ''): Promise<AuthorityKey> {
  const key = await usable(at, () => loadPgpKey(text));
  if (id !== '' && id !== key.id) {
    throw new ConfigProblem('CONFIG_INVALID', at, `expected the key with fingerprint ${quoted(id)}, found the one with ${key.id}`);
  }
  return { kind: 'pgp', id: key.id, key };
}

async function usable<T>(path: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof SimpleSigningError) throw new ConfigProblem('CONFIG_INVALID', path, error.message, { cause: error });
    throw error;
  }
}
