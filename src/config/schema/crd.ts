import { stringify } from 'yaml';
import { z } from 'zod';
import { OBJECT_KINDS, type ObjectKind } from './kinds.ts';
import { keyProviderStatus, objectStatus } from './status.ts';

/** A file of the folder `crds`. */
export interface DefinitionFile {
  readonly name: string;
  readonly text: string;
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [member: string]: Json | undefined };
type Schema = Readonly<Record<string, Json>>;

/** The custom resource definitions of all kinds, one file each, written from the schemas that objects are checked with. */
export function definitionFiles(): readonly DefinitionFile[] {
  return OBJECT_KINDS.map((kind) => ({
    name: `${kind.group}_${kind.plural}.yaml`,
    text: `# Written from src/config/schema by \`npm run crds\`.\n${stringify(definitionOf(kind), { lineWidth: 0 })}`,
  }));
}

function definitionOf(kind: ObjectKind): Json {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${kind.group}` },
    spec: {
      group: kind.group,
      scope: kind.namespaced ? 'Namespaced' : 'Cluster',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.kind.toLowerCase(),
        shortNames: [kind.shortName],
        categories: ['countersign'],
      },
      versions: [kind.versions[0], ...(kind.serves ?? [])].map((version) => versionOf(kind, version)),
    },
  };
}

function versionOf(kind: ObjectKind, name: string): Json {
  const [stored] = kind.versions;
  const deprecationWarning = `${name} of the ${kind.kind} API has been deprecated. Please migrate to ${stored}.`;
  return {
    name,
    served: true,
    storage: name === stored,
    ...(name === stored ? {} : { deprecated: true, deprecationWarning }),
    subresources: { status: {} },
    additionalPrinterColumns: columnsOf(kind),
    schema: { openAPIV3Schema: rootOf(kind) },
  };
}

function columnsOf(kind: ObjectKind): Json {
  const fetched = column('LastFetchedTime', 'date', '.status.lastfetchedtime', 'When it was last tried to fetch');
  const ofRatify = [
    column('IsSuccess', 'boolean', '.status.issuccess', 'Whether the object is in force as it stands'),
    column('Error', 'string', '.status.brieferror', 'What is wrong with it'),
    ...(kind.role === 'keyProvider' ? [fetched] : []),
  ];
  return [
    ...(kind.role === 'family' ? [] : ofRatify),
    column('Ready', 'string', '.status.conditions[?(@.type=="Ready")].status', 'Whether the object is in force as it stands'),
    column('Age', 'date', '.metadata.creationTimestamp', 'Since when it is there'),
  ];
}

function column(name: string, type: string, jsonPath: string, description: string): Json {
  return { name, type, jsonPath, description };
}

function rootOf(kind: ObjectKind): Json {
  const spec = structural(jsonSchemaOf(kind.spec));
  const { required: _demanded, ...lenient } = spec;
  return {
    description: kind.description,
    type: 'object',
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: { description: 'What is declared.', ...lenient, ...(kind.required.length === 0 ? {} : { required: [...kind.required] }) },
      status: statusOf(kind),
    },
  };
}

function statusOf(kind: ObjectKind): Json {
  const status = structural(jsonSchemaOf(kind.role === 'keyProvider' ? keyProviderStatus : objectStatus));
  const { conditions, ...others } = status.properties as Readonly<Record<string, Schema>>; // of a z.object, in zod's own words
  const byType = { ...conditions, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] };
  return { ...status, properties: { ...others, conditions: byType } };
}

function jsonSchemaOf(schema: z.ZodType): Schema {
  return z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' }) as unknown as Schema; // JSON by definition
}

/** What zod's schemas have and structural ones may not, or do not need; bounds of integers that say nothing. */
const DROPPED = ['additionalProperties', 'propertyNames', 'minLength', 'pattern', 'minimum', 'maximum', 'properties'];

/**
 * A zod schema in the words of a structural one: whatever may hold anything keeps unknown fields, and texts may be empty, since Ratify's may.
 */
function structural(schema: Schema): Schema {
  const kept = Object.fromEntries(Object.entries(schema).filter(([name]) => !DROPPED.includes(name)));
  const properties = Object.entries((schema.properties ?? {}) as Readonly<Record<string, Schema>>).map(([name, value]) => [
    name,
    structural(value),
  ]);
  const items = schema.items as Schema | undefined; // a list's elements are of one schema here
  return {
    ...kept,
    ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) as Json }),
    ...(items === undefined ? {} : { items: structural(items) }),
    ...(schema.additionalProperties === undefined ? {} : { 'x-kubernetes-preserve-unknown-fields': true }),
  };
}
