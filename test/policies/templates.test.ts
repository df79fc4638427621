import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseAllDocuments, parseDocument } from 'yaml';
import { POLICIES, renderTemplate, templateFile } from '../../policies/generate.ts';
import { parseMutateKey } from '../../src/server/key.ts';

const FOLDER = join(import.meta.dirname, '../../policies');

/** What the tests look at of any object. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

function manifests(file: string): readonly Manifest[] {
  return parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')).map((document) => document.toJS() as Manifest);
}

function yamlFiles(folder: string): readonly string[] {
  return readdirSync(join(FOLDER, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => join(folder, file));
}

describe('templates', () => {
  it.each(POLICIES)('%s has the Rego of its source and of the libraries that it imports (npm run policies)', (policy) => {
    expect(readFileSync(templateFile(policy), 'utf8')).toBe(renderTemplate(policy));
  });

  it.each(POLICIES)('%s holds nothing that Gatekeeper 3.19 would not take', (policy) => {
    const { spec } = parseDocument(readFileSync(templateFile(policy), 'utf8')).toJS();
    const [{ rego, libs, code }] = spec.targets;
    expect(code).toBeUndefined();
    for (const text of [rego, ...libs]) expect(text).not.toMatch(/^import (?!data\.lib\.)/m);
    // A structural schema may not say these.
    expect(JSON.stringify(spec.crd)).not.toMatch(/uniqueItems|"\$ref"|additionalProperties":false/);
  });
});

describe('constraints', () => {
  const files = POLICIES.flatMap((policy) => yamlFiles(policy).filter((file) => /constraint\.yaml$|samples\/[^/]+\.yaml$/.test(file)));

  it('are there for each policy', () => {
    for (const policy of POLICIES) expect(files).toContain(`${policy}/constraint.yaml`);
  });

  it.each(files.flatMap((file) => manifests(file).map((manifest) => [file, manifest] as const)))(
    '%s sets only parameters that the template knows',
    (file, { kind, spec }) => {
      const policy = file.split('/')[0] ?? '';
      const template = parseDocument(readFileSync(templateFile(policy), 'utf8')).toJS();
      const known = Object.keys(template.spec.crd.spec.validation.openAPIV3Schema.properties);
      expect(kind).toBe(template.spec.crd.spec.names.kind);
      expect(known).toEqual(expect.arrayContaining(Object.keys(spec.parameters ?? {})));
    },
  );
});

describe('pin-digests', () => {
  const assigns = yamlFiles('pin-digests').flatMap(manifests);

  it('pins every place of a Pod that names an image', () => {
    expect(assigns.map(({ spec }) => spec.location).sort()).toEqual([
      'spec.containers[name:*].image',
      'spec.ephemeralContainers[name:*].image',
      'spec.initContainers[name:*].image',
      'spec.volumes[name:*].image.reference',
    ]);
  });

  it.each(assigns)('h4: $metadata.name asks for nothing where nothing stands, and fails where there is no answer', ({ spec }) => {
    expect(spec.parameters).toEqual({
      pathTests: [{ subPath: spec.location, condition: 'MustExist' }],
      assign: { externalData: { provider: 'countersign-mutation-provider', dataSource: 'ValueAtLocation', failurePolicy: 'Fail' } },
    });
  });

  it.each(['', ' ', 'x\u0001', '[team-a]registry.example.com/app:1', 'registry.example.com/app:1 ', 'a@sha256:short', '@', ':', '/'])(
    'h4: what is no reference (%j) is an error for the place and never a pinned value',
    (key) => {
      expect(parseMutateKey(key, 1024)).toEqual({ error: expect.stringMatching(/^INVALID_REFERENCE: /) });
    },
  );
});
