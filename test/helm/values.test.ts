import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { isMap, isScalar, parse, parseDocument } from 'yaml';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

const schema = JSON.parse(read('helm/values.schema.json')) as Schema;
const values = parse(read('helm/values.yaml')) as Readonly<Record<string, unknown>>;
/** In the schema, but with no default of ours: Ratify's, or helm's own. */
const isForeign = ({ description = '' }: Schema, name: string): boolean =>
  /^Ratify's; |^As serviceAccount/.test(description) || name === 'global';

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Paths of the values that the schema tells apart, ours alone. */
function schemaPaths({ properties = {} }: Schema, at: string): readonly string[] {
  return Object.entries(properties)
    .filter(([name, entry]) => !isForeign(entry, name))
    .flatMap(([name, entry]) => (entry.properties === undefined ? [`${at}${name}`] : schemaPaths(entry, `${at}${name}.`)));
}

/** Paths of the values that have a default, as deep as the schema goes. */
function valuePaths(value: Readonly<Record<string, unknown>>, { properties = {} }: Schema, at: string): readonly string[] {
  return Object.entries(value).flatMap(([name, inner]) => {
    const entry = properties[name];
    return isObject(inner) && entry?.properties !== undefined ? valuePaths(inner, entry, `${at}${name}.`) : [`${at}${name}`];
  });
}

describe('values', () => {
  it('are those of the schema, each with a default', () => {
    const optional = new Set([
      'provider.tls.certManager.issuerRef.name',
      'provider.tls.certManager.issuerRef.kind',
      'provider.tls.certManager.issuerRef.group',
    ]);
    const inSchema = schemaPaths(schema, '').filter((path) => !optional.has(path));
    expect([...valuePaths(values, schema, '')].sort()).toEqual([...inSchema].sort());
  });

  it('are all known to the schema by name, so that a typing error is one', () => {
    const open = (entry: Schema): boolean => entry.properties !== undefined && !('additionalProperties' in entry);
    const walk = (entry: Schema, at: string): readonly string[] => [
      ...(open(entry) ? [at] : []),
      ...Object.entries(entry.properties ?? {}).flatMap(([name, inner]) => walk(inner, `${at}.${name}`)),
    ];
    expect(walk(schema, '')).toEqual([]);
  });

  it('have a comment for each group at the top', () => {
    const document = parseDocument(read('helm/values.yaml'));
    if (!isMap(document.contents)) throw new Error('values.yaml is no map');
    const bare = document.contents.items
      .filter(({ key, value }) => isScalar(key) && key.commentBefore == null && !hasComment(value))
      .map(({ key }) => String(key));
    // What Kubernetes calls the same and means the same.
    const plain = ['imagePullSecrets', 'nameOverride', 'fullnameOverride', 'resources', 'affinity', 'tolerations', 'nodeSelector'];
    expect(
      bare.filter((name) => !plain.includes(name) && !/^(?:pod|azure|extra|priority|registryCreds|serviceAccount)/.test(name)),
    ).toEqual([]);
  });
});

function hasComment(value: unknown): boolean {
  return isMap(value) && (value.commentBefore != null || value.items.some(({ key }) => isScalar(key) && key.commentBefore != null));
}

describe('definitions', () => {
  const files = readdirSync(join(ROOT, 'crds')).sort();

  it('are in the chart as they are in crds (npm run crds)', () => {
    expect(readdirSync(join(ROOT, 'helm/crds')).sort()).toEqual(files);
    for (const file of files) expect(read(`helm/crds/${file}`)).toBe(read(`crds/${file}`));
  });

  it('are all of them kinds that the chart’s role may read', () => {
    const kinds = files.map((file) => parse(read(`crds/${file}`)).spec.names.plural as string);
    const listed = [...read('helm/templates/_names.tpl').matchAll(/"countersign\.(?:ratify|own|kritis)Resources" -\}\}\n\[(.*)\]/g)];
    expect(listed.flatMap(([, names = '']) => names.split(',')).sort()).toEqual(kinds.sort());
  });
});

describe('docs/migrate-from-ratify.md', () => {
  const page = read('docs/migrate-from-ratify.md');
  /** Values of Ratify's chart 1.15.5, down to where a row speaks of all below. */
  const RATIFY = [
    ...[
      'image.repository',
      'image.crdRepository',
      'image.tag',
      'image.pullPolicy',
      'nameOverride',
      'fullnameOverride',
      'replicaCount',
      'affinity',
    ],
    ...[
      'tolerations',
      'notationCerts',
      'cosignKeys',
      'notation.enabled',
      'notation.trustPolicies',
      'cosign',
      'vulnerabilityreport.enabled',
    ],
    ...['sbom.enabled', 'resources', 'serviceAccount', 'gatekeeper.version', 'gatekeeper.namespace', 'instrumentation.metricsEnabled'],
    ...[
      'instrumentation.metricsType',
      'instrumentation.metricsPort',
      'azureWorkloadIdentity.clientId',
      'azureManagedIdentity',
      'azurekeyvault.enabled',
    ],
    ...[
      'alibabacloudAcrConfig',
      'oras.useHttp',
      'oras.authProviders',
      'oras.cache.enabled',
      'oras.cache.ttl',
      'provider.tls.crt',
      'provider.tls.key',
    ],
    ...['provider.tls.caCert', 'provider.tls.caKey', 'provider.tls.cabundle', 'provider.timeout.validationTimeoutSeconds'],
    ...[
      'provider.timeout.mutationTimeoutSeconds',
      'provider.cache.enabled',
      'provider.cache.type',
      'provider.cache.cacheSizeMb',
      'provider.cache.ttl',
    ],
    ...['provider.cache.name', 'provider.enableMutation', 'provider.mutationExcludedNamespaces', 'podAnnotations', 'podLabels'],
    ...[
      'enableRuntimeDefaultSeccompProfile',
      'healthPort',
      'rbac.create',
      'upgradeCRDs',
      'crds',
      'policy.useRego',
      'logger',
      'crl.cache.enabled',
    ],
    ...['featureFlags', 'notationCert', 'akvCertConfig.enabled', 'env', 'dockerConfig', 'registryCredsSecret'],
  ];
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));

  it.each(RATIFY)('has a row for %s', (name) => {
    expect(rows.some((row) => row.split(' | ')[0]?.includes(`\`${name}\``))).toBe(true);
  });

  it.each(RATIFY)('speaks of %s, which the schema takes', (name) => {
    const [first = '', second] = name.split('.');
    const entry = schema.properties?.[first];
    expect(entry).toBeDefined();
    if (second !== undefined && entry?.properties !== undefined) expect(Object.keys(entry.properties)).toContain(second);
  });
});
