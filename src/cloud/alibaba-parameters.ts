import { z } from 'zod';

const path = z.string().min(1).max(4096);

/** Where an API answers: over TLS, or on this machine; the path is the protocol's. */
export const alibabaEndpoint = z
  .string()
  .max(2048)
  .regex(/^(?:https:\/\/[^/?#@\s]+|http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?::[0-9]+)?)\/?$/, {
    error: 'expected https://host[:port]',
  });

/** What every adapter that asks Alibaba Cloud takes: with which credentials, and how long to wait. No secret stands in it. */
export const alibabaParameters = {
  accessKeyFolder: path.optional().describe('A mounted Secret with accessKeyId, accessKeySecret and, if need be, securityToken.'),
  roleArn: z.string().max(2048).optional().describe('RRSA: the RAM role. Default: ALIBABA_CLOUD_ROLE_ARN.'),
  oidcProviderArn: z.string().max(2048).optional().describe('RRSA: the OIDC provider. Default: ALIBABA_CLOUD_OIDC_PROVIDER_ARN.'),
  oidcTokenFile: path.optional().describe("RRSA: the service account's token. Default: ALIBABA_CLOUD_OIDC_TOKEN_FILE."),
  stsEndpoint: alibabaEndpoint.optional().describe('RRSA: where STS answers. Default: https://sts.aliyuncs.com.'),
  caFile: path.optional().describe("PEM of roots that are trusted beside the system's."),
  timeoutSeconds: z.number().min(0.1).max(60).default(1.5).describe('For one request.'),
};
