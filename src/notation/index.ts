export { NotationError, type NotationErrorCode } from './errors.ts';
export { signatureBlob } from './manifest.ts';
export { levelOf, parseTrustPolicyDocument, selectTrustPolicy } from './trust-policy.ts';
export { createTrustStore } from './trust-store.ts';
export * from './types.ts';
export { verifySignature } from './verify.ts';
