import { hashNameOf, isNull } from './algorithm.ts';
import { isSignatureByScheme, PSS, SCHEMES, type Scheme } from './certificate-signature.ts';
import type { SignerInfo } from './cms.ts';
import type { Certificate } from './types.ts';

const RSA = '1.2.840.113549.1.1.1';
const RSA_PSS = '1.2.840.113549.1.1.10';

/**
 * Whether the key of `signer` made a SignerInfo's signature over its signed attributes, by one of the algorithms that the reference knows: RSA
 * PKCS #1 v1.5 and ECDSA with SHA-256, SHA-384 or SHA-512, and RSA-PSS with a salt as long as the hash.
 */
export async function isSignerInfoBy(signer: Certificate, info: SignerInfo): Promise<boolean> {
  const scheme = schemeOf(info);
  return scheme !== undefined && isSignatureByScheme(signer, scheme, info.signedBytes, info.signature);
}

function schemeOf({ digestAlgorithm, signatureAlgorithm: { oid, parameters } }: SignerInfo): Scheme | undefined {
  const hash = hashNameOf(digestAlgorithm);
  // The reference does not read the parameters of RSA-PSS: hash and salt follow from the digest algorithm alone.
  if (oid === RSA_PSS) return hash && { keyType: 'rsa', hash, padding: PSS };
  if (parameters !== undefined && !isNull(parameters)) return undefined;
  if (oid === RSA) return hash && { keyType: 'rsa', hash };
  return SCHEMES.get(oid);
}
