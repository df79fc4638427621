import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningProvider, startProvider } from '../e2e/provider.ts';

const GOOD = readFileSync(join(import.meta.dirname, 'layout.yaml'), 'utf8');
const DOCUMENTS = GOOD.split('\n---\n');
const PATH = '/ratify/gatekeeper/v1/verify';
const IMAGE = 'demo.countersign.test/app:jws';
const SECOND_MS = 1000;

const dir = mkdtempSync(join(tmpdir(), 'countersign-serve-'));
const declare = (text: string) => writeFileSync(join(dir, 'all.yaml'), text);
const without = (kind: string) => DOCUMENTS.filter((document) => !document.includes(`kind: ${kind}\n`)).join('\n---\n');

let provider: RunningProvider;

async function answer(): Promise<string> {
  const { response } = await provider.ask(PATH, [IMAGE]);
  const [item] = response.items ?? [];
  if (item === undefined) return response.systemError ?? 'nothing';
  return item.error ?? (item.value?.isSuccess === true ? 'accepted' : 'refused');
}

/** The first answer that matches; the last one, where none does in five times what is allowed. */
async function answerSoon(expected: RegExp): Promise<{ readonly text: string; readonly withinMs: number }> {
  const start = performance.now();
  for (;;) {
    const text = await answer();
    const withinMs = performance.now() - start;
    if (expected.test(text) || withinMs > 5 * SECOND_MS) return { text, withinMs };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function admin(path: string): Promise<number> {
  return (await fetch(`http://${provider.admin}${path}`)).status;
}

async function logged(text: string): Promise<string> {
  for (let tries = 0; tries < 250; tries++) {
    const found = provider.log.find((entry) => entry.includes(text));
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return `nothing in the log says ${text}`;
}

describe('serve', () => {
  beforeAll(async () => {
    declare(GOOD);
    provider = await startProvider(dir);
  });

  afterAll(async () => {
    expect(await provider.stop()).toBe(0);
    rmSync(dir, { recursive: true });
  });

  beforeEach(async () => {
    declare(GOOD);
    expect((await answerSoon(/^accepted$/)).text).toBe('accepted');
  });

  it('refuses from then on what was accepted by trust that is taken away, whatever is cached', async () => {
    declare(GOOD.replace('O=Countersign Demo"', 'O=Somebody Else"'));
    expect((await answerSoon(/^refused$/)).text).toBe('refused');
    expect(await answer()).toBe('refused');
  });

  it('lets a deletion take effect at once', async () => {
    declare(without('KeyManagementProvider'));
    expect((await answerSoon(/KEY_PROVIDER_MISSING/)).text).toContain('KEY_PROVIDER_MISSING');
  });

  it('keeps the last good object while a document is broken, names its line, and applies the rest', async () => {
    declare(`${GOOD.replace('kind: Policy', 'kind: [Policy')}\n---\n${DOCUMENTS[1]?.replace('name: demo-layout', 'name: another')}`);
    expect(await logged('not YAML')).toMatch(/all\.yaml","line":\d+/);
    expect(await answer()).toBe('accepted');
    expect(await admin('/readyz')).toBe(200);
  });

  it('answers misconfigured and is not ready with nothing declared', async () => {
    declare('# nothing\n');
    expect((await answerSoon(/misconfigured/)).text).toMatch(/misconfigured|NO_/);
    expect(await admin('/readyz')).not.toBe(200);
    expect(await admin('/healthz')).toBe(200);
  });
});
