import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { issueServingCertificate } from '../../src/cli/serving-certificate.ts';
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts';
import { keepServingCertificate, type ServingCertificate, type ServingTimes } from '../../src/kube/serving-certificate.ts';
import { bundleOf, readServingState } from '../../src/kube/serving-secret.ts';
import { FakeApiServer, type Fault, refuse } from '../fakes/api-server.ts';
import { recordedLog, until } from './world.ts';

const SECRETS = '/api/v1/secrets';
const PROVIDERS = '/apis/externaldata.gatekeeper.sh/v1beta1/providers';
const NAMESPACE = 'gatekeeper-system';
const HOSTS = ['countersign.gatekeeper-system.svc', '127.0.0.1'];
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

let server: FakeApiServer;
let client: KubeClient;
let clock: { at: number };
let kept: ServingCertificate[];
let logged: Record<string, unknown>[];

beforeEach(async () => {
  server = await FakeApiServer.start();
  client = createKubeClient({ env: { KUBECONFIG: server.kubeconfig } });
  clock = { at: Date.now() };
  kept = [];
  logged = [];
  for (const name of ['verify', 'mutate']) server.put(PROVIDERS, { metadata: { name }, spec: { url: `https://x/${name}`, timeout: 2 } });
});

afterEach(async () => {
  for (const one of kept) await one.close();
  await client.close();
  await server.dispose();
});

const keep = async (over: { hosts?: readonly string[]; times?: Partial<ServingTimes> } = {}): Promise<ServingCertificate> => {
  const { log, lines } = recordedLog();
  logged = lines;
  const one = await keepServingCertificate({
    client,
    namespace: NAMESPACE,
    secret: 'serving',
    hosts: over.hosts ?? HOSTS,
    providers: ['verify', 'mutate'],
    days: 90,
    issue: issueServingCertificate,
    log,
    clock: { now: () => clock.at, monotonic: () => clock.at },
    times: { lookMs: 10, ...over.times },
  });
  kept.push(one);
  return one;
};
const state = () => readServingState(server.get(SECRETS, 'serving', NAMESPACE));
const bundle = (name: string): string =>
  Buffer.from((server.get(PROVIDERS, name)?.spec as { caBundle?: string } | undefined)?.caBundle ?? '', 'base64').toString('utf8');
const authorities = (name: string) => bundle(name).match(/BEGIN CERTIFICATE/g)?.length ?? 0;
const writes = () => server.seen.filter(({ method }) => method !== 'GET');
const settle = () => new Promise((resolve) => setTimeout(resolve, 100));
const refusing =
  (matches: (path: string, method: string) => boolean): Fault =>
  ({ path, method }, res) => {
    if (!matches(path, method)) return false;
    refuse(res, 403, 'Forbidden');
    return true;
  };

