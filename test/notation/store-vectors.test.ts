import { describe, expect, it } from '@jest/globals';
import { createTrustStore } from '../../src/notation/trust-store.ts';
import type { TrustStoreType } from '../../src/notation/types.ts';
import { readPemFile } from '../../src/x509/pem.ts';
import { ownVectors } from '../conformance/vector-files.ts';
import { hasVectors, openVectors } from '../vectors.ts';

const vectors = openVectors();

/** The certificates of a file as `judge` reads it: of all its PEM blocks, which it must have unless it is DER. */
function certificatesIn(path: string): readonly Uint8Array[] {
  const bytes = vectors.bytes(path);
  return bytes[0] === 0x30 ? [bytes] : readPemFile(Buffer.from(bytes).toString('latin1'));
}

async function load(type: TrustStoreType, paths: readonly string[]): Promise<string> {
  try {
    const store = await createTrustStore(new Map([[`${type}:x` as const, paths.flatMap(certificatesIn)]]));
    return `${store.getCertificates(type, 'x').size}`;
  } catch (error) {
    return error instanceof Error ? error.message : 'thrown';
  }
}

const LEAF = 'is not a CA certificate or self-signed signing certificate';
const NO_ROOT = 'is not a root CA certificate';
const NOTHING = 'no certificates found';

/** A store of these files of a folder loads, with so many different certificates, or says why not. */
type Row = readonly [type: TrustStoreType, folder: string, files: string, expected: number | string];

const GO = 'notation-go/verifier/testdata/truststore/x509';
const STORES: readonly Row[] = [
  ['ca', `${GO}/ca/valid-trust-store`, 'GlobalSign.der GlobalSignRootCA.crt NotationTestRoot.pem', 2],
  ['ca', `${GO}/ca/valid-trust-store`, 'TestTimestamp.crt TestTimestampNotYetValid.crt wabbit-networks.io.crt', 3],
  ['ca', `${GO}/ca/valid-trust-store-2`, 'GlobalSign.der GlobalSignRootCA.crt', 1],
  ['ca', `${GO}/ca/valid-trust-store-self-signed`, 'openssl-minimum-self-signed.pem', 1],
  ['signingAuthority', `${GO}/signingAuthority/valid-trust-store`, 'GlobalSign.der GlobalSignRootCA.crt NotationTestRoot.pem', 2],
  ['signingAuthority', `${GO}/signingAuthority/valid-trust-store-2`, 'GlobalSign.der GlobalSignRootCA.crt', 1],
  ['ca', `${GO}/ca/trust-store-with-leaf-certs`, 'GlobalSignRootCA.crt', 1],
  ['ca', `${GO}/ca/trust-store-with-leaf-certs`, 'GlobalSignRootCA.crt non-ca.crt', LEAF],
  ['ca', `${GO}/ca/trust-store-with-leaf-certs-in-single-file`, 'RootAndLeafCerts.crt', LEAF],
  ['ca', `${GO}/ca/trust-store-with-invalid-certs`, 'invalid', NOTHING],
  // A link is a text where links cannot be; there are no folders and no links in our stores.
  ['ca', `${GO}/ca/valid-trust-store_SYMLINK`, 'valid-trust-store_SYMLINK', NOTHING],
  ['ca', `${GO}/trust-store-with-cert-symlinks`, 'GlobalSignRootCA.crt GlobalSignRootCA_SYMLINK.crt', NOTHING],
  ['ca', `${GO}/trust-store-with-cert-symlinks`, 'GlobalSignRootCA.crt', 1],
  ['ca', `${GO}/trust-store-with-directories`, 'GlobalSignRootCA.crt', 1],
  ['tsa', `${GO}/tsa/test-timestamp`, 'globalsignRoot.cer', 1],
  ['tsa', `${GO}/tsa/test-mismatch`, 'DigiCertTSARootSHA384.cer', 1],
  ['tsa', `${GO}/tsa/test-nonCA`, 'wabbit-networks.io.crt', NO_ROOT],
  ['tsa', `${GO}/tsa/test-nonSelfIssued`, 'nonSelfIssued.crt', NO_ROOT],
  ['tsa', 'notation-go/signer/testdata', 'DigiCertTSARootSHA384.cer', 1],
  ['tsa', 'notation-core-go/internal/timestamp/testdata', 'tsaRootCert.cer', 1],
  ['tsa', 'tspclient-go/internal/cms/testdata', 'GlobalSignRootCA.crt', 1],
];

const CLI = 'notation/internal/testdata';
const ADDED = 'notation/cmd/notation/internal/truststore/testdata';
const TIMESTAMP = 'notation/test/e2e/testdata/config/timestamp';
const FILES: readonly Row[] = [
  ['ca', CLI, 'CertChain.pem', LEAF],
  ['ca', CLI, 'Empty.txt', NOTHING],
  ['ca', CLI, 'GlobalSign.der GlobalSignRootCA.crt NotationTestRoot.pem', 2],
  ['ca', CLI, 'intermediate.pem', 1],
  ['tsa', CLI, 'intermediate.pem', NO_ROOT],
  ['tsa', CLI, 'notSelfIssued.crt', NO_ROOT],
  ['ca', CLI, 'self-signed.crt', 1],
  ['tsa', CLI, 'self-signed.crt', NO_ROOT],
  ['tsa', CLI, 'tsaRootCA.cer', 1],
  ['ca', ADDED, 'NotationTestRoot.pem', 1],
  ['ca', ADDED, 'invalid.txt', NOTHING],
  ['ca', ADDED, 'self-signed.crt', 1],
  ['tsa', ADDED, 'self-signed.crt', NO_ROOT],
  ['ca', `${ADDED}/truststore/x509/ca/test`, 'self-signed.crt', 1],
  ['tsa', `${ADDED}/truststore/x509/ca/test`, 'self-signed.crt', NO_ROOT],
  ['ca', TIMESTAMP, 'CertChain.pem', LEAF],
  ['tsa', TIMESTAMP, 'CertChain.pem', LEAF],
  ['tsa', TIMESTAMP, 'DigiCertTSARootSHA384.cer globalsignTSARoot.cer', 2],
  ['tsa', TIMESTAMP, 'Empty.txt', NOTHING],
  ['tsa', TIMESTAMP, 'invalid.crt', 'failed to decode pem block'],
  ['ca', TIMESTAMP, 'intermediate.pem', 1],
  ['tsa', TIMESTAMP, 'intermediate.pem', NO_ROOT],
  ['tsa', TIMESTAMP, 'notSelfIssued.crt', NO_ROOT],
];

// The files are kept beside the repository, not in it.
if (hasVectors) {
  describe("trust stores of the reference's tests", () => {
    it.each([...STORES, ...FILES])('as %s: %s/%s is %s', async (type, folder, files, expected) => {
      const found = await load(
        type,
        files.split(' ').map((name) => `${folder}/${name}`),
      );
      if (typeof expected === 'number') expect(found).toBe(String(expected));
      else expect(found).toContain(expected);
    });

    it('reads every file that is its own', () => {
      expect(ownVectors('notation/store-vectors').filter((path) => !vectors.read.has(path))).toEqual([]);
    });
  });
}
