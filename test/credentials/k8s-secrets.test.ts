import { describe, expect, it } from '@jest/globals';
import { k8Secrets, secretCredentials } from '../../src/credentials/k8s-secrets.ts';
import type { SecretData } from '../../src/engine/types.ts';
import { clusterOf, secretOf } from '../keys/world.ts';

const signal = new AbortController().signal;
const HOST = 'registry.example:5000';
const OWN = { namespace: 'gatekeeper-system', confined: false };
const TENANT = { namespace: 'team-a', confined: true };

const auths = (username: string, host = HOST) => ({ [host]: { auth: Buffer.from(`${username}:secret`).toString('base64') } });
const pullSecret = (username: string, host = HOST) =>
  secretOf({ '.dockerconfigjson': JSON.stringify({ auths: auths(username, host) }) }, '1', 'kubernetes.io/dockerconfigjson');
const olderSecret = (username: string) => secretOf({ '.dockercfg': JSON.stringify(auths(username)) }, '1', 'kubernetes.io/dockercfg');

type Secrets = Record<string, SecretData | Error>;
type Accounts = Record<string, readonly string[] | Error>;

function provider(declared: unknown, secrets: Secrets, accounts: Accounts = {}, home: { namespace: string; confined: boolean } = OWN) {
  const time = { now: 1_000_000 };
  const clock = { now: () => time.now, monotonic: () => time.now };
  const cluster = clusterOf(secrets, accounts);
  const made = secretCredentials(k8Secrets.parameters.parse(declared) as Parameters<typeof secretCredentials>[0], home, cluster, clock);
  return { cluster, secrets, accounts, time, get: (registry = HOST) => made.get(registry, signal) };
}

const user = async (found: Promise<unknown>) => ((await found) as { username?: string } | undefined)?.username;

