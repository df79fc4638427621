import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startMeasured } from './processes.ts';
import { atMost, context, type Figure } from './report.ts';
import { median } from './statistics.ts';

/** What reading one list took. */
export interface ListFigures {
  /** CPU milliseconds of the longest turn of the event loop. */
  readonly longestTurnMs: number;
  readonly turns: number;
  readonly totalMs: number;
  readonly cpuMs: number;
  /** More resident memory than before, and the most that the process ever had. */
  readonly residentMiB: number;
  readonly peakMiB: number;
  /** For one certificate, once the list is known. */
  readonly lookupMicroseconds: number;
}

const run = promisify(execFile);
const ROUNDS = 5;
const SIZES = [
  ['short', 100_000, '100,000 entries'],
  ['long', 958_000, '32 MiB (958,000 entries)'],
] as const;

/** Reads a long list and a very long one; the numbers are the medians of several processes that read once each. */
export async function lists(): Promise<Figure[]> {
  const server = await startMeasured(
    ['bench/list-server.ts'],
    SIZES.map(([name, entries]) => `${name}=${entries}`),
    (line) => line,
  );
  const figures: Figure[] = [];
  const lookups: number[] = [];
  for (const [name, , what] of SIZES) {
    const rounds: ListFigures[] = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await read(server.address, name));
    const middle = (of: (round: ListFigures) => number): number => median(rounds.map(of));
    lookups.push(middle(({ lookupMicroseconds }) => lookupMicroseconds));
    figures.push(
      atMost(
        'V5',
        `list of ${what}: longest turn of the event loop, CPU`,
        middle(({ longestTurnMs }) => longestTurnMs),
        20,
        'ms',
      ),
      context(
        'V5',
        `list of ${what}: turns while it is read`,
        middle(({ turns }) => turns),
        'turns',
      ),
      context(
        'V5',
        `list of ${what}: fetched, checked and read in`,
        middle(({ totalMs }) => totalMs),
        'ms',
      ),
      context(
        'V5',
        `list of ${what}: CPU of that`,
        middle(({ cpuMs }) => cpuMs),
        'ms',
      ),
      context(
        'V5',
        `list of ${what}: more memory`,
        middle(({ residentMiB }) => residentMiB),
        'MiB',
      ),
      context('V5', `list of ${what}: one look-up`, lookups.at(-1) ?? 0, 'us'),
    );
  }
  await server.stop();
  const [short = 0, long = 0] = lookups;
  // Three rather than one: what is not in the processor's cache takes longer to fetch.
  return [...figures, atMost('V5', 'a look-up in the longer list over one in the shorter', long / short, 3, 'x')];
}

async function read(host: string, name: string): Promise<ListFigures> {
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'list-reader.ts'), host, name]);
  // Printed by the script above.
  return JSON.parse(stdout) as ListFigures;
}
