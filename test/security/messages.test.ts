import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { object } from '../config/world.ts';
import { type FakeAuth, type Fault, startFakeRegistry } from '../fakes/registry.ts';
import { signJws } from '../sign.ts';
import { DECLARED, type Gate, KEYS, leaf, openGate, openScene, POLICY, STORE, saidOf, verifierWith } from './gate.ts';

const CANARY = 'c4n4ry-s3cret';
const USER = { username: 'robot', password: CANARY };
const BASIC = Buffer.from(`${USER.username}:${CANARY}`).toString('base64');

let gate: Gate;
const directory = mkdtempSync(join(tmpdir(), 'countersign-messages-'));
beforeAll(async () => {
  gate = await openGate({ settings: { validating: { webhookMs: 3000, providerMs: 2000, deadlineMs: 1500 } } });
});
afterAll(async () => {
  await gate.close();
  rmSync(directory, { recursive: true });
});

/** A Store whose credentials are in this file. */
function storeWith(config: string): string {
  const path = join(directory, `${Math.random()}.json`);
  writeFileSync(path, config);
  return object('Store', 'registry', {
    name: 'oras',
    parameters: { useHttp: true, authProvider: { name: 'dockerConfig', configPath: path } },
  });
}

describe('what is said of an image that nobody could judge', () => {
  it.each<[string, RegExp, Fault, string]>([
    ['a registry that fails', /./, { status: 500 }, 'unavailable REGISTRY_UNREACHABLE'],
    ['a registry that throttles', /./, { status: 429, headers: { 'retry-after': '60' } }, 'unavailable REGISTRY_THROTTLED'],
    ['a registry that denies', /./, { status: 403 }, 'unavailable REGISTRY_DENIED'],
    ['a registry that is silent', /./, { silent: true }, 'unavailable DEADLINE_EXCEEDED'],
    ['referrers that cannot be listed', /referrers/, { status: 502 }, 'unavailable REGISTRY_UNREACHABLE'],
    ['referrers that are cut short', /referrers/, { cutAfter: 5 }, 'unavailable CONTENT_TRUNCATED'],
    ['a signature that cannot be had', /blobs/, { status: 404 }, 'unavailable REGISTRY_UNREACHABLE'],
  ])('is never that it is not signed: %s', async (_case, match, fault, expected) => {
    await gate.declare(DECLARED);
    const { fake, byTag } = await openScene();
    fake.fault(match, fault);
    const answer = await gate.answer(byTag);
    expect(saidOf(answer)).toBe(expected);
    expect(answer.response.items).toEqual([]);
    expect(answer.response.systemError).toMatch(/^1 of 1 images not evaluated: [\x20-\x7e]+$/);
    expect(answer.response.systemError).not.toMatch(/not signed|unsigned|no signature|untrusted|refused/i);
    await fake.close();
  });

  it.each<[string, readonly string[], string]>([
    ['nothing declared', [], 'misconfigured NO_STORE'],
    ['keys that are not there', [STORE, verifierWith(), POLICY], 'misconfigured KEY_PROVIDER_MISSING'],
    [
      'a broken policy',
      [STORE, KEYS, verifierWith(), object('Policy', 'ratify-policy', { type: 'x', parameters: {} })],
      'misconfigured CONFIG_INVALID',
    ],
  ])('is never that it is not signed: %s', async (_case, documents, expected) => {
    await gate.declare(documents);
    const { fake, byTag } = await openScene();
    const answer = await gate.answer(byTag);
    expect(saidOf(answer)).toBe(expected);
    expect(answer.response.systemError).not.toMatch(/not signed|unsigned|no signature|untrusted|refused/i);
    await fake.close();
  });
});

