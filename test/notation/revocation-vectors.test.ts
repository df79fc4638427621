import { describe, expect, it } from '@jest/globals';
import { createFactCache } from '../../src/lib/cache.ts';
import { RevocationFetchError, type RevocationPort } from '../../src/lib/revocation.ts';
import { checkRevocation } from '../../src/notation/revocation.ts';
import { isSignedBy, parseCertificate } from '../../src/x509/certificate.ts';
import { validateCodeSigningChain } from '../../src/x509/chain.ts';
import { readRevocationList } from '../../src/x509/crl.ts';
import { urlsOfDistributionPoints } from '../../src/x509/extensions.ts';
import type { Certificate } from '../../src/x509/types.ts';
import { ownVectors } from '../conformance/vector-files.ts';
import { hasVectors, openVectors } from '../vectors.ts';

const vectors = openVectors();
const CONFIG = 'notation/test/e2e/testdata/config';
const CORE = 'notation-core-go/revocation/crl/testdata';
const NOW = new Date('2025-06-01T00:00:00Z');
const LEAF = 'http://localhost:10086/leaf.crl';
const INTERMEDIATE = 'http://localhost:10086/intermediate.crl';
const never = new AbortController().signal;
const FRESHEST_CRL = '2.5.29.46';

const chainOf = (path: string): readonly Certificate[] => vectors.certificates(path).map((der) => parseCertificate(der));

/** What a chain comes to where these files are at these URLs, and every responder is down. */
async function status(chain: readonly Certificate[], lists: Readonly<Record<string, string>>): Promise<string> {
  const asked: string[] = [];
  const answer = async (url: string): Promise<Uint8Array> => {
    asked.push(url);
    const name = lists[url];
    if (name === undefined) throw new RevocationFetchError('cannot be reached');
    return vectors.bytes(`${CONFIG}/crl/${name}`);
  };
  const clock = { now: () => NOW.getTime(), monotonic: () => 0 };
  const port: RevocationPort = { fetchOcsp: answer, fetchCrl: answer, answers: createFactCache({ maxBytes: 1e6, clock }) };
  const { error } = await checkRevocation({ chain, purpose: 'codeSigning', now: NOW, port, signal: new AbortController().signal });
  return error === undefined ? 'PASS' : `${error.code} ${error.message}`;
}

function lists(): void {
  const chain = chainOf(`${CONFIG}/crl/certchain_with_crl.pem`);

  it('have a chain that is valid, whose root is the anchor', async () => {
    await expect(validateCodeSigningChain(chain)).resolves.toBeUndefined();
    expect(chain.at(-1)?.fingerprint).toBe(chainOf(`${CONFIG}/crl/root.crt`)[0]?.fingerprint);
    expect(chain.map(({ crlUrls }) => crlUrls)).toEqual([[LEAF], [INTERMEDIATE], []]);
  });

  it.each<[string, string, string]>([
    ['leaf.crl', 'intermediate.crl', 'PASS'],
    ['leaf_revoked.crl', 'intermediate.crl', 'CERTIFICATE_REVOKED signing certificate with subject "CN=LeafCert'],
    ['leaf.crl', 'intermediate_revoked.crl', 'CERTIFICATE_REVOKED signing certificate with subject "CN=IntermediateCA'],
    ['leaf_expired.crl', 'intermediate.crl', 'REVOCATION_UNKNOWN signing certificate with subject "CN=LeafCert'],
    ['intermediate.crl', 'leaf.crl', 'REVOCATION_UNKNOWN'],
  ])('%s and %s give %s', async (leaf, intermediate, expected) => {
    const found = await status(chain, { [LEAF]: leaf, [INTERMEDIATE]: intermediate });
    expect(found.startsWith(expected)).toBe(true);
  });
}

function responders(): void {
  const chain = chainOf(`${CONFIG}/ocsp/certchain_with_ocsp.pem`);

  it('have a chain that is valid, of unknown status while nobody answers', async () => {
    const [leaf, root] = chain;
    await expect(validateCodeSigningChain(chain)).resolves.toBeUndefined();
    expect(leaf?.fingerprint).toBe(chainOf(`${CONFIG}/ocsp/leaf.crt`)[0]?.fingerprint);
    expect(root?.fingerprint).toBe(chainOf(`${CONFIG}/ocsp/root.crt`)[0]?.fingerprint);
    expect(leaf?.ocspUrls).toEqual(['http://localhost:10087']);
    expect(await status(chain, {})).toMatch(/^REVOCATION_UNKNOWN signing certificate with subject "CN=LeafCert/);
  });

  it('have a responder that the root made one', async () => {
    const [root] = chainOf(`${CONFIG}/ocsp/root.crt`);
    const [responder] = chainOf(`${CONFIG}/ocsp/ocsp.crt`);
    if (root === undefined || responder === undefined) throw new Error('two certificates expected');
    expect(await isSignedBy(responder, root)).toBe(true);
    expect(responder.extendedKeyUsage).toEqual({ oids: ['1.3.6.1.5.5.7.3.9'], critical: true });
  });
}

function deltas(): void {
  it.each([
    ['certificateWithDeltaCRL.cer', 1],
    ['certificateWith2DeltaCRL.cer', 2],
    ['certificateWithNonURIDeltaCRL.cer', 0],
    ['certificateWithZeroDeltaCRLURL.cer', 0],
    ['certificateWithIncompleteFreshestCRL2.cer', 0],
    ['certificateWithIncompleteFreshestCRL.cer', undefined],
  ])('%s names %s lists as freshest', (name, expected) => {
    const [certificate] = chainOf(`${CORE}/${name}`);
    const value = certificate?.extensions.find(({ oid }) => oid === FRESHEST_CRL)?.value ?? new Uint8Array();
    if (expected === undefined) expect(() => urlsOfDistributionPoints(value)).toThrow();
    else expect(urlsOfDistributionPoints(value)).toHaveLength(expected);
  });

  it('crlWithMultipleFreshestCRLs.crl names two, and delta.crl is one for the list before it', async () => {
    const base = await readRevocationList(vectors.bytes(`${CORE}/crlWithMultipleFreshestCRLs.crl`), never);
    expect([base.number, base.freshestUrls.length, base.unknownCritical]).toEqual([5n, 2, undefined]);
    const delta = await readRevocationList(vectors.bytes(`${CORE}/delta.crl`), never);
    expect([delta.number, delta.baseNumber, delta.unknownCritical]).toEqual([5n, 4n, undefined]);
    expect(delta.nextUpdate?.getUTCFullYear()).toBe(2024);
  });
}

// The files are kept beside the repository, not in it.
if (hasVectors) {
  describe("revocation lists of the reference's tests", lists);
  describe("responders of the reference's tests", responders);
  describe("delta lists of the reference's tests", deltas);
  it('reads every file that is its own', () => {
    expect(ownVectors('notation/revocation-vectors').filter((path) => !vectors.read.has(path))).toEqual([]);
  });
}
