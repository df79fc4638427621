import { parseAllDocuments } from 'yaml';

/** Fenced blocks of a page in one language. */
function blocksOf(page: string, language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);
}

export function yamlOf(page: string): readonly string[] {
  return blocksOf(page, 'yaml');
}

/** The commands of a page's shell blocks in their order, continued lines joined and remarks left out. */
export function commandsOf(page: string): readonly string[] {
  return blocksOf(page, 'sh')
    .flatMap((block) => block.replace(/\\\n\s*/g, '').split('\n'))
    .map((line) => line.replace(/\s+# .*$/, '').trim())
    .filter((line) => line !== '');
}

interface DeclaredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
}

/** Objects that a page declares, in YAML or in files that its commands write; a word stands for what a command would put into them. */
export function objectsOf(page: string): readonly DeclaredObject[] {
  const files = [...page.matchAll(/^cat > \S+\.yaml <<(END|EOF)\n(.*?)^\1$/gms)].map(([, , text = '']) => text);
  const written = files.map((text) => text.replace(/^\$\([^)]*\)$/gm, `${' '.repeat(8)}PEM`).replace(/\$\([^)]*\)|\$[A-Z]+/g, 'word'));
  return [...blocksOf(page, 'yaml'), ...written]
    .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Partial<DeclaredObject> | null))
    .filter((object): object is DeclaredObject => object?.apiVersion !== undefined && object.metadata !== undefined);
}