describe('A-R-45, G-30: a secret', () => {
  const auths = (host: string, auth: object) => JSON.stringify({ auths: { [host]: auth } });

  it.each<[string, FakeAuth, (host: string) => string, Fault | undefined, string]>([
    [
      'that the registry does not take',
      { kind: 'basic', username: 'robot', password: 'other' },
      (host) => auths(host, { auth: BASIC }),
      undefined,
      'unavailable REGISTRY_DENIED',
    ],
    [
      'that the token server does not take',
      { kind: 'bearer', username: 'robot', password: 'other' },
      (host) => auths(host, { auth: BASIC }),
      undefined,
      'unavailable REGISTRY_DENIED',
    ],
    [
      'that the token server repeats in its error',
      { kind: 'bearer', ...USER },
      (host) => auths(host, { auth: BASIC }),
      { status: 500, body: `${CANARY} Basic ${BASIC}` },
      'unavailable REGISTRY_UNREACHABLE',
    ],
    [
      'that the token server repeats as something else',
      { kind: 'bearer', ...USER },
      (host) => auths(host, { auth: BASIC }),
      { body: CANARY },
      'unavailable REGISTRY_UNREACHABLE',
    ],
    [
      'in a redirect',
      { kind: 'basic', ...USER },
      (host) => auths(host, { auth: BASIC }),
      { status: 302, headers: { location: `http://robot:${CANARY}@127.0.0.1:1/?token=${CANARY}` } },
      'unavailable REGISTRY_UNREACHABLE',
    ],
    [
      'in a redirect’s query',
      { kind: 'basic', ...USER },
      (host) => auths(host, { auth: BASIC }),
      { status: 302, headers: { location: `http://127.0.0.1:1/?token=${CANARY}` } },
      'unavailable REGISTRY_UNREACHABLE',
    ],
    [
      'in a file that is no JSON',
      { kind: 'basic', ...USER },
      (host) => auths(host, { auth: BASIC }).slice(0, -3) + CANARY,
      undefined,
      'unavailable CREDENTIALS_INVALID',
    ],
    [
      'in a file with an entry that is none',
      { kind: 'basic', ...USER },
      (host) => auths(host, { auth: `${BASIC}!`, password: CANARY }),
      undefined,
      'unavailable CREDENTIALS_INVALID',
    ],
    [
      'of an identity that the token server does not know',
      { kind: 'bearer', identityToken: 'other' },
      (host) => auths(host, { identitytoken: CANARY }),
      undefined,
      'unavailable REGISTRY_DENIED',
    ],
  ])('%s is in no answer and in no line of the log', async (_case, auth, config, fault, expected) => {
    const fake = await startFakeRegistry({ auth });
    const image = fake.pushImage({ tag: 'v1' });
    fake.pushSignature({ subject: image, envelope: signJws({ signer: leaf, subject: image }) });
    if (fault !== undefined) fake.fault(fault.headers === undefined && auth.kind === 'bearer' ? /token/ : /./, fault);
    await gate.declare([storeWith(config(fake.host)), ...DECLARED.slice(1)]);
    gate.provider.log.length = 0;
    for (const path of ['/ratify/gatekeeper/v1/verify', '/ratify/gatekeeper/v2/verify', '/ratify/gatekeeper/v1/mutate']) {
      const answer = await gate.provider.ask([`${fake.host}/team/app:v1`], path);
      if (path.endsWith('v1/verify')) expect(saidOf(answer)).toBe(expected);
      for (const text of [answer.text, gate.provider.log.join('')]) {
        expect(text).not.toContain(CANARY);
        expect(text).not.toContain(BASIC);
      }
      expect(answer.text).not.toMatch(/\bat (?:file:|node:|async |\/)|\.ts:\d+|node_modules/);
    }
    await fake.close();
  });

  it('in a declaration is not in the answer, nor in the diagnostics', async () => {
    const key = String(leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const body = key.split('\n')[1] ?? '';
    const diagnostics = await gate.declare([
      STORE,
      object('KeyManagementProvider', 'roots', { type: 'inline', parameters: { contentType: 'key', value: key } }),
      verifierWith(),
      POLICY,
    ]);
    const { fake, byTag } = await openScene();
    const { text } = await gate.answer(byTag);
    expect(text).toContain('KEY_PROVIDER_MISSING');
    expect(text).not.toContain(body);
    expect(JSON.stringify(diagnostics)).not.toContain(body);
    expect(body.length).toBeGreaterThan(40);
    await fake.close();
  });

  it('and a stack are in no answer for an error of ours', async () => {
    const { provider } = gate;
    provider.use({
      for: () => {
        throw new TypeError(`${CANARY} of ours`);
      },
    });
    const answer = await gate.answer('reg.example/app:1');
    expect(answer.status).toBe(500);
    expect(answer.response.systemError).toMatch(/^INTERNAL: an error of ours; the log has it under trace [0-9a-f-]{36}$/);
    expect(answer.text).not.toContain(CANARY);
    expect(provider.log.join('')).toContain(CANARY);
  });
});
