import { createFactCache } from '../../src/lib/cache.ts';
import { instantOf } from '../../src/lib/instant.ts';
import { RevocationFetchError, type RevocationPort } from '../../src/lib/revocation.ts';
import { checkRevocation, type RevocationPurpose } from '../../src/notation/revocation.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { authorityName, type CertificateOptions, extendedKeyUsage, type Issued, OID, pki } from '../pki.ts';
import {
  AT,
  distributionPoints,
  type ListOptions,
  type OcspOptions,
  ocspResponse,
  responders,
  revocationList,
} from '../revocation-answers.ts';

export const O1 = 'http://o.test/1';
export const O2 = 'http://o.test/2';
export const C1 = 'http://c.test/1.crl';
export const C2 = 'http://c.test/2.crl';
export const DELTA = 'http://c.test/delta.crl';
export const later = (hours: number): Date => new Date(AT.getTime() + hours * 3_600_000);
export const NOW = later(1);

export const asks = (ocsp: readonly string[], crl: readonly string[], more: CertificateOptions['extensions'] = {}): CertificateOptions => ({
  extensions: {
    ...(ocsp.length === 0 ? {} : { [OID.authorityInfoAccess]: { value: responders(...ocsp) } }),
    ...(crl.length === 0 ? {} : { [OID.crlDistributionPoints]: { value: distributionPoints(...crl) } }),
    ...more,
  },
});

export const root = pki.root();
export const stranger = pki.root({ subject: authorityName('Stranger') });
export const twin = pki.root();
export const bare = root.leaf({ subject: authorityName('No responder') });
export const byOcsp = root.leaf(asks([O1], []));
export const byTwo = root.leaf(asks([O1, O2], []));
export const byCrl = root.leaf(asks([], [C1]));
export const byTwoLists = root.leaf(asks([], [C1, C2]));
export const byBoth = root.leaf(asks([O1], [C1]));

export type Body = Uint8Array | undefined;
export type Answers = Readonly<Record<string, Body>>;

export function network(answers: Record<string, Body>) {
  const asked: string[] = [];
  const answer = async (url: string): Promise<Uint8Array> => {
    asked.push(url);
    const body = answers[url];
    if (body === undefined) throw new RevocationFetchError('cannot be reached');
    return body;
  };
  let passed = 0;
  const clock = { now: () => NOW.getTime() + passed, monotonic: () => passed };
  const port: RevocationPort = { fetchOcsp: answer, fetchCrl: answer, answers: createFactCache({ maxBytes: 1e6, clock }) };
  const pass = (ms: number): void => {
    passed += ms;
  };
  return { port, asked, pass, now: () => new Date(clock.now()) };
}

/** What was begun behind somebody's back has come to its end. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((next) => setImmediate(next));
}

export interface Setting {
  readonly signingTime?: Date;
  readonly now?: Date;
  readonly purpose?: RevocationPurpose;
  readonly noted?: boolean;
}

export async function ask(leaf: Issued, port: RevocationPort | undefined, setting: Setting = {}) {
  const { signingTime, now = NOW, purpose = 'codeSigning', noted = false } = setting;
  return checkRevocation({
    chain: leaf.chain.map((bytes) => parseCertificate(bytes)),
    purpose,
    ...(signingTime === undefined ? {} : { authenticSigningTime: instantOf(signingTime) }),
    now,
    noted,
    port,
    signal: new AbortController().signal,
  });
}

export async function verdict(leaf: Issued, answers: Answers, setting: Setting = {}): Promise<string> {
  const { error } = await ask(leaf, network(answers).port, setting);
  return error === undefined ? 'PASS' : error.code;
}

export const REVOKED = 'CERTIFICATE_REVOKED';
export const UNKNOWN = 'REVOCATION_UNKNOWN';
export const said = (options: Partial<OcspOptions> = {}, leaf = byOcsp) =>
  ocspResponse({ certificate: leaf.cert, issuer: root, ...options });
export const OCSP_SIGNING = extendedKeyUsage('1.3.6.1.5.5.7.3.9');
export const listed = (options: Partial<ListOptions> = {}) => revocationList({ issuer: root, ...options });
export const gone = { status: 'revoked' } as const;
