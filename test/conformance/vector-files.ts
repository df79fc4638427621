import { vectorIndex } from '../vectors.ts';

/** Files of the reference implementation's tests, as the index beside them names them. */
export interface VectorFiles {
  readonly folder: string;
  /** File names; undefined: all files of the folder and below. */
  readonly names: readonly string[] | undefined;
  readonly count: number;
}

/** What the conformance page says of some of them. */
export interface VectorCount {
  readonly files: number;
  readonly where: string;
}

const LAYOUTS = 'notation/test/e2e/testdata/registry/oci_layout';

/** The suite that reads each file and compares our verdict with the one in the index. */
export const VECTOR_SUITES: Readonly<Record<string, readonly VectorFiles[]>> = {
  'notation/vectors': [
    under('notation-core-go/signature/cose/testdata', 'conformance.json'),
    under('notation-core-go/signature/jws/testdata', 'conformance.json'),
    under(
      'notation-core-go/embedded/cose',
      `
      conformance_expectedOutput.cose conformance_protected.cbor conformance_unprotected.cbor
    `,
    ),
    under(
      'notation-go/internal/mock/testdata',
      `
      ca_compatible_pluginver_sig_env_0.0.9.json ca_compatible_pluginver_sig_env_1.0.0-alpha.beta.json
      ca_compatible_pluginver_sig_env_1.0.0-alpha.json ca_compatible_pluginver_sig_env_1.0.0.json ca_expired_sig_env.json
      ca_incompatible_pluginver_sig_env_1.0.1.json ca_incompatible_pluginver_sig_env_1.0.9.json
      ca_incompatible_pluginver_sig_env_1.1.0-alpha.json ca_incompatible_pluginver_sig_env_1.2.3.json
      ca_invalid_sig_env.json ca_plugin_sig_env.json ca_valid_sig_env.json sa_expired_sig_env.json sa_invalid_sig_env.json
      sa_plugin_sig_env.json sa_valid_sig_env.json sig_env_with_metadata.json
    `,
    ),
    under('notation-go/internal/testdata', 'cose_signature.sig jws_signature.sig'),
    under('notation-go/verifier/testdata/verifier', 'bad-cert.pem signing-cert.pem'),
    under('notation-go/embedded/verifier', 'testSig.blob.jws.json trustedCert.pem'),
    under(
      'notation-go/embedded/example',
      `
      localVerify.cose localVerify_cert.pem verifyBlob.jws.json verifyBlob_cert.pem verifyBlob_content.txt
    `,
    ),
    under('notation/test/e2e/testdata/config/localkeys', 'e2e.crt expired_e2e.crt new_e2e.crt'),
    under('notation/test/e2e/testdata/signatures', 'blob.cose.sig malformed.jws.sig'),
  ],
  'notation/policy-vectors': [
    under('notation-go/embedded/policy', 'dn_cases.json scope_cases.json level_cases.json'),
    under(
      'notation/test/e2e/testdata/config/trustpolicies',
      `
      any_registry_scope_trust_policy.json audit_trustpolicy.json empty_registry_scope_trustpolicy.json
      empty_trusted_identity_trustpolicy.json generate_test_trustpolicy.json invalid_format_trustpolicy.json
      invalid_registry_scope_trustpolicy.json invalid_trust_store_trustpolicy.json invalid_trusted_identity_trustpolicy.json
      malformed_registry_scope_trustpolicy.json malformed_trust_store_trustpolicy.json
      malformed_trusted_identity_trustpolicy.json missing_country_trusted_identity_trustpolicy.json
      missing_organization_trusted_identity_trustpolicy.json missing_state_trusted_identity_trustpolicy.json
      multi_statements_with_multi_wildcard_registry_scope_trustpolicy.json
      multi_statements_with_the_same_name_trustpolicy.json multi_statements_with_the_same_registry_scope_trustpolicy.json
      multi_statements_with_wildcard_registry_scope_trustpolicy.json multiple_registry_scope_trustpolicy.json
      multiple_trust_store_trustpolicy.json multiple_trusted_identity_trustpolicy.json
      overlapped_registry_scope_trustpolicy.json overlapped_trust_store_trustpolicy.json
      overlapped_trusted_identity_trustpolicy.json override_audit_trustpolicy.json
      override_integrity_for_permissive_trustpolicy.json override_permissive_trustpolicy.json
      override_strict_trustpolicy.json permissive_trustpolicy.json quickstart_trustpolicy.json
      registry_scope_trustpolicy.json skip_trustpolicy.json timestamp_after_cert_expiry_trustpolicy.json
      timestamp_trustpolicy.json trustpolicy.json unset_trust_store_trustpolicy.json unset_trusted_identity_trustpolicy.json
      valid_trusted_identity_trustpolicy.json wildcard_plus_other_registry_scope_trustpolicy.json
      wildcard_plus_other_trusted_identity_trustpolicy.json wildcard_trust_store_trustpolicy.json
    `,
    ),
  ],
  'notation/store-vectors': [
    under('notation-core-go/internal/timestamp/testdata', 'tsaRootCert.cer'),
    under('notation-go/signer/testdata', 'DigiCertTSARootSHA384.cer'),
    under('notation-go/verifier/testdata/truststore/x509/ca/trust-store-with-invalid-certs', 'invalid'),
    under('notation-go/verifier/testdata/truststore/x509/ca/trust-store-with-leaf-certs-in-single-file', 'RootAndLeafCerts.crt'),
    under('notation-go/verifier/testdata/truststore/x509/ca/trust-store-with-leaf-certs', 'GlobalSignRootCA.crt non-ca.crt'),
    under('notation-go/verifier/testdata/truststore/x509/ca/valid-trust-store-2', 'GlobalSign.der GlobalSignRootCA.crt'),
    under('notation-go/verifier/testdata/truststore/x509/ca/valid-trust-store-self-signed', 'openssl-minimum-self-signed.pem'),
    under(
      'notation-go/verifier/testdata/truststore/x509/ca/valid-trust-store',
      `
      GlobalSign.der GlobalSignRootCA.crt NotationTestRoot.pem TestTimestamp.crt TestTimestampNotYetValid.crt
      wabbit-networks.io.crt
    `,
    ),
    under('notation-go/verifier/testdata/truststore/x509/ca/valid-trust-store_SYMLINK', 'valid-trust-store_SYMLINK'),
    under(
      'notation-go/verifier/testdata/truststore/x509/signingAuthority/valid-trust-store-2',
      `
      GlobalSign.der GlobalSignRootCA.crt
    `,
    ),
    under(
      'notation-go/verifier/testdata/truststore/x509/signingAuthority/valid-trust-store',
      `
      GlobalSign.der GlobalSignRootCA.crt NotationTestRoot.pem
    `,
    ),
    under(
      'notation-go/verifier/testdata/truststore/x509/trust-store-with-cert-symlinks',
      `
      GlobalSignRootCA.crt GlobalSignRootCA_SYMLINK.crt
    `,
    ),
    under('notation-go/verifier/testdata/truststore/x509/trust-store-with-directories', 'GlobalSignRootCA.crt'),
    under('notation-go/verifier/testdata/truststore/x509/tsa/test-mismatch', 'DigiCertTSARootSHA384.cer'),
    under('notation-go/verifier/testdata/truststore/x509/tsa/test-nonCA', 'wabbit-networks.io.crt'),
    under('notation-go/verifier/testdata/truststore/x509/tsa/test-nonSelfIssued', 'nonSelfIssued.crt'),
    under('notation-go/verifier/testdata/truststore/x509/tsa/test-timestamp', 'globalsignRoot.cer'),
    under('notation/cmd/notation/internal/truststore/testdata', 'NotationTestRoot.pem invalid.txt self-signed.crt'),
    under('notation/cmd/notation/internal/truststore/testdata/truststore/x509/ca/test', 'self-signed.crt'),
    under(
      'notation/internal/testdata',
      `
      CertChain.pem Empty.txt GlobalSign.der GlobalSignRootCA.crt NotationTestRoot.pem intermediate.pem notSelfIssued.crt
      self-signed.crt tsaRootCA.cer
    `,
    ),
    under(
      'notation/test/e2e/testdata/config/timestamp',
      `
      CertChain.pem DigiCertTSARootSHA384.cer Empty.txt globalsignTSARoot.cer intermediate.pem invalid.crt notSelfIssued.crt
    `,
    ),
    under('tspclient-go/internal/cms/testdata', 'GlobalSignRootCA.crt'),
  ],
  'notation/timestamp-vectors': [
    under('notation-core-go/internal/timestamp/testdata', 'TimeStampTokenWithInvalidSignature.p7s'),
    under(
      'notation-go/verifier/testdata/timestamp/countersignature',
      `
      TimeStampToken.p7s TimeStampTokenWithInvalidTSTInfo.p7s TimeStampTokenWithInvalideContentType.p7s
      TimeStampTokenWithoutCertificate.p7s
    `,
    ),
    under(
      'notation-go/verifier/testdata/timestamp/sigEnv',
      `
      coseExpiredWithTimestamp.sig coseWithTimestamp.sig jwsExpiredWithTimestamp.sig jwsWithTimestamp.sig
      timestampAfterNotAfter.sig timestampBeforeNotBefore.sig withoutTimestamp.sig
    `,
    ),
    under('notation/cmd/notation/internal/display/metadata/testdata', 'TimeStampTokenWithInvalidSignature.p7s'),
    under('notation/test/e2e/testdata/signatures', 'blob.jws.sig'),
    under(
      'tspclient-go/internal/cms/testdata',
      `
      Sha1SignedData.p7s SignedDataWithoutSignedAttributes.p7s TimeStampToken.p7s
      TimeStampTokenInvalidSignedAttributeContentType.p7s TimeStampTokenWithAnInvalidAndAValidSignerInfo.p7s
      TimeStampTokenWithInvalidCertificates.p7s TimeStampTokenWithInvalidContentType.p7s
      TimeStampTokenWithInvalidSignature.p7s TimeStampTokenWithInvalidSigningTime.p7s
      TimeStampTokenWithSignedAttributeSHA1.p7s TimeStampTokenWithSignerVersion2.p7s TimeStampTokenWithSigningTime.p7s
      TimeStampTokenWithSigningTimeBeforeExpected.p7s TimeStampTokenWithUnknownSignerIssuer.p7s
      TimeStampTokenWithoutCertificate.p7s TimeStampTokenWithoutSignedAttributeContentType.p7s
      TimeStampTokenWithoutSignedAttributeDigest.p7s TimeStampTokenWithoutSignedAttributes.p7s
      TimeStampTokenWithoutSigner.p7s
    `,
    ),
    under(
      'tspclient-go/testdata',
      `
      GlobalSignRootCA.crt SHA1TimeStampToken.p7s TimeStampToken.p7s TimeStampTokenNoRoot.p7s
      TimeStampTokenWithInvalidSignature.p7s TimeStampTokenWithInvalidSigningCertificateV1.p7s
      TimeStampTokenWithInvalidSigningCertificateV2.p7s TimeStampTokenWithInvalidTSTInfo.p7s
      TimeStampTokenWithInvalideContentType.p7s TimeStampTokenWithMismatchCertHash.p7s TimeStampTokenWithSHA1CertHash.p7s
      TimeStampTokenWithSigningCertificateV1.p7s TimeStampTokenWithSigningCertificateV1NoCert.p7s
      TimeStampTokenWithSigningCertificateV2NoCert.p7s TimeStampTokenWithTSTInfoVersion2.p7s
      TimeStampTokenWithValidAndInvalidSignerInfos.p7s TimeStampTokenWithWrongSigningCertificateV2IssuerChoiceTag.p7s
      TimeStampTokenWithoutCertificate.p7s TimeStampTokenWithoutSigningCertificate.p7s
      TimeStampTokenWithoutSigningCertificateV2IssuerSerial.p7s granted.tsq malformed.tsq rejection.tsq
      validResponseWithSigningCertificateV1.tsr
    `,
    ),
  ],
  'notation/revocation-vectors': [
    under(
      'notation-core-go/revocation/crl/testdata',
      `
      certificateWith2DeltaCRL.cer certificateWithDeltaCRL.cer certificateWithIncompleteFreshestCRL.cer
      certificateWithIncompleteFreshestCRL2.cer certificateWithNonURIDeltaCRL.cer certificateWithZeroDeltaCRLURL.cer
      crlWithMultipleFreshestCRLs.crl delta.crl
    `,
    ),
    under(
      'notation/test/e2e/testdata/config/crl',
      `
      certchain_with_crl.pem intermediate.crl intermediate_revoked.crl leaf.crl leaf_expired.crl leaf_revoked.crl root.crt
    `,
    ),
    under('notation/test/e2e/testdata/config/ocsp', 'certchain_with_ocsp.pem leaf.crt ocsp.crt root.crt'),
  ],
  'x509/vectors': [
    under(
      'notation-core-go/x509/testdata',
      `
      der.der invalid multi-der.der multi-pem.crt openssl-minimum-self-signed.pem pem.crt timestamp_intermediate.crt
      timestamp_leaf.crt timestamp_root.crt
    `,
    ),
    under(
      'notation-core-go/embedded/x509',
      `
      rootCert.pem intermediateCert1.pem intermediateCert2.pem codeSigningLeaf.pem unrelatedCert.pem
      intermediateCertInvalidPathLen.pem codeSigningLeafInvalidPathLen.pem noBasicConstraintsCa.pem
      basicConstraintsNotCa.pem kuNotCriticalCertSignCa.pem kuMissingCa.pem kuNotCertSignCa.pem validNoOptionsLeaf.pem
      caTrueLeaf.pem kuNoDigitalSignatureLeaf.pem kuWrongValuesLeaf.pem rsaKeyTooSmallLeaf.pem ecdsaKeyTooSmallLeaf.pem
      ekuWrongValuesCodeLeaf.pem ekuMissingCodeSigningLeaf.pem ekuNonCriticalTimeLeaf.pem ekuWrongValuesTimeLeaf.pem
      ekuMissingTimestampingLeaf.pem
    `,
    ),
    under('tspclient-go/embedded', 'ber_to_der.json cms_parse_errors.json'),
  ],
  'oci/vectors': [
    whole(`${LAYOUTS}/e2e-expired-signature`, 8),
    whole(`${LAYOUTS}/e2e-invalid-signature`, 8),
    whole(`${LAYOUTS}/e2e-valid-multiple-signatures`, 10),
    whole(`${LAYOUTS}/e2e-valid-signature`, 8),
    whole(`${LAYOUTS}/e2e-with-expired-cert`, 8),
    whole(`${LAYOUTS}/e2e-with-invalid-timestamped-signature`, 7),
    whole(`${LAYOUTS}/e2e-with-timestamped-signature`, 7),
    whole(`${LAYOUTS}/e2e`, 5),
    under(
      'notation-go/internal/testdata/oci-layout/blobs/sha256',
      `
      19dbd2e48e921426ee8ace4dc892edfb2ecdc1d1a72d5416c83670c30acecef0
      572996c3caeacea40b947911a9dda21516c082b5a64af30048a02a6f5eb956d4
    `,
    ),
    under('notation-go/internal/testdata/oci-layout', 'index.json oci-layout'),
    under(
      'notation-go/embedded/registry',
      `
      artifact_manifest_with_invalid_artifactType.manifest.json
      image_manifest_with_valid_artifactType_and_config_MediaType.manifest.json
      image_manifest_with_valid_artifactType_but_invalid_config_MediaType.manifest.json
      image_manifest_with_no_artifactType_and_valid_config_MediaType.manifest.json
      image_manifest_with_no_artifactType_and_invalid_config_MediaType.manifest.json
      image_manifest_with_invalid_artifactType.manifest.json
    `,
    ),
  ],
};

