import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface ApiCall {
  readonly method: string;
  /** With the host that the request names. */
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  /** Written as JSON unless it is text. */
  readonly body: unknown;
}

/**
 * What goes wrong with an answer: members over the honest one; `cutAfter` closes the connection and `hangAfter` falls silent after so many
 * bytes of the body; `silent` never answers.
 */
export interface ApiFault extends Partial<ApiAnswer> {
  readonly cutAfter?: number;
  readonly hangAfter?: number;
  readonly silent?: boolean;
}

export interface FakeApi {
  readonly origin: string;
  /** Every request so far, in the order of arrival. */
  readonly calls: readonly ApiCall[];
  /** The next `times` calls that `match` go wrong; the newest that matches decides. */
  fault(fault: ApiFault, times?: number, match?: (call: ApiCall) => boolean): void;
  close(): Promise<void>;
}

/** Answers like a cloud's API on a free port of loopback, honestly until `fault` says otherwise. */
export async function startFakeApi(
  answer: (call: ApiCall) => ApiAnswer,
  { tls }: { readonly tls?: { readonly key: string; readonly cert: string } | undefined } = {},
): Promise<FakeApi> {
  const calls: ApiCall[] = [];
  const faults: { fault: ApiFault; left: number; match: (call: ApiCall) => boolean }[] = [];
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const call = { method, url: new URL(url, `http://${headers.host}`), headers, body: Buffer.concat(chunks).toString() };
      calls.push(call);
      const entry = faults.findLast(({ left, match }) => left > 0 && match(call));
      if (entry !== undefined) entry.left--;
      send(response, { ...answer(call), ...entry?.fault });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    fault: (fault, times = Number.POSITIVE_INFINITY, match = () => true) => void faults.push({ fault, left: times, match }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(response: ServerResponse, { status, headers = {}, body, cutAfter, hangAfter, silent }: ApiAnswer & ApiFault): void {
  if (silent === true) return;
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers });
  if (cutAfter !== undefined) response.write(bytes.subarray(0, cutAfter), () => response.destroy());
  else if (hangAfter !== undefined) response.write(bytes.subarray(0, hangAfter));
  else response.end(bytes);
}
