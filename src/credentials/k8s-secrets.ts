import { z } from 'zod';
import { ConfigProblem } from '../engine/errors.ts';
import { defineCredentials, type Home } from '../engine/kinds.ts';
import { quoted } from '../engine/reason.ts';
import type { ClusterReader, CredentialProvider } from '../engine/types.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { errorText } from '../lib/errors.ts';
import type { JsonObject } from '../lib/json.ts';
import { createSingleFlight } from '../lib/single-flight.ts';
import { CredentialsError, credentialFor, parseDockerConfig } from './docker-auths.ts';

/** RFC 1123, as the API server wants names; nothing that could lead to another path. */
const NAME = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)?$/;
const MAX_SECRETS = 32;

const name = z.string().max(253).regex(NAME);
const parameters = z.object({
  serviceAccountName: name.default('').describe('Service account whose imagePullSecrets are used too. Default: default.'),
  secrets: z
    .array(
      z.object({ secretName: name.min(1), namespace: name.default('').describe("Default: the Store's own; for a Store, Countersign's.") }),
    )
    .max(MAX_SECRETS)
    .default([])
    .describe('Secrets of type kubernetes.io/dockerconfigjson or dockercfg, looked at in this order.'),
});

type Parameters = z.infer<typeof parameters>;

/**
 * Credentials out of pull secrets of the cluster: those that are named first, then those of a service account.
 *
 * @throws {ConfigProblem} `CONFIG_INVALID` where a tenant's Store names another namespace.
 */
export const k8Secrets = defineCredentials({
  type: 'k8Secrets',
  parameters,
  create: ({ parameters: declared, home, cluster }) => secretCredentials(declared, home ?? NOBODY, cluster, systemClock),
});

const NOBODY: Home = { namespace: '', confined: false };
/** What was read is believed for so long without another look: who mends a credential waits for it. */
const FRESH_MS = 10_000;
/** As in Ratify: what was read last is used for so long while it cannot be read again. */
const KEEP_MS = 12 * 3_600_000;
const RETRY_MS = 10_000;
const READ_MS = 5000;

interface PullSecret {
  readonly label: string;
  readonly config: JsonObject;
}

interface Read {
  readonly secrets: readonly PullSecret[];
  readonly readAt: number;
}

/** The provider for one Store. */
export function secretCredentials(declared: Parameters, home: Home, cluster: ClusterReader | undefined, clock: Clock): CredentialProvider {
  const named = namedSecrets(declared, home);
  const flights = createSingleFlight<Read>(READ_MS);
  let known: Read | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;

  const read = async (signal: AbortSignal): Promise<Read> => {
    if (cluster === undefined) throw new CredentialsError('there is no cluster to read pull secrets from; serve --kube has one');
    triedAt = clock.monotonic();
    known = { secrets: await readSecrets(cluster, named, declared.serviceAccountName, home.namespace, signal), readAt: clock.monotonic() };
    return known;
  };
  const current = async (signal: AbortSignal): Promise<Read> => {
    const now = clock.monotonic();
    const fresh = known !== undefined && now - known.readAt < FRESH_MS;
    const justTried = known !== undefined && now - triedAt < RETRY_MS && now - known.readAt < KEEP_MS;
    if (known !== undefined && (fresh || justTried)) return known;
    try {
      return await flights.run('', signal, read);
    } catch (error) {
      signal.throwIfAborted();
      if (known !== undefined && !(error instanceof CredentialsError) && clock.monotonic() - known.readAt < KEEP_MS) return known;
      if (error instanceof CredentialsError) throw error;
      throw new CredentialsError(`pull secrets cannot be read: ${errorText(error)}`, { cause: error });
    }
  };
  return {
    type: 'k8Secrets',
    get: async (registry, signal) => {
      signal.throwIfAborted();
      for (const { config, label } of (await current(signal)).secrets) {
        const credential = credentialFor(config, registry, label);
        if (credential !== undefined) return credential;
      }
      return undefined;
    },
  };
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

function namedSecrets({ secrets }: Parameters, home: Home): readonly Named[] {
  return secrets.map(({ secretName, namespace }, index) => {
    if (home.confined && namespace !== '' && namespace !== home.namespace) {
      const message = `expected a Secret of namespace ${home.namespace}, where the Store is; found ${quoted(namespace)}`;
      throw new ConfigProblem('CONFIG_INVALID', `spec.parameters.authProvider.secrets[${index}].namespace`, message);
    }
    return { namespace: namespace === '' ? home.namespace : namespace, name: secretName };
  });
}

async function readSecrets(
  cluster: ClusterReader,
  named: readonly Named[],
  serviceAccount: string,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly PullSecret[]> {
  const explicit = await Promise.all(named.map((one) => readSecret(cluster, one, signal)));
  const missing = explicit.indexOf(undefined);
  if (missing !== -1) throw new CredentialsError(`Secret ${named[missing]?.namespace}/${named[missing]?.name} is not there`);
  const pulled = await cluster.imagePullSecrets(namespace, serviceAccount === '' ? 'default' : serviceAccount, signal).catch((error) => {
    // Whoever names Secrets and no service account need not let us read service accounts.
    if (serviceAccount === '' && named.length > 0) return undefined;
    throw error;
  });
  if (pulled === undefined && serviceAccount !== '')
    throw new CredentialsError(`service account ${namespace}/${serviceAccount} is not there`);
  // A pull secret that a service account names and that is not there is passed over, as the kubelet does.
  const implicit = await Promise.all(
    (pulled ?? []).slice(0, MAX_SECRETS).map((one) => readSecret(cluster, { namespace, name: one }, signal)),
  );
  return [...explicit, ...implicit].filter((one) => one !== undefined);
}

async function readSecret(cluster: ClusterReader, { namespace, name }: Named, signal: AbortSignal): Promise<PullSecret | undefined> {
  const secret = await cluster.secret(namespace, name, signal);
  if (secret === undefined) return undefined;
  const label = `Secret ${namespace}/${name}`;
  const whole = secret.data.get('.dockerconfigjson');
  if (whole !== undefined) return { label, config: parseDockerConfig(whole, label) };
  const older = secret.data.get('.dockercfg');
  if (older !== undefined) return { label, config: new Map([['auths', parseDockerConfig(older, label)]]) };
  throw new CredentialsError(`${label} is no pull secret: expected .dockerconfigjson or .dockercfg in it`);
}
