/** The instant by which a request is answered; it costs a timer only when somebody waits for it. */
export interface Deadline {
  /** Aborts at the deadline; with a `DEADLINE_EXCEEDED` reason of its own. */
  signal(): AbortSignal;
  clear(): void;
}

/** A deadline `afterMs` milliseconds after `startedMs` on the monotonic clock. */
export function deadlineAfter(startedMs: number, afterMs: number): Deadline {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  return {
    signal: () => {
      timer ??= setTimeout(() => controller.abort(), Math.max(0, startedMs + afterMs - performance.now()));
      return controller.signal;
    },
    clear: () => clearTimeout(timer),
  };
}
