import { makeCorpus } from './corpus.ts';
import { requestsPerSecond, type Target } from './load.ts';
import { type Bench, startBare, startServe, trustConfig } from './provider.ts';
import { serveCorpus } from './registry.ts';
import { atLeast, context, type Figure } from './report.ts';
import { median } from './statistics.ts';

const VERIFY = '/ratify/gatekeeper/v1/verify';
const CONNECTIONS = 32;
const ROUNDS = 5;

export interface HotOptions {
  /** Requests in each round. */
  readonly requests: number;
}

/** Hot keys over kept-alive mutual TLS, held against a bare `node:https` server that sends the same bytes, in turn. */
export async function hot(bench: Bench, { requests }: HotOptions): Promise<Figure[]> {
  const corpus = makeCorpus({ images: 10, signatures: 1, others: 0 });
  const registry = await serveCorpus(corpus);
  const serve = await startServe(bench, bench.write('hot.yaml', trustConfig({ rootPem: corpus.root.pem })));
  try {
    const keys = corpus.images.map((digest) => `${registry.host}/bench/app@${digest}`);
    const figures: Figure[] = [];
    for (const [id, count, bound] of [
      ['H1', 1, 0.6],
      ['H2', 10, 0.5],
    ] as const) {
      figures.push(
        ...(await against(
          bench,
          { ...bench.tls, url: `https://${serve.address}${VERIFY}` },
          { id, bound, requests, keys: keys.slice(0, count) },
        )),
      );
    }
    return figures;
  } finally {
    await serve.stop();
    registry.close();
  }
}

interface Hot {
  readonly id: string;
  readonly bound: number;
  readonly requests: number;
  readonly keys: readonly string[];
}

async function against(bench: Bench, ours: Target, { id, bound, requests, keys }: Hot): Promise<Figure[]> {
  const body = JSON.stringify({ apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'ProviderRequest', request: { keys } });
  let sample = '';
  const check = (answer: string): void => {
    const accepted = answer.split('"isSuccess":true,"traceID"').length - 1;
    if (accepted !== keys.length) throw new Error(`expected ${keys.length} accepted keys, got ${answer.slice(0, 500)}`);
    sample = answer;
  };
  await requestsPerSecond(ours, { body, connections: 1, requests: 1, check });
  const bare = await startBare(bench, sample);
  const floor: Target = { ...bench.tls, url: `https://${bare.address}/` };
  const ratios: number[] = [];
  const rates: number[] = [];
  const load = { body, connections: CONNECTIONS, requests };
  for (let round = 0; round < ROUNDS; round++) {
    const [a, b] = [await requestsPerSecond(ours, { ...load, check }), await requestsPerSecond(floor, { ...load, check: () => undefined })];
    rates.push(a);
    ratios.push(a / b);
  }
  await bare.stop();
  const plural = keys.length === 1 ? '1 key' : `${keys.length} keys`;
  return [
    atLeast(id, `hot, ${plural}: rate over that of bare node:https`, median(ratios), bound, 'x'),
    context(id, `hot, ${plural}: our rate`, median(rates), 'requests/s'),
  ];
}