/** Files that no suite can read, and why. */
export const UNUSED_VECTORS: readonly { readonly files: readonly VectorFiles[]; readonly reason: string }[] = [
  {
    files: [
      under('notation/test/e2e/testdata/blob/trustpolicies', 'trustpolicy.blob.json'),
      under('notation/test/e2e/testdata/config/trustpolicies', 'blob_trust_policy.json'),
    ],
    reason: 'trust policies for blobs; an admission is about images',
  },
  {
    files: [under('notation-go/internal/testdata/oci-layout', 'manifest.json')],
    reason: 'a manifest of `docker save` beside an image layout, which nobody reads',
  },
];

/** Paths of all files of a list; those of whole folders are the index's. */
export function pathsOf(all: readonly VectorFiles[]): readonly string[] {
  return all.flatMap(({ folder, names }) =>
    names === undefined
      ? vectorIndex()
          .map(({ path }) => path)
          .filter((path) => path.startsWith(`${folder}/`))
      : names.map((name) => `${folder}/${name}`),
  );
}

/** The files that a suite must read. */
export function ownVectors(suite: string): readonly string[] {
  return pathsOf(VECTOR_SUITES[suite] ?? []);
}

export function vectorCounts(): readonly VectorCount[] {
  const sum = (all: readonly VectorFiles[]): number => all.reduce((total, { count }) => total + count, 0);
  return [
    ...Object.entries(VECTOR_SUITES).map(([suite, files]) => ({ files: sum(files), where: `\`${suite}\`` })),
    ...UNUSED_VECTORS.map(({ files, reason }) => ({ files: sum(files), where: `none: ${reason}` })),
  ];
}

function under(folder: string, text: string): VectorFiles {
  const names = text.trim().split(/\s+/);
  return { folder, names, count: names.length };
}

/** An image layout, whose blobs are named by their digests. */
function whole(folder: string, count: number): VectorFiles {
  return { folder, names: undefined, count };
}
