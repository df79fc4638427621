import { type CertificateOptions, type Issued, pki } from '../pki.ts';
import type { Draft, Made } from './draft.ts';
import { sealed, through } from './envelope.ts';

/** One case of the `judge` protocol. */
export interface OracleCase {
  readonly id: string;
  readonly mediaType: string;
  /** Base64. */
  readonly envelope: string;
  readonly subject: { readonly mediaType: string; readonly digest: string; readonly size: number };
  readonly reference: string;
  readonly trustPolicy: unknown;
  readonly trustStores: Readonly<Record<string, readonly string[]>>;
  readonly now: null;
  readonly revocation: { readonly ocsp: Readonly<Record<string, string | null>>; readonly crl: Readonly<Record<string, string | null>> };
  readonly userMetadata?: Readonly<Record<string, string>>;
}

/** Issues the certificates, signs, and puts the case together. */
export function render(draft: Draft, id: string): OracleCase {
  const made: Made = { chain: issueChain(draft), draft };
  const policy = { version: '1.0', trustPolicies: [draft.statement, ...draft.moreStatements] };
  const answers = (map: Draft['ocsp']) => Object.fromEntries([...map].map(([url, answer]) => [url, answer(made)]));
  return {
    id,
    mediaType: draft.mediaType ?? (draft.format === 'jws' ? 'application/jose+json' : 'application/cose'),
    envelope: Buffer.from(sealed(made)).toString('base64'),
    subject: draft.subject,
    reference: draft.reference,
    trustPolicy: through(draft.bendPolicy, policy),
    trustStores: Object.fromEntries([...draft.stores].map(([name, pems]) => [name, pems(made)])),
    now: null,
    revocation: { ocsp: answers(draft.ocsp), crl: answers(draft.crl) },
    ...(draft.userMetadata && { userMetadata: draft.userMetadata }),
  };
}

/** Leaf first. Keys are chosen by kind and place. */
function issueChain({ authorities, leaf, keys }: Draft): readonly Issued[] {
  const withKey = <T extends { key?: Issued['key'] }>(options: T, place: string): T => ({
    privateKey: keys.get(options.key ?? 'EC-256', place),
    ...options,
  });
  const [root, ...below] = authorities;
  if (root === undefined) return [issued(pki.selfSigned, withKey(leaf, 'leaf'))];
  let last = issued(pki.root, withKey(root, 'root'));
  const chain = [last];
  for (const [i, options] of below.entries()) {
    last = issued(last.intermediate, withKey(options, `intermediate ${i}`));
    chain.unshift(last);
  }
  return [issued(last.leaf, withKey(leaf, 'leaf')), ...chain];
}

/** A certificate as asked for; signed by the usual algorithm where the signer's key cannot do the other. */
function issued(issue: (options: CertificateOptions) => Issued, options: CertificateOptions): Issued {
  try {
    return issue(options);
  } catch {
    return issue({ ...options, signatureAlgorithm: 'auto' });
  }
}