describe('credentials out of pull secrets', () => {
  it.each<[string, unknown, Secrets, Accounts, string | undefined]>([
    ['a Secret that is named', { secrets: [{ secretName: 's' }] }, { 'gatekeeper-system/s': pullSecret('named') }, {}, 'named'],
    [
      'a Secret of the namespace that is named',
      { secrets: [{ secretName: 's', namespace: 'other' }] },
      { 'other/s': pullSecret('other'), 'gatekeeper-system/s': pullSecret('own') },
      {},
      'other',
    ],
    ['a Secret in the older form', { secrets: [{ secretName: 's' }] }, { 'gatekeeper-system/s': olderSecret('older') }, {}, 'older'],
    [
      'the first of several that has the host',
      { secrets: [{ secretName: 'a' }, { secretName: 'b' }, { secretName: 'c' }] },
      {
        'gatekeeper-system/a': pullSecret('a', 'elsewhere.example'),
        'gatekeeper-system/b': pullSecret('b'),
        'gatekeeper-system/c': pullSecret('c'),
      },
      {},
      'b',
    ],
    ['the default service account', {}, { 'gatekeeper-system/p': pullSecret('pulled') }, { 'gatekeeper-system/default': ['p'] }, 'pulled'],
    [
      'the service account that is named',
      { serviceAccountName: 'ratify-admin' },
      { 'gatekeeper-system/p': pullSecret('admin') },
      { 'gatekeeper-system/ratify-admin': ['p'] },
      'admin',
    ],
    [
      'a Secret that is named before those of the service account',
      { secrets: [{ secretName: 's' }] },
      { 'gatekeeper-system/s': pullSecret('named'), 'gatekeeper-system/p': pullSecret('pulled') },
      { 'gatekeeper-system/default': ['p'] },
      'named',
    ],
    [
      'a service account, past a Secret that is not there',
      {},
      { 'gatekeeper-system/q': pullSecret('second') },
      { 'gatekeeper-system/default': ['p', 'q'] },
      'second',
    ],
    [
      'nothing for another host',
      { secrets: [{ secretName: 's' }] },
      { 'gatekeeper-system/s': pullSecret('x', 'y.example') },
      {},
      undefined,
    ],
    ['nothing where no service account is', {}, {}, {}, undefined],
    [
      'a Secret that is named, where service accounts may not be read',
      { secrets: [{ secretName: 's' }] },
      { 'gatekeeper-system/s': pullSecret('named') },
      { 'gatekeeper-system/default': new Error('403') },
      'named',
    ],
  ])('come from %s', async (_case, declared, secrets, accounts, expected) => {
    expect(await user(provider(declared, secrets, accounts).get())).toBe(expected);
  });

  it.each<[string, unknown, Secrets, Accounts, RegExp]>([
    ['a named Secret is not there', { secrets: [{ secretName: 's' }] }, {}, {}, /^Secret gatekeeper-system\/s is not there$/],
    ['a named service account is not there', { serviceAccountName: 'x' }, {}, {}, /^service account gatekeeper-system\/x is not there$/],
    [
      'the Secret is no pull secret',
      { secrets: [{ secretName: 's' }] },
      { 'gatekeeper-system/s': secretOf({ password: 'hunter2' }) },
      {},
      /is no pull secret/,
    ],
    [
      'the Secret is no JSON',
      { secrets: [{ secretName: 's' }] },
      { 'gatekeeper-system/s': secretOf({ '.dockerconfigjson': 'hunter2' }) },
      {},
      /is not a JSON object/,
    ],
    [
      'the API server cannot be asked',
      { secrets: [{ secretName: 's' }] },
      { 'gatekeeper-system/s': new Error('down') },
      {},
      /cannot be read: down/,
    ],
    ['service accounts may not be read and nothing else is named', {}, {}, { 'gatekeeper-system/default': new Error('403') }, /403/],
  ])('are CREDENTIALS_INVALID, without what is secret, where %s', async (_case, declared, secrets, accounts, message) => {
    const failure = await provider(declared, secrets, accounts)
      .get()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'CREDENTIALS_INVALID', message: expect.stringMatching(message) });
    expect(String(failure)).not.toContain('hunter2');
  });

  it('are read again after ten seconds, and not before', async () => {
    const { cluster, secrets, time, get } = provider({ secrets: [{ secretName: 's' }] }, { 'gatekeeper-system/s': pullSecret('old') });
    expect(await user(get())).toBe('old');
    secrets['gatekeeper-system/s'] = pullSecret('new');
    const asked = cluster.asked.length;
    time.now += 9_000;
    expect([await user(get()), cluster.asked.length]).toEqual(['old', asked]);
    time.now += 2_000;
    expect(await user(get())).toBe('new');
  });

  it('are used for twelve hours while they cannot be read again, and no longer', async () => {
    const { secrets, time, get } = provider({ secrets: [{ secretName: 's' }] }, { 'gatekeeper-system/s': pullSecret('old') });
    expect(await user(get())).toBe('old');
    secrets['gatekeeper-system/s'] = new Error('down');
    time.now += 11.9 * 3_600_000;
    expect(await user(get())).toBe('old');
    time.now += 0.2 * 3_600_000;
    await expect(get()).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' });
  });

  it('are not used any more once the Secret is deleted', async () => {
    const { secrets, time, get } = provider({ secrets: [{ secretName: 's' }] }, { 'gatekeeper-system/s': pullSecret('old') });
    expect(await user(get())).toBe('old');
    delete secrets['gatekeeper-system/s'];
    time.now += 61_000;
    await expect(get()).rejects.toMatchObject({ message: 'Secret gatekeeper-system/s is not there' });
  });

  it('are read once for many who ask at one time', async () => {
    const { cluster, get } = provider({ secrets: [{ secretName: 's' }] }, { 'gatekeeper-system/s': pullSecret('x') });
    await Promise.all(Array.from({ length: 50 }, () => get()));
    expect(cluster.asked.length).toBe(2);
  });

  it("of a tenant's Store come from its own namespace", async () => {
    const declared = { secrets: [{ secretName: 's' }, { secretName: 't', namespace: 'team-a' }] };
    const secrets = { 'team-a/s': pullSecret('x', 'other.example'), 'team-a/t': pullSecret('tenant') };
    const { cluster, get } = provider(declared, secrets, { 'team-a/default': [] }, TENANT);
    expect(await user(get())).toBe('tenant');
    expect(cluster.asked).toEqual(['team-a/s', 'team-a/t', 'team-a/default']);
  });

  it.each(['team-b', 'gatekeeper-system'])("A-T-03 are refused to a tenant's Store that names a Secret of %s", (namespace) => {
    const { cluster, ...rest } = { cluster: clusterOf({}), declared: { secrets: [{ secretName: 's', namespace }] } };
    const create = () => k8Secrets.create({ name: 'x', parameters: k8Secrets.parameters.parse(rest.declared), home: TENANT, cluster });
    expect(create).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', path: 'spec.parameters.authProvider.secrets[0].namespace' }));
    expect(cluster.asked).toEqual([]);
  });

  it('say that there is no cluster, where there is none', async () => {
    const made = k8Secrets.create({ name: 'x', parameters: k8Secrets.parameters.parse({}) });
    await expect(made.get(HOST, signal)).rejects.toMatchObject({ message: expect.stringContaining('serve --kube') });
  });

  it.each(['..', 'a/b', 'A', ''])('do not take %p for the name of a Secret', (secretName) => {
    expect(k8Secrets.parameters.safeParse({ secrets: [{ secretName }] }).success).toBe(false);
  });
});
