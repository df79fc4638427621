import { z } from 'zod';
import { MAX_PATTERN } from './kritis-pattern.ts';

const MAX_KEY = 1024 * 1024;
const authorityNames = z.array(z.string().min(1).max(253).describe('A name.')).max(50).optional();

const pkixPublicKey = z.object({
  publicKeyPem: z.string().max(MAX_KEY).describe('PEM of the public key.'),
  signatureAlgorithm: z.string().max(64).describe('Such as `rsa-pss-2048-sha256` or `ecdsa-p256-sha256`.'),
});

export const attestationAuthoritySpec = z.object({
  noteReference: z.string().max(1024).optional().describe('Note under which its attestations are filed.'),
  publicKeyData: z.string().max(MAX_KEY).optional().describe('Base64 of the PEM text of its public key.'),
  publicKeyId: z.string().max(1024).optional().describe('Id of that key, such as the one that the key service gave it.'),
  publicKeys: z
    .array(
      z
        .object({
          keyType: z.enum(['PGP', 'PKIX']).describe('Which of the two forms follows.'),
          keyId: z
            .string()
            .max(1024)
            .optional()
            .describe("Default: of PGP the key's fingerprint, of PKIX `ni:///sha-256;` and the key's hash."),
          asciiArmoredPgpPublicKey: z.string().max(MAX_KEY).optional().describe('Base64 of the armored key.'),
          pkixPublicKey: pkixPublicKey.optional().describe('A key in PEM and the algorithm that it signs with.'),
        })
        .describe('A key.'),
    )
    .max(50)
    .optional()
    .describe('Keys of which any may have signed.'),
});

export const genericAttestationPolicySpec = z.object({
  attestationAuthorityNames: authorityNames.describe('AttestationAuthorities of the namespace, all of which must have attested an image.'),
  admissionAllowlistPatterns: z
    .array(
      z
        .object({ namePattern: z.string().max(MAX_PATTERN).describe('An image, or with `*` at its end the beginning of images.') })
        .describe('A pattern.'),
    )
    .max(1000)
    .optional()
    .describe('Images that need no attestation in the namespace.'),
});

export const admissionAllowlistSpec = z.object({
  patterns: z
    .array(
      z
        .object({
          namePattern: z
            .string()
            .min(1)
            .max(MAX_PATTERN)
            .describe('An image as it is written in Pods; `*` at the end is anything but `/`, elsewhere letters, digits, `-` and `_`.'),
          namespace: z.string().min(1).max(63).optional().describe('Namespace in which it counts. Default: all.'),
        })
        .describe('A pattern.'),
    )
    .max(1000)
    .optional()
    .describe('Images that no kritis policy is asked about.'),
});

const threshold = z.enum(['', 'MINIMAL', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'ALLOW_ALL', 'BLOCK_ALL']).optional();

export const imageSecurityPolicySpec = z.object({
  imageAllowlist: z
    .array(z.string().max(MAX_PATTERN).describe('An image.'))
    .max(1000)
    .optional()
    .describe('Images, as written in Pods, that are not looked at.'),
  packageVulnerabilityRequirements: z
    .object({
      maximumSeverity: threshold.describe('Worst severity allowed of vulnerabilities with a fix. Default: CRITICAL.'),
      maximumFixUnavailableSeverity: threshold.describe('Worst severity allowed of vulnerabilities without one. Default: ALLOW_ALL.'),
      allowlistCVEs: z
        .array(z.string().min(1).max(512).describe('A note.'))
        .max(10_000)
        .optional()
        .describe('Notes of vulnerabilities that are passed over.'),
    })
    .optional()
    .describe('Which vulnerabilities an image may have.'),
  attestationAuthorityNames: authorityNames.describe('Without effect: vulnerabilities are looked at every time.'),
});

export type AttestationAuthoritySpec = z.infer<typeof attestationAuthoritySpec>;
export type GenericAttestationPolicySpec = z.infer<typeof genericAttestationPolicySpec>;
export type AdmissionAllowlistSpec = z.infer<typeof admissionAllowlistSpec>;
export type ImageSecurityPolicySpec = z.infer<typeof imageSecurityPolicySpec>;
