import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const FOLDER = join(import.meta.dirname, '../../policies');
const MAX_OUTPUT = 64 * 1024 * 1024;

/** What `external_data` gives in Rego. */
export interface RegoAnswer {
  readonly responses: readonly (readonly [key: string, value: unknown])[] | null;
  readonly errors: readonly (readonly [key: string, error: string])[] | null;
  readonly status_code: number;
  readonly system_error: string;
}

export interface Violation {
  readonly msg: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The `opa` that Gatekeeper links, with Gatekeeper's function added to those that it knows. */
export interface Opa {
  /** Runs a command on all Rego of the policies, and resolves with what it wrote. Rejects if it fails. */
  onSources(command: string, ...flags: readonly string[]): Promise<string>;
  /** The keys that a policy asks for. */
  keys(policy: string, input: unknown): Promise<readonly string[]>;
  /** What a policy says where the provider gives `answer`; undefined, as `external_data` is where Gatekeeper cannot ask. */
  violations(policy: string, input: unknown, answer: RegoAnswer | undefined): Promise<readonly Violation[]>;
  /** What a policy says of each of many inputs, each with its `answer` beside the review. */
  manyViolations(policy: string, inputs: readonly { readonly answer?: RegoAnswer }[]): Promise<readonly (readonly Violation[])[]>;
  dispose(): Promise<void>;
}

/** A policy's folder without the hyphen is its package. */
const packageOf = (policy: string): string => policy.replaceAll('-', '');

export const SOURCES: readonly string[] = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.rego'))
  .map((file) => join(FOLDER, file))
  .sort();

const HARNESS = `package harness

scripted_answer(_) = data.script.answer

answer_of_input(_) = input.answer

# In a module: in a query of the command line, opa stops at such a replacement.
verifiedimages = [said | one := data.script.inputs[_]; said := data.verifiedimages.violation with input as one with external_data as answer_of_input]
`;

export async function createOpa(bin: string): Promise<Opa> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-opa-'));
  const capabilities = join(folder, 'capabilities.json');
  const harness = join(folder, 'harness.rego');
  const run = async (args: readonly string[]): Promise<string> => {
    const { stdout } = await execute(bin, args, { maxBuffer: MAX_OUTPUT });
    return stdout;
  };
  const known = JSON.parse(await run(['capabilities', '--current'])) as { builtins: readonly { readonly name: string }[] };
  const externalData = { name: 'external_data', decl: { type: 'function', args: [{ type: 'any' }], result: { type: 'any' } } };
  const builtins = [...known.builtins, externalData].sort((one, other) => (one.name < other.name ? -1 : 1));
  await writeFile(capabilities, JSON.stringify({ ...known, builtins }));
  await writeFile(harness, HARNESS);
  const withCapabilities = ['--v0-compatible', '--capabilities', capabilities];
  const library = SOURCES.filter((file) => !file.endsWith('_test.rego')).flatMap((file) => ['--data', file]);
  const evaluate = async (query: string, input: unknown, script: unknown): Promise<unknown> => {
    const files = { input: join(folder, 'input.json'), script: join(folder, 'script.json') };
    await writeFile(files.input, JSON.stringify(input));
    await writeFile(files.script, JSON.stringify({ script }));
    const data = [...library, '--data', harness, '--data', files.script];
    const text = await run(['eval', ...withCapabilities, ...data, '--input', files.input, '--format', 'json', query]);
    const [result] = (JSON.parse(text) as { result?: readonly { expressions: readonly { value: unknown }[] }[] }).result ?? [];
    return result?.expressions[0]?.value;
  };
  return {
    onSources: (command, ...flags) => run([command, ...(command === 'fmt' ? ['--v0-compatible'] : withCapabilities), ...flags, ...SOURCES]),
    keys: async (policy, input) => (await evaluate(`data.${packageOf(policy)}.keys`, input, {})) as readonly string[],
    violations: async (policy, input, answer) => {
      const query = `data.${packageOf(policy)}.violation with external_data as data.harness.scripted_answer`;
      return (await evaluate(query, input, answer === undefined ? {} : { answer })) as readonly Violation[];
    },
    manyViolations: async (policy, inputs) =>
      (await evaluate(`data.harness.${packageOf(policy)}`, {}, { inputs })) as readonly (readonly Violation[])[],
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}
