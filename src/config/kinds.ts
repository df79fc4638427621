import { directory } from '../attestations/directory.ts';
import { grafeas } from '../attestations/grafeas.ts';
import { ociSignatures } from '../attestations/oci-signatures.ts';
import { referrers } from '../attestations/referrers.ts';
import { dockerConfig } from '../credentials/docker-config.ts';
import { k8Secrets } from '../credentials/k8s-secrets.ts';
import { configPolicy } from '../enforcers/config-policy.ts';
import type { Kinds } from '../engine/kinds.ts';
import { file } from '../keys/file.ts';
import { inline } from '../keys/inline.ts';
import { secret } from '../keys/secret.ts';
import { acr } from '../rules/acr.ts';
import { exceptions } from '../rules/exception.ts';
import { oke } from '../rules/oke.ts';
import { cachedStore } from '../stores/cached.ts';
import { combineStores } from '../stores/combined.ts';
import { ociLayout } from '../stores/layout.ts';
import { oras } from '../stores/registry.ts';
import { notation } from '../verifiers/notation.ts';

/** Every type that a declared object may name: one line each. */
export const kinds: Kinds = {
  verifiers: { notation },
  stores: { oras, 'oci-layout': ociLayout },
  keyProviders: { inline, secret, file },
  credentials: { dockerConfig, k8Secrets },
  enforcers: { 'config-policy': configPolicy },
  attestations: { directory, referrers, grafeas, 'oci-signatures': ociSignatures },
  families: [exceptions, acr, oke],
  combineStores: (stores, facts, freshnessMs) => cachedStore(combineStores(stores), facts, freshnessMs),
};
