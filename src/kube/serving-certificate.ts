import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../lib/clock.ts';
import { errorText } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { KubeClient } from './client.ts';
import { KubeError } from './errors.ts';
import { type KubeObject, member, readKubeObject } from './objects.ts';
import { corePath, readIfThere } from './secrets.ts';
import {
  bundleOf,
  hostsOf,
  type MadeCertificate,
  notAfterOf,
  readServingState,
  SERVING_ANNOTATIONS,
  type ServingState,
  writeServingState,
} from './serving-secret.ts';

export interface ServingCertificateOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** The Secret that replicas share. It may be there and empty: then nobody needs the right to create one. */
  readonly secret: string;
  /** Names and addresses that callers use. */
  readonly hosts: readonly string[];
  /** Gatekeeper's Provider objects whose `caBundle` is kept. */
  readonly providers: readonly string[];
  readonly days: number;
  /** Makes a certificate of an authority that exists for it alone. */
  readonly issue: (hosts: readonly string[], days: number, now: Date) => Promise<MadeCertificate>;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly times?: Partial<ServingTimes>;
}

/** In milliseconds. */
export interface ServingTimes {
  /** How often the Secret and the Providers are looked at. Default 30,000. */
  readonly lookMs: number;
  /** How long callers have a new authority before its certificate is served. Default 300,000. */
  readonly settleMs: number;
  /** How long callers keep an authority whose certificate is served no more. Default a day. */
  readonly retireMs: number;
  /** How long a start waits for the first certificate. Default 30,000. */
  readonly firstMs: number;
}

export interface ServingCertificate {
  /** The certificate to serve, and its key; it may be another each time. */
  current(): { readonly cert: string; readonly key: string };
  close(): Promise<void>;
}

const TIMES: ServingTimes = { lookMs: 30_000, settleMs: 300_000, retireMs: 86_400_000, firstMs: 30_000 };
const RETRY_MS = 1000;
const PROVIDERS = '/apis/externaldata.gatekeeper.sh/v1beta1/providers';

/**
 * Keeps a serving certificate in a Secret and its authority in Gatekeeper's Provider objects.
 *
 * Replicas agree through the Secret: each step is one write on top of what was read, and who comes second reads again. A renewal goes
 * in three: the new authority is handed to the callers; when they had it for a while its certificate is served; the old authority goes a day
 * later. The key of an authority is forgotten as soon as it has signed.
 *
 * @throws {KubeError} if there is no certificate within `firstMs`.
 */
export async function keepServingCertificate(options: ServingCertificateOptions): Promise<ServingCertificate> {
  const { log, clock = systemClock } = options;
  const times = { ...TIMES, ...options.times };
  const stop = new AbortController();
  let active = await firstCertificate(options, times, clock);
  const follow = async (): Promise<void> => {
    while (await pause(times.lookMs * (0.9 + 0.2 * Math.random()), stop.signal)) {
      try {
        active = (await look(options, times, clock, stop.signal)).active;
      } catch (error) {
        if (stop.signal.aborted) break;
        // Another replica was first: the next look sees what it wrote.
        if (error instanceof KubeError && error.code === 'CLUSTER_CONFLICT') continue;
        log.warn({ reason: errorText(error) }, 'the serving certificate cannot be looked after; it stays as it is');
      }
    }
  };
  const following = follow();
  return {
    current: () => active,
    close: async () => {
      stop.abort();
      await following;
    },
  };
}

async function firstCertificate(options: ServingCertificateOptions, times: ServingTimes, clock: Clock): Promise<MadeCertificate> {
  const until = clock.monotonic() + times.firstMs;
  for (;;) {
    try {
      return (await look(options, times, clock, new AbortController().signal)).active;
    } catch (error) {
      if (!(error instanceof KubeError) || clock.monotonic() > until) throw error;
      options.log.warn({ code: error.code, reason: error.message }, 'the serving certificate is waited for');
      await sleep(Math.min(RETRY_MS, times.lookMs));
    }
  }
}

