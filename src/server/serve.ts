import type { Settings } from '../config/settings.ts';
import type { FactCache, Snapshot } from '../engine/types.ts';
import { createVerdictCache } from '../lib/cache.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { RevocationPort } from '../lib/revocation.ts';
import { type Asked, createApp } from './app.ts';
import type { PemSource, TlsFiles } from './certificates.ts';
import { listenAdmin } from './health.ts';
import { createLanes } from './lanes.ts';
import { type HostPort, type Listening, listen } from './listen.ts';
import { createMetrics, type KindHealth, type Metrics } from './metrics.ts';
import { type MutateDeps, mutate } from './mutate.ts';
import { type Judged, type VerifyDeps, verify } from './verify.ts';

export interface ProviderOptions {
  readonly listen: HostPort;
  readonly admin: HostPort;
  readonly tls: ProviderTls;
  /** What is in force: taken once a request, and whether it can decide anything. */
  readonly engines: { current(): Snapshot; usable(): boolean };
  readonly facts: FactCache;
  /** Where it is asked whether certificates were revoked. */
  readonly revocation?: RevocationPort;
  /** The cluster that is followed: whether it can be heard. */
  readonly cluster?: { notReady(): readonly string[]; health(): readonly KindHealth[] };
  /** Where else it is told that an exemption was used, or a refusal let pass. */
  readonly audit?: VerifyDeps['audit'];
  readonly settings: Pick<Settings, 'validating' | 'mutating' | 'request' | 'caches' | 'verdictTtl' | 'freshnessMs'>;
  readonly log: Logger;
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly limits?: Partial<ProviderLimits>;
}

export interface ProviderTls {
  /** PEM; changes are followed. */
  readonly cert: PemSource;
  readonly key: PemSource;
  /** Authorities of client certificates. *Required* unless `noClientAuth`. */
  readonly clientCa?: string;
  /** A DNS name that the client certificate must have. Default Gatekeeper's, in its usual namespace. */
  readonly clientName?: string;
  readonly noClientAuth?: boolean;
}

/** What callers may take, and how the end goes; times in milliseconds. */
export interface ProviderLimits {
  /** Handshake, headers and body, each. Default 10,000. */
  readonly callerTimeoutMs: number;
  /** Default 4,096. */
  readonly maxConnections: number;
  /** Requests at one time; one more is answered `OVERLOADED`. Default 2,048. */
  readonly maxInFlight: number;
  /** Bytes of bodies being read at one time. Default 64 MiB. */
  readonly maxBufferedBytes: number;
  /** Evaluations at one time that wait for one registry. Default 16. */
  readonly perRegistry: number;
  /** Evaluations under way or waiting in all. Default 20,000. */
  readonly maxEvaluations: number;
  /** How often the TLS files are looked at. Default 250. */
  readonly reloadEveryMs: number;
  /** How long new requests are answered after `close` was called, since endpoints lag. Default 2,000. */
  readonly lagMs: number;
  /** When `close` cuts off what is still in flight. Default 9,000. */
  readonly closeWithinMs: number;
}

export interface RunningProvider {
  readonly address: string;
  readonly admin: string;
  /** Is not ready from now on, answers new requests for `lagMs`, finishes what is in flight, and resolves within `closeWithinMs`. */
  close(): Promise<void>;
}

const DEFAULTS: ProviderLimits = {
  callerTimeoutMs: 10_000,
  maxConnections: 4096,
  maxInFlight: 2048,
  maxBufferedBytes: 64 * 1024 * 1024,
  perRegistry: 16,
  maxEvaluations: 20_000,
  reloadEveryMs: 250,
  lagMs: 2000,
  closeWithinMs: 9000,
};
const GATEKEEPER = 'gatekeeper-webhook-service.gatekeeper-system.svc';

/**
 * Serves Gatekeeper's external-data protocol, and health and metrics on a second port.
 *
 * @throws {TlsFilesError} when the TLS files cannot be used, also when `clientCa` is missing without `noClientAuth`; and what binding a port throws.
 */
