/** `npm run fuzz -- TARGET… --runs N [--seed S] [--seconds T]`: mutated inputs for the parsers; `-h` says more. */
import { readFileSync } from 'node:fs';
import { prepare } from './job.ts';
import { type Options, parseOptions, USAGE, UsageError } from './options.ts';
import { plainOf, textOf } from './report.ts';
import { problemsOf, type Report } from './run.ts';
import { supervise } from './supervise.ts';

const EXIT = { clean: 0, found: 1, misuse: 3 } as const;

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else process.exitCode = options.replay === undefined ? await fuzz(options) : await replay(options, options.replay);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = EXIT.misuse;
}

async function fuzz(options: Options): Promise<number> {
  const reports: Report[] = [];
  for (const target of options.targets) {
    const onProgress = (done: number, elapsedMs: number): void =>
      console.error(`${target}: ${done} of ${options.runs}, ${Math.round((done / elapsedMs) * 1000)} a second`);
    reports.push(await supervise({ ...options, target }, { onProgress }));
  }
  console.log(options.output === 'json' ? JSON.stringify(reports.map(plainOf), undefined, 2) : textOf(reports));
  return reports.every(({ findings }) => findings.length === 0) ? EXIT.clean : EXIT.found;
}

async function replay({ targets: [name = ''], reference, vectors }: Options, path: string): Promise<number> {
  const { target, close } = await prepare({ target: name, reference, vectors });
  try {
    const bytes = new Uint8Array(bytesOf(path));
    const problems = await problemsOf(target, bytes);
    console.log(problems.length === 0 ? `nothing is wrong with it: ${(await target.execute(bytes)).outcome}` : problems.join('\n'));
    return problems.length === 0 ? EXIT.clean : EXIT.found;
  } finally {
    await close();
  }
}

function bytesOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    throw new UsageError(`cannot read ${path}`);
  }
}
