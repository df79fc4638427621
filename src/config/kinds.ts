import { acr } from '../attestations/acr.ts';
import { directory } from '../attestations/directory.ts';
import { grafeas } from '../attestations/grafeas.ts';
import { ociSignatures } from '../attestations/oci-signatures.ts';
import { referrers } from '../attestations/referrers.ts';
import { dockerConfig } from '../credentials/docker-config.ts';
import { k8Secrets } from '../credentials/k8s-secrets.ts';
import { configPolicy } from '../enforcers/config-policy.ts';
import type { Kinds } from '../engine/kinds.ts';
import { alibabaKms } from '../keys/alibaba-kms.ts';
import { file } from '../keys/file.ts';
import { inline } from '../keys/inline.ts';
import { secret } from '../keys/secret.ts';
import { acrRules } from '../rules/acr.ts';
import { exceptions } from '../rules/exception.ts';
import { kritis } from '../rules/kritis.ts';
import { okeRules } from '../rules/oke.ts';
import { cachedStore } from '../stores/cached.ts';
import { combineStores } from '../stores/combined.ts';
import { ociLayout } from '../stores/layout.ts';
import { oras } from '../stores/registry.ts';
import { notation } from '../verifiers/notation.ts';

/** Every type that a declared object may name: one line each. */
export const kinds: Kinds = {
  verifiers: { notation },
  stores: { oras, 'oci-layout': ociLayout },
  keyProviders: { inline, secret, file, alibabacloudkms: alibabaKms },
  credentials: { dockerConfig, k8Secrets },
  enforcers: { 'config-policy': configPolicy },
  attestations: { directory, referrers, grafeas, acr, 'oci-signatures': ociSignatures },
  families: [exceptions, kritis, acrRules, okeRules],
  combineStores: (stores, facts, freshnessMs) => cachedStore(combineStores(stores), facts, freshnessMs),
};
