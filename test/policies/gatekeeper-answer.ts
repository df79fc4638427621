import { Agent, request } from 'node:https';
import type { RegoAnswer } from './opa.ts';

interface Item {
  readonly key?: unknown;
  readonly value?: unknown;
  readonly error?: unknown;
}

/** Asks a provider as Gatekeeper's client does and makes of its answer what Rego sees, failures included. */
export async function askAsGatekeeper(address: string, ca: string, keys: readonly string[]): Promise<RegoAnswer> {
  const url = `https://${address}/verify`;
  let answer: { readonly status: number; readonly text: string };
  try {
    answer = await post(url, ca, keys);
  } catch (error) {
    return failed(`failed to send external data request: Post "${url}": ${error instanceof Error ? error.message : String(error)}`);
  }
  const body = parse(answer.text);
  if (typeof body === 'string') return failed(`failed to unmarshal external data response: ${body}`);
  const { items = [], systemError = '' } = (body.response ?? {}) as { items?: readonly Item[]; systemError?: string };
  const isError = (item: Item): boolean => typeof item.error === 'string' && item.error !== '';
  return {
    responses: items.filter((item) => !isError(item)).map(({ key, value = null }) => [String(key), value] as const),
    errors: items.filter(isError).map(({ key, error }) => [String(key), String(error)] as const),
    status_code: answer.status,
    system_error: systemError,
  };
}

function failed(why: string): RegoAnswer {
  return { responses: null, errors: null, status_code: 500, system_error: why };
}

/** The document, or what Go's decoder says of it. */
function parse(text: string): Readonly<Record<string, unknown>> | string {
  if (text === '') return 'unexpected end of JSON input';
  if (!text.startsWith('{')) return `invalid character '${text.charAt(0)}' looking for beginning of value`;
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

function post(url: string, ca: string, keys: readonly string[]): Promise<{ readonly status: number; readonly text: string }> {
  const body = JSON.stringify({ apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'ProviderRequest', request: { keys } });
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent: new Agent({ ca }), headers: { 'content-type': 'application/json' } }, (response) => {
      const chunks: Buffer[] = [];
      response
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('error', reject)
        .on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }));
    });
    sent.on('error', reject).end(body);
  });
}
