import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { Endpoint } from './endpoints.ts';
import type { ProtocolCode } from './protocol.ts';

export type KeyOutcome = 'accepted' | 'refused' | 'unavailable' | 'misconfigured' | 'invalid';

/** How one kind of the cluster's objects is doing. */
export interface KindHealth {
  /** One of ours. */
  readonly kind: string;
  readonly objects: number;
  /** Lists and watches that failed so far. */
  readonly failures: number;
  /** Since the API server last said anything of it; undefined: never. */
  readonly silenceSeconds: number | undefined;
}

/** What is counted. No label's value comes from a caller, an image or a registry. */
export interface Metrics {
  answered(endpoint: Endpoint, status: number, ms: number): void;
  refused(code: ProtocolCode): void;
  /** One distinct key of a request; `code` is the reason's. */
  key(endpoint: Endpoint, outcome: KeyOutcome, code: string): void;
  /** Something that was to be told with an answer: an exemption that was used, a refusal that was let pass. `event` is one of ours. */
  record(event: string): void;
  cache(result: 'hit' | 'shared' | 'miss'): void;
  inFlight(requests: number): void;
  handshakeFailed(): void;
  /** Why a client certificate was refused: OpenSSL's code, or ours. */
  clientRefused(reason: string): void;
  reload(result: 'applied' | 'kept'): void;
  certificateExpires(at: Date): void;
  configuration(generation: number, usable: boolean): void;
  cluster(health: KindHealth): void;
  readonly contentType: string;
  render(): Promise<string>;
}

const CODE = /^[A-Z][A-Z0-9_]{1,47}$/;
/** Distinct codes shown; docs/errors.md lists a few dozen. */
const MAX_CODES = 100;
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.8, 1, 1.7, 2.5, 5]; /* seconds */

/** Makes the metrics of one provider in a registry of their own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <T extends string>(name: string, help: string, ...labelNames: T[]) => new Counter({ name, help, labelNames, registers });
  const gauge = <T extends string>(name: string, help: string, ...labelNames: T[]) => new Gauge({ name, help, labelNames, registers });
  const answers = counter('countersign_answers_total', 'Evaluated requests.', 'action', 'shape', 'status');
  const refusals = counter('countersign_refused_requests_total', 'Requests that were not evaluated.', 'code');
  const keys = counter('countersign_keys_total', 'Distinct keys answered.', 'action', 'outcome', 'code');
  const records = counter(
    'countersign_records_total',
    'Exemptions used, refusals let pass, and the like, as often as they were answered.',
    'event',
  );
  const cache = counter('countersign_verdict_cache_total', 'Look-ups in the verdict cache.', 'result');
  const handshakes = counter('countersign_tls_handshake_failures_total', 'Connections that ended in the TLS handshake.');
  const clients = counter('countersign_client_refused_total', 'Requests refused for their client certificate.', 'reason');
  const reloads = counter('countersign_tls_reloads_total', 'Changes of the TLS files.', 'result');
  const inFlight = gauge('countersign_requests_in_flight', 'Requests being answered.');
  const expiry = gauge('countersign_serving_certificate_expiry_timestamp_seconds', 'When the serving certificate expires.');
  const generation = gauge('countersign_configuration_generation', 'Configurations seen in force, looked at with each scrape.');
  const usable = gauge('countersign_configuration_usable', '1 when something can be decided.');
  const objects = gauge('countersign_cluster_objects', 'Custom resources as the API server last had them.', 'kind');
  const silence = gauge(
    'countersign_cluster_silence_seconds',
    'Since the API server last said anything of a kind; bookmarks come each minute.',
    'kind',
  );
  const failures = gauge('countersign_cluster_failures', 'Lists and watches that failed since the start.', 'kind');
  const latency = new Histogram({
    name: 'countersign_answer_duration_seconds',
    help: 'From the request to its answer.',
    labelNames: ['action'],
    buckets: LATENCY_BUCKETS,
    registers,
  });
  const bounded = boundedCodes();
  return {
    answered: ({ action, shape }, status, ms) => {
      answers.inc({ action, shape, status });
      latency.observe({ action }, ms / 1000);
    },
    refused: (code) => refusals.inc({ code }),
    key: ({ action }, outcome, code) => keys.inc({ action, outcome, code: bounded(code) }),
    record: (event) => records.inc({ event }),
    cache: (result) => cache.inc({ result }),
    inFlight: (requests) => inFlight.set(requests),
    handshakeFailed: () => handshakes.inc(),
    clientRefused: (reason) => clients.inc({ reason: bounded(reason) }),
    reload: (result) => reloads.inc({ result }),
    certificateExpires: (at) => expiry.set(at.getTime() / 1000),
    configuration: (count, isUsable) => {
      generation.set(count);
      usable.set(isUsable ? 1 : 0);
    },
    cluster: ({ kind, objects: count, failures: failed, silenceSeconds }) => {
      objects.set({ kind }, count);
      failures.set({ kind }, failed);
      silence.set({ kind }, silenceSeconds ?? Number.POSITIVE_INFINITY);
    },
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}

/** Codes are constants of the source; should one ever carry something else, it counts as OTHER. */
function boundedCodes(): (code: string) => string {
  const seen = new Set<string>();
  return (code) => {
    if (seen.has(code)) return code;
    if (seen.size >= MAX_CODES || !CODE.test(code)) return 'OTHER';
    seen.add(code);
    return code;
  };
}
