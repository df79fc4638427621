import { describe, expect, it } from '@jest/globals';
import { combine } from '../../src/config/combine.ts';
import { loadFiles } from '../../src/config/files.ts';
import { folder, line, object, store, verifier } from './world.ts';

const place = async (text: string) => loadFiles(await folder({ 'x.yaml': text }));
const names = ({ resources }: Awaited<ReturnType<typeof place>>) => resources.declared.map(({ kind, name }) => `${kind} ${name}`);

describe('several places', () => {
  it('are one in their order', async () => {
    expect(names(combine([await place(store('a')), await place(store('b') + verifier('a'))]))).toEqual([
      'Store a',
      'Store b',
      'Verifier a',
    ]);
  });

  it('that declare the same object have the one of the first, and an error', async () => {
    const [first, second] = [await place(store('a')), await place(store('a', { registry: 'r' }) + store('team/a'))];
    const combined = combine([first, second]);
    expect(combined.resources.declared).toEqual([first.resources.declared[0], second.resources.declared[1]]);
    expect(combined.diagnostics.map(line)).toEqual([
      expect.stringMatching(/^error x\.yaml:- metadata\.name CONFIG_INVALID: declared twice: already in .*x\.yaml; ignored$/),
    ]);
  });

  it('keep objects without a name apart, and every broken file', async () => {
    const nameless = await place(`${object('Store', '', { name: 'shelf' })}---\nspec: [\n`);
    const combined = combine([nameless, nameless]);
    expect([combined.resources.declared.length, combined.resources.brokenFiles.size]).toEqual([2, 1]);
  });
});
