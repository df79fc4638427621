import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../rig/cluster/kube-client.ts';
import type { PushedImage } from '../rig/signed-images.ts';
import { pod } from '../rig/workloads.ts';

/** What became of a Pod: what the policy said, or that the API server had no answer of Gatekeeper, or that it had none itself. */
export type Became =
  | 'admitted'
  | 'refused'
  | 'unavailable'
  | 'misconfigured'
  | 'no answer of Gatekeeper'
  | 'no answer of the API server'
  | 'something else';

export interface Attempt {
  readonly name: string;
  readonly signed: boolean;
  readonly became: Became;
  /** What whoever created it read; empty where it was admitted. */
  readonly message: string;
}

export interface AdmissionsOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Begins the names of the Pods. */
  readonly name: string;
  readonly signed: readonly PushedImage[];
  readonly unsigned: readonly PushedImage[];
  /** What goes on meanwhile: begun after a quarter of the Pods, and a quarter follows its end. */
  readonly meanwhile: () => Promise<unknown>;
}

const COUNT = 200;
const LANES = 4;
const PAUSE_MS = 200;
/** Of a loop that will not end by itself. */
const AT_MOST = 4000;
const VERDICT = /\[enforced\] (refused|unavailable|misconfigured) [A-Z_]+ /;

const OTHERS: readonly (readonly [RegExp, Became])[] = [
  [/failed calling webhook/, 'no answer of Gatekeeper'],
  // What a Gatekeeper says that is told to end meanwhile.
  [/\[enforced\] eval_cancel_error: |: serving context canceled, aborting request$/, 'no answer of Gatekeeper'],
  [/not yet ready to handle request/, 'no answer of the API server'],
];

/** Creates Pods, signed and unsigned in turn, 200 or more, while something happens. */
export async function admissions(options: AdmissionsOptions): Promise<readonly Attempt[]> {
  const attempts: Attempt[] = [];
  let begun: Promise<unknown> | undefined;
  let over = false;
  let last = Number.POSITIVE_INFINITY;
  let count = 0;
  const lane = async (): Promise<void> => {
    while (count < COUNT || (count < last && count < AT_MOST)) {
      const number = count++;
      if (number === COUNT / 4) {
        begun = options.meanwhile().finally(() => {
          over = true;
          last = count + COUNT / 4;
        });
        // Awaited below; a failure before that must not end the process.
        begun.catch(() => undefined);
      }
      attempts.push(await attempt(options, number));
      // What goes on needs the processors too.
      if (begun !== undefined && !over) await sleep(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  await begun;
  return attempts;
}

async function attempt({ client, namespace, name: prefix, signed, unsigned }: AdmissionsOptions, number: number): Promise<Attempt> {
  const isSigned = number % 2 === 0;
  const images = isSigned ? signed : unsigned;
  const image = images[(number >> 1) % images.length];
  const name = `${prefix}-${number}`;
  try {
    const { admitted, status, message } = await client.create(pod(namespace, name, image?.reference ?? ''));
    return { name, signed: isSigned, became: admitted ? 'admitted' : whatBecame(status, message), message };
  } catch (error) {
    return { name, signed: isSigned, became: 'no answer of the API server', message: String(error) };
  }
}

function whatBecame(status: number, message: string): Became {
  const [, outcome] = VERDICT.exec(message) ?? [];
  if (outcome !== undefined) return outcome as Became; // one of the words of the expression
  return OTHERS.find(([words]) => words.test(message))?.[1] ?? (status >= 500 ? 'no answer of the API server' : 'something else');
}

/** How many of the signed, or unsigned, became what. */
export function tally(attempts: readonly Attempt[], signed: boolean): Partial<Record<Became, number>> {
  const counts: Partial<Record<Became, number>> = {};
  for (const { signed: isSigned, became } of attempts) if (isSigned === signed) counts[became] = (counts[became] ?? 0) + 1;
  return counts;
}
