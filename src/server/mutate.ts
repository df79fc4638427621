import { reasonOf } from '../engine/outcomes.ts';
import { reason } from '../engine/reason.ts';
import type { Outcome, Reason, Reference, Snapshot, Store } from '../engine/types.ts';
import type { Logger } from '../lib/log.ts';
import { repositoryText } from '../oci/reference.ts';
import type { Asked } from './app.ts';
import { type Deadline, deadlineAfter } from './deadline.ts';
import { parseMutateKey } from './key.ts';
import { type Lanes, OverloadedError } from './lanes.ts';
import { imageName } from './left-out.ts';
import type { KeyOutcome, Metrics } from './metrics.ts';
import { asciiLine, type Item, renderResponse } from './protocol.ts';

export interface MutateDeps {
  readonly engines: { current(): Snapshot };
  readonly lanes: Lanes;
  readonly deadlineMs: number;
  readonly maxKeyBytes: number;
  readonly log: Logger;
  readonly metrics: Metrics;
}

interface Pinned {
  readonly item: Item;
  readonly outcome: KeyOutcome;
  readonly code: string;
}

/**
 * Answers `/mutate`: `repository:tag` becomes `repository:tag@digest` with the repository in full; a reference with a digest comes back as it is,
 * without asking a registry. Nothing is verified. A failure is that item's error, since a `systemError` would hit every field of the Pod.
 */
export async function mutate(asked: Asked, deps: MutateDeps): Promise<string> {
  // Gatekeeper's mutation names no namespace: the cluster's view decides.
  const engine = deps.engines.current().for(undefined);
  const deadline = deadlineAfter(asked.startedMs, deps.deadlineMs);
  try {
    const pins = await Promise.all([...new Set(asked.keys)].map((key) => pinKey(key, engine, deadline, deps)));
    for (const { outcome, code } of pins) deps.metrics.key(asked.endpoint, outcome, code);
    const failed = pins
      .filter(({ outcome }) => outcome !== 'accepted')
      .map(({ item, code }) => ({ subject: asciiLine(item.key, 200), code }));
    const ms = Math.round(performance.now() - asked.startedMs);
    deps.log.info({ traceID: asked.traceId, keys: asked.keys.length, failed: failed.length, results: failed.slice(0, 10), ms }, 'mutate');
    return renderResponse(
      pins.map(({ item }) => item),
      '',
    );
  } finally {
    deadline.clear();
  }
}

async function pinKey(
  key: string,
  engine: { readonly store: Store | undefined; readonly misconfigured?: Reason },
  deadline: Deadline,
  deps: MutateDeps,
): Promise<Pinned> {
  const parsed = parseMutateKey(key, deps.maxKeyBytes);
  if ('error' in parsed) return { item: { key, error: parsed.error }, outcome: 'invalid', code: 'INVALID_REFERENCE' };
  const { reference } = parsed.request;
  if (reference.digest !== undefined) return pinned(key, key);
  if (engine.store === undefined) {
    return failed(key, 'misconfigured', engine.misconfigured ?? reason('NO_STORE', 'no Store is declared for the cluster; declare one'));
  }
  return resolveTag(key, reference, engine.store, deadline.signal(), deps);
}

async function resolveTag(key: string, reference: Reference, store: Store, signal: AbortSignal, deps: MutateDeps): Promise<Pinned> {
  try {
    const { digest } = await deps.lanes.run(reference.registry, signal, () => store.resolve(reference, signal));
    return pinned(key, `${repositoryText(reference)}:${reference.tag ?? 'latest'}@${digest}`);
  } catch (error) {
    if (error instanceof OverloadedError) return failed(key, 'unavailable', reason(error.code, error.message));
    if (signal.aborted) return failed(key, 'unavailable', reason('DEADLINE_EXCEEDED', `no digest within ${deps.deadlineMs} ms; ask again`));
    const decision = reasonOf(error, (bug) =>
      deps.log.error({ error: bug, subject: imageName(reference) }, 'resolving failed by an error of ours'),
    );
    return failed(key, decision.outcome === 'accepted' ? 'unavailable' : decision.outcome, decision.reason);
  }
}

function pinned(key: string, value: string): Pinned {
  return { item: { key, json: JSON.stringify(value) }, outcome: 'accepted', code: 'PINNED' };
}

function failed(key: string, outcome: Exclude<Outcome, 'accepted'>, { code, message }: Reason): Pinned {
  return { item: { key, error: asciiLine(`${code}: ${message}`, 300) }, outcome, code };
}
