import { reasonOf } from '../engine/outcomes.ts';
import { reason } from '../engine/reason.ts';
import type { Decision, Descriptor, Store } from '../engine/types.ts';
import { InvalidReferenceError, parseReference, type Reference, repositoryText } from '../oci/reference.ts';
import { exitCodeOf } from './exit.ts';
import { clean, jsonOf } from './output.ts';
import { openStore, type SessionOptions } from './session.ts';

export interface InspectOptions extends SessionOptions {
  readonly namespace?: string;
  readonly output: 'text' | 'json';
  readonly timeout: number;
}

/** `countersign resolve`: the image by its digest. */
export async function resolveCommand(image: string, options: InspectOptions): Promise<number> {
  return inspect(image, options, async ({ reference, descriptor }) => {
    const pinned = `${repositoryText(reference)}@${descriptor.digest}`;
    return options.output === 'json' ? jsonOf({ image, reference: pinned, ...descriptor }) : pinned;
  });
}

export interface Inspected {
  readonly reference: Reference;
  readonly descriptor: Descriptor;
  readonly store: Store;
  readonly signal: AbortSignal;
}

/** Resolves an image and prints what `show` says of it; a failure goes to standard error, with the exit code of its outcome. */
export async function inspect(image: string, options: InspectOptions, show: (found: Inspected) => Promise<string>): Promise<number> {
  try {
    const reference = parseReference(image);
    const store = await openStore(options);
    if (store === undefined || !store.answersFor(reference.registry)) {
      return failed(
        image,
        { outcome: 'misconfigured', reason: reason('NO_STORE', `no Store answers for ${reference.registry}; declare one`) },
        options,
      );
    }
    const signal = AbortSignal.timeout(options.timeout * 1000);
    const { freshUntil: _, ...descriptor } = await store.resolve(reference, signal);
    process.stdout.write(`${await show({ reference, descriptor, store, signal })}\n`);
    return 0;
  } catch (error) {
    if (error instanceof InvalidReferenceError)
      return failed(image, { outcome: 'refused', reason: reason(error.code, error.message) }, options);
    return failed(image, reasonOf(error), options);
  }
}

function failed(image: string, { outcome, reason: why }: Decision, { output }: InspectOptions): number {
  if (output === 'json') process.stdout.write(`${jsonOf({ image, outcome, reason: why })}\n`);
  process.stderr.write(`${outcome}: ${clean(image)}: ${why.code}: ${clean(why.message)}\n`);
  return exitCodeOf([outcome]);
}
