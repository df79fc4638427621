import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** How often OpenSSL was asked whether a signature is good: what a parser that gives up early never does. */
export interface SignatureWatch {
  /** Checks so far. */
  readonly checks: number;
}

/** Counts from now on, in this process (or worker thread). A jest realm has copies of the builtins of its own, and nothing is counted there. */
export function watchSignatures(): SignatureWatch {
  const watch = { checks: 0 };
  const { verify } = crypto;
  const counting = (...args: readonly unknown[]): unknown => {
    watch.checks++;
    return Reflect.apply(verify, crypto, args);
  };
  Object.assign(crypto, { verify: counting });
  syncBuiltinESMExports();
  return watch;
}
