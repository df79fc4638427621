import { parseArgs } from 'node:util';
import { errorText } from '../../src/lib/errors.ts';
import { TARGETS } from './targets/all.ts';

export interface Options {
  readonly targets: readonly string[];
  readonly runs: number;
  readonly seed: string;
  /** Milliseconds for each target. */
  readonly limitMs: number;
  /** Whether files of other projects beside the checkout are seeds too. */
  readonly vectors: boolean;
  /** Whether Go's readers are asked too. */
  readonly reference: boolean;
  readonly output: 'text' | 'json';
  /** File with an input to try instead. */
  readonly replay: string | undefined;
}

/** A command line that makes no sense. */
export class UsageError extends Error {}

export const USAGE = `Usage: npm run fuzz -- TARGET… [options]

Gives mutated inputs to parsers, and compares what they accept with other readers.

Targets: all, ${[...TARGETS.keys()].join(', ')}

Options:
  --runs N       inputs for each target (default 100000)
  --seed S       decides the inputs (default 1)
  --seconds T    begin no input after so many seconds, for each target
  --reference    ask Go's readers too; they are built from their pinned modules
  --no-vectors   no seeds but those in the tree, so that every machine tries the same inputs
  --replay FILE  try the input in FILE, and say what is wrong with it
  -o FORMAT      text or json (default text)
  -h, --help     this text

Exit codes: 0 nothing found, 1 something found, 3 misuse.`;

/** The options, or undefined if help is asked for. @throws {UsageError} */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values, positionals } = parsed(args);
  if (values.help === true) return undefined;
  if (positionals.length === 0) throw new UsageError('expected a target');
  const targets = positionals.includes('all') ? [...TARGETS.keys()] : positionals;
  const unknown = targets.find((name) => !TARGETS.has(name));
  if (unknown !== undefined) throw new UsageError(`no such target: ${unknown}`);
  if (values.output !== 'text' && values.output !== 'json') throw new UsageError(`expected -o text or -o json, got ${values.output}`);
  if (values.replay !== undefined && targets.length !== 1) throw new UsageError('expected one target with --replay');
  return {
    targets,
    runs: positive('--runs', values.runs),
    seed: values.seed,
    limitMs: values.seconds === undefined ? Infinity : positive('--seconds', values.seconds) * 1000,
    vectors: values['no-vectors'] !== true,
    reference: values.reference === true,
    output: values.output,
    replay: values.replay,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        runs: { type: 'string', default: '100000' },
        seed: { type: 'string', default: '1' },
        seconds: { type: 'string' },
        reference: { type: 'boolean' },
        'no-vectors': { type: 'boolean' },
        replay: { type: 'string' },
        output: { type: 'string', short: 'o', default: 'text' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(errorText(error));
  }
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (/^\d{1,10}$/.test(text) && number > 0) return number;
  throw new UsageError(`expected a positive whole number for ${name}, got ${JSON.stringify(text)}`);
}
