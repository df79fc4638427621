import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { definitionFiles } from '../../src/config/schema/crd.ts';
import { OBJECT_KINDS } from '../../src/config/schema/kinds.ts';

const FOLDER = join(import.meta.dirname, '../../crds');

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly required?: readonly string[];
}

interface Version {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly subresources: object;
  readonly additionalPrinterColumns: readonly { readonly name: string; readonly jsonPath: string; readonly type: string }[];
  readonly schema: { readonly openAPIV3Schema: Schema };
}

interface Definition {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly scope: string;
    readonly names: { readonly kind: string; readonly plural: string; readonly shortNames: readonly string[] };
    readonly versions: readonly Version[];
  };
}

const definitions = definitionFiles().map(({ text }) => parse(text) as Definition);
const definitionOf = (kind: string): Definition => {
  const found = definitions.find(({ spec }) => spec.names.kind === kind);
  if (found === undefined) throw new Error(`no definition of ${kind}`);
  return found;
};
const schemasOf = ({ spec }: Definition) => spec.versions.map(({ schema }) => schema.openAPIV3Schema);

function walk(schema: Schema, path: string, visit: (schema: Schema, path: string) => void): void {
  visit(schema, path);
  for (const [name, property] of Object.entries(schema.properties ?? {})) walk(property, `${path}.${name}`, visit);
  if (schema.items !== undefined) walk(schema.items, `${path}[]`, visit);
}

/** What the API server allows in a schema here; everything else is a slip of the writer. */
const ALLOWED = [
  'type',
  'description',
  'properties',
  'items',
  'required',
  'enum',
  'format',
  'maxLength',
  'minItems',
  'maxItems',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
];

describe('the custom resource definitions', () => {
  it('are those of the folder crds; npm run crds writes them', () => {
    const written = Object.fromEntries(readdirSync(FOLDER).map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]));
    expect(written).toEqual(Object.fromEntries(definitionFiles().map(({ name, text }) => [name, text])));
  });

  it('are one for each kind, with short names of their own', () => {
    expect(definitions.map(({ spec }) => spec.names.kind)).toEqual(OBJECT_KINDS.map(({ kind }) => kind));
    const shortNames = definitions.flatMap(({ spec }) => spec.names.shortNames);
    expect(new Set(shortNames).size).toBe(OBJECT_KINDS.length);
  });

  it.each<[string, string, readonly string[]]>([
    ['Store', 'Cluster', ['v1beta1', 'v1alpha1']],
    ['Verifier', 'Cluster', ['v1beta1', 'v1alpha1']],
    ['Policy', 'Cluster', ['v1beta1', 'v1alpha1']],
    ['CertificateStore', 'Namespaced', ['v1beta1', 'v1alpha1']],
    ['KeyManagementProvider', 'Cluster', ['v1beta1']],
    ['NamespacedStore', 'Namespaced', ['v1beta1']],
    ['NamespacedVerifier', 'Namespaced', ['v1beta1']],
    ['NamespacedPolicy', 'Namespaced', ['v1beta1']],
    ['NamespacedKeyManagementProvider', 'Namespaced', ['v1beta1']],
  ])('serve %s where and as Ratify does, and store v1beta1', (kind, scope, versions) => {
    const { spec } = definitionOf(kind);
    expect([spec.scope, spec.versions.map(({ name }) => name)]).toEqual([scope, versions]);
    for (const { name, served, storage, deprecated = false, subresources } of spec.versions) {
      expect({ served, storage, deprecated, subresources }).toEqual({
        served: true,
        storage: name === 'v1beta1',
        deprecated: name !== 'v1beta1',
        subresources: { status: {} },
      });
    }
  });

  it.each<[string, readonly string[]]>([
    ['Store', ['name']],
    ['NamespacedVerifier', ['artifactTypes', 'name']],
    ['Policy', []],
    ['KeyManagementProvider', []],
    ['CertificateStore', []],
  ])('demand of a %s what Ratify demands, and no more', (kind, required) => {
    for (const schema of schemasOf(definitionOf(kind))) expect(schema.properties?.spec?.required ?? []).toEqual(required);
  });

  it('show what Ratify shows, whether it is Ready, and the age', () => {
    const columns = (kind: string) => definitionOf(kind).spec.versions[0]?.additionalPrinterColumns.map(({ name }) => name);
    expect(columns('Verifier')).toEqual(['IsSuccess', 'Error', 'Ready', 'Age']);
    expect(columns('KeyManagementProvider')).toEqual(['IsSuccess', 'Error', 'LastFetchedTime', 'Ready', 'Age']);
  });

  it('are structural: a type at every place, and nothing that the API server does not take', () => {
    const slips: string[] = [];
    for (const definition of definitions) {
      for (const schema of schemasOf(definition)) {
        walk(schema, definition.metadata.name, (node, path) => {
          if (node.type === undefined) slips.push(`${path} has no type`);
          for (const name of Object.keys(node)) if (!ALLOWED.includes(name)) slips.push(`${path} has ${name}`);
          for (const name of node.required ?? []) if (node.properties?.[name] === undefined) slips.push(`${path} requires ${name}`);
        });
      }
    }
    expect(slips).toEqual([]);
  });

  it('describe every field of spec and status', () => {
    const bare: string[] = [];
    for (const definition of definitions) {
      for (const { properties } of schemasOf(definition)) {
        for (const part of ['spec', 'status']) {
          walk(properties?.[part] ?? {}, `${definition.metadata.name} ${part}`, (node, path) => {
            if (node.description === undefined) bare.push(path);
          });
        }
      }
    }
    expect(bare).toEqual([]);
  });

  it.each(['Store', 'Verifier', 'Policy', 'KeyManagementProvider', 'CertificateStore'])(
    'keep whatever is in the parameters of a %s',
    (kind) => {
      for (const { properties } of schemasOf(definitionOf(kind))) {
        expect(properties?.spec?.properties?.parameters).toMatchObject({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
      }
    },
  );
});