describe('a serving certificate that is kept', () => {
  it('is made, shared through the Secret, and trusted by the Providers', async () => {
    const { cert, key } = (await keep()).current();
    const certificate = new X509Certificate(cert);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect([certificate.checkHost('countersign.gatekeeper-system.svc'), certificate.checkIP('127.0.0.1')]).toEqual([
      'countersign.gatekeeper-system.svc',
      '127.0.0.1',
    ]);
    expect(state()?.active).toMatchObject({ cert, key });
    for (const name of ['verify', 'mutate']) expect(certificate.verify(new X509Certificate(bundle(name)).publicKey)).toBe(true);
    expect(server.get(PROVIDERS, 'verify')?.spec).toMatchObject({ url: 'https://x/verify', timeout: 2 });
  });

  it('is taken as it is by who comes later, and written once', async () => {
    const first = (await keep()).current();
    const before = writes().length;
    expect((await keep()).current()).toEqual(first);
    await settle();
    expect(writes()).toHaveLength(before);
  });

  it('is one for replicas that start at one time', async () => {
    const all = await Promise.all([keep(), keep(), keep()]);
    await settle();
    expect(new Set(all.map((one) => one.current().cert)).size).toBe(1);
    expect(bundle('verify')).toBe(state()?.active.ca);
  });

  it.each<[string, Record<string, string> | undefined]>([
    ['is empty', undefined],
    ['holds something else', { 'tls.crt': 'bm90IFBFTQ==', 'tls.key': 'bm90IFBFTQ==', 'ca.crt': 'bm90IFBFTQ==' }],
  ])('is put into a Secret that %s, without the right to create one', async (_case, data) => {
    server.put(SECRETS, { metadata: { name: 'serving', namespace: NAMESPACE, annotations: { theirs: 'stays' } }, ...(data && { data }) });
    server.faults.push(refusing((_path, method) => method === 'POST'));
    await keep();
    expect(state()).toBeDefined();
    expect(server.get(SECRETS, 'serving', NAMESPACE)?.metadata.annotations).toEqual({ theirs: 'stays' });
  });

  it('is renewed in three steps: the authority first, then the certificate, and the old authority goes a day later', async () => {
    const one = await keep();
    const first = one.current();
    clock.at += 61 * DAY_MS;
    await until('the next one', () => state()?.next !== undefined);
    await until('both authorities', () => authorities('verify') === 2 && authorities('mutate') === 2);
    await settle();
    expect(one.current()).toEqual(first);

    clock.at += 6 * MINUTE_MS;
    await until('the new one', () => one.current().cert !== first.cert);
    const second = one.current();
    expect(state()).toMatchObject({ active: second, next: undefined });
    expect(authorities('verify')).toBe(2);

    clock.at += DAY_MS + MINUTE_MS;
    await until('one authority', () => authorities('verify') === 1 && authorities('mutate') === 1);
    expect(new X509Certificate(second.cert).verify(new X509Certificate(bundle('verify')).publicKey)).toBe(true);
    await settle();
    expect(one.current()).toEqual(second);
  });

  it('is renewed once by several replicas, which all serve it then', async () => {
    const all = [await keep(), await keep(), await keep()];
    clock.at += 61 * DAY_MS;
    await until('the next one', () => state()?.next !== undefined);
    const next = state()?.next?.cert;
    await settle();
    expect(state()?.next?.cert).toBe(next);
    clock.at += 6 * MINUTE_MS;
    await until('the new one everywhere', () => all.every((one) => one.current().cert === next));
  });

  it('is not served before every Provider has its authority, unless the old one is over', async () => {
    const one = await keep();
    const first = one.current();
    server.faults.push(refusing((path, method) => method === 'PATCH' && path.endsWith('/mutate')));
    clock.at += 61 * DAY_MS;
    await until('the next one', () => state()?.next !== undefined);
    clock.at += 10 * MINUTE_MS;
    await settle();
    expect(one.current()).toEqual(first);
    expect(logged.some(({ msg, provider }) => String(msg).includes('cannot be told') && provider === 'mutate')).toBe(true);
    clock.at += 30 * DAY_MS;
    await until('the new one', () => one.current().cert !== first.cert);
  });

  it('is renewed for other hosts', async () => {
    const first = (await keep()).current();
    await kept.pop()?.close();
    const one = await keep({ hosts: ['other.gatekeeper-system.svc'] });
    await until('the next one', () => state()?.next !== undefined);
    clock.at += 6 * MINUTE_MS;
    await until('the new one', () => one.current().cert !== first.cert);
    expect(new X509Certificate(one.current().cert).checkHost('other.gatekeeper-system.svc')).toBe('other.gatekeeper-system.svc');
  });

  it('puts the authority back that somebody took out of a Provider, and gives it to one that comes later', async () => {
    server.delete(PROVIDERS, 'mutate');
    await keep();
    expect(authorities('verify')).toBe(1);
    server.put(PROVIDERS, { metadata: { name: 'verify' }, spec: { url: 'https://x/verify', timeout: 2, caBundle: 'b2xk' } });
    server.put(PROVIDERS, { metadata: { name: 'mutate' }, spec: { url: 'https://x/mutate', timeout: 1 } });
    await until('the authority in both', () => authorities('verify') === 1 && authorities('mutate') === 1);
  });

  it('stays as it is while the API server is gone', async () => {
    const one = await keep();
    const before = one.current();
    await server.stop();
    clock.at += 61 * DAY_MS;
    await until('a warning', () => logged.some(({ msg }) => String(msg).includes('cannot be looked after')));
    expect(one.current()).toEqual(before);
  });

  it('is waited for at the start, and not for ever', async () => {
    server.faults.push(refusing((path) => path.includes('/secrets/')));
    const waiting = keep({ times: { firstMs: 1000 } });
    const failure = expect(waiting).rejects.toMatchObject({ code: 'CLUSTER_DENIED' });
    setTimeout(() => {
      clock.at += 2000;
    }, 100);
    await failure;
  });

  it('never shows a key', async () => {
    await keep();
    clock.at += 61 * DAY_MS;
    await until('the next one', () => state()?.next !== undefined);
    expect(JSON.stringify(logged)).not.toMatch(/PRIVATE KEY/);
    for (const { path, body } of writes())
      if (path.includes('providers')) expect(JSON.stringify(body)).not.toMatch(/PRIVATE|S0tLS1CRUdJTiBQUk/);
    const now = state();
    expect(now === undefined ? '' : bundleOf(now)).not.toMatch(/PRIVATE/);
  });
});
