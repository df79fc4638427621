import { CodedError } from '../lib/errors.ts';
import { createLimit, type Limit } from '../lib/limit.ts';
import { untilAborted } from '../lib/until-aborted.ts';

/** Runs work for many registries so that a slow one holds up only its own. */
export interface Lanes {
  /**
   * Runs `work` when there is room for one more of `lane`; the room is given back when it settles or `signal` aborts.
   *
   * @throws {OverloadedError} at once when too much is under way already, and the signal's reason when that comes first.
   */
  run<T>(lane: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

export class OverloadedError extends CodedError {
  readonly code = 'OVERLOADED';
}

interface Lane {
  readonly limit: Limit;
  users: number;
}

/** Makes lanes of `width` each, that hold at most `maxHeld` running and waiting in all. A lane is forgotten when it is empty. */
export function createLanes(width: number, maxHeld: number): Lanes {
  const lanes = new Map<string, Lane>();
  let held = 0;
  return {
    run: async (name, signal, work) => {
      if (held >= maxHeld) throw new OverloadedError('too many images are waiting for their registries; ask again');
      const lane = lanes.get(name) ?? { limit: createLimit(width), users: 0 };
      lanes.set(name, lane);
      lane.users += 1;
      held += 1;
      try {
        return await lane.limit.run(() => untilAborted(work(), signal), signal);
      } finally {
        held -= 1;
        lane.users -= 1;
        if (lane.users === 0) lanes.delete(name);
      }
    },
  };
}
