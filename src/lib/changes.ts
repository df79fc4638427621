/** Notes of changes, gathered so that several lead to one call. */
export interface Changes {
  note(): void;
  /** Ends the calls; resolves when none is under way. */
  close(): Promise<void>;
}

export interface ChangesOptions {
  /** How long changes must hold still, in milliseconds. Default 40. */
  readonly settleMs?: number;
  /** A steady trickle is told in portions of this, in milliseconds. Default 250. */
  readonly longestMs?: number;
}

/** Calls `onChange` after notes, one call at a time. A rejection of it goes to `onError`, and nothing ends by it. */
export function gatherChanges(onChange: () => Promise<void>, onError: (error: unknown) => void, options: ChangesOptions = {}): Changes {
  const { settleMs = 40, longestMs = 250 } = options;
  let first: number | undefined;
  let last = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let closed = false;

  const run = async () => {
    first = undefined;
    try {
      await onChange();
    } catch (error) {
      onError(error);
    }
  };
  const plan = () => {
    clearTimeout(timer);
    timer = undefined;
    if (closed || running !== undefined || first === undefined) return;
    const waitMs = Math.min(last + settleMs, first + longestMs) - performance.now();
    timer = setTimeout(
      () => {
        running = run().finally(() => {
          running = undefined;
          plan();
        });
      },
      Math.max(0, waitMs),
    );
  };
  return {
    note: () => {
      last = performance.now();
      first ??= last;
      plan();
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
