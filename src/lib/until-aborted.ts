/** What `work` comes to, or the reason of `signal` if that aborts first; the work itself is not touched. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    // Handled even after leaving: a failure that nobody waits for any more is no unhandled rejection.
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
