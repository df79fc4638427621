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
