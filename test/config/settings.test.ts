import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadSettings, registrySettings } from '../../src/config/settings.ts';
import { folder } from './world.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
const load = async (text: string, files: Readonly<Record<string, string>> = {}) =>
  loadSettings(join(await folder({ 'settings.yaml': text, ...files }), 'settings.yaml'));

describe('the settings', () => {
  it('are the budgets of the documentation where no file is named', async () => {
    expect(await loadSettings()).toEqual({
      ownNamespace: 'gatekeeper-system',
      validating: { webhookMs: 3000, providerMs: 2000, deadlineMs: 1700 },
      mutating: { webhookMs: 2000, providerMs: 1000, deadlineMs: 800 },
      request: { maxBodyBytes: 4 * 1024 * 1024, maxKeys: 10_000, maxKeyBytes: 1024 },
      caches: { factsBytes: 64 * 1024 * 1024, verdictsBytes: 16 * 1024 * 1024 },
      verdictTtl: { acceptedMs: 60_000, refusedMs: 5_000 },
      freshnessMs: 10_000,
      revocation: { allowedHosts: [], maxBytes: 64 * 1024 * 1024 },
      concurrency: { perRegistry: 8, total: 64 },
      tenancy: { floor: false },
      keys: { maxStaleMs: 86_400_000 },
      cluster: { unreadyAfterMs: 300_000 },
      servingCertificate: undefined,
      uncovered: undefined,
      families: { kritis: {}, acr: {}, oke: {} },
      registries: new Map(),
      warnings: [],
    });
  });

  it('keep every default that a file does not name', async () => {
    expect(await load('caches: { factsMiB: 1 }\n')).toEqual({
      ...(await loadSettings()),
      caches: { factsBytes: 1024 * 1024, verdictsBytes: 16 * 1024 * 1024 },
    });
  });

  it.each([
    [3, 1700, 800],
    [4, 2550, 1700],
    [10, 7650, 6800],
    [30, 24_650, 23_800],
  ])('derive every deadline from a webhook timeout of %i s', async (seconds, validating, mutating) => {
    const settings = await load(`webhookTimeoutSeconds: ${seconds}\n`);
    expect([settings.validating.deadlineMs, settings.mutating.deadlineMs]).toEqual([validating, mutating]);
  });

  it('know a registry by its exact host', async () => {
    const settings = await load('registries:\n  r.example:5000: { caFile: ca.pem, tokenServers: [auth.example] }\n', { 'ca.pem': PEM });
    const { ca, tokenServers } = registrySettings(settings, { plainHttp: false });
    expect([ca('r.example:5000'), tokenServers('r.example:5000')]).toEqual([PEM, ['auth.example']]);
    expect(['r.example', 'x.r.example:5000', '__proto__'].map((host) => [ca(host), tokenServers(host)])).toEqual(
      Array(3).fill([undefined, []]),
    );
  });

  it('warn of keys that nobody knows', async () => {
    const { warnings } = await load('cache: {}\nregistries: { r.example: { insecure: true } }\n');
    expect(warnings.map((warning) => warning.slice(warning.indexOf(': ') + 2))).toEqual([
      'unknown setting cache has no effect',
      'unknown setting registries.r.example.insecure has no effect',
    ]);
  });

  it.each<[string, string, string]>([
    ['a timeout too short to derive deadlines from', 'webhookTimeoutSeconds: 2', 'webhookTimeoutSeconds: expected at least 3, found 2'],
    ['a timeout that Kubernetes does not allow', 'webhookTimeoutSeconds: 31', 'webhookTimeoutSeconds: expected at most 30'],
    ['a text for a number', 'freshnessSeconds: "10"', 'freshnessSeconds: expected a number, found a string'],
    ['refusals kept for longer than 5 s', 'verdicts: { refusedSeconds: 6 }', 'verdicts.refusedSeconds: expected at most 5'],
    ['no cache at all', 'caches: { factsMiB: 0 }', 'caches.factsMiB: expected at least 1'],
    ['a registry that is no host', 'registries: { "https://r": {} }', 'registries.https://r'],
    ['both spellings of a root', `registries: { r: { ca: ${JSON.stringify(PEM)}, caFile: x } }`, 'expected ca or caFile, found both'],
    ['a root that is no certificate', 'registries: { r: { ca: hello } }', 'expected PEM certificates in ca, found none'],
    ['a file of roots that is not there', 'registries: { r: { caFile: gone.pem } }', 'gone.pem: cannot be read'],
    ['a namespace that is none', 'ownNamespace: A/B', 'ownNamespace: expected'],
    ['a list', '- a', 'settings: expected a map, found a list'],
    ['what is not YAML', 'a: [', ':1: not YAML'],
    ['a key twice', 'freshnessSeconds: 1\nfreshnessSeconds: 2', ':2: not YAML: Map keys must be unique'],
  ])('refuse %s', async (_case, text, message) => {
    await expect(load(text)).rejects.toMatchObject({ code: 'SETTINGS_INVALID', message: expect.stringContaining(message) });
  });

  it('refuse a file that is not there', async () => {
    await expect(loadSettings('/nowhere/settings.yaml')).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
  });
});
