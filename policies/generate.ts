/** Writes the Rego of each policy into its template: `node policies/generate.ts`. The rest of a template is written by hand. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, isMap, parseDocument, Scalar, YAMLSeq } from 'yaml';

const HERE = import.meta.dirname;
const LINE_WIDTH = 0; /* never folded */

/** Folders of the policies that have Rego. */
export const POLICIES = readdirSync(HERE, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'lib' && readdirSync(join(HERE, entry.name)).includes('src.rego'))
  .map((entry) => entry.name)
  .sort();

export function templateFile(policy: string): string {
  return join(HERE, policy, 'template.yaml');
}

/** The template of a policy as it must be: as it stands, with the Rego of `src.rego` and of each library that it imports, directly or not. */
export function renderTemplate(policy: string): string {
  const document = parseDocument(readFileSync(templateFile(policy), 'utf8'));
  const source = readRego(join(HERE, policy, 'src.rego'));
  const target = document.getIn(['spec', 'targets', 0]);
  if (!isMap(target)) throw new Error(`${templateFile(policy)}: expected a target in spec.targets`);
  target.set('rego', block(source));
  target.set('libs', libraries(document, source));
  return document.toString({ lineWidth: LINE_WIDTH, flowCollectionPadding: false });
}

function libraries(document: Document, source: string): YAMLSeq {
  const texts = new Map<string, string>();
  const add = (rego: string): void => {
    for (const [, name = ''] of rego.matchAll(/^import data\.lib\.(\w+)$/gm)) {
      if (texts.has(name)) continue;
      const text = readRego(join(HERE, 'lib', `${name}.rego`));
      texts.set(name, text);
      add(text);
    }
  };
  add(source);
  const list = new YAMLSeq(document.schema);
  for (const [, text] of [...texts].sort(([one], [other]) => (one < other ? -1 : 1))) list.add(block(text));
  return list;
}

function readRego(file: string): string {
  return readFileSync(file, 'utf8');
}

function block(text: string): Scalar<string> {
  const scalar = new Scalar(text);
  scalar.type = Scalar.BLOCK_LITERAL;
  return scalar;
}

if (import.meta.main) for (const policy of POLICIES) writeFileSync(templateFile(policy), renderTemplate(policy));
