import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import { createLogger } from '../lib/log.ts';
import { isDigest } from '../oci/digest.ts';
import { startDemoRegistry } from './demo-registry.ts';
import { createDemoTls, type DemoTls } from './demo-tls.ts';
import { clean, table } from './output.ts';
import { type Served, startProvider } from './serve.ts';

/** One question of the demo, and what must come back. */
interface Question {
  readonly what: string;
  readonly key: string;
  readonly expected: { readonly outcome: 'accepted' | 'refused' | 'unavailable' | 'invalid'; readonly code: string };
}

/** What came back for one key. */
interface Found {
  readonly outcome: string;
  readonly code: string;
  readonly message: string;
}

const LAYOUT = fileURLToPath(new URL('./demo-layout/', import.meta.url));
const CONFIG = join(LAYOUT, 'config.yaml');
const COMMAND = 'npm run -s countersign --';
const VERIFY = '/ratify/gatekeeper/v1/verify';
const MUTATE = '/ratify/gatekeeper/v1/mutate';
const MAX_CELL = 96;

/** `countersign demo`: the main job for real, on loopback. Resolves with 0 if every answer was the expected one, else 1. */
export async function demoCommand({ keep = false }: { readonly keep?: boolean }): Promise<number> {
  const registry = await startDemoRegistry(LAYOUT);
  const silent = await startSilentServer();
  const tls = await createDemoTls();
  try {
    const provider = await startProvider(
      {
        ...tls.files,
        config: CONFIG,
        listen: '127.0.0.1:0',
        admin: '127.0.0.1:0',
        clientName: tls.clientName,
        clientAuth: true,
      },
      createLogger({ level: 'error', stream: process.stderr }),
    );
    say(`A registry serves signed images on http://${registry.host}; the provider listens on https://${provider.address}.`);
    say('Gatekeeper asks over mutual TLS: POST /ratify/gatekeeper/v1/verify\n');
    const verified = await ask(questions(registry.host, silent.host), tls, provider.address);
    const pinned = await pin(registry.host, tls, provider.address);
    const passed = verified && pinned;
    conclude(passed);
    if (keep) await stayUp(provider, registry.host, tls);
    else {
      next();
      await Promise.race([provider.close(), closedEnough()]);
    }
    return passed ? 0 : 1;
  } finally {
    silent.server.close();
    await registry.close();
    await tls.dispose();
  }
}

function questions(host: string, silent: string): readonly Question[] {
  const question = (what: string, tag: string, outcome: Question['expected']['outcome'], code: string): Question => ({
    what,
    key: `${host}/app:${tag}`,
    expected: { outcome, code },
  });
  return [
    question('signed, JWS envelope', 'jws', 'accepted', 'VERIFIED'),
    question('signed, COSE envelope', 'cose', 'accepted', 'VERIFIED'),
    question('multi-platform index, signed', 'index', 'accepted', 'VERIFIED'),
    question('signed twice', 'both', 'accepted', 'VERIFIED'),
    question('not signed', 'unsigned', 'refused', 'NO_SIGNATURES'),
    question('signed by somebody else', 'foreign', 'refused', 'SIGNER_UNTRUSTED'),
    question("another image's signature", 'tampered', 'refused', 'PAYLOAD_MISMATCH'),
    question('signature with a changed byte', 'corrupt', 'refused', 'SIGNATURE_INVALID'),
    question('signature that has expired', 'expired', 'refused', 'SIGNATURE_EXPIRED'),
    question('no such tag', 'missing', 'refused', 'IMAGE_NOT_FOUND'),
    { what: 'no image reference at all', key: `${host}/App:UPPER`, expected: { outcome: 'invalid', code: 'INVALID_REFERENCE' } },
    { what: 'registry that does not answer', key: `${silent}/app:1`, expected: { outcome: 'unavailable', code: 'DEADLINE_EXCEEDED' } },
  ];
}

