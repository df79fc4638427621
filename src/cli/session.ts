import { buildSnapshot } from '../config/build.ts';
import { loadFiles } from '../config/files.ts';
import { kinds } from '../config/kinds.ts';
import type { Diagnostic } from '../config/resources.ts';
import { loadSettings, registrySettings, type Settings } from '../config/settings.ts';
import type { FactCache, Snapshot, Store } from '../engine/types.ts';
import { createFactCache } from '../lib/cache.ts';
import type { RevocationPort } from '../lib/revocation.ts';
import { createRevocationNetwork } from '../lib/revocation-network.ts';
import { printDiagnostic } from './output.ts';
import { policyOf } from './policy.ts';

export interface SessionOptions {
  readonly config?: string;
  readonly settings?: string;
  readonly plainHttp?: boolean;
}

/** What a command works with: the same configuration and the same engine as the provider. */
export interface Session {
  readonly snapshot: Snapshot;
  readonly facts: FactCache;
  readonly revocation: RevocationPort;
  readonly settings: Settings;
}

/** Loads and builds what is declared; what is wrong with it goes to standard error and stops nothing else. */
export async function openSession(options: SessionOptions & { readonly config: string }): Promise<Session> {
  const settings = await loadSettings(options.settings);
  for (const warning of settings.warnings) process.stderr.write(`warning: ${warning}\n`);
  const facts = createFactCache({ maxBytes: settings.caches.factsBytes });
  const { resources, diagnostics } = await loadFiles(options.config, { ownNamespace: settings.ownNamespace });
  const built = await buildSnapshot(resources, kinds, {
    facts,
    registries: registrySettings(settings, { plainHttp: options.plainHttp ?? false }),
    ownNamespace: settings.ownNamespace,
    freshnessMs: settings.freshnessMs,
    floor: settings.tenancy.floor,
    ...policyOf(settings),
    signal: new AbortController().signal,
  });
  report([...diagnostics, ...built.diagnostics]);
  return { snapshot: built.snapshot, facts, revocation: createRevocationNetwork(settings.revocation), settings };
}

/** The Store of a namespace's view, or, without a configuration, the registry itself with docker's credentials. */
export async function openStore(options: SessionOptions & { readonly namespace?: string }): Promise<Store | undefined> {
  if (options.config !== undefined) {
    const { snapshot } = await openSession({ ...options, config: options.config });
    return snapshot.for(options.namespace).store;
  }
  const settings = await loadSettings(options.settings);
  const { dockerConfig } = kinds.credentials;
  const { oras } = kinds.stores;
  if (dockerConfig === undefined || oras === undefined) return undefined;
  return oras.create({
    name: 'command line',
    parameters: oras.parameters.parse({}),
    credentials: dockerConfig.create({ name: 'command line', parameters: dockerConfig.parameters.parse({}) }),
    registries: registrySettings(settings, { plainHttp: options.plainHttp ?? false }),
  });
}

function report(diagnostics: readonly Diagnostic[]): void {
  for (const diagnostic of diagnostics) if (diagnostic.severity !== 'note') process.stderr.write(`${printDiagnostic(diagnostic)}\n`);
}
