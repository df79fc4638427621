import { combine } from '../config/combine.ts';
import type { Applied, Engines } from '../config/engines.ts';
import { ConfigPathError, type Loaded, loadFiles } from '../config/files.ts';
import type { Diagnostic } from '../config/resources.ts';
import { watchFiles } from '../config/watch.ts';
import type { Cluster } from '../kube/cluster.ts';
import { gatherChanges } from '../lib/changes.ts';
import { errorText } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';

export interface DeclarationsOptions {
  readonly engines: Engines;
  readonly log: Logger;
  readonly ownNamespace: string;
  /** File or folder; undefined: none. */
  readonly path: string | undefined;
  readonly cluster: Cluster | undefined;
  readonly onApplied?: (applied: Applied) => void;
}

/** What is declared in files and in the cluster, applied together whenever one of them changes. */
export interface Declarations {
  /** Reads the files, waits so long for the cluster, and applies what there is. @throws {ConfigPathError} */
  start(waitMs: number): Promise<void>;
  /** Something that is declared came to something else, such as key material: build again. */
  changed(): void;
  close(): Promise<void>;
}

export function followDeclarations(options: DeclarationsOptions): Declarations {
  const { engines, log, path, ownNamespace, cluster } = options;
  let files: Loaded | undefined;
  let known = new Set<string>();
  const first = Promise.withResolvers<void>();

  const apply = async (): Promise<void> => {
    // Half of what is declared may ask for less than all of it.
    if ((path !== undefined && files === undefined) || cluster?.isSynced() === false) return;
    const loaded = combine([files, cluster?.loaded()].filter((place) => place !== undefined));
    const applied = await engines.apply(loaded);
    options.onApplied?.(applied);
    known = logNew(applied.diagnostics, known, log);
    const { revision, misconfigured } = applied.snapshot.for(undefined);
    const fields = { usable: applied.usable, revision, objects: loaded.resources.declared.length, misconfigured: misconfigured?.message };
    log.info(fields, 'configuration applied');
    first.resolve();
  };
  const changes = gatherChanges(apply, (error) => {
    log.error({ error }, 'applying failed by an error of ours; what was declared last stays in force');
    first.reject(error);
  });
  // Later there may be nobody left who waits for it.
  first.promise.catch(() => undefined);
  const watch = path === undefined ? undefined : watchFiles(path, () => reload(path));
  const reload = async (from: string): Promise<void> => {
    try {
      files = await loadFiles(from, { ownNamespace });
      changes.note();
    } catch (error) {
      const ours = error instanceof ConfigPathError ? '' : 'an error of ours; ';
      log.error({ code: 'CONFIG_INVALID', file: from, reason: errorText(error) }, `${ours}what was declared last stays in force`);
    }
  };
  return {
    start: async (waitMs) => {
      await watch?.ready;
      if (path !== undefined) files = await loadFiles(path, { ownNamespace });
      changes.note();
      await (cluster === undefined ? first.promise : within(waitMs, first.promise));
    },
    changed: () => changes.note(),
    close: async () => {
      await watch?.close();
      await changes.close();
    },
  };
}

/** Waits for `work`, but no longer than that. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]).finally(() => clearTimeout(timer));
}

/** With many objects and many changes, what was said last time is not said again. */
function logNew(diagnostics: readonly Diagnostic[], known: ReadonlySet<string>, log: Logger): Set<string> {
  const now = new Set<string>();
  for (const diagnostic of diagnostics) {
    const text = JSON.stringify(diagnostic);
    if (!known.has(text)) logDiagnostic(diagnostic, log);
    now.add(text);
  }
  return now;
}

function logDiagnostic({ severity, message, ...where }: Diagnostic, log: Logger): void {
  const fields = { ...where, reason: message };
  if (severity === 'error') log.error(fields, 'declaration');
  else if (severity === 'warning') log.warn(fields, 'declaration');
  else log.info(fields, 'declaration');
}
