import { Agent, request } from 'node:https';

export interface Target {
  /** `https://HOST:PORT/path`. */
  readonly url: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Load {
  readonly body: string;
  readonly connections: number;
  readonly requests: number;
  /** Called with each answer; throws if it is not what the benchmark expects. */
  readonly check: (answer: string) => void;
}

/** Posts `requests` times over kept-alive mutual TLS in a closed loop; resolves with requests per second. */
export async function requestsPerSecond(target: Target, load: Load): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections, ca: target.ca, cert: target.cert, key: target.key });
  try {
    await closedLoop(target, { ...load, requests: load.connections }, agent);
    const started = performance.now();
    await closedLoop(target, load, agent);
    return load.requests / ((performance.now() - started) / 1000);
  } finally {
    agent.destroy();
  }
}

async function closedLoop(target: Target, load: Load, agent: Agent): Promise<void> {
  let left = load.requests;
  const slot = async (): Promise<void> => {
    while (left-- > 0) load.check(await post(target.url, load.body, agent));
  };
  await Promise.all(Array.from({ length: load.connections }, slot));
}

export function post(url: string, body: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    });
    sent.on('error', reject).end(body);
  });
}
