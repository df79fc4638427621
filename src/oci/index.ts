export { RegistryClient, type RegistryClientOptions, type RegistryRequest } from './client.ts';
export { type Descriptor, type Referrer, sameContent } from './descriptor.ts';
export { type Digest, type DigestAlgorithm, digestOf, isDigest, shortDigest } from './digest.ts';
export { ContentError, RegistryError } from './errors.ts';
export { createLayout } from './layout.ts';
export { DEFAULT_LIMITS, type RegistryLimits } from './limits.ts';
export { InvalidReferenceError, parseReference, type Reference, type Repository, referenceText, repositoryText } from './reference.ts';
export { createRegistry, type Registry } from './registry.ts';
export type { RegistryCredential } from './token.ts';
