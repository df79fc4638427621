/** Runs at most so many tasks at a time; the others wait in the order in which they came. */
export interface Limit {
  /** What `task` comes to. Rejects with the reason of `signal` if that aborts while the task still waits; it then never starts. */
  run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** @param concurrency - Tasks at a time; at least 1. */
export function createLimit(concurrency: number): Limit {
  let running = 0;
  const waiting = new Set<() => void>();

  const release = (): void => {
    running--;
    for (const start of waiting) {
      waiting.delete(start);
      start();
      return;
    }
  };
  const slot = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', leave);
        running++;
        resolve();
      };
      const leave = () => {
        waiting.delete(start);
        reject(signal.reason);
      };
      if (running < Math.max(1, concurrency)) return start();
      waiting.add(start);
      signal.addEventListener('abort', leave, { once: true });
    });

  return {
    async run(task, signal) {
      signal.throwIfAborted();
      await slot(signal);
      try {
        return await task();
      } finally {
        release();
      }
    },
  };
}
