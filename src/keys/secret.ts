import { z } from 'zod';
import { ConfigProblem } from '../engine/errors.ts';
import { defineKeyProvider, type Home } from '../engine/kinds.ts';
import { quoted } from '../engine/reason.ts';
import type { ClusterReader, KeyMaterial, KeySource, SecretData } from '../engine/types.ts';
import { type ContentType, contentType, MAX_CHARACTERS, readMaterial } from './material.ts';

/** RFC 1123, as the API server wants names; nothing that could lead to another path. */
const SUBDOMAIN = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;
const LABEL_OR_NONE = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)?$/;

const parameters = z.object({
  name: z.string().max(253).regex(SUBDOMAIN).describe('Name of the Secret.'),
  namespace: z
    .string()
    .max(63)
    .regex(LABEL_OR_NONE)
    .default('')
    .describe("Its namespace. Default: the object's own; for objects of the cluster, Countersign's."),
  key: z.string().max(4096).default('').describe('Members of its data, separated by commas. Default: the only one.'),
  contentType: contentType.default('certificate').describe('What the members hold.'),
});

type Parameters = z.infer<typeof parameters>;

const REFRESH_MS = 60_000;

/**
 * Certificates or public keys out of a Secret of the cluster. A member that was taken out is not enabled any more; the others stay.
 *
 * @throws {ConfigProblem} `CONFIG_INVALID` where a tenant's object names another namespace.
 */
export const secret = defineKeyProvider({
  type: 'secret',
  parameters,
  create: ({ name, parameters: declared, home, cluster }) => {
    const namespace = namespaceOf(declared, home);
    return { name, type: 'secret', refreshMs: REFRESH_MS, fetch: (signal) => fetchMaterial(declared, namespace, cluster, signal) };
  },
});

function namespaceOf({ namespace }: Parameters, home: Home | undefined): string {
  if (home === undefined) return namespace;
  if (namespace === '') return home.namespace;
  if (!home.confined || namespace === home.namespace) return namespace;
  const message = `expected a Secret of namespace ${home.namespace}, where the object is; found ${quoted(namespace)}`;
  throw new ConfigProblem('CONFIG_INVALID', 'spec.parameters.namespace', message);
}

async function fetchMaterial(
  { name, key, contentType: holds }: Parameters,
  namespace: string,
  cluster: ClusterReader | undefined,
  signal: AbortSignal,
): Promise<KeyMaterial> {
  if (cluster === undefined) {
    const message = 'there is no cluster to read the Secret from; serve --kube has one';
    throw new ConfigProblem('KEY_PROVIDER_UNAVAILABLE', 'spec.parameters.name', message);
  }
  const found = await cluster.secret(namespace, name, signal);
  const label = `Secret ${namespace}/${name}`;
  if (found === undefined) throw gone('spec.parameters.name', `${label} is not there`);
  const members = membersOf(key, found, label);
  const read = members.map((member) => ({ member, ...(member.enabled ? readMember(found, member.name, holds, label) : NOTHING) }));
  if (!members.some(({ enabled }) => enabled)) throw gone('spec.parameters.key', `${label} has none of the members that are named`);
  return {
    certificates: read.flatMap(({ certificates }) => certificates),
    keys: read.flatMap(({ keys }) => keys),
    sources: read.map(({ member, certificates, keys }) => ({ ...member, holds, count: certificates.length + keys.length })),
  };
}

const NOTHING = { certificates: [], keys: [] };

function readMember({ data, version }: SecretData, name: string, holds: ContentType, of: string) {
  const source = { at: 'spec.parameters.key', label: `${of}, ${name}: `, name, version };
  return readMaterial(textOf(data.get(name) ?? new Uint8Array(), source.label), holds, source);
}

function membersOf(key: string, { data, version }: SecretData, label: string): readonly Omit<KeySource, 'holds' | 'count'>[] {
  const named = key
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const [only, another] = data.keys();
  if (named.length === 0 && another !== undefined) {
    throw new ConfigProblem('CONFIG_INVALID', 'spec.parameters.key', `${label} has ${data.size} members; name those that are meant in key`);
  }
  const members = named.length === 0 ? (only === undefined ? [] : [only]) : [...new Set(named)];
  return members.map((name) => ({ name, version, enabled: data.has(name) }));
}

function textOf(bytes: Uint8Array, label: string): string {
  if (bytes.length > MAX_CHARACTERS) {
    throw new ConfigProblem(
      'CONFIG_INVALID',
      'spec.parameters.key',
      `${label}expected at most ${MAX_CHARACTERS} bytes, found ${bytes.length}`,
    );
  }
  return Buffer.from(bytes).toString('utf8');
}

function gone(at: string, message: string): ConfigProblem {
  return new ConfigProblem('KEY_PROVIDER_MISSING', at, message);
}
