import { parse } from 'yaml';
import { GATEKEEPER_NAMESPACE } from '../cluster/certificates.ts';
import { admitted, type KubeClient, type KubeObject } from '../cluster/kube-client.ts';
import { base64 } from '../cluster/kubeconfig.ts';
import { eventually } from '../wait.ts';
import { readWebhookConfigurations } from './module.ts';

export type FailurePolicy = 'Fail' | 'Ignore';

/** How the API server finds Gatekeeper, and what it does when nobody answers. */
export interface WebhookSettings {
  readonly port: number;
  /** By URL with this CA; without, through the Service, with the CA that Gatekeeper itself writes into the configurations. */
  readonly ca: string | undefined;
  readonly failurePolicy: FailurePolicy;
  readonly validatingTimeoutSeconds: number;
  readonly mutatingTimeoutSeconds: number;
}

interface Webhook {
  readonly name: string;
  readonly clientConfig: { readonly service: { readonly path: string } };
  readonly rules: readonly { readonly resources: readonly string[] }[];
  readonly timeoutSeconds: number;
}

interface Configuration extends KubeObject {
  readonly webhooks: readonly Webhook[];
}

/** Installs, or changes, both webhook configurations. */
export async function applyWebhooks(client: KubeClient, settings: WebhookSettings): Promise<void> {
  for (const text of readWebhookConfigurations()) {
    const configuration = parse(text) as Configuration;
    const webhooks = configuration.webhooks.map((webhook) => adjusted(webhook, settings));
    admitted(await client.apply({ ...configuration, webhooks }));
  }
}

/** Waits until the API server asks Gatekeeper: until a Provider that Gatekeeper refuses whatever is declared is refused. */
export async function webhooksInForce(client: KubeClient): Promise<void> {
  const spec = { url: 'http://127.0.0.1/', timeout: 1, caBundle: '' };
  const plain = { apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'Provider', metadata: { name: 'rig-plain-http' }, spec };
  await eventually('asking Gatekeeper', async () => {
    const { message } = await client.create(plain, { dryRun: true });
    return message.includes('only HTTPS scheme is supported') || undefined;
  });
}

/** The Service that leads the API server, which runs on no node, to a port of this machine. */
export const WEBHOOK_SERVICE: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'gatekeeper-webhook-service', namespace: GATEKEEPER_NAMESPACE },
  spec: { type: 'ExternalName', externalName: 'localhost' },
};

function adjusted(webhook: Webhook, settings: WebhookSettings): unknown {
  const { service } = webhook.clientConfig;
  const timeouts: Readonly<Record<string, number>> = {
    'validation.gatekeeper.sh': settings.validatingTimeoutSeconds,
    'mutation.gatekeeper.sh': settings.mutatingTimeoutSeconds,
  };
  return {
    ...webhook,
    clientConfig:
      settings.ca === undefined
        ? { service: { ...service, port: settings.port } }
        : { url: `https://127.0.0.1:${settings.port}${service.path}`, caBundle: base64(settings.ca) },
    failurePolicy: settings.failurePolicy,
    rules: webhook.rules.map((rule) => ({ ...rule, resources: withEphemeralContainers(rule.resources) })),
    timeoutSeconds: timeouts[webhook.name] ?? webhook.timeoutSeconds,
  };
}

// The plain manifest asks for them in one webhook of the two, Gatekeeper's chart in both.
function withEphemeralContainers(resources: readonly string[]): readonly string[] {
  return resources.includes('*') ? [...new Set([...resources, 'pods/ephemeralcontainers'])] : resources;
}
