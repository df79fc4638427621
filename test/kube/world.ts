import { OBJECT_KINDS } from '../../src/config/schema/kinds.ts';
import type { LoggerOptions } from '../../src/lib/log.ts';
import { createLogger } from '../../src/lib/log.ts';

const API = '/apis/config.ratify.deislabs.io/v1beta1';

/** The collection of a kind. */
export function collection(kind: string): string {
  return `${API}/${OBJECT_KINDS.find((one) => one.kind === kind)?.plural}`;
}

/** A custom resource; `namespace/name` is in that namespace. */
export function resource(kind: string, qualified: string, spec: unknown): Record<string, unknown> {
  const slash = qualified.indexOf('/');
  const name = qualified.slice(slash + 1);
  const metadata = slash === -1 ? { name } : { name, namespace: qualified.slice(0, slash) };
  return { apiVersion: 'config.ratify.deislabs.io/v1beta1', kind, metadata, spec };
}

/** A log that is kept. */
export function recordedLog(level: LoggerOptions['level'] = 'info') {
  const lines: Record<string, unknown>[] = [];
  return { lines, log: createLogger({ level, stream: { write: (text: string) => void lines.push(JSON.parse(text)) } }) };
}

/** Waits until `done`, looking often; fails naming `what` after ten seconds. */
export async function until(what: string, done: () => unknown): Promise<number> {
  const startedAt = performance.now();
  while (!done()) {
    if (performance.now() - startedAt > 10_000) throw new Error(`not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - startedAt;
}
