import type { KubeObject } from '../cluster/kube-client.ts';
import { base64 } from '../cluster/kubeconfig.ts';

export interface ProviderSpec {
  readonly name: string;
  readonly url: string;
  /** PEM of the CA of its certificate. */
  readonly ca: string;
  /** Whole seconds; less than the webhook's own. */
  readonly timeoutSeconds: number;
}

/** The object by which Gatekeeper knows a provider. */
export function providerObject({ name, url, ca, timeoutSeconds }: ProviderSpec): KubeObject {
  return {
    apiVersion: 'externaldata.gatekeeper.sh/v1beta1',
    kind: 'Provider',
    metadata: { name },
    spec: { url, timeout: timeoutSeconds, caBundle: base64(ca) },
  };
}