export async function serveProvider(options: ProviderOptions): Promise<RunningProvider> {
  const { log, settings, clock = systemClock } = options;
  const limits = { ...DEFAULTS, ...options.limits };
  const metrics = createMetrics();
  const evaluate = createEvaluate(options, limits, clock, metrics);
  const limitsOfApp = { ...limits, ...settings.request, bodyTimeoutMs: limits.callerTimeoutMs };
  const provider = await listen(
    {
      ...limits,
      listen: options.listen,
      files: tlsFiles(options.tls, log),
      clientName: options.tls.clientName ?? GATEKEEPER,
      now: clock.now,
      log,
      metrics,
    },
    (door) => createApp({ ...door, evaluate, limits: limitsOfApp, log, metrics }),
  );
  let stopping = false;
  const admin = await listenAdmin({
    listen: options.admin,
    notReady: () => whyNotReady(stopping, options, provider, clock),
    refresh: gauges(options, metrics),
    metrics,
    log,
  }).catch(async (error: unknown) => {
    await provider.close(0);
    throw error;
  });
  let closed: Promise<void> | undefined;
  const close = async () => {
    stopping = true;
    provider.drain();
    log.info({ lagMs: limits.lagMs }, 'stopping');
    await elapsed(limits.lagMs);
    await provider.close(Math.max(0, limits.closeWithinMs - limits.lagMs));
    await admin.close();
  };
  return {
    address: provider.address,
    admin: admin.address,
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

function createEvaluate(
  { engines, facts, revocation, settings, log, audit }: ProviderOptions,
  limits: ProviderLimits,
  clock: Clock,
  metrics: Metrics,
): (asked: Asked) => Promise<string> {
  const shared = { engines, log, metrics, maxKeyBytes: settings.request.maxKeyBytes };
  const lanes = () => createLanes(limits.perRegistry, limits.maxEvaluations);
  const verifyDeps: VerifyDeps = {
    ...shared,
    facts,
    ...(revocation === undefined ? {} : { revocation }),
    verdicts: createVerdictCache<Judged>({ maxBytes: settings.caches.verdictsBytes, clock, onLookup: metrics.cache }),
    lanes: lanes(),
    deadlineMs: settings.validating.deadlineMs,
    ttl: settings.verdictTtl,
    freshnessMs: settings.freshnessMs,
    now: () => new Date(clock.now()),
    ...(audit === undefined ? {} : { audit }),
  };
  const mutateDeps: MutateDeps = { ...shared, lanes: lanes(), deadlineMs: settings.mutating.deadlineMs };
  return (asked) => (asked.endpoint.action === 'verify' ? verify(asked, verifyDeps) : mutate(asked, mutateDeps));
}

function tlsFiles({ cert, key, clientCa, noClientAuth }: ProviderTls, log: Logger): TlsFiles {
  if (noClientAuth === true) {
    log.warn({}, 'CLIENT AUTHENTICATION IS OFF: whoever reaches the port is answered');
    return { cert, key };
  }
  // An empty path fails when it is read, and names what is missing.
  return { cert, key, clientCa: clientCa ?? '' };
}

function whyNotReady(stopping: boolean, { engines, cluster }: ProviderOptions, provider: Listening, clock: Clock): readonly string[] {
  return [
    ...(stopping ? ['stopping'] : []),
    ...(engines.usable() ? [] : ['nothing usable is declared: every image is misconfigured']),
    ...(cluster?.notReady() ?? []),
    ...(clock.now() > provider.notAfter().getTime() ? ['the serving certificate has expired'] : []),
  ];
}

function gauges({ engines, cluster }: ProviderOptions, metrics: Metrics): () => void {
  let shown: Snapshot | undefined;
  let generation = 0;
  return () => {
    const current = engines.current();
    if (current !== shown) generation += 1;
    shown = current;
    metrics.configuration(generation, engines.usable());
    for (const kind of cluster?.health() ?? []) metrics.cluster(kind);
  };
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