/** One look at everything, and the step that is due. */
async function look(options: ServingCertificateOptions, times: ServingTimes, clock: Clock, signal: AbortSignal): Promise<ServingState> {
  const path = corePath(options.namespace, 'secrets', options.secret);
  const secret = await readIfThere(options.client, path, signal);
  const state = readServingState(secret);
  const known = state !== undefined && (await tellProviders(options, state, signal));
  const due = state === undefined ? await begin(options, clock.now()) : await step(state, known, options, times, clock.now());
  if (due.what === undefined) return due.state;
  await write(options, secret, due.state, signal);
  options.log.info({ secret: options.secret, expires: new Date(notAfterOf(due.state.active.cert)) }, due.what);
  await tellProviders(options, due.state, signal);
  return due.state;
}

/** What is to be; without `what` it is so already. */
interface Due {
  readonly state: ServingState;
  readonly what?: string;
}

async function begin({ issue, hosts, days }: ServingCertificateOptions, now: number): Promise<Due> {
  const active = await issue(hosts, days, new Date(now));
  return { state: { active, next: undefined, previous: undefined }, what: 'a serving certificate was made' };
}

async function step(
  state: ServingState,
  known: boolean,
  { issue, hosts, days }: ServingCertificateOptions,
  times: ServingTimes,
  now: number,
): Promise<Due> {
  const { active, next, previous } = state;
  const expired = now >= notAfterOf(active.cert);
  if (next !== undefined && (expired || (known && now - next.since >= times.settleMs))) {
    const { since: _since, ...made } = next;
    return {
      state: { active: made, next: undefined, previous: { ca: active.ca, since: now } },
      what: 'the new serving certificate is served',
    };
  }
  const wanted = [...hosts].sort().join();
  const late = notAfterOf(active.cert) - now < (days * 86_400_000) / 3;
  if (next === undefined && (late || hostsOf(active.cert).join() !== wanted)) {
    const made = await issue(hosts, days, new Date(now));
    return {
      state: { active, next: { ...made, since: now }, previous },
      what: 'a new serving certificate was made; callers get its authority first',
    };
  }
  if (previous !== undefined && now - previous.since >= times.retireMs) {
    return {
      state: { active, next, previous: undefined },
      what: 'the authority of the serving certificate before is not trusted any more',
    };
  }
  return { state };
}

async function write(
  { client, namespace, secret: name }: ServingCertificateOptions,
  before: unknown,
  state: ServingState,
  signal: AbortSignal,
): Promise<void> {
  const { data, annotations } = writeServingState(state);
  if (before === undefined) {
    const body = { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name, namespace, annotations }, data };
    await client.request({ method: 'POST', path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`, body }, signal);
    return;
  }
  const secret = readKubeObject(before);
  const others = Object.entries((secret.metadata as Readonly<Record<string, unknown>>).annotations ?? {}).filter(
    ([key]) => !SERVING_ANNOTATIONS.includes(key),
  );
  const body = { ...secret, metadata: { ...secret.metadata, annotations: { ...Object.fromEntries(others), ...annotations } }, data };
  await client.request({ method: 'PUT', path: corePath(namespace, 'secrets', name), body }, signal);
}

/** Gives the Providers the authorities; resolves with whether all that are there have them. */
async function tellProviders(
  { client, providers, log }: ServingCertificateOptions,
  state: ServingState,
  signal: AbortSignal,
): Promise<boolean> {
  const caBundle = Buffer.from(bundleOf(state)).toString('base64');
  let known = true;
  for (const name of providers) {
    const path = `${PROVIDERS}/${encodeURIComponent(name)}`;
    try {
      const found: KubeObject = readKubeObject(await client.request({ method: 'GET', path }, signal));
      if (member(found.spec, 'caBundle') === caBundle) continue;
      const body = { metadata: { resourceVersion: found.metadata.resourceVersion }, spec: { caBundle } };
      await client.request({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' }, signal);
      log.info({ provider: name }, 'the Provider has the authority of the serving certificate');
    } catch (error) {
      signal.throwIfAborted();
      // One that is not there yet is told when it is.
      if (error instanceof KubeError && error.code === 'CLUSTER_NOT_FOUND') continue;
      known = false;
      // Another replica was first; it said the same.
      if (error instanceof KubeError && error.code === 'CLUSTER_CONFLICT') continue;
      log.warn({ provider: name, reason: errorText(error) }, 'the Provider cannot be told the authority of the serving certificate');
    }
  }
  return known;
}

async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal, ref: false });
    return true;
  } catch {
    return false; // only an abort ends a wait early
  }
}
