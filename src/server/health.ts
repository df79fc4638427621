import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Logger } from '../lib/log.ts';
import { addressOf, bind, closeServer, type HostPort } from './listen.ts';
import type { Metrics } from './metrics.ts';

export interface AdminOptions {
  readonly listen: HostPort;
  /** Why no request should be sent here; empty when ready. */
  readonly notReady: () => readonly string[];
  /** Called before the metrics are shown, to bring gauges up to date. */
  readonly refresh: () => void;
  readonly metrics: Metrics;
  readonly log: Logger;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const TEXT = 'text/plain; charset=utf-8';

/**
 * Serves `/healthz`, `/readyz` and `/metrics` over plain HTTP on a port of their own; nothing there tells a verdict.
 */
export async function listenAdmin(options: AdminOptions): Promise<{ readonly address: string; close(): Promise<void> }> {
  const server = createServer({ headersTimeout: 5000, requestTimeout: 5000 }, (req, res) => {
    void show(req, res, options);
  });
  server.maxConnections = 64;
  server.on('error', (error) => options.log.error({ error }, 'admin server failed'));
  await bind(server, options.listen);
  return { address: addressOf(server), close: () => closeServer(server, 0) };
}

async function show(req: IncomingMessage, res: ServerResponse, options: AdminOptions): Promise<void> {
  res.on('error', () => req.destroy());
  const { status, type, text } = await page(req, options).catch((error: unknown) => {
    options.log.error({ error }, 'admin request failed');
    return { status: 500, type: TEXT, text: 'failed; see the log\n' };
  });
  const unread = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  res.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...(unread ? { Connection: 'close' } : {}),
  });
  res.end(text);
}

async function page(req: IncomingMessage, { notReady, refresh, metrics }: AdminOptions): Promise<Page> {
  if (req.method !== 'GET' && req.method !== 'HEAD') return { status: 405, type: TEXT, text: 'expected GET\n' };
  switch (req.url?.split('?', 1)[0]) {
    case '/healthz':
      return { status: 200, type: TEXT, text: 'ok\n' };
    case '/readyz': {
      const reasons = notReady();
      return reasons.length === 0
        ? { status: 200, type: TEXT, text: 'ok\n' }
        : { status: 503, type: TEXT, text: `${reasons.join('\n')}\n` };
    }
    case '/metrics':
      refresh();
      return { status: 200, type: metrics.contentType, text: await metrics.render() };
    default:
      return { status: 404, type: TEXT, text: 'expected /healthz, /readyz or /metrics\n' };
  }
}
