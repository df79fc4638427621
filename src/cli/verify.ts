import { reason } from '../engine/reason.ts';
import type { Outcome, Verdict } from '../engine/types.ts';
import { validate } from '../engine/validate.ts';
import { errorText } from '../lib/errors.ts';
import { createLimit } from '../lib/limit.ts';
import { InvalidReferenceError, parseReference } from '../oci/reference.ts';
import { exitCodeOf } from './exit.ts';
import { jsonOf, verdictData, verdictText } from './output.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';

interface VerifyOptions extends SessionOptions {
  readonly config: string;
  readonly namespace?: string;
  readonly at?: Date;
  readonly output: 'text' | 'json';
  readonly timeout: number;
}

/** What became of one image; a reference that does not parse has no verdict and is refused. */
export interface Verified {
  readonly image: string;
  readonly outcome: Outcome;
  readonly verdict: Verdict | undefined;
  readonly reason: Verdict['reason'];
}

const AT_ONCE = 8;

/** `countersign verify`: the whole verdict on each image, in the order asked. */
export async function verifyCommand(images: readonly string[], options: VerifyOptions): Promise<number> {
  const session = await openSession(options);
  const limit = createLimit(AT_ONCE);
  const progress = progressLine(images.length);
  const never = new AbortController().signal;
  const found = await Promise.all(
    images.map((image) =>
      limit.run(async () => {
        const verified = await verifyImage(image, session, options);
        progress.step();
        return verified;
      }, never),
    ),
  );
  progress.clear();
  const text = options.output === 'json' ? jsonOf(found.map(verdictData)) : found.map(verdictText).join('\n\n');
  process.stdout.write(`${text}\n`);
  return exitCodeOf(found.map(({ outcome }) => outcome));
}

async function verifyImage(image: string, { snapshot, facts, revocation, settings }: Session, options: VerifyOptions): Promise<Verified> {
  try {
    const request = {
      reference: parseReference(image),
      text: image,
      attributes: new Map<string, string>(),
      ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    };
    const ports = { facts, revocation, now: options.at ?? new Date(), signal: AbortSignal.timeout(options.timeout * 1000) };
    const onBug = (error: unknown): void => void process.stderr.write(`${error instanceof Error ? error.stack : errorText(error)}\n`);
    const verdict = await validate(snapshot.for(options.namespace), request, ports, onBug, { freshnessMs: settings.freshnessMs });
    return { image, outcome: verdict.outcome, verdict, reason: verdict.reason };
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    return { image, outcome: 'refused', verdict: undefined, reason: reason(error.code, error.message) };
  }
}

/** A counter on standard error, where somebody watches; else nothing. */
function progressLine(total: number): { step(): void; clear(): void } {
  if (!process.stderr.isTTY || total < 2) return { step: () => undefined, clear: () => undefined };
  let done = 0;
  return {
    step: () => {
      done += 1;
      process.stderr.write(`\rverified ${done} of ${total}`);
    },
    clear: () => void process.stderr.write('\r\x1b[K'),
  };
}