async function ask(all: readonly Question[], tls: DemoTls, address: string): Promise<boolean> {
  const answer = await tls.ask(
    address,
    VERIFY,
    all.map(({ key }) => key),
  );
  const rows = all.map((question) => ({ question, found: foundFor(question.key, answer) }));
  const asExpected = ({ question: { expected }, found }: (typeof rows)[number]): boolean =>
    found.outcome === expected.outcome && found.code === expected.code;
  const cells = rows.map((row) => [
    row.question.what,
    row.found.outcome.toUpperCase(),
    row.found.code,
    shorten(row.found.message),
    asExpected(row) ? '' : `expected ${row.question.expected.code}`,
  ]);
  say(table([['image', 'answer', 'code', 'why', ''], ...cells]));
  say(`\nLeft out of the items, so that nobody keeps it for minutes; systemError says:\n  ${clean(systemErrorOf(answer))}`);
  return rows.every(asExpected);
}

/** Whether the tag came back with a digest behind it. */
async function pin(host: string, tls: DemoTls, address: string): Promise<boolean> {
  const key = `${host}/app:jws`;
  const [item] = itemsOf(await tls.ask(address, MUTATE, [key]));
  const value = String(item?.value ?? item?.error);
  say(`\nPOST ${MUTATE} pins tags to digests:\n  ${key}\n  -> ${clean(value)}`);
  return value.startsWith(`${key}@`) && isDigest(value.slice(key.length + 1));
}

function conclude(passed: boolean): void {
  const text = passed
    ? styleText(['green', 'bold'], 'Every answer was the expected one.', { stream: process.stdout })
    : 'Some answers were not the expected ones.';
  say(`\n${text}`);
}

function next(): void {
  say(`
Next:
  ${COMMAND} demo --keep      # leaves all of it running, and says how to ask it
  ${COMMAND} verify --help    # the same verdicts on images of your own`);
}

async function stayUp(provider: Served, host: string, { files }: DemoTls): Promise<void> {
  say(`
Running until Ctrl-C. In another terminal, ask as an operator:
  ${COMMAND} verify ${host}/app:jws ${host}/app:foreign --config ${relative(process.cwd(), CONFIG)}
  ${COMMAND} verify ${host}/app:expired --at 2026-01-01T00:00:00Z -o json --config ${relative(process.cwd(), CONFIG)}
  ${COMMAND} discover ${host}/app:both --plain-http
  ${COMMAND} resolve ${host}/app:index --plain-http
or as Gatekeeper:
  curl --cacert ${files.clientCa} --cert ${files.clientCert} --key ${files.clientKey} \\
    -d '{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":["${host}/app:jws"]}}' \\
    https://${provider.address}${VERIFY}
  curl http://${provider.admin}/metrics`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await provider.close();
}

/** Nobody waits for endpoints to lag here. */
function closedEnough(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 50);
  });
}

/** A registry that takes connections and says nothing. */
async function startSilentServer(): Promise<{ host: string; server: Server }> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.unref();
  });
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return { host: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`, server };
}

function foundFor(key: string, answer: unknown): Found {
  const item = itemsOf(answer).find((one) => one.key === key);
  const systemError = systemErrorOf(answer);
  if (item === undefined) {
    const code = /unavailable ([A-Z_]{1,40})/.exec(systemError)?.[1] ?? 'none';
    return { outcome: systemError === '' ? 'none' : 'unavailable', code, message: 'see systemError below' };
  }
  if (typeof item.error === 'string') {
    const [code = '', ...message] = item.error.split(': ');
    return { outcome: 'invalid', code, message: message.join(': ') };
  }
  const value = isMap(item.value) ? item.value : {};
  const reason = isMap(value.reason) ? value.reason : {};
  const outcome = value.isSuccess === true ? 'accepted' : String(value.outcome);
  return { outcome, code: String(reason.code), message: String(reason.message) };
}

function itemsOf(answer: unknown): readonly Readonly<Record<string, unknown>>[] {
  const response = isMap(answer) && isMap(answer.response) ? answer.response : {};
  return Array.isArray(response.items) ? response.items.filter(isMap) : [];
}

function systemErrorOf(answer: unknown): string {
  const response = isMap(answer) && isMap(answer.response) ? answer.response : {};
  return typeof response.systemError === 'string' ? response.systemError : '';
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shorten(text: string): string {
  const line = clean(text);
  return line.length > MAX_CELL ? `${line.slice(0, MAX_CELL - 3)}...` : line;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
